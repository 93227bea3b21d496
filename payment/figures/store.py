"""SQL of figures. One function, one statement; nothing is written."""

from __future__ import annotations

from datetime import date

from base.db import Connection, fetch_all
from payment.figures.model import Behind, OpenItem, OpenPart, Reserved, ReservedPart, Side, Takings

OPEN = (
    "received_in_advance",
    "refund_payable",
    "transfer_payable",
    "unassigned",
    "dispute_receivable",
    "psp_clearing",
    "bank_in_transit",
    "terminal_clearing",
    "cash_in_transit",
)

# Entries that make takings: a reversal counts as what it takes back.
_MONEY = """
          FROM journal j JOIN entry e ON e.journal_id = j.id LEFT JOIN journal o ON o.id = j.reverses
          LEFT JOIN payment p ON p.id = j.payment_id
         WHERE j.business_day BETWEEN $1 AND $2 AND coalesce(o.kind, j.kind) IN ('fee', 'refund')
           AND (e.account IN ('psp_clearing', 'bank', 'terminal_clearing') OR e.account LIKE 'cash:%')"""

# As `Payment.is_reserved` says it; what was ordered to be taken is what may be kept of it.
_RESERVED = (
    "(p.status = 'authorised' OR p.status = 'attention') AND p.authorised_until IS NOT NULL"  # OR: each has its index
)
_METHOD = "coalesce(p.method, p.provider)"
_KEEP = "coalesce(p.take_cents, p.keep_cents, p.amount_cents)"


async def takings(conn: Connection, first: date, last: date) -> list[Takings]:
    sql = f"""
        SELECT j.business_day AS day, coalesce(p.method, p.provider, '') AS method, coalesce(p.currency, 'EUR') AS currency,
               count(DISTINCT j.id) FILTER (WHERE j.kind = 'fee')::int AS payments,
               coalesce(sum(e.amount_cents) FILTER (WHERE coalesce(o.kind, j.kind) = 'fee'), 0)::bigint AS taken_cents,
               -coalesce(sum(e.amount_cents) FILTER (WHERE coalesce(o.kind, j.kind) = 'refund'), 0)::bigint AS refunded_cents
{_MONEY}
         GROUP BY 1, 2, 3 ORDER BY 3, 1, 2"""
    return await fetch_all(conn, Takings, sql, first, last)


async def open_items(conn: Connection, last: date) -> list[OpenItem]:
    sql = """
        SELECT e.account, coalesce(p.currency, 'EUR') AS currency, sum(e.amount_cents)::bigint AS cents
          FROM entry e JOIN journal j ON j.id = e.journal_id LEFT JOIN payment p ON p.id = j.payment_id
         WHERE j.business_day <= $1 AND e.account = ANY ($2) GROUP BY 1, 2 HAVING sum(e.amount_cents) <> 0
         ORDER BY 2, array_position($2, e.account)"""
    return await fetch_all(conn, OpenItem, sql, last, list(OPEN))


async def behind(
    conn: Connection, first: date, last: date, side: Side, method: str | None, currency: str, limit: int
) -> list[Behind]:
    """Journal by journal what `takings()` sums; `method`: None for all."""
    sql = f"""
        SELECT j.id AS journal_id, j.business_day AS day, j.at, j.kind, p.id AS payment_id, p.reference, p.kassenzeichen,
               {_METHOD} AS method, (sum(e.amount_cents) * CASE WHEN $3 = 'refund' THEN -1 ELSE 1 END)::bigint AS cents
{_MONEY} AND coalesce(o.kind, j.kind) = $3 AND ($4::text IS NULL OR {_METHOD} = $4) AND p.currency = $5
         GROUP BY j.id, p.id ORDER BY j.business_day, j.id LIMIT $6"""
    return await fetch_all(conn, Behind, sql, first, last, side.value, method, currency, limit)


async def open_parts(conn: Connection, account: str, currency: str, last: date, limit: int) -> list[OpenPart]:
    """The oldest first. What was settled of a payout or a line counts as that."""
    sql = """
        SELECT p.id AS payment_id, coalesce(p.kassenzeichen, '') AS kassenzeichen, a.subject, a.since, a.cents
          FROM (SELECT j.payment_id, CASE WHEN j.payment_id IS NULL THEN regexp_replace(
                         split_part(coalesce(o.subject, j.subject, d.kind || ':' || coalesce(o.drawer_id, j.drawer_id)), '#', 1),
                         '^payout:', '') ELSE '' END AS subject,
                       min(j.business_day) AS since, sum(e.amount_cents)::bigint AS cents
                  FROM entry e JOIN journal j ON j.id = e.journal_id LEFT JOIN journal o ON o.id = j.reverses
                  LEFT JOIN (VALUES ('drawer_closed', 'deposit'), ('drawer_opened', 'change')) d (journal, kind)
                    ON d.journal = coalesce(o.kind, j.kind)
                 WHERE e.account = $1 AND j.business_day <= $3 GROUP BY 1, 2 HAVING sum(e.amount_cents) <> 0) a
          LEFT JOIN payment p ON p.id = a.payment_id WHERE coalesce(p.currency, 'EUR') = $2
         ORDER BY a.since, p.kassenzeichen, a.subject LIMIT $4"""
    return await fetch_all(conn, OpenPart, sql, account, currency, last, limit)


async def reserved(conn: Connection) -> list[Reserved]:
    sql = f"""
        SELECT {_METHOD} AS method, p.currency, count(*)::int AS payments, sum(p.amount_cents)::bigint AS cents,
               sum({_KEEP})::bigint AS keep_cents, min(p.authorised_until) AS until
          FROM payment p WHERE {_RESERVED} GROUP BY 1, 2 ORDER BY 2, 1"""  # noqa: S608
    return await fetch_all(conn, Reserved, sql)


async def reserved_parts(conn: Connection, currency: str, method: str | None, limit: int) -> list[ReservedPart]:
    """The first to run out first; `method`: None for all."""
    sql = f"""
        SELECT p.id AS payment_id, p.reference, p.kassenzeichen, {_METHOD} AS method, p.service_day,
               p.authorised_until AS until, p.amount_cents::bigint AS cents, {_KEEP}::bigint AS keep_cents
          FROM payment p WHERE {_RESERVED} AND p.currency = $1 AND ($2::text IS NULL OR {_METHOD} = $2)
         ORDER BY p.authorised_until, p.kassenzeichen LIMIT $3"""  # noqa: S608
    return await fetch_all(conn, ReservedPart, sql, currency, method, limit)
