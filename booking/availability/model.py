"""What can be booked where, and what takes a counter's time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import NamedTuple, Protocol

from booking.catalogue.responsibility import Lines


class ClaimStatus(IntEnum):
    """Of a row of `claim`; from 8 on the row takes no time."""

    HELD = 1
    BOOKED = 2
    EXPIRING = 3
    CLOSED = 5
    EXPIRED = 8
    CANCELLED = 9
    MOVED = 10
    LIFTED = 11

    @property
    def occupies(self) -> bool:
        return self < ClaimStatus.EXPIRED


class Audience(StrEnum):
    """Who asks: staff, also on the telephone, may have what is kept for them and what is not released yet."""

    PUBLIC = "public"
    STAFF = "staff"


class TimeOfDay(StrEnum):
    """When an appointment begins, by the office's clock."""

    MORNING = "morning"  # before 12
    AFTERNOON = "afternoon"  # from 12 to 16
    AFTER_WORK = "after_work"  # from 16 on

    @classmethod
    def at(cls, hour: int) -> TimeOfDay:
        return cls.MORNING if hour < 12 else cls.AFTERNOON if hour < 16 else cls.AFTER_WORK


TimesOfDay = frozenset[TimeOfDay]
ANY_TIME: TimesOfDay = frozenset()  # none named: all of them


class ClaimRow(NamedTuple):
    """A row of `claim` in five-minute cells since 1970; `last` is the first cell after it."""

    office_id: int
    counter_id: int
    first: int
    last: int
    status: int
    is_kept: bool = False  # closed for the public, free for staff

    @property
    def occupies(self) -> bool:
        return self.status < ClaimStatus.EXPIRED


class CounterTime(NamedTuple):
    """All that takes a counter's time in a stretch of days; `kept`: closed for the public only, free for staff."""

    office_id: int
    counter_id: int
    firsts: Sequence[int]
    lasts: Sequence[int]
    kept_firsts: Sequence[int] = ()
    kept_lasts: Sequence[int] = ()

    def spans(self, base: int) -> Iterator[tuple[int, int]]:
        """In cells from `base` on: what is taken for everybody."""
        return _pairs(self.firsts, self.lasts, base)

    def kept(self, base: int) -> Iterator[tuple[int, int]]:
        return _pairs(self.kept_firsts, self.kept_lasts, base)


def _pairs(firsts: Sequence[int], lasts: Sequence[int], base: int) -> Iterator[tuple[int, int]]:
    return ((first - base, last - base) for first, last in zip(firsts, lasts, strict=True))


@dataclass(frozen=True, slots=True)
class Slot:
    """A time at an office at which a service can begin; which counter is decided at the hold."""

    office_id: int
    starts_at: datetime
    ends_at: datetime
    places: int | None = None  # left, where it is a group that meets


@dataclass(frozen=True, slots=True)
class Item:
    """A service, and how often: three vehicles, two persons."""

    service_id: int
    quantity: int = 1

    def __str__(self) -> str:
        """As in an address: "17", "17*2"."""
        return str(self.service_id) if self.quantity == 1 else f"{self.service_id}*{self.quantity}"

    def named(self, service: str) -> str:
        return service if self.quantity == 1 else f"{self.quantity} × {service}"


@dataclass(frozen=True, slots=True)
class Who:
    """What decides which counters are responsible for somebody; empty: not said."""

    letters: str = ""  # the first ones of the surname, as booking.catalogue.responsibility.initials gives them
    postcode: str = ""
    kind: str = ""  # what it is about, as a key

    def completed(self, other: Who) -> Who:
        """With what only the other says."""
        return Who(self.letters or other.letters, self.postcode or other.postcode, self.kind or other.kind)

    def only(self, asked: Iterable[str]) -> Who:
        """Without what nobody asks, and so nobody keeps."""
        return Who(**{name: getattr(self, name) for name in asked})

    def missing(self, asked: Iterable[str]) -> list[str]:
        return [name for name in asked if not getattr(self, name)]

    def is_covered_by(self, lines: Iterable[Lines]) -> bool:
        return any(line.covers(self.letters, self.postcode, self.kind) for line in lines)


ANYBODY = Who()


@dataclass(frozen=True, slots=True)
class Visit:
    """What one visit is for beside its first service once: that more often, other services after it; and for whom."""

    quantity: int = 1
    also: tuple[Item, ...] = ()
    who: Who = ANYBODY

    def services(self, first: int) -> tuple[int, ...]:
        """Of the whole visit, in its order."""
        return (first, *(item.service_id for item in self.also))


JUST_ONE = Visit()


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a visit: what one counter does for its item, and the resources of which it needs one each."""

    item: Item
    counters: tuple[int, ...]
    minutes: int
    buffer_min: int
    resources: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A step at one of its counters, in cells since 1970; `last` is the first cell after it, its buffer included."""

    item: Item
    counter_id: int
    first: int
    last: int
    buffer_min: int


@dataclass(frozen=True, slots=True)
class Window:
    """Days in the office's zone, both included."""

    from_day: date
    to_day: date

    @property
    def days(self) -> list[date]:
        return [self.from_day + timedelta(days=n) for n in range((self.to_day - self.from_day).days + 1)]


@dataclass(frozen=True, slots=True)
class Team:
    """A counter, and whom it serves."""

    counter_id: int
    covers: Lines


@dataclass(frozen=True, slots=True)
class OfficeOffer:
    """The counters of one office that offer a service on a channel, and what is different there; None: as everywhere."""

    office_id: int
    time_zone: str
    counters: tuple[int, ...]
    duration_min: int | None = None
    buffer_min: int = 0  # after each appointment; nobody is shown it
    lead_min: int | None = None
    horizon_days: int | None = None  # today is the first of them
    pools: tuple[int, ...] = ()  # other offices that some of these counters belong to
    grid_min: int | None = None  # the duration that its starts are laid out by; None: its own
    resources: tuple[tuple[int, ...], ...] = ()  # of each kind that the service needs, those that there are
    steps: tuple[Step, ...] = ()  # of a visit; none: one service once, at one of `counters`
    teams: tuple[Team, ...] = ()  # who is not named in them serves everybody

    def for_whom(self, who: Who) -> OfficeOffer | None:
        """With the counters that are responsible. None: no counter is."""
        if not self.teams:
            return self
        serving = {one.counter_id for one in self.teams if who.is_covered_by((one.covers,))}
        named = {one.counter_id for one in self.teams}
        counters = tuple(one for one in self.counters if one in serving or one not in named)
        return replace(self, counters=counters) if counters else None


@dataclass(frozen=True, slots=True)
class Offer:
    """A service on a channel, and where it is offered."""

    service_id: int
    channel: str
    duration_min: int
    offices: Mapping[int, OfficeOffer]
    most: int = 1  # how often in one visit
    further_min: int | None = None  # what each one after the first takes; None: as long as the first
    is_group: bool = False  # each of its counters is a place
    needs_more: bool = False  # than a counter: also once it is a visit of several parts
    visit: Visit = JUST_ONE
    asks: tuple[str, ...] = ()  # fields of Who that decide which counters are responsible

    def for_whom(self, visit: Visit) -> Offer:
        """At the counters that are responsible, where somebody has said who comes."""
        offices = {ident: office.for_whom(visit.who) for ident, office in self.offices.items()}
        return replace(self, offices={ident: one for ident, one in offices.items() if one is not None}, visit=visit)

    def duration_at(self, office: OfficeOffer) -> int:
        return office.duration_min or self.duration_min

    def paced_at(self, office: OfficeOffer) -> int:
        """The duration that starts are laid out by: whoever brings more is offered the same times."""
        return office.grid_min or self.duration_at(office)

    def taken_at(self, office: OfficeOffer) -> int:
        """The minutes of a counter that an appointment takes."""
        return self.duration_at(office) + office.buffer_min


@dataclass(frozen=True, slots=True)
class Basis:
    """What an answer was made of: the catalogue, the time of its offices, and how long the clock alone changes nothing in it."""

    catalogue: object
    base: int
    offices: tuple[int, ...]
    versions: tuple[int | None, ...]
    until: datetime


class Offers(Protocol):
    """The part of the catalogue that availability needs: kept in memory, so plain calls."""

    @property
    def state(self) -> object:
        """Another object with every version of the catalogue."""

    def offer(self, service_id: int, channel: str) -> Offer | None: ...
