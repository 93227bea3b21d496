"""SQL of what tills have sent to the bank, and of our account there. One function, one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from base.db import Connection, fetch_all
from payment.matching.model import Sent, Stated, Unlike
from payment.matching.worklist_model import AtBank

_SUBJECT = "c.kind || ':' || coalesce(c.drawer_id::text, c.till_id || ':' || c.day)"
_SENT = """
    sent_to_bank($1, $2) s LEFT JOIN LATERAL (
      SELECT max(e.booked_on) AS arrived_on, max(c.journal_id) AS journal_id
        FROM bank_cleared c JOIN bank_match m ON m.journal_id = c.journal_id
        JOIN bank_entry e ON e.statement_id = m.statement_id AND e.position = m.entry
       WHERE c.freed_by IS NULL AND (c.kind, c.drawer_id) = (s.kind, s.drawer_id)
          OR c.freed_by IS NULL AND s.drawer_id IS NULL AND (c.till_id, c.day) = (s.till_id, s.day)) a ON true"""


async def sent(conn: Connection, first: date, last: date) -> list[Sent]:
    """Of these days, with when the bank booked it."""
    sql = f"""
        SELECT s.subject, s.kind, s.till_id, s.day, s.cents, s.reference, s.kassenzeichen, a.arrived_on FROM {_SENT}"""  # noqa: S608
    return await fetch_all(conn, Sent, sql, first, last)


async def at_bank(conn: Connection, first: date, last: date) -> list[AtBank]:
    """What was sent in these days and where it arrived, the youngest first."""
    sql = f"""
        SELECT s.subject, s.kind, s.till_id, t.name AS till_name, t.office_id, s.drawer_id, s.day, s.cents, s.reference,
               a.arrived_on, a.journal_id
          FROM {_SENT} JOIN till t ON t.id = s.till_id
         ORDER BY s.day DESC, t.office_id, t.id, s.kind"""  # noqa: S608
    return await fetch_all(conn, AtBank, sql, first, last)


async def parted(conn: Connection, first: date) -> set[tuple[tuple[int, int, int], str]]:
    """Lines, and what people have taken off them again."""
    sql = f"""
        SELECT m.statement_id, m.entry, m.position, {_SUBJECT} AS subject
          FROM bank_cleared c JOIN bank_match m ON m.journal_id = c.journal_id
          JOIN bank_entry e ON e.statement_id = m.statement_id AND e.position = m.entry
         WHERE c.freed_by IS NOT NULL AND e.booked_on >= $1"""  # noqa: S608
    return {((row[0], row[1], row[2]), row[3]) for row in await conn.fetch(sql, first)}


async def put_line(conn: Connection, place: tuple[int, int, int], journal_id: int, at: datetime) -> None:
    sql = "INSERT INTO bank_match (statement_id, entry, position, journal_id, at) VALUES ($1, $2, $3, $4, $5)"
    await conn.execute(sql, *place, journal_id, at)


async def clear(conn: Connection, journal_id: int, subjects: Sequence[str]) -> None:
    """As much of each as was sent: what is nothing, and what another line has cleared, is refused by the schema."""
    sql = """
        INSERT INTO bank_cleared (journal_id, kind, drawer_id, till_id, day, cents)
        SELECT $1, w.kind, w.drawer, w.till, w.day,
               CASE w.kind WHEN 'deposit' THEN d.deposit_cents WHEN 'change' THEN -d.brought_cents
                           ELSE (SELECT sum(t.cents) FROM terminal_moves(w.day, w.day) t WHERE t.till_id = w.till) END
          FROM unnest($2::text[], $3::uuid[], $4::int[], $5::date[]) w (kind, drawer, till, day) LEFT JOIN drawer d ON d.id = w.drawer"""
    named = [one.split(":") for one in subjects]
    drawers = [None if kind == "terminal" else UUID(rest[0]) for kind, *rest in named]
    tills = [int(rest[0]) if kind == "terminal" else None for kind, *rest in named]
    days = [date.fromisoformat(rest[1]) if kind == "terminal" else None for kind, *rest in named]
    await conn.execute(sql, journal_id, [one[0] for one in named], drawers, tills, days)


async def cleared_already(conn: Connection, subjects: Sequence[str]) -> set[str]:
    sql = f"SELECT {_SUBJECT} FROM bank_cleared c WHERE c.freed_by IS NULL AND {_SUBJECT} = ANY ($1)"  # noqa: S608
    return {row[0] for row in await conn.fetch(sql, list(subjects))}


async def stated(conn: Connection) -> list[Stated]:
    """All there are: each counts from the first one of its account."""
    return await fetch_all(conn, Stated, "SELECT iban, from_on, to_on, closing_cents FROM bank_statement")


async def unlike(conn: Connection) -> list[Unlike]:
    """What is booked on our account `bank` and is not what the lines say that it belongs to. What was taken back goes with it."""
    sql = """
        WITH put AS (
          SELECT coalesce('refund:' || o.refund_id, 'journal:' || m.journal_id) AS key, max(s.to_on) AS day,
                 sum(coalesce(d.amount_cents, e.amount_cents))::bigint AS cents
            FROM bank_match m JOIN bank_statement s ON s.id = m.statement_id
            JOIN bank_entry e ON e.statement_id = m.statement_id AND e.position = m.entry
            LEFT JOIN bank_detail d ON d.statement_id = m.statement_id AND d.entry = m.entry AND d.position = m.position
            LEFT JOIN (SELECT DISTINCT end_to_end_id, order_id FROM transfer_file_item) i ON i.end_to_end_id = m.order_id::uuid
            LEFT JOIN transfer_order o ON o.id = i.order_id WHERE m.freed_by IS NULL GROUP BY 1),
        booked AS (
          SELECT CASE WHEN j.kind LIKE 'transfer\\_%' THEN 'refund:' || j.refund_id
                      ELSE 'journal:' || coalesce(j.reverses, j.id) END AS key,
                 max(j.business_day) AS day, sum(n.amount_cents)::bigint AS cents
            FROM entry n JOIN journal j ON j.id = n.journal_id WHERE n.account = 'bank' GROUP BY 1)
        SELECT coalesce(put.day, booked.day) AS day, coalesce(booked.cents, 0) - coalesce(put.cents, 0) AS cents
          FROM booked FULL JOIN put USING (key) WHERE coalesce(booked.cents, 0) <> coalesce(put.cents, 0)"""
    return await fetch_all(conn, Unlike, sql)
