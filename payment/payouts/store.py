"""SQL of payouts and of where money went. One function, one statement; nothing is written."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from payment.payouts.model import Arrival, Credit, ExportedDay, Part, Payout

_PAYOUT = """
    SELECT p.provider, p.id, p.status, p.amount_cents, p.currency, p.created_at, p.arrival_on, p.trace, p.failure,
           t.parts, t.parts_cents, b.cents AS credited_cents, b.booked_on AS credited_on
      FROM provider_payout_now p
      LEFT JOIN LATERAL (SELECT count(*) AS parts, sum(net_cents)::bigint AS parts_cents FROM provider_payout_part
                          WHERE provider = p.provider AND payout_id = p.id) t ON true
      LEFT JOIN LATERAL (SELECT sum(coalesce(d.amount_cents, e.amount_cents))::bigint AS cents, max(e.booked_on) AS booked_on
                           FROM bank_match m JOIN bank_entry e ON e.statement_id = m.statement_id AND e.position = m.entry
                           LEFT JOIN bank_detail d ON d.statement_id = m.statement_id AND d.entry = m.entry AND d.position = m.position
                          WHERE m.provider = p.provider AND m.payout_id = p.id AND m.freed_by IS NULL) b ON true"""


async def between(conn: Connection, first: date, last: date) -> list[Payout]:
    """By the day on which they were to arrive, the youngest first."""
    sql = f"{_PAYOUT} WHERE p.arrival_on BETWEEN $1 AND $2 ORDER BY p.arrival_on DESC, p.id"
    return await fetch_all(conn, Payout, sql, first, last)


async def find(conn: Connection, payout_id: str) -> Payout | None:
    return await find_one(conn, Payout, f"{_PAYOUT} WHERE p.id = $1", payout_id)


async def parts(conn: Connection, provider: str, payout_id: str) -> list[Part]:
    """What it is made of, as it was when it was paid out; the payment that the provider names, or whose charge it is."""
    sql = """
        SELECT o.transaction_id, t.kind, t.created_at, t.amount_cents, t.fee_cents, o.net_cents, p.id AS payment_id,
               coalesce(p.kassenzeichen, '') AS kassenzeichen
          FROM provider_payout_part o
          JOIN LATERAL (SELECT * FROM provider_transaction t WHERE t.provider = o.provider AND t.id = o.transaction_id
                         ORDER BY t.net_cents = o.net_cents DESC, t.version DESC LIMIT 1) t ON true
          LEFT JOIN LATERAL (SELECT id, kassenzeichen FROM payment
                              WHERE charge_id = t.charge_id OR (t.charge_id IS NULL OR charge_id IS NULL) AND id = t.payment_id
                              ORDER BY charge_id IS NULL, created_at LIMIT 1) p ON true
         WHERE o.provider = $1 AND o.payout_id = $2 ORDER BY t.created_at, o.transaction_id"""
    return await fetch_all(conn, Part, sql, provider, payout_id)


async def credits(conn: Connection, provider: str, payout_id: str) -> list[Credit]:
    sql = """
        SELECT m.statement_id, e.booked_on, coalesce(d.amount_cents, e.amount_cents) AS cents, m.journal_id
          FROM bank_match m JOIN bank_entry e ON e.statement_id = m.statement_id AND e.position = m.entry
          LEFT JOIN bank_detail d ON d.statement_id = m.statement_id AND d.entry = m.entry AND d.position = m.position
         WHERE m.provider = $1 AND m.payout_id = $2 AND m.freed_by IS NULL ORDER BY e.booked_on, m.statement_id, m.entry, m.position"""
    return await fetch_all(conn, Credit, sql, provider, payout_id)


async def journals(conn: Connection, payout_id: str) -> list[tuple[int, str]]:
    """What it has booked: number and kind."""
    sql = """
        SELECT id, kind FROM journal WHERE subject = $1 AND kind IN ('payout', 'payout_failed')
        UNION SELECT j.id, j.kind FROM bank_match m JOIN journal j ON j.id = m.journal_id WHERE m.payout_id = $1 ORDER BY 1"""
    return [(row["id"], row["kind"]) for row in await conn.fetch(sql, payout_id)]


async def arrivals(conn: Connection, payment_id: UUID) -> list[Arrival]:
    """In which payouts a payment's money is, and its refunds and disputes; each with the first line of the bank that was put to it."""
    sql = """
        SELECT o.payout_id, t.kind, o.net_cents, y.currency, y.status, y.arrival_on, b.statement_id, b.booked_on
          FROM payment p JOIN provider_transaction_now t ON t.charge_id = p.charge_id
          JOIN provider_payout_part o ON o.provider = t.provider AND o.transaction_id = t.id
          JOIN provider_payout_now y ON y.provider = o.provider AND y.id = o.payout_id
          LEFT JOIN LATERAL (SELECT m.statement_id, e.booked_on FROM bank_match m
                               JOIN bank_entry e ON e.statement_id = m.statement_id AND e.position = m.entry
                              WHERE m.provider = o.provider AND m.payout_id = o.payout_id AND m.freed_by IS NULL
                              ORDER BY e.booked_on, m.statement_id LIMIT 1) b ON true
         WHERE p.id = $1 ORDER BY t.created_at, t.id"""
    return await fetch_all(conn, Arrival, sql, payment_id)


async def exported_days(conn: Connection, payment_id: UUID) -> list[ExportedDay]:
    sql = """
        SELECT j.business_day AS day, d.day IS NOT NULL AS is_closed, b.number AS batch, a.reference
          FROM (SELECT DISTINCT business_day FROM journal WHERE payment_id = $1) j
          LEFT JOIN ledger_day d ON d.day = j.business_day LEFT JOIN export_batch b ON b.day = j.business_day
          LEFT JOIN export_acknowledgement a ON a.batch = b.number ORDER BY 1"""
    return await fetch_all(conn, ExportedDay, sql, payment_id)
