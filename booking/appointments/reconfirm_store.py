"""Whether people come: what was asked, and what became of it. One question per case and time."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from booking.appointments.model import Reconfirm, ReconfirmStatus


async def to_ask(conn: Connection, now: datetime, limit: int) -> list[UUID]:
    """Booked before the moment of asking, and with time left to answer; not who cannot come then, as the counter is closed."""
    return await fetch_all(
        conn,
        UUID,
        """
        SELECT a.id FROM service s JOIN appointment a ON a.service_id = s.id AND a.status = 'confirmed'
          JOIN LATERAL (SELECT min(c.starts_at) AS starts_at FROM claim c LEFT JOIN override v ON v.id = c.override_id
                         WHERE c.appointment_id = a.id AND c.status = 2 HAVING NOT bool_or(v.kind IS NOT DISTINCT FROM 3)) t
            ON t.starts_at - s.reconfirm_days * interval '1 day' <= $1 AND t.starts_at - s.reconfirm_hours * interval '1 hour' > $1
         WHERE s.reconfirm_days IS NOT NULL AND a.created_at < t.starts_at - s.reconfirm_days * interval '1 day'
           AND NOT EXISTS (SELECT FROM reconfirm r WHERE r.appointment_id = a.id AND r.starts_at = t.starts_at)
         ORDER BY t.starts_at, a.id LIMIT $2""",
        now,
        limit,
    )


async def put(conn: Connection, appointment_id: UUID, now: datetime, status: ReconfirmStatus) -> Reconfirm | None:
    """As the service says now. None: this service does not ask, not yet, or has asked."""
    return await find_one(
        conn,
        Reconfirm,
        """
        INSERT INTO reconfirm (appointment_id, starts_at, status, releases, asked_at, answer_by, decided_at)
        SELECT a.id, t.starts_at, $3, s.reconfirm_releases, $2, t.starts_at - s.reconfirm_hours * interval '1 hour',
               CASE WHEN $3 <> 'asked' THEN $2::timestamptz END
          FROM appointment a JOIN service s ON s.id = a.service_id
          JOIN LATERAL (SELECT min(starts_at) AS starts_at FROM claim WHERE appointment_id = a.id AND status = 2) t ON true
         WHERE a.id = $1 AND t.starts_at - s.reconfirm_days * interval '1 day' <= $2
           AND ($3 <> 'asked' OR t.starts_at - s.reconfirm_hours * interval '1 hour' > $2)
        ON CONFLICT ON CONSTRAINT reconfirm_once DO NOTHING RETURNING status, answer_by, releases""",
        appointment_id,
        now,
        status.value,
    )


async def find(conn: Connection, appointment_id: UUID) -> Reconfirm | None:
    """About the time that the case has, or had last."""
    return await find_one(
        conn,
        Reconfirm,
        """
        SELECT status, answer_by, releases FROM reconfirm
         WHERE appointment_id = $1
           AND starts_at = coalesce((SELECT min(starts_at) FROM claim WHERE appointment_id = $1 AND status < 8),
                                    (SELECT max(starts_at) FROM claim WHERE appointment_id = $1 AND status = 9))""",
        appointment_id,
    )


async def unanswered(conn: Connection, now: datetime, limit: int) -> list[UUID]:
    """Whose time to answer is over, and that are still booked for what they were asked about."""
    return await fetch_all(
        conn,
        UUID,
        """
        SELECT r.appointment_id FROM reconfirm r JOIN appointment a ON a.id = r.appointment_id AND a.status = 'confirmed'
         WHERE r.status = 'asked' AND r.answer_by <= $1 AND r.starts_at > $1
           AND EXISTS (SELECT FROM claim c LEFT JOIN override v ON v.id = c.override_id
                        WHERE c.appointment_id = a.id AND c.starts_at = r.starts_at AND c.status = 2 AND v.kind IS DISTINCT FROM 3)
         ORDER BY r.answer_by, a.id LIMIT $2""",
        now,
        limit,
    )


async def decide(conn: Connection, appointment_id: UUID, to: ReconfirmStatus, now: datetime) -> bool:
    """Compare-and-set, about the time that the case has. False: decided otherwise meanwhile."""
    done: str = await conn.execute(
        """
        UPDATE reconfirm r SET status = $2, decided_at = $3
         WHERE appointment_id = $1 AND status = ANY (CASE WHEN $2 = 'kept' THEN '{asked,lapsed}' ELSE '{asked}' END::text[])
           AND starts_at = (SELECT min(starts_at) FROM claim WHERE appointment_id = r.appointment_id AND status < 8)""",
        appointment_id,
        to.value,
        now,
    )
    return done == "UPDATE 1"
