"""SQL of sealing, closing and looking through. One function, one statement."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from base.db import Connection, fetch_all, find_one
from payment.ledgers.model import Advance, Balance, ClosedDay, OpenDay, Record, Seal, StatementLine

_CLOSED = """
    SELECT d.day, d.closed_at, d.closed_by, a.name AS by, d.journals, d.last_seq, d.root_sha256
      FROM ledger_day d JOIN account a ON a.id = d.closed_by"""


async def has_unsealed(conn: Connection) -> bool:
    return bool(await conn.fetchval("SELECT EXISTS (SELECT FROM journal_unsealed)"))


async def lock_chain(conn: Connection) -> None:
    """As the trigger takes it; before what is due is read."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('journal_seal', 0))")


async def seal(conn: Connection, at: datetime, limit: int) -> int:
    """What is committed and has no seal yet, in the order of the journals' ids. How many."""
    sql = """
        WITH due AS (DELETE FROM journal_unsealed
                      WHERE journal_id IN (SELECT journal_id FROM journal_unsealed ORDER BY journal_id LIMIT $2) RETURNING journal_id)
        INSERT INTO journal_seal (journal_id, sealed_at) SELECT journal_id, $1 FROM due ORDER BY journal_id"""
    return int((await conn.execute(sql, at, limit)).rsplit(" ", 1)[1])


async def seals_after(conn: Connection, seq: int, limit: int) -> list[Seal]:
    sql = """
        SELECT s.seq, s.journal_id, s.previous_sha256, s.sha256, j.kind, j.payment_id, j.refund_id, j.reverses, j.at, j.business_day,
               p.currency, e.entries
          FROM journal_seal s LEFT JOIN journal j ON j.id = s.journal_id LEFT JOIN payment p ON p.id = j.payment_id
          LEFT JOIN LATERAL (SELECT array_agg((id, account, amount_cents) ORDER BY id) AS entries FROM entry
                              WHERE journal_id = s.journal_id) e ON true
         WHERE s.seq > $1 ORDER BY s.seq LIMIT $2"""
    return [_seal(row) for row in await conn.fetch(sql, seq, limit)]


def _seal(row: Any) -> Seal:
    record = None
    if row["kind"] is not None:
        record = Record(
            id=row["journal_id"],
            kind=row["kind"],
            payment_id=row["payment_id"],
            refund_id=row["refund_id"],
            reverses=row["reverses"],
            at=row["at"],
            business_day=row["business_day"],
            currency=row["currency"],
            entries=tuple((one[0], one[1], one[2]) for one in row["entries"] or ()),
        )
    return Seal(
        seq=row["seq"],
        journal_id=row["journal_id"],
        previous_sha256=row["previous_sha256"],
        sha256=row["sha256"],
        record=record,
    )


async def count_waiting(conn: Connection) -> int:
    return int(await conn.fetchval("SELECT count(*) FROM journal_unsealed"))


async def first_forgotten(conn: Connection) -> int | None:
    """A journal that has no seal and waits for none."""
    sql = """
        SELECT min(j.id) FROM journal j LEFT JOIN journal_seal s ON s.journal_id = j.id LEFT JOIN journal_unsealed u ON u.journal_id = j.id
         WHERE s.seq IS NULL AND u.journal_id IS NULL"""
    found: int | None = await conn.fetchval(sql)
    return found


async def closed_days(conn: Connection) -> list[ClosedDay]:
    """The youngest first."""
    return await fetch_all(conn, ClosedDay, f"{_CLOSED} ORDER BY d.day DESC")


async def find_closed_day(conn: Connection, day: date) -> ClosedDay | None:
    return await find_one(conn, ClosedDay, f"{_CLOSED} WHERE d.day = $1", day)


async def open_days(conn: Connection) -> list[OpenDay]:
    """Those on which something is booked, the oldest first."""
    sql = """
        SELECT business_day AS day, count(*) AS journals FROM journal
         WHERE business_day > coalesce((SELECT max(day) FROM ledger_day), '-infinity') GROUP BY 1 ORDER BY 1"""
    return await fetch_all(conn, OpenDay, sql)


async def close(conn: Connection, day: date, at: datetime, by: int) -> None:
    await conn.execute("INSERT INTO ledger_day (day, closed_at, closed_by) VALUES ($1, $2, $3)", day, at, by)


async def balances(conn: Connection, first: date, last: date, account: str | None = None) -> list[Balance]:
    """Of all accounts on which anything was booked until the last day, or of one of them; by business day."""
    sql = """
        SELECT e.account, coalesce(p.currency, 'EUR') AS currency,
               coalesce(sum(e.amount_cents) FILTER (WHERE j.business_day < $1), 0)::bigint AS opening_cents,
               coalesce(sum(e.amount_cents) FILTER (WHERE j.business_day >= $1 AND e.amount_cents > 0), 0)::bigint AS debit_cents,
               -coalesce(sum(e.amount_cents) FILTER (WHERE j.business_day >= $1 AND e.amount_cents < 0), 0)::bigint AS credit_cents
          FROM entry e JOIN journal j ON j.id = e.journal_id LEFT JOIN payment p ON p.id = j.payment_id
         WHERE j.business_day <= $2 AND ($3::text IS NULL OR e.account = $3) GROUP BY 1, 2 ORDER BY 2, 1"""
    return await fetch_all(conn, Balance, sql, first, last, account)


async def is_account(conn: Connection, account: str) -> bool:
    """Whether anything was ever booked on it."""
    return bool(await conn.fetchval("SELECT EXISTS (SELECT FROM entry WHERE account = $1)", account))


async def statement(conn: Connection, account: str, first: date, last: date, limit: int) -> list[StatementLine]:
    sql = """
        SELECT j.id AS journal_id, j.business_day, j.at, j.kind, j.payment_id, coalesce(p.kassenzeichen, '') AS kassenzeichen,
               coalesce(j.subject, '') AS subject, coalesce(p.currency, 'EUR') AS currency, e.amount_cents, j.reverses, b.id AS reversed_by
          FROM entry e JOIN journal j ON j.id = e.journal_id LEFT JOIN payment p ON p.id = j.payment_id
          LEFT JOIN journal b ON b.reverses = j.id
         WHERE e.account = $1 AND j.business_day BETWEEN $2 AND $3 ORDER BY j.business_day, j.id, e.id LIMIT $4"""
    return await fetch_all(conn, StatementLine, sql, account, first, last, limit)


async def advances(conn: Connection, day: date) -> list[Advance]:
    """Payments with something received in advance at the end of the day; by the day of the service."""
    sql = """
        SELECT p.id AS payment_id, p.kassenzeichen, p.service_day, p.currency, p.lines, a.amount_cents
          FROM (SELECT j.payment_id, -sum(e.amount_cents)::bigint AS amount_cents FROM entry e JOIN journal j ON j.id = e.journal_id
                 WHERE e.account = 'received_in_advance' AND j.business_day <= $1 GROUP BY 1 HAVING sum(e.amount_cents) <> 0) a
          JOIN payment p ON p.id = a.payment_id ORDER BY p.service_day, p.kassenzeichen"""
    return await fetch_all(conn, Advance, sql, day)
