"""Hours in the database: the rules, and the one way to turn them into closed time. One function, one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from base.db import Connection, fetch_all, find_one


@dataclass(frozen=True, slots=True)
class LaneRow:
    id: int
    office_id: int
    label: str  # "buergerbuero-mitte/desk-2"
    zone: str
    holidays: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class RuleRow:
    counter_id: int
    weekday: int
    opens: time
    closes: time
    valid_from: date | None
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class ClosureRow:
    """Both ids null: the whole city."""

    office_id: int | None
    counter_id: int | None
    starts_at: datetime
    ends_at: datetime


async def version(conn: Connection) -> int | None:
    return await find_one(conn, int, "SELECT version FROM city")


async def hold_version(conn: Connection) -> int | None:
    """Of the catalogue, until the transaction ends: an import waits that long."""
    return await find_one(conn, int, "SELECT version FROM city FOR SHARE")


async def lanes(conn: Connection) -> list[LaneRow]:
    """Withdrawn counters too: they are to be closed."""
    return await fetch_all(
        conn,
        LaneRow,
        """
        SELECT c.id, c.office_id, o.key || '/' || c.key AS label, o.time_zone AS zone, city.holidays,
               c.is_active AND o.is_active AS is_active
          FROM counter c JOIN office o ON o.id = c.office_id CROSS JOIN city ORDER BY c.id
        """,
    )


async def rules(conn: Connection) -> list[RuleRow]:
    return await fetch_all(
        conn,
        RuleRow,
        """
        SELECT counter_id, weekday, opens, closes, lower(valid) AS valid_from, upper(valid) - 1 AS valid_until
          FROM opening_hours ORDER BY counter_id, weekday, opens
        """,
    )


async def closures(conn: Connection, since: datetime) -> list[ClosureRow]:
    """Clipped, so that closures without an end can be calculated with."""
    return await fetch_all(
        conn,
        ClosureRow,
        """
        SELECT office_id, counter_id, greatest(coalesce(lower(during), $1), $1) AS starts_at,
               least(coalesce(upper(during), 'infinity'), $1 + interval '50 years') AS ends_at
          FROM closure WHERE during && tstzrange($1, 'infinity')
        """,
        since,
    )


async def set_open(
    conn: Connection,
    counter_id: int,
    start: datetime,
    end: datetime | None,
    opens: Sequence[datetime],
    closes: Sequence[datetime],
) -> int:
    """Open in exactly these spans from start to end (None: for ever). An appointment in the way refuses it.

    Returns how many rows of closed time changed.
    """
    rows: int = await conn.fetchval(
        """
        SELECT set_open($1, tstzrange($2::timestamptz, coalesce($3::timestamptz, 'infinity')),
                        (SELECT coalesce(range_agg(tstzrange(s, e)), '{}')
                           FROM unnest($4::timestamptz[], $5::timestamptz[]) AS span (s, e)))
        """,
        counter_id,
        start,
        end,
        opens,
        closes,
    )
    return rows


async def blocking_times(
    conn: Connection,
    counter_id: int,
    start: datetime,
    end: datetime | None,
    opens: Sequence[datetime],
    closes: Sequence[datetime],
) -> list[datetime]:
    """Starts of the appointments and holds that lie, even in part, in time that would be closed."""
    return await fetch_all(
        conn,
        datetime,
        """
        SELECT starts_at FROM claim
         WHERE counter_id = $1 AND kind = 0
           AND occupied && (tstzmultirange(tstzrange($2::timestamptz, coalesce($3::timestamptz, 'infinity')))
                            - (SELECT coalesce(range_agg(tstzrange(s, e)), '{}')
                                 FROM unnest($4::timestamptz[], $5::timestamptz[]) AS span (s, e)))
         ORDER BY starts_at
        """,
        counter_id,
        start,
        end,
        opens,
        closes,
    )
