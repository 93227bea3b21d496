"""Appointments of the same person and service, as rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all
from booking.appointments.person_store import PersonRow


@dataclass(frozen=True, slots=True)
class Twin:
    """A case, by each service that it shares with what is to be booked."""

    id: UUID
    service_id: int
    is_booked: bool
    most: int | None  # per person, of the service; None: any number


async def living(
    conn: Connection, service_ids: Collection[int], person: PersonRow, besides: Collection[UUID], now: datetime
) -> list[Twin]:
    """Also where the service is a further part of a visit."""
    return await fetch_all(
        conn,
        Twin,
        """
        SELECT a.id, s.id AS service_id, a.status <> 'held' AS is_booked, s.most_per_person AS most
          FROM person p JOIN appointment a ON a.id = p.appointment_id
          JOIN claim c ON c.appointment_id = a.id AND c.quantity > 0 JOIN service s ON s.id = c.service_id
         WHERE (p.email_hmac = $2 OR p.mailbox_hmac = $2 OR p.mobile_hmac = $3) AND p.name_hmac = $4
           AND s.id = ANY ($1) AND a.id <> ALL ($5)
           AND a.status IN ('held', 'expiring', 'confirmed')
           AND c.status < 8 AND c.ends_at > $6 AND (c.status <> 1 OR c.hold_until > $6)
         GROUP BY a.id, s.id ORDER BY a.created_at, a.id, s.id""",
        list(service_ids),
        person.mailbox_hmac,
        person.mobile_hmac,
        person.name_hmac,
        list(besides),
        now,
    )


async def pairs_at(conn: Connection, office_id: int, now: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """Booked appointments of this office, each with another one of the same person and service, wherever that is.

    An address from before there were mailboxes (0053_guarded_more.sql) is compared as it was written.
    """
    rows = await conn.fetch(
        """
        SELECT DISTINCT a.id, b.id AS other
          FROM claim c JOIN appointment a ON a.id = c.appointment_id AND a.status = 'confirmed'
          JOIN person p ON p.appointment_id = a.id
          JOIN person q ON (q.mailbox_hmac = p.mailbox_hmac OR q.email_hmac = p.email_hmac OR q.mobile_hmac = p.mobile_hmac)
           AND q.name_hmac = p.name_hmac
          JOIN appointment b ON b.id = q.appointment_id AND b.id <> a.id AND b.status = 'confirmed'
          JOIN claim d ON d.appointment_id = b.id AND d.service_id = c.service_id AND d.quantity > 0 AND d.status = 2 AND d.ends_at > $2
         WHERE c.office_id = $1 AND c.kind = 0 AND c.quantity > 0 AND c.status = 2 AND c.starts_at > $2 ORDER BY a.id, b.id LIMIT $3""",
        office_id,
        now,
        limit,
    )
    return [(row["id"], row["other"]) for row in rows]
