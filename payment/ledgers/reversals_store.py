"""SQL of reversals. One function, one statement."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from payment.ledger import Entry
from payment.ledgers.model import Booked, Reversal

_READ = """
    SELECT r.id, r.journal_id, r.reason, r.requested_by, q.name AS asker, r.requested_at, r.status, r.decided_by, d.name AS decider,
           r.decided_at, r.posted
      FROM reversal r JOIN account q ON q.id = r.requested_by LEFT JOIN account d ON d.id = r.decided_by"""


async def find_journal(conn: Connection, journal_id: int) -> Booked | None:
    sql = """
        SELECT j.id, j.kind, j.payment_id, j.refund_id, j.reverses, b.id AS reversed_by, j.at, j.business_day, p.currency, p.kassenzeichen,
               s.seq, s.sha256, d.id AS drawer_id, coalesce(t.name, '') AS till, coalesce(j.subject, o.subject, '') AS subject
          FROM journal j LEFT JOIN journal o ON o.id = j.reverses LEFT JOIN drawer d ON d.id = coalesce(j.drawer_id, o.drawer_id)
          LEFT JOIN till t ON t.id = d.till_id LEFT JOIN payment p ON p.id = j.payment_id LEFT JOIN journal b ON b.reverses = j.id
          LEFT JOIN journal_seal s ON s.journal_id = j.id WHERE j.id = $1"""
    return await find_one(conn, Booked, sql, journal_id)


async def entries_of(conn: Connection, journal_id: int) -> list[Entry]:
    return await fetch_all(
        conn, Entry, "SELECT account, amount_cents FROM entry WHERE journal_id = $1 ORDER BY id", journal_id
    )


async def of_journal(conn: Connection, journal_id: int) -> list[Reversal]:
    """The youngest first; of the journal, or of the one that it takes back."""
    sql = f"{_READ} WHERE r.journal_id = $1 OR r.posted = $1 ORDER BY r.requested_at DESC, r.id"
    return await fetch_all(conn, Reversal, sql, journal_id)


async def waiting(conn: Connection) -> list[Reversal]:
    return await fetch_all(conn, Reversal, f"{_READ} WHERE r.status = 'requested' ORDER BY r.requested_at, r.id")


async def find(conn: Connection, reversal_id: UUID) -> Reversal | None:
    return await find_one(conn, Reversal, f"{_READ} WHERE r.id = $1", reversal_id)


async def insert(conn: Connection, reversal_id: UUID, journal_id: int, reason: str, by: int, at: datetime) -> bool:
    """False where this request is there already."""
    sql = """
        INSERT INTO reversal (id, journal_id, reason, requested_by, requested_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (id) DO NOTHING RETURNING true"""
    return bool(await conn.fetchval(sql, reversal_id, journal_id, reason, by, at))


async def lock_payment_of(conn: Connection, reversal_id: UUID) -> None:
    """As everything that books for a payment does, before anything else."""
    sql = """
        SELECT FROM payment p WHERE p.id = (SELECT j.payment_id FROM reversal r JOIN journal j ON j.id = r.journal_id WHERE r.id = $1)
           FOR NO KEY UPDATE"""
    await conn.execute(sql, reversal_id)


async def lock(conn: Connection, reversal_id: UUID) -> str | None:
    """Its status; None where there is none."""
    status: str | None = await conn.fetchval("SELECT status FROM reversal WHERE id = $1 FOR UPDATE", reversal_id)
    return status


async def post(conn: Connection, journal_id: int, at: datetime) -> int:
    """The same entries with their signs turned, in their order; the new journal's number."""
    sql = """
        WITH j AS (INSERT INTO journal (kind, payment_id, at, reverses)
                   SELECT 'reversal', payment_id, $2, id FROM journal WHERE id = $1 RETURNING id),
             e AS (INSERT INTO entry (journal_id, account, amount_cents)
                   SELECT j.id, o.account, -o.amount_cents FROM j, entry o WHERE o.journal_id = $1 ORDER BY o.id)
        SELECT id FROM j"""
    return int(await conn.fetchval(sql, journal_id, at))


async def decide(conn: Connection, reversal_id: UUID, status: str, by: int, at: datetime, posted: int | None) -> None:
    sql = "UPDATE reversal SET status = $2, decided_by = $3, decided_at = $4, posted = $5 WHERE id = $1"
    await conn.execute(sql, reversal_id, status, by, at, posted)
