"""What a guarded service allows one contact, and how much of it is taken, as rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from base.db import Connection, find_one
from booking.appointments.person_store import PersonRow


@dataclass(frozen=True, slots=True)
class Limit:
    service_id: int
    per_contact: int


async def find_limit(conn: Connection, hold_id: UUID) -> Limit | None:
    """None: the hold was not made past a guard, or by an allowance, which books for many."""
    return await find_one(
        conn,
        Limit,
        """
        SELECT g.service_id, g.per_contact FROM guard_pass p JOIN guard g USING (service_id)
         WHERE p.hold_id = $1 AND p.way <> 'allowance'""",
        hold_id,
    )


async def count_living(
    conn: Connection, service_id: int, person: PersonRow, besides: Collection[UUID], now: datetime
) -> int:
    count: int = await conn.fetchval(
        """
        SELECT count(DISTINCT a.id) FROM person p JOIN appointment a ON a.id = p.appointment_id JOIN claim c ON c.appointment_id = a.id
         WHERE (p.email_hmac = $2 OR p.mailbox_hmac = $2 OR p.mobile_hmac = $3) AND c.service_id = $1 AND a.id <> ALL ($4)
           AND a.status IN ('held', 'expiring', 'confirmed') AND c.status < 8 AND c.ends_at > $5
           AND (c.status <> 1 OR c.hold_until > $5)""",
        service_id,
        person.mailbox_hmac,
        person.mobile_hmac,
        list(besides),
        now,
    )
    return count
