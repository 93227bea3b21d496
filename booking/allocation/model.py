"""Who asks for an appointment that is given out by need, what is published of it, and what comes out (docs/adr/0021)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum

_MOST_DEADLINE = timedelta(days=3660)


def is_deadline(day: date, today: date) -> bool:
    """Neither a slip of the keys nor made up: within ten years, also gone by."""
    return abs(day - today) <= _MOST_DEADLINE


class RequestStatus(StrEnum):
    UNVERIFIED = "unverified"  # sent, but nobody has opened the link yet: the contact may be anybody's
    ASKED = "asked"  # waits for staff
    CONFIRMED = "confirmed"  # staff have seen the document: takes part, with a confirmed deadline or without
    REFUSED = "refused"  # by staff, with a reason
    WITHDRAWN = "withdrawn"
    PLACED = "placed"  # a released run has given it an appointment
    ENDED = "ended"  # the service is no longer given out by need


_R = RequestStatus

TRANSITIONS: Mapping[RequestStatus, frozenset[RequestStatus]] = {
    _R.UNVERIFIED: frozenset({_R.ASKED, _R.WITHDRAWN, _R.ENDED}),
    _R.ASKED: frozenset({_R.CONFIRMED, _R.REFUSED, _R.WITHDRAWN, _R.ENDED}),
    _R.CONFIRMED: frozenset(
        {_R.CONFIRMED, _R.REFUSED, _R.WITHDRAWN, _R.PLACED, _R.ENDED}  # a deadline may be corrected again
    ),
    _R.REFUSED: frozenset(),
    _R.WITHDRAWN: frozenset(),
    _R.PLACED: frozenset(),
    _R.ENDED: frozenset(),
}


class RunStatus(StrEnum):
    """What may become what is a trigger (the schema: allocation_run_transition); here are the words."""

    OPEN = "open"  # source and closing time are named; requests come in
    CLOSED = "closed"  # the list and its hash are published
    RANKED = "ranked"  # the seed is entered, the result is there
    RELEASED = "released"  # a clerk has let the offers go out
    GIVEN_UP = "given_up"  # before the release, with a reason


def sources(to: RequestStatus) -> list[str]:
    """The statuses from which one is reached: what a compare-and-set compares with."""
    return sorted(status.value for status, following in TRANSITIONS.items() if to in following)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was known of a request when it was decided about."""

    status: RequestStatus
    deadline: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How a marked service is given out."""

    class_days: tuple[int, ...] = (7, 21, 42)
    offer_hours: int = 48
    rhythm_days: int = 7  # from one run to the next: what people are told, and when staff are reminded


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """When somebody can come: on these days of the week (ISO 8601, 1 = Monday), from and until a local time."""

    days: tuple[int, ...]
    from_time: time
    to_time: time

    def __post_init__(self) -> None:
        if not self.days or list(self.days) != sorted(set(self.days)) or not set(self.days) <= set(range(1, 8)):
            raise ValueError("days of the week are 1 to 7, in order, each once")
        if self.from_time >= self.to_time:
            raise ValueError("a window ends after it begins")

    def holds(self, starts: datetime, ends: datetime) -> bool:
        """Whether an appointment lies in it whole; both in local time."""
        on_day = starts.isoweekday() in self.days and ends.date() == starts.date()
        return on_day and self.from_time <= starts.time() and ends.time() <= self.to_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """As it is known at closing. It never leaves the house: what is published is `Listed`."""

    id: str  # the public id: drawn by us, told to the applicant only
    made_on: date  # the local day; a request made anew waits anew
    deadline: date | None  # as staff confirmed or corrected it; what nobody has confirmed is None
    offices: tuple[str, ...] = ()  # keys, the most wished first; none: any
    windows: tuple[Window, ...] = ()  # none: any time
    teams: tuple[str, ...] = ()  # that may serve its person, where the service has teams
    persons: frozenset[bytes] = field(
        default=frozenset(), repr=False
    )  # HMACs of contact and of name with date of birth


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A time set aside for the run, in local time with its offset, so that whoever checks needs no time zones."""

    id: str
    office: str
    starts_at: datetime
    ends_at: datetime
    team: str = ""  # whose counter it is at; empty: it serves everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A request in the closed list: all that the rule looks at and nothing of the person."""

    id: str
    deadline_class: int  # 1 is the most urgent
    waited_days: int
    offices: tuple[str, ...]
    windows: tuple[Window, ...]
    teams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is fixed before the list closes: the rule's limits, and where the seed will come from, and when."""

    run: str
    service: str
    closes_on: date  # the local day from which days are counted
    class_days: tuple[int, ...]  # class n: a deadline at most so many days away; the last class: all others
    seed_source: str
    seed_at: datetime

    def __post_init__(self) -> None:
        if not self.class_days or list(self.class_days) != sorted(set(self.class_days)) or self.class_days[0] < 0:
            raise ValueError("the limits of classes rise")

    @property
    def classes(self) -> int:
        return len(self.class_days) + 1


@dataclass(frozen=True, slots=True)
class ClosedList:
    terms: Terms
    slots: tuple[Slot, ...]
    requests: tuple[Listed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line of the result. Without a slot, `free` says how many were left at its turn: none, or none that fits."""

    rank: int
    id: str
    draw: str
    slot: str | None
    free: int


@dataclass(frozen=True, slots=True)
class Result:
    run: str
    list_sha256: str
    seed: str
    places: tuple[Place, ...]
