"""What Payments rely on, of every provider: adapter and sandbox over HTTP, then the whole of Payments on top of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

import pytest

from base.clock import SettableClock
from base.money import Money
from payment.books_memory import MemoryBooks
from payment.context import PaymentUnavailable
from payment.memory import MemoryDatabase
from payment.model import Capture, DisputeStatus, Payment, PaymentStatus, Refund, RefundReason, RefundStatus
from payment.ports import (
    CaptureOrder,
    CaptureProvider,
    DisputeProvider,
    Outcome,
    OutcomeUnknown,
    PaymentOrder,
    PaymentProvider,
    ProviderRefused,
    RefundOrder,
    RefundState,
    SessionState,
    SignatureRefused,
)
from payment.psp_none import NONE, NoProvider
from payment.usecases import Payments
from tests.payment.making import AMOUNT, Ids, RecordingHooks
from tests.payment.providers import COUNTER, SIDES, UNFENCED, CounterSide, Side

PAYMENT = UUID(int=1)
MOMENT = datetime(2026, 12, 1, 9, tzinfo=UTC)
P = PaymentStatus


@pytest.fixture(params=SIDES)
def side_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def side_dsn(side_name: str, request: pytest.FixtureRequest) -> str:
    """A till stands in our own database; the others need none."""
    return str(request.getfixturevalue("dsn")) if side_name == COUNTER else ""


@pytest.fixture
async def side(side_name: str, side_dsn: str) -> AsyncIterator[Side]:
    async with SIDES[side_name](side_dsn) as made:
        yield made


def order(side: Side) -> PaymentOrder:
    return PaymentOrder(
        payment_id=PAYMENT,
        amount=AMOUNT,
        description="Gebühr 13,00 €",
        language="de",
        return_url="http://localhost:8080/de/case",
        expires_at=side.now() + timedelta(minutes=31),
        purpose="RF18SCH000000001",
    )


# The port.


async def test_a_session_is_open_with_an_address_and_our_payment(side: Side) -> None:
    seen = await side.psp.create(order(side), "create:1")
    assert (seen.payment_id, seen.state, seen.amount, seen.charge_id) == (PAYMENT, SessionState.OPEN, AMOUNT, None)
    assert seen.url is not None
    assert await side.psp.fetch(seen.session_id) == seen


async def test_paid_it_has_a_charge_and_no_address(side: Side) -> None:
    seen = await side.psp.create(order(side), "create:1")
    side.pay(seen.session_id)
    after = await side.psp.fetch(seen.session_id)
    assert (after.payment_id, after.state, after.amount, after.url) == (PAYMENT, SessionState.PAID, AMOUNT, None)
    assert after.charge_id is not None


async def test_declined_no_money_has_come(side: Side) -> None:
    seen = await side.psp.create(order(side), "create:1")
    side.decline(seen.session_id)
    after = await side.psp.fetch(seen.session_id)
    assert after.state in (SessionState.OPEN, SessionState.DEAD)  # some let the payer try again


async def test_a_fence_holds_or_is_not_promised(side: Side) -> None:
    seen = await side.psp.create(order(side), "create:1")
    if not side.psp.abilities.fence:
        with pytest.raises(ProviderRefused):
            await side.psp.fence(seen.session_id)
        side.pay(seen.session_id)
        assert (await side.psp.fetch(seen.session_id)).state is SessionState.PAID
        return
    await side.psp.fence(seen.session_id)
    with pytest.raises(Exception, match=r"."):
        side.pay(seen.session_id)
    assert (await side.psp.fetch(seen.session_id)).state is SessionState.DEAD


@pytest.mark.parametrize("before", [True, False])
async def test_silence_is_not_a_failure(side: Side, before: bool) -> None:
    await side.silence("POST", before=before)
    with pytest.raises(OutcomeUnknown):
        await side.psp.create(order(side), "create:1")
    assert side.count() == (0 if before else 1)


async def test_a_garbled_answer_says_nothing(side: Side) -> None:
    await side.garble("POST")
    with pytest.raises(OutcomeUnknown):
        await side.psp.create(order(side), "create:1")
    seen = await side.psp.create(order(side), "create:2")
    await side.garble("GET")
    with pytest.raises(OutcomeUnknown):
        await side.psp.fetch(seen.session_id)


async def test_an_unknown_session_is_no_fact(side: Side) -> None:
    with pytest.raises(OutcomeUnknown):
        await side.psp.fetch("nobody")


async def test_a_refund_arrives_or_is_refused_for_good(side: Side) -> None:
    seen = await side.psp.create(order(side), "create:1")
    side.pay(seen.session_id)
    charge = (await side.psp.fetch(seen.session_id)).charge_id
    assert charge is not None
    part = RefundOrder(refund_id=UUID(int=501), payment_id=PAYMENT, charge_id=charge, amount=Money(500))
    if not side.psp.abilities.refund:
        with pytest.raises(ProviderRefused):
            await side.psp.refund(part, "refund:1")
        assert await side.psp.find_refund(part) is None
        return
    refund = await side.psp.refund(part, "refund:1")
    if isinstance(side, CounterSide):
        assert (refund.state, side.psp.abilities.refund_at_once) == (RefundState.PENDING, False)
        side.give_out(part.refund_id, charge, 500)
        refund = await side.psp.fetch_refund(refund.provider_id)
    assert (refund.state, refund.amount, refund.refund_id) == (RefundState.SUCCEEDED, Money(500), part.refund_id)
    assert (await side.psp.find_refund(part)) == refund
    rest = replace(part, refund_id=UUID(int=502), amount=Money(AMOUNT.cents - 500 + 1))
    with pytest.raises(ProviderRefused):
        await side.psp.refund(rest, "refund:2")


async def test_a_reservation_is_taken_let_go_or_never_made(side: Side) -> None:
    if not side.psp.abilities.capture:
        assert not hasattr(side.psp, "take")
        return
    psp = cast("CaptureProvider", side.psp)
    for payment_id, taken in ((PAYMENT, Money(500)), (UUID(int=2), None)):
        asked = replace(order(side), payment_id=payment_id, capture=Capture.MANUAL)
        made = await side.psp.create(asked, f"create:{payment_id}")
        side.pay(made.session_id)
        seen = await side.psp.fetch(made.session_id)
        assert (seen.state, seen.amount) == (SessionState.AUTHORISED, AMOUNT)
        assert seen.charge_id is not None
        assert seen.reserved_until is not None
        wanted = CaptureOrder(payment_id=payment_id, charge_id=seen.charge_id, amount=taken or AMOUNT)
        if taken is None:
            await psp.let_go(seen.charge_id, "let-go:1")
            with pytest.raises(ProviderRefused):
                await psp.take(wanted, "take:2")
            assert (await side.psp.fetch(made.session_id)).state is SessionState.DEAD
        else:
            await psp.take(wanted, "take:1")
            with pytest.raises(ProviderRefused):
                await psp.let_go(seen.charge_id, "let-go:2")
            after = await side.psp.fetch(made.session_id)
            assert (after.state, after.amount) == (SessionState.PAID, taken)


async def test_money_taken_back_is_seen_or_never_taken_back(side: Side) -> None:
    if not side.psp.abilities.disputes:
        assert not hasattr(side.psp, "disputes_since")
        return
    psp = cast("DisputeProvider", side.psp)
    seen = await side.psp.create(order(side), "create:1")
    side.pay(seen.session_id)
    charge = (await side.psp.fetch(seen.session_id)).charge_id
    assert charge is not None
    assert await psp.disputes_of(charge) == []
    side.dispute(charge)
    [dispute] = await psp.disputes_of(charge)
    assert (dispute.status, dispute.charge_id, dispute.payment_id) == (DisputeStatus.OPEN, charge, PAYMENT)
    assert (dispute.amount, dispute.taken, dispute.returned) == (AMOUNT, AMOUNT, Money(0))
    assert await psp.fetch_dispute(dispute.provider_id) == dispute
    assert await psp.disputes_since(side.now()) == [dispute]
    assert await psp.disputes_since(side.now() + timedelta(hours=1)) == []
    part = RefundOrder(refund_id=UUID(int=501), payment_id=PAYMENT, charge_id=charge, amount=Money(500))
    with pytest.raises(ProviderRefused, match="charge_disputed"):
        await side.psp.refund(part, "refund:1")
    await side.garble("GET")
    with pytest.raises(OutcomeUnknown):
        await psp.disputes_since(side.now())


# Payments on top of it.


@dataclass
class City:
    side: Side
    hooks: RecordingHooks = field(default_factory=RecordingHooks)

    def __post_init__(self) -> None:
        self.books = MemoryBooks(MemoryDatabase())
        self.clock = SettableClock(self.side.now())
        self.payments = Payments(self.books, {self.side.name: self.side.psp}, self.hooks, self.clock, Ids())

    async def request(self) -> Payment:
        async with self.books.transaction() as tx:
            return await self.payments.request(
                tx,
                reference=UUID(int=1001),
                amount=AMOUNT,
                description="Gebühr",
                language="de",
                return_url="http://localhost:8080/de/case",
                at_till=not self.side.psp.abilities.online,
            )

    async def opened(self) -> Payment:
        payment = await self.payments.open((await self.request()).id)
        assert (payment.status, payment.pay_url is None) == (P.OPEN, False)
        return payment

    def pay(self, payment: Payment) -> None:
        assert payment.session_id is not None
        self.side.pay(payment.session_id)

    async def refunds(self, payment: Payment) -> list[Refund]:
        async with self.books.transaction() as tx:
            return await self.payments.refunds(tx, payment.id)

    async def ask_back(self, payment: Payment, amount: Money) -> Refund:
        async with self.books.transaction() as tx:
            refund = await self.payments.request_refund(tx, payment.id, amount, RefundReason.CANCELLED)
        return await self.payments.submit_refund(refund.id)


@pytest.fixture
def city(side: Side) -> City:
    return City(side)


@pytest.fixture(params=UNFENCED)
async def unfenced(request: pytest.FixtureRequest) -> AsyncIterator[City]:
    """Where nothing promises that no money comes any more; a fence is that promise, and is tested above."""
    async with SIDES[request.param]("") as made:
        assert not made.psp.abilities.fence
        yield City(made)


async def test_asked_twice_there_is_one_address(city: City) -> None:
    first = await city.opened()
    assert await city.opened() == first
    assert city.side.count() == 1


@pytest.mark.parametrize("before", [True, False])
async def test_after_a_silence_the_payer_gets_an_address_all_the_same(city: City, before: bool) -> None:
    payment = await city.request()
    await city.side.silence("POST", before=before)
    with pytest.raises(PaymentUnavailable):
        await city.payments.open(payment.id)
    opened = await city.opened()
    city.pay(opened)
    assert (await city.payments.settle(opened.id)).status is P.PAID
    assert city.hooks.told == [("paid", opened.reference)]


async def test_paid_and_looked_at_twice_it_is_told_once(city: City) -> None:
    payment = await city.opened()
    city.pay(payment)
    for _ in range(2):
        assert (await city.payments.settle(payment.id)).status is P.PAID
    assert city.hooks.told == [("paid", payment.reference)]


async def test_nobody_comes_back_and_the_sweep_sees_the_money(city: City) -> None:
    payment = await city.opened()
    city.pay(payment)
    city.clock.advance(minutes=2)
    await city.payments.sweep()
    assert city.hooks.told == [("paid", payment.reference)]


async def test_another_amount_never_counts(city: City) -> None:
    payment = await city.opened()
    city.pay(payment)
    assert payment.session_id is not None
    city.side.charge_less(payment.session_id)
    assert (await city.payments.settle(payment.id)).status is P.ATTENTION
    assert not city.hooks.told


async def test_given_up_it_is_fenced_or_lapsed_and_told(city: City) -> None:
    payment = await city.opened()
    given_up = await city.payments.fence(payment.id)
    assert given_up.status is (P.FENCED if city.side.psp.abilities.fence else P.LAPSED)
    assert (given_up.pay_url, city.hooks.told) == (None, [("fenced", payment.reference)])
    assert await city.payments.fence(payment.id) == given_up


async def test_who_paid_in_time_is_not_given_up(city: City) -> None:
    payment = await city.opened()
    city.pay(payment)
    assert (await city.payments.fence(payment.id)).status is P.PAID
    assert city.hooks.told == [("paid", payment.reference)]


async def test_while_the_provider_is_silent_nothing_is_given_up(city: City) -> None:
    payment = await city.opened()
    city.pay(payment)
    await city.side.silence("GET", before=True)
    await city.payments.fence(payment.id)
    assert ("fenced", payment.reference) not in city.hooks.told
    assert (await city.payments.fence(payment.id)).status is P.PAID


@pytest.mark.parametrize("outcome", Outcome)
async def test_late_money_is_told_and_goes_back_where_it_is_for_nothing(unfenced: City, outcome: Outcome) -> None:
    unfenced.hooks.outcome = outcome
    payment = await unfenced.opened()
    await unfenced.payments.fence(payment.id)
    unfenced.pay(payment)
    unfenced.clock.advance(minutes=90)
    await unfenced.payments.sweep()
    after = await unfenced.payments.settle(payment.id)
    assert after.status is P.PAID
    assert unfenced.hooks.told == [("fenced", payment.reference), ("paid", payment.reference)]
    owed = [(one.reason, one.amount_cents) for one in await unfenced.refunds(payment)]
    assert owed == ([] if outcome is Outcome.KEPT else [(RefundReason.LOST_SLOT, AMOUNT.cents)])


async def test_late_money_beside_another_payment_is_too_much(unfenced: City) -> None:
    late = await unfenced.opened()
    await unfenced.payments.fence(late.id)
    second = await unfenced.opened()
    assert second.id != late.id
    unfenced.pay(late)
    after = await unfenced.payments.settle(late.id)
    assert (after.status, after.surplus) == (P.PAID, True)
    assert [one.reason for one in await unfenced.refunds(late)] == [RefundReason.LOST_SLOT]
    unfenced.pay(second)
    assert (await unfenced.payments.settle(second.id)).status is P.PAID
    assert unfenced.hooks.told == [("fenced", late.reference), ("paid", late.reference)]


@pytest.mark.parametrize("cents", [500, AMOUNT.cents])
async def test_money_goes_back_or_waits_for_a_transfer(city: City, cents: int) -> None:
    payment = await city.opened()
    city.pay(payment)
    await city.payments.settle(payment.id)
    refund = await city.ask_back(payment, Money(cents))
    if isinstance(city.side, CounterSide):  # its payer has to come for it
        assert (refund.status, refund.failure) == (RefundStatus.SUBMITTED, None)
        assert payment.session_id is not None
        city.side.give_out(refund.id, payment.session_id, cents)
        refund = await city.payments.submit_refund(refund.id)
    if city.side.psp.abilities.refund:
        assert (refund.status, refund.failure) == (RefundStatus.SUCCEEDED, None)
    else:
        assert (refund.status, refund.failure) == (RefundStatus.FAILED, "provider_cannot_refund")
        assert (await city.payments.troubles()).failed_refunds == 1


async def test_an_hour_of_silence_loses_nothing(city: City) -> None:
    payment = await city.opened()
    city.pay(payment)
    for _ in range(3):
        await city.side.silence("GET", before=True)
        city.clock.advance(minutes=20)
        await city.payments.sweep()
    city.clock.advance(minutes=2)
    await city.payments.sweep()
    assert city.hooks.told == [("paid", payment.reference)]


# Nobody: a city that takes no money online. What the port promises, as far as nothing can be paid there.


def at_no_provider(**beside: PaymentProvider) -> tuple[Payments, MemoryBooks, RecordingHooks]:
    books, hooks, clock = MemoryBooks(MemoryDatabase()), RecordingHooks(), SettableClock(MOMENT)
    providers: dict[str, PaymentProvider] = {NONE: NoProvider(), **beside}
    return Payments(books, providers, hooks, clock, Ids()), books, hooks


async def test_nobody_makes_no_session_and_knows_of_none() -> None:
    psp = NoProvider()
    asked = PaymentOrder(
        payment_id=PAYMENT, amount=AMOUNT, description="x", language="de", return_url="http://x", expires_at=MOMENT
    )
    with pytest.raises(ProviderRefused):
        await psp.create(asked, "create:1")
    assert (await psp.find(PAYMENT, MOMENT), list(await psp.changed(MOMENT))) == (None, [])
    with pytest.raises(OutcomeUnknown):
        await psp.fetch("nobody")
    refund = RefundOrder(refund_id=UUID(int=501), payment_id=PAYMENT, charge_id="x", amount=Money(1))
    with pytest.raises(ProviderRefused):
        await psp.refund(refund, "refund:1")
    assert await psp.find_refund(refund) is None
    with pytest.raises(SignatureRefused):
        psp.parse_event({}, b"{}")


async def test_where_nobody_takes_money_online_no_payment_is_made() -> None:
    payments, books, _hooks = at_no_provider()
    assert payments.only_at_till
    with pytest.raises(PaymentUnavailable):
        async with books.transaction() as tx:
            await payments.request(
                tx, reference=UUID(int=7), amount=AMOUNT, description="x", language="de", return_url="http://x"
            )
    async with books.transaction() as tx:
        assert await payments.latest(tx, UUID(int=7)) is None


async def test_a_payment_that_was_meant_for_nobody_ends_fenced_and_told() -> None:
    """As where a city has switched to it while a payment was only intended."""
    payments, books, hooks = at_no_provider()
    meant = Payment(
        id=PAYMENT,
        reference=UUID(int=7),
        provider=NONE,
        amount_cents=AMOUNT.cents,
        currency=AMOUNT.currency,
        description="x",
        language="de",
        return_url="http://x",
        attempt_at=MOMENT,
        created_at=MOMENT,
    )
    async with books.transaction() as tx:
        await books.insert_payment(tx, meant)
    with pytest.raises(PaymentUnavailable):
        await payments.open(PAYMENT)
    assert (await payments.fence(PAYMENT)).status is P.FENCED
    assert hooks.told == [("fenced", UUID(int=7))]
