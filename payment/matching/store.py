"""SQL that reads the four sides, and writes what was found. One function, one statement."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from payment.conditions import FAILED_FOR_GOOD
from payment.ledger import Entry
from payment.matching.model import (
    Arrived,
    BankLine,
    Booked,
    Cause,
    Covered,
    Difference,
    Moved,
    PayoutThere,
    Waiting,
)
from payment.matching.prices import Charged, Price

# A journal and its transaction lie at most so far apart: a message that was lost is found by the poller within a day.
APART = timedelta(days=60)
_BEFORE = timedelta(days=31)  # the statement before the first one that is looked at


@dataclass(frozen=True, slots=True)
class Span:
    """Local days, and the instants they begin and end at."""

    first: date
    last: date
    start: datetime
    end: datetime


async def lock(conn: Connection) -> None:
    """One run at a time."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('matching', 0))")


async def books_and_provider(
    conn: Connection, span: Span, providers: Collection[str]
) -> tuple[list[Booked], list[Moved]]:
    """Everything of the keys that anything of these days has, on either side."""
    sql = """
        WITH b AS MATERIALIZED (SELECT * FROM booked_at_provider WHERE at >= $1 AND (provider IS NULL OR provider = ANY ($4))),
             m AS MATERIALIZED (SELECT * FROM moved_at_provider WHERE at >= $1 AND provider = ANY ($4)),
             k AS (SELECT key FROM b WHERE at >= $2 AND at < $3 UNION SELECT key FROM m WHERE at >= $2 AND at < $3)
        SELECT true AS ours, b.journal_id::text AS id, b.key, b.cents, b.at, b.business_day AS day, b.payment_id, NULL::bigint AS expected
          FROM b JOIN k USING (key)
        UNION ALL
        SELECT false, m.transaction, m.key, m.cents, m.at, city_day(m.at), p.id, CASE WHEN p.captured_cents = 0 THEN p.amount_cents END
          FROM m JOIN k USING (key) LEFT JOIN LATERAL (
            SELECT id, captured_cents, amount_cents FROM payment
             WHERE charge_id = m.charge_id OR (m.charge_id IS NULL OR charge_id IS NULL) AND id = m.payment_id
             ORDER BY charge_id IS NULL, created_at LIMIT 1) p ON true"""
    booked, moved = [], []
    for row in await conn.fetch(sql, span.start - APART, span.start, span.end, list(providers)):
        ours, ident, key, cents, at, day, payment_id, expected = row
        if ours:
            booked.append(Booked(int(ident), key, cents, at, day, payment_id))
        else:
            moved.append(Moved(ident, key, cents, at, day, payment_id, expected))
    return booked, moved


async def payouts(conn: Connection, span: Span) -> list[PayoutThere]:
    """Those that were to arrive in these days, or to which one of their lines belongs."""
    sql = """
        SELECT p.id, p.amount_cents AS cents, p.arrival_on, p.trace, p.descriptor, t.parts_cents,
               p.status IN ('in_transit', 'paid') AS is_final, p.status = 'failed' AS has_failed, p.refused
          FROM provider_payout_now p LEFT JOIN LATERAL (
            SELECT sum(net_cents)::bigint AS parts_cents FROM provider_payout_part t
             WHERE t.provider = p.provider AND t.payout_id = p.id) t ON true
         WHERE p.currency = 'EUR' AND p.arrival_on BETWEEN $1::date - 10 AND $2::date + 10"""
    return await fetch_all(conn, PayoutThere, sql, span.first, span.last)


async def lines(conn: Connection, span: Span) -> list[BankLine]:
    """Of these days, that nothing has been put to yet."""
    sql = """
        SELECT e.statement_id, e.position AS entry, coalesce(d.position, 0) AS position, coalesce(d.amount_cents, e.amount_cents) AS cents,
               e.booked_on, coalesce(d.end_to_end_id, '') AS end_to_end_id,
               concat_ws(' ', CASE WHEN e.amount_cents < 0 THEN d.creditor_name ELSE d.debtor_name END, d.remittance, e.info) AS text
          FROM bank_entry e LEFT JOIN bank_detail d ON d.statement_id = e.statement_id AND d.entry = e.position
         WHERE e.booked_on BETWEEN $1 AND $2
           AND NOT EXISTS (SELECT FROM bank_match m WHERE m.statement_id = e.statement_id AND m.entry = e.position
                                                      AND m.position = coalesce(d.position, 0) AND m.freed_by IS NULL)"""
    return await fetch_all(conn, BankLine, sql, span.first, span.last)


async def orders(conn: Connection, ids: Collection[UUID]) -> dict[UUID, frozenset[int]]:
    """Those of these end-to-end ids that are transfers of ours by their latest file, and the cents of a line that they wait for: leaving
    our account (negative) only once, coming back before or after that."""
    sql = """
        SELECT i.end_to_end_id, i.amount_cents, o.status FROM transfer_file_item i JOIN transfer_order o ON o.id = i.order_id
         WHERE i.end_to_end_id = ANY ($1) AND o.status IN ('exported', 'paid') AND o.file = i.file"""
    waiting = {"exported": (-1, 1), "paid": (1,)}
    return {
        row["end_to_end_id"]: frozenset(sign * row["amount_cents"] for sign in waiting[row["status"]])
        for row in await conn.fetch(sql, list(ids))
    }


async def settled(conn: Connection, span: Span) -> dict[str, date]:
    """Payouts that have their credit, and when the bank booked it."""
    sql = """
        SELECT m.payout_id, max(e.booked_on) AS booked_on FROM bank_match m
          JOIN bank_entry e ON e.statement_id = m.statement_id AND e.position = m.entry AND e.amount_cents > 0
          JOIN provider_payout_now p ON p.provider = m.provider AND p.id = m.payout_id
         WHERE m.freed_by IS NULL AND p.arrival_on BETWEEN $1::date - 10 AND $2::date + 10 GROUP BY 1"""
    return {row["payout_id"]: row["booked_on"] for row in await conn.fetch(sql, span.first, span.last)}


async def statements(conn: Connection, span: Span) -> list[Covered]:
    sql = "SELECT iban, year, sequence, from_on, to_on FROM bank_statement WHERE to_on >= $1 AND from_on <= $2"
    return await fetch_all(conn, Covered, sql, span.first - _BEFORE, span.last)


async def failed_refunds(conn: Connection) -> list[Waiting]:
    """With none in their place, and money that is still to be given back."""
    sql = f"""
        SELECT 'failed_refund' AS cause, 'refund:' || f.id AS subject, city_day(f.created_at) AS day, f.amount_cents AS cents, f.payment_id
          FROM refund f JOIN payment p ON p.id = f.payment_id
         WHERE {FAILED_FOR_GOOD} AND p.captured_cents > p.refunded_cents"""  # noqa: S608
    return await fetch_all(conn, Waiting, sql)


async def made_at_provider(conn: Connection) -> list[Waiting]:
    """Refunds by hand of which not yet two persons know."""
    sql = """
        SELECT 'refund_at_provider' AS cause, 'refund:' || r.provider_id AS subject, city_day(r.created_at) AS day, r.amount_cents AS cents,
               r.payment_id
          FROM refund r WHERE r.reason LIKE 'at\\_provider:%' AND r.status IN ('submitted', 'succeeded')
           AND NOT EXISTS (SELECT FROM difference d WHERE d.cause = 'refund_at_provider' AND d.subject = 'refund:' || r.provider_id
                                                      AND d.state = 'explained')"""
    return await fetch_all(conn, Waiting, sql)


async def unknown_refunds(conn: Connection, span: Span, providers: Collection[str]) -> list[tuple[str, str]]:
    """Providers and charges of payments of ours of which a refund has moved that we did not make, or that has come back since."""
    sql = """
        SELECT DISTINCT t.provider, t.charge_id FROM provider_transaction t
          JOIN payment p ON p.charge_id = t.charge_id AND p.provider = t.provider AND p.status = 'paid'
          LEFT JOIN refund r ON r.provider_id = t.source_id
         WHERE t.kind IN ('refund', 'refund_failed') AND t.created_at >= $1 AND t.provider = ANY ($2)
           AND CASE WHEN r.id IS NULL THEN NOT EXISTS (SELECT FROM refund o WHERE o.id = t.refund_id)
                    ELSE t.kind = 'refund_failed' AND r.status = 'succeeded' AND r.reason LIKE 'at\\_provider:%' END
         ORDER BY 1, 2"""
    return [(row[0], row[1]) for row in await conn.fetch(sql, span.start - APART, list(providers))]


async def prices(conn: Connection, providers: Collection[str]) -> list[Price]:
    sql = """
        SELECT p.id, p.provider, p.method, p.percent_bp, p.fixed_cents, p.tolerance_cents, p.valid_from, a.name AS set_by, p.set_at
          FROM provider_price p JOIN account a ON a.id = p.set_by WHERE p.provider = ANY ($1)"""
    return await fetch_all(conn, Price, sql, list(providers))


async def insert_price(
    conn: Connection, provider: str, method: str, values: tuple[int, int, int], valid_from: date, by: int, at: datetime
) -> None:
    """`values`: per cent in hundredths, fixed cents, tolerance in cents."""
    sql = """
        INSERT INTO provider_price (provider, method, percent_bp, fixed_cents, tolerance_cents, valid_from, set_by, set_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"""
    await conn.execute(sql, provider, method, *values, valid_from, by, at)


async def charged(conn: Connection, span: Span, providers: Collection[str]) -> list[Charged]:
    """Payments of these days at the provider, as it shows them now."""
    sql = """
        SELECT t.provider, t.id AS transaction, t.method, t.amount_cents, t.fee_cents, city_day(t.created_at) AS day,
               coalesce(t.charge_id, '') AS charge_id, p.id AS payment_id
          FROM provider_transaction t LEFT JOIN payment p ON p.charge_id = t.charge_id
         WHERE t.kind = 'charge' AND t.method <> '' AND t.currency = 'EUR' AND t.amount_cents > 0 AND t.provider = ANY ($3)
           AND t.created_at >= $1 AND t.created_at < $2
           AND NOT EXISTS (SELECT FROM provider_transaction n WHERE n.provider = t.provider AND n.id = t.id AND n.previous = t.version)"""
    return await fetch_all(conn, Charged, sql, span.start, span.end, list(providers))


async def disputes(conn: Connection) -> list[Waiting]:
    """Those that are not decided, and those that were lost: what follows from these a person notes."""
    sql = """
        SELECT CASE WHEN status = 'lost' THEN 'lost_dispute' ELSE 'open_dispute' END AS cause, 'dispute:' || provider_id AS subject,
               city_day(opened_at) AS day, amount_cents AS cents, payment_id,
               CASE WHEN status <> 'lost' THEN city_day(evidence_due_at) END AS due_on
          FROM dispute WHERE status IN ('inquiry', 'open', 'answered', 'lost')"""
    return await fetch_all(conn, Waiting, sql)


async def unacknowledged(conn: Connection, closed_before: datetime) -> list[Waiting]:
    """Closed days of which the treasury has not said that it has them."""
    sql = """
        SELECT 'export_not_acknowledged' AS cause, 'batch:' || d.day AS subject, d.day FROM ledger_day d
          LEFT JOIN export_batch b ON b.day = d.day LEFT JOIN export_acknowledgement a ON a.batch = b.number
         WHERE d.closed_at < $1 AND a.batch IS NULL"""
    return await fetch_all(conn, Waiting, sql, closed_before)


async def read_until(conn: Connection, providers: Collection[str]) -> datetime | None:
    """None where one of them was never read."""
    sql = "SELECT CASE WHEN count(*) = cardinality($1::text[]) THEN min(read_until) END FROM provider_reading WHERE provider = ANY ($1)"
    found: datetime | None = await conn.fetchval(sql, list(providers))
    return found


async def ran_since(conn: Connection, begin: datetime) -> bool:
    return bool(
        await conn.fetchval("SELECT EXISTS (SELECT FROM matching_run WHERE began_at >= $1 AND asked_by IS NULL)", begin)
    )


async def matched_lines(conn: Connection, places: Collection[tuple[int, int, int]]) -> set[tuple[int, int, int]]:
    sql = """
        SELECT m.statement_id, m.entry, m.position FROM bank_match m
          JOIN unnest($1::bigint[], $2::int[], $3::int[]) w (s, e, p) ON (m.statement_id, m.entry, m.position) = (w.s, w.e, w.p)
         WHERE m.freed_by IS NULL"""
    rows = await conn.fetch(sql, [one[0] for one in places], [one[1] for one in places], [one[2] for one in places])
    return {(row[0], row[1], row[2]) for row in rows}


async def oldest_open(conn: Connection) -> date | None:
    return await find_one(conn, date, "SELECT min(day) FROM difference WHERE state = 'open' HAVING count(*) > 0")


async def put_links(conn: Connection, span: Span, links: Sequence[tuple[int, str]]) -> None:
    """What holds no longer goes."""
    sql = """
        WITH found AS (SELECT * FROM unnest($1::bigint[], $2::text[]) f (journal_id, transaction_id)),
        gone AS (DELETE FROM matching_link l USING journal j
                  WHERE j.id = l.journal_id AND j.at >= $3 AND j.at < $4
                    AND NOT EXISTS (SELECT FROM found f WHERE f.journal_id = l.journal_id))
        INSERT INTO matching_link AS l SELECT journal_id, transaction_id FROM found
        ON CONFLICT (journal_id) DO UPDATE SET transaction_id = excluded.transaction_id WHERE l.transaction_id <> excluded.transaction_id"""
    await conn.execute(sql, [one[0] for one in links], [one[1] for one in links], span.start, span.end)


async def post(conn: Connection, kind: str, subject: str, at: datetime, entries: Sequence[Entry]) -> int:
    """A journal of no payment; its id."""
    sql = """
        WITH j AS (INSERT INTO journal (kind, subject, at) VALUES ($1, $2, $3) RETURNING id),
        e AS (INSERT INTO entry (journal_id, account, amount_cents) SELECT j.id, e.account, e.cents
                FROM j, unnest($4::text[], $5::bigint[]) WITH ORDINALITY e (account, cents, n) ORDER BY e.n)
        SELECT id FROM j"""
    accounts, cents = [one.account for one in entries], [one.amount_cents for one in entries]
    return int(await conn.fetchval(sql, kind, subject, at, accounts, cents))


async def put_arrived(conn: Connection, one: Arrived, journal_id: int, at: datetime) -> None:
    sql = """
        INSERT INTO bank_match (statement_id, entry, position, provider, payout_id, journal_id, at)
        SELECT $1, $2, $3, p.provider, p.id, $5, $6 FROM provider_payout_now p WHERE p.id = $4"""
    await conn.execute(sql, *one.line.place, one.payout_id, journal_id, at)


async def put_transferred(conn: Connection, line: BankLine, order: UUID, at: datetime) -> None:
    sql = "INSERT INTO bank_match (statement_id, entry, position, order_id, at) VALUES ($1, $2, $3, $4, $5)"
    await conn.execute(sql, *line.place, order.hex, at)


async def insert_run(
    conn: Connection,
    span: Span,
    by: int | None,
    at: datetime,
    booked: int,
    moved: int,
    matched: int,
    found: tuple[int, int],
) -> None:
    sql = """
        INSERT INTO matching_run (first, last, asked_by, began_at, booked, moved, matched, opened, closed)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""
    await conn.execute(sql, span.first, span.last, by, at, booked, moved, matched, *found)


async def put_differences(
    conn: Connection, span: Span, found: Sequence[Difference], ended: Collection[Cause], at: datetime
) -> tuple[int, int]:
    """Those that are new are opened, those that are gone are closed; one that says another amount says so, and is open again if it
    was explained. `ended`: causes that are looked for whatever the day. How many were opened and closed."""
    sql = """
        WITH found AS (
          SELECT cause, subject, day, here_cents, there_cents, payment_id, proposal, lines::jsonb, due_on, choices::jsonb
            FROM unnest($1::text[], $2::text[], $3::date[], $4::bigint[], $5::bigint[], $6::uuid[], $7::text[], $8::text[], $9::date[],
                        $10::text[]) f (cause, subject, day, here_cents, there_cents, payment_id, proposal, lines, due_on, choices)),
        changed AS (
          UPDATE difference d SET here_cents = f.here_cents, there_cents = f.there_cents, proposal = f.proposal, lines = f.lines,
                                  due_on = f.due_on, day = f.day, choices = f.choices, state = 'open', ended_at = NULL
            FROM found f WHERE d.cause = f.cause AND d.subject = f.subject AND d.state IN ('open', 'explained')
             AND (d.here_cents, d.there_cents, d.lines, d.due_on, d.choices)
                 IS DISTINCT FROM (f.here_cents, f.there_cents, f.lines, f.due_on, f.choices)
          RETURNING d.id),
        opened AS (
          INSERT INTO difference (cause, subject, day, here_cents, there_cents, payment_id, proposal, lines, due_on, choices, opened_at)
          SELECT cause, subject, day, here_cents, there_cents, payment_id, proposal, lines, due_on, choices, $11 FROM found
          ON CONFLICT (cause, subject) WHERE state IN ('open', 'explained') DO NOTHING RETURNING id),
        closed AS (
          UPDATE difference d SET state = 'closed', ended_at = $11
           WHERE d.state = 'open' AND (d.day BETWEEN $12 AND $13 OR d.cause = ANY ($14))
             AND NOT EXISTS (SELECT FROM found f WHERE f.cause = d.cause AND f.subject = d.subject) RETURNING d.id),
        noted AS (
          INSERT INTO difference_note (difference_id, at, what)
          SELECT id, $11, what FROM (SELECT id, 'changed' AS what FROM changed UNION ALL SELECT id, 'opened' FROM opened
                                     UNION ALL SELECT id, 'closed' FROM closed) n ORDER BY id)
        SELECT (SELECT count(*) FROM opened), (SELECT count(*) FROM closed)"""
    columns = [
        [one.cause.value for one in found],
        [one.subject for one in found],
        [one.day for one in found],
        [one.here_cents for one in found],
        [one.there_cents for one in found],
        [one.payment_id for one in found],
        [one.proposal.value for one in found],
        [json.dumps(one.lines) for one in found],
        [one.due_on for one in found],
        [json.dumps([asdict(choice) for choice in one.choices]) for one in found],
    ]
    row = await conn.fetchrow(sql, *columns, at, span.first, span.last, [one.value for one in ended])
    assert row is not None
    return int(row[0]), int(row[1])


async def zone_start(conn: Connection, day: date) -> datetime:
    """When a local day of the city begins."""
    sql = "SELECT $1::date::timestamp AT TIME ZONE coalesce((SELECT time_zone FROM city), 'Europe/Berlin')"
    found: datetime = await conn.fetchval(sql, day)
    return found


async def today(conn: Connection, now: datetime) -> date:
    found: date = await conn.fetchval("SELECT city_day($1)", now)
    return found
