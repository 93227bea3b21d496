"""SQL of disputes. One function, one statement."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from payment.model import Dispute, DisputeStatus, Payment


async def find(conn: Connection, provider_id: str) -> Dispute | None:
    return await find_one(conn, Dispute, "SELECT * FROM dispute WHERE provider_id = $1", provider_id)


async def lock(conn: Connection, provider_id: str) -> Dispute | None:
    return await find_one(conn, Dispute, "SELECT * FROM dispute WHERE provider_id = $1 FOR NO KEY UPDATE", provider_id)


async def of_payment(conn: Connection, payment_id: UUID) -> list[Dispute]:
    sql = "SELECT * FROM dispute WHERE payment_id = $1 ORDER BY opened_at, id"
    return await fetch_all(conn, Dispute, sql, payment_id)


async def insert(conn: Connection, d: Dispute) -> None:
    sql = """
        INSERT INTO dispute (id, payment_id, provider_id, status, reason, amount_cents, taken_cents, returned_cents, evidence_due_at,
                             opened_at, closed_at, attention, created_at, checked_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"""
    money = (d.amount_cents, d.taken_cents, d.returned_cents)
    times = (d.evidence_due_at, d.opened_at, d.closed_at, d.attention, d.created_at, d.checked_at)
    await conn.execute(sql, d.id, d.payment_id, d.provider_id, d.status, d.reason, *money, *times)


async def update(conn: Connection, d: Dispute, was: DisputeStatus) -> bool:
    sql = """
        UPDATE dispute SET status = $3, amount_cents = $4, taken_cents = $5, returned_cents = $6, evidence_due_at = $7, closed_at = $8,
                           attention = $9, checked_at = $10
         WHERE id = $1 AND status = $2 RETURNING true"""
    money = (d.amount_cents, d.taken_cents, d.returned_cents)
    rest = (d.evidence_due_at, d.closed_at, d.attention, d.checked_at)
    return bool(await conn.fetchval(sql, d.id, was, d.status, *money, *rest))


async def due(conn: Connection, checked_before: datetime, limit: int) -> list[Dispute]:
    """Not over, and not looked at since; the oldest look first."""
    sql = """
        SELECT * FROM dispute
         WHERE (status IN ('inquiry', 'open', 'answered') OR status = 'won' AND returned_cents < taken_cents
                OR status = 'lost' AND taken_cents = 0) AND coalesce(checked_at, created_at) <= $1
         ORDER BY coalesce(checked_at, created_at), id LIMIT $2"""
    return await fetch_all(conn, Dispute, sql, checked_before, limit)


async def payment_of_charge(conn: Connection, charge_id: str) -> Payment | None:
    return await find_one(conn, Payment, "SELECT * FROM payment WHERE charge_id = $1 ORDER BY id LIMIT 1", charge_id)
