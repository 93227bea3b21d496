"""A receipt: that a payment came, under a number of its year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from base.money import Money
from payment.model import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A row of `receipt` with what its payment says. `refunded_cents`: approved, under way and arrived together."""

    payment_id: UUID
    reference: UUID
    year: int
    number: int
    issued_at: datetime
    kassenzeichen: str
    provider: str
    amount_cents: int
    refunded_cents: int
    currency: str
    lines: tuple[Line, ...] = ()
    method: str | None = None  # cash or terminal at a till, else the provider's word; None: not told

    @property
    def label(self) -> str:
        return f"{self.year}-{self.number:06d}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_cents, self.currency)

    @property
    def refunded(self) -> Money:
        return Money(self.refunded_cents, self.currency)
