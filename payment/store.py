"""SQL of payments, refunds and the journal. One function, one statement."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from base.db import Connection, fetch_all, find_one, get_one
from payment.books import LATE_MONEY
from payment.conditions import FAILED_FOR_GOOD, UNCOVERED
from payment.ledger import Journal
from payment.model import (
    ERASED_NOTE,
    Line,
    Payment,
    PaymentStatus,
    Refund,
    RefundReason,
    RefundStatus,
    RefundStep,
    Troubles,
)
from payment.ports import VendorEvent


async def find_payment(conn: Connection, payment_id: UUID) -> Payment | None:
    return await find_one(conn, Payment, "SELECT * FROM payment WHERE id = $1", payment_id)


async def lock_payment(conn: Connection, payment_id: UUID) -> Payment | None:
    """NO KEY: two of us exclude each other, but a journal row may still point at the payment meanwhile."""
    return await find_one(conn, Payment, "SELECT * FROM payment WHERE id = $1 FOR NO KEY UPDATE", payment_id)


async def find_living(conn: Connection, reference: UUID) -> Payment | None:
    sql = "SELECT * FROM payment WHERE reference = $1 AND status NOT IN ('fenced', 'lapsed') AND NOT surplus"
    return await find_one(conn, Payment, sql, reference)


async def find_latest(conn: Connection, reference: UUID) -> Payment | None:
    sql = """
        SELECT * FROM payment WHERE reference = $1 AND NOT surplus
         ORDER BY status NOT IN ('fenced', 'lapsed') DESC, created_at DESC, id LIMIT 1"""
    return await find_one(conn, Payment, sql, reference)


async def find_payment_of_session(conn: Connection, session_id: str) -> Payment | None:
    return await find_one(conn, Payment, "SELECT * FROM payment WHERE session_id = $1", session_id)


async def insert_payment(conn: Connection, p: Payment) -> bool:
    sql = """
        INSERT INTO payment (id, reference, provider, amount_cents, currency, description, language, return_url, status, attempt,
                             attempt_at, session_id, charge_id, pay_url, captured_cents, attention, surplus, created_at, checked_at,
                             lines, service_day, capture, authorised_until,
                             take_cents, take_attempt, take_attempt_at, keep_cents, keep_reason, method)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26,
                $27, $28, $29)
        ON CONFLICT DO NOTHING RETURNING true"""
    values = (
        p.id,
        p.reference,
        p.provider,
        p.amount_cents,
        p.currency,
        p.description,
        p.language,
        p.return_url,
        p.status,
        p.attempt,
    )
    rest = (
        p.attempt_at,
        p.session_id,
        p.charge_id,
        p.pay_url,
        p.captured_cents,
        p.attention,
        p.surplus,
        p.created_at,
        p.checked_at,
        [_stored(line) for line in p.lines],
        p.service_day,
    )
    return bool(await conn.fetchval(sql, *values, *rest, p.capture, *_reservation(p), p.method))


def _reservation(p: Payment) -> tuple[object, ...]:
    return p.authorised_until, p.take_cents, p.take_attempt, p.take_attempt_at, p.keep_cents, p.keep_reason


def _stored(line: Line) -> Mapping[str, Any]:
    """What says nothing is left out, so that the former release reads lines without a reduction as its own."""
    said = asdict(line)
    return said if line.reduced_cents else {name: said[name] for name in said if not name.startswith("reduc")}


async def update_payment(conn: Connection, p: Payment, was: PaymentStatus) -> bool:
    sql = """
        UPDATE payment SET status = $3, attempt = $4, attempt_at = $5, session_id = $6, charge_id = $7, pay_url = $8,
                           captured_cents = $9, attention = $10, surplus = $11, checked_at = $12, authorised_until = $13,
                           take_cents = $14, take_attempt = $15, take_attempt_at = $16, keep_cents = $17, keep_reason = $18, method = $19
         WHERE id = $1 AND status = $2 RETURNING true"""
    key = (p.id, was, p.status, p.attempt, p.attempt_at)
    rest = (p.session_id, p.charge_id, p.pay_url, p.captured_cents, p.attention, p.surplus, p.checked_at)
    return bool(await conn.fetchval(sql, *key, *rest, *_reservation(p), p.method))


async def due_payments(
    conn: Connection, checked_before: datetime, attention_before: datetime, limit: int
) -> list[Payment]:
    sql = """
        SELECT * FROM payment WHERE status IN ('intended', 'open', 'processing') AND coalesce(checked_at, created_at) <= $1
            OR status = 'authorised' AND take_cents IS NOT NULL AND (checked_at IS NULL OR checked_at <= $1)
            OR status = 'authorised' AND take_cents IS NULL AND coalesce(checked_at, created_at) <= $2
            OR status = 'attention' AND coalesce(checked_at, created_at) <= $2
            OR status = 'lapsed' AND coalesce(checked_at, created_at) <= $2 AND created_at >= $4
         ORDER BY coalesce(checked_at, created_at), id LIMIT $3"""
    return await fetch_all(conn, Payment, sql, checked_before, attention_before, limit, attention_before - LATE_MONEY)


async def due_to_take(conn: Connection, end: datetime, today: date, limit: int) -> list[UUID]:
    sql = """
        SELECT id FROM payment WHERE status = 'authorised' AND take_cents IS NULL AND (authorised_until <= $1 OR service_day < $2)
         ORDER BY authorised_until, id LIMIT $3"""
    return await fetch_all(conn, UUID, sql, end, today, limit)


async def find_uncovered(conn: Connection, reference: UUID) -> Payment | None:
    sql = f"SELECT * FROM payment p WHERE reference = $1 AND {UNCOVERED} ORDER BY created_at DESC, id LIMIT 1"  # noqa: S608
    return await find_one(conn, Payment, sql, reference)


async def serve_on(conn: Connection, references: Collection[UUID], day: date) -> None:
    sql = "UPDATE payment SET service_day = $2 WHERE reference = ANY ($1) AND status <> 'fenced' AND service_day IS DISTINCT FROM $2"
    await conn.execute(sql, list(references), day)


async def due_to_earn(conn: Connection, today: date, limit: int) -> list[UUID]:
    sql = f"""
        SELECT id FROM payment p WHERE status = 'paid' AND advance_cents > 0 AND service_day <= $1
           AND NOT EXISTS (SELECT FROM journal j WHERE j.payment_id = p.id AND j.kind = 'earned')
           AND advance_cents > (SELECT coalesce(sum(f.amount_cents), 0) FROM refund f WHERE f.payment_id = p.id
                                   AND (f.status IN ('approved', 'submitted') OR f.needs_approval AND f.status = 'requested'
                                        OR {FAILED_FOR_GOOD}))
         ORDER BY service_day, id LIMIT $2"""  # noqa: S608
    return await fetch_all(conn, UUID, sql, today, limit)


async def find_refund(conn: Connection, refund_id: UUID) -> Refund | None:
    return await find_one(conn, Refund, "SELECT * FROM refund WHERE id = $1", refund_id)


async def lock_refund(conn: Connection, refund_id: UUID) -> Refund | None:
    return await find_one(conn, Refund, "SELECT * FROM refund WHERE id = $1 FOR NO KEY UPDATE", refund_id)


async def refunds_of(conn: Connection, payment_id: UUID) -> list[Refund]:
    return await fetch_all(
        conn, Refund, "SELECT * FROM refund WHERE payment_id = $1 ORDER BY created_at, id", payment_id
    )


async def refunds_for(conn: Connection, reference: UUID) -> list[Refund]:
    sql = """
        SELECT r.* FROM refund r JOIN payment p ON p.id = r.payment_id WHERE p.reference = $1 ORDER BY r.created_at, r.id"""
    return await fetch_all(conn, Refund, sql, reference)


async def insert_refund(conn: Connection, r: Refund) -> bool:
    sql = """
        INSERT INTO refund (id, payment_id, amount_cents, reason, status, note, requested_by, approved_by, rejected_by, decided_at,
                            attempt, attempt_at, created_at, retry_of, retry_at, provider_id, needs_approval, caused_by, asked_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
        ON CONFLICT (payment_id, reason) WHERE requested_by IS NULL AND status <> 'failed' DO NOTHING RETURNING true"""
    # Each refund there is a reason of its own (0092_refund_at_provider.sql).
    reason = f"{r.reason}:{r.provider_id}" if r.reason is RefundReason.AT_PROVIDER else r.reason
    values = (r.id, r.payment_id, r.amount_cents, reason, r.status)
    people = (r.note, r.requested_by, r.approved_by, r.rejected_by, r.decided_at)
    rest = (r.attempt, r.attempt_at, r.created_at, r.retry_of, r.retry_at, r.provider_id)
    return bool(await conn.fetchval(sql, *values, *people, *rest, r.needs_approval, r.caused_by, r.asked_by))


async def update_refund(conn: Connection, r: Refund, was: RefundStatus) -> bool:
    sql = """
        UPDATE refund SET status = $3, approved_by = $4, attempt = $5, attempt_at = $6, provider_id = $7, failure = $8, checked_at = $9,
                          retry_at = $10, rejected_by = $11, decided_at = $12, asked_by = $13
         WHERE id = $1 AND status = $2 RETURNING true"""
    values = (r.id, was, r.status, r.approved_by, r.attempt, r.attempt_at, r.provider_id, r.failure, r.checked_at)
    return bool(await conn.fetchval(sql, *values, r.retry_at, r.rejected_by, r.decided_at, r.asked_by))


async def insert_step(conn: Connection, step: RefundStep) -> None:
    sql = "INSERT INTO refund_step (refund_id, event, at, by, note) VALUES ($1, $2, $3, $4, $5)"
    await conn.execute(sql, step.refund_id, step.event, step.at, step.by, step.note)


async def steps_of(conn: Connection, payment_id: UUID) -> list[RefundStep]:
    sql = """
        SELECT s.refund_id, s.event, s.at, s.by, s.note FROM refund_step s JOIN refund r ON r.id = s.refund_id
         WHERE r.payment_id = $1 ORDER BY s.id"""
    return await fetch_all(conn, RefundStep, sql, payment_id)


async def erase_steps(conn: Connection, reference: UUID) -> None:
    sql = """
        UPDATE refund_step s SET note = $2 FROM refund r JOIN payment p ON p.id = r.payment_id
         WHERE r.id = s.refund_id AND p.reference = $1 AND s.note <> $2"""
    await conn.execute(sql, reference, ERASED_NOTE)


async def lock_payments_of(conn: Connection, reference: UUID) -> None:
    await conn.execute("SELECT FROM payment WHERE reference = $1 ORDER BY id FOR NO KEY UPDATE", reference)


async def erase_notes(conn: Connection, reference: UUID) -> None:
    sql = """
        UPDATE refund r SET note = $2 FROM payment p
         WHERE p.id = r.payment_id AND p.reference = $1 AND r.decided_at IS NOT NULL AND r.note <> $2"""
    await conn.execute(sql, reference, ERASED_NOTE)


async def has_request(conn: Connection, reference: UUID) -> bool:
    sql = """
        SELECT EXISTS (SELECT FROM refund r JOIN payment p ON p.id = r.payment_id
                        WHERE p.reference = $1 AND r.status = 'requested')"""
    return bool(await conn.fetchval(sql, reference))


async def due_refunds(
    conn: Connection, now: datetime, soonest: timedelta, latest: timedelta, limit: int
) -> list[Refund]:
    sql = """
        SELECT * FROM refund r
         WHERE status = 'approved'
               AND NOT EXISTS (SELECT FROM dispute d WHERE d.payment_id = r.payment_id AND d.status IN ('open', 'answered'))
            OR status = 'failed' AND retry_at <= $1
            OR status = 'submitted'
           AND coalesce(checked_at, attempt_at) + least($3, greatest($2, (coalesce(checked_at, attempt_at) - created_at) / 2)) <= $1
         ORDER BY coalesce(checked_at, attempt_at), id LIMIT $4"""
    return await fetch_all(conn, Refund, sql, now, soonest, latest, limit)


async def insert_journal(conn: Connection, journal: Journal, at: datetime) -> int:
    """Its id."""
    sql = """
        WITH j AS (INSERT INTO journal (kind, payment_id, refund_id, at, dispute_id) VALUES ($1, $2, $3, $4, $7) RETURNING id),
        e AS (INSERT INTO entry (journal_id, account, amount_cents) SELECT j.id, e.account, e.cents
                FROM j, unnest($5::text[], $6::int[]) WITH ORDINALITY e (account, cents, n) ORDER BY e.n)
        SELECT id FROM j"""
    accounts = [entry.account for entry in journal.entries]
    cents = [entry.amount_cents for entry in journal.entries]
    key = (journal.kind, journal.payment_id, journal.refund_id)
    return int(await conn.fetchval(sql, *key, at, accounts, cents, journal.dispute_id))


async def journals_of(conn: Connection, payment_id: UUID) -> list[Journal]:
    sql = """
        SELECT j.kind, j.payment_id, j.refund_id, j.dispute_id,
               jsonb_agg(jsonb_build_object('account', e.account, 'amount_cents', e.amount_cents) ORDER BY e.id) AS entries
          FROM journal j JOIN entry e ON e.journal_id = j.id WHERE j.payment_id = $1 GROUP BY j.id ORDER BY j.id"""
    return await fetch_all(conn, Journal, sql, payment_id)


async def insert_event(conn: Connection, vendor: str, event: VendorEvent, at: datetime) -> bool:
    sql = """
        INSERT INTO vendor_event (vendor, event_id, kind, payment_id, refund_id, received_at) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT ON CONSTRAINT vendor_event_once DO NOTHING RETURNING true"""
    return bool(await conn.fetchval(sql, vendor, event.id, event.kind, event.payment_id, event.refund_id, at))


async def listed_until(conn: Connection, provider: str) -> datetime | None:
    return await find_one(conn, datetime, "SELECT listed_until FROM provider_listing WHERE provider = $1", provider)


async def set_listed_until(conn: Connection, provider: str, until: datetime) -> None:
    sql = """
        INSERT INTO provider_listing (provider, listed_until) VALUES ($1, $2)
        ON CONFLICT (provider) DO UPDATE SET listed_until = greatest(provider_listing.listed_until, excluded.listed_until)"""
    await conn.execute(sql, provider, until)


async def troubles(conn: Connection) -> Troubles:
    """A failed refund that was tried anew is no trouble any more; the new one may be. One that is transferred has its own list, and
    where all has gone back otherwise nobody has to see to it."""
    sql = f"""
        SELECT (SELECT count(*) FROM refund f JOIN payment p ON p.id = f.payment_id
                 WHERE {FAILED_FOR_GOOD} AND p.captured_cents > p.refunded_cents) AS failed_refunds,
               (SELECT count(*) FROM payment WHERE status = 'attention') AS attention,
               (SELECT count(*) FROM dispute WHERE status IN ('inquiry', 'open') OR attention IS NOT NULL) AS disputes,
               (SELECT count(DISTINCT reference) FROM payment p WHERE {UNCOVERED}) AS uncovered,
               (SELECT count(*) FROM refund WHERE status = 'requested') AS waiting,
               (SELECT min(attempt_at) FROM refund WHERE status = 'requested') AS waiting_since"""  # noqa: S608
    return await get_one(conn, Troubles, sql)
