"""Hours and rules of an office as data: read, written, remembered. One function, one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time

from base.db import Connection, fetch_all, find_one
from base.i18n import Text
from booking.catalogue.changes import Affected, Data, Entry, Terms
from booking.catalogue.hours import Rule, Span

_RULE = """jsonb_build_object('weekday', h.weekday, 'opens', to_char(h.opens, 'HH24:MI'), 'closes', to_char(h.closes, 'HH24:MI'),
             'valid_from', lower(h.valid), 'valid_until', upper(h.valid) - 1, 'every_weeks', h.every_weeks,
             'week_of_month', h.week_of_month, 'kind', h.kind)"""


async def lock_city(conn: Connection) -> bool:
    """Until the transaction ends: one change at a time, and whoever rolls hours or imports waits. The version says that there is news."""
    return await conn.execute("UPDATE city SET version = version + 1") == "UPDATE 1"


async def counters(conn: Connection, office_id: int) -> dict[int, Text]:
    rows = await conn.fetch("SELECT id, name FROM counter WHERE office_id = $1 AND is_active ORDER BY id", office_id)
    return {row["id"]: row["name"] for row in rows}


async def services(conn: Connection, office_id: int) -> set[int]:
    """That the office offers: at its own counters, or at those it shares."""
    rows = await fetch_all(
        conn,
        int,
        """
        SELECT DISTINCT cs.service_id FROM counter c JOIN counter_service cs ON cs.counter_id = c.id
         WHERE c.office_id = $1 OR EXISTS (SELECT FROM counter_office p WHERE p.counter_id = c.id AND p.office_id = $1)
        """,
        office_id,
    )
    return set(rows)


async def series(conn: Connection, counter_ids: Sequence[int]) -> Data:
    rows = await conn.fetch(
        f"""
        SELECT c.id::text AS counter,
               coalesce(jsonb_agg({_RULE} ORDER BY h.weekday, h.opens, h.kind, lower(h.valid)) FILTER (WHERE h.id IS NOT NULL),
                        '[]') AS rules
          FROM counter c LEFT JOIN opening_hours h ON h.counter_id = c.id WHERE c.id = ANY ($1) GROUP BY c.id ORDER BY c.id
        """,  # noqa: S608
        list(counter_ids),
    )
    return {row["counter"]: row["rules"] for row in rows}


async def put_series(conn: Connection, counter_ids: Sequence[int], rules: Sequence[Rule]) -> None:
    await conn.execute("DELETE FROM opening_hours WHERE counter_id = ANY ($1)", list(counter_ids))
    await conn.executemany(
        """
        INSERT INTO opening_hours (counter_id, weekday, opens, closes, valid, every_weeks, week_of_month, kind)
        SELECT c, $2, $3, $4, daterange($5, $6, '[]'), $7, $8, $9 FROM unnest($1::int[]) AS c
        """,
        [
            (
                list(counter_ids),
                rule.weekday,
                rule.opens,
                rule.closes,
                rule.valid_from,
                rule.valid_until,
                rule.every_weeks,
                rule.week_of_month,
                "break" if rule.is_break else "open",
            )
            for rule in rules
        ],
    )


async def exception(conn: Connection, office_id: int | None, counter_id: int | None, day: date) -> Data | None:
    return await conn.fetchval(  # type: ignore[no-any-return]
        """
        SELECT jsonb_build_object('spans', coalesce(jsonb_agg(jsonb_build_array(to_char(opens, 'HH24:MI'), to_char(closes, 'HH24:MI'))
                 ORDER BY opens) FILTER (WHERE opens IS NOT NULL), '[]'), 'reason', min(reason))
          FROM hours_exception WHERE day = $3 AND office_id IS NOT DISTINCT FROM $1 AND counter_id IS NOT DISTINCT FROM $2
        HAVING count(*) > 0
        """,
        office_id,
        counter_id,
        day,
    )


async def exceptions(conn: Connection, office_id: int, since: date) -> list[Data]:
    return await fetch_all(
        conn,
        dict,
        """
        SELECT jsonb_build_object('day', e.day, 'counter', e.counter_id, 'reason', min(e.reason), 'spans',
                 coalesce(jsonb_agg(jsonb_build_array(to_char(e.opens, 'HH24:MI'), to_char(e.closes, 'HH24:MI')) ORDER BY e.opens)
                          FILTER (WHERE e.opens IS NOT NULL), '[]'))
          FROM hours_exception e LEFT JOIN counter c ON c.id = e.counter_id
         WHERE coalesce(e.office_id, c.office_id) = $1 AND e.day >= $2 GROUP BY e.day, e.counter_id ORDER BY e.day, e.counter_id
        """,
        office_id,
        since,
    )


async def put_exception(
    conn: Connection,
    office_id: int | None,
    counter_id: int | None,
    day: date,
    spans: Sequence[tuple[time | None, time | None]],
    reason: str,
) -> None:
    """Instead of what the day had; no spans: nothing any more."""
    await conn.execute(
        """DELETE FROM hours_exception WHERE day = $3 AND office_id IS NOT DISTINCT FROM $1 AND counter_id IS NOT DISTINCT FROM $2""",
        office_id,
        counter_id,
        day,
    )
    await conn.executemany(
        "INSERT INTO hours_exception (office_id, counter_id, day, opens, closes, reason) VALUES ($1, $2, $3, $4, $5, $6)",
        [(office_id, counter_id, day, opens, closes, reason) for opens, closes in spans],
    )


async def closure(conn: Connection, office_id: int | None, counter_id: int | None, span: Span) -> Data | None:
    return await conn.fetchval(  # type: ignore[no-any-return]
        """
        SELECT jsonb_build_object('reason', min(reason)) FROM closure
         WHERE during = tstzrange($3, $4) AND office_id IS NOT DISTINCT FROM $1 AND counter_id IS NOT DISTINCT FROM $2
        HAVING count(*) > 0
        """,
        office_id,
        counter_id,
        *span,
    )


async def closures(conn: Connection, office_id: int, since: datetime) -> list[Data]:
    """The whole city's are not the office's to change, so they are not here."""
    return await fetch_all(
        conn,
        dict,
        """
        SELECT jsonb_build_object('counter', x.counter_id, 'starts_at', lower(x.during), 'ends_at', upper(x.during), 'reason', x.reason)
          FROM closure x LEFT JOIN counter c ON c.id = x.counter_id
         WHERE coalesce(x.office_id, c.office_id) = $1 AND x.during && tstzrange($2, 'infinity') ORDER BY lower(x.during), x.id
        """,
        office_id,
        since,
    )


async def put_closure(
    conn: Connection, office_id: int | None, counter_id: int | None, span: Span, reason: str | None
) -> None:
    """Instead of one over the same time; reason None: no longer."""
    await conn.execute(
        """
        WITH gone AS (DELETE FROM closure WHERE during = tstzrange($3, $4) AND office_id IS NOT DISTINCT FROM $1
                         AND counter_id IS NOT DISTINCT FROM $2)
        INSERT INTO closure (office_id, counter_id, during, reason) SELECT $1, $2, tstzrange($3, $4), $5 WHERE $5::text IS NOT NULL
        """,
        office_id,
        counter_id,
        *span,
        reason,
    )


async def rules(conn: Connection, office_id: int, service_ids: Sequence[int] | None = None) -> Data:
    """By service, of these or of all that have one; a service without a rule is not in it."""
    rows = await conn.fetch(
        """
        SELECT service_id::text AS service, to_jsonb(r) - 'service_id' - 'office_id' AS terms FROM service_office r
         WHERE office_id = $1 AND ($2::int[] IS NULL OR service_id = ANY ($2)) ORDER BY service_id
        """,
        office_id,
        None if service_ids is None else list(service_ids),
    )
    return {row["service"]: row["terms"] for row in rows}


async def put_rule(conn: Connection, office_id: int, service_id: int, terms: Terms | None) -> None:
    """None: as everywhere."""
    await conn.execute("DELETE FROM service_office WHERE office_id = $1 AND service_id = $2", office_id, service_id)
    if terms is None:
        return
    plan = terms.plan
    await conn.execute(
        """
        INSERT INTO service_office (office_id, service_id, duration_min, buffer_min, lead_min, horizon_days, channels,
                                    public_percent, staff_percent, walk_in_percent, release_plan)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """,
        office_id,
        service_id,
        terms.duration_min,
        terms.buffer_min,
        terms.lead_min,
        terms.horizon_days,
        None if terms.channels is None else [channel.value for channel in terms.channels],
        plan and plan.public,
        plan and plan.staff,
        plan and plan.walk_in,
        plan.release_data() if plan and plan.release else None,
    )


async def affected(
    conn: Connection, counter_id: int, start: datetime, end: datetime | None, spans: Sequence[Span]
) -> list[Affected]:
    """Appointments and holds that lie, even in part, in time that would be closed; what is kept for the earlier-time list gives way."""
    return await fetch_all(
        conn,
        Affected,
        """
        SELECT c.id AS claim_id, c.appointment_id, a.number, c.counter_id, c.service_id, c.starts_at,
               c.ends_at - c.buffer_min * interval '1 minute' AS ends_at
          FROM claim c LEFT JOIN appointment a ON a.id = c.appointment_id
         WHERE c.counter_id = $1 AND c.kind = 0
           AND NOT (c.appointment_id IS NULL AND EXISTS (SELECT FROM waitlist_slot s WHERE s.hold_id = c.request_key))
           AND c.occupied && (tstzmultirange(tstzrange($2::timestamptz, coalesce($3::timestamptz, 'infinity')))
                              - (SELECT coalesce(range_agg(tstzrange(s, e)), '{}')
                                   FROM unnest($4::timestamptz[], $5::timestamptz[]) AS span (s, e)))
         ORDER BY c.starts_at
        """,
        counter_id,
        start,
        end,
        [opens for opens, _ in spans],
        [closes for _, closes in spans],
    )


async def add_entry(
    conn: Connection,
    office_id: int,
    by: int,
    now: datetime,
    kind: str,
    subject: Data,
    before: Data | None,
    after: Data | None,
) -> int:
    ident: int = await conn.fetchval(
        """
        INSERT INTO hours_change (office_id, by_user, at, kind, subject, before, after)
        VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id
        """,
        office_id,
        by,
        now,
        kind,
        subject,
        before,
        after,
    )
    return ident


async def entries(conn: Connection, office_id: int, below: int | None, limit: int) -> list[Entry]:
    """Newest first."""
    return await fetch_all(
        conn,
        Entry,
        """
        SELECT h.id, h.at, a.name AS by, h.kind, h.subject, h.before, h.after FROM hours_change h JOIN account a ON a.id = h.by_user
         WHERE h.office_id = $1 AND ($2::bigint IS NULL OR h.id < $2) ORDER BY h.id DESC LIMIT $3
        """,
        office_id,
        below,
        limit,
    )


async def time_zone(conn: Connection, office_id: int) -> str | None:
    return await find_one(conn, str, "SELECT time_zone FROM office WHERE id = $1 AND is_active", office_id)
