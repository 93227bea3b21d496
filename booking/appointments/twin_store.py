"""Appointments of the same person and service, as rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all
from booking.appointments.store import PersonRow


@dataclass(frozen=True, slots=True)
class Twin:
    id: UUID
    is_booked: bool
    most: int | None  # per person, of the service; None: any number


async def lock_name(conn: Connection, key: bytes, service_id: int) -> None:
    """Until the transaction ends. `key`: the HMAC of the name."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(encode($1::bytea, 'hex'), $2))", key, service_id)


async def living(
    conn: Connection, service_id: int, person: PersonRow, besides: Collection[UUID], now: datetime
) -> list[Twin]:
    return await fetch_all(
        conn,
        Twin,
        """
        SELECT a.id, a.status <> 'held' AS is_booked, s.most_per_person AS most
          FROM person p JOIN appointment a ON a.id = p.appointment_id JOIN service s ON s.id = a.service_id
         WHERE (p.email_hmac = $2 OR p.mailbox_hmac = $2 OR p.mobile_hmac = $3) AND p.name_hmac = $4
           AND a.service_id = $1 AND a.id <> ALL ($5)
           AND a.status IN ('held', 'expiring', 'confirmed')
           AND EXISTS (SELECT FROM claim c WHERE c.appointment_id = a.id AND c.status < 8 AND c.ends_at > $6
                          AND (c.status <> 1 OR c.hold_until > $6))
         ORDER BY a.created_at, a.id""",
        service_id,
        person.mailbox_hmac,
        person.mobile_hmac,
        person.name_hmac,
        list(besides),
        now,
    )


async def pairs_at(conn: Connection, office_id: int, now: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """Booked appointments of this office, each with another one of the same person and service, wherever that is."""
    rows = await conn.fetch(
        """
        SELECT DISTINCT a.id, b.id AS other
          FROM claim c JOIN appointment a ON a.id = c.appointment_id AND a.status = 'confirmed'
          JOIN person p ON p.appointment_id = a.id
          JOIN person q ON (q.email_hmac = p.email_hmac OR q.mobile_hmac = p.mobile_hmac) AND q.name_hmac = p.name_hmac
          JOIN appointment b ON b.id = q.appointment_id AND b.id <> a.id AND b.service_id = a.service_id AND b.status = 'confirmed'
          JOIN claim d ON d.appointment_id = b.id AND d.status = 2 AND d.ends_at > $2
         WHERE c.office_id = $1 AND c.kind = 0 AND c.status = 2 AND c.starts_at > $2 ORDER BY a.id, b.id LIMIT $3""",
        office_id,
        now,
        limit,
    )
    return [(row["id"], row["other"]) for row in rows]
