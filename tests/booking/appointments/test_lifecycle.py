"""Paying, cancelling and running out, in memory: every order of payer, clock and provider."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from base.clock import SettableClock
from base.errors import NotFound
from base.money import Money
from booking.appointments import lifecycle
from booking.appointments.hooks import CaseHooks
from booking.appointments.lifecycle import HoldOver, Lifecycle, NotCancellable, RefundDiffers, TooLate
from booking.appointments.model import AppointmentStatus, CaseState, MoveState
from booking.appointments.policy import Terms
from booking.appointments.slots_memory import BareHold, MemorySlots
from payment.books_memory import MemoryBooks
from payment.context import PaymentUnavailable
from payment.memory import MemoryDatabase
from payment.model import Payment, PaymentStatus, Refund, RefundReason, RefundStatus
from payment.ports import Abilities, SessionState
from payment.usecases import Payments
from tests.booking.appointments.toy_provider import ToyProvider
from tests.booking.availability.city import TUESDAY, at

_S = AppointmentStatus
START = at(TUESDAY, 10)


class World:
    def __init__(self) -> None:
        self.clock = SettableClock(at(TUESDAY, 7))
        self.db = MemoryDatabase()
        self.slots = MemorySlots()
        self.provider = ToyProvider()
        hooks = CaseHooks(self.slots, self.clock)
        self.payments = Payments(MemoryBooks(self.db), {"toy": self.provider}, hooks, self.clock, uuid4)
        self.life = Lifecycle(self.db.transaction, self.slots, self.payments, self.clock, lambda case: case.number)

    async def case(self, *, fee_cents: int = 3700, refund_percent: int = 100, terms: Terms | None = None) -> UUID:
        case = CaseState(
            id=uuid4(),
            number="K7F-3QM",
            status=_S.HELD,
            language="de",
            starts_at=START,
            hold_until=self.clock() + timedelta(minutes=15),
            fee=Money(fee_cents),
            terms=terms or Terms.of(refund_percent, (), ()),
        )
        async with self.db.transaction() as tx:
            self.slots.add_case(tx, case)
        return case.id

    def status(self, ident: UUID) -> AppointmentStatus:
        status: AppointmentStatus = next(case.status for case in self.db.rows("case") if case.id == ident)
        return status

    def of(self, ident: UUID) -> CaseState:
        found: CaseState = next(case for case in self.db.rows("case") if case.id == ident)
        return found

    def waits(self, hold: UUID) -> bool:
        return any(move.is_waiting for move in self.db.rows("waiting") if move.id == hold)

    def difference(self, hold: UUID) -> Payment:
        (payment,) = [one for one in self.db.rows("payment") if one.reference == hold]
        assert isinstance(payment, Payment)
        return payment

    @property
    def payment(self) -> Payment:
        (payment,) = self.db.rows("payment")
        assert isinstance(payment, Payment)
        return payment

    @property
    def refund(self) -> Refund:
        (refund,) = self.db.rows("refund")
        assert isinstance(refund, Refund)
        return refund

    @property
    def notices(self) -> list[str]:
        return [notice.template for notice in self.db.rows("notice")]


@pytest.fixture
def world() -> World:
    return World()


class TestPay:
    async def test_nothing_to_pay_is_confirmed_at_once(self, world: World) -> None:
        ident = await world.case(fee_cents=0)
        assert await world.life.pay(ident, "http://back") is None
        assert world.status(ident) is _S.CONFIRMED
        assert world.notices == ["appointment_confirmed"]
        assert await world.life.pay(ident, "http://back") is None
        assert world.notices == ["appointment_confirmed"]

    async def test_a_fee_leads_to_the_provider_and_back(self, world: World) -> None:
        ident = await world.case()
        url = await world.life.pay(ident, "http://back")
        assert url == world.payment.pay_url
        assert (world.payment.amount, world.payment.description) == (Money(3700), "K7F-3QM")
        assert await world.life.pay(ident, "http://back") == url  # the second tab meets the first one's session
        world.provider.pay(world.payment.id)
        await world.life.settle(ident)
        assert (world.status(ident), world.payment.status) == (_S.CONFIRMED, PaymentStatus.PAID)
        assert await world.life.pay(ident, "http://back") is None

    async def test_a_silent_provider_loses_nothing(self, world: World) -> None:
        ident = await world.case()
        world.provider.silent = True
        with pytest.raises(PaymentUnavailable):
            await world.life.pay(ident, "http://back")
        assert world.status(ident) is _S.HELD
        world.provider.silent = False
        assert await world.life.pay(ident, "http://back")

    async def test_not_after_the_hold(self, world: World) -> None:
        ident = await world.case()
        world.clock.advance(minutes=15)
        with pytest.raises(HoldOver):
            await world.life.pay(ident, "http://back")

    async def test_of_nobody(self, world: World) -> None:
        for act in (world.life.pay(uuid4(), ""), world.life.cancel(uuid4())):
            with pytest.raises(NotFound):
                await act

    async def test_a_session_that_died_leaves_the_hold_to_be_paid_once_more(self, world: World) -> None:
        ident = await world.case()
        await world.life.pay(ident, "http://back")
        first = world.payment.id
        await world.payments.fence(first)
        assert world.status(ident) is _S.HELD
        assert await world.life.pay(ident, "http://back") != f"https://pay.example/{first}"


class TestExpiry:
    async def test_unpaid_time_is_freed(self, world: World) -> None:
        ident = await world.case()
        async with world.db.transaction() as tx:
            world.slots.add_bare_hold(tx, BareHold(uuid4(), world.clock() + timedelta(minutes=15)))
        assert await world.life.expire_bare() == await world.life.expire_due() == 0
        world.clock.advance(minutes=15)
        assert await world.life.expire_bare() == await world.life.expire_due() == 1
        assert world.status(ident) is _S.EXPIRED
        assert world.db.rows("bare_hold") == []
        assert await world.life.expire_due() == 0

    async def test_an_open_payment_is_fenced_first(self, world: World) -> None:
        ident = await world.case()
        await world.life.pay(ident, "http://back")
        world.clock.advance(minutes=15)
        await world.life.expire_due()
        assert world.status(ident) is _S.EXPIRED
        assert world.provider.state(world.payment.id) is SessionState.DEAD

    async def test_while_the_provider_is_silent_the_time_stays_taken(self, world: World) -> None:
        ident = await world.case()
        await world.life.pay(ident, "http://back")
        world.clock.advance(minutes=15)
        world.provider.silent = True
        for _ in range(3):
            await world.life.expire_due()
            assert world.status(ident) is _S.EXPIRING
            world.clock.advance(minutes=1)
        world.provider.silent = False
        await world.life.expire_due()
        assert world.status(ident) is _S.EXPIRED

    async def test_money_that_came_before_the_fence_keeps_the_time(self, world: World) -> None:
        ident = await world.case()
        await world.life.pay(ident, "http://back")
        world.provider.pay(world.payment.id)
        world.clock.advance(hours=1)
        await world.life.expire_due()
        assert world.status(ident) is _S.CONFIRMED
        assert world.notices == ["appointment_confirmed"]

    async def test_money_while_expiring_keeps_the_time(self, world: World) -> None:
        ident = await world.case()
        await world.life.pay(ident, "http://back")
        world.clock.advance(minutes=15)
        world.provider.silent = True
        await world.life.expire_due()
        world.provider.silent = False
        world.provider.pay(world.payment.id)
        await world.payments.settle(world.payment.id)
        assert world.status(ident) is _S.CONFIRMED

    async def paid_late(self, world: World) -> UUID:
        """To a provider that cannot fence."""
        world.provider.abilities = Abilities(fence=False)
        ident = await world.case()
        await world.life.pay(ident, "http://back")
        world.clock.advance(minutes=15)
        await world.life.expire_due()
        assert (world.status(ident), world.payment.status) == (_S.EXPIRED, PaymentStatus.LAPSED)
        world.provider.pay(world.payment.id)
        return ident

    async def test_late_money_has_its_time_again(self, world: World) -> None:
        ident = await self.paid_late(world)
        await world.payments.settle(world.payment.id)
        assert (world.status(ident), world.payment.status) == (_S.CONFIRMED, PaymentStatus.PAID)
        assert world.notices == ["appointment_confirmed"]

    async def test_late_money_for_lost_time_goes_back(self, world: World) -> None:
        ident = await self.paid_late(world)
        world.slots.is_free = lambda tx, case: False
        await world.payments.settle(world.payment.id)
        assert (world.status(ident), world.payment.status) == (_S.EXPIRED, PaymentStatus.PAID)
        await world.payments.submit_refund(world.refund.id)
        assert (world.refund.amount_cents, world.refund.status) == (3700, RefundStatus.SUCCEEDED)
        assert world.notices == ["paid_too_late", "refund_succeeded"]

    async def test_late_money_for_a_time_that_has_begun_goes_back(self, world: World) -> None:
        ident = await self.paid_late(world)
        world.clock.advance(seconds=(START - world.clock()).total_seconds())
        await world.payments.settle(world.payment.id)
        assert (world.status(ident), world.refund.amount_cents) == (_S.EXPIRED, 3700)

    async def test_late_money_does_not_bring_back_what_was_given_up(self, world: World) -> None:
        world.provider.abilities = Abilities(fence=False)
        ident = await world.case()
        await world.life.pay(ident, "http://back")
        await world.life.cancel(ident)
        assert (world.status(ident), world.payment.status) == (_S.CANCELLED, PaymentStatus.LAPSED)
        world.provider.pay(world.payment.id)
        await world.payments.settle(world.payment.id)
        assert (world.status(ident), world.refund.amount_cents) == (_S.CANCELLED, 3700)

    async def test_a_silent_provider_is_asked_once_a_minute_for_each_case(self, world: World) -> None:
        idents = [await world.case() for _ in range(3)]
        for ident in idents:
            await world.life.pay(ident, "http://back")
        world.clock.advance(minutes=15)
        world.provider.silent = True
        assert await world.life.expire_due() == 3
        for _ in range(29):
            world.clock.advance(seconds=2)
            assert await world.life.expire_due() == 0
        world.clock.advance(seconds=2)
        assert await world.life.expire_due() == 3

    async def test_those_who_were_never_tried_come_before_stuck_ones(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lifecycle, "_CASES_PER_ROUND", 2)
        stuck = [await world.case() for _ in range(4)]
        for ident in stuck:
            await world.life.pay(ident, "http://back")
        world.clock.advance(minutes=15)
        world.provider.silent = True
        assert [await world.life.expire_due() for _ in range(3)] == [2, 2, 0]
        fresh = await world.case()
        world.clock.advance(minutes=15)  # all four are due again, and older
        assert await world.life.expire_due() == 2
        assert world.status(fresh) is _S.EXPIRED
        assert [world.status(ident) for ident in stuck] == [_S.EXPIRING] * 4

    async def test_bare_holds_do_not_wait_behind_a_silent_provider(self, world: World) -> None:
        ident = await world.case()
        await world.life.pay(ident, "http://back")
        async with world.db.transaction() as tx:
            world.slots.add_bare_hold(tx, BareHold(uuid4(), world.clock()))
        world.clock.advance(minutes=15)

        async def hang(payment_id: UUID) -> Payment:
            await asyncio.Event().wait()
            raise AssertionError

        world.payments.fence = hang  # type: ignore[method-assign]
        hanging = asyncio.create_task(world.life.expire_due())
        await asyncio.sleep(0)
        assert await asyncio.wait_for(world.life.expire_bare(), 1) == 1
        hanging.cancel()

    @pytest.mark.parametrize("step", ["living", "fence"])
    async def test_one_bad_case_does_not_keep_the_others_from_their_turn(
        self, world: World, step: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        bad, good = await world.case(), await world.case()
        for ident in (bad, good):
            await world.life.pay(ident, "http://back")
        payment = next(row for row in world.db.rows("payment") if row.reference == bad)
        world.clock.advance(minutes=15)
        real = getattr(world.payments, step)

        async def broken(*given: object) -> object:
            if given[-1] in (bad, payment.id):
                raise ZeroDivisionError
            return await real(*given)

        monkeypatch.setattr(world.payments, step, broken)
        assert await world.life.expire_due() == 2
        assert (world.status(good), world.status(bad)) == (_S.EXPIRED, _S.HELD if step == "living" else _S.EXPIRING)
        (record,) = [record for record in caplog.records if record.exc_info]
        assert record.__dict__["appointment"] == str(bad)
        assert await world.life.expire_due() == 0  # not before a minute has gone by

    @pytest.mark.parametrize("is_cancelled", [False, True])
    async def test_money_that_the_case_refused_does_not_hold_its_time(self, world: World, is_cancelled: bool) -> None:
        ident = await world.case()
        await world.life.pay(ident, "http://back")
        async with world.db.transaction() as tx:  # the fee is another one now: no code of ours does that
            world.slots.add_case(tx, replace(tx["case"][ident], fee=Money(9900)))
        world.provider.pay(world.payment.id)
        await world.payments.settle(world.payment.id)
        assert (world.status(ident), world.payment.status) == (_S.HELD, PaymentStatus.PAID)
        if is_cancelled:
            await world.life.cancel(ident)
        else:
            world.clock.advance(minutes=15)
            await world.life.expire_due()
        assert world.status(ident) is (_S.CANCELLED if is_cancelled else _S.EXPIRED)
        assert world.refund.amount_cents == 3700


class TestCancel:
    async def test_a_paid_case_gets_its_money_back(self, world: World) -> None:
        ident = await _paid(world, await world.case())
        await world.life.cancel(ident)
        assert world.status(ident) is _S.CANCELLED
        assert (world.refund.amount_cents, world.refund.status) == (3700, RefundStatus.SUCCEEDED)
        assert world.notices == ["appointment_confirmed", "appointment_cancelled", "refund_succeeded"]
        await world.life.cancel(ident)
        assert len(world.db.rows("refund")) == 1

    @pytest.mark.parametrize(("by_staff", "by_rule"), [(3000, 700), (3700, None)])
    async def test_what_staff_has_given_back_is_not_given_twice(
        self, world: World, by_staff: int, by_rule: int | None
    ) -> None:
        ident = await _paid(world, await world.case())
        async with world.db.transaction() as tx:  # a refund by two persons, of any amount
            await world.payments.request_refund(tx, world.payment.id, Money(by_staff), RefundReason.LOST_SLOT)
        await world.life.cancel(ident)
        assert world.status(ident) is _S.CANCELLED
        given = {refund.reason: refund.amount_cents for refund in world.db.rows("refund")}
        assert given.get(RefundReason.CANCELLED) == by_rule
        assert world.payment.refunded_cents == 3700

    async def test_the_policy_may_give_a_share_or_nothing(self, world: World) -> None:
        ident = await _paid(world, await world.case(refund_percent=50))
        await world.life.cancel(ident)
        assert world.refund.amount_cents == 1850
        other = World()
        await other.life.cancel(await _paid(other, await other.case(refund_percent=0)))
        assert other.db.rows("refund") == []

    @pytest.mark.parametrize(("hours", "cents"), [(2, 3700), (1, 1850), (0.5, None)])
    async def test_it_falls_in_steps(self, world: World, hours: float, cents: int | None) -> None:
        ident = await _paid(world, await world.case(terms=Terms.of(100, (2, 1), (100, 50))))
        world.clock.set(START - timedelta(hours=hours))
        await world.life.cancel(ident)
        assert world.status(ident) is _S.CANCELLED
        assert [refund.amount_cents for refund in world.db.rows("refund")] == ([cents] if cents else [])

    async def test_nobody_gets_back_less_than_was_shown(self, world: World) -> None:
        ident = await _paid(world, await world.case(terms=Terms.of(100, (2, 1), (100, 50))))
        world.clock.set(START - timedelta(hours=2, seconds=-1))  # looked at it one second before
        with pytest.raises(RefundDiffers):
            await world.life.cancel(ident, Money(3700))
        assert (world.status(ident), world.db.rows("refund")) == (_S.CONFIRMED, [])
        await world.life.cancel(ident, Money(1850))
        await world.life.cancel(ident, Money(1850))  # a button pressed twice
        assert world.refund.amount_cents == 1850

    async def test_a_silent_provider_is_asked_again_by_the_sweep(self, world: World) -> None:
        ident = await _paid(world, await world.case())
        world.provider.silent = True
        await world.life.cancel(ident)
        assert (world.status(ident), world.refund.status) == (_S.CANCELLED, RefundStatus.SUBMITTED)

    async def test_a_free_one_and_a_held_one(self, world: World) -> None:
        free, held = await world.case(fee_cents=0), await world.case()
        await world.life.pay(free, "")
        for ident in (free, held):
            await world.life.cancel(ident)
            assert world.status(ident) is _S.CANCELLED

    async def test_a_held_one_with_an_open_payment_is_fenced(self, world: World) -> None:
        ident = await world.case()
        await world.life.pay(ident, "")
        await world.life.cancel(ident)
        assert world.status(ident) is _S.EXPIRED
        assert world.provider.state(world.payment.id) is SessionState.DEAD

    async def test_where_the_payer_was_faster_the_money_goes_back(self, world: World) -> None:
        ident = await world.case()
        await world.life.pay(ident, "")
        world.provider.pay(world.payment.id)
        await world.life.cancel(ident)
        assert world.status(ident) is _S.CANCELLED
        assert world.refund.status is RefundStatus.SUCCEEDED

    async def test_cancelled_while_the_provider_is_silent_is_swept_up_soon(self, world: World) -> None:
        ident = await world.case()
        await world.life.pay(ident, "")
        world.provider.silent = True
        await world.life.cancel(ident)
        assert world.status(ident) is _S.EXPIRING
        world.provider.silent = False
        world.clock.advance(minutes=1)
        await world.life.expire_due()  # the hold itself would have lasted longer
        assert world.status(ident) is _S.EXPIRED

    async def test_not_after_the_start_and_not_what_has_taken_place(self, world: World) -> None:
        confirmed = await _paid(world, await world.case())
        world.clock.set(START)
        with pytest.raises(TooLate):
            await world.life.cancel(confirmed)
        async with world.db.transaction() as tx:
            await world.slots.move(tx, confirmed, _S.FINISHED)
        with pytest.raises(NotCancellable):
            await world.life.cancel(confirmed)

    async def test_what_has_run_out_may_be_cancelled_any_number_of_times(self, world: World) -> None:
        ident = await world.case()
        await world.life.pay(ident, "")
        for _try in range(3):
            await world.life.cancel(ident)
            assert world.status(ident) is _S.EXPIRED


class TestGiveBack:
    async def test_a_time_that_is_not_booked_is_free_again(self, world: World) -> None:
        bare, opened = await world.case(), await world.case()
        await world.life.pay(opened, "")
        for ident, status in ((bare, _S.CANCELLED), (opened, _S.EXPIRED)):
            await world.life.give_back(ident)
            assert world.status(ident) is status
        assert world.provider.state(world.payment.id) is SessionState.DEAD

    async def test_what_was_paid_in_this_moment_stays_booked(self, world: World) -> None:
        ident = await world.case()
        await world.life.pay(ident, "")
        world.provider.pay(world.payment.id)
        await world.life.give_back(ident)
        assert world.status(ident) is _S.CONFIRMED
        await world.life.give_back(ident)
        assert (world.status(ident), world.db.rows("refund")) == (_S.CONFIRMED, [])

    async def test_a_silent_provider_delays_it(self, world: World) -> None:
        ident = await world.case()
        await world.life.pay(ident, "")
        world.provider.silent = True
        await world.life.give_back(ident)
        assert world.status(ident) is _S.EXPIRING


@pytest.mark.parametrize("pays_first", [True, False])
async def test_paying_twice_is_paying_once(world: World, pays_first: bool) -> None:
    """Two tabs: the second one's money cannot even be taken."""
    ident = await world.case()
    urls = [await world.life.pay(ident, tab) for tab in ("one", "two")]
    assert urls[0] == urls[1]
    act: Callable[[UUID], None] = world.provider.pay
    act(world.payment.id)
    act(world.payment.id)
    for _ in range(2):
        await (world.life.settle(ident) if pays_first else world.payments.settle(world.payment.id))
    assert (world.status(ident), world.payment.captured_cents) == (_S.CONFIRMED, 3700)
    assert world.notices == ["appointment_confirmed"]


async def _paid(world: World, ident: UUID) -> UUID:
    await world.life.pay(ident, "")
    world.provider.pay(world.payment.id)
    await world.life.settle(ident)
    assert world.status(ident) is _S.CONFIRMED
    return ident


class TestDearerTime:
    """A booked case is to move to where the fee is more: the hold waits, and the difference is paid under its id."""

    async def test_the_case_moves_when_the_money_comes(self, world: World) -> None:
        case, hold = await _waiting(world)
        world.provider.pay(world.difference(hold).id)
        await world.life.settle(hold)
        moved = world.of(case)
        assert (moved.starts_at, moved.fee, moved.references) == (LATER, Money(4600), (hold, case))
        assert world.notices == ["appointment_confirmed", "appointment_moved"]
        await world.life.cancel(case)
        given = {refund.payment_id: refund.amount_cents for refund in world.db.rows("refund")}
        assert sorted(given.values()) == [900, 3700]

    async def test_part_of_the_fee_comes_from_the_last_payment_first(self, world: World) -> None:
        case, hold = await _waiting(world, Terms.of(50, (), ()))
        world.provider.pay(world.difference(hold).id)
        await world.life.settle(hold)
        await world.life.cancel(case, Money(2300))
        assert sorted(refund.amount_cents for refund in world.db.rows("refund")) == [900, 1400]

    async def test_unpaid_the_new_time_is_free_when_the_provider_says_so_and_not_before(self, world: World) -> None:
        case, hold = await _waiting(world)
        world.provider.silent = True
        world.clock.advance(minutes=16)
        await world.life.expire_due()
        assert world.waits(hold)
        world.provider.silent = False
        world.clock.advance(minutes=2)
        await world.life.expire_due()
        assert (world.waits(hold), world.difference(hold).status) == (False, PaymentStatus.FENCED)
        assert (world.of(case).starts_at, world.status(case)) == (START, _S.CONFIRMED)

    async def test_paid_in_the_last_second(self, world: World) -> None:
        case, hold = await _waiting(world)
        world.provider.pay(world.difference(hold).id)
        world.clock.advance(minutes=16)
        await world.life.expire_due()
        assert world.of(case).starts_at == LATER

    @pytest.mark.parametrize("why", ["cancelled", "begun", "the new one has begun"])
    async def test_what_comes_too_late_goes_back_and_the_case_stays_as_it_is(self, world: World, why: str) -> None:
        case, hold = await _waiting(world)
        world.provider.pay(world.difference(hold).id)
        if why == "cancelled":
            await world.life.cancel(case)
        else:
            world.clock.set(START if why == "begun" else LATER)
        await world.life.settle(hold)
        assert (world.of(case).starts_at, world.waits(hold)) == (START, False)
        back = [one for one in world.db.rows("refund") if one.payment_id == world.difference(hold).id]
        assert [(one.amount_cents, one.reason) for one in back] == [(900, RefundReason.LOST_SLOT)]

    async def test_a_cancelled_case_waits_for_nothing(self, world: World) -> None:
        case, hold = await _waiting(world)
        await world.life.cancel(case)
        assert (world.waits(hold), world.difference(hold).status) == (False, PaymentStatus.FENCED)


LATER = at(TUESDAY, 11)


async def _waiting(world: World, terms: Terms | None = None) -> tuple[UUID, UUID]:
    """A case that is booked for START, and the hold of a dearer time, with its payment open."""
    case = await _paid(world, await world.case(terms=terms))
    hold = uuid4()
    move = MoveState(
        id=hold,
        case=world.of(case),
        starts_at=LATER,
        hold_until=world.clock() + timedelta(minutes=15),
        fee=Money(4600),
        is_waiting=True,
    )
    async with world.db.transaction() as tx:
        world.slots.add_move(tx, move)
        payment = await world.payments.request(
            tx, reference=hold, amount=Money(900), description="", language="de", return_url=""
        )
    await world.payments.open(payment.id)
    return case, hold
