"""What the till's templates show: frozen, every text ready to print."""

from __future__ import annotations

from dataclasses import dataclass

from frontend.staff.views import StaffFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    label: str
    url: str = ""  # without one it is only text
    post: str = ""  # instead: a button that sends an empty form there
    badge: str = ""  # the tone of a badge round it: "warning"; with `url` it leads there


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """A line of the day's sums, here and there."""

    label: str
    here: str
    there: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDifference:
    kind: str  # stable, for tests and print: "missing_here"
    text: str
    about: Link
    provider_id: str
    here: str
    there: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentLine:
    time: str
    about: Link
    service: str
    amount: str
    here: str
    there: str
    booked: str
    moved: str
    is_odd: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLine:
    """A line of a journal; time, kind and payment stand at its first one only."""

    time: str
    kind: str
    about: Link
    account: str
    debit: str
    credit: str
    url: str = ""  # of the journal


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPage:
    frame: StaffFrame
    day: str  # "2026-12-01"
    day_url: str
    before: Link | None  # None: there are no books of it
    after: Link | None
    problem: str  # the day that was asked for cannot be shown
    links: tuple[Link, ...]  # the other pages; what waits for people first
    search_url: str
    is_silent: bool
    note: str
    sums: tuple[Sum, ...]
    differences: tuple[ShownDifference, ...]
    payments: tuple[PaymentLine, ...]
    accounts: tuple[EntryLine, ...]
    entries: tuple[EntryLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    label: str
    value: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeLine:
    about: Link  # the payment
    dispute: Link
    amount: str
    status: str
    reason: str
    opened: str
    due: str  # until when evidence is taken; "" where nobody waits for it
    is_open: bool
    is_late: bool = False  # less than three days are left
    attention: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputesPage:
    frame: StaffFrame
    day: Link
    disputes: tuple[DisputeLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputePage:
    frame: StaffFrame
    all: Link
    dispute: DisputeLine
    facts: tuple[Fact, ...]
    payment: tuple[Fact, ...]
    visit: tuple[Fact, ...]  # what became of the appointment, with times
    messages: tuple[Fact, ...]
    is_known: bool  # it belongs to an appointment of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkLine:
    at: str
    about: Link
    amount: str
    text: str
    people: str
    settle_url: str = ""
    late: str = ""  # that it waits too long


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkPage:
    frame: StaffFrame
    day: Link
    requests: tuple[WorkLine, ...]
    attention: tuple[WorkLine, ...]
    failed: tuple[WorkLine, ...]
    reversals: tuple[WorkLine, ...]
    overdue: tuple[WorkLine, ...]  # closed days of which the treasury has not said that it has them
    disputes: tuple[DisputeLine, ...]
    open_fees: Link | None = None  # what citizens owe


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLine:
    kassenzeichen: Link
    about: str
    made: str
    receipt: str
    state: str
    amount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """`label`: what may be searched for, which depends on who searches."""

    frame: StaffFrame
    day: Link
    search_url: str
    asked: str
    label: str
    found: tuple[FoundLine, ...]
    more: str
