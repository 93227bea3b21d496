"""What hours and rules cannot be, whoever writes them: asked of the database in the transaction that has just written them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from base.db import Connection, fetch_all
from base.errors import DomainError
from booking.catalogue import hours_store
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


@dataclass(frozen=True, slots=True)
class _Need:
    office_id: int
    service: str
    minutes: int
    counter_ids: list[int]


@dataclass(frozen=True, slots=True)
class _Differing:
    counter_id: int
    counter: str
    first: str
    second: str


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
    for need in await _needs(conn, office_id):
        most = longest_of(need.counter_ids)
        if 0 < most < need.minutes:  # without any hours there is nothing to be too long for
            found.append(ServiceTooLong(service=need.service, minutes=need.minutes, longest=most))
    for one in await _differing(conn, office_id):
        found.append(SharesDiffer(counter=one.counter, first=one.first, second=one.second))
    return found


async def _needs(conn: Connection, office_id: int | None) -> list[_Need]:
    return await fetch_all(
        conn,
        _Need,
        """
        SELECT c.office_id, s.key AS service, coalesce(r.duration_min, s.duration_min) + coalesce(r.buffer_min, 0) AS minutes,
               array_agg(c.id ORDER BY c.id) AS counter_ids
          FROM counter c JOIN counter_service cs ON cs.counter_id = c.id JOIN service s ON s.id = cs.service_id
          LEFT JOIN service_office r ON r.service_id = s.id AND r.office_id = c.office_id
         WHERE c.is_active AND s.is_active AND s.duration_min IS NOT NULL AND ($1::int IS NULL OR c.office_id = $1)
         GROUP BY c.office_id, s.key, minutes ORDER BY c.office_id, s.key
        """,
        office_id,
    )


async def _differing(conn: Connection, office_id: int | None) -> list[_Differing]:
    """Counters whose services do not share its time out alike; a service without a rule leaves everything to everybody at once."""
    return await fetch_all(
        conn,
        _Differing,
        """
        WITH terms AS (
          SELECT c.id AS counter_id, o.key || '/' || c.key AS counter, s.key AS service,
                 (coalesce(r.public_percent, 100), coalesce(r.staff_percent, 0), coalesce(r.walk_in_percent, 0),
                  coalesce(r.release_plan, '[]'))::text AS terms
            FROM counter c JOIN office o ON o.id = c.office_id JOIN counter_service cs ON cs.counter_id = c.id
            JOIN service s ON s.id = cs.service_id LEFT JOIN service_office r ON r.service_id = s.id AND r.office_id = c.office_id
           WHERE c.is_active AND s.is_active AND s.duration_min IS NOT NULL AND ($1::int IS NULL OR c.office_id = $1))
        SELECT counter_id, counter, (array_agg(service ORDER BY terms, service))[1] AS first,
               (array_agg(service ORDER BY terms DESC, service))[1] AS second
          FROM terms GROUP BY counter_id, counter HAVING count(DISTINCT terms) > 1 ORDER BY counter_id
        """,
        office_id,
    )
