"""Requests by need, and the services that are given out so. Persons stay sealed here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from base.i18n import Text
from booking.allocation.model import RequestStatus, Seen, sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A service that is given out by need, or (not `is_on`) was once."""

    service_id: int
    key: str
    name: Text
    is_on: bool
    class_days: tuple[int, ...]
    offer_hours: int
    rhythm_days: int
    time_zone: str  # of the city
    city: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    id: UUID
    public_id: str
    service_id: int
    status: RequestStatus
    language: str
    made_at: datetime
    claimed_deadline: date | None
    deadline: date | None
    check_reason: str | None
    offices: tuple[int, ...]
    windows: list[dict[str, Any]]
    person_hmac: bytes
    contact_hmac: bytes
    run_id: UUID | None
    appointment_id: UUID | None
    entered_by: int | None  # the account of whoever took the call; None: by the person
    is_called: bool  # has no e-mail address: what comes of it is said by staff
    contact: bytes
    birth_date: bytes
    reason: bytes | None
    who: bytes | None  # sealed (booking.holds.said); None: nothing was asked


_REQUEST = """
    SELECT r.id, r.public_id, r.service_id, r.status, r.language, r.made_at, r.claimed_deadline, r.deadline, r.check_reason,
           r.offices, r.windows, r.person_hmac, r.contact_hmac, r.run_id, r.appointment_id, r.entered_by, r.is_called,
           p.contact, p.birth_date, p.reason, p.who
      FROM allocation_request r JOIN allocation_person p ON p.request_id = r.id"""


async def marked(conn: Connection) -> list[Marked]:
    return await fetch_all(
        conn,
        Marked,
        """
        SELECT a.service_id, s.key, s.name, a.is_on, a.class_days, a.offer_hours, a.rhythm_days, c.time_zone, c.name AS city
          FROM allocation_service a JOIN service s ON s.id = a.service_id CROSS JOIN city c ORDER BY s.key""",
    )


async def by_need(conn: Connection) -> frozenset[int]:
    """Ids of the services that are given out so now."""
    return frozenset(await fetch_all(conn, int, "SELECT service_id FROM allocation_service WHERE is_on"))


async def office_keys(conn: Connection) -> dict[int, str]:
    return {row["id"]: row["key"] for row in await conn.fetch("SELECT id, key FROM office")}


async def office_names(conn: Connection) -> dict[str, Text]:
    return {row["key"]: row["name"] for row in await conn.fetch("SELECT key, name FROM office")}


async def insert_request(conn: Connection, row: RequestRow, request_key: UUID) -> bool:
    """False: the same form had been sent before."""
    done = await conn.execute(
        """
        INSERT INTO allocation_request (id, public_id, service_id, language, made_at, claimed_deadline, offices, windows,
                                        person_hmac, contact_hmac, entered_by, is_called, request_key)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (request_key) DO NOTHING""",
        row.id,
        row.public_id,
        row.service_id,
        row.language,
        row.made_at,
        row.claimed_deadline,
        list(row.offices),
        row.windows,
        row.person_hmac,
        row.contact_hmac,
        row.entered_by,
        row.is_called,
        request_key,
    )
    if done != "INSERT 0 1":
        return False
    await conn.execute(
        "INSERT INTO allocation_person (request_id, contact, birth_date, reason, who) VALUES ($1, $2, $3, $4, $5)",
        row.id,
        row.contact,
        row.birth_date,
        row.reason,
        row.who,
    )
    return True


async def find_request(conn: Connection, ident: UUID) -> RequestRow | None:
    return await find_one(conn, RequestRow, f"{_REQUEST} WHERE r.id = $1", ident)


async def find_number(conn: Connection, public_id: str) -> RequestRow | None:
    return await find_one(conn, RequestRow, f"{_REQUEST} WHERE r.public_id = $1", public_id)


async def lock_request(conn: Connection, public_id: str) -> UUID | None:
    sql = "SELECT id FROM allocation_request WHERE public_id = $1 FOR NO KEY UPDATE"
    return await find_one(conn, UUID, sql, public_id)


async def waiting(conn: Connection) -> list[RequestRow]:
    """For staff: what they have not looked at first, the longest waiting first."""
    sql = f"{_REQUEST} WHERE r.status IN ('asked', 'confirmed') ORDER BY r.status, r.made_at, r.id LIMIT 500"
    return await fetch_all(conn, RequestRow, sql)


async def taking_part(conn: Connection, service_id: int) -> list[RequestRow]:
    sql = f"{_REQUEST} WHERE r.service_id = $1 AND r.status = 'confirmed' ORDER BY r.id"
    return await fetch_all(conn, RequestRow, sql, service_id)


async def move_request(conn: Connection, ident: UUID, to: RequestStatus) -> bool:
    done = await conn.execute(
        "UPDATE allocation_request SET status = $2 WHERE id = $1 AND status = ANY ($3)", ident, to.value, sources(to)
    )
    return done == "UPDATE 1"


async def is_placed(conn: Connection, ident: UUID, now: datetime) -> bool:
    """Whether the person or the contact of this request has an appointment by another one that is still to come."""
    found: bool = await conn.fetchval(
        """
        SELECT EXISTS (
          SELECT FROM allocation_request r JOIN allocation_request o USING (service_id)
            JOIN appointment a ON a.id = o.appointment_id AND a.status IN ('held', 'expiring', 'confirmed')
            JOIN claim c ON c.appointment_id = a.id AND c.status < 8 AND c.ends_at > $2 AND (c.status <> 1 OR c.hold_until > $2)
           WHERE r.id = $1 AND o.status = 'placed' AND (o.person_hmac = r.person_hmac OR o.contact_hmac = r.contact_hmac))""",
        ident,
        now,
    )
    return found


async def forget_over(conn: Connection, before: datetime, limit: int) -> int:
    """Persons of requests that came to nothing since then. A row that somebody is just moving is left to the next round."""
    rows = await conn.fetch(
        """
        SELECT allocation_forget(id) FROM (
          SELECT r.id FROM allocation_request r JOIN allocation_person p ON p.request_id = r.id
           WHERE r.status IN ('unverified', 'refused', 'withdrawn', 'ended')
             AND coalesce(r.ended_at, r.checked_at, r.made_at) <= $1
           ORDER BY r.made_at LIMIT $2 FOR NO KEY UPDATE OF r SKIP LOCKED) over""",
        before,
        limit,
    )
    return len(rows)


async def check_request(
    conn: Connection,
    ident: UUID,
    to: RequestStatus,
    deadline: date | None,
    reason: str,
    by: int,
    now: datetime,
    seen: Seen | None,
) -> bool:
    done = await conn.execute(
        """
        UPDATE allocation_request SET status = $2, deadline = $4, check_reason = $5, checked_by = $6, checked_at = $7
         WHERE id = $1 AND status = ANY ($3)
           AND ($8::text IS NULL OR status = $8 AND deadline IS NOT DISTINCT FROM $9::date)""",
        ident,
        to.value,
        sources(to),
        deadline,
        reason,
        by,
        now,
        seen.status.value if seen else None,
        seen.deadline if seen else None,
    )
    return done == "UPDATE 1"


async def place_request(conn: Connection, ident: UUID, run_id: UUID, appointment_id: UUID) -> None:
    await conn.execute(
        "UPDATE allocation_request SET status = 'placed', run_id = $2, appointment_id = $3 WHERE id = $1",
        ident,
        run_id,
        appointment_id,
    )
