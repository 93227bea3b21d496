"""SQL of charges. One function, one statement."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import date, datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from booking.charges.model import Charge, ChargeStatus, OpenItem, Price, Visit, sources
from payment.conditions import UNCOVERED
from payment.model import Line

_CHARGE = """
    SELECT c.id, c.office_id, c.ticket_id, c.appointment_id, c.kind, c.quantity, c.amount_cents, c.currency, c.lines, c.legal_basis,
           c.label, c.language, c.day, c.status, c.requested_at, c.withdraw_reason, c.token_sealed, t.number, a.number AS appointment_number
      FROM charge c JOIN ticket t ON t.id = c.ticket_id LEFT JOIN appointment a ON a.id = c.appointment_id"""

_OWED_AGAIN = "coalesce(nullif(p.take_cents, 0), p.keep_cents, p.amount_cents)"  # see payment.model.Payment.owed_again


async def prices(conn: Connection, day: date, fee_ids: Collection[int] | None = None) -> list[Price]:
    """Of that day, what costs something."""
    sql = """
        SELECT f.id AS fee_id, s.id AS service_id, s.name, f.amount_cents, f.currency, f.legal_basis, f.product, f.tax_percent
          FROM fee f JOIN service s ON s.id = f.service_id
         WHERE s.is_active AND f.amount_cents > 0 AND f.valid @> $1::date AND ($2::int[] IS NULL OR f.id = ANY ($2)) ORDER BY s.id"""
    return await fetch_all(conn, Price, sql, day, None if fee_ids is None else list(fee_ids))


async def visit(conn: Connection, ticket_id: UUID, now: datetime) -> Visit | None:
    sql = """
        SELECT t.id AS ticket_id, t.office_id, t.appointment_id, t.status, coalesce(a.language, 'de') AS language,
               ($2::timestamptz AT TIME ZONE o.time_zone)::date AS day
          FROM ticket t JOIN office o ON o.id = t.office_id LEFT JOIN appointment a ON a.id = t.appointment_id WHERE t.id = $1"""
    return await find_one(conn, Visit, sql, ticket_id, now)


async def insert(
    conn: Connection,
    ident: UUID,
    at: Visit,
    *,
    kind: str,
    fee_id: int | None,
    quantity: int,
    amount_cents: int,
    currency: str,
    lines: Sequence[Line],
    legal_basis: dict[str, str],
    label: str,
    by: int,
    now: datetime,
    token_sha256: bytes,
    token_sealed: bytes,
    code_hmac: bytes,
) -> bool:
    """False: it was asked for already, by this id or because of the same proof."""
    sql = """
        INSERT INTO charge (id, office_id, ticket_id, appointment_id, kind, fee_id, quantity, amount_cents, currency, lines, legal_basis,
                            label, language, day, requested_by, requested_at, changed_at, token_sha256, token_sealed, code_hmac)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16, $17, $18, $19)
        ON CONFLICT DO NOTHING RETURNING true"""
    head = (ident, at.office_id, at.ticket_id, at.appointment_id, kind, fee_id, quantity, amount_cents, currency)
    rest = (
        [asdict(one) for one in lines],
        legal_basis,
        label,
        at.language,
        at.day,
        by,
        now,
        token_sha256,
        token_sealed,
        code_hmac,
    )
    return bool(await conn.fetchval(sql, *head, *rest))


async def find(conn: Connection, ident: UUID) -> Charge | None:
    return await find_one(conn, Charge, f"{_CHARGE} WHERE c.id = $1", ident)


async def lock(conn: Connection, ident: UUID) -> bool:
    return await conn.fetchval("SELECT true FROM charge WHERE id = $1 FOR NO KEY UPDATE", ident) is not None


async def of_visit(conn: Connection, ticket_id: UUID, appointment_id: UUID | None) -> list[Charge]:
    sql = f"{_CHARGE} WHERE c.ticket_id = $1 OR c.appointment_id = $2 ORDER BY c.requested_at, c.id"
    return await fetch_all(conn, Charge, sql, ticket_id, appointment_id)


async def of_case(conn: Connection, appointment_id: UUID) -> list[Charge]:
    return await fetch_all(
        conn, Charge, f"{_CHARGE} WHERE c.appointment_id = $1 ORDER BY c.requested_at, c.id", appointment_id
    )


async def of_number(conn: Connection, office_id: int, number: int, now: datetime) -> list[Charge]:
    """By the number of the queue on the day that it is there now."""
    sql = f"""{_CHARGE} JOIN office o ON o.id = t.office_id
        WHERE o.id = $1 AND t.number = $2 AND t.day = ($3::timestamptz AT TIME ZONE o.time_zone)::date ORDER BY c.requested_at, c.id"""
    return await fetch_all(conn, Charge, sql, office_id, number, now)


async def asked_for_account(conn: Connection, office_id: int | None, limit: int) -> list[Charge]:
    """Without an appointment, where a transfer waits for its payee's account; of one office or of all."""
    sql = f"""{_CHARGE} JOIN payment p ON p.reference = c.id
          JOIN transfer_order o ON o.payment_id = p.id AND o.status IN ('asked', 'returned')
         WHERE c.appointment_id IS NULL AND ($1::int IS NULL OR c.office_id = $1) LIMIT $2"""
    return await fetch_all(conn, Charge, sql, office_id, limit)


async def find_by_code(conn: Connection, code_hmac: bytes) -> UUID | None:
    return await find_one(conn, UUID, "SELECT id FROM charge WHERE code_hmac = $1", code_hmac)


async def has_code(conn: Connection, ident: UUID) -> bool:
    return bool(await conn.fetchval("SELECT code_hmac IS NOT NULL FROM charge WHERE id = $1", ident))


async def find_by_token(conn: Connection, token_sha256: bytes) -> UUID | None:
    return await find_one(conn, UUID, "SELECT id FROM charge WHERE token_sha256 = $1", token_sha256)


async def token_of(conn: Connection, ident: UUID) -> bytes | None:
    found: bytes | None = await conn.fetchval("SELECT token_sha256 FROM charge WHERE id = $1", ident)
    return found


async def move(
    conn: Connection, ident: UUID, to: ChargeStatus, now: datetime, *, by: int | None = None, reason: str | None = None
) -> bool:
    """Compare-and-set; `by` and `reason` of whoever withdraws it stay where a payment was quicker."""
    sql = """
        UPDATE charge SET status = $2, changed_at = $3, withdrawn_by = coalesce($5, withdrawn_by),
                          withdraw_reason = coalesce($6, withdraw_reason)
         WHERE id = $1 AND status = ANY ($4) RETURNING true"""
    return bool(await conn.fetchval(sql, ident, to, now, [one.value for one in sources(to)], by, reason))


async def withdrawing(conn: Connection, before: datetime, limit: int) -> list[UUID]:
    sql = "SELECT id FROM charge WHERE status = 'withdrawing' AND changed_at <= $1 ORDER BY changed_at, id LIMIT $2"
    return await fetch_all(conn, UUID, sql, before, limit)


async def owed(conn: Connection, appointment_id: UUID) -> int:
    """Of what was booked unpaid, cents that nobody has taken."""
    sql = """
        SELECT coalesce((SELECT a.fee_cents FROM appointment a WHERE a.id = $1 AND a.pays_at_till AND a.status = 'confirmed'
                            AND NOT EXISTS (SELECT FROM payment p WHERE p.reference = a.id AND p.status = 'paid' AND NOT p.surplus)), 0)"""
    return int(await conn.fetchval(sql, appointment_id))


async def owed_again(conn: Connection, appointment_id: UUID) -> int:
    """Cents that were reserved for it and ran out before they were taken."""
    sql = f"""
        SELECT coalesce((SELECT {_OWED_AGAIN} FROM payment p JOIN appointment a ON a.id = p.reference
                          WHERE a.id = $1 AND a.status = 'confirmed' AND {UNCOVERED} ORDER BY p.created_at DESC, p.id LIMIT 1), 0)"""  # noqa: S608
    return int(await conn.fetchval(sql, appointment_id))


async def open_items(conn: Connection, limit: int) -> list[OpenItem]:
    """The oldest first."""
    sql = f"""
        SELECT c.requested_at AS since, o.name AS office, o.time_zone, coalesce(a.number, lpad(t.number::text, 3, '0')) AS number, c.label,
               c.amount_cents, c.currency, t.status NOT IN ('called', 'serving', 'waiting') AS is_over, f.reason, f.note
          FROM charge c JOIN ticket t ON t.id = c.ticket_id JOIN office o ON o.id = c.office_id
          LEFT JOIN appointment a ON a.id = c.appointment_id LEFT JOIN open_fee f ON f.ticket_id = t.id
         WHERE c.status = 'open'
        UNION ALL
        SELECT f.left_at, o.name, o.time_zone, a.number, coalesce(s.name ->> a.language, s.name ->> 'de'), a.fee_cents,
               coalesce(v.currency, 'EUR'), true, f.reason, f.note
          FROM appointment a JOIN ticket t ON t.appointment_id = a.id JOIN open_fee f ON f.ticket_id = t.id
          JOIN office o ON o.id = t.office_id JOIN service s ON s.id = a.service_id LEFT JOIN fee v ON v.id = a.fee_id
         WHERE a.pays_at_till AND a.status = 'finished' AND a.fee_cents > 0
           AND NOT EXISTS (SELECT FROM payment p WHERE p.reference = a.id AND p.status = 'paid' AND NOT p.surplus)
        UNION ALL
        SELECT coalesce(f.left_at, p.authorised_until), o.name, o.time_zone, a.number, coalesce(s.name ->> a.language, s.name ->> 'de'),
               {_OWED_AGAIN}, p.currency, a.status <> 'confirmed', f.reason, f.note
          FROM payment p JOIN appointment a ON a.id = p.reference JOIN office o ON o.id = a.office_id JOIN service s ON s.id = a.service_id
          LEFT JOIN ticket t ON t.appointment_id = a.id LEFT JOIN open_fee f ON f.ticket_id = t.id
         WHERE a.status IN ('confirmed', 'finished', 'no_show') AND {UNCOVERED}
         ORDER BY 1, 4 LIMIT $1"""  # noqa: S608
    return await fetch_all(conn, OpenItem, sql, limit)
