"""Reads `claim` as five-minute cells. Infinite ends of closed time are cut to dates that fit."""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator, Collection
from typing import Any

from base.db import Connection
from booking.availability.model import ClaimRow, CounterTime


async def watermark(conn: Connection) -> int:
    """Every transaction below it is over. Taken before a read, it makes the next poll repeat rows, never miss one."""
    found: int = await conn.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
    return found


async def counter_times(
    conn: Connection, from_cell: int, to_cell: int, only: Collection[int] | None = None
) -> AsyncIterator[CounterTime]:
    """Everything that takes time in the cells [from, to), by counter or of `only` these, inside a transaction. As packed bytes: a tenth of
    the time of decoding rows; through a cursor, so that a city's million rows are never in memory at once."""
    rows = conn.cursor(
        """
        SELECT office_id, counter_id,
               string_agg(first, '') FILTER (WHERE NOT is_kept) AS firsts, string_agg(last, '') FILTER (WHERE NOT is_kept) AS lasts,
               string_agg(first, '') FILTER (WHERE is_kept) AS kept_firsts, string_agg(last, '') FILTER (WHERE is_kept) AS kept_lasts
          FROM (SELECT office_id, counter_id,
                       int4send(floor(date_part('epoch', greatest(starts_at, w.start)) / 300)::int) AS first,
                       int4send(ceil(date_part('epoch', least(ends_at, w.stop)) / 300)::int) AS last,
                       kind IN (5, 6) AND isfinite(starts_at) AND isfinite(ends_at) AS is_kept
                  FROM claim, (SELECT to_timestamp($1::bigint * 300) AS start, to_timestamp($2::bigint * 300) AS stop) w
                 WHERE status < 8 AND ends_at > w.start AND starts_at < w.stop AND ($3::int[] IS NULL OR counter_id = ANY ($3))) c
         GROUP BY office_id, counter_id""",
        from_cell,
        to_cell,
        None if only is None else list(only),
        prefetch=100,
    )
    async for row in rows:
        yield CounterTime(row[0], row[1], *(_integers(packed) for packed in row[2:]))


async def changed_claims(conn: Connection, since: int, from_cell: int) -> tuple[int, list[ClaimRow]]:
    """Rows touched by a transaction at or above a watermark, all living rows that overlap the freed ones among them, and the next
    watermark, of one snapshot. What ends before a cell is left out.

    Nothing that a snapshot sees was written at or above its xmax, except rows that came out of another cluster's dump: their
    transaction ids lie in this one's future, and every poll would bring them.
    """
    rows: list[Any] = await conn.fetch(
        """
        WITH touched AS MATERIALIZED (
          SELECT office_id, counter_id, greatest(starts_at, to_timestamp($2::bigint * 300)) AS starts_at, ends_at, status,
                 kind IN (5, 6) AND isfinite(starts_at) AND isfinite(ends_at) AS is_kept
            FROM claim
           WHERE xid >= $1 AND xid < pg_snapshot_xmax(pg_current_snapshot())::text::bigint AND ends_at > to_timestamp($2::bigint * 300)),
        found AS (
          SELECT * FROM touched
          UNION ALL
          SELECT l.office_id, l.counter_id, greatest(l.starts_at, t.starts_at), least(l.ends_at, t.ends_at), l.status,
                 l.kind IN (5, 6) AND isfinite(l.starts_at) AND isfinite(l.ends_at)
            FROM touched t JOIN claim l ON l.counter_id = t.counter_id
             AND (l.occupied && tstzrange(t.starts_at, t.ends_at) OR l.extra && tstzrange(t.starts_at, t.ends_at))
           WHERE t.status >= 8)
        SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS next, f.office_id, f.counter_id,
               floor(date_part('epoch', f.starts_at) / 300)::int AS first,
               ceil(date_part('epoch', least(f.ends_at, '2200-01-01Z')) / 300)::int AS last, f.status, f.is_kept
          FROM (SELECT 1) AS one LEFT JOIN found f ON true""",
        since,
        from_cell,
    )
    return rows[0]["next"], [ClaimRow(*row[1:]) for row in rows if row["office_id"] is not None]


def _integers(packed: bytes | None) -> array[int]:
    """Four bytes each, in network order."""
    found = array("i", packed or b"")
    found.byteswap()
    return found
