"""Series as people write them: one on a line, such as "Mo–Fr 08:00–12:00" or "Pause Mi 10:00–10:15". Pure.

Days by two letters in German or English, as a list or a range; times, several with commas between them; then what is unusual about them,
in any order: `1/2` every second week (counted from the first day), `#1` the first such day of a month (`#-1` the last), and from and until:
`2026-12-01…2027-01-31`, read as `1.12.2026…31.1.2027`, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, time
from typing import Any

from base.errors import DomainError
from base.i18n import mark as _
from booking.catalogue.hours import Rule

_NAMES: Mapping[str, Sequence[str]] = {
    "de": ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
    "en": ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"),
}
_BREAKS: Mapping[str, str] = {"de": "Pause", "en": "Break"}
_WEEKDAYS = {name.lower(): n for names in _NAMES.values() for n, name in enumerate(names, 1)}
_DASH = "[-–]"
_DAY = r"[A-Za-z]{2}\.?"
_DAYS = rf"{_DAY}(?:\s*{_DASH}\s*{_DAY})?(?:\s*,\s*{_DAY}(?:\s*{_DASH}\s*{_DAY})?)*"
_SPAN = rf"[0-9]{{1,2}}:[0-9]{{2}}\s*{_DASH}\s*[0-9]{{1,2}}:[0-9]{{2}}"
_LINE = re.compile(
    rf"(?P<shut>pause|break)?\s*(?P<days>{_DAYS})\s+(?P<spans>{_SPAN}(?:\s*,\s*{_SPAN})*)(?:\s+Uhr)?(?P<more>.*)",
    re.IGNORECASE,
)
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}"
_MORE = re.compile(  # the outermost group says what it is about
    r"(?P<weeks>1/(?P<every>[1-9]|[1-4][0-9]|5[0-2]))|(?P<nth>#(?P<week>-1|[1-5]))"
    rf"|(?P<validity>(?P<valid_from>{_DATE})?(?:…|\.\.\.?)(?P<valid_until>{_DATE})?)"
)
_MOST_LINES = 200


class SeriesUnreadable(DomainError):
    """Says which line, as it was typed; a class below says what is wrong with it."""

    code = "series_unreadable"
    status = 422
    message = _("“{line}” cannot be read. An example: Mo–Fr 08:00–12:00")


class ClockUnreadable(SeriesUnreadable):
    message = _("“{line}”: a time lies between 00:00 and 23:55, in steps of five minutes.")


class DaysUnreadable(SeriesUnreadable):
    message = _("“{line}”: write the days like Mo, We or Mo–Fr, in the order of the week.")


class DateUnreadable(SeriesUnreadable):
    message = _("“{line}”: there is no such day. Write it like 2026-12-03.")


class SaidTwice(SeriesUnreadable):
    message = _("“{line}”: something is said twice. Write from and until in one, like 2026-12-01…2027-01-31.")


class SeriesTooMany(SeriesUnreadable):
    message = _("These are more than {most} lines. Please draw alike days together on one line.")


def rule_of(stored: Mapping[str, Any]) -> Rule:
    """As it stands in the history and in `OfficeHours.series`."""
    first, last = (
        None if stored[end] is None else date.fromisoformat(stored[end]) for end in ("valid_from", "valid_until")
    )
    opens, closes = (time.fromisoformat(stored[end]) for end in ("opens", "closes"))
    is_break = stored["kind"] == "break"
    return Rule(stored["weekday"], opens, closes, first, last, stored["every_weeks"], stored["week_of_month"], is_break)


def read_series(text: str) -> tuple[Rule, ...]:
    """Empty lines are nothing. Raises SeriesUnreadable."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > _MOST_LINES:
        raise SeriesTooMany(line=lines[_MOST_LINES][:100], most=_MOST_LINES)
    return tuple(rule for line in lines for rule in _read_line(line))


def write_series(rules: Sequence[Rule], language: str) -> str:
    """What `read_series` reads again; days that are alike stand on one line."""
    alike: dict[Rule, list[int]] = {}
    for rule in rules:
        alike.setdefault(replace(rule, weekday=1), []).append(rule.weekday)
    return "\n".join(_write_line(rule, sorted(days), language) for rule, days in alike.items())


def _read_line(line: str) -> list[Rule]:
    shown, found = line[:100], _LINE.fullmatch(line)
    words = found["more"].split() if found else []
    said = [_MORE.fullmatch(word) for word in words]
    if found is None or not all(said):
        raise SeriesUnreadable(line=shown)
    kinds = [one.lastgroup or "" for one in said if one]
    if len(set(kinds)) < len(kinds):
        raise SaidTwice(line=shown)
    try:
        days = _days(found["days"])
    except ValueError:
        raise DaysUnreadable(line=shown) from None
    try:
        spans = [map(_clock, re.split(_DASH, span)) for span in found["spans"].split(",")]
        alike = [Rule(1, opens, closes, is_break=found["shut"] is not None) for opens, closes in spans]
    except ValueError:
        raise ClockUnreadable(line=shown) from None
    try:
        for word in filter(None, said):
            alike = [_with(some, word) for some in alike]
    except ValueError:
        raise DateUnreadable(line=shown) from None
    return [replace(some, weekday=day) for some in alike for day in days]


def _with(rule: Rule, said: re.Match[str]) -> Rule:
    """Raises ValueError: no such day."""
    if said["weeks"]:
        return replace(rule, every_weeks=int(said["every"]))
    if said["nth"]:
        return replace(rule, week_of_month=int(said["week"]))
    first, last = (_day(day) if day else None for day in (said["valid_from"], said["valid_until"]))
    if not all(day is None or 2000 <= day.year < 2200 for day in (first, last)):
        raise ValueError
    return replace(rule, valid_from=first, valid_until=last)


def _day(text: str) -> date:
    day, _dot, rest = text.partition(".")
    if not rest:
        return date.fromisoformat(text)
    month, year = rest.split(".")
    return date(int(year), int(month), int(day))


def _clock(text: str) -> time:
    hours, minutes = map(int, text.split(":"))
    if minutes % 5:
        raise ValueError(text)
    return time(hours, minutes)


def _days(text: str) -> list[int]:
    found: list[int] = []
    for part in text.replace(".", "").split(","):
        ends = [_WEEKDAYS.get(name.strip().lower()) for name in re.split(_DASH, part)]
        first, last = ends[0], ends[-1]
        if first is None or last is None or last < first:
            raise ValueError(text)
        found += range(first, last + 1)
    return list(dict.fromkeys(found))


def runs_of(days: Sequence[int]) -> list[list[int]]:
    """Days that follow one another, together: [1, 2, 3, 5] is [[1, 2, 3], [5]]."""
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def _write_line(rule: Rule, days: Sequence[int], language: str) -> str:
    names = _NAMES.get(language, _NAMES["en"])
    named = [
        names[run[0] - 1] if len(run) == 1 else f"{names[run[0] - 1]}–{names[run[-1] - 1]}" for run in runs_of(days)
    ]
    parts = [", ".join(named), f"{rule.opens:%H:%M}–{rule.closes:%H:%M}"]
    if rule.is_break:
        parts.insert(0, _BREAKS.get(language, _BREAKS["en"]))
    if rule.every_weeks > 1:
        parts.append(f"1/{rule.every_weeks}")
    if rule.week_of_month is not None:
        parts.append(f"#{rule.week_of_month}")
    if rule.valid_from or rule.valid_until:
        parts.append("…".join(_written(day, language) for day in (rule.valid_from, rule.valid_until)))
    return " ".join(parts)


def _written(day: date | None, language: str) -> str:
    if day is None:
        return ""
    return f"{day:%d.%m.%Y}" if language == "de" else day.isoformat()
