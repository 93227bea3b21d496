"""What the product does with a payment service, as small stories: the same adapter, against a sandbox or the vendor itself.

A refusal is part of the story: the trace tells which. `Payer` is who pays: a control plane at a sandbox, a browser or a person at a vendor.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol, cast
from uuid import UUID, uuid4

from base.money import Money
from payment.model import Capture
from payment.ports import (
    CaptureOrder,
    CaptureProvider,
    OutcomeUnknown,
    PaymentOrder,
    PaymentProvider,
    ProviderRefused,
    RefundOrder,
    Snapshot,
)

AMOUNT = Money(1300)


class Payer(Protocol):
    async def pay(self, session: Snapshot) -> None: ...
    async def decline(self, session: Snapshot) -> None:
        """With a card that the bank refuses."""


@dataclass
class Story:
    psp: PaymentProvider
    payer: Payer
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
)
XBEZAHL: tuple[Scenario, ...] = (paid_where_nothing_is_promised, same_request_there, failed_there)


@contextlib.contextmanager
def refused() -> Iterator[None]:
    """Or not understood: the trace says what was answered."""
    with contextlib.suppress(ProviderRefused, OutcomeUnknown):
        yield
