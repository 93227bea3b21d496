"""What hours and rules cannot be, whoever writes them: asked of the database in the transaction that has just written them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date

from base.db import Connection
from base.errors import DomainError
from booking.catalogue import capacity_store, hours_store
from booking.catalogue.changes import (
    BreakOutside,
    SeriesImpossible,
    SeriesMeet,
    SeriesNever,
    SeriesTwoRhythms,
    SeriesUncounted,
    ServiceTooLong,
    SharesDiffer,
)
from booking.catalogue.hours import Rule
from booking.catalogue.series import idle, idle_breaks, label, longest_min, meetings


def series_faults(rules: Sequence[Rule], since: date) -> list[DomainError]:
    """Of one counter."""
    wrong: list[DomainError] = [
        *(SeriesImpossible(series=label(rule)) for rule in rules if rule.closes <= rule.opens),
        *(SeriesUncounted(series=label(rule)) for rule in rules if rule.every_weeks > 1 and rule.valid_from is None),
        *(SeriesTwoRhythms(series=label(rule)) for rule in rules if rule.every_weeks > 1 and rule.week_of_month),
    ]
    if wrong:
        return wrong
    return [
        *(SeriesNever(series=label(rules[place])) for place in idle(rules, since)),
        *(
            SeriesMeet(first=label(rules[one.first]), second=label(rules[one.second]), day=one.day.isoformat())
            for one in meetings(rules, since)
        ),
        *(BreakOutside(series=label(rules[place])) for place in idle_breaks(rules, since)),
    ]


async def faults(conn: Connection, since: date, office_id: int | None = None) -> list[DomainError]:
    """Of services and counters together, in one office or (None) in all."""
    rules: dict[int, list[Rule]] = defaultdict(list)
    for row in await hours_store.rules(conn):
        rules[row.counter_id].append(row.rule)
    longest: dict[tuple[Rule, ...], int] = {}  # most counters are like others

    def longest_of(counter_ids: Collection[int]) -> int:
        found = 0
        for counter_id in counter_ids:
            key = tuple(rules[counter_id])
            if key not in longest:
                longest[key] = longest_min(key, since)
            found = max(found, longest[key])
        return found

    found: list[DomainError] = []
    for need in await capacity_store.needs(conn, office_id):
        most = longest_of(need.counter_ids)
        if 0 < most < need.minutes:  # without any hours there is nothing to be too long for
            found.append(ServiceTooLong(service=need.service, minutes=need.minutes, longest=most))
    for one in await capacity_store.differing(conn, office_id):
        found.append(SharesDiffer(counter=one.counter, first=one.first, second=one.second))
    return found
