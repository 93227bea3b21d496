"""Sums by day and way of paying. Cents; by business day, so that they come to the books."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Takings:
    """`method`: card, paypal, cash, terminal; where nobody told, the provider. A reversal lessens what it takes back."""

    day: date
    method: str
    currency: str
    payments: int
    taken_cents: int
    refunded_cents: int

    @property
    def net_cents(self) -> int:
        return self.taken_cents - self.refunded_cents


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItem:
    """An account on which something waits at the end of the last day. `cents`: positive what others owe, negative what is owed to them."""

    account: str
    currency: str
    cents: int


class Side(StrEnum):
    """A column of takings; the words are those of journals."""

    TAKEN = "fee"
    REFUNDED = "refund"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """What one journal adds to a figure of takings. `cents`: with the sign of its column, so that a reversal is negative."""

    journal_id: int
    day: date
    at: datetime
    kind: str
    payment_id: UUID
    reference: UUID
    kassenzeichen: str
    method: str
    cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPart:
    """What one payment leaves open on an account, or where it is of none, what one `subject` does. `since`: the first business day."""

    payment_id: UUID | None
    kassenzeichen: str
    subject: str
    since: date
    cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """What payers' banks keep for the city now and nobody has taken: no taking, in no account. `keep_cents`: what of it may be taken.
    `until`: when the first of these reservations runs out."""

    method: str
    currency: str
    payments: int
    cents: int
    keep_cents: int
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservedPart:
    """One payment of `Reserved`. `service_day`: after which it is taken at the latest."""

    payment_id: UUID
    reference: UUID
    kassenzeichen: str
    method: str
    service_day: date | None
    until: datetime
    cents: int
    keep_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """`reserved`: of the moment in which it was read, whatever days were asked for."""

    first: date
    last: date
    takings: tuple[Takings, ...]
    open_items: tuple[OpenItem, ...]
    reserved: tuple[Reserved, ...] = ()
