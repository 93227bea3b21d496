"""SQL of letters that ask for an account. One function, one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from booking.refunds.model import Due, DueAt, LetterRun


async def due_at(conn: Connection, office_id: int, limit: int) -> list[DueAt]:
    """Of cases that were booked at this office, or have a living time at its counters; the longest waiting first. While a payment is
    disputed nobody is asked."""
    sql = """
        SELECT o.id AS order_id, o.round, p.reference, a.id AS appointment_id
          FROM transfer_order o JOIN payment p ON p.id = o.payment_id
          LEFT JOIN LATERAL (SELECT moves AS id FROM claim WHERE request_key = p.reference AND moves IS NOT NULL
                             UNION ALL SELECT appointment_id FROM charge WHERE id = p.reference AND appointment_id IS NOT NULL) m ON true
          JOIN appointment a ON a.id = coalesce(m.id, p.reference)
         WHERE o.status IN ('asked', 'returned')
           AND (a.office_id = $1 OR EXISTS (SELECT FROM claim c WHERE c.appointment_id = a.id AND c.status < 8 AND c.office_id = $1))
           AND NOT EXISTS (SELECT FROM transfer_letter l WHERE l.order_id = o.id AND l.round = o.round)
           AND NOT EXISTS (SELECT FROM dispute d WHERE d.payment_id = o.payment_id AND d.status NOT IN ('won', 'closed'))
         ORDER BY o.changed_at, o.id LIMIT $2"""
    return await fetch_all(conn, DueAt, sql, office_id, limit)


async def insert_run(conn: Connection, ident: UUID, office_id: int, by: int, now: datetime) -> bool:
    """False: made already."""
    sql = "INSERT INTO transfer_print (id, office_id, made_by, made_at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING"
    return await conn.execute(sql, ident, office_id, by, now) == "INSERT 0 1"


async def take(conn: Connection, ident: UUID, letters: Sequence[tuple[UUID, int, bytes]]) -> list[UUID]:
    """Order, round and the HMAC of its code; those that are still asked and are in no other run."""
    sql = """
        INSERT INTO transfer_letter (order_id, round, print_id, code_hmac)
        SELECT o.id, o.round, $1, w.code FROM unnest($2::uuid[], $3::int[], $4::bytea[]) w (id, round, code)
          JOIN transfer_order o ON o.id = w.id AND o.round = w.round AND o.status IN ('asked', 'returned')
        ON CONFLICT (order_id, round) DO NOTHING RETURNING order_id"""
    return await fetch_all(conn, UUID, sql, ident, *(list(column) for column in zip(*letters, strict=True)))


async def runs(conn: Connection, office_id: int, limit: int) -> list[LetterRun]:
    """The newest first."""
    sql = """
        SELECT p.id, p.made_at, (SELECT count(*) FROM transfer_letter l WHERE l.print_id = p.id) AS letters
          FROM transfer_print p WHERE p.office_id = $1 ORDER BY p.made_at DESC, p.id LIMIT $2"""
    return await fetch_all(conn, LetterRun, sql, office_id, limit)


async def of_run(conn: Connection, office_id: int, ident: UUID) -> list[Due]:
    """Its letters that still ask for something."""
    sql = """
        SELECT o.id AS order_id, o.round, p.reference FROM transfer_letter l JOIN transfer_print r ON r.id = l.print_id
          JOIN transfer_order o ON o.id = l.order_id AND o.round = l.round AND o.status IN ('asked', 'returned')
          JOIN payment p ON p.id = o.payment_id
         WHERE r.id = $2 AND r.office_id = $1 ORDER BY o.created_at, o.id"""
    return await fetch_all(conn, Due, sql, office_id, ident)


async def run_of(conn: Connection, order_id: UUID, round_: int, office_id: int) -> UUID | None:
    sql = """
        SELECT l.print_id FROM transfer_letter l JOIN transfer_print r ON r.id = l.print_id
         WHERE l.order_id = $1 AND l.round = $2 AND r.office_id = $3"""
    return await find_one(conn, UUID, sql, order_id, round_, office_id)


async def find_by_code(conn: Connection, code_hmac: bytes) -> UUID | None:
    return await find_one(conn, UUID, "SELECT order_id FROM transfer_letter WHERE code_hmac = $1", code_hmac)
