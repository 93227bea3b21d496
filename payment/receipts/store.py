"""SQL of receipts. One function, one statement."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from base.db import Connection, find_one
from payment.ledger import part_of
from payment.receipts.model import Receipt

_READ = """
    SELECT r.payment_id, p.reference, r.year, r.number, r.issued_at, p.kassenzeichen, p.provider,
           p.captured_cents AS amount_cents, p.refunded_cents,
           p.currency, p.lines, coalesce(p.method, c.method) AS method
      FROM receipt r JOIN payment p ON p.id = r.payment_id LEFT JOIN counter_payment c ON c.payment_id = p.id"""


async def lock(conn: Connection, year: int) -> None:
    """As the trigger takes it; before the last number is read."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('receipt', $1))", year)


async def issue(conn: Connection, year: int, at: datetime, limit: int, only: UUID | None = None) -> int:
    """To those that are due, in the order in which they were paid. How many."""
    sql = """
        WITH due AS (DELETE FROM receipt_due WHERE payment_id IN (
                       SELECT payment_id FROM receipt_due WHERE $4::uuid IS NULL OR payment_id = $4 ORDER BY id LIMIT $3)
                     RETURNING payment_id, id),
             numbered AS (SELECT payment_id, row_number() OVER (ORDER BY id) AS place FROM due)
        INSERT INTO receipt (payment_id, year, number, issued_at)
        SELECT payment_id, $1, (SELECT coalesce(max(number), 0) FROM receipt WHERE year = $1) + place, $2
          FROM numbered ORDER BY place"""
    return int((await conn.execute(sql, year, at, limit, only)).rsplit(" ", 1)[1])


async def has_due(conn: Connection) -> bool:
    return bool(await conn.fetchval("SELECT EXISTS (SELECT FROM receipt_due)"))


async def find(conn: Connection, payment_id: UUID) -> Receipt | None:
    found = await find_one(conn, Receipt, f"{_READ} WHERE r.payment_id = $1", payment_id)
    if found is None or sum(line.amount_cents for line in found.lines) == found.amount_cents:
        return found
    return replace(found, lines=part_of(found.lines, found.amount_cents))  # a part of what was reserved was taken
