"""What a transfer order must never do, refused by the database by name, whatever the code does."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from base.db import Database
from payment import store as payments
from payment.ledger import Entry, Journal, JournalKind
from payment.transfers.model import Order
from tests.payment.making import a_refund
from tests.payment.transfers.making import IBAN, Desk, fail, open_desk

SET = "UPDATE transfer_order SET {} WHERE id = $1"
INSERT = """
    INSERT INTO transfer_order (id, refund_id, payment_id, amount_cents, status, purpose, lines, token_sha256, created_at, changed_at)
    VALUES (gen_random_uuid(), $1::uuid, $2, $3, $4, 'x', jsonb_build_array(jsonb_build_object('product', 'fees', 'amount_cents', $3::int)),
            decode(md5($1::uuid::text), 'hex'), now(), now())"""


@pytest.fixture
async def desk(db: Database) -> Desk:
    return await open_desk(db)


async def change(desk: Desk, order: Order, what: str) -> str | None:
    return await desk.refusal(SET.format(what), order.id)


async def test_an_order_is_of_a_refund_that_failed_for_good(desk: Desk) -> None:
    await desk.paid()
    refund = a_refund()
    async with desk.db.transaction() as conn:
        await payments.insert_refund(conn, refund)
    asked = (refund.id, refund.payment_id, 1300, "asked")
    assert await desk.refusal(INSERT, *asked) == "transfer_order_of_failed"  # it may still arrive
    async with desk.db.transaction() as conn:
        await conn.execute("UPDATE refund SET status = 'submitted'")
        await conn.execute("UPDATE refund SET status = 'failed', retry_at = now()")
    assert await desk.refusal(INSERT, *asked) == "transfer_order_of_failed"  # tried anew
    async with desk.db.transaction() as conn:
        await conn.execute("UPDATE refund SET retry_at = NULL")
    assert await desk.refusal(INSERT, *asked[:2], 1299, "asked") == "transfer_order_of_failed"
    assert await desk.refusal(INSERT, *asked[:3], "approved") == "transfer_order_of_failed"
    assert await desk.refusal(INSERT, *asked) == "transfer_order_booked"  # without its journal


async def test_it_is_not_more_than_is_left(desk: Desk) -> None:
    await desk.paid()
    async with desk.db.transaction() as conn:
        await fail(conn, a_refund())
        await payments.insert_refund(conn, a_refund(id=UUID(int=777), amount_cents=1))
    refused = await desk.refusal(INSERT, UUID(int=501), UUID(int=1), 1300, "asked")
    assert refused == "payment_refund_within_captured"


async def test_terms_ways_and_rows_stay(desk: Desk) -> None:
    order = await desk.given()
    assert await change(desk, order, "amount_cents = 1") == "transfer_order_terms_fixed"
    assert await change(desk, order, "purpose = 'y'") == "transfer_order_terms_fixed"
    for status in ("approved", "exported", "paid", "returned"):
        assert await change(desk, order, f"status = '{status}'") == "transfer_order_graph"
    assert await change(desk, order, "holder = NULL") == "transfer_order_account_whole"
    assert await change(desk, order, "iban = NULL, holder = NULL") == "transfer_order_account_given"
    assert await change(desk, order, "status = 'assessed'") == "transfer_order_assessed"
    assert await desk.refusal("DELETE FROM transfer_order") == "transfer_order_never_deleted"
    assert await desk.refusal("TRUNCATE transfer_order CASCADE") == "transfer_order_never_deleted"
    assert await desk.refusal("UPDATE refund SET transfer_status = NULL") == "refund_transfer_by_orders"
    assert await desk.refusal("UPDATE transfer_step SET note = 'x'") is not None
    assert await desk.refusal("DELETE FROM transfer_step") is not None


async def test_the_same_person_never_does_two(desk: Desk) -> None:
    order, ada, toni = await desk.given(), desk.people["ada"], desk.people["toni"]
    await desk.transfers.assess(order.id, by=ada)
    ordered = "status = 'approved', approved_at = now(), due_on = now(), budget_year = 2026, approved_by = {}"
    assert await change(desk, order, ordered.format(ada)) == "transfer_order_four_eyes"
    assert await change(desk, order, ordered.format("NULL")) == "transfer_order_approved"
    assert await change(desk, order, "iban = decode('00', 'hex')") == "transfer_order_account_fixed"
    await desk.transfers.approve(order.id, by=toni)
    assert await change(desk, order, f"assessed_by = {desk.people['luca']}") == "transfer_order_decided_once"
    assert await change(desk, order, "due_on = due_on + 1") == "transfer_order_decided_once"
    assert await change(desk, order, "status = 'exported'") == "transfer_order_in_file"


FILE = """
    INSERT INTO transfer_file (number, id, made_by, made_at, execute_on, account_name, account_iban, orders, sum_cents, sha256, content)
    VALUES ($1, gen_random_uuid(), $2, now(), now(), 'x', 'x', $3, $4, sha256('x'), 'x')"""


async def test_a_file_has_its_orders_and_no_other(desk: Desk) -> None:
    order, noa = await desk.approved(), desk.people["noa"]
    assert await desk.refusal(FILE, 2, noa, 1, 1300) == "transfer_file_gapless"
    assert await desk.refusal(FILE, 1, noa, 0, 0) == "transfer_file_not_empty"
    assert await desk.refusal(FILE, 1, noa, 1, 1300) == "transfer_file_adds_up"
    sent = f"status = 'exported', file = {{}}, sent_at = now() WHERE id = '{order.id}'"

    async def both(by: int, cents: int, item: int) -> str | None:
        return await desk.refusal(
            f"""DO $$ BEGIN
              INSERT INTO transfer_file VALUES
                (1, gen_random_uuid(), {by}, now(), now(), 'x', 'x', 1, {cents}, 'x', sha256('x'));
              INSERT INTO transfer_file_item VALUES (1, 1, '{order.id}', gen_random_uuid(), {item});
            END $$"""
        )

    assert await both(desk.people["toni"], 1300, 1300) == "transfer_file_by_another"  # who ordered it
    assert await both(desk.people["ada"], 1300, 1300) == "transfer_file_by_another"  # who assessed it
    assert await both(noa, 1300, 1200) == "transfer_file_item_approved"
    assert await both(noa, 1300, 1300) == "transfer_file_of_its_orders"  # it was not marked
    made = await desk.files.make(by=noa, key=uuid4())
    for what in ("sum_cents = 1", "content = 'y'", "sha256 = sha256('y')", "made_by = 1"):
        assert await desk.refusal(f"UPDATE transfer_file SET {what}") is not None
    assert await desk.refusal("DELETE FROM transfer_file") is not None
    assert await desk.refusal("UPDATE transfer_file_item SET amount_cents = 1") is not None
    assert await desk.refusal(f"UPDATE transfer_order SET {sent.format(made.number)}") is None  # as it is
    other = await desk.approved(number=2)
    refused = await change(desk, other, f"status = 'exported', file = {made.number}, sent_at = now()")
    assert refused == "transfer_order_is_item"


async def test_books_and_orders_never_part(desk: Desk) -> None:
    order = await desk.exported()
    paid = "status = 'paid', paid_at = now()"
    assert await change(desk, order, paid) == "transfer_order_booked"  # without its journal
    await desk.arrived(order)
    again = Journal(
        JournalKind.TRANSFER_PAID,
        order.payment_id,
        order.refund_id,
        (Entry("transfer_payable", 1300), Entry("bank", -1300)),
    )
    for kind, rule in (
        (JournalKind.TRANSFER_PAID, "journal_of_transfer_once"),
        (JournalKind.TRANSFER_OWED, "journal_once"),
    ):
        refused = None
        try:
            async with desk.db.transaction() as conn:
                wrong = Journal(kind, again.payment_id, again.refund_id, again.entries)
                await payments.insert_journal(conn, wrong, desk.clock())
        except Exception as error:
            refused = getattr(error, "constraint_name", None)
        assert refused == rule
    sql = """
        INSERT INTO journal (kind, payment_id, at, reverses)
        SELECT 'reversal', payment_id, now(), id FROM journal WHERE kind = 'transfer_owed'"""
    assert await desk.refusal(sql) == "journal_of_transfer_by_order"


async def test_no_second_refund_beside_it(desk: Desk) -> None:
    await desk.failed()
    async with desk.db.transaction() as conn:
        payment = await payments.find_payment(conn, UUID(int=1))
        assert payment is not None
        assert not payment.refundable
    sql = """
        INSERT INTO refund (id, payment_id, amount_cents, reason, status, attempt_at, created_at)
        VALUES (gen_random_uuid(), $1, 1, 'lost_slot', 'approved', now(), now())"""
    assert await desk.refusal(sql, UUID(int=1)) == "payment_refund_within_captured"


async def test_bank_data_are_sealed_in_every_table(desk: Desk) -> None:
    await desk.exported()
    async with desk.db.connection() as conn:
        tables = ("transfer_order", "transfer_step", "transfer_file", "transfer_file_item", "journal", "refund")
        for table in tables:
            for row in await conn.fetch(f"SELECT to_jsonb(t)::text AS text FROM {table} t"):
                assert IBAN not in row["text"]
                assert IBAN.encode().hex() not in row["text"]
                assert "ermann" not in row["text"]


async def test_only_a_lost_dispute_overtakes_what_has_failed_and_no_transfer_is_open(desk: Desk) -> None:
    order = await desk.given()
    overtake = "UPDATE refund SET status = 'overtaken' WHERE id = $1"
    assert await desk.refusal(overtake, order.refund_id) == "refund_overtaken_by_loss"
    async with desk.db.transaction() as conn:
        await conn.execute(
            """
            WITH d AS (
              INSERT INTO dispute (payment_id, provider_id, status, reason, amount_cents, taken_cents, opened_at, closed_at, created_at)
              VALUES ($1, 'dp_1', 'lost', 'fraudulent', 1300, 1300, now(), now(), now()) RETURNING id),
            j AS (
              INSERT INTO journal (kind, payment_id, dispute_id, at) SELECT 'dispute', $1, id, now() FROM d RETURNING id)
            INSERT INTO entry (journal_id, account, amount_cents)
            SELECT id, a, c FROM j, (VALUES ('dispute_receivable', 1300), ('psp_clearing', -1300)) e (a, c)""",
            order.payment_id,
        )
    assert await desk.refusal(overtake, order.refund_id) == "refund_overtaken_by_loss"  # a transfer is open
    assert await desk.refusal("UPDATE refund SET status = 'succeeded' WHERE id = $1", order.refund_id) is not None
    async with desk.db.transaction() as conn:
        assert await desk.transfers.cancel_for(conn, order.payment_id, "dp_1") == 1
    assert await desk.refusal(overtake, order.refund_id) is None


async def test_a_refund_at_the_provider_names_it_and_is_there_once(desk: Desk) -> None:
    payment = await desk.paid()
    insert = """
        INSERT INTO refund (id, payment_id, amount_cents, reason, status, provider_id, attempt_at, created_at)
        VALUES (gen_random_uuid(), $1, 1, $2, 'approved', $3, now(), now())"""
    assert await desk.refusal(insert, payment.id, "at_provider:re_1", "re_2") == "refund_at_provider_is_that_one"
    assert await desk.refusal(insert, payment.id, "at_provider", "re_1") == "refund_at_provider_is_that_one"
    assert await desk.refusal(insert, payment.id, "at_provider:re_1", None) == "refund_at_provider_is_that_one"
    assert await desk.refusal(insert, payment.id, "moved:re_1", "re_1") == "refund_at_provider_is_that_one"
    assert await desk.refusal(insert, payment.id, "gift", None) == "refund_reason"
    assert await desk.refusal(insert, payment.id, "at_provider:re_1", "re_1") is None
    assert await desk.refusal(insert, payment.id, "at_provider:re_2", "re_2") is None
    assert await desk.refusal(insert, payment.id, "at_provider:re_1", "re_1") is not None


async def test_two_persons_know_of_a_refund_at_the_provider(desk: Desk) -> None:
    made = """
        INSERT INTO difference (cause, subject, day, proposal, opened_at)
        VALUES ('refund_at_provider', 'refund:re_1', now(), 'acknowledge', now())"""
    assert await desk.refusal(made) is None
    ended = "UPDATE difference SET state = 'explained', ended_at = now()"
    assert await desk.refusal(ended) == "difference_written_off_by_two"
    asked = """
        INSERT INTO difference_request (id, difference_id, proposal, note, requested_by, requested_at)
        SELECT gen_random_uuid(), id, 'acknowledge', 'x', $1, now() FROM difference"""
    assert await desk.refusal(asked, desk.people["toni"]) is None
    decided = "UPDATE difference_request SET decided_by = $1, decided_at = now(), approved = true"
    assert await desk.refusal(decided, desk.people["toni"]) == "difference_request_four_eyes"
    assert await desk.refusal(decided, desk.people["luca"]) is None
    assert await desk.refusal(ended) is None


LETTER = "INSERT INTO transfer_letter (order_id, round, print_id, code_hmac) VALUES ($1, $2, $3, $4)"


async def test_a_letter_is_printed_once_for_each_time_that_somebody_is_asked(desk: Desk) -> None:
    order, run = await desk.failed(), uuid4()
    async with desk.db.transaction() as conn:
        sql = """
            INSERT INTO office (key, name, street, postcode, place, latitude, longitude, is_step_free, directions, time_zone)
            VALUES ('mitte', jsonb_build_object('de', 'Mitte'), 'Weg 1', '70173', 'Stuttgart', 48.7, 9.1, true, '{}', 'Europe/Berlin')
            RETURNING id"""
        office = await conn.fetchval(sql)
        sql = "INSERT INTO transfer_print (id, office_id, made_by, made_at) VALUES ($1, $2, $3, now())"
        await conn.execute(sql, run, office, desk.people["ada"])
    assert await desk.refusal(LETTER, order.id, 2, run, b"x") == "transfer_letter_of_asked"  # not asked a second time
    assert await desk.refusal(LETTER, order.id, 1, run, b"x") is None
    assert await desk.refusal(LETTER, order.id, 1, run, b"y") == "transfer_letter_once"
    other = await desk.given(number=2)
    assert await desk.refusal(LETTER, other.id, 1, run, b"z") == "transfer_letter_of_asked"  # has answered
    third = await desk.failed(number=3)
    assert await desk.refusal(LETTER, third.id, 1, run, b"x") == "transfer_letter_code_once"
    for table in ("transfer_letter", "transfer_print"):
        assert await desk.refusal(f"DELETE FROM {table}") is not None
        assert await desk.refusal(f"TRUNCATE {table} CASCADE") is not None


async def test_a_price_stays_as_it_was_entered(desk: Desk) -> None:
    insert = """
        INSERT INTO provider_price (provider, method, percent_bp, fixed_cents, tolerance_cents, valid_from, set_by, set_at)
        VALUES ('stripe', $1, $2, $3, $4, now(), $5, now())"""
    kim = desk.people["ada"]
    assert await desk.refusal(insert, "card", 150, 25, 1, kim) is None
    for values, rule in (
        (("Karte!", 150, 25, 1), "provider_price_method"),
        (("card", 10_001, 25, 1), "provider_price_percent"),
        (("card", 150, -1, 1), "provider_price_fixed"),
        (("card", 150, 25, 1001), "provider_price_tolerance"),
    ):
        assert await desk.refusal(insert, *values, kim) == rule
    assert await desk.refusal("UPDATE provider_price SET fixed_cents = 1") is not None
    assert await desk.refusal("DELETE FROM provider_price") is not None
