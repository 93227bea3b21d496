"""SQL of a provider's records, and of what is booked from them. One function, one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from base.db import Connection, fetch_all, find_one
from payment.model import PayoutStatus
from payment.provider_records.model import Payout, Transaction


async def lock(conn: Connection, provider: str) -> None:
    """One reading of a provider at a time."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('provider_records:' || $1, 0))", provider)


async def insert_transactions(conn: Connection, provider: str, rows: Sequence[Transaction], at: datetime) -> int:
    """A new version where it says something else than the last one. How many."""
    sql = """
        INSERT INTO provider_transaction (provider, id, version, kind, word, amount_cents, fee_cents, net_cents, currency, created_at,
                                          available_at, source_id, charge_id, payment_id, refund_id, raw, method, seen_at)
        SELECT $1, n.id, coalesce(o.version, 0) + 1, n.kind, n.word, n.amount, n.fee, n.net, n.currency, n.created, n.available, n.source,
               n.charge, n.payment, n.refund, n.raw, n.method, $2
          FROM unnest($3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[], $10::timestamptz[],
                      $11::timestamptz[], $12::text[], $13::text[], $14::uuid[], $15::uuid[], $16::jsonb[], $17::text[])
                 AS n (id, kind, word, amount, fee, net, currency, created, available, source, charge, payment, refund, raw, method)
          LEFT JOIN LATERAL (SELECT * FROM provider_transaction
                              WHERE provider = $1 AND provider_transaction.id = n.id ORDER BY version DESC LIMIT 1) o ON true
         WHERE o.id IS NULL OR (o.kind, o.amount_cents, o.fee_cents, o.net_cents, o.currency, o.source_id, o.charge_id)
                               IS DISTINCT FROM (n.kind, n.amount, n.fee, n.net, n.currency, n.source, n.charge)"""
    columns = [
        [row.id for row in rows],
        [row.kind.value for row in rows],
        [row.word for row in rows],
        [row.amount_cents for row in rows],
        [row.fee_cents for row in rows],
        [row.net_cents for row in rows],
        [row.currency for row in rows],
        [row.created_at for row in rows],
        [row.available_at for row in rows],
        [row.source_id for row in rows],
        [row.charge_id for row in rows],
        [row.payment_id for row in rows],
        [row.refund_id for row in rows],
        [dict(row.raw) for row in rows],
        [row.method for row in rows],
    ]
    return _count(await conn.execute(sql, provider, at, *columns))


async def insert_payouts(conn: Connection, provider: str, rows: Sequence[Payout], at: datetime) -> int:
    sql = """
        INSERT INTO provider_payout (provider, id, version, status, word, amount_cents, currency, created_at, arrival_on, trace, descriptor,
                                     failure, can_be_listed, raw, seen_at, refused)
        SELECT $1, n.id, coalesce(o.version, 0) + 1, n.status, n.word, n.amount, n.currency, n.created, n.arrival, n.trace, n.descriptor,
               n.failure, n.can_be_listed, n.raw, $2, n.refused
          FROM unnest($3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::timestamptz[], $9::date[], $10::text[], $11::text[],
                      $12::text[], $13::boolean[], $14::jsonb[], $15::text[])
                 AS n (id, status, word, amount, currency, created, arrival, trace, descriptor, failure, can_be_listed, raw, refused)
          LEFT JOIN LATERAL (SELECT * FROM provider_payout o WHERE o.provider = $1 AND o.id = n.id ORDER BY version DESC LIMIT 1) o ON true
         WHERE o.id IS NULL OR (o.status, o.word, o.amount_cents, o.arrival_on, o.trace, o.failure, o.can_be_listed)
                               IS DISTINCT FROM (n.status, n.word, n.amount, n.arrival, n.trace, n.failure, n.can_be_listed)"""
    columns = [
        [row.id for row in rows],
        [row.status.value for row in rows],
        [row.word for row in rows],
        [row.amount_cents for row in rows],
        [row.currency for row in rows],
        [row.created_at for row in rows],
        [row.arrival_on for row in rows],
        [row.trace for row in rows],
        [row.descriptor for row in rows],
        [row.failure for row in rows],
        [row.can_be_listed for row in rows],
        [dict(row.raw) for row in rows],
        [row.refused for row in rows],
    ]
    return _count(await conn.execute(sql, provider, at, *columns))


async def payout_statuses(conn: Connection, provider: str, ids: Sequence[str]) -> dict[str, PayoutStatus]:
    """Of those that are known."""
    sql = "SELECT id, status FROM provider_payout_now WHERE provider = $1 AND id = ANY ($2)"
    return {row["id"]: PayoutStatus(row["status"]) for row in await conn.fetch(sql, provider, list(ids))}


async def insert_parts(conn: Connection, provider: str, payout_id: str, parts: Sequence[Transaction]) -> None:
    sql = """
        INSERT INTO provider_payout_part (provider, payout_id, transaction_id, net_cents)
        SELECT $1, $2, * FROM unnest($3::text[], $4::bigint[])
        ON CONFLICT ON CONSTRAINT provider_payout_part_once DO NOTHING"""
    await conn.execute(sql, provider, payout_id, [one.id for one in parts], [one.net_cents for one in parts])


async def payouts_to_list(conn: Connection, provider: str) -> list[str]:
    """Those that can be asked what they are made of, and have not been."""
    sql = """
        SELECT id FROM provider_payout_now p WHERE provider = $1 AND can_be_listed
           AND NOT EXISTS (SELECT FROM provider_payout_part t WHERE t.provider = p.provider AND t.payout_id = p.id)
         ORDER BY created_at, id"""
    return await fetch_all(conn, str, sql, provider)


async def first_payment_at(conn: Connection, provider: str) -> datetime | None:
    return await find_one(
        conn, datetime, "SELECT min(created_at) FROM payment WHERE provider = $1 HAVING count(*) > 0", provider
    )


async def read_until(conn: Connection, provider: str) -> datetime | None:
    return await find_one(conn, datetime, "SELECT read_until FROM provider_reading WHERE provider = $1", provider)


async def set_read_until(conn: Connection, provider: str, until: datetime) -> None:
    sql = """
        INSERT INTO provider_reading (provider, read_until) VALUES ($1, $2)
        ON CONFLICT (provider) DO UPDATE SET read_until = greatest(provider_reading.read_until, excluded.read_until)"""
    await conn.execute(sql, provider, until)


async def analyze(conn: Connection, *tables: str) -> None:
    """What has just grown by thousands of rows is planned as if it were empty until this is done; the server does it by itself later."""
    await conn.execute(f"ANALYZE {', '.join(tables)}")


async def prices_to_book(conn: Connection) -> list[str]:
    """Transactions that cost something and have no journal of it, the oldest first."""
    sql = """
        SELECT t.id FROM provider_transaction t LEFT JOIN journal j ON j.kind = 'psp_fee' AND j.subject = t.id
         WHERE t.version = 1 AND t.fee_cents <> 0 AND t.currency = 'EUR' AND j.id IS NULL ORDER BY t.created_at, t.id"""
    return await fetch_all(conn, str, sql)


async def book_prices(conn: Connection, transactions: Sequence[str]) -> int:
    """What the provider took for each, once: a price that is another one later is a difference. How many."""
    sql = """
        WITH due AS (
          SELECT t.id, t.fee_cents, t.created_at FROM provider_transaction t
           WHERE t.version = 1 AND t.id = ANY ($1) AND NOT EXISTS (SELECT FROM journal j WHERE j.kind = 'psp_fee' AND j.subject = t.id)),
        booked AS (
          INSERT INTO journal (kind, subject, at) SELECT 'psp_fee', id, created_at FROM due ORDER BY created_at, id RETURNING id, subject)
        INSERT INTO entry (journal_id, account, amount_cents)
        SELECT b.id, e.account, e.cents FROM booked b JOIN due ON due.id = b.subject
          CROSS JOIN LATERAL (VALUES (1, 'psp_fees', due.fee_cents), (2, 'psp_clearing', -due.fee_cents)) e (n, account, cents)
         ORDER BY b.id, e.n"""
    return _count(await conn.execute(sql, list(transactions))) // 2


async def book_payouts(conn: Connection) -> int:
    """What left for the bank. How many."""
    sql = """
        WITH due AS (
          SELECT t.source_id, t.net_cents, t.created_at FROM provider_transaction t
           WHERE t.version = 1 AND t.kind = 'payout' AND t.net_cents < 0 AND t.currency = 'EUR'
             AND NOT EXISTS (SELECT FROM journal j WHERE j.kind = 'payout' AND j.subject = t.source_id)),
        booked AS (
          INSERT INTO journal (kind, subject, at) SELECT 'payout', source_id, created_at FROM due ORDER BY created_at, source_id
          RETURNING id, subject)
        INSERT INTO entry (journal_id, account, amount_cents)
        SELECT b.id, e.account, e.cents FROM booked b JOIN due ON due.source_id = b.subject
          CROSS JOIN LATERAL (VALUES (1, 'bank_in_transit', -due.net_cents), (2, 'psp_clearing', due.net_cents)) e (n, account, cents)
         ORDER BY b.id, e.n"""
    return _count(await conn.execute(sql)) // 2


async def book_failed_payouts(conn: Connection) -> int:
    """What came back: its payout's journal is reversed. How many."""
    sql = """
        WITH due AS (
          SELECT t.source_id, t.created_at, j.id AS payout
            FROM provider_transaction t JOIN journal j ON j.kind = 'payout' AND j.subject = t.source_id
           WHERE t.version = 1 AND t.kind = 'payout_failed' AND NOT EXISTS (SELECT FROM journal r WHERE r.reverses = j.id)),
        booked AS (
          INSERT INTO journal (kind, subject, at, reverses)
          SELECT 'payout_failed', source_id, created_at, payout FROM due ORDER BY created_at, source_id
          RETURNING id, reverses)
        INSERT INTO entry (journal_id, account, amount_cents)
        SELECT b.id, e.account, -e.amount_cents FROM booked b JOIN entry e ON e.journal_id = b.reverses ORDER BY b.id, e.id"""
    return _count(await conn.execute(sql)) // 2


def _count(done: str) -> int:
    return int(done.rsplit(" ", 1)[1])
