"""Deadlines at the till, the codes before them, and the tills that one can go to, as rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from booking.appointments.till_term import Because


@dataclass(frozen=True, slots=True)
class TermRow:
    """What a case that is held may ask for. `hours`: None where one of its services offers no till in normal operation."""

    starts_at: datetime
    hold_until: datetime
    fee_cents: int
    hours: int | None
    before_hours: int | None
    is_silent: bool  # the provider did not answer when it was to be paid, within the last hour


@dataclass(frozen=True, slots=True, kw_only=True)
class TillHold:
    """A time that is held for a till."""

    appointment_id: UUID
    asked_at: datetime
    pay_by: datetime
    because: Because
    verified: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TillPlace:
    """An office with a till, and when it is open: half-open ranges."""

    office_id: int
    name: dict[str, str]
    street: str
    postcode: str
    place: str
    time_zone: str
    open: list[tuple[datetime, datetime]] = field(default_factory=list)


async def find_term(conn: Connection, appointment_id: UUID, now: datetime) -> TermRow | None:
    """None: it is not held. Of a visit, what all of its services allow."""
    return await find_one(
        conn,
        TermRow,
        """
        SELECT min(c.starts_at) AS starts_at, min(c.hold_until) AS hold_until, a.fee_cents,
               CASE WHEN bool_and(s.pay_at_till_hours IS NOT NULL) THEN min(s.pay_at_till_hours) END AS hours,
               max(s.pay_at_till_before_hours) AS before_hours,
               EXISTS (SELECT FROM till_offer o WHERE o.appointment_id = a.id AND o.at > $2::timestamptz - interval '1 hour') AS is_silent
          FROM appointment a JOIN claim c ON c.appointment_id = a.id AND c.status = 1 AND c.quantity > 0
          JOIN service s ON s.id = c.service_id
         WHERE a.id = $1 AND a.status = 'held' AND coalesce((SELECT f.currency FROM fee f WHERE f.id = a.fee_id), 'EUR') = 'EUR'
         GROUP BY a.id""",
        appointment_id,
        now,
    )


async def find(conn: Connection, appointment_id: UUID) -> TillHold | None:
    sql = "SELECT appointment_id, asked_at, pay_by, because, verified FROM till_hold WHERE appointment_id = $1"
    return await find_one(conn, TillHold, sql, appointment_id)


async def insert(conn: Connection, one: TillHold, contact_hmac: bytes | None, remind_at: datetime | None) -> None:
    """Raises CheckViolationError: till_hold_few_of_contact."""
    await conn.execute(
        """
        INSERT INTO till_hold (appointment_id, asked_at, pay_by, because, verified, contact_hmac, remind_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)""",
        one.appointment_id,
        one.asked_at,
        one.pay_by,
        one.because.value,
        one.verified,
        contact_hmac,
        remind_at,
    )


async def keep_until(conn: Connection, appointment_id: UUID, until: datetime) -> None:
    """The other parts of a visit end with its first."""
    sql = "UPDATE claim SET hold_until = $2 WHERE appointment_id = $1 AND status = 1 AND hold_until < 'infinity'"
    await conn.execute(sql, appointment_id, until)


async def count_open(conn: Connection, contact_hmac: bytes) -> int:
    """Times of this contact that wait for a till."""
    sql = """
        SELECT count(*) FROM till_hold t JOIN appointment a ON a.id = t.appointment_id
         WHERE t.contact_hmac = $1 AND a.status IN ('held', 'expiring')"""
    return int(await conn.fetchval(sql, contact_hmac))


async def note_silence(conn: Connection, appointment_id: UUID, now: datetime) -> None:
    sql = "INSERT INTO till_offer (appointment_id, at) VALUES ($1, $2) ON CONFLICT (appointment_id) DO UPDATE SET at = excluded.at"
    await conn.execute(sql, appointment_id, now)


async def insert_code(
    conn: Connection,
    ident: UUID,
    appointment_id: UUID,
    way: str,
    contact_hmac: bytes,
    code_hmac: bytes,
    good_until: datetime,
) -> bool:
    """False: the same request had made it before."""
    sql = """
        INSERT INTO till_code (id, appointment_id, way, contact_hmac, code_hmac, good_until) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (id) DO NOTHING"""
    done: str = await conn.execute(sql, ident, appointment_id, way, contact_hmac, code_hmac, good_until)
    return done == "INSERT 0 1"


async def find_code(conn: Connection, ident: UUID, appointment_id: UUID) -> tuple[str, datetime] | None:
    """By which way it went, and until when it is good."""
    sql = "SELECT way, good_until FROM till_code WHERE id = $1 AND appointment_id = $2"
    row = await conn.fetchrow(sql, ident, appointment_id)
    return None if row is None else (row["way"], row["good_until"])


@dataclass(frozen=True, slots=True)
class CodeRow:
    way: str
    contact_hmac: bytes
    code_hmac: bytes


async def try_code(conn: Connection, ident: UUID, appointment_id: UUID, now: datetime, most: int) -> CodeRow | None:
    """One more try, compared and set in one statement. None: unknown, over, or tried too often."""
    return await find_one(
        conn,
        CodeRow,
        """
        UPDATE till_code SET tries = tries + 1
         WHERE id = $1 AND appointment_id = $2 AND good_until > $3 AND tries < $4 RETURNING way, contact_hmac, code_hmac""",
        ident,
        appointment_id,
        now,
        most,
    )


async def to_remind(conn: Connection, now: datetime, limit: int) -> list[UUID]:
    return await fetch_all(
        conn,
        UUID,
        """
        SELECT t.appointment_id FROM till_hold t JOIN appointment a ON a.id = t.appointment_id AND a.status = 'held'
         WHERE t.remind_at <= $1 AND t.reminded_at IS NULL AND t.pay_by > $1 ORDER BY t.remind_at LIMIT $2""",
        now,
        limit,
    )


async def mark_reminded(conn: Connection, appointment_id: UUID, now: datetime) -> bool:
    """False: somebody else has."""
    sql = "UPDATE till_hold SET reminded_at = $2 WHERE appointment_id = $1 AND reminded_at IS NULL AND remind_at <= $2 RETURNING true"
    return bool(await conn.fetchval(sql, appointment_id, now))


async def forget_over(conn: Connection, now: datetime) -> int:
    """Codes whose time is over, and offers of cases that are decided."""
    sql = """
        WITH codes AS (DELETE FROM till_code WHERE good_until < $1::timestamptz - interval '1 day' RETURNING 1),
             offers AS (DELETE FROM till_offer o USING appointment a
                         WHERE a.id = o.appointment_id AND a.status NOT IN ('held', 'expiring') RETURNING 1)
        SELECT (SELECT count(*) FROM codes) + (SELECT count(*) FROM offers)"""
    return int(await conn.fetchval(sql, now))


async def places(conn: Connection, office_ids: Collection[int], now: datetime, until: datetime) -> list[TillPlace]:
    """When any of their counters is open; time that is kept for somebody (block_class: not 1) is open time. Those that are not open
    before then are left out."""
    return await fetch_all(
        conn,
        TillPlace,
        """
        SELECT o.id AS office_id, o.name, o.street, o.postcode, o.place, o.time_zone,
               (SELECT coalesce(jsonb_agg(jsonb_build_array(lower(r), upper(r)) ORDER BY lower(r)), '[]') FROM unnest(t.open) r) AS open
          FROM office o
          JOIN LATERAL (
            SELECT range_agg(tstzmultirange(tstzrange($2, $3)) - coalesce(closed.ranges, '{}')) AS open
              FROM counter k
              LEFT JOIN LATERAL (
                SELECT range_agg(c.occupied) AS ranges FROM claim c
                 WHERE c.counter_id = k.id AND c.occupied && tstzrange($2, $3) AND c.kind > 0
                   AND block_class(c.kind, c.starts_at, c.ends_at) = 1) closed ON true
             WHERE k.office_id = o.id AND k.is_active AND k.channel = 'onsite') t ON t.open IS NOT NULL AND NOT isempty(t.open)
         WHERE o.id = ANY ($1) ORDER BY o.id""",
        list(office_ids),
        now,
        until,
    )
