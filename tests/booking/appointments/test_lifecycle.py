"""Paying, cancelling and running out, in memory: every order of payer, clock and provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from base.clock import SettableClock
from base.errors import NotFound
from base.money import Money
from booking.appointments.hooks import CaseHooks
from booking.appointments.lifecycle import HoldOver, Lifecycle, NotCancellable, TooLate
from booking.appointments.model import AppointmentStatus, CaseState
from booking.appointments.slots_memory import BareHold, MemorySlots
from payment.books_memory import MemoryBooks
from payment.context import PaymentUnavailable
from payment.memory import MemoryDatabase
from payment.model import Payment, PaymentStatus, Refund, RefundStatus
from payment.ports import SessionState
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

    async def case(self, *, fee_cents: int = 3700, refund_percent: int = 100) -> UUID:
        case = CaseState(
            id=uuid4(),
            number="K7F-3QM",
            status=_S.HELD,
            language="de",
            starts_at=START,
            hold_until=self.clock() + timedelta(minutes=15),
            fee=Money(fee_cents),
            refund_percent=refund_percent,
        )
        async with self.db.transaction() as tx:
            self.slots.add_case(tx, case)
        return case.id

    def status(self, ident: UUID) -> AppointmentStatus:
        status: AppointmentStatus = next(case.status for case in self.db.rows("case") if case.id == ident)
        return status

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
        assert await world.life.expire_due() == 0
        world.clock.advance(minutes=15)
        assert await world.life.expire_due() == 2
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

    async def test_late_money_for_lost_time_goes_back(self, world: World) -> None:
        """Of a provider that cannot fence."""
        ident = await world.case()
        await world.life.pay(ident, "http://back")
        world.clock.advance(minutes=15)
        await world.life.expire_due()
        session = world.provider.sessions[f"cs_{world.payment.id}"]
        world.provider.sessions[session.session_id] = replace(session, state=SessionState.PAID, charge_id="pi")
        await world.payments.settle(world.payment.id)
        assert (world.status(ident), world.payment.status) == (_S.EXPIRED, PaymentStatus.PAID)
        await world.payments.submit_refund(world.refund.id)
        assert (world.refund.amount_cents, world.refund.status) == (3700, RefundStatus.SUCCEEDED)
        assert world.notices == ["refund_succeeded"]


class TestCancel:
    async def test_a_paid_case_gets_its_money_back(self, world: World) -> None:
        ident = await _paid(world, await world.case())
        await world.life.cancel(ident)
        assert world.status(ident) is _S.CANCELLED
        assert (world.refund.amount_cents, world.refund.status) == (3700, RefundStatus.SUCCEEDED)
        assert world.notices == ["appointment_confirmed", "appointment_cancelled", "refund_succeeded"]
        await world.life.cancel(ident)
        assert len(world.db.rows("refund")) == 1

    async def test_the_policy_may_give_a_share_or_nothing(self, world: World) -> None:
        ident = await _paid(world, await world.case(refund_percent=50))
        await world.life.cancel(ident)
        assert world.refund.amount_cents == 1850
        other = World()
        await other.life.cancel(await _paid(other, await other.case(refund_percent=0)))
        assert other.db.rows("refund") == []

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

    async def test_cancelled_while_the_provider_is_silent_is_swept_up_at_once(self, world: World) -> None:
        ident = await world.case()
        await world.life.pay(ident, "")
        world.provider.silent = True
        await world.life.cancel(ident)
        assert world.status(ident) is _S.EXPIRING
        world.provider.silent = False
        await world.life.expire_due()  # the hold itself would have lasted longer
        assert world.status(ident) is _S.EXPIRED

    async def test_not_after_the_start_and_not_what_is_over(self, world: World) -> None:
        confirmed, expired = await _paid(world, await world.case()), await world.case()
        world.clock.set(START)
        with pytest.raises(TooLate):
            await world.life.cancel(confirmed)
        await world.life.expire_due()
        with pytest.raises(NotCancellable):
            await world.life.cancel(expired)


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
