"""What the product does with a payment service, as small stories: the same adapter, against a sandbox or the vendor itself.

A refusal is part of the story: the trace tells which. `Payer` is who pays: a control plane at a sandbox, a browser or a person at a vendor.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol, cast
from uuid import UUID, uuid4

import pytest

from base.money import Money
from payment.model import Capture
from payment.ports import (
    CaptureOrder,
    CaptureProvider,
    DisputeProvider,
    OutcomeUnknown,
    PaymentOrder,
    PaymentProvider,
    ProviderRefused,
    RefundOrder,
    SignatureRefused,
    Snapshot,
)
from payment.provider_records.model import RecordsProvider

AMOUNT = Money(1300)


class Payer(Protocol):
    async def pay(self, session: Snapshot) -> None: ...
    async def decline(self, session: Snapshot) -> None:
        """With a card that the bank refuses."""

    async def pay_and_dispute(self, session: Snapshot) -> None:
        """With a card whose owner says afterwards that it was not them."""

    async def pay_at_hand(self, session: Snapshot) -> None:
        """With a card whose money is available at once."""

    async def pay_out(self) -> None:
        """To the city's bank account, what is available."""


Messages = Callable[[str], Awaitable[list[bytes]]]
"""What the vendor sends, or would send, of this type: the latest first, as its list of events has them."""
Signed = Callable[[bytes], Mapping[str, str]]


@dataclass
class Story:
    psp: PaymentProvider
    payer: Payer
    messages: Messages | None = None
    signed: Signed | None = None
    payment_id: UUID = field(default_factory=uuid4)

    def order(self, capture: Capture = Capture.AUTOMATIC) -> PaymentOrder:
        return PaymentOrder(
            payment_id=self.payment_id,
            amount=AMOUNT,
            description="Gebühr 13,00 €",
            language="de",
            return_url="https://city.example/de/case",
            expires_at=datetime.now(UTC) + timedelta(minutes=45),
            purpose="RF18SCH000000001",
            capture=capture,
        )

    @property
    def key(self) -> str:
        return f"create:{self.payment_id}:1"

    def refund(self, charge_id: str, cents: int) -> RefundOrder:
        return RefundOrder(refund_id=uuid4(), payment_id=self.payment_id, charge_id=charge_id, amount=Money(cents))


async def opened_and_fenced(story: Story) -> None:
    """A time that was not paid for: the session is closed, and stays so."""
    made = await story.psp.create(story.order(), story.key)
    await story.psp.fetch(made.session_id)
    await story.psp.fence(made.session_id)
    await story.psp.fetch(made.session_id)
    with refused():
        await story.psp.fence(made.session_id)


async def asked_twice(story: Story) -> None:
    """The same key gives the same session; for something else it is refused."""
    order = story.order()
    made = await story.psp.create(order, story.key)
    again = await story.psp.create(order, story.key)
    assert again.session_id == made.session_id
    with refused():
        await story.psp.create(replace(order, amount=Money(1400)), story.key)


async def nobody(story: Story) -> None:
    with refused():
        await story.psp.fetch("cs_test_nobody")


async def paid_and_given_back(story: Story) -> None:
    """In two parts; never more than was paid, and the same key never twice."""
    made = await story.psp.create(story.order(), story.key)
    await story.payer.pay(made)
    paid = await story.psp.fetch(made.session_id)
    assert paid.charge_id is not None
    with refused():
        await story.psp.fence(made.session_id)
    part = story.refund(paid.charge_id, 500)
    first = await story.psp.refund(part, f"refund:{part.refund_id}:1")
    again = await story.psp.refund(part, f"refund:{part.refund_id}:1")
    assert again.provider_id == first.provider_id
    too_much = story.refund(paid.charge_id, AMOUNT.cents)
    with refused():
        await story.psp.refund(too_much, f"refund:{too_much.refund_id}:1")
    rest = story.refund(paid.charge_id, AMOUNT.cents - 500)
    await story.psp.refund(rest, f"refund:{rest.refund_id}:1")
    await story.psp.fetch_refund(first.provider_id)
    await story.psp.find_refund(rest)
    await story.psp.fetch(made.session_id)


async def _reserved(story: Story) -> tuple[CaptureProvider, Snapshot]:
    made = await story.psp.create(story.order(Capture.MANUAL), story.key)
    await story.payer.pay(made)
    seen = await story.psp.fetch(made.session_id)
    assert seen.charge_id is not None
    return cast("CaptureProvider", story.psp), seen


async def reserved_and_taken_in_part(story: Story) -> None:
    """Once, and never more than is reserved; the same key says the same."""
    capturer, seen = await _reserved(story)
    charge_id = seen.charge_id or ""
    whole = CaptureOrder(payment_id=story.payment_id, charge_id=charge_id, amount=AMOUNT)
    with refused():
        await capturer.take(replace(whole, amount=AMOUNT + Money(1)), f"take:{story.payment_id}:1")
    part = replace(whole, amount=Money(500))
    for _ in range(2):
        await capturer.take(part, f"take:{story.payment_id}:2")
    with refused():
        await capturer.take(part, f"take:{story.payment_id}:3")
    with refused():
        await capturer.let_go(charge_id, f"let-go:{story.payment_id}:1")
    await story.psp.fetch(seen.session_id)


async def reserved_and_let_go(story: Story) -> None:
    capturer, seen = await _reserved(story)
    charge_id = seen.charge_id or ""
    for _ in range(2):
        await capturer.let_go(charge_id, f"let-go:{story.payment_id}:1")
    with refused():
        order = CaptureOrder(payment_id=story.payment_id, charge_id=charge_id, amount=AMOUNT)
        await capturer.take(order, f"take:{story.payment_id}:1")
    await story.psp.fetch(seen.session_id)


async def disputed(story: Story) -> None:
    """Known by its charge and by its id; while it is open nothing can be given back."""
    made = await story.psp.create(story.order(), story.key)
    await story.payer.pay_and_dispute(made)
    paid = await story.psp.fetch(made.session_id)
    assert paid.charge_id is not None
    disputes = cast("DisputeProvider", story.psp)
    [found] = await disputes.disputes_of(paid.charge_id)
    assert (found.amount, (await disputes.fetch_dispute(found.provider_id)).provider_id) == (AMOUNT, found.provider_id)
    order = story.refund(paid.charge_id, AMOUNT.cents)
    with refused():
        await story.psp.refund(order, f"refund:{order.refund_id}:1")


async def booked_there_and_paid_out(story: Story) -> None:
    """The provider's own books: what was paid and what it took for that, and a payout."""
    made = await story.psp.create(story.order(), story.key)
    await story.payer.pay_at_hand(made)
    paid = await story.psp.fetch(made.session_id)
    records = cast("RecordsProvider", story.psp)
    now = datetime.now(UTC)
    start, end = now - timedelta(minutes=10), now + timedelta(minutes=10)
    booked = await records.transactions(start, end)
    assert paid.charge_id is not None
    assert any(one.amount_cents == AMOUNT.cents for one in booked)
    await story.payer.pay_out()
    assert await records.payouts(start, end)


async def told_by_messages(story: Story) -> None:
    """Of a payment and its refund: each says which of ours it is about, under a signature; a wrong one is refused."""
    assert story.messages is not None
    assert story.signed is not None
    made = await story.psp.create(story.order(), story.key)
    await story.payer.pay(made)
    paid = await story.psp.fetch(made.session_id)
    order = story.refund(paid.charge_id or "", 500)
    await story.psp.refund(order, f"refund:{order.refund_id}:1")
    for kind in ("checkout.session.completed", "refund.created"):
        raw = (await story.messages(kind))[0]
        event = story.psp.parse_event(story.signed(raw), raw)
        about = order.refund_id if kind == "refund.created" else story.payment_id
        assert about in (event.payment_id, event.refund_id)
        with pytest.raises(SignatureRefused):
            story.psp.parse_event(story.signed(raw + b" "), raw)


async def declined(story: Story) -> None:
    made = await story.psp.create(story.order(), story.key)
    await story.payer.decline(made)
    await story.psp.fetch(made.session_id)


async def paid_where_nothing_is_promised(story: Story) -> None:
    made = await story.psp.create(story.order(), story.key)
    await story.psp.fetch(made.session_id)
    await story.payer.pay(made)
    await story.psp.fetch(made.session_id)


async def same_request_there(story: Story) -> None:
    """XBezahldienste has no keys: the same request id is refused (PAYMENT_EXISTS)."""
    order = story.order()
    await story.psp.create(order, story.key)
    with refused():
        await story.psp.create(order, story.key)


async def failed_there(story: Story) -> None:
    made = await story.psp.create(story.order(), story.key)
    await story.payer.decline(made)
    await story.psp.fetch(made.session_id)


Scenario = Callable[[Story], Awaitable[None]]
STRIPE: tuple[Scenario, ...] = (
    opened_and_fenced,
    asked_twice,
    nobody,
    paid_and_given_back,
    declined,
    reserved_and_taken_in_part,
    reserved_and_let_go,
    disputed,
    booked_there_and_paid_out,
    told_by_messages,
)
XBEZAHL: tuple[Scenario, ...] = (paid_where_nothing_is_promised, same_request_there, failed_there)


@contextlib.contextmanager
def refused() -> Iterator[None]:
    """Or not understood: the trace says what was answered."""
    with contextlib.suppress(ProviderRefused, OutcomeUnknown):
        yield
