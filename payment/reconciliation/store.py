"""What reconciliation reads. One function, one statement; nothing is written."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from payment.conditions import FAILED_FOR_GOOD, UNCOVERED
from payment.model import Dispute, Payment, Refund
from payment.reconciliation.model import Apart, Found, Message, Posted, Span


async def concerned(
    conn: Connection, span: Span, payment_ids: Collection[UUID], charge_ids: Collection[str], refunds: Collection[str]
) -> list[UUID]:
    """Payments made, booked or refunded in the span, and those that the provider's statement names by an id of ours or of its own."""
    sql = """
        SELECT id FROM payment WHERE created_at >= $1 AND created_at < $2
        UNION SELECT payment_id FROM journal WHERE at >= $1 AND at < $2 AND payment_id IS NOT NULL
        UNION SELECT payment_id FROM refund WHERE created_at >= $1 AND created_at < $2
        UNION SELECT id FROM payment WHERE id = ANY ($3::uuid[]) OR charge_id = ANY ($4::text[])
        UNION SELECT payment_id FROM refund WHERE provider_id = ANY ($5::text[])"""
    return await fetch_all(conn, UUID, sql, span.start, span.end, list(payment_ids), list(charge_ids), list(refunds))


async def payments(conn: Connection, ids: Collection[UUID]) -> list[Payment]:
    sql = "SELECT * FROM payment WHERE id = ANY ($1) ORDER BY created_at, id"
    return await fetch_all(conn, Payment, sql, list(ids))


async def refunds(conn: Connection, payment_ids: Collection[UUID]) -> list[Refund]:
    sql = "SELECT * FROM refund WHERE payment_id = ANY ($1) ORDER BY created_at, id"
    return await fetch_all(conn, Refund, sql, list(payment_ids))


async def disputes(conn: Connection, payment_ids: Collection[UUID]) -> list[Dispute]:
    sql = "SELECT * FROM dispute WHERE payment_id = ANY ($1) ORDER BY opened_at, id"
    return await fetch_all(conn, Dispute, sql, list(payment_ids))


async def open_disputes(conn: Connection) -> list[Dispute]:
    """Those that people have to see to: the nearest deadline first."""
    sql = """
        SELECT * FROM dispute WHERE status IN ('inquiry', 'open') OR attention IS NOT NULL
         ORDER BY evidence_due_at NULLS LAST, opened_at, id"""
    return await fetch_all(conn, Dispute, sql)


async def latest_disputes(conn: Connection, limit: int) -> list[Dispute]:
    """Open ones first, by deadline, then what was decided last."""
    sql = """
        SELECT * FROM dispute ORDER BY closed_at IS NOT NULL, CASE WHEN closed_at IS NULL THEN evidence_due_at END NULLS LAST,
               closed_at DESC, opened_at DESC, id LIMIT $1"""
    return await fetch_all(conn, Dispute, sql, limit)


async def find_dispute(conn: Connection, dispute_id: UUID) -> Dispute | None:
    return await find_one(conn, Dispute, "SELECT * FROM dispute WHERE id = $1", dispute_id)


async def posted(conn: Connection, payment_ids: Collection[UUID]) -> list[Posted]:
    sql = """
        SELECT j.id, j.kind, j.payment_id, j.refund_id, j.at,
               jsonb_agg(jsonb_build_object('account', e.account, 'amount_cents', e.amount_cents) ORDER BY e.id) AS entries
          FROM journal j JOIN entry e ON e.journal_id = j.id WHERE j.payment_id = ANY ($1) GROUP BY j.id ORDER BY j.at, j.id"""
    return await fetch_all(conn, Posted, sql, list(payment_ids))


async def apart(conn: Connection, span: Span) -> list[Apart]:
    """Booked in the span for no payment."""
    sql = """
        SELECT j.id, j.kind, j.at, coalesce(j.subject, o.subject, '') AS subject, d.id AS drawer_id, coalesce(t.name, '') AS till,
               jsonb_agg(jsonb_build_object('account', e.account, 'amount_cents', e.amount_cents) ORDER BY e.id) AS entries
          FROM journal j JOIN entry e ON e.journal_id = j.id LEFT JOIN journal o ON o.id = j.reverses
          LEFT JOIN drawer d ON d.id = coalesce(j.drawer_id, o.drawer_id) LEFT JOIN till t ON t.id = d.till_id
         WHERE j.at >= $1 AND j.at < $2 AND j.payment_id IS NULL GROUP BY j.id, o.id, d.id, t.id ORDER BY j.at, j.id"""
    return await fetch_all(conn, Apart, sql, span.start, span.end)


async def messages(conn: Connection, payment_id: UUID) -> list[Message]:
    sql = """
        SELECT kind, received_at FROM vendor_event
         WHERE payment_id = $1 OR refund_id IN (SELECT id FROM refund WHERE payment_id = $1) ORDER BY received_at, event_id"""
    return await fetch_all(conn, Message, sql, payment_id)


async def of_references(conn: Connection, references: Sequence[UUID]) -> list[UUID]:
    sql = (
        "SELECT id FROM payment WHERE reference = ANY ($1) ORDER BY array_position($1, reference), created_at DESC, id"
    )
    return await fetch_all(conn, UUID, sql, list(references))


async def of_provider_id(conn: Connection, text: str) -> list[UUID]:
    sql = """
        SELECT id FROM payment WHERE session_id = $1 OR charge_id = $1 OR id::text = $1 OR kassenzeichen = $1
        UNION SELECT payment_id FROM refund WHERE provider_id = $1
        UNION SELECT payment_id FROM dispute WHERE provider_id = $1"""
    return await fetch_all(conn, UUID, sql, text)


async def of_receipt(conn: Connection, year: int, number: int) -> list[UUID]:
    sql = "SELECT payment_id FROM receipt WHERE year = $1 AND number = $2"
    return await fetch_all(conn, UUID, sql, year, number)


async def of_amount(conn: Connection, cents: int, limit: int) -> list[UUID]:
    """Of the youngest payments and the youngest refunds of just this amount; the youngest payment first. Each limit stands beside its own
    index: a limit over both would have all payments read, from the youngest on."""
    sql = """
        SELECT id FROM (
          (SELECT id, created_at FROM payment WHERE amount_cents = $1 ORDER BY created_at DESC, id LIMIT $2)
          UNION
          SELECT p.id, p.created_at FROM payment p
            JOIN (SELECT payment_id FROM refund WHERE amount_cents = $1 ORDER BY created_at DESC, id LIMIT $2) r
              ON r.payment_id = p.id) known
         ORDER BY created_at DESC, id LIMIT $2"""
    return await fetch_all(conn, UUID, sql, cents, limit)


async def found(conn: Connection, ids: Collection[UUID]) -> list[Found]:
    """In the order of the ids."""
    sql = """
        SELECT p.id, p.reference, p.kassenzeichen, p.amount_cents, p.refunded_cents, p.currency, p.status, p.created_at,
               r.year AS receipt_year, r.number AS receipt_number
          FROM payment p LEFT JOIN receipt r ON r.payment_id = p.id WHERE p.id = ANY ($1) ORDER BY array_position($1, p.id)"""
    return await fetch_all(conn, Found, sql, list(ids))


async def open_requests(conn: Connection) -> list[Refund]:
    return await fetch_all(conn, Refund, "SELECT * FROM refund WHERE status = 'requested' ORDER BY attempt_at, id")


async def in_attention(conn: Connection) -> list[Payment]:
    """Also what was reserved and has run out, with nothing in its place."""
    sql = f"SELECT * FROM payment p WHERE status = 'attention' OR {UNCOVERED} ORDER BY created_at, id"  # noqa: S608
    return await fetch_all(conn, Payment, sql)


async def failed_refunds(conn: Connection) -> list[Refund]:
    """Those in whose place no other was made, and whose money is still to be given back."""
    sql = f"""
        SELECT f.* FROM refund f JOIN payment p ON p.id = f.payment_id
         WHERE {FAILED_FOR_GOOD} AND p.captured_cents > p.refunded_cents
         ORDER BY f.created_at, f.id"""  # noqa: S608
    return await fetch_all(conn, Refund, sql)
