"""What finance looks at: a day's rows, what the provider shows of them, and differences with a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from base.money import Money
from payment.ledger import CASH, PSP_CLEARING, TERMINAL_CLEARING, Entry, JournalKind
from payment.model import Dispute, Payment, PaymentStatus, Refund, RefundStep
from payment.ports import RefundSnapshot, SessionState, Snapshot
from payment.statement import Statement


class DifferenceKind(StrEnum):
    MISSING_HERE = "missing_here"  # money moved at the provider, and no journal of ours knows it
    MISSING_THERE = "missing_there"  # a journal of ours, and no such money at the provider
    AMOUNT = "amount"  # both know it, with another amount
    STATE = "state"  # the provider's state does not fit ours, and no money is concerned yet
    OTHER_DAY = "other_day"  # both know it, booked here on another day than it moved there
    JOURNAL = "journal"  # our own journals do not add up to what our payment says
    NOT_BOOKED = "not_booked"  # a kind of movement that is not booked here yet
    UNCHECKED = "unchecked"  # the provider was not asked about this one: too many at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    kind: DifferenceKind
    payment_id: UUID | None = None
    refund_id: UUID | None = None
    provider_id: str = ""  # of the charge, refund or movement there
    ours: Money | None = None
    there: Money | None = None
    our_word: str = ""  # a status of ours, or the day
    their_word: str = ""


@dataclass(frozen=True, slots=True)
class Posted:
    """A journal as it stands in the books."""

    id: int
    kind: JournalKind
    payment_id: UUID
    refund_id: UUID | None
    at: datetime
    entries: tuple[Entry, ...]

    @property
    def clearing_cents(self) -> int:
        """By how much it says that our money at the provider, or at a till, has changed."""
        return sum(
            entry.amount_cents
            for entry in self.entries
            if entry.account in (PSP_CLEARING, TERMINAL_CLEARING) or entry.account.startswith(CASH)
        )


@dataclass(frozen=True, slots=True)
class Apart:
    """A journal of no payment, in euros: of a drawer (`drawer_id`, `till`: whose), else of a payout or a line of the bank (`subject`)."""

    id: int
    kind: JournalKind
    at: datetime
    subject: str
    drawer_id: UUID | None
    till: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, half-open."""

    start: datetime
    end: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


def day_span(day: date, zone: ZoneInfo) -> Span:
    """From midnight to midnight as the clocks there show it: two days of the year have 23 and 25 hours."""
    return Span(*(datetime.combine(one, time(), zone).astimezone(UTC) for one in (day, day + timedelta(days=1))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A payment as a search shows it."""

    id: UUID
    reference: UUID
    kassenzeichen: str
    amount_cents: int
    refunded_cents: int
    currency: str
    status: PaymentStatus
    created_at: datetime
    receipt_year: int | None
    receipt_number: int | None

    @property
    def receipt(self) -> str:
        """Empty: it has none yet."""
        return "" if self.receipt_year is None else f"{self.receipt_year}-{self.receipt_number:06d}"


@dataclass(frozen=True, slots=True)
class Look:
    """One payment as the provider shows it now."""

    session: Snapshot | None
    refunds: tuple[RefundSnapshot, ...] = ()


@dataclass(frozen=True, slots=True)
class Ours:
    """The payments concerned, each with all its refunds, disputes and journals, of whatever day."""

    payments: tuple[Payment, ...] = ()
    refunds: tuple[Refund, ...] = ()
    posted: tuple[Posted, ...] = ()
    disputes: tuple[Dispute, ...] = ()


@dataclass(frozen=True, slots=True)
class Theirs:
    """`looks`: payments that the statement says too little about, asked for one by one."""

    statement: Statement
    looks: Mapping[UUID, Look] = field(default_factory=dict)
    unchecked: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class AccountTotal:
    account: str
    debit_cents: int
    credit_cents: int
    currency: str = "EUR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A day's money on one side: how often and how much."""

    payments: int = 0
    paid_cents: int = 0
    refunds: int = 0
    refunded_cents: int = 0  # less what came back
    disputed_cents: int = 0  # less what came back
    fee_cents: int = 0
    paid_out_cents: int = 0  # less what came back
    other_cents: int = 0

    @property
    def moved_cents(self) -> int:
        """By how much our money at the provider has changed, its fees and what it has paid out aside: both are booked at night."""
        return self.paid_cents - self.refunded_cents - self.disputed_cents + self.other_cents


@dataclass(frozen=True, slots=True)
class Sums:
    """Both sides of a day in one currency: amounts of two never add up."""

    currency: str
    ours: Side
    there: Side | None  # None: the provider did not answer


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    """One payment of the day."""

    payment: Payment
    refunds: tuple[Refund, ...]
    moved_cents: int  # booked here on this day
    state_there: SessionState | None  # None: not asked, or not known there
    moved_there_cents: int | None  # None: the provider did not answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    day: date
    span: Span
    sums: tuple[Sums, ...]  # one for each currency, at least one
    is_silent: bool  # the provider did not answer, so nothing is compared
    accounts: tuple[AccountTotal, ...]
    rows: tuple[DayRow, ...]
    posted: tuple[Posted, ...]
    differences: tuple[Difference, ...]
    compared_until: datetime  # younger facts may still be on their way
    apart: tuple[Apart, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """That the provider told us something."""

    kind: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class People:
    """Names of the accounts that asked, approved or rejected."""

    names: Mapping[int, str]

    def name(self, account_id: int | None) -> str:
        return "" if account_id is None else self.names.get(account_id, str(account_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Everything about one payment."""

    payment: Payment
    refunds: tuple[Refund, ...]
    posted: tuple[Posted, ...]
    messages: tuple[Message, ...]
    look: Look | None  # None: the provider did not answer
    differences: tuple[Difference, ...]
    people: People
    disputes: tuple[Dispute, ...] = ()
    steps: tuple[RefundStep, ...] = ()  # about refunds by rule that wait for a person, the oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Worklist:
    """What waits for people."""

    requests: tuple[tuple[Refund, Payment], ...]
    attention: tuple[Payment, ...]
    failed: tuple[tuple[Refund, Payment], ...]
    people: People
    disputes: tuple[
        tuple[Dispute, Payment], ...
    ] = ()  # that wait for evidence, or do not fit; the nearest deadline first

    @property
    def length(self) -> int:
        return len(self.requests) + len(self.attention) + len(self.failed) + len(self.disputes)
