"""Invitations, each with what it has become and with what a message says of its office."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from base.i18n import Text
from booking.appointments.model import AppointmentStatus
from booking.invitations.model import NOT_BOTHERED, REMINDED_BEFORE, InvitationStatus, Way

ROW = """
    SELECT i.id, i.office_id, i.service_id, i.channel, i.first_day, i.last_day, i.answer_by, i.language, i.way, i.details, i.made_at,
           i.reminded_at, i.withdrawn_at, p.made_at AS printed_at, t.until AS answer_until, a.id AS case_id, a.status AS case_status,
           o.name AS office, o.street, o.postcode, o.place, o.time_zone, s.name AS service, (SELECT name FROM city) AS city,
           (SELECT contact ->> 'phone' FROM city) AS phone
      FROM invitation i JOIN office o ON o.id = i.office_id JOIN service s ON s.id = i.service_id
     CROSS JOIN LATERAL (SELECT (i.answer_by + 1)::timestamp AT TIME ZONE o.time_zone AS until) t
      LEFT JOIN invitation_print p ON p.id = i.print_id
      LEFT JOIN appointment a ON a.invitation_id = i.id AND a.status NOT IN ('expired', 'cancelled')"""
_NOT_BOOKED = (AppointmentStatus.HELD, AppointmentStatus.EXPIRING)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInvitation:
    id: UUID
    office_id: int
    service_id: int
    channel: str
    first_day: date
    last_day: date
    answer_by: date
    language: str
    way: Way
    details: bytes
    token_sha256: bytes
    code_hmac: bytes
    made_by: int
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationRow:
    id: UUID
    office_id: int
    service_id: int
    channel: str
    first_day: date
    last_day: date
    answer_by: date
    language: str
    way: Way
    details: bytes | None  # sealed
    made_at: datetime
    reminded_at: datetime | None
    withdrawn_at: datetime | None
    printed_at: datetime | None
    answer_until: datetime
    case_id: UUID | None
    case_status: AppointmentStatus | None
    office: Text
    street: str
    postcode: str
    place: str
    time_zone: str
    service: Text
    city: Text | None
    phone: str | None  # the city's

    def status(self, now: datetime) -> InvitationStatus:
        if self.withdrawn_at is not None:
            return InvitationStatus.WITHDRAWN
        if self.case_status is not None and self.case_status not in _NOT_BOOKED:
            return InvitationStatus.BOOKED
        return InvitationStatus.LAPSED if self.answer_until <= now else InvitationStatus.OPEN


async def insert(conn: Connection, new: NewInvitation) -> bool:
    """False: made already."""
    done = await conn.execute(
        """
        INSERT INTO invitation (id, office_id, service_id, channel, first_day, last_day, answer_by, language, way, details, token_sha256,
                                code_hmac, made_by, made_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (id) DO NOTHING""",
        new.id,
        new.office_id,
        new.service_id,
        new.channel,
        new.first_day,
        new.last_day,
        new.answer_by,
        new.language,
        new.way.value,
        new.details,
        new.token_sha256,
        new.code_hmac,
        new.made_by,
        new.made_at,
    )
    return done == "INSERT 0 1"


async def find(conn: Connection, ident: UUID) -> InvitationRow | None:
    return await find_one(conn, InvitationRow, f"{ROW} WHERE i.id = $1", ident)


async def of_office(conn: Connection, office_id: int, most: int) -> list[InvitationRow]:
    """The newest first."""
    sql = f"{ROW} WHERE i.office_id = $1 ORDER BY i.made_at DESC, i.id LIMIT $2"
    return await fetch_all(conn, InvitationRow, sql, office_id, most)


async def find_by_token(conn: Connection, token_sha256: bytes) -> UUID | None:
    return await find_one(conn, UUID, "SELECT id FROM invitation WHERE token_sha256 = $1", token_sha256)


async def find_by_code(conn: Connection, code_hmac: bytes) -> UUID | None:
    return await find_one(conn, UUID, "SELECT id FROM invitation WHERE code_hmac = $1", code_hmac)


async def token_of(conn: Connection, ident: UUID) -> bytes | None:
    return await find_one(conn, bytes, "SELECT token_sha256 FROM invitation WHERE id = $1 AND erased_at IS NULL", ident)


async def lock(conn: Connection, ident: UUID) -> bool:
    """Against withdrawing and reminding; a booking needs it shared."""
    return await conn.fetchval("SELECT true FROM invitation WHERE id = $1 FOR NO KEY UPDATE", ident) is not None


async def bind_hold(conn: Connection, hold_id: UUID, ident: UUID) -> None:
    sql = "INSERT INTO invitation_hold (hold_id, invitation_id) VALUES ($1, $2) ON CONFLICT (hold_id) DO NOTHING"
    await conn.execute(sql, hold_id, ident)


async def free_other_holds(conn: Connection, hold_id: UUID, ident: UUID) -> None:
    """One person keeps one time: what else is held by the invitation and not filled in is given back. A hold that somebody is just making a
    case of is left to that."""
    await conn.execute(
        """
        UPDATE claim SET status = 9, hold_until = NULL WHERE id IN (
          SELECT c.id FROM invitation_hold h JOIN claim c ON c.request_key = h.hold_id
           WHERE h.invitation_id = $2 AND h.hold_id <> $1 AND c.status = 1 AND c.appointment_id IS NULL FOR UPDATE OF c SKIP LOCKED)""",
        hold_id,
        ident,
    )


async def of_hold(conn: Connection, hold_id: UUID) -> UUID | None:
    return await find_one(conn, UUID, "SELECT invitation_id FROM invitation_hold WHERE hold_id = $1", hold_id)


async def withdraw(conn: Connection, ident: UUID, now: datetime) -> None:
    """Refused by invitation_withdrawn_unused."""
    sql = "UPDATE invitation SET withdrawn_at = $2 WHERE id = $1 AND withdrawn_at IS NULL"
    await conn.execute(sql, ident, now)


async def due_to_remind(conn: Connection, now: datetime, most: int) -> Sequence[UUID]:
    """Without a case, not even one that is being filled in, and not invited only a moment before."""
    return await fetch_all(
        conn,
        UUID,
        """
        SELECT i.id FROM invitation i JOIN office o ON o.id = i.office_id
         CROSS JOIN LATERAL (SELECT (i.answer_by + 1)::timestamp AT TIME ZONE o.time_zone AS until) t
         WHERE i.reminded_at IS NULL AND i.withdrawn_at IS NULL AND i.way <> 'letter' AND i.erased_at IS NULL
           AND i.answer_by BETWEEN ($1::timestamptz)::date - 1 AND ($1::timestamptz + $2::interval)::date + 1
           AND t.until > $1 AND t.until <= $1 + $2::interval AND i.made_at <= t.until - $2::interval - $3::interval
           AND NOT EXISTS (SELECT FROM appointment a WHERE a.invitation_id = i.id AND a.status NOT IN ('expired', 'cancelled'))
         ORDER BY t.until, i.id LIMIT $4""",
        now,
        REMINDED_BEFORE,
        NOT_BOTHERED,
        most,
    )


async def mark_reminded(conn: Connection, ident: UUID, now: datetime) -> bool:
    """False: somebody else has."""
    sql = "UPDATE invitation SET reminded_at = $2 WHERE id = $1 AND reminded_at IS NULL AND withdrawn_at IS NULL"
    return await conn.execute(sql, ident, now) == "UPDATE 1"


async def erase_over(conn: Connection, now: datetime, kept: timedelta, most: int) -> list[UUID]:
    """Who was invited, some time after the deadline or after being withdrawn: nobody can come by it any more."""
    return await fetch_all(
        conn,
        UUID,
        """
        UPDATE invitation SET details = NULL, token_sha256 = NULL, code_hmac = NULL, erased_at = $1
         WHERE id IN (SELECT id FROM invitation
                       WHERE erased_at IS NULL
                         AND (answer_by < ($1::timestamptz - $2::interval)::date OR withdrawn_at <= $1::timestamptz - $2::interval)
                       ORDER BY answer_by LIMIT $3 FOR UPDATE SKIP LOCKED)
        RETURNING id""",
        now,
        kept,
        most,
    )
