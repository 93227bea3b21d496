"""A change of hours or rules as people make it, who stands in its way, and what is remembered of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from base.errors import Conflict, DomainError
from base.i18n import Text
from base.i18n import mark as _
from booking.catalogue.hours import Rule
from booking.catalogue.model import Channel
from booking.catalogue.shares import Plan

Data = dict[str, Any]  # as it is stored in the history


@dataclass(frozen=True, slots=True)
class SeriesChange:
    """All series of these counters are these from now on."""

    counter_ids: tuple[int, ...]
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class ExceptionChange:
    """One day is different, at a counter or (None) in the whole office. `spans` None: it is like every other again; (): closed."""

    day: date
    counter_id: int | None
    spans: tuple[tuple[time, time], ...] | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ClosureChange:
    """Closed from an instant to another, a counter or (None) the whole office; `is_lifted`: no longer."""

    counter_id: int | None
    starts_at: datetime
    ends_at: datetime
    reason: str = ""
    is_lifted: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What an office does differently with a service; None: as the service or the city says."""

    duration_min: int | None = None
    buffer_min: int | None = None
    lead_min: int | None = None
    horizon_days: int | None = None
    channels: tuple[Channel, ...] | None = None
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class RuleChange:
    """By service. Services of one counter share its time out alike, so they change together."""

    terms: Mapping[int, Terms | None] = field(hash=False)


Change = SeriesChange | ExceptionChange | ClosureChange | RuleChange


@dataclass(frozen=True, slots=True)
class Affected:
    """An appointment, or somebody's reserved time, in time that would be closed."""

    claim_id: int
    appointment_id: UUID | None
    number: str | None
    counter_id: int
    service_id: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    before: Data | None = field(hash=False)
    after: Data | None = field(hash=False)
    affected: tuple[Affected, ...]

    @property
    def seen(self) -> str:
        """What was there, as a short text that stands for it."""
        return hashlib.sha256(json.dumps(self.before, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the history; `by` is the name of who did it."""

    id: int
    at: datetime
    by: str
    kind: str
    subject: Data = field(hash=False)
    before: Data | None = field(hash=False)
    after: Data | None = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeHours:
    """All that can be changed of an office, as data."""

    counters: Mapping[int, Text] = field(hash=False)
    series: Data = field(hash=False)  # by counter
    exceptions: list[Data] = field(hash=False)
    closures: list[Data] = field(hash=False)
    rules: Data = field(hash=False)  # by service


class _Impossible(DomainError):
    status = 422


class SeriesMeet(_Impossible):
    code = "series_meet"
    message = _("Two series overlap: “{first}” and “{second}”. The first day on which they meet is {day}.")


class BreakOutside(_Impossible):
    code = "break_outside"
    message = _("The break “{series}” lies outside of every opening.")


class SeriesNever(_Impossible):
    code = "series_never"
    message = _("There is no day on which “{series}” holds.")


class SeriesImpossible(_Impossible):
    code = "series_impossible"
    message = _("“{series}” does not end after it begins.")


class SeriesUncounted(_Impossible):
    code = "series_uncounted"
    message = _("“{series}” comes every so many weeks: say the first day, from which they are counted.")


class SeriesTwoRhythms(_Impossible):
    code = "series_two_rhythms"
    message = _("“{series}” can come every so many weeks, or in one week of each month, but not both.")


class DayOver(_Impossible):
    code = "day_over"
    message = _("This time is over already.")


class TimesImpossible(_Impossible):
    code = "times_impossible"
    message = _("The times must end after they begin and must not overlap.")


class ServiceTooLong(_Impossible):
    code = "service_too_long"
    message = _(
        "“{service}” takes {minutes} minutes, but its counters are never open longer than {longest} minutes at a time."
    )


class SharesWrong(_Impossible):
    code = "shares_wrong"
    message = _("The shares, or the parts of the release, are not 100 % together.")


class SharesDiffer(_Impossible):
    code = "shares_differ"
    message = _("Counter {counter} serves “{first}” and “{second}”, which share time out or release it differently.")


class NotOfThisOffice(_Impossible):
    code = "not_of_this_office"
    message = _("This counter or service does not belong to the office.")


class HoursMoved(Conflict):
    """Nothing was changed: a decision on something else than what is there."""

    code = "hours_moved"
    message = _("Somebody has changed this since you looked at it.")


class HoursInTheWay(Conflict):
    """Nothing was changed. Who is affected goes out with it."""

    code = "hours_in_the_way"
    message = _("There are appointments in the time that would be closed: {count}.")

    def __init__(self, affected: tuple[Affected, ...]) -> None:
        self.affected = affected
        super().__init__(count=len(affected), claims=[one.claim_id for one in affected])
