"""A charge: a further fee of a visit, and its statuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from base.i18n import Text
from base.money import Money
from payment.model import Line


class ChargeStatus(StrEnum):
    """WITHDRAWING: withdrawn while a payment was begun; until the provider says that no money can come, it may still be paid."""

    OPEN = "open"
    WITHDRAWING = "withdrawing"
    PAID = "paid"
    WITHDRAWN = "withdrawn"


class ChargeKind(StrEnum):
    FEE = "fee"  # of the price list
    REDUCTION = "reduction"  # proof of a reduction was not shown


_S = ChargeStatus

# The schema has the same table (charge_moves).
TRANSITIONS: Mapping[ChargeStatus, frozenset[ChargeStatus]] = {
    _S.OPEN: frozenset({_S.WITHDRAWING, _S.WITHDRAWN, _S.PAID}),
    _S.WITHDRAWING: frozenset({_S.WITHDRAWN, _S.PAID}),
    _S.PAID: frozenset(),
    _S.WITHDRAWN: frozenset(),
}
UNPAID = frozenset({_S.OPEN, _S.WITHDRAWING})


def sources(to: ChargeStatus) -> frozenset[ChargeStatus]:
    """What a compare-and-set compares with."""
    return frozenset(status for status, following in TRANSITIONS.items() if to in following)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A line of the price list as it is on a day."""

    fee_id: int
    service_id: int
    name: Text
    amount_cents: int
    currency: str
    legal_basis: Text
    product: str
    tax_percent: int

    @property
    def amount(self) -> Money:
        return Money(self.amount_cents, self.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A row of `charge`; its id is the reference of its payment. `label`: what it is for, in the payer's language; `day`: local, on which
    it is earned; `number`: of the ticket."""

    id: UUID
    office_id: int
    ticket_id: UUID
    appointment_id: UUID | None
    kind: ChargeKind
    quantity: int
    amount_cents: int
    currency: str
    lines: tuple[Line, ...]
    legal_basis: Text
    label: str
    language: str
    day: date
    status: ChargeStatus
    requested_at: datetime
    withdraw_reason: str | None
    token_sealed: bytes
    number: int
    appointment_number: str | None

    @property
    def amount(self) -> Money:
        return Money(self.amount_cents, self.currency)

    @property
    def is_unpaid(self) -> bool:
        return self.status in UNPAID


@dataclass(frozen=True, slots=True)
class Owed:
    """Of a booking. `ran_out`: it was reserved and ran out; else it was booked without being paid."""

    amount: Money = Money(0)  # noqa: RUF009 - a value
    ran_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItem:
    """A fee that is owed: a charge, of a booking whose visit is over, or a reservation that ran out.

    `number`: of the appointment, else of the queue; `reason`, `note`: why the visit ended without it
    (booking.queue.model.OpenReason), where it has ended.
    """

    since: datetime
    office: Text
    time_zone: str
    number: str
    label: str
    amount_cents: int
    currency: str
    is_over: bool
    reason: str | None
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who is being served: what a charge needs to know of the ticket."""

    ticket_id: UUID
    office_id: int
    appointment_id: UUID | None
    status: str
    language: str
    day: date  # there, now
