"""Hours in the database: the rules, and the one way to turn them into closed time. One function, one statement."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from base.db import Connection, fetch_all, find_one
from booking.catalogue.hours import Span, Written
from booking.catalogue.shares import Plan, ReleasePart, Share


@dataclass(frozen=True, slots=True)
class LaneRow:
    id: int
    office_id: int
    label: str  # "buergerbuero-mitte/desk-2"
    zone: str
    holidays: str
    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow(Written):
    counter_id: int


@dataclass(frozen=True, slots=True)
class ExceptionRow:
    """One of both ids is null; both times null: closed on that day."""

    office_id: int | None
    counter_id: int | None
    day: date
    opens: time | None
    closes: time | None


@dataclass(frozen=True, slots=True)
class PlanRow:
    """How a counter's time is shared out, and in which chunks."""

    counter_id: int
    chunk_min: int
    public_percent: int
    staff_percent: int
    walk_in_percent: int
    release_plan: list[ReleasePart]

    @property
    def plan(self) -> Plan:
        return Plan(self.public_percent, self.staff_percent, self.walk_in_percent, tuple(self.release_plan))


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


async def lanes(conn: Connection, only: Collection[int] | None = None) -> list[LaneRow]:
    """All or only these. Withdrawn counters too: they are to be closed."""
    return await fetch_all(
        conn,
        LaneRow,
        """
        SELECT c.id, c.office_id, o.key || '/' || c.key AS label, o.time_zone AS zone, city.holidays,
               c.is_active AND o.is_active AS is_active
          FROM counter c JOIN office o ON o.id = c.office_id CROSS JOIN city
         WHERE $1::int[] IS NULL OR c.id = ANY ($1) ORDER BY c.id
        """,
        _ids(only),
    )


async def rules(conn: Connection, only: Collection[int] | None = None) -> list[RuleRow]:
    return await fetch_all(
        conn,
        RuleRow,
        """
        SELECT counter_id, weekday, opens, closes, lower(valid) AS valid_from, upper(valid) - 1 AS valid_until,
               every_weeks, week_of_month, kind = 'break' AS is_break
          FROM opening_hours WHERE $1::int[] IS NULL OR counter_id = ANY ($1) ORDER BY counter_id, weekday, opens, id
        """,
        _ids(only),
    )


async def exceptions(conn: Connection, since: date) -> list[ExceptionRow]:
    return await fetch_all(
        conn,
        ExceptionRow,
        """
        SELECT office_id, counter_id, day, opens, closes FROM hours_exception WHERE day >= $1
         ORDER BY day, counter_id NULLS FIRST, opens
        """,
        since,
    )


async def plans(conn: Connection, only: Collection[int] | None = None) -> list[PlanRow]:
    """Of counters whose services have rules that share their time out; all services of a counter have the same, or saving is refused."""
    return await fetch_all(
        conn,
        PlanRow,
        """
        SELECT c.id AS counter_id, max(coalesce(r.duration_min, s.duration_min) + coalesce(r.buffer_min, 0)) AS chunk_min,
               coalesce(min(r.public_percent), 100) AS public_percent, coalesce(min(r.staff_percent), 0) AS staff_percent,
               coalesce(min(r.walk_in_percent), 0) AS walk_in_percent,
               coalesce((array_agg(r.release_plan) FILTER (WHERE r.release_plan IS NOT NULL))[1], '[]') AS release_plan
          FROM counter c JOIN counter_service cs ON cs.counter_id = c.id
          JOIN service s ON s.id = cs.service_id AND s.is_active AND s.duration_min IS NOT NULL
          LEFT JOIN service_office r ON r.service_id = s.id AND r.office_id = c.office_id
         WHERE $1::int[] IS NULL OR c.id = ANY ($1)
         GROUP BY c.id HAVING bool_or(r.public_percent < 100 OR r.release_plan IS NOT NULL)
        """,
        _ids(only),
    )


async def due_counters(conn: Connection, now: datetime) -> list[int]:
    """Whose closed time has to be looked at again."""
    return await fetch_all(conn, int, "SELECT counter_id FROM hours_due WHERE due_at <= $1 ORDER BY counter_id", now)


async def set_due(conn: Connection, counter_id: int, due_at: datetime | None) -> None:
    """The next time; None: nothing to come."""
    await conn.execute(
        """
        WITH gone AS (DELETE FROM hours_due WHERE counter_id = $1 AND $2::timestamptz IS NULL)
        INSERT INTO hours_due (counter_id, due_at) SELECT $1, $2::timestamptz WHERE $2::timestamptz IS NOT NULL
        ON CONFLICT (counter_id) DO UPDATE SET due_at = excluded.due_at WHERE hours_due.due_at <> excluded.due_at
        """,
        counter_id,
        due_at,
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


async def set_hours(
    conn: Connection,
    counter_id: int,
    start: datetime,
    end: datetime | None,
    parts: Mapping[Share, Sequence[Span]],
) -> int:
    """These parts of the time from start to end (None: for ever), closed in the rest. An appointment in what is closed refuses it.

    Returns how many rows of closed time changed.
    """
    pairs = [(share, *span) for share, spans in parts.items() for span in spans]
    rows: int = await conn.fetchval(
        """
        WITH span AS (SELECT k, coalesce(range_agg(tstzrange(s, e)), '{}') AS m
                        FROM unnest($4::int[], $5::timestamptz[], $6::timestamptz[]) AS given (k, s, e) GROUP BY k)
        SELECT set_hours($1, tstzrange($2::timestamptz, coalesce($3::timestamptz, 'infinity')),
                         coalesce((SELECT m FROM span WHERE k = 0), '{}'), coalesce((SELECT m FROM span WHERE k = 6), '{}'),
                         coalesce((SELECT m FROM span WHERE k = 7), '{}'), coalesce((SELECT m FROM span WHERE k = 5), '{}'))
        """,
        counter_id,
        start,
        end,
        [int(share) for share, _, _ in pairs],
        [opens for _, opens, _ in pairs],
        [closes for _, _, closes in pairs],
    )
    return rows


async def readmit(conn: Connection, counter_id: int, start: datetime, end: datetime | None) -> int:
    """Times that were left inside a closure and are open again are as any other. How many."""
    rows: int = await conn.fetchval(
        "SELECT readmit($1, tstzrange($2::timestamptz, coalesce($3::timestamptz, 'infinity')))", counter_id, start, end
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
    """Starts of the appointments and holds that lie, even in part, in time that would be closed; what is kept for the earlier-time
    list gives way."""
    return await fetch_all(
        conn,
        datetime,
        """
        SELECT starts_at FROM claim
         WHERE counter_id = $1 AND kind = 0
           AND NOT (appointment_id IS NULL AND EXISTS (SELECT FROM waitlist_slot s WHERE s.hold_id = request_key))
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


def _ids(only: Collection[int] | None) -> list[int] | None:
    return None if only is None else list(only)
