"""What the import format says of rhythms, exceptions, rules and pools: read line by line, and checked against the rest. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, time
from itertools import combinations

from booking.catalogue.changes import Terms
from booking.catalogue.draft import (
    DraftCounter,
    DraftException,
    DraftHours,
    DraftOffice,
    DraftPool,
    DraftRule,
    DraftService,
    LineError,
)
from booking.catalogue.rows import Row
from booking.catalogue.series import idle_breaks, meeting
from booking.catalogue.shares import Plan, ReleasePart

_RELEASE = re.compile(r"([0-9]{1,3})% ([0-9]{1,3})d ([01][0-9]|2[0-3]):([0-5][0-9])(?: ([0-9]{1,4})m)?")


def read_rhythm(row: Row, valid_from: date | None) -> tuple[int, int | None, bool]:
    """Every how many weeks, which week of the month, and whether it is a break."""
    every_weeks = row.whole("every_weeks", 1, 52) or 1
    if every_weeks > 1 and valid_from is None:
        row.wrong("every_weeks", "weeks_without_first_day", "Weeks are counted from valid_from, which is empty.")
        every_weeks = 1
    last = row.optional("week_of_month") == "last"
    week_of_month = -1 if last else row.whole("week_of_month", 1, 5)
    if every_weeks > 1 and week_of_month is not None:
        row.wrong("week_of_month", "two_rhythms", "Either every_weeks or week_of_month.")
        week_of_month = None
    kind = row.optional("kind") or "open"
    if kind not in ("open", "break"):
        row.wrong("kind", "bad_choice", f"'{kind}': open or break.")
    return every_weeks, week_of_month, kind == "break"


def read_exception(row: Row) -> DraftException | None:
    day, opens, closes = row.day("day"), None, None
    if row.optional("opens") or row.optional("closes"):
        opens, closes = row.clock("opens"), row.clock("closes")
        if opens is None or closes is None:
            return None
        if closes <= opens:
            row.wrong("closes", "closes_before_opening", "This is not after the time of opening.")
            return None
    if day is None:
        row.wrong("day", "missing", "This cell has no day.")
        return None
    return DraftException(
        line=row.line,
        office=row.key("office"),
        counter=row.key("counter") if row.optional("counter") else "",
        day=day,
        opens=opens,
        closes=closes,
        reason=row.text("reason"),
    )


def read_rule(row: Row) -> DraftRule | None:
    duration_min, buffer_min = row.whole("duration_min", 5, 480), row.whole("buffer_min", 0, 240)
    for column, minutes in (("duration_min", duration_min), ("buffer_min", buffer_min)):
        if minutes and minutes % 5:
            row.wrong(column, "bad_duration", f"'{minutes}': in steps of five minutes.")
            return None
    terms = Terms(
        duration_min=duration_min,
        buffer_min=buffer_min,
        lead_min=row.whole("lead_min", 0, 86400),
        horizon_days=row.whole("horizon_days", 1, 366),
        channels=row.channels("channels") or None,
        plan=_plan(row),
    )
    return DraftRule(
        line=row.line,
        office=row.key("office"),
        service="*" if row.optional("service") == "*" else row.key("service"),
        terms=terms,
    )


def read_pool(row: Row) -> DraftPool:
    return DraftPool(line=row.line, office=row.key("office"), counter=row.key("counter"), sold_by=row.key("sold_by"))


def _plan(row: Row) -> Plan | None:
    shares = [row.whole(f"{name}_percent", 0, 100) for name in ("public", "staff", "walk_in")]
    release = []
    for text in filter(None, (part.strip() for part in row.optional("release").split("|"))):
        fits = _RELEASE.fullmatch(text)
        if fits is None or not 1 <= int(fits[1]) <= 100 or int(fits[2]) > 365 or int(fits[5] or 0) > 1440:
            row.wrong("release", "bad_release", f"'{text}': like 50% 14d 08:00 30m.")
            return None
        release.append(ReleasePart(int(fits[1]), int(fits[2]), time(int(fits[3]), int(fits[4])), int(fits[5] or 0)))
    if shares == [None, None, None]:
        if not release:
            return None
        shares = [100, 0, 0]
    public, staff, walk_in = (share or 0 for share in shares)
    if public + staff + walk_in != 100 or (release and sum(part.percent for part in release) != 100):
        message = "The shares, or the parts of the release, are not 100 % together."
        row.wrong("release" if public + staff + walk_in == 100 else "public_percent", "shares_wrong", message)
        return None
    return Plan(public, staff, walk_in, tuple(release))


def check_capacity(
    offices: Sequence[DraftOffice],
    counters: Sequence[DraftCounter],
    hours: Sequence[DraftHours],
    services: Sequence[DraftService],
    exceptions: Sequence[DraftException],
    rules: Sequence[DraftRule],
    pools: Sequence[DraftPool],
    whole: frozenset[str],
    today: date,
) -> list[LineError]:
    errors = [*_series(hours, today), *_exceptions_overlap(exceptions), *_rules_twice(rules)]
    if "offices.csv" in whole:
        known = {office.key for office in offices}
        named = [("exceptions.csv", one.line, "office", one.office) for one in exceptions]
        named += [("rules.csv", one.line, "office", one.office) for one in rules]
        named += [("pools.csv", one.line, "office", one.office) for one in pools]
        named += [("pools.csv", one.line, "sold_by", one.sold_by) for one in pools]
        errors += [LineError.unknown(*where, "offices.csv") for where in named if where[3] not in known]
    if "counters.csv" in whole:
        keys = {(counter.office, counter.key) for counter in counters}
        kinds = {(counter.office, counter.kind) for counter in counters}
        errors += [
            LineError.unknown(
                "exceptions.csv", one.line, "counter", one.counter, "counters.csv for this office, with its number"
            )
            for one in exceptions
            if one.counter and (one.office, one.counter) not in keys
        ]
        errors += [
            LineError.unknown("pools.csv", one.line, "counter", one.counter, "counters.csv for this office")
            for one in pools
            if (one.office, one.counter) not in kinds
        ]
    if "services.csv" in whole:
        known = {service.key for service in services}
        errors += [
            LineError.unknown("rules.csv", one.line, "service", one.service, "services.csv")
            for one in rules
            if one.service != "*" and one.service not in known
        ]
    return errors


def _series(hours: Sequence[DraftHours], today: date) -> Iterable[LineError]:
    """Over the whole recurrence, not only over the days that are released next."""
    by_counter: dict[tuple[str, str], list[DraftHours]] = {}
    for line in hours:
        by_counter.setdefault((line.office, line.counter), []).append(line)
    for lines in by_counter.values():
        for earlier, later in combinations(lines, 2):
            day = None if earlier.is_break or later.is_break else meeting(earlier.rule, later.rule, today)
            if day is not None:
                message = f"These hours overlap with line {earlier.line}, for the first time on {day}."
                yield LineError("hours.csv", later.line, "opens", "overlap", message)
        for place in idle_breaks([line.rule for line in lines], today):
            yield LineError(
                "hours.csv", lines[place].line, "kind", "break_outside", "This break lies outside of every opening."
            )


def _exceptions_overlap(exceptions: Sequence[DraftException]) -> Iterable[LineError]:
    for earlier, later in combinations(exceptions, 2):
        if (earlier.office, earlier.counter, earlier.day) != (later.office, later.counter, later.day):
            continue
        one, other = ((x.opens or time.min, x.closes or time.max) for x in (earlier, later))
        if one[0] < other[1] and other[0] < one[1]:
            yield LineError(
                "exceptions.csv",
                later.line,
                "opens",
                "overlap",
                f"Line {earlier.line} says something else for this day.",
            )


def _rules_twice(rules: Sequence[DraftRule]) -> Iterable[LineError]:
    first: dict[tuple[str, str], int] = {}
    for rule in rules:
        before = first.setdefault((rule.office, rule.service), rule.line)
        if before != rule.line:
            yield LineError(
                "rules.csv", rule.line, "service", "duplicate", f"'{rule.service}' is already in line {before}."
            )
