"""Who came is forgotten, all of it; that somebody came, and what was paid, is not. Real database, and around the code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from base.db import Connection, Database
from base.errors import NotFound
from booking.appointments.lifecycle import HoldOver, TooLate
from booking.appointments.model import AppointmentStatus
from payment import store as payments_store
from payment.ledger import fee_journal
from payment.model import ERASED_NOTE, PaymentStatus, RefundReason, RefundStatus
from tests.booking.appointments.world import ANNA, NINE, CaseWorld, case_world
from tests.booking.availability.city import TUESDAY, at
from tests.payment.making import a_payment, a_refund
from tests.payment.transfers.making import HOLDER, IBAN, fail, open_desk

S = AppointmentStatus


@pytest.fixture
async def world(db: Database) -> AsyncIterator[CaseWorld]:
    async with case_world(db) as made:
        yield made


async def booked(world: CaseWorld) -> UUID:
    ident = (await world.create()).case.id
    await world.paid(ident)
    return ident


async def clerks(db: Database) -> tuple[int, int]:
    async with db.connection() as conn:
        rows = await conn.fetch(
            "INSERT INTO account (login, name, password_hash) VALUES ('toni', 'A', '$argon2id$'), ('luca', 'B', '$argon2id$') RETURNING id"
        )
    return rows[0]["id"], rows[1]["id"]


async def left(db: Database, ident: UUID) -> dict[str, int]:
    """What is still known of a person, in rows."""
    async with db.connection() as conn:
        return {
            "person": await conn.fetchval("SELECT count(*) FROM person WHERE appointment_id = $1", ident),
            "contents": await conn.fetchval(
                "SELECT count(*) FROM message WHERE reference = $1 AND contents IS NOT NULL", ident
            ),
            "answers": await conn.fetchval("SELECT count(*) FROM idempotency WHERE about = $1", ident),
            "tokens": await conn.fetchval(
                "SELECT count(*) FROM appointment WHERE id = $1 AND length(token_sealed) > 0", ident
            ),
        }


NOTHING = {"person": 0, "contents": 0, "answers": 0, "tokens": 0}


async def test_on_request_it_is_cancelled_and_who_came_goes(world: CaseWorld, db: Database) -> None:
    made = await world.create()
    await world.paid(ident := made.case.id)
    assert await left(db, ident) == {"person": 1, "contents": 1, "answers": 1, "tokens": 1}
    case = await world.appointments.erase(ident)
    assert (case.status, case.is_erased, case.contact.name, len(case.refunds)) == (S.CANCELLED, True, "", 1)
    assert await left(db, ident) == NOTHING
    assert await world.appointments.authorise(ident, made.token)  # the link still says what became of it
    assert await world.appointments.link(ident) == ""
    assert (await world.appointments.cancel(ident)).is_erased
    assert await world.appointments.names([ident]) == {}
    async with db.connection() as conn:
        journal = await conn.fetchval("SELECT count(*) FROM journal")
        at_first = await conn.fetchval("SELECT erased_at FROM appointment")
    assert journal > 0
    world.clock.advance(hours=1)
    await world.appointments.erase(ident)
    async with db.connection() as conn:
        assert await conn.fetchval("SELECT erased_at FROM appointment") == at_first


async def test_dead_messages_lose_their_contents_and_sent_ones_keep_their_status(
    world: CaseWorld, db: Database
) -> None:
    ident = await booked(world)
    async with db.connection() as conn:
        await conn.execute("UPDATE message SET status = 'dead'")
    await world.appointments.cancel(ident)
    async with db.connection() as conn:
        await conn.execute(
            "UPDATE message SET status = 'sent', contents = NULL WHERE template = 'appointment_cancelled'"
        )
    await world.appointments.erase(ident)
    async with db.connection() as conn:
        rows = await conn.fetch("SELECT status, contents FROM message ORDER BY status")
    assert [tuple(row) for row in rows] == [("dead", None), ("sent", None)]


async def test_what_has_begun_or_waits_for_the_provider_is_not_over(world: CaseWorld) -> None:
    ident = await booked(world)
    world.clock.set(NINE + timedelta(minutes=1))
    with pytest.raises(TooLate):
        await world.appointments.erase(ident)
    world.clock.set(at(TUESDAY, 12))
    assert (await world.appointments.erase(ident)).is_erased  # nobody closed it, and it is over with its time
    with pytest.raises(NotFound):
        await world.appointments.erase(uuid4())


async def test_some_time_after_the_end_it_goes_by_itself(world: CaseWorld, db: Database) -> None:
    forgotten, ident = await booked(world), (await world.create(at(TUESDAY, 10))).case.id
    await world.paid(ident)
    await world.appointments.cancel(ident)
    async with db.connection() as conn:
        await conn.execute("UPDATE appointment_history SET at = $1", world.clock())
    world.clock.advance(days=29)
    assert await world.appointments.erase_due() == 0
    world.clock.advance(days=1, minutes=1)
    assert (await world.appointments.case(ident)).refunds[0].status is RefundStatus.SUCCEEDED
    assert await world.appointments.erase_due() == 1  # the other one ended with its time, two hours later
    world.clock.advance(hours=3)
    assert await world.appointments.erase_due() == 1
    assert await left(db, forgotten) == NOTHING
    assert await world.appointments.erase_due() == 0


async def test_while_money_is_on_its_way_back_the_person_is_kept(world: CaseWorld, db: Database) -> None:
    ident = await booked(world)
    asking, deciding = await clerks(db)
    payment = (await world.appointments.case(ident)).payment
    assert payment is not None
    refund = await world.payments.propose_refund(payment.id, by=asking, note="Anna paid twice", key=uuid4())
    world.clock.advance(days=40)
    assert await world.appointments.erase_due() == 0
    await world.payments.reject_refund(payment.id, refund.id, by=deciding)
    assert await world.appointments.erase_due() == 1
    async with db.connection() as conn:
        assert await conn.fetchval("SELECT note FROM refund") == ERASED_NOTE


async def test_what_was_paid_twice_keeps_the_person_until_it_is_transferred(world: CaseWorld, db: Database) -> None:
    ident = await booked(world)
    desk = await open_desk(db)
    extra = a_payment(reference=ident, status=PaymentStatus.PAID, surplus=True, charge_id="pi_extra")
    refund = a_refund(payment_id=extra.id, reason=RefundReason.LOST_SLOT)
    async with db.transaction() as conn:
        await payments_store.insert_payment(conn, extra)
        await payments_store.insert_journal(conn, fee_journal(extra), world.clock())
        await fail(conn, refund)
        await desk.transfers.arise(conn, extra, refund)
    [order] = await desk.transfers.of_payment(extra.id)
    world.clock.advance(days=40)
    assert await world.appointments.erase_due() == 0
    await desk.transfers.give_account(order.id, holder=HOLDER, iban=IBAN)
    await desk.transfers.assess(order.id, by=desk.people["ada"])
    await desk.transfers.approve(order.id, by=desk.people["toni"])
    await desk.files.make(by=desk.people["noa"], key=uuid4())
    assert await world.appointments.erase_due() == 0
    await desk.arrived(await desk.transfers.get(order.id))
    assert await world.appointments.erase_due() == 1
    assert (await left(db, ident), (await desk.transfers.get(order.id)).iban) == (NOTHING, None)


async def test_on_request_an_open_requests_note_goes_once_it_is_decided(world: CaseWorld, db: Database) -> None:
    ident = await booked(world)
    asking, deciding = await clerks(db)
    payment = (await world.appointments.case(ident)).payment
    assert payment is not None
    refund = await world.payments.propose_refund(payment.id, by=asking, note="Anna paid twice", key=uuid4())
    world.clock.set(at(TUESDAY, 12))
    await world.appointments.erase(ident)
    assert await left(db, ident) == NOTHING
    assert await world.appointments.erase_due() == 0
    await world.payments.reject_refund(payment.id, refund.id, by=deciding)
    assert await world.appointments.erase_due() == 1
    async with db.connection() as conn:
        assert await conn.fetchval("SELECT note FROM refund") == ERASED_NOTE
    assert await world.appointments.erase_due() == 0


async def test_one_bad_case_does_not_keep_the_others(world: CaseWorld, db: Database) -> None:
    bad, good = await booked(world), (await world.create(at(TUESDAY, 10))).case.id
    await world.paid(good)
    async with db.connection() as conn:
        await conn.execute(f"ALTER TABLE appointment ADD CONSTRAINT bad CHECK (erased_at IS NULL OR id <> '{bad}')")
    world.clock.advance(days=40)
    assert await world.appointments.erase_due() == 1
    assert (await left(db, bad), await left(db, good)) == (
        {"person": 1, "contents": 1, "answers": 1, "tokens": 1},
        NOTHING,
    )


async def test_erasing_and_a_refund_at_once_leave_nothing_and_lose_no_money(world: CaseWorld, db: Database) -> None:
    ident = await booked(world)
    await asyncio.gather(*(world.appointments.erase(ident) for _ in range(4)), world.payments.sweep())
    await world.payments.sweep()
    assert await left(db, ident) == NOTHING
    assert (await world.appointments.case(ident)).refunds[0].status is RefundStatus.SUCCEEDED


async def test_an_answer_of_before_is_not_given_again(world: CaseWorld) -> None:
    hold = await world.hold(NINE)
    made = await world.appointments.create(hold.id, ANNA, "key")
    await world.appointments.cancel(made.case.id)
    await world.appointments.erase(made.case.id)
    with pytest.raises(HoldOver):
        await world.appointments.create(hold.id, ANNA, "key")


class TestSchema:
    """Around the code."""

    @pytest.fixture
    async def erased(self, world: CaseWorld) -> UUID:
        ident = await booked(world)
        await world.appointments.erase(ident)
        return ident

    @pytest.mark.parametrize(
        ("statement", "constraint"),
        [
            (
                "UPDATE appointment SET erased_at = NULL, token_sealed = 'x' WHERE id = $1",
                "appointment_erased_for_good",
            ),
            ("UPDATE appointment SET erased_at = now() WHERE id = $1", "appointment_erased_for_good"),
            ("UPDATE appointment SET token_sealed = 'x' WHERE id = $1", "appointment_erased_keeps_no_token"),
            ("INSERT INTO person (appointment_id, name, email) VALUES ($1, 'x', 'x')", "person_of_erased"),
            (
                "INSERT INTO message (key, reference, template, channel, language, contents, due_at)"
                " VALUES ('x', $1, 'call_link', 'email', 'de', 'x', now())",
                "message_of_erased",
            ),
            (
                "INSERT INTO idempotency (key, fingerprint, answer, about) VALUES ('x', 'x', 'x', $1)",
                "answer_of_erased",
            ),
        ],
    )
    async def test_nothing_comes_back(self, erased: UUID, db: Database, statement: str, constraint: str) -> None:
        assert await refused_by(db, (statement, erased)) == constraint

    @pytest.mark.parametrize(
        ("before", "constraint"),
        [
            ("SELECT 1", "appointment_erased_is_over"),  # confirmed, and its time is to come
            ("UPDATE claim SET status = 9 WHERE appointment_id = $1", "appointment_erased_is_bare"),
            ("DELETE FROM person WHERE appointment_id = $1", "appointment_erased_is_bare"),
            ("UPDATE message SET contents = NULL WHERE reference = $1", "appointment_erased_is_bare"),
        ],
    )
    async def test_only_what_is_over_and_bare(
        self, world: CaseWorld, db: Database, before: str, constraint: str
    ) -> None:
        ident = await booked(world)
        marked = ("UPDATE appointment SET erased_at = now(), token_sealed = '' WHERE id = $1", ident)
        over = ("UPDATE appointment SET status = 'cancelled' WHERE id = $1", ident)
        freed = ("UPDATE claim SET status = 9 WHERE appointment_id = $1", ident)
        statements = [(before, *([ident] if "$1" in before else []))]
        if constraint == "appointment_erased_is_bare":
            statements += [over, freed]
        assert await refused_by(db, *statements, marked) == constraint

    async def test_a_note_goes_to_one_mark_and_only_once_decided(self, world: CaseWorld, db: Database) -> None:
        ident = await booked(world)
        asking, deciding = await clerks(db)
        payment = (await world.appointments.case(ident)).payment
        assert payment is not None
        erase = (f"UPDATE refund SET note = '{ERASED_NOTE}'",)
        refund = await world.payments.propose_refund(payment.id, by=asking, note="Anna paid twice", key=uuid4())
        assert refund.reason is RefundReason.MANUAL
        assert await refused_by(db, erase) == "refund_terms_fixed"
        await world.payments.reject_refund(payment.id, refund.id, by=deciding)
        assert await refused_by(db, ("UPDATE refund SET note = 'another'",)) == "refund_terms_fixed"
        assert await refused_by(db, ("UPDATE refund SET note = NULL",)) == "refund_terms_fixed"
        assert await refused_by(db, erase) is None
        assert await refused_by(db, ("UPDATE refund SET note = 'Anna paid twice'",)) == "refund_terms_fixed"


async def refused_by(db: Database, *statements: tuple[object, ...]) -> str | None:
    try:
        async with db.transaction() as conn:
            for statement, *args in statements:
                await conn.execute(str(statement), *args)
    except asyncpg.PostgresError as error:
        return str(getattr(error, "constraint_name", None) or error)
    return None


async def test_a_message_being_written_is_waited_for(world: CaseWorld, db: Database) -> None:
    """Its writer holds the person; erasing comes after it, and takes it along."""
    ident = await booked(world)
    world.clock.set(at(TUESDAY, 12))
    async with db.transaction() as conn:
        await _write(conn, ident)
        erasing = asyncio.create_task(world.appointments.erase(ident))
        await _waits(db)
        assert not erasing.done()
    await erasing
    assert await left(db, ident) == NOTHING


async def _write(conn: Connection, ident: UUID) -> None:
    await conn.execute(
        "INSERT INTO message (key, reference, template, channel, language, contents, due_at)"
        " VALUES ('late', $1, 'refund_succeeded', 'email', 'de', 'x', now())",
        ident,
    )


async def _waits(db: Database) -> None:
    """Until somebody waits for a lock."""
    async with asyncio.timeout(10), db.connection() as conn:
        sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        while not await conn.fetchval(sql):  # noqa: ASYNC110 - another connection changes it
            await asyncio.sleep(0.01)
