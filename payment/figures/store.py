"""SQL of figures. One function, one statement; nothing is written."""

from __future__ import annotations

from datetime import date

from base.db import Connection, fetch_all
from payment.figures.model import OpenItem, Takings

OPEN = (
    "received_in_advance",
    "refund_payable",
    "transfer_payable",
    "unassigned",
    "dispute_receivable",
    "psp_clearing",
    "bank_in_transit",
    "terminal_clearing",
)


async def takings(conn: Connection, first: date, last: date) -> list[Takings]:
    """A reversal counts as what it takes back."""
    sql = """
        SELECT j.business_day AS day, coalesce(p.provider, '') AS method, coalesce(p.currency, 'EUR') AS currency,
               count(DISTINCT j.id) FILTER (WHERE j.kind = 'fee')::int AS payments,
               coalesce(sum(e.amount_cents) FILTER (WHERE coalesce(o.kind, j.kind) = 'fee'), 0)::bigint AS taken_cents,
               -coalesce(sum(e.amount_cents) FILTER (WHERE coalesce(o.kind, j.kind) = 'refund'), 0)::bigint AS refunded_cents
          FROM journal j JOIN entry e ON e.journal_id = j.id LEFT JOIN journal o ON o.id = j.reverses
          LEFT JOIN payment p ON p.id = j.payment_id
         WHERE j.business_day BETWEEN $1 AND $2 AND coalesce(o.kind, j.kind) IN ('fee', 'refund')
           AND (e.account IN ('psp_clearing', 'bank', 'terminal_clearing') OR e.account LIKE 'cash:%')
         GROUP BY 1, 2, 3 ORDER BY 3, 1, 2"""
    return await fetch_all(conn, Takings, sql, first, last)


async def open_items(conn: Connection, last: date) -> list[OpenItem]:
    sql = """
        SELECT e.account, coalesce(p.currency, 'EUR') AS currency, sum(e.amount_cents)::bigint AS cents
          FROM entry e JOIN journal j ON j.id = e.journal_id LEFT JOIN payment p ON p.id = j.payment_id
         WHERE j.business_day <= $1 AND e.account = ANY ($2) GROUP BY 1, 2 HAVING sum(e.amount_cents) <> 0
         ORDER BY 2, array_position($2, e.account)"""
    return await fetch_all(conn, OpenItem, sql, last, list(OPEN))
