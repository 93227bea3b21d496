"""Reads `claim` as five-minute cells. Infinite ends of closed time are cut to dates that fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from base.db import Connection
from booking.availability.model import ClaimRow


async def watermark(conn: Connection) -> int:
    """Every transaction below it is over. Taken before a read, it makes the next poll repeat rows, never miss one."""
    found: int = await conn.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
    return found


async def living_claims(conn: Connection, from_cell: int) -> Iterator[ClaimRow]:
    """Everything that takes time from a cell on, grouped by counter: far fewer rows to decode than one each."""
    rows = await conn.fetch(
        """
        SELECT counter_id, office_id, array_agg(id) AS ids, array_agg(status::int) AS statuses,
               array_agg(floor(date_part('epoch', greatest(starts_at, '2000-01-01Z')) / 300)::int) AS firsts,
               array_agg(ceil(date_part('epoch', least(ends_at, '2200-01-01Z')) / 300)::int) AS lasts,
               array_agg(kind IN (5, 6) AND isfinite(starts_at) AND isfinite(ends_at)) AS kept
          FROM claim WHERE status < 8 AND ends_at > to_timestamp($1::bigint * 300)
         GROUP BY counter_id, office_id""",
        from_cell,
    )
    return (
        ClaimRow(ident, row["office_id"], row["counter_id"], first, last, status, kept)
        for row in rows
        for ident, first, last, status, kept in zip(
            row["ids"], row["firsts"], row["lasts"], row["statuses"], row["kept"], strict=True
        )
    )


async def changed_claims(conn: Connection, since: int) -> tuple[int, list[ClaimRow]]:
    """Rows touched by a transaction at or above a watermark, and the next watermark, of one snapshot.

    Nothing that a snapshot sees was written at or above its xmax, except rows that came out of another cluster's dump: their
    transaction ids lie in this one's future, and every poll would bring them.
    """
    rows: list[Any] = await conn.fetch(
        """
        SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS next, c.id, c.office_id, c.counter_id,
               floor(date_part('epoch', greatest(c.starts_at, '2000-01-01Z')) / 300)::int AS first,
               ceil(date_part('epoch', least(c.ends_at, '2200-01-01Z')) / 300)::int AS last, c.status,
               c.kind IN (5, 6) AND isfinite(c.starts_at) AND isfinite(c.ends_at) AS is_kept
          FROM (SELECT 1) AS one LEFT JOIN claim c
            ON c.xid >= $1 AND c.xid < pg_snapshot_xmax(pg_current_snapshot())::text::bigint""",
        since,
    )
    return rows[0]["next"], [ClaimRow(*row[1:]) for row in rows if row["id"] is not None]
