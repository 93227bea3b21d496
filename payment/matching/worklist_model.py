"""A difference as people work on it: whose it is, what was said, what was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from payment.matching.balance import DayBalance
from payment.matching.model import POSTS, TAKES_TWO, Cause, Choice, Difference, Proposal, SentKind

NOTE_LENGTH = 500


class State(StrEnum):
    OPEN = "open"
    EXPLAINED = "explained"  # somebody has said why, and nothing is to be booked; or it was assigned
    WRITTEN_OFF = "written_off"
    CLOSED = "closed"  # gone by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A row of `difference`; `since`: how many days it has been open, to its end or today."""

    id: int
    cause: Cause
    subject: str
    day: date
    here_cents: int | None
    there_cents: int | None
    payment_id: UUID | None
    kassenzeichen: str
    proposal: Proposal
    lines: tuple[tuple[int, int, int], ...]
    due_on: date | None
    state: State
    owner: int | None
    owner_name: str
    opened_at: datetime
    ended_at: datetime | None
    asked: bool  # a request waits for its approval
    choices: tuple[Choice, ...] = ()

    @property
    def posts(self) -> bool:
        """Whether settling it books something."""
        return self.proposal in POSTS

    @property
    def takes_two(self) -> bool:
        return self.proposal in TAKES_TWO

    @property
    def difference(self) -> Difference:
        return Difference(
            cause=self.cause, subject=self.subject, day=self.day, here_cents=self.here_cents, there_cents=self.there_cents,
            payment_id=self.payment_id, proposal=self.proposal, lines=self.lines, due_on=self.due_on, choices=self.choices,
        )  # fmt: skip

    def allows(self, proposal: Proposal, choice: Choice | None) -> bool:
        """Whether it can be settled so: as proposed, or a line of the bank as what tills have sent, or as nothing that is known."""
        if choice is not None:
            return proposal is Proposal.CLEAR and choice in self.choices
        if self.proposal is Proposal.CLEAR:
            return proposal is Proposal.KEEP_UNASSIGNED
        return proposal is self.proposal

    def age_days(self, today: date) -> int:
        return (today - self.day).days


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    at: datetime
    by: str  # "" for a run
    what: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    id: UUID
    difference_id: int
    proposal: Proposal
    here_cents: int | None
    there_cents: int | None
    note: str
    requested_by: int
    requester: str
    requested_at: datetime
    decided_by: int | None
    decider: str
    decided_at: datetime | None
    approved: bool | None
    choice: Choice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AtBank:
    """What a till has sent to the bank, and where it arrived: the day on which the bank booked it, the line's cents, the journal."""

    subject: str
    kind: SentKind
    till_id: int
    till_name: str
    office_id: int
    drawer_id: UUID | None
    day: date
    cents: int
    reference: str
    arrived_on: date | None = None
    journal_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """`sent`: by subject, what the choices are about."""

    listed: Listed
    notes: tuple[Note, ...]
    requests: tuple[Request, ...]
    lines: tuple[tuple[date, int, str], ...]  # of the bank: booked on, cents, name and text
    sent: Mapping[str, AtBank] = field(default_factory=dict)

    @property
    def waiting(self) -> Request | None:
        return next((one for one in self.requests if one.decided_at is None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """`older_than_days` counts from the day it is of; `day`: only those of this one."""

    cause: Cause | None = None
    state: State = State.OPEN
    owner: int | None = None
    unowned: bool = False
    older_than_days: int = 0
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Worklist:
    rows: tuple[Listed, ...]
    open_by_cause: Mapping[Cause, int]
    owners: Mapping[int, str]
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AtBankBook:
    """Both the youngest first."""

    sent: tuple[AtBank, ...]
    balances: tuple[DayBalance, ...]


class Light(StrEnum):
    GREEN = "green"
    YELLOW = "yellow"  # not done yet, or explained
    RED = "red"  # something is open
    NONE = "none"  # nothing was to be done


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLights:
    """A day on its way: in our books, at the provider, paid out, at the bank, with the treasury. Counts are of open differences."""

    day: date
    journals: int
    ledger: Light
    provider: Light
    payout: Light
    bank: Light
    exported: Light
    provider_open: int
    payout_open: int
    bank_open: int
