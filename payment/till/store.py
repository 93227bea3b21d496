"""SQL of tills and their drawers. One function, one statement."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from payment.ledger import Entry, JournalKind
from payment.till.model import CounterPayment, CounterRefund, Drawer, DrawerJournal, Method, Move, Till

_DRAWER = """
    SELECT d.*, o.name AS opened_name, c.name AS closed_name
      FROM drawer d JOIN account o ON o.id = d.opened_by LEFT JOIN account c ON c.id = d.closed_by"""
_SESSION = """
    SELECT c.*, t.key AS till_key FROM counter_payment c
      LEFT JOIN drawer d ON d.id = c.drawer_id LEFT JOIN till t ON t.id = d.till_id"""
_REFUND = """
    SELECT r.*, t.key AS till_key FROM counter_refund r
      LEFT JOIN drawer d ON d.id = r.drawer_id LEFT JOIN till t ON t.id = d.till_id"""


async def insert_till(conn: Connection, office_id: int, name: str, terminal: str | None = None) -> int | None:
    """Its key: the office's, and a number. None: there is no such office."""
    sql = """
        INSERT INTO till (office_id, key, name, terminal)
        SELECT o.id, left(regexp_replace(lower(o.key), '[^a-z0-9_.-]', '-', 'g'), 50) || '-'
                       || (SELECT count(*) + 1 FROM till WHERE office_id = o.id), $2, $3
          FROM (SELECT * FROM office WHERE id = $1 FOR NO KEY UPDATE) o RETURNING id"""
    found: int | None = await conn.fetchval(sql, office_id, name, terminal)
    return found


async def find_office(conn: Connection, key: str) -> int | None:
    return await find_one(conn, int, "SELECT id FROM office WHERE key = $1 FOR NO KEY UPDATE", key)


async def find_till_named(conn: Connection, office_id: int, name: str) -> int | None:
    sql = "SELECT id FROM till WHERE office_id = $1 AND name = $2 ORDER BY id LIMIT 1"
    return await find_one(conn, int, sql, office_id, name)


async def lock_office(conn: Connection, office_id: int) -> None:
    await conn.execute("SELECT FROM office WHERE id = $1 FOR NO KEY UPDATE", office_id)


async def tills(conn: Connection, office_id: int) -> list[Till]:
    return await fetch_all(conn, Till, "SELECT * FROM till WHERE office_id = $1 ORDER BY id", office_id)


async def offices(conn: Connection) -> list[int]:
    return await fetch_all(conn, int, "SELECT DISTINCT office_id FROM till ORDER BY 1")


async def find_till(conn: Connection, till_id: int) -> Till | None:
    return await find_one(conn, Till, "SELECT * FROM till WHERE id = $1", till_id)


async def open_drawers(conn: Connection, till_ids: Collection[int]) -> list[Drawer]:
    return await fetch_all(
        conn, Drawer, f"{_DRAWER} WHERE d.closed_at IS NULL AND d.till_id = ANY ($1)", list(till_ids)
    )


async def drawers(conn: Connection, till_ids: Collection[int], limit: int) -> list[Drawer]:
    """The youngest first."""
    sql = f"{_DRAWER} WHERE d.till_id = ANY ($1) ORDER BY d.opened_at DESC, d.id LIMIT $2"
    return await fetch_all(conn, Drawer, sql, list(till_ids), limit)


async def find_drawer(conn: Connection, drawer_id: UUID) -> Drawer | None:
    return await find_one(conn, Drawer, f"{_DRAWER} WHERE d.id = $1", drawer_id)


async def lock_till(conn: Connection, till_id: int) -> None:
    await conn.execute("SELECT FROM till WHERE id = $1 FOR NO KEY UPDATE", till_id)


async def lock_drawer(conn: Connection, drawer_id: UUID) -> None:
    await conn.execute("SELECT FROM drawer WHERE id = $1 FOR NO KEY UPDATE", drawer_id)


async def balance(conn: Connection, till_id: int) -> int:
    """What the books say is in it."""
    return int(await conn.fetchval("SELECT till_balance($1)", till_id))


async def insert_drawer(
    conn: Connection,
    ident: UUID,
    till_id: int,
    by: int,
    at: datetime,
    *,
    float_cents: int,
    brought_cents: int,
    note: str | None,
) -> None:
    sql = """
        INSERT INTO drawer (id, till_id, opened_by, opened_at, float_cents, brought_cents, left_cents, opening_note)
        VALUES ($1, $2, $3, $4, $5, $6, 0, $7)"""
    await conn.execute(sql, ident, till_id, by, at, float_cents, brought_cents, note)


async def close_drawer(
    conn: Connection,
    ident: UUID,
    by: int,
    at: datetime,
    *,
    counted_cents: int,
    count: Mapping[str, int],
    deposit_cents: int,
    bag: str | None,
    note: str | None,
) -> bool:
    sql = """
        UPDATE drawer SET closed_by = $2, closed_at = $3, counted_cents = $4, count = $5, deposit_cents = $6, note = $7, expected_cents = 0,
                          bag = $8
         WHERE id = $1 AND closed_at IS NULL RETURNING true"""
    return bool(await conn.fetchval(sql, ident, by, at, counted_cents, dict(count), deposit_cents, note, bag))


async def insert_journal(
    conn: Connection, kind: JournalKind, drawer_id: UUID, at: datetime, entries: Sequence[Entry]
) -> None:
    sql = """
        WITH j AS (INSERT INTO journal (kind, drawer_id, at) VALUES ($1, $2, $3) RETURNING id)
        INSERT INTO entry (journal_id, account, amount_cents) SELECT j.id, e.account, e.cents
          FROM j, unnest($4::text[], $5::int[]) WITH ORDINALITY e (account, cents, n) ORDER BY e.n"""
    accounts, cents = [entry.account for entry in entries], [entry.amount_cents for entry in entries]
    await conn.execute(sql, kind, drawer_id, at, accounts, cents)


async def unbooked(conn: Connection, drawer_id: UUID) -> list[UUID]:
    """Payments that the drawer took, whose money is not in the books yet."""
    sql = "SELECT p.id FROM counter_payment c JOIN payment p ON p.id = c.payment_id WHERE c.drawer_id = $1 AND p.status <> 'paid'"
    return await fetch_all(conn, UUID, sql, drawer_id)


async def unbooked_refunds(conn: Connection, drawer_id: UUID) -> list[UUID]:
    sql = "SELECT r.id FROM counter_refund c JOIN refund r ON r.id = c.refund_id WHERE c.drawer_id = $1 AND r.status <> 'succeeded'"
    return await fetch_all(conn, UUID, sql, drawer_id)


async def deposited_on(conn: Connection, drawer_id: UUID) -> date | None:
    """When the bank booked what was carried there."""
    sql = """
        SELECT max(e.booked_on) FROM bank_cleared c JOIN bank_match m ON m.journal_id = c.journal_id
          JOIN bank_entry e ON e.statement_id = m.statement_id AND e.position = m.entry
         WHERE c.drawer_id = $1 AND c.kind = 'deposit' AND c.freed_by IS NULL"""
    found: date | None = await conn.fetchval(sql, drawer_id)
    return found


async def moves(conn: Connection, drawer_ids: Collection[UUID]) -> list[Move]:
    """In order."""
    sql = """
        SELECT c.drawer_id, c.taken_at AS at, c.method, c.amount_cents AS cents, p.kassenzeichen, p.id AS payment_id,
               coalesce(r.year || '-' || lpad(r.number::text, 6, '0'), '') AS receipt, coalesce(c.slip, '') AS slip
          FROM counter_payment c JOIN payment p ON p.id = c.payment_id LEFT JOIN receipt r ON r.payment_id = p.id
         WHERE c.drawer_id = ANY ($1)
        UNION ALL
        SELECT g.drawer_id, g.given_at, g.method, -g.amount_cents, p.kassenzeichen, p.id, '', ''
          FROM counter_refund g JOIN counter_payment c ON c.id = g.session_id JOIN payment p ON p.id = c.payment_id
         WHERE g.drawer_id = ANY ($1)
         ORDER BY 2, 6"""
    return await fetch_all(conn, Move, sql, list(drawer_ids))


async def own_journals(conn: Connection, drawer_id: UUID) -> list[DrawerJournal]:
    """Of the drawer, with what takes one of them back."""
    sql = """
        SELECT j.id, j.kind, j.business_day, j.at,
               coalesce(sum(e.amount_cents) FILTER (WHERE e.account LIKE 'cash:%'), 0)::bigint AS cash_cents
          FROM journal o JOIN journal j ON j.id = o.id OR j.reverses = o.id JOIN entry e ON e.journal_id = j.id
         WHERE o.drawer_id = $1 GROUP BY j.id ORDER BY j.at, j.id"""
    return await fetch_all(conn, DrawerJournal, sql, drawer_id)


# The provider's side.


async def insert_session(
    conn: Connection, ident: str, payment_id: UUID, amount_cents: int, currency: str, pay_url: str, at: datetime
) -> None:
    sql = """
        INSERT INTO counter_payment (id, payment_id, amount_cents, currency, pay_url, created_at) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (payment_id) DO NOTHING"""
    await conn.execute(sql, ident, payment_id, amount_cents, currency, pay_url, at)


async def find_session(conn: Connection, ident: str) -> CounterPayment | None:
    return await find_one(conn, CounterPayment, f"{_SESSION} WHERE c.id = $1", ident)


async def session_of(conn: Connection, payment_id: UUID) -> CounterPayment | None:
    return await find_one(conn, CounterPayment, f"{_SESSION} WHERE c.payment_id = $1", payment_id)


async def sessions(conn: Connection, start: datetime, end: datetime | None) -> list[CounterPayment]:
    """Made from then on, and before the end."""
    sql = f"{_SESSION} WHERE c.created_at >= $1 AND ($2::timestamptz IS NULL OR c.created_at < $2) ORDER BY c.created_at, c.id"
    return await fetch_all(conn, CounterPayment, sql, start, end)


async def taken(conn: Connection, start: datetime, end: datetime) -> list[CounterPayment]:
    sql = f"{_SESSION} WHERE c.taken_at >= $1 AND c.taken_at < $2 ORDER BY c.taken_at, c.id"
    return await fetch_all(conn, CounterPayment, sql, start, end)


async def given(conn: Connection, start: datetime, end: datetime) -> list[CounterRefund]:
    sql = f"{_REFUND} WHERE r.given_at >= $1 AND r.given_at < $2 ORDER BY r.given_at, r.refund_id"
    return await fetch_all(conn, CounterRefund, sql, start, end)


async def end_session(conn: Connection, ident: str) -> bool:
    """False: it was not open."""
    sql = "UPDATE counter_payment SET status = 'dead' WHERE id = $1 AND status = 'open' RETURNING true"
    return bool(await conn.fetchval(sql, ident))


async def take(
    conn: Connection,
    ident: str,
    drawer_id: UUID,
    method: Method,
    at: datetime,
    *,
    given_cents: int | None,
    slip: str | None,
    key: UUID,
) -> bool:
    """False: it was not open."""
    sql = """
        UPDATE counter_payment SET status = 'paid', drawer_id = $2, method = $3, taken_at = $4, given_cents = $5, slip = $6,
                                   request_key = $7
         WHERE id = $1 AND status = 'open' RETURNING true"""
    return bool(await conn.fetchval(sql, ident, drawer_id, method, at, given_cents, slip, key))


async def insert_refund(conn: Connection, refund_id: UUID, session_id: str, amount_cents: int, at: datetime) -> None:
    sql = """
        INSERT INTO counter_refund (refund_id, session_id, amount_cents, created_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (refund_id) DO NOTHING"""
    await conn.execute(sql, refund_id, session_id, amount_cents, at)


async def find_refund(conn: Connection, refund_id: UUID) -> CounterRefund | None:
    return await find_one(conn, CounterRefund, f"{_REFUND} WHERE r.refund_id = $1", refund_id)


async def refunds_of(conn: Connection, session_id: str) -> list[CounterRefund]:
    sql = f"{_REFUND} WHERE r.session_id = $1 ORDER BY r.created_at, r.refund_id"
    return await fetch_all(conn, CounterRefund, sql, session_id)


async def give_out(conn: Connection, refund_id: UUID, drawer_id: UUID, method: Method, at: datetime) -> bool:
    sql = """
        UPDATE counter_refund SET status = 'given', drawer_id = $2, method = $3, given_at = $4
         WHERE refund_id = $1 AND status = 'open' RETURNING true"""
    return bool(await conn.fetchval(sql, refund_id, drawer_id, method, at))


async def leave_to_transfer(conn: Connection, refund_id: UUID) -> bool:
    sql = "UPDATE counter_refund SET status = 'transfer' WHERE refund_id = $1 AND status = 'open' RETURNING true"
    return bool(await conn.fetchval(sql, refund_id))
