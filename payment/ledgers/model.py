"""A sealed journal, a closed day, an account between two days, and what is not earned yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from payment.ledger import Entry, shared
from payment.model import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A journal as it is hashed. `entries`: id, account, cents; by id. `currency` is the payment's."""

    id: int
    kind: str
    payment_id: UUID | None
    refund_id: UUID | None
    reverses: int | None
    at: datetime
    business_day: date
    currency: str | None
    entries: tuple[tuple[int, str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A row of `journal_seal`; `record` is what its journal says now, None where there is none any more."""

    seq: int
    journal_id: int
    previous_sha256: bytes
    sha256: bytes
    record: Record | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedDay:
    """A row of `ledger_day`. `by`: who closed it."""

    day: date
    closed_at: datetime
    closed_by: int
    by: str
    journals: int
    last_seq: int
    root_sha256: bytes

    @property
    def root(self) -> str:
        return self.root_sha256.hex()


@dataclass(frozen=True, slots=True)
class OpenDay:
    """A day on which something is booked and that is not closed yet."""

    day: date
    journals: int


class Fault(StrEnum):
    GAP = "gap"  # a seal is missing here
    PREVIOUS = "previous"  # it does not follow the seal before it
    JOURNAL_GONE = "journal_gone"
    CHANGED = "changed"  # the journal is not what was sealed
    UNSEALED = "unsealed"  # a journal that no seal names and that does not wait for one
    DAY = "day"  # the root of a closed day is not that of its seals
    DAY_COUNT = "day_count"  # a closed day has another number of journals
    ROOT = "root"  # the root known elsewhere is not this day's


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The first place where the books are not what they were."""

    fault: Fault
    seq: int | None = None
    journal_id: int | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was looked through; `waiting`: journals younger than the last sealing."""

    seals: int
    days: int
    waiting: int
    head: bytes
    broken: Broken | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """An account between two days, in cents; debit positive, credit negative in the balances, both positive as turnover."""

    account: str
    currency: str
    opening_cents: int
    debit_cents: int
    credit_cents: int

    @property
    def closing_cents(self) -> int:
        return self.opening_cents + self.debit_cents - self.credit_cents


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """What one journal does to one account; `subject`: what it is about where it is of no payment. `reverses`, `reversed_by`: journals."""

    journal_id: int
    business_day: date
    at: datetime
    kind: str
    payment_id: UUID | None
    kassenzeichen: str
    subject: str
    currency: str
    amount_cents: int
    reverses: int | None = None
    reversed_by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A journal with its place in the books. `payment_id`, `currency`, `kassenzeichen`: None where it belongs to no payment; `seq` and
    `sha256`: None until it is sealed; `reverses`, `reversed_by`: journals. `drawer_id`, `till`: of a drawer's own, or what takes it back;
    `subject`: what it is about where it is of neither."""

    id: int
    kind: str
    payment_id: UUID | None
    refund_id: UUID | None
    reverses: int | None
    reversed_by: int | None
    at: datetime
    business_day: date
    currency: str | None
    kassenzeichen: str | None
    seq: int | None
    sha256: bytes | None
    drawer_id: UUID | None = None
    till: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """A row of `reversal` with the names of who asked and who decided; `posted`: the journal that takes the other one back."""

    id: UUID
    journal_id: int
    reason: str
    requested_by: int
    asker: str
    requested_at: datetime
    status: str
    decided_by: int | None
    decider: str | None
    decided_at: datetime | None
    posted: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """All of one journal. `reversals`: the youngest first."""

    booked: Booked
    entries: tuple[Entry, ...]
    reversals: tuple[Reversal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """What of a payment had been received and not earned at the end of a day."""

    payment_id: UUID
    kassenzeichen: str
    service_day: date | None
    currency: str
    amount_cents: int
    lines: tuple[Line, ...]

    def by_product(self) -> tuple[tuple[str, int], ...]:
        """Its share of each product account, as it will be earned."""
        shares = shared(self.amount_cents, [line.amount_cents for line in self.lines])
        return tuple((line.product, cents) for line, cents in zip(self.lines, shares, strict=True) if cents)
