"""What is wrong with a counter's series as a whole: two that meet, a break that interrupts nothing. Pure.

Series meet where the wall clock shows both on the same day, so time zones do not matter here. The calendar repeats every 400 years, which
are 20871 whole weeks: whoever has not met in that many common weeks never will.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations

from booking.catalogue.hours import Rule, weeks_between

_WEEKS_OF_CALENDAR = 20871
_YEAR = timedelta(days=366)  # every n-th weekday of a month comes within it
_WEEKDAYS = ("mo", "tu", "we", "th", "fr", "sa", "su")


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two series of a counter that would be open at the same time, by their places, and the first day of it."""

    first: int
    second: int
    day: date


def meetings(rules: Sequence[Rule], since: date) -> list[Meeting]:
    """Over the whole recurrence. `since`: where to look first for series that have always been."""
    found = []
    for (one, rule), (other, later) in combinations(enumerate(rules), 2):
        if not rule.is_break and not later.is_break and (day := meeting(rule, later, since)) is not None:
            found.append(Meeting(one, other, day))
    return found


def idle_breaks(rules: Sequence[Rule], since: date) -> list[int]:
    """The places of breaks that meet no opening on any day."""
    return [
        place
        for place, rule in enumerate(rules)
        if rule.is_break and all(other.is_break or meeting(rule, other, since) is None for other in rules)
    ]


def idle(rules: Sequence[Rule], since: date) -> list[int]:
    """The places of series that hold on no day at all."""
    return [place for place, rule in enumerate(rules) if meeting(rule, rule, since) is None]


def meeting(one: Rule, other: Rule, since: date) -> date | None:
    """The first day on which both hold at some time of the clock."""
    if one.weekday != other.weekday or one.opens >= other.closes or other.opens >= one.closes:
        return None
    first = max(one.valid_from or date.min, other.valid_from or date.min)
    last = min(one.valid_until or date.max, other.valid_until or date.max)
    if first == date.min:  # both have always been, so both count no weeks
        first = since if last >= since else last - _YEAR
    return _first_common(one, other, first, last)


def longest_min(rules: Sequence[Rule], since: date) -> int:
    """The longest time without a break that these series ever open, in minutes of the wall clock, looked for on each one's first day."""
    found = 0
    for rule in rules:
        day = None if rule.is_break else meeting(rule, rule, since)
        if day is not None:
            found = max(found, _longest_on(rules, day))
    return found


def _longest_on(rules: Sequence[Rule], day: date) -> int:
    is_open = [False] * (24 * 60 + 1)  # ends closed
    for shuts in (False, True):
        for rule in rules:
            if rule.is_break is shuts and rule.holds_on(day):
                begin, end = (at.hour * 60 + at.minute for at in (rule.opens, rule.closes))
                is_open[begin:end] = [not shuts] * (end - begin)
    longest = run = 0
    for minute in is_open:
        run = run + 1 if minute else 0
        longest = max(longest, run)
    return longest


def _first_common(one: Rule, other: Rule, first: date, last: date) -> date | None:
    day = _weekday_from(first, one.weekday)
    if day is None:
        return None
    step = math.lcm(one.every_weeks, other.every_weeks)
    for _week in range(step):  # the first common week of those that count weeks
        if _counted(one, day) and _counted(other, day):
            break
        day = _later(day, 1)
        if day is None or day > last:
            return None
    else:
        return None
    for _round in range(_WEEKS_OF_CALENDAR):
        if day is None or day > last:
            return None
        if one.holds_on(day) and other.holds_on(day):
            return day
        if one.week_of_month is None and other.week_of_month is None:
            return None
        day = _later(day, step)
    return None


def _counted(rule: Rule, day: date) -> bool:
    return rule.every_weeks == 1 or (
        rule.valid_from is not None and weeks_between(rule.valid_from, day) % rule.every_weeks == 0
    )


def _weekday_from(day: date, weekday: int) -> date | None:
    ordinal = day.toordinal() + (weekday - day.isoweekday()) % 7
    return date.fromordinal(ordinal) if ordinal <= date.max.toordinal() else None


def _later(day: date, weeks: int) -> date | None:
    ordinal = day.toordinal() + 7 * weeks
    return date.fromordinal(ordinal) if ordinal <= date.max.toordinal() else None


def label(rule: Rule) -> str:
    """As in hours.csv, so that it says the same in every language."""
    parts = [_WEEKDAYS[rule.weekday - 1], f"{rule.opens:%H:%M}–{rule.closes:%H:%M}"]
    if rule.every_weeks > 1:
        parts.append(f"1/{rule.every_weeks}")
    if rule.week_of_month is not None:
        parts.append(f"#{rule.week_of_month}")
    if rule.valid_from or rule.valid_until:
        parts.append(f"{rule.valid_from or ''}…{rule.valid_until or ''}")
    return " ".join(parts)
