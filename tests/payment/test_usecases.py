"""From intention to money and back, with every call that can be lost being lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest

from base import failpoint
from base.db import Connection, Database
from base.errors import NotFound
from base.money import Money
from payment import stripe_words, usecases
from payment.books import Books, Refused, with_second_try
from payment.books_memory import MemoryBooks
from payment.books_pg import PgBooks
from payment.context import PaymentUnavailable
from payment.memory import MemoryDatabase
from payment.model import Capture, Payment, PaymentStatus, Refund, RefundReason, RefundStatus, Troubles
from payment.noticing import FIRST_LISTING, HELD_BACK_AT_MOST
from payment.opening import order_of
from payment.ports import Outcome, OutcomeUnknown
from payment.settling import RefundTooLarge, Settling
from payment.usecases import Payments
from sandbox.stripe.errors import ApiError
from tests.locks import waits_for
from tests.payment.machine_provider import Moment
from tests.payment.making import AMOUNT, NOW, a_payment
from tests.payment.world import World

P, R = PaymentStatus, RefundStatus
A_SESSION = order_of(a_payment(id=UUID(int=77)))
REFERENCE = UUID(int=1001)


@pytest.fixture
def world() -> World:
    return World()


def errors(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, object]]]:
    """What was told at level ERROR, with all its fields."""
    plain = vars(logging.makeLogRecord({})).keys() | {"message", "asctime"}
    told = [record for record in caplog.records if record.levelno >= logging.ERROR]
    return [(one.getMessage(), {key: value for key, value in vars(one).items() if key not in plain}) for one in told]


class TestOpen:
    async def test_a_second_tab_meets_the_first_one_s_session(self, world: World) -> None:
        first, second = await world.opened(), await world.opened()
        assert first == second
        assert (first.status, world.sessions()) == (P.OPEN, ["open"])
        assert first.pay_url

    async def test_a_lost_answer_is_found_under_the_same_key(self, world: World) -> None:
        payment = await world.request()
        for moment in ("before", "after", "after"):
            world.lost = [("create", moment)]
            with pytest.raises(PaymentUnavailable):
                await world.payments.open(payment.id)
        assert (await world.payments.open(payment.id)).attempt == 1
        assert world.sessions() == ["open"]

    async def test_a_stored_500_is_looked_up_before_a_new_key_is_tried(self, world: World) -> None:
        payment = await world.request()
        world.broken = [("create", "after")]
        with pytest.raises(PaymentUnavailable):
            await world.payments.open(payment.id)
        opened = await world.payments.open(payment.id)
        assert (opened.status, opened.attempt, world.sessions()) == (P.OPEN, 1, ["open"])

    async def test_a_stored_500_without_effect_needs_a_new_key(self, world: World) -> None:
        payment = await world.request()
        world.broken = [("create", "before")]
        with pytest.raises(PaymentUnavailable):
            await world.payments.open(payment.id)
        opened = await world.payments.open(payment.id)
        assert (opened.status, opened.attempt, world.sessions()) == (P.OPEN, 2, ["open"])

    @pytest.mark.parametrize("minutes", [5, 25 * 60])
    async def test_a_call_that_comes_late_is_made_under_a_new_key(self, world: World, minutes: int) -> None:
        payment = await world.request()
        world.clock.advance(minutes=minutes)  # Stripe refuses the old end, or has forgotten the key
        opened = await world.payments.open(payment.id)
        assert (opened.status, opened.attempt, world.sessions()) == (P.OPEN, 2, ["open"])

    @pytest.mark.parametrize("hours", [1, 25])
    async def test_a_session_found_too_late_is_dead(self, world: World, hours: int) -> None:
        payment = await world.request()
        world.lost = [("create", "after")]
        with pytest.raises(PaymentUnavailable):
            await world.payments.open(payment.id)
        world.clock.advance(hours=hours)
        assert (await world.payments.open(payment.id)).status is P.FENCED
        assert world.sessions() == ["expired"]

    async def test_an_old_address_is_not_handed_out(self, world: World) -> None:
        payment = await world.opened()
        world.clock.advance(minutes=40)
        assert (await world.payments.open(payment.id)).status is P.FENCED

    async def test_without_a_provider_no_payment_is_begun(self, world: World) -> None:
        payments = Payments(world.books, {}, world.hooks, world.clock, world.new_id)
        with pytest.raises(PaymentUnavailable):
            async with world.books.transaction() as tx:
                await payments.request(
                    tx, reference=REFERENCE, amount=AMOUNT, description="", language="de", return_url=""
                )

    async def test_a_fenced_payment_makes_room_for_another(self, world: World) -> None:
        first = await world.opened()
        await world.payments.fence(first.id)
        second = await world.opened()
        assert (second.status, world.sessions()) == (P.OPEN, ["expired", "open"])
        async with world.books.transaction() as tx:
            assert await world.payments.living(tx, REFERENCE) == second


@pytest.fixture(params=["postgres", "memory"])
async def both(request: pytest.FixtureRequest, db: Database) -> World:
    books: Books = PgBooks(db) if request.param == "postgres" else MemoryBooks(MemoryDatabase())
    return World(books=books)


class TestSettle:
    async def test_many_settles_at_once_have_one_effect(self, both: World) -> None:
        payment = await both.opened()
        both.pay(payment)
        settled = await asyncio.gather(*(both.payments.settle(payment.id) for _ in range(10)))
        assert {one.status for one in settled} == {P.PAID}
        assert both.hooks.told == [("paid", REFERENCE)]
        assert await both.clearing(payment) == both.at_provider() == AMOUNT.cents

    async def test_money_for_something_lost_goes_back_by_itself(self, both: World) -> None:
        both.hooks.outcome = Outcome.LOST
        payment = await both.paid()
        [refund] = await both.refunds(payment)
        assert (refund.status, refund.reason, refund.amount_cents) == (R.APPROVED, RefundReason.LOST_SLOT, 1300)
        await both.payments.sweep()
        [refund] = await both.refunds(payment)
        assert refund.status is R.SUCCEEDED
        assert both.hooks.told == [("paid", REFERENCE), ("refunded", REFERENCE)]
        assert await both.clearing(payment) == both.at_provider() == 0

    async def test_opens_fences_and_settles_at_once(self, both: World) -> None:
        payment = await both.request()
        work = [both.payments.open, both.payments.fence, both.payments.settle] * 3
        await asyncio.gather(*(one(payment.id) for one in work))
        assert (await both.payments.fence(payment.id)).status is P.FENCED
        assert both.hooks.told == [("fenced", REFERENCE)]
        assert set(both.sessions()) <= {"expired"}

    async def test_a_silent_provider_changes_nothing(self, world: World) -> None:
        payment = await world.opened()
        world.pay(payment)
        world.lost = [("fetch", "before")]
        assert (await world.payments.settle(payment.id)).status is P.OPEN
        assert (await world.payments.settle(payment.id)).status is P.PAID

    async def test_an_unknown_id(self, world: World) -> None:
        with pytest.raises(NotFound):
            await world.payments.settle(UUID(int=99))

    async def test_another_amount_than_ours_needs_attention(self, world: World) -> None:
        payment = await world.opened()
        world.pay(payment)
        intent = world.machine.state.rows("payment_intents")[0]
        world.machine.state.change("payment_intents", intent["id"], amount_received=1)
        settled = await world.payments.settle(payment.id)
        assert (settled.status, settled.attention, world.hooks.told) == (P.ATTENTION, "amount: 1 EUR", [])
        assert (await world.payments.fence(payment.id)).status is P.ATTENTION  # money lies there
        assert await world.request() == await world.now(payment)  # and nobody pays twice
        world.machine.state.change("payment_intents", intent["id"], amount_received=1300)
        assert (await world.payments.settle(payment.id)).status is P.PAID

    async def test_what_does_not_fit_is_reported_once_and_looked_at_every_hour(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        payment = await world.opened()
        world.pay(payment)
        intent = world.machine.state.rows("payment_intents")[0]
        world.machine.state.change("payment_intents", intent["id"], amount_received=1)
        await world.payments.settle(payment.id)
        assert await world.payments.troubles() == Troubles(failed_refunds=0, attention=1)
        world.lost = [("changed", "before")] * 200  # the hourly look alone
        await world.sweep_for(59)
        assert world.provider.calls.count("fetch") == 1
        world.machine.state.change("payment_intents", intent["id"], amount_received=1300)
        await world.sweep_for(1)
        assert (await world.now(payment)).status is P.PAID
        assert await world.payments.troubles() == Troubles(failed_refunds=0, attention=0)
        assert errors(caplog) == [("payment.attention", {"payment": str(payment.id)})]

    @pytest.mark.parametrize("met", ["deadlock", "place taken"])
    async def test_two_that_meet_are_tried_again_once(self, world: World, met: str) -> None:
        payment = await world.opened()
        world.pay(payment)
        in_order, times = world.hooks.on_paid, 0

        async def meet(tx: object, payment: Payment) -> Outcome:
            nonlocal times
            times += 1
            if times in (1, 3, 4):
                raise asyncpg.DeadlockDetectedError("") if met == "deadlock" else Refused("payment_one_living")
            return await in_order(tx, payment)

        world.hooks.on_paid = meet  # type: ignore[method-assign]
        assert (await world.payments.settle(payment.id)).status is P.PAID
        other = await world.opened(1002)
        world.pay(other)
        with pytest.raises((asyncpg.DeadlockDetectedError, Refused)):
            await world.payments.settle(other.id)
        assert times == 4

    async def test_late_money_against_whoever_asks_for_another_payment(self, db: Database) -> None:
        """The payer's second tab holds the case and waits for the late money's place; the late money wants the case."""
        world = World(books=PgBooks(db))
        payment = await self.fenced_but_paid(world)
        is_held, in_order = asyncio.Event(), world.hooks.on_paid
        settling: list[asyncio.Task[Payment]] = []

        async def lock_case(tx: object) -> None:
            await cast("Connection", tx).execute("SELECT pg_advisory_xact_lock(7)")

        async def on_paid(tx: object, payment: Payment) -> Outcome:
            is_held.set()
            await lock_case(tx)
            return await in_order(tx, payment)

        async def pay_again(tx: object) -> Payment:
            await lock_case(tx)
            if not settling:
                settling.append(asyncio.create_task(world.payments.settle(payment.id)))
                await is_held.wait()
                assert await waits_for(
                    cast("Connection", tx), settling[0]
                )  # its wait begins first, so mostly it is the one ended
            return await world.payments.request(
                tx, reference=REFERENCE, amount=AMOUNT, description="", language="de", return_url="http://city"
            )

        world.hooks.on_paid = on_paid  # type: ignore[method-assign]
        again = await with_second_try(world.books, pay_again)
        late = await settling[0]
        assert late == await world.now(payment)
        if again.id == payment.id:  # ended was the one who pays again: the late money counts
            assert (late.status, late.surplus, late.refunded_cents) == (P.PAID, False, 0)
        else:
            assert (late.status, late.surplus, late.refunded_cents) == (P.PAID, True, AMOUNT.cents)

    async def test_late_money_where_nothing_else_was_paid_is_told(self, world: World) -> None:
        payment = await self.fenced_but_paid(world)
        world.hooks.outcome = Outcome.LOST
        assert (await world.payments.settle(payment.id)).status is P.PAID
        assert world.hooks.told == [("fenced", REFERENCE), ("paid", REFERENCE)]
        assert len(await world.refunds(payment)) == 1

    async def test_late_money_beside_another_payment_goes_back(self, world: World) -> None:
        payment = await self.fenced_but_paid(world)
        other = await world.opened()
        settled = await world.payments.settle(payment.id)
        assert (settled.status, settled.surplus) == (P.PAID, True)
        assert world.hooks.told == [("fenced", REFERENCE)]
        await world.sweep_for(2)
        assert [refund.status for refund in await world.refunds(payment)] == [R.SUCCEEDED]
        assert (await world.now(other)).status is P.OPEN

    async def fenced_but_paid(self, world: World) -> Payment:
        """Stripe never does this; other providers cannot fence."""
        payment = await world.opened()
        await world.payments.fence(payment.id)
        assert payment.session_id is not None
        world.machine.state.change("sessions", payment.session_id, status="open")
        world.machine.pay(payment.session_id)
        return payment


class TestFence:
    async def test_an_open_session(self, world: World) -> None:
        payment = await world.opened()
        fenced = await world.payments.fence(payment.id)
        assert (fenced.status, fenced.pay_url, world.sessions()) == (P.FENCED, None, ["expired"])
        assert await world.payments.fence(payment.id) == fenced
        assert world.hooks.told == [("fenced", REFERENCE)]

    async def test_refused_because_it_is_paid(self, world: World) -> None:
        payment = await world.opened()
        world.pay(payment)
        assert (await world.payments.fence(payment.id)).status is P.PAID

    async def test_paid_for_something_lost_says_that_it_goes_back(self, both: World) -> None:
        both.hooks.outcome = Outcome.LOST
        payment = await both.opened()
        both.pay(payment)
        for _ in range(2):
            fenced = await both.payments.fence(payment.id)
            assert (fenced.status, fenced.refundable) == (P.PAID, Money(0))
            assert fenced == await both.now(payment)
            [refund] = await both.refunds(payment)
            assert (refund.status, refund.reason, refund.amount_cents) == (R.APPROVED, RefundReason.LOST_SLOT, 1300)

    @pytest.mark.parametrize("hours", [0, 2, 25])
    @pytest.mark.parametrize("fault", ["none", "never called", "before", "after", "500 before", "500 after"])
    async def test_an_intention_without_a_session(self, world: World, fault: str, hours: int) -> None:
        payment = await world.request()
        faults: dict[str, list[Any]] = {
            "before": [("create", "before")],
            "after": [("create", "after")],
            "500 before": [("create", "before")],
            "500 after": [("create", "after")],
        }
        if fault.startswith("500"):
            world.broken = faults[fault]
        else:
            world.lost = faults.get(fault, [])
        if fault in faults:
            with pytest.raises(PaymentUnavailable):
                await world.payments.open(payment.id)
        elif fault == "none":
            await world.payments.open(payment.id)
        world.clock.advance(hours=hours)
        assert (await world.payments.fence(payment.id)).status is P.FENCED
        assert set(world.sessions()) <= {"expired"}
        assert world.hooks.told == [("fenced", REFERENCE)]

    @pytest.mark.parametrize("moment", ["before", "after"])
    @pytest.mark.parametrize("call", ["create", "fence", "fetch"])
    async def test_silence_leaves_it_to_the_next_try(self, world: World, call: str, moment: Moment) -> None:
        payment = await world.request()
        world.lost = [(call, moment)]
        await world.payments.fence(payment.id)
        assert (await world.payments.fence(payment.id)).status is P.FENCED
        assert (world.hooks.told, set(world.sessions())) == ([("fenced", REFERENCE)], {"expired"})

    @pytest.mark.parametrize("moment", ["before", "after"])
    @pytest.mark.parametrize("call", ["fence", "fetch"])
    async def test_the_provider_decides_the_race(self, world: World, call: str, moment: Moment) -> None:
        payment = await world.opened()
        assert payment.session_id is not None
        is_paid = False

        async def pay_meanwhile(name: str, at: Moment) -> None:
            nonlocal is_paid
            if (name, at) == (call, moment) and world.sessions() == ["open"]:
                world.pay(payment)
                is_paid = True

        world.provider.net = pay_meanwhile
        settled = await world.payments.fence(payment.id)
        assert settled.status is (P.PAID if is_paid else P.FENCED)
        assert world.hooks.told == [("paid" if is_paid else "fenced", REFERENCE)]


class TestRefund:
    async def test_once_for_one_reason_and_never_more_than_was_paid(self, world: World) -> None:
        payment = await world.paid()
        refund = await world.asked_back(payment, Money(1000))
        assert await world.asked_back(payment, Money(1000)) == refund
        for amount in (Money(301), Money(0), Money(100, "CHF")):
            with pytest.raises(RefundTooLarge):
                async with world.books.transaction() as tx:
                    await world.payments.request_refund(tx, payment.id, amount, RefundReason.LOST_SLOT)

    async def test_what_was_not_paid_cannot_be_given_back(self, world: World) -> None:
        with pytest.raises(RefundTooLarge):
            await world.asked_back(await world.opened())

    @pytest.mark.parametrize("minutes", [0, 2, 25 * 60])
    @pytest.mark.parametrize("fault", ["before", "after", "500 before", "500 after"])
    async def test_a_lost_call_is_never_a_failure_and_never_doubled(
        self, world: World, fault: str, minutes: int
    ) -> None:
        payment = await world.paid()
        refund = await world.asked_back(payment, Money(500))
        side: Any = fault.removeprefix("500 ")
        if fault.startswith("500"):
            world.broken = [("refund", side)]
        else:
            world.lost = [("refund", side)]
        assert (await world.payments.submit_refund(refund.id)).status is R.SUBMITTED
        world.clock.advance(minutes=minutes)
        done = await world.payments.submit_refund(refund.id)
        assert done.status is R.SUCCEEDED
        assert await world.clearing(payment) == world.at_provider() == 800
        assert world.hooks.told.count(("refunded", REFERENCE)) == 1

    async def test_many_submits_at_once(self, both: World) -> None:
        payment = await both.paid()
        refund = await both.asked_back(payment, Money(500))
        await asyncio.gather(*(both.payments.submit_refund(refund.id) for _ in range(8)))
        assert await both.clearing(payment) == both.at_provider() == 800
        assert both.hooks.told.count(("refunded", REFERENCE)) == 1

    async def test_a_refusal_is_a_failure_and_frees_the_amount(self, world: World) -> None:
        payment = await world.paid()
        refund = await world.asked_back(payment)
        assert payment.charge_id is not None
        world.machine.create_refund({"payment_intent": payment.charge_id})  # in Stripe's Dashboard
        failed = await world.payments.submit_refund(refund.id)
        assert (failed.status, failed.failure) == (R.FAILED, "charge_already_refunded")
        assert (await world.now(payment)).refundable == AMOUNT

    async def sent_back(self, world: World, refund: Refund, why: str) -> None:
        assert refund.provider_id is not None
        world.machine.fail_refund(refund.provider_id, why)
        for event in world.machine.state.rows("events"):
            if event["data"]["object"].get("id") == refund.provider_id:
                await world.payments.take_event("stripe", {}, json.dumps(event).encode())

    async def test_a_failure_that_may_pass_is_tried_anew_three_times(
        self, both: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        payment = await both.paid()
        refund = await both.payments.submit_refund((await both.asked_back(payment, Money(500))).id)
        for hours in (1, 24, 72):
            await self.sent_back(both, refund, "declined")
            assert await both.payments.troubles() == Troubles(failed_refunds=1, attention=0)
            assert (await both.asked_back(payment, Money(500))).status is R.FAILED  # the rule does not ask for more
            both.clock.advance(hours=hours, minutes=-1)
            await both.payments.sweep()
            assert (await both.refunds(payment))[-1].id == refund.id
            both.clock.advance(minutes=1)
            await both.payments.sweep()
            before, refund = (await both.refunds(payment))[-2:]
            assert (before.status, refund.status, refund.retry_of) == (R.FAILED, R.SUCCEEDED, before.id)
            assert await both.asked_back(payment, Money(500)) == refund
            assert await both.payments.troubles() == Troubles(failed_refunds=0, attention=0)
            assert await both.clearing(payment) == both.at_provider() == 800
        await self.sent_back(both, refund, "declined")
        both.clock.advance(days=30)
        await both.payments.sweep()
        refunds = await both.refunds(payment)
        assert [one.status for one in refunds] == [R.FAILED] * 4
        assert await both.payments.troubles() == Troubles(failed_refunds=1, attention=0)
        assert await both.clearing(payment) == both.at_provider() == AMOUNT.cents
        ids = [{"refund": str(one.id), "payment": str(payment.id)} for one in refunds]
        assert errors(caplog) == [("refund.failed", fields) for fields in ids]

    async def test_a_failure_that_will_not_pass_is_left_to_people(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        lost_card, refused = await world.paid(1001), await world.paid(1002)
        sent = await world.payments.submit_refund((await world.asked_back(lost_card)).id)
        await self.sent_back(world, sent, "lost_or_stolen_card")
        assert refused.charge_id is not None
        world.machine.create_refund({"payment_intent": refused.charge_id})  # in Stripe's Dashboard
        await world.payments.submit_refund((await world.asked_back(refused)).id)
        world.clock.advance(days=30)
        await world.payments.sweep()
        for payment in (lost_card, refused):
            [failed] = await world.refunds(payment)
            assert (failed.status, failed.retry_at) == (R.FAILED, None)
        assert await world.payments.troubles() == Troubles(failed_refunds=2, attention=0)
        assert [event for event, _ in errors(caplog)] == ["refund.failed"] * 2

    async def test_what_was_given_back_otherwise_is_not_tried_anew(self, both: World, db: Database) -> None:
        payment = await both.paid()
        await self.sent_back(both, await both.payments.submit_refund((await both.asked_back(payment)).id), "declined")
        async with both.books.transaction() as tx:
            await both.payments.request_refund(tx, payment.id, Money(1), RefundReason.LOST_SLOT)
        for _ in range(2):
            both.clock.advance(hours=2)
            await both.payments.sweep()
        failed, other = await both.refunds(payment)
        assert (failed.status, failed.retry_at, other.status) == (R.FAILED, None, R.SUCCEEDED)
        assert both.at_provider() == AMOUNT.cents - 1

    async def test_two_sweeps_try_anew_once(self, both: World) -> None:
        payment = await both.paid()
        await self.sent_back(both, await both.payments.submit_refund((await both.asked_back(payment)).id), "unknown")
        both.clock.advance(hours=1)
        await asyncio.gather(*(both.payments.sweep() for _ in range(5)))
        assert [one.status for one in await both.refunds(payment)] == [R.FAILED, R.SUCCEEDED]
        assert both.at_provider() == 0

    async def test_a_refusal_that_may_pass_is_no_failure(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stripe keeps the refusal under the key, so each try that finds it there needs another one. They become rarer."""
        payment = await world.paid()
        refund = await world.asked_back(payment)
        tries: list[float] = []

        def refuse(_params: object) -> dict[str, Any]:
            tries.append((world.clock() - NOW).total_seconds() / 60)
            raise ApiError("Insufficient funds in your Stripe balance", code="balance_insufficient")

        with monkeypatch.context() as patch:
            patch.setattr(world.machine, "create_refund", refuse)
            assert (await world.payments.submit_refund(refund.id)).status is R.SUBMITTED
            await world.sweep_for(60)
        [waiting] = await world.refunds(payment)
        assert (waiting.status, waiting.attempt) == (R.SUBMITTED, len(tries))
        assert tries == [0, 1, 2, 3, 5, 8, 12, 18, 27, 41, 56]
        await world.sweep_for(15)
        assert [one.status for one in await world.refunds(payment)] == [R.SUCCEEDED]
        assert (await world.payments.troubles(), world.at_provider()) == (Troubles(failed_refunds=0, attention=0), 0)

    async def test_a_pending_one_arrives_later(self, world: World) -> None:
        payment = await world.paid()
        refund = await world.asked_back(payment)
        world.machine.refund_outcome = "pending"
        pending = await world.payments.submit_refund(refund.id)
        assert pending.status is R.SUBMITTED
        assert pending.provider_id is not None
        world.machine.settle_refund(pending.provider_id)
        await world.sweep_for(2)
        assert (await world.refunds(payment))[0].status is R.SUCCEEDED

    async def test_one_that_is_sent_back_is_booked_back(self, world: World) -> None:
        payment = await world.paid()
        refund = await world.payments.submit_refund((await world.asked_back(payment)).id)
        assert refund.provider_id is not None
        world.machine.fail_refund(refund.provider_id, "declined")
        for event in world.machine.state.rows("events"):
            await world.payments.take_event("stripe", {}, json.dumps(event).encode())
        [failed] = await world.refunds(payment)
        assert (failed.status, failed.failure) == (R.FAILED, "declined")
        assert await world.clearing(payment) == world.at_provider() == AMOUNT.cents

    async def test_an_unknown_id(self, world: World) -> None:
        with pytest.raises(NotFound):
            await world.payments.submit_refund(UUID(int=99))


class TestNoticing:
    def foreign(self, world: World, **fields: Any) -> None:
        """A session that the sandbox would not make: somebody else's on the same account."""
        state, made = world.machine.state, world.machine.create_session(stripe_words.session_params(A_SESSION))
        state.change("sessions", made["id"], **fields)

    async def test_foreign_sessions_do_not_stop_the_walk(self, world: World) -> None:
        nothing: dict[str, Any] = {"currency": None, "amount_total": None, "payment_intent": None}
        self.foreign(world, mode="setup", metadata={}, **nothing)
        self.foreign(world, mode="setup", metadata={"order": "7"}, **nothing)
        self.foreign(world, metadata={"payment_id": str(UUID(int=77))}, **nothing)  # ours, they say
        payment = await world.opened()
        stray = await self.stray(world, payment)
        await world.payments.sweep()
        assert world.machine.get("sessions", stray)["status"] == "expired"
        world.clock.advance(minutes=1)
        await world.payments.sweep()  # sees that it is
        async with world.books.transaction() as tx:
            assert await world.books.listed_until(tx, "stripe") == world.clock()

    async def test_our_session_without_an_amount_needs_attention(self, world: World) -> None:
        payment = await world.opened()
        assert payment.session_id is not None
        world.machine.state.change("sessions", payment.session_id, currency=None)
        assert (await world.payments.settle(payment.id)).status is P.ATTENTION

    async def test_one_bad_session_holds_the_mark_back_but_not_for_ever(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bad, good = await world.opened(1001), await world.opened(1002)
        strays = [await self.stray(world, payment) for payment in (bad, good)]
        in_order = Settling.take_stray

        async def take_stray(self: Settling, payment_id: UUID, seen: Any) -> bool:
            if payment_id == bad.id:
                raise ZeroDivisionError
            return await in_order(self, payment_id, seen)

        monkeypatch.setattr(Settling, "take_stray", take_stray)

        async def mark() -> datetime | None:
            async with world.books.transaction() as tx:
                return await world.books.listed_until(tx, "stripe")

        await world.payments.sweep()
        assert world.machine.get("sessions", strays[1])["status"] == "expired"
        began = await mark()
        assert began == world.clock() - FIRST_LISTING
        world.clock.advance(days=1)
        await world.payments.sweep()
        assert await mark() == began
        world.clock.advance(days=2)
        await world.payments.sweep()
        assert await mark() == world.clock() - HELD_BACK_AT_MOST
        for _ in range(2):
            world.clock.advance(hours=1)
            await world.payments.sweep()
        assert await mark() == world.clock()

    async def test_a_list_that_cannot_be_read_does_not_stop_the_sweep(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        payment = await world.opened()
        world.pay(payment)
        world.clock.advance(minutes=1)

        async def changed(since: datetime) -> list[Any]:
            raise AttributeError

        monkeypatch.setattr(world.provider, "changed", changed)
        assert await world.payments.sweep() == 1
        assert (await world.now(payment)).status is P.PAID

    async def test_nothing_of_a_message_is_kept_but_what_it_is_about(self, db: Database) -> None:
        world = World(books=PgBooks(db))
        payment = await world.opened()
        thing = {
            "id": payment.session_id,
            "object": "checkout.session",
            "metadata": {"payment_id": str(payment.id)},
            "customer_details": {"email": "erika@example.org", "name": "Erika Mustermann"},
        }
        event = {"id": "evt_1", "type": "checkout.session.completed", "data": {"object": thing}}
        await world.payments.take_event("stripe", {}, json.dumps(event).encode())
        async with db.transaction() as conn:
            [row] = await conn.fetch("SELECT * FROM vendor_event")
        assert dict(row) == {
            "vendor": "stripe",
            "event_id": "evt_1",
            "kind": "checkout.session.completed",
            "payment_id": payment.id,
            "refund_id": None,
            "received_at": world.clock(),
        }

    async def test_lost_messages_are_made_up_for(self, world: World) -> None:
        payment = await world.opened()
        world.pay(payment)
        world.lost = [("changed", "before")] * 2
        assert await world.payments.sweep() == 0  # not yet due
        world.clock.advance(minutes=1)
        assert await world.payments.sweep() == 1
        assert (await world.now(payment)).status is P.PAID

    async def test_messages_in_any_order_and_number(self, world: World) -> None:
        payment = await world.opened()
        world.pay(payment)
        events = world.machine.state.rows("events")
        for event in [*reversed(events), *events]:
            await world.payments.take_event("stripe", {}, json.dumps(event).encode())
        assert (await world.now(payment)).status is P.PAID
        assert world.hooks.told == [("paid", REFERENCE)]

    async def test_messages_about_others(self, world: World) -> None:
        theirs = World(new_id=world.new_id)
        await theirs.asked_back(await theirs.paid())
        await theirs.payments.sweep()
        for event in theirs.machine.state.rows("events"):
            await world.payments.take_event("stripe", {}, json.dumps(event).encode())
        with pytest.raises(NotFound):
            await world.payments.take_event("other", {}, b"{}")

    async def test_a_message_kept_counts_even_if_the_look_fails(self, world: World) -> None:
        payment = await world.opened()
        world.pay(payment)
        world.lost = [("fetch", "before")] * 9
        for event in world.machine.state.rows("events"):
            await world.payments.take_event("stripe", {}, json.dumps(event).encode())
        assert (await world.now(payment)).status is P.OPEN

    async def test_nobody_came_back_to_an_intention(self, world: World) -> None:
        payment = await world.request()
        await world.sweep_for(59)
        assert (await world.now(payment)).status is P.INTENDED
        await world.sweep_for(2)
        assert (await world.now(payment)).status is P.FENCED

    async def test_a_session_that_runs_out_is_noticed(self, world: World) -> None:
        payment = await world.opened()
        await world.sweep_for(33)
        assert (await world.now(payment)).status is P.FENCED
        assert world.hooks.told == [("fenced", REFERENCE)]

    async def test_one_bad_row_does_not_keep_the_others_waiting(self, world: World) -> None:
        bad, good = await world.opened(1001), await world.opened(1002)
        world.pay(bad)
        world.pay(good)
        in_order = world.hooks.on_paid

        async def fail_first(tx: object, payment: Payment) -> Outcome:
            if payment.id == bad.id:
                raise ZeroDivisionError
            return await in_order(tx, payment)

        world.hooks.on_paid = fail_first  # type: ignore[method-assign]
        await world.sweep_for(1)
        assert ((await world.now(bad)).status, (await world.now(good)).status) == (P.OPEN, P.PAID)
        world.hooks.on_paid = in_order  # type: ignore[method-assign]
        await world.sweep_for(1)
        assert (await world.now(bad)).status is P.PAID

    async def stray(self, world: World, payment: Payment) -> str:
        """A session that no row of ours names, as a raised attempt could leave behind."""
        row = world.machine.create_session(stripe_words.session_params(order_of(payment)))
        return str(row["id"])

    @pytest.mark.parametrize("by", ["list", "message"])
    async def test_a_second_paid_session_is_given_back(self, world: World, by: str) -> None:
        payment = await world.opened()
        session_id = await self.stray(world, payment)
        world.machine.pay(session_id)
        world.pay(payment)
        if by == "message":
            for event in world.machine.state.rows("events"):
                await world.payments.take_event("stripe", {}, json.dumps(event).encode())
        await world.sweep_for(3)
        async with world.books.transaction() as tx:
            extra = await world.books.payment_of_session(tx, session_id)
            living = await world.payments.living(tx, REFERENCE)
        assert living is not None
        assert living.id == payment.id
        assert extra is not None
        assert extra.surplus
        assert [refund.status for refund in await world.refunds(extra)] == [R.SUCCEEDED]
        assert await world.refunds(payment) == []
        assert await world.clearing(payment, extra) == world.at_provider() == AMOUNT.cents

    async def test_a_second_open_session_is_closed(self, world: World) -> None:
        payment = await world.opened()
        await self.stray(world, payment)
        world.lost = [("changed", "after"), ("fence", "before")]
        await world.sweep_for(4)
        assert world.sessions() == ["open", "expired"]
        assert (await world.now(payment)).status is P.OPEN

    async def test_a_session_that_turns_up_after_the_fence_is_closed(self, world: World) -> None:
        payment = await world.request()
        world.clock.advance(minutes=5)
        assert (await world.payments.fence(payment.id)).status is P.FENCED
        world.clock.advance(minutes=-5)
        await self.stray(world, payment)
        await world.sweep_for(2)
        assert world.sessions() == ["expired"]
        assert world.hooks.told == [("fenced", REFERENCE)]


class Crash(BaseException):
    """The process is gone: nothing catches it."""


@pytest.fixture
def disarmed() -> Iterator[None]:
    yield
    failpoint.arm(None)


STEPS = sorted(name for name in failpoint.POINTS if name.startswith(("payment.", "refund.")))
UNUSUAL = {
    "payment.attempt-raised",
    "payment.take-attempt-raised",
    "refund.attempt-raised",
    "payment.stray-fenced",
    "refund.postponed",
    "refund.listed-at-provider",
    "refund.recognised",
}


class TestCrash:
    async def story(self, world: World) -> None:
        """One is paid and given back, by rule and by two persons; one is given up. Each step can be told to go on."""
        kept, given_up = await world.opened(1001), await world.opened(1002)
        if "complete" not in world.sessions():
            world.pay(kept)
        for event in world.machine.state.rows("events"):
            await world.payments.take_event("stripe", {}, json.dumps(event).encode())
        await world.payments.fence(given_up.id)
        await self.reserve(world)
        refund = await world.asked_back(await world.payments.settle(kept.id), Money(400))
        await world.payments.submit_refund(refund.id)
        async with world.books.transaction() as tx:
            await world.payments.serve_on(tx, [kept.reference], NOW.date())
        await world.payments.earn_due(NOW.date())
        asked = await world.payments.propose_refund(kept.id, by=1, note="Paid twice", key=UUID(int=7))
        await world.payments.approve_refund(kept.id, asked.id, by=2)
        await world.payments.sweep()
        world.clock.advance(minutes=1)
        await world.payments.sweep()

    async def reserve(self, world: World) -> None:
        """One is reserved and taken for its day, of another one only a part, a third is let go."""
        for reference, less in ((1003, 0), (1004, 800), (1005, 1300)):
            payment = await world.payments.open((await world.request(reference, capture=Capture.MANUAL)).id)
            if payment.status is P.OPEN:
                if "open" in world.sessions():
                    with contextlib.suppress(ApiError):
                        world.pay(payment)
                payment = await world.payments.settle(payment.id)
            if payment.status is P.AUTHORISED and less and payment.keep_cents is None:
                await world.less(payment, Money(less))
            if less:
                for due in await world.charge(payment):
                    await world.payments.take(due)
            else:
                async with world.books.transaction() as tx:
                    await world.payments.serve_on(tx, [payment.reference], NOW.date())
                await world.payments.charge_due(NOW.date() + timedelta(days=1))

    @pytest.mark.parametrize("nth", [1, 2, 3])
    @pytest.mark.parametrize("step", STEPS)
    async def test_at_every_step(self, world: World, step: str, nth: int, disarmed: None) -> None:
        times = 0

        def crash(name: str) -> None:
            nonlocal times
            times += name == step
            if name == step and times == nth:
                raise Crash

        failpoint.arm(crash)
        try:
            await self.story(world)
        except Crash:
            world.restart()
            await self.story(world)
        failpoint.arm(None)
        assert times or step in UNUSUAL
        await world.sweep_for(65)
        async with world.books.transaction() as tx:
            kept = await world.payments.latest(tx, UUID(int=1001))
            given_up = await world.payments.latest(tx, UUID(int=1002))
            assert kept is not None
            assert given_up is not None
            kinds = [journal.kind for journal in await world.books.journals(tx, kept.id)]
            assert kinds == ["fee", "refund", "earned", "refund"]
            assert kept.advance_cents == 0
            reserved = [await world.payments.latest(tx, UUID(int=number)) for number in (1003, 1004, 1005)]
        assert (kept.status, given_up.status) == (P.PAID, P.FENCED)
        assert [refund.status for refund in await world.refunds(kept)] == [R.SUCCEEDED, R.SUCCEEDED]
        assert [(one.status, one.captured_cents) for one in reserved if one is not None] == [
            (P.PAID, 1300),
            (P.PAID, 500),
            (P.FENCED, 0),
        ]
        assert await world.clearing(kept) == 0
        assert await world.clearing(*(one for one in reserved if one is not None)) == world.at_provider() == 1800
        assert "open" not in world.sessions()


def test_no_step_was_forgotten() -> None:
    assert usecases.__name__ == "payment.usecases"  # imported, so that its steps are in the registry
    assert len(STEPS) >= 15


async def test_the_net_loses_what_it_is_told_to(world: World) -> None:
    world.lost = [("find", "after")]
    with pytest.raises(OutcomeUnknown):
        await world.provider.find(UUID(int=1), world.clock())
