"""Disputes: what a look means, what is booked, and that nothing is given back beside them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from base.db import Database
from base.money import Money
from payment.approving import PaymentDisputed
from payment.books import Books, Refused
from payment.books_memory import MemoryBooks
from payment.books_pg import PgBooks
from payment.decide_dispute import decide_dispute, first_seen
from payment.ledger import DISPUTE_LOSS, DISPUTED, IN_ADVANCE, PSP_CLEARING, dispute_journal, fee_journal
from payment.memory import MemoryDatabase
from payment.model import Dispute, DisputeStatus, Payment, PaymentStatus, Refund, RefundReason, RefundStatus
from payment.ports import DisputeSnapshot
from tests.payment.making import AMOUNT, NOW, a_payment, a_refund
from tests.payment.world import World

D, R = DisputeStatus, RefundStatus
PAID = a_payment(status=PaymentStatus.PAID)


def a_dispute(**fields: Any) -> Dispute:
    made: dict[str, Any] = {
        "id": UUID(int=901),
        "payment_id": PAID.id,
        "provider_id": "dp_1",
        "status": D.OPEN,
        "reason": "fraudulent",
        "amount_cents": AMOUNT.cents,
        "taken_cents": AMOUNT.cents,
        "opened_at": NOW,
        "created_at": NOW,
    }
    return Dispute(**(made | fields))


def dispute_seen(status: DisputeStatus | None, **fields: Any) -> DisputeSnapshot:
    """A look that fits `a_dispute`: the money is gone, and comes back to a winner."""
    quiet = status in (D.INQUIRY, D.CLOSED)
    made = DisputeSnapshot(
        provider_id="dp_1",
        charge_id="pi_1",
        payment_id=PAID.id,
        status=status,
        amount=AMOUNT,
        taken=Money(0) if quiet else AMOUNT,
        returned=AMOUNT if status is D.WON else Money(0),
        reason="fraudulent",
        opened_at=NOW,
        word="word",
    )
    return replace(made, **fields)


def kinds(dispute: Dispute | None, *looks: DisputeSnapshot) -> tuple[Dispute, list[str]]:
    """After looks in this order: the row, and which journals were made."""
    row = dispute or first_seen(PAID, looks[0], UUID(int=901), NOW)
    made: list[str] = []
    for seen in looks:
        decision = decide_dispute(row, PAID, seen, NOW)
        row, made = decision.dispute, [*made, *(one.kind.value for one in decision.journals)]
    return row, made


# The pure rules.


@pytest.mark.parametrize(
    ("looks", "status", "booked"),
    [
        ([D.INQUIRY], D.INQUIRY, []),
        ([D.INQUIRY, D.CLOSED], D.CLOSED, []),
        ([D.INQUIRY, D.OPEN, D.LOST], D.LOST, ["dispute", "dispute_lost"]),
        ([D.OPEN, D.ANSWERED, D.WON], D.WON, ["dispute", "dispute_won"]),
        ([D.WON], D.WON, ["dispute", "dispute_won"]),  # every message was lost
        ([D.LOST], D.LOST, ["dispute", "dispute_lost"]),
        ([D.ANSWERED, D.OPEN, D.LOST, D.OPEN, D.INQUIRY], D.LOST, ["dispute", "dispute_lost"]),  # overtaken looks
        ([D.OPEN, D.OPEN, D.WON, D.WON], D.WON, ["dispute", "dispute_won"]),  # told twice
    ],
)
def test_each_step_is_booked_once_in_whatever_order_looks_come(
    looks: list[DisputeStatus], status: DisputeStatus, booked: list[str]
) -> None:
    row, made = kinds(None, *(dispute_seen(one) for one in looks))
    assert (row.status, made, row.attention) == (status, booked, None)
    assert row.is_settled is (status in (D.WON, D.LOST, D.CLOSED))


def test_lost_before_the_money_is_seen_to_go_it_is_booked_when_it_goes() -> None:
    row, made = kinds(None, dispute_seen(D.LOST, taken=Money(0)))
    assert (made, row.is_settled) == ([], False)
    row, made = kinds(row, dispute_seen(D.LOST))
    assert (made, row.is_settled) == (["dispute", "dispute_lost"], True)


@pytest.mark.parametrize(
    ("row", "seen", "attention"),
    [
        (a_dispute(), dispute_seen(None), "status: word"),
        (a_dispute(status=D.LOST, closed_at=NOW), dispute_seen(D.WON), "status: word"),
        (a_dispute(), dispute_seen(D.OPEN, taken=Money(1)), "taken: 1 EUR"),
        (a_dispute(), dispute_seen(D.WON, returned=Money(1)), "returned: 1 EUR"),
        (a_dispute(), dispute_seen(D.LOST, returned=AMOUNT), "returned: 1300 EUR"),
        (a_dispute(), dispute_seen(D.OPEN, taken=Money(1300, "USD")), "currency: EUR"),
        (a_dispute(status=D.INQUIRY, taken_cents=0), dispute_seen(D.CLOSED, taken=AMOUNT), "taken: 1300 EUR"),
    ],
)
def test_what_does_not_fit_books_nothing_and_is_told(row: Dispute, seen: DisputeSnapshot, attention: str) -> None:
    decision = decide_dispute(row, PAID, seen, NOW)
    assert decision.dispute == replace(row, attention=attention, checked_at=NOW)
    assert decision.journals == ()


# The books: PostgreSQL and memory say the same.


@pytest.fixture(params=["postgres", "memory"])
async def books(request: pytest.FixtureRequest, db: Database) -> Books:
    return PgBooks(db) if request.param == "postgres" else MemoryBooks(MemoryDatabase())


async def write(books: Books, *rows: Payment | Refund | Dispute) -> None:
    async with books.transaction() as tx:
        for row in rows:
            if isinstance(row, Payment):
                assert await books.insert_payment(tx, row)
                await books.post(tx, fee_journal(row), NOW)
            elif isinstance(row, Refund):
                await books.insert_refund(tx, row)
            else:
                await books.insert_dispute(tx, row)
                if row.taken_cents:
                    await books.post(tx, dispute_journal(row), NOW)


async def test_a_dispute_comes_back_as_it_was_written(books: Books) -> None:
    written = a_dispute(evidence_due_at=NOW + timedelta(days=14), attention="status: odd", checked_at=NOW)
    await write(books, PAID, written)
    async with books.transaction() as tx:
        assert await books.dispute(tx, "dp_1") == written
        assert await books.dispute(tx, "dp_1", lock=True) == written
        assert await books.dispute(tx, "dp_2") is None
        assert await books.disputes(tx, PAID.id) == [written]
        assert [one.id for one in [await books.payment_of_charge(tx, "pi_1")] if one] == [PAID.id]
        assert await books.payment_of_charge(tx, "pi_2") is None
        assert (await books.troubles(tx)).disputes == 1


async def test_who_is_due_for_a_look(books: Books) -> None:
    rows = [
        a_dispute(id=UUID(int=901), provider_id="dp_1", checked_at=NOW),
        a_dispute(id=UUID(int=902), provider_id="dp_2", status=D.LOST, closed_at=NOW),
        a_dispute(id=UUID(int=903), provider_id="dp_3", status=D.LOST, closed_at=NOW, taken_cents=0),
        a_dispute(id=UUID(int=904), provider_id="dp_4", status=D.WON, closed_at=NOW),
        a_dispute(id=UUID(int=905), provider_id="dp_5", status=D.CLOSED, closed_at=NOW, taken_cents=0),
    ]
    await write(books, PAID, *rows)
    async with books.transaction() as tx:
        assert [one.provider_id for one in await books.due_disputes(tx, NOW, 9)] == ["dp_1", "dp_3", "dp_4"]
        assert await books.due_disputes(tx, NOW - timedelta(seconds=1), 9) == []


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"taken_cents": 0, "returned_cents": 1}, "dispute_returned_all"),
    ({"status": D.INQUIRY}, "dispute_inquiry_takes_nothing"),
    ({"status": D.LOST}, "dispute_closed_at"),
    ({"closed_at": NOW}, "dispute_closed_at"),
    ({"returned_cents": 1300}, "dispute_returned_to_winner"),
    ({"amount_cents": 0}, "dispute_amount"),
]


@pytest.mark.parametrize(("fields", "rule"), REFUSED)
async def test_what_a_dispute_cannot_be(books: Books, fields: dict[str, Any], rule: str) -> None:
    await write(books, PAID)
    with pytest.raises(Refused) as refused:
        await write(books, a_dispute(**fields))
    assert refused.value.constraint == rule


async def test_a_dispute_is_of_paid_money_and_known_once(books: Books) -> None:
    await write(books, PAID, a_dispute())
    async with books.transaction() as tx:
        assert await books.insert_payment(tx, a_payment(id=UUID(int=2), reference=UUID(int=2)))
    for fields, rule in (
        ({"id": UUID(int=902)}, "dispute_provider_once"),
        ({"id": UUID(int=903), "provider_id": "dp_3", "payment_id": UUID(int=2)}, "dispute_of_paid"),
    ):
        with pytest.raises(Refused) as refused:
            await write(books, a_dispute(**fields))
        assert refused.value.constraint == rule


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"status": D.OPEN, "closed_at": None}, "dispute_closed_is_final"),
        ({"taken_cents": 0}, "dispute_taken_once"),
    ],
)
async def test_what_was_decided_and_booked_stays(books: Books, fields: dict[str, Any], rule: str) -> None:
    lost = a_dispute(status=D.LOST, closed_at=NOW)
    await write(books, PAID, lost)
    with pytest.raises(Refused) as refused:
        async with books.transaction() as tx:
            await books.store_dispute(tx, replace(lost, **fields), D.LOST)
    assert refused.value.constraint == rule


async def test_one_payment_may_be_disputed_again_after_it_was_won(books: Books) -> None:
    """The first one's journals do not stand in the way of the second one's."""
    won = a_dispute(taken_cents=0, status=D.WON, closed_at=NOW)
    again = a_dispute(id=UUID(int=902), provider_id="dp_2")
    await write(books, PAID, won, a_dispute(id=UUID(int=903), provider_id="dp_3"), again)
    with pytest.raises(Refused) as refused:
        async with books.transaction() as tx:
            await books.post(tx, dispute_journal(again), NOW)
    assert refused.value.constraint == "journal_once"


async def test_no_refund_is_sent_beside_an_open_dispute_and_none_is_owed_beside_a_lost_one(books: Books) -> None:
    waiting = a_refund(reason=RefundReason.CANCELLED)
    await write(books, PAID, a_dispute(), waiting)
    async with books.transaction() as tx:
        assert await books.due_refunds(tx, NOW + timedelta(days=1), 9) == []
    with pytest.raises(Refused) as refused:
        async with books.transaction() as tx:
            await books.store_refund(tx, replace(waiting, status=R.SUBMITTED), R.APPROVED)
    assert refused.value.constraint == "refund_not_while_disputed"
    async with books.transaction() as tx:
        await books.store_dispute(tx, a_dispute(status=D.LOST, closed_at=NOW), D.OPEN)
        assert await books.due_refunds(tx, NOW, 9) == [waiting]
    with pytest.raises(Refused) as refused:
        await write(books, a_refund(id=UUID(int=502), reason=RefundReason.LOST_SLOT))
    assert refused.value.constraint == "refund_not_while_disputed"
    overtaken = replace(waiting, status=R.OVERTAKEN)
    async with books.transaction() as tx:
        await books.store_refund(tx, overtaken, R.APPROVED)
        payment = await books.payment(tx, PAID.id)
        assert payment is not None
        assert payment.refunded_cents == 0
    with pytest.raises(Refused) as refused:
        async with books.transaction() as tx:
            await books.store_refund(tx, waiting, R.OVERTAKEN)
    assert refused.value.constraint == "refund_overtaken_is_final"


# Round the code.


async def test_the_database_itself_wants_a_dispute_booked(db: Database) -> None:
    """Neither money that is gone without a journal, nor a journal twice, nor another amount."""
    await write(PgBooks(db), PAID, a_dispute())
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        async with db.transaction() as conn:
            await conn.execute("UPDATE dispute SET status = 'won', closed_at = now(), returned_cents = taken_cents")
    assert refused.value.constraint_name == "dispute_booked"
    with pytest.raises(Refused) as unbooked:
        async with PgBooks(db).transaction() as tx:
            await PgBooks(db).insert_dispute(tx, a_dispute(id=UUID(int=902), provider_id="dp_2"))
    assert unbooked.value.constraint == "dispute_booked"


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("DELETE FROM dispute", "dispute_never_deleted"),
        ("TRUNCATE dispute CASCADE", "dispute_never_deleted"),
        ("UPDATE dispute SET provider_id = 'dp_9'", "dispute_terms_fixed"),
        ("UPDATE dispute SET status = 'gone'", "dispute_status"),
        (
            "INSERT INTO journal (kind, payment_id, at) SELECT 'dispute_lost', payment_id, now() FROM dispute",
            "journal_dispute_named",
        ),
        (
            "INSERT INTO journal (kind, payment_id, at, reverses)"
            " SELECT 'reversal', payment_id, now(), id FROM journal WHERE kind = 'dispute'",
            "journal_of_dispute_stays",
        ),
    ],
)
async def test_round_the_code_a_dispute_stays_what_it_is(db: Database, sql: str, rule: str) -> None:
    await write(PgBooks(db), PAID, a_dispute())
    with pytest.raises(asyncpg.PostgresError) as refused:
        async with db.transaction() as conn:
            await conn.execute(sql)
    assert getattr(refused.value, "constraint_name", None) == rule


# The use cases, over the sandbox's machine.


async def of(world: World, payment: Payment) -> list[Dispute]:
    async with world.books.transaction() as tx:
        return await world.books.disputes(tx, payment.id)


async def sums(world: World, payment: Payment) -> dict[str, int]:
    found: dict[str, int] = {}
    async with world.books.transaction() as tx:
        for journal in await world.books.journals(tx, payment.id):
            for entry in journal.entries:
                found[entry.account] = found.get(entry.account, 0) + entry.amount_cents
    return {account: cents for account, cents in found.items() if cents}


def disputed(world: World, **how: Any) -> str:
    *_, charge = world.machine.state.rows("charges")
    return str(world.machine.dispute(charge["id"], **how)["id"])


async def told(world: World, dispute_id: str, kind: str) -> None:
    thing = world.machine.get("disputes", dispute_id)
    event = {"id": f"evt_{kind}", "type": f"charge.dispute.{kind}", "data": {"object": thing}}
    await world.payments.take_event("stripe", {}, json.dumps(event).encode())


@pytest.mark.parametrize("is_told", [True, False], ids=["by a message", "by the sweep alone"])
@pytest.mark.parametrize(
    ("won", "status", "books"),
    [
        (True, D.WON, {IN_ADVANCE: -1300, PSP_CLEARING: 1300}),
        (False, D.LOST, {IN_ADVANCE: -1300, DISPUTE_LOSS: 1300}),
    ],
)
async def test_opened_and_decided(is_told: bool, won: bool, status: DisputeStatus, books: dict[str, int]) -> None:
    world = World()
    payment = await world.paid()
    dispute_id = disputed(world)
    await (told(world, dispute_id, "created") if is_told else world.sweep_for(2))
    (dispute,) = await of(world, payment)
    assert (dispute.status, dispute.amount_cents, dispute.reason) == (D.OPEN, 1300, "fraudulent")
    assert dispute.evidence_due_at is not None
    assert await sums(world, payment) == {IN_ADVANCE: -1300, DISPUTED: 1300}
    assert await world.clearing(payment) == world.at_provider() == 0
    world.machine.decide_dispute(dispute_id, won=won)
    await (told(world, dispute_id, "closed") if is_told else world.sweep_for(16))
    (dispute,) = await of(world, payment)
    assert (dispute.status, dispute.is_settled) == (status, True)
    assert await sums(world, payment) == books
    assert await world.clearing(payment) == world.at_provider()
    assert (await world.now(payment)).status is PaymentStatus.PAID  # and the appointment stays
    await told(world, dispute_id, "closed")
    assert await sums(world, payment) == books


async def test_an_inquiry_moves_no_money_and_a_refund_may_end_it() -> None:
    world = World()
    payment = await world.paid()
    dispute_id = disputed(world, inquiry=True)
    await told(world, dispute_id, "created")
    refund = await world.asked_back(payment, Money(650))
    assert (await world.payments.submit_refund(refund.id)).status is R.SUCCEEDED
    world.machine.decide_dispute(dispute_id, won=True)
    await world.sweep_for(16)
    (dispute,) = await of(world, payment)
    assert (dispute.status, dispute.taken_cents) == (D.CLOSED, 0)
    assert await world.clearing(payment) == world.at_provider() == 650


async def test_a_refund_by_rule_waits_for_a_dispute_and_goes_when_it_is_won() -> None:
    world = World()
    payment = await world.paid()
    dispute_id = disputed(world)
    await told(world, dispute_id, "created")
    refund = await world.asked_back(payment, Money(650))
    assert (await world.payments.submit_refund(refund.id)).status is R.APPROVED
    assert "refund" not in world.provider.calls
    world.machine.decide_dispute(dispute_id, won=True)
    await world.sweep_for(17)
    assert [one.status for one in await world.refunds(payment)] == [R.SUCCEEDED]
    assert await world.clearing(payment) == world.at_provider() == 650


async def test_what_a_lost_dispute_has_paid_back_is_not_refunded_again() -> None:
    world = World()
    payment = await world.paid()
    dispute_id = disputed(world)
    await told(world, dispute_id, "created")
    await world.asked_back(payment, Money(650))
    world.machine.decide_dispute(dispute_id, won=False)
    await world.sweep_for(17)
    assert [one.status for one in await world.refunds(payment)] == [R.OVERTAKEN]
    assert "refund" not in world.provider.calls
    assert await sums(world, payment) == {IN_ADVANCE: -650, DISPUTE_LOSS: 650}  # half was to be given back anyhow
    async with world.books.transaction() as tx:
        assert await world.payments.refundable(tx, payment.id) == Money(0)


async def test_of_a_lost_dispute_whose_money_has_not_gone_yet_nothing_is_given_back(books: Books) -> None:
    """Whoever cancels then gets it by the dispute: the books would refuse a refund beside it."""
    world = World(books=books)
    payment = await world.paid()
    lost = a_dispute(payment_id=payment.id, status=D.LOST, taken_cents=0, closed_at=NOW)
    async with books.transaction() as tx:
        await books.insert_dispute(tx, lost)
        assert await world.payments.refundable(tx, payment.id) == Money(0)
    with pytest.raises(Refused, match="refund_not_while_disputed"):
        await world.asked_back(payment, Money(650))


async def test_where_the_dispute_took_less_people_see_to_the_rest() -> None:
    world = World()
    payment = await world.paid()
    dispute_id = disputed(world, amount=400)
    await told(world, dispute_id, "created")
    await world.asked_back(payment, Money(650))
    world.machine.decide_dispute(dispute_id, won=False)
    await world.sweep_for(17)
    assert [(one.status, one.failure) for one in await world.refunds(payment)] == [(R.FAILED, "charge_disputed")]
    assert await sums(world, payment) == {IN_ADVANCE: -1300, PSP_CLEARING: 900, DISPUTE_LOSS: 400}


async def test_a_dispute_that_the_provider_knows_first_keeps_the_refund_waiting_under_a_new_key() -> None:
    """Its refusal is kept under the old one."""
    world = World()
    payment = await world.paid()
    dispute_id = disputed(world)
    refund = await world.asked_back(payment)
    waiting = await world.payments.submit_refund(refund.id)
    assert (waiting.status, waiting.attempt) == (R.APPROVED, 2)
    assert [one.status for one in await of(world, payment)] == [D.OPEN]  # learned from the refusal
    world.machine.decide_dispute(dispute_id, won=True)
    await world.sweep_for(17)
    assert [one.status for one in await world.refunds(payment)] == [R.SUCCEEDED]


async def test_nobody_asks_for_a_refund_of_a_disputed_payment() -> None:
    world = World()
    payment = await world.paid()
    asked = await world.payments.propose_refund(payment.id, by=1, note="Twice paid", key=UUID(int=7))
    dispute_id = disputed(world)
    await told(world, dispute_id, "created")
    with pytest.raises(PaymentDisputed):
        await world.payments.approve_refund(payment.id, asked.id, by=2)
    await world.payments.reject_refund(payment.id, asked.id, by=2)
    with pytest.raises(PaymentDisputed):
        await world.payments.propose_refund(payment.id, by=1, note="Again", key=UUID(int=8))
    world.machine.decide_dispute(dispute_id, won=False)
    await world.sweep_for(16)
    with pytest.raises(PaymentDisputed):
        await world.payments.propose_refund(payment.id, by=1, note="Again", key=UUID(int=9))


async def test_disputes_of_others_on_the_same_account_are_let_be() -> None:
    world = World()
    session = world.machine.create_session(
        {
            "mode": "payment",
            "success_url": "http://elsewhere",
            "line_items": [
                {"price_data": {"currency": "eur", "unit_amount": 500, "product_data": {"name": "x"}}, "quantity": 1}
            ],
        }
    )
    world.machine.pay(session["id"])
    dispute_id = disputed(world)
    await told(world, dispute_id, "created")
    await world.sweep_for(2)
    async with world.books.transaction() as tx:
        assert await world.books.dispute(tx, dispute_id) is None


async def test_a_dispute_is_known_before_the_payment_was_seen_to_be_paid() -> None:
    world = World()
    payment = await world.opened()
    world.pay(payment)
    dispute_id = disputed(world)
    await told(world, dispute_id, "created")
    assert (await world.now(payment)).status is PaymentStatus.PAID
    assert await sums(world, payment) == {IN_ADVANCE: -1300, DISPUTED: 1300}
