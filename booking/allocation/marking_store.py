"""Which services are given out by need: what was said, what holds, and the requests that end with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from booking.allocation.model import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRow:
    """`by` is a name. Without figures: no longer given out by need."""

    id: int
    is_on: bool
    class_days: tuple[int, ...] | None
    offer_hours: int | None
    rhythm_days: int | None
    from_at: datetime
    because: str
    by: str
    at: datetime

    @property
    def rule(self) -> Rule | None:
        if self.class_days is None or self.offer_hours is None or self.rhythm_days is None:
            return None
        return Rule(class_days=self.class_days, offer_hours=self.offer_hours, rhythm_days=self.rhythm_days)


async def is_service(conn: Connection, service_id: int) -> bool:
    return await conn.fetchval("SELECT true FROM service WHERE id = $1", service_id) is not None


async def lock_service(conn: Connection, service_id: int) -> bool:
    """Whether there is one. Two who say something of it at once do so one after the other."""
    sql = "SELECT true FROM service WHERE id = $1 FOR NO KEY UPDATE"
    return await conn.fetchval(sql, service_id) is not None


async def marks(conn: Connection, service_id: int) -> list[MarkRow]:
    """The newest first."""
    return await fetch_all(
        conn,
        MarkRow,
        """
        SELECT m.id, m.is_on, m.class_days, m.offer_hours, m.rhythm_days, m.from_at, m.because, a.name AS by, m.at
          FROM allocation_mark m JOIN account a ON a.id = m.by_user WHERE m.service_id = $1 ORDER BY m.id DESC LIMIT 100""",
        service_id,
    )


async def insert_mark(
    conn: Connection, service_id: int, rule: Rule | None, from_at: datetime, because: str, by: int, now: datetime
) -> None:
    await conn.execute(
        """
        INSERT INTO allocation_mark (service_id, is_on, class_days, offer_hours, rhythm_days, from_at, because, by_user, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        service_id,
        rule is not None,
        None if rule is None else list(rule.class_days),
        None if rule is None else rule.offer_hours,
        None if rule is None else rule.rhythm_days,
        from_at,
        because,
        by,
        now,
    )


async def put_in_force(conn: Connection, now: datetime) -> int:
    """How many services changed. What was said last of those whose moment has come holds."""
    rows = await conn.fetch(
        """
        INSERT INTO allocation_service AS s (service_id, is_on, class_days, offer_hours, rhythm_days)
        SELECT m.service_id, m.is_on, coalesce(m.class_days, was.class_days), coalesce(m.offer_hours, was.offer_hours),
               coalesce(m.rhythm_days, was.rhythm_days)
          FROM (SELECT DISTINCT ON (service_id) * FROM allocation_mark WHERE from_at <= $1 ORDER BY service_id, id DESC) m
          LEFT JOIN allocation_service was USING (service_id)
         WHERE m.is_on OR was.is_on
        ON CONFLICT (service_id) DO UPDATE
          SET (is_on, class_days, offer_hours, rhythm_days)
            = (excluded.is_on, excluded.class_days, excluded.offer_hours, excluded.rhythm_days)
          WHERE (s.is_on, s.class_days, s.offer_hours, s.rhythm_days)
             IS DISTINCT FROM (excluded.is_on, excluded.class_days, excluded.offer_hours, excluded.rhythm_days)
        RETURNING s.service_id""",
        now,
    )
    return len(rows)


async def open_requests(conn: Connection, service_id: int) -> int:
    """Those that somebody has verified."""
    sql = "SELECT count(*) FROM allocation_request WHERE service_id = $1 AND status IN ('asked', 'confirmed')"
    return await find_one(conn, int, sql, service_id) or 0


async def stranded(conn: Connection, limit: int) -> list[UUID]:
    """Open requests for what is no longer given out by need."""
    return await fetch_all(
        conn,
        UUID,
        """
        SELECT r.id FROM allocation_request r JOIN allocation_service s USING (service_id)
         WHERE NOT s.is_on AND r.status IN ('unverified', 'asked', 'confirmed') ORDER BY r.made_at LIMIT $1""",
        limit,
    )


async def lock_stranded(conn: Connection, ident: UUID) -> bool:
    """False: it is none any more, or somebody is just moving it."""
    found = await conn.fetchval(
        """
        SELECT true FROM allocation_request r JOIN allocation_service s USING (service_id)
         WHERE r.id = $1 AND NOT s.is_on AND r.status IN ('unverified', 'asked', 'confirmed') FOR NO KEY UPDATE OF r SKIP LOCKED""",
        ident,
    )
    return found is not None


async def end_request(conn: Connection, ident: UUID, now: datetime) -> None:
    await conn.execute("UPDATE allocation_request SET status = 'ended', ended_at = $2 WHERE id = $1", ident, now)
