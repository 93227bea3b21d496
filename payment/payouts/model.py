"""A payout with its parts, and where a payment's money went. Cents; positive is what came to the city."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """As the provider says now. `parts_cents`: None while it was not asked what it is made of; `trace`: what the bank shows of it."""

    provider: str
    id: str
    status: str
    amount_cents: int
    currency: str
    created_at: datetime
    arrival_on: date
    trace: str
    failure: str | None
    parts: int
    parts_cents: int | None
    credited_cents: int | None  # by the bank, of what was put to it
    credited_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A balance transaction of a payout. `net_cents`: what it added, so the amount without the provider's price."""

    transaction_id: str
    kind: str
    created_at: datetime
    amount_cents: int
    fee_cents: int
    net_cents: int
    payment_id: UUID | None
    kassenzeichen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """A line of a bank's statement that was put to a payout."""

    statement_id: int
    booked_on: date
    cents: int
    journal_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """All of one payout. `journals`: what it booked, kind and number."""

    payout: Payout
    parts: tuple[Part, ...]
    credits: tuple[Credit, ...]
    journals: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A part of a payment's money in a payout. `statement_id`, `booked_on`: None until the bank shows it."""

    payout_id: str
    kind: str
    net_cents: int
    currency: str
    status: str
    arrival_on: date
    statement_id: int | None
    booked_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedDay:
    """A business day on which something of a payment is booked. `batch`, `reference`: None until made, and until acknowledged."""

    day: date
    is_closed: bool
    batch: int | None
    reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    arrivals: tuple[Arrival, ...]
    days: tuple[ExportedDay, ...]
