"""A refund by two persons: each refusal, each repetition, and people who do it in the same moment."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable
from dataclasses import replace
from uuid import UUID

import pytest

from base.db import Database
from base.errors import Conflict, Invalid, NotFound
from base.idempotency import KeyReused
from base.money import Money
from payment.approving import (
    AlreadyDecided,
    AlreadyRequested,
    NothingLeft,
    NotPaid,
    OwnRequest,
    PaymentDisputed,
    RefundedMeanwhile,
)
from payment.books_memory import MemoryBooks
from payment.books_pg import PgBooks
from payment.memory import MemoryDatabase
from payment.model import Cause, Payment, Refund, RefundReason, RefundStatus
from tests.payment.world import World
from tests.town import eventually

ANN, BOB, CAROL = 1, 2, 3
KEY, OTHER_KEY = UUID(int=7), UUID(int=8)
PEOPLE = (
    "INSERT INTO account (login, name, password_hash)"
    " SELECT n, n, '$argon2id$' || n FROM unnest('{ann,bob,carol}'::text[]) n"
)


@pytest.fixture(params=["postgres", "memory"])
async def world(request: pytest.FixtureRequest, db: Database) -> World:
    async with db.transaction() as conn:
        await conn.execute(PEOPLE)
    return World(PgBooks(db) if request.param == "postgres" else MemoryBooks(MemoryDatabase()))


async def asked(world: World, payment: Payment, *, by: int = ANN, note: str = "Paid twice", key: UUID = KEY) -> Refund:
    return await world.payments.propose_refund(payment.id, by=by, note=note, key=key)


async def test_from_the_request_to_the_money(world: World) -> None:
    payment = await world.paid()
    request = await asked(world, payment, note="  Paid twice ")
    assert (request.status, request.amount_cents, request.note) == (RefundStatus.REQUESTED, 1300, "Paid twice")
    await world.sweep_for(30)
    assert await world.refunds(payment) == [request]  # nobody acts on a request
    done = await world.payments.approve_refund(payment.id, request.id, by=BOB)
    assert (done.status, done.requested_by, done.approved_by) == (RefundStatus.SUCCEEDED, ANN, BOB)
    assert done.decided_at == world.clock()
    assert await world.clearing(payment) == world.at_provider() == 0
    assert world.hooks.told[-1] == ("refunded", payment.reference)


async def test_the_same_request_again_and_another_one(world: World) -> None:
    payment = await world.paid()
    request = await asked(world, payment)
    assert await asked(world, payment) == request
    with pytest.raises(KeyReused):
        await asked(world, payment, note="Another reason")
    for by, key in ((ANN, OTHER_KEY), (BOB, KEY)):
        with pytest.raises(AlreadyRequested):
            await asked(world, payment, by=by, key=key)
    rejected = await world.payments.reject_refund(payment.id, request.id, by=ANN)  # withdrawn
    assert await world.payments.reject_refund(payment.id, request.id, by=ANN) == rejected
    assert (await asked(world, payment)).status is RefundStatus.REJECTED  # the old key tells what became of it
    assert (await asked(world, payment, key=OTHER_KEY)).status is RefundStatus.REQUESTED


async def test_what_cannot_be_asked_for(world: World) -> None:
    opened = await world.opened()
    with pytest.raises(NotPaid):
        await asked(world, opened)
    payment = await world.paid(1002)
    for note in ("", "  ", "x" * 501):
        with pytest.raises(Invalid):
            await asked(world, payment, note=note)
    await world.asked_back(payment)
    with pytest.raises(NothingLeft):
        await asked(world, payment)
    with pytest.raises(NotFound):
        await world.payments.propose_refund(UUID(int=404), by=ANN, note="x", key=KEY)


async def test_it_is_for_all_that_is_left(world: World) -> None:
    payment = await world.paid()
    await world.asked_back(payment, Money(400))
    assert (await asked(world, payment)).amount_cents == 900


async def test_who_may_decide_and_when(world: World) -> None:
    payment, other = await world.paid(), await world.paid(1002)
    request = await asked(world, payment)
    with pytest.raises(OwnRequest):
        await world.payments.approve_refund(payment.id, request.id, by=ANN)
    for wrong in (world.payments.approve_refund, world.payments.reject_refund):
        with pytest.raises(NotFound):
            await wrong(other.id, request.id, by=BOB)
        with pytest.raises(NotFound):
            await wrong(payment.id, UUID(int=404), by=BOB)
    done = await world.payments.approve_refund(payment.id, request.id, by=BOB)
    assert await world.payments.approve_refund(payment.id, request.id, by=BOB) == done
    for late in (world.payments.approve_refund, world.payments.reject_refund):
        with pytest.raises(AlreadyDecided):
            await late(payment.id, request.id, by=CAROL)
    by_rule = await world.asked_back(other)
    with pytest.raises(NotFound):  # a rule asks nobody
        await world.payments.reject_refund(other.id, by_rule.id, by=BOB)
    assert await world.clearing(payment, other) == 1300


async def test_a_rule_that_was_faster_goes_first(world: World) -> None:
    payment = await world.paid()
    request = await asked(world, payment)
    await world.asked_back(payment, Money(1))
    with pytest.raises(RefundedMeanwhile):
        await world.payments.approve_refund(payment.id, request.id, by=BOB)
    assert {one.status for one in await world.refunds(payment)} == {RefundStatus.REQUESTED, RefundStatus.APPROVED}
    await world.payments.reject_refund(payment.id, request.id, by=BOB)
    assert (await asked(world, payment, key=OTHER_KEY)).amount_cents == 1299


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_approved_and_the_provider_s_answer_is_lost(world: World, moment: str) -> None:
    payment = await world.paid()
    request = await asked(world, payment)
    world.lost = [("refund", moment)]  # type: ignore[list-item]
    done = await world.payments.approve_refund(payment.id, request.id, by=BOB)
    assert done.status is RefundStatus.SUBMITTED
    await world.sweep_for(3)
    assert [one.status for one in await world.refunds(payment)] == [RefundStatus.SUCCEEDED]
    assert await world.clearing(payment) == world.at_provider() == 0


async def test_we_die_between_approval_and_call(world: World) -> None:
    payment = await world.paid()
    request = await asked(world, payment)
    async with world.books.transaction() as tx:
        approved = replace(request, status=RefundStatus.APPROVED, approved_by=BOB, decided_at=world.clock())
        await world.books.store_refund(tx, approved, RefundStatus.REQUESTED)
    world.restart()
    await world.sweep_for(1)
    assert [one.status for one in await world.refunds(payment)] == [RefundStatus.SUCCEEDED]
    assert await world.clearing(payment) == world.at_provider() == 0


async def test_a_failed_one_can_be_asked_for_again(world: World) -> None:
    payment = await world.paid()
    request = await asked(world, payment)
    world.machine.refund_outcome = "failed"
    done = await world.payments.approve_refund(payment.id, request.id, by=BOB)
    assert (done.status, done.retry_at) == (RefundStatus.FAILED, None)  # people decide, no rule
    world.machine.refund_outcome = "succeeded"
    again = await asked(world, payment, key=OTHER_KEY)
    await world.payments.approve_refund(payment.id, again.id, by=CAROL)
    assert await world.clearing(payment) == world.at_provider() == 0


async def promised(world: World, payment: Payment, cents: int = 1300, *, by: int | None = None) -> Refund:
    """By a rule, and large enough to wait for a person."""
    cause = Cause(needs_approval=True, by=by)
    async with world.books.transaction() as tx:
        given = await world.payments.give_back(tx, payment.id, Money(cents), RefundReason.CANCELLED, cause)
        assert given.waits
        await world.payments.earn(tx, payment.id)
    [refund] = [one for one in await world.refunds(payment) if one.id == given.refund]
    return refund


async def test_what_a_rule_gives_back_waits_where_it_is_large(world: World) -> None:
    """Nobody acts on it, its money is kept, and whoever brought it about does not approve it."""
    payment = await world.paid()
    refund = await promised(world, payment, 1000, by=ANN)
    await world.sweep_for(30)
    assert (await world.payments.submit_refund(refund.id)).status is RefundStatus.REQUESTED
    assert (await world.now(payment)).refundable == Money(300)
    assert (await world.now(payment)).advance_cents == 1000  # only the rest is earned
    troubles = await world.payments.troubles()
    assert (troubles.waiting, troubles.waiting_since) == (1, refund.created_at)
    with pytest.raises(OwnRequest):
        await world.payments.approve_refund(payment.id, refund.id, by=ANN)
    done = await world.payments.approve_refund(payment.id, refund.id, by=BOB)
    assert (done.status, done.approved_by, done.caused_by) == (RefundStatus.SUCCEEDED, BOB, ANN)
    assert await world.clearing(payment) == world.at_provider() == 300
    assert (await world.payments.troubles()).waiting == 0


async def test_beside_a_request_of_a_person(world: World) -> None:
    """Each has its own; what a rule has promised goes first."""
    payment = await world.paid()
    request = await asked(world, payment)
    refund = await promised(world, payment, 1000)
    with pytest.raises(RefundedMeanwhile):
        await world.payments.approve_refund(payment.id, request.id, by=BOB)
    assert (await world.payments.approve_refund(payment.id, refund.id, by=BOB)).status is RefundStatus.SUCCEEDED


async def test_a_rejection_says_why_and_the_claim_lives_on(world: World) -> None:
    payment = await world.paid()
    refund = await promised(world, payment)
    for note in ("", "  ", "x" * 501):
        with pytest.raises(Invalid):
            await world.payments.reject_refund(payment.id, refund.id, by=BOB, note=note)
    rejected = await world.payments.reject_refund(payment.id, refund.id, by=BOB, note=" It was issued already. ")
    assert await world.payments.reject_refund(payment.id, refund.id, by=BOB, note="again") == rejected
    assert world.hooks.told[-1] == ("refund rejected: It was issued already.", payment.reference)
    assert len(world.hooks.told) == 2  # once, after the payment
    now = await world.now(payment)
    assert (now.refunded_cents, now.advance_cents) == (0, 0)  # kept, so earned
    with pytest.raises(AlreadyDecided):
        await world.payments.approve_refund(payment.id, refund.id, by=CAROL)

    world.clock.advance(days=1)
    anew = await world.payments.ask_refund_anew(payment.id, refund.id, by=CAROL)
    assert (anew.status, anew.rejected_by, anew.asked_by) == (RefundStatus.REQUESTED, None, CAROL)
    assert await world.payments.ask_refund_anew(payment.id, refund.id, by=None) == anew  # again: as it stands
    assert (await world.payments.troubles()).waiting_since == world.clock()
    with pytest.raises(OwnRequest):
        await world.payments.approve_refund(payment.id, refund.id, by=CAROL)
    await world.payments.approve_refund(payment.id, refund.id, by=BOB)  # who rejected it may think again
    assert await world.clearing(payment) == world.at_provider() == 0
    async with world.books.transaction() as tx:
        steps = await world.payments.refund_steps(tx, payment.id)
    assert [(one.event, one.by, one.note) for one in steps] == [
        ("rejected", BOB, "It was issued already."),
        ("asked_anew", CAROL, None),
    ]


async def test_rejected_and_refunded_otherwise_it_is_not_asked_for_anew(world: World) -> None:
    payment = await world.paid()
    refund = await promised(world, payment)
    await world.payments.reject_refund(payment.id, refund.id, by=BOB, note="Nobody paid this.")
    request = await asked(world, payment)
    await world.payments.approve_refund(payment.id, request.id, by=BOB)
    with pytest.raises(RefundedMeanwhile):
        await world.payments.ask_refund_anew(payment.id, refund.id, by=None)
    with pytest.raises(NotFound):  # a person's request is asked for by another request
        await world.payments.ask_refund_anew(payment.id, request.id, by=None)


async def test_another_try_goes_on_with_the_approval(world: World) -> None:
    payment = await world.paid()
    refund = await promised(world, payment, by=ANN)
    world.machine.refund_outcome = "failed"
    failed = await world.payments.approve_refund(payment.id, refund.id, by=BOB)
    assert failed.retry_at is not None
    world.machine.refund_outcome = "succeeded"
    world.clock.advance(days=2)
    await world.payments.sweep()
    second = (await world.refunds(payment))[1]
    assert (second.status, second.approved_by, second.caused_by) == (RefundStatus.SUCCEEDED, BOB, ANN)
    assert second.needs_approval


@pytest.mark.parametrize(("part", "status"), [(None, RefundStatus.OVERTAKEN), (300, RefundStatus.FAILED)])
async def test_a_lost_dispute_ends_what_waits(world: World, part: int | None, status: RefundStatus) -> None:
    """It has paid it back; or a part of it, and the rest is for people."""
    payment = await world.paid()
    refund = await promised(world, payment)
    [charge] = world.machine.state.rows("charges")
    dispute = world.machine.dispute(charge["id"], amount=part)
    world.clock.advance(minutes=20)
    await world.payments.sweep()
    with pytest.raises(PaymentDisputed):
        await world.payments.approve_refund(payment.id, refund.id, by=BOB)
    world.machine.decide_dispute(dispute["id"], won=False)
    world.clock.advance(minutes=20)
    await world.payments.sweep()
    assert [one.status for one in await world.refunds(payment)] == [status]
    assert await world.clearing(payment) == world.at_provider()


async def test_many_decide_at_once_about_what_a_rule_gives_back(db: Database) -> None:
    async with db.transaction() as conn:
        await conn.execute(PEOPLE)
    world = World(PgBooks(db))
    for reference in range(3001, 3006):
        payment = await world.paid(reference)
        refund = await promised(world, payment, by=CAROL)
        one = (payment.id, refund.id)
        deciding = [world.payments.approve_refund(*one, by=by) for by in (ANN, BOB, CAROL) * 2]
        deciding += [world.payments.reject_refund(*one, by=by, note="why") for by in (ANN, BOB)]
        told = await outcomes(*deciding)
        assert told["OwnRequest"] == 2
        await world.sweep_for(2)
        [now] = await world.refunds(payment)
        assert now.status in (RefundStatus.SUCCEEDED, RefundStatus.REJECTED)
        assert await world.clearing(payment) == (0 if now.status is RefundStatus.SUCCEEDED else 1300)


async def outcomes(*doings: Awaitable[Refund]) -> Counter[str]:
    """Of things done in the same moment: a status, or the name of the refusal."""
    found = await asyncio.gather(*doings, return_exceptions=True)
    for one in found:
        assert isinstance(one, Refund | Conflict), one
    return Counter(one.status.value if isinstance(one, Refund) else type(one).__name__ for one in found)


async def test_many_ask_at_once_and_many_decide_at_once(db: Database) -> None:
    """On a real pool: one request, one decision, one refund of the money."""
    async with db.transaction() as conn:
        await conn.execute(PEOPLE)
    world = World(PgBooks(db))
    payments = world.payments
    for reference in range(2001, 2011):
        payment = await world.paid(reference)
        asking = [asked(world, payment, by=by, key=UUID(int=n)) for n in range(4) for by in (ANN, BOB)]
        assert await outcomes(*asking) == {"requested": 1, "AlreadyRequested": 7}
        [request] = await world.refunds(payment)
        others = [one for one in (ANN, BOB, CAROL) if one != request.requested_by]
        deciding = [payments.approve_refund(payment.id, request.id, by=by) for by in others * 3]
        deciding += [payments.reject_refund(payment.id, request.id, by=by) for by in others]
        deciding += [world.asked_back(payment, Money(1000))]
        told = await outcomes(*deciding)
        assert told["requested"] == 0
        await world.sweep_for(3)
        refunds = await world.refunds(payment)
        manual = [one for one in refunds if one.reason is RefundReason.MANUAL]
        assert len(manual) == 1
        given = sum(one.amount_cents for one in refunds if one.status is RefundStatus.SUCCEEDED)
        assert given in (1000, 1300)
        now = await world.now(payment)
        assert now.refunded_cents == given
        assert await world.clearing(payment) == 1300 - given


async def waiting_for_locks(db: Database, n: int) -> None:
    sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    async def reached() -> bool:
        async with db.connection() as conn:
            return bool(await conn.fetchval(sql) == n)

    await eventually(reached)


@pytest.mark.parametrize("again", ["approve", "reject"])
async def test_a_refund_fails_while_somebody_decides_again(db: Database, again: str) -> None:
    """Both want payment and refund: in one order, so neither is ended by the other."""
    async with db.transaction() as conn:
        await conn.execute(PEOPLE)
    world = World(PgBooks(db))
    payment = await world.paid()
    request = await asked(world, payment)
    world.lost = [("refund", "before")]
    submitted = await world.payments.approve_refund(payment.id, request.id, by=BOB)
    assert submitted.status is RefundStatus.SUBMITTED
    world.machine.refund_outcome = "failed"
    decide = world.payments.approve_refund if again == "approve" else world.payments.reject_refund
    async with world.books.transaction() as tx:  # until both stand in line, the one who decides first
        await world.books.payment(tx, payment.id, lock=True)
        deciding = asyncio.create_task(decide(payment.id, request.id, by=BOB))
        await waiting_for_locks(db, 1)
        failing = asyncio.create_task(world.payments.submit_refund(request.id))
        await waiting_for_locks(db, 2)
    done, failed = await asyncio.gather(deciding, failing, return_exceptions=True)
    assert isinstance(failed, Refund), failed
    assert failed.status is RefundStatus.FAILED
    assert isinstance(done, Refund if again == "approve" else AlreadyDecided), done
    assert (await world.now(payment)).refunded_cents == 0
