"""Money that is reserved first: taken after the service, let go with a cancellation, missed where it has run out."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from base.db import Database
from base.money import Money
from payment.books_memory import MemoryBooks
from payment.books_pg import PgBooks
from payment.ledger import JournalKind
from payment.memory import MemoryDatabase
from payment.model import Capture, PaymentStatus, RefundReason, RefundStatus
from payment.opening import order_of
from payment.ports import Abilities, Outcome
from payment.settling import RefundTooLarge
from tests.payment.machine_provider import Moment
from tests.payment.making import AMOUNT, NOW, RecordingHooks, a_payment
from tests.payment.world import World

P, R = PaymentStatus, RefundStatus
REFERENCE = UUID(int=1001)
LOST: list[tuple[str, Moment]] = [("take", "before"), ("take", "after"), ("fetch", "before"), ("fetch", "after")]


@pytest.fixture(params=["postgres", "memory"])
def world(request: pytest.FixtureRequest, db: Database) -> World:
    return World(books=PgBooks(db) if request.param == "postgres" else MemoryBooks(MemoryDatabase()))


def intents(world: World) -> list[tuple[str, int]]:
    """Status and cents received of each payment intent, oldest first."""
    world.machine.sweep()
    return [(row["status"], row["amount_received"]) for row in world.machine.state.rows("payment_intents")]


async def test_what_is_reserved_secures_the_appointment_and_is_in_no_book(world: World) -> None:
    payment = await world.reserved()
    assert payment.status is P.AUTHORISED
    assert payment.authorised_until == NOW + timedelta(days=7)
    assert (world.hooks.told, intents(world)) == ([("reserved", REFERENCE)], [("requires_capture", 0)])
    async with world.books.transaction() as tx:
        assert await world.books.journals(tx, payment.id) == []
    await world.sweep_for(3)
    assert (await world.now(payment)).status is P.AUTHORISED


async def test_it_is_taken_once_when_that_is_ordered(world: World) -> None:
    payment = await world.reserved()
    assert await world.charge(payment) == await world.charge(payment) == [payment.id]
    taken = await world.payments.take(payment.id)
    assert (taken.status, taken.captured_cents) == (P.PAID, 1300)
    assert await world.payments.take(payment.id) == taken
    assert world.hooks.told == [("reserved", REFERENCE), ("taken", REFERENCE)]
    assert intents(world) == [("succeeded", 1300)]
    assert await world.clearing(payment) == world.at_provider() == 1300


@pytest.mark.parametrize("lost", LOST)
async def test_a_lost_answer_is_unknown_and_is_found_by_the_next_round(world: World, lost: tuple[str, Moment]) -> None:
    payment = await world.reserved()
    await world.charge(payment)
    world.lost = [lost]
    await world.payments.take(payment.id)
    await world.sweep_for(3)
    assert (await world.now(payment)).status is P.PAID
    assert intents(world) == [("succeeded", 1300)]
    assert await world.clearing(payment) == world.at_provider() == 1300


@pytest.mark.parametrize("side", ["before", "after"])
async def test_a_stored_500_needs_a_new_key_only_where_nothing_was_done(world: World, side: Moment) -> None:
    payment = await world.reserved()
    await world.charge(payment)
    world.broken = [("take", side)]
    await world.payments.take(payment.id)
    await world.sweep_for(4)
    taken = await world.now(payment)
    assert (taken.status, taken.take_attempt) == (P.PAID, 2 if side == "before" else 1)
    assert await world.clearing(payment) == world.at_provider() == 1300


async def test_a_forgotten_key_is_not_used_again(world: World) -> None:
    payment = await world.reserved()
    await world.charge(payment)
    world.clock.advance(hours=25)
    await world.sweep_for(2)
    taken = await world.now(payment)
    assert (taken.status, taken.take_attempt) == (P.PAID, 2)


async def test_all_of_it_is_let_go(world: World) -> None:
    payment = await world.reserved()
    await world.less(payment, AMOUNT)
    await world.charge(payment)
    gone = await world.payments.take(payment.id)
    assert (gone.status, gone.captured_cents, gone.is_uncovered) == (P.FENCED, 0, False)
    assert intents(world) == [("canceled", 0)]
    assert world.hooks.told == [("reserved", REFERENCE), ("fenced", REFERENCE)]
    assert await world.refunds(payment) == []
    assert await world.clearing(payment) == world.at_provider() == 0


async def test_a_part_is_kept_by_taking_only_that(world: World) -> None:
    payment = await world.reserved()
    await world.less(payment, Money(800))
    await world.charge(payment)
    taken = await world.payments.take(payment.id)
    assert (taken.status, taken.captured_cents, taken.advance_cents) == (P.PAID, 500, 0)
    assert await world.refunds(payment) == []
    assert await world.clearing(payment) == world.at_provider() == 500
    async with world.books.transaction() as tx:
        kinds = [journal.kind for journal in await world.books.journals(tx, payment.id)]
    assert kinds == [JournalKind.FEE, JournalKind.EARNED]  # no service follows


async def test_what_is_wanted_less_twice_falls_twice_and_never_below_nothing(world: World) -> None:
    payment = await world.reserved()
    await world.less(payment, Money(300), RefundReason.MOVED)
    await world.less(payment, Money(500))
    with pytest.raises(RefundTooLarge):
        await world.less(payment, Money(501))
    await world.charge(payment)
    assert (await world.payments.take(payment.id)).captured_cents == 500


async def test_what_is_cancelled_after_the_order_goes_back_once_it_is_taken(world: World) -> None:
    payment = await world.reserved()
    await world.charge(payment)
    world.lost = [("take", "after"), ("fetch", "before")]
    await world.payments.take(payment.id)  # taken there, and we do not know
    await world.less(payment, Money(800))
    assert await world.charge(payment) == [payment.id]
    await world.sweep_for(3)
    taken = await world.now(payment)
    assert (taken.status, taken.take_cents, taken.captured_cents, taken.refunded_cents) == (P.PAID, 1300, 1300, 800)
    assert [(one.reason, one.status) for one in await world.refunds(payment)] == [(RefundReason.CANCELLED, R.SUCCEEDED)]
    assert await world.clearing(payment) == world.at_provider() == 500


async def test_what_somebody_takes_at_the_provider_although_it_was_let_go_comes_back(world: World) -> None:
    payment = await world.reserved()
    await world.less(payment, AMOUNT)
    world.machine.capture(payment.charge_id or "", {})
    await world.charge(payment)
    await world.sweep_for(3)
    assert (await world.now(payment)).refunded_cents == 1300
    assert await world.clearing(payment) == world.at_provider() == 0


async def test_another_amount_than_ordered_needs_people(world: World) -> None:
    payment = await world.reserved()
    world.machine.capture(payment.charge_id or "", {"amount_to_capture": 900})
    await world.charge(payment)
    await world.payments.take(payment.id)
    seen = await world.now(payment)
    assert (seen.status, seen.attention) == (P.ATTENTION, "amount: 900 EUR")
    assert await world.clearing(payment) == 0


async def test_a_time_that_is_lost_lets_the_money_go(world: World) -> None:
    world.hooks = RecordingHooks(Outcome.LOST)
    world.restart()
    payment = await world.reserved()
    assert (payment.status, payment.take_cents, payment.keep_reason) == (P.AUTHORISED, 0, RefundReason.LOST_SLOT)
    await world.sweep_for(1)
    assert intents(world) == [("canceled", 0)]


async def test_before_it_runs_out_it_is_taken(world: World) -> None:
    payment = await world.reserved()
    world.clock.advance(days=5, hours=23)
    assert await world.payments.charge_due(NOW.date()) == 0
    world.clock.advance(hours=1)
    assert await world.payments.charge_due(NOW.date()) == 1
    assert await world.payments.charge_due(NOW.date()) == 0
    await world.sweep_for(1)
    assert (await world.now(payment)).status is P.PAID


async def test_on_the_day_after_the_service_it_is_taken_where_nobody_said_otherwise(world: World) -> None:
    payment = await world.reserved()
    async with world.books.transaction() as tx:
        await world.payments.serve_on(tx, [REFERENCE], NOW.date() + timedelta(days=1))
    assert await world.payments.charge_due(NOW.date() + timedelta(days=1)) == 0
    assert await world.payments.charge_due(NOW.date() + timedelta(days=2)) == 1
    assert (await world.payments.take(payment.id)).status is P.PAID


async def test_what_has_run_out_is_missed_and_may_be_paid_anew(world: World) -> None:
    payment = await world.reserved()
    world.clock.advance(days=8)  # nobody looked meanwhile
    await world.charge(payment)
    gone = await world.payments.take(payment.id)
    assert (gone.status, gone.is_uncovered) == (P.FENCED, True)
    assert world.hooks.told == [("reserved", REFERENCE), ("uncovered", REFERENCE)]
    async with world.books.transaction() as tx:
        assert await world.payments.uncovered(tx, REFERENCE) == gone
    assert (await world.payments.troubles()).uncovered == 1
    anew = await world.paid()
    assert (anew.status, anew.capture) == (P.PAID, Capture.AUTOMATIC)
    async with world.books.transaction() as tx:
        assert await world.payments.uncovered(tx, REFERENCE) is None
    assert (await world.payments.troubles()).uncovered == 0


async def test_a_second_reservation_for_the_same_is_let_go(world: World) -> None:
    payment = await world.request(capture=Capture.MANUAL)
    opened = await world.payments.open(payment.id)
    stray = await world.provider.create(order_of(opened), "another-key")  # as a raised attempt could leave behind
    world.pay(opened)
    world.machine.pay(stray.session_id)
    for event in world.machine.state.rows("events"):
        await world.payments.take_event("stripe", {}, json.dumps(event).encode())
    await world.sweep_for(3)
    assert (await world.now(payment)).status is P.AUTHORISED
    assert sorted(status for status, _ in intents(world)) == ["canceled", "requires_capture"]


async def test_a_provider_that_cannot_reserve_takes_at_once(world: World) -> None:
    world.provider.abilities = Abilities()
    payment = await world.request(capture=Capture.MANUAL)
    assert (payment.capture, world.payments.can_reserve) == (Capture.AUTOMATIC, False)


async def put(db: Database, **fields: object) -> None:
    async with db.transaction() as conn:
        await conn.execute("UPDATE payment SET " + ", ".join(f"{name} = {value}" for name, value in fields.items()))


class TestSchema:
    """Around the code."""

    @pytest.fixture
    async def reserved(self, db: Database) -> None:
        async with PgBooks(db).transaction() as tx:
            await PgBooks(db).insert_payment(tx, a_payment(status=P.AUTHORISED))

    @pytest.mark.parametrize(
        ("fields", "rule"),
        [
            ({"authorised_until": "NULL"}, "payment_authorised"),
            ({"charge_id": "NULL"}, "payment_authorised"),
            ({"capture": "'automatic'"}, "payment_capture_fixed"),
            ({"take_cents": 1301, "take_attempt_at": "now()"}, "payment_take"),
            ({"take_cents": 1300}, "payment_take"),
            ({"keep_cents": -1, "keep_reason": "'moved'"}, "payment_keep"),
            ({"keep_cents": 1}, "payment_keep_reason"),
            ({"keep_cents": 1, "keep_reason": "'manual'"}, "payment_keep_reason"),
            ({"status": "'paid'", "captured_cents": 650}, "payment_captured"),
        ],
    )
    async def test_what_must_not_be(self, db: Database, reserved: None, fields: dict[str, object], rule: str) -> None:
        with pytest.raises(asyncpg.PostgresError) as caught:
            await put(db, **fields)
        assert getattr(caught.value, "constraint_name", "") == rule

    async def test_what_was_ordered_stays_ordered_and_what_was_let_go_stays_so(
        self, db: Database, reserved: None
    ) -> None:
        await put(db, take_cents=650, take_attempt_at="now()", keep_cents=650, keep_reason="'moved'")
        for fields, rule in (
            ({"take_cents": 1300}, "payment_take_is_final"),
            ({"take_cents": "NULL"}, "payment_take_is_final"),
            ({"keep_cents": 651}, "payment_keep_only_falls"),
        ):
            with pytest.raises(asyncpg.PostgresError) as caught:
                await put(db, **fields)
            assert getattr(caught.value, "constraint_name", "") == rule
        await put(db, keep_cents=0)
        await put(db, status="'paid'", captured_cents=650)

    async def test_of_a_payment_that_is_taken_at_once_no_part_is_taken(self, db: Database) -> None:
        async with PgBooks(db).transaction() as tx:
            await PgBooks(db).insert_payment(tx, a_payment(status=P.OPEN))
        with pytest.raises(asyncpg.PostgresError) as caught:
            await put(db, status="'paid'", captured_cents=650)
        assert getattr(caught.value, "constraint_name", "") == "payment_captured"
