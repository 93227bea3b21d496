"""From rules in local time to instants. Pure; the two odd days of the year are the ordinary case.

A counter is open at an instant exactly if the wall clock then shows a time from `opens` until before `closes` on a day
on which the rule holds. So a night of 25 hours opens "02:15 to 02:45" twice and a night of 23 hours not at all: nobody
has to decide anything.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

import holidays

Span = tuple[datetime, datetime]  # half-open, UTC
Exceptions = Mapping[date, Sequence[tuple[time, time]]]  # by day, when it is open instead; () is closed


@dataclass(frozen=True, slots=True)
class Rule:
    """A series: open on this weekday (ISO: 1 is Monday), from the first to the last day (both inclusive; None: no bound).

    `every_weeks`: counted from the ISO week of the first day. `week_of_month`: only the n-th such weekday of a month, -1 the last.
    A break is cut out of what other series open.
    """

    weekday: int
    opens: time
    closes: time
    valid_from: date | None = None
    valid_until: date | None = None
    every_weeks: int = 1
    week_of_month: int | None = None
    is_break: bool = False

    def holds_on(self, day: date) -> bool:
        return (
            day.isoweekday() == self.weekday
            and (self.valid_from is None or self.valid_from <= day)
            and (self.valid_until is None or day <= self.valid_until)
            and self._in_rhythm(day)
        )

    def _in_rhythm(self, day: date) -> bool:
        if self.every_weeks > 1:
            assert self.valid_from is not None, "weeks are counted from somewhere"
            return weeks_between(self.valid_from, day) % self.every_weeks == 0
        if self.week_of_month is None:
            return True
        if self.week_of_month < 0:
            return (day + timedelta(days=7)).month != day.month
        return (day.day - 1) // 7 + 1 == self.week_of_month


def weeks_between(first: date, other: date) -> int:
    """From the ISO week of one day to that of the other."""
    return (other.toordinal() - other.weekday() - first.toordinal() + first.weekday()) // 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A series as a line of a file or a row of a table says it."""

    weekday: int  # 1 is Monday
    opens: time
    closes: time
    valid_from: date | None
    valid_until: date | None  # the last day
    every_weeks: int = 1
    week_of_month: int | None = None
    is_break: bool = False

    @property
    def rule(self) -> Rule:
        return Rule(
            self.weekday,
            self.opens,
            self.closes,
            self.valid_from,
            self.valid_until,
            self.every_weeks,
            self.week_of_month,
            self.is_break,
        )


def open_spans(
    rules: Sequence[Rule],
    first: date,
    days: int,
    zone: str,
    closed_days: Collection[date] = (),
    closures: Iterable[Span] = (),
    exceptions: Exceptions = MappingProxyType({}),
) -> list[Span]:
    """When it is open in `days` days from `first`: sorted, apart from each other, without closed days and closures."""
    found: list[Span] = []
    for offset in range(days):
        found += open_on(rules, first + timedelta(days=offset), zone, closed_days, exceptions)
    return without(merged(found), closures)


def open_on(
    rules: Sequence[Rule],
    day: date,
    zone: str,
    closed_days: Collection[date] = (),
    exceptions: Exceptions = MappingProxyType({}),
) -> list[Span]:
    """One day. An exception stands for everything that would hold else: series, breaks, a public holiday."""
    if day in exceptions:
        return merged(span for opens, closes in exceptions[day] for span in day_spans(day, opens, closes, zone))
    if day in closed_days:
        return []
    today = [rule for rule in rules if rule.holds_on(day)]
    opened, shut = (
        merged(
            span for rule in today if rule.is_break is kind for span in day_spans(day, rule.opens, rule.closes, zone)
        )
        for kind in (False, True)
    )
    return without(opened, shut)


def day_spans(day: date, opens: time, closes: time, zone: str) -> list[Span]:
    """The instants of this day at which the wall clock shows opens <= time < closes."""
    found = []
    for start, end, offset in _even_stretches(zone, day):
        span = (
            max(start, datetime.combine(day, opens, UTC) - offset),
            min(end, datetime.combine(day, closes, UTC) - offset),
        )
        if span[0] < span[1]:
            found.append(span)
    return merged(found)


def day_start(day: date, zone: str) -> datetime:
    """The first instant of this day, which is not 00:00 everywhere."""
    return min(start for start, _, _ in _even_stretches(zone, day))


def local_day(moment: datetime, zone: str) -> date:
    """The day that people there write at this instant."""
    return moment.astimezone(ZoneInfo(zone)).date()


def merged(spans: Iterable[Span]) -> list[Span]:
    """Sorted; what overlaps or touches is one."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return result


def without(spans: Sequence[Span], closures: Iterable[Span]) -> list[Span]:
    """What of these spans is left when the closures are cut out."""
    left = list(spans)
    for shut, reopened in closures:
        cut: list[Span] = []
        for start, end in left:
            cut += [part for part in ((start, min(end, shut)), (max(start, reopened), end)) if part[0] < part[1]]
        left = cut
    return left


def public_holidays(code: str, first: date, days: int) -> frozenset[date]:
    """Public holidays by the package `holidays`; "DE-BW" is country and subdivision."""
    country, _, subdivision = code.partition("-")
    years = range(first.year, (first + timedelta(days=days)).year + 1)
    return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=years))


@functools.lru_cache(maxsize=4096)
def _even_stretches(zone: str, day: date) -> tuple[tuple[datetime, datetime, timedelta], ...]:
    """The stretches of a local day in which the offset from UTC stays the same, as (start, end, offset)."""
    place = ZoneInfo(zone)

    def offset_at(moment: datetime) -> timedelta:
        offset = moment.astimezone(place).utcoffset()
        assert offset is not None
        return offset

    def midnight_of(moment: datetime) -> datetime:
        """Where this offset would have the day begin."""
        return datetime.combine(day, time(), UTC) - offset_at(moment)

    # Every instant of the day lies within these, for any offset between -15 and +15 hours.
    cursor = datetime.combine(day, time(), UTC) - timedelta(hours=15)
    end = cursor + timedelta(hours=54)
    found = []
    while cursor < end:
        stop = _next_change(offset_at, cursor, end)
        begin = max(cursor, midnight_of(cursor))
        finish = min(stop, midnight_of(cursor) + timedelta(days=1))
        if begin < finish:
            found.append((begin, finish, offset_at(cursor)))
        cursor = stop
    return tuple(found)


def _next_change(offset_at: Callable[[datetime], timedelta], start: datetime, end: datetime) -> datetime:
    """The first instant after start at which the offset differs, to the minute, else end."""
    hour = start
    while hour < end:
        later = min(hour + timedelta(hours=1), end)
        if offset_at(later) != offset_at(hour):
            while later - hour > timedelta(minutes=1):
                middle = hour + timedelta(minutes=((later - hour) // timedelta(minutes=1)) // 2)
                hour, later = (middle, later) if offset_at(middle) == offset_at(start) else (hour, middle)
            return later
        hour = later
    return end
