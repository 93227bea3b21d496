"""SQL of transfer orders and their files. One function, one statement."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from payment.transfers.model import Download, Order, SentFile, Step, Waiver
from payment.transfers.states import ENDED, TransferStatus

_READ = """
    SELECT o.*, r.reason, p.kassenzeichen, p.reference, d.is_disputed, d.is_lost,
           (SELECT w.ground FROM transfer_waiver w WHERE w.order_id = o.id AND w.status = 'approved'
             ORDER BY w.decided_at DESC LIMIT 1) AS ground
      FROM transfer_order o JOIN refund r ON r.id = o.refund_id JOIN payment p ON p.id = o.payment_id
      CROSS JOIN LATERAL (
        SELECT coalesce(bool_or(status IN ('inquiry', 'open', 'answered')), false) AS is_disputed,
               coalesce(bool_or(status = 'lost'), false) AS is_lost
          FROM dispute WHERE payment_id = o.payment_id) d"""
_TYPED = "s.by IS NOT NULL AND s.event IN ('ask_again', 'bounce', 'cancel')"  # of the rest, the product wrote numbers
_ENDED = "o.status IN ('" + "', '".join(sorted(ENDED)) + "')"
_FILE = """
    SELECT number, id, made_by, made_at, execute_on, account_name, account_iban, orders, sum_cents, sha256,
           content IS NOT NULL AS is_readable
      FROM transfer_file"""


async def find(conn: Connection, order_id: UUID) -> Order | None:
    return await find_one(conn, Order, f"{_READ} WHERE o.id = $1", order_id)


async def lock(conn: Connection, order_id: UUID) -> Order | None:
    """Its payment has to be locked before."""
    return await find_one(conn, Order, f"{_READ} WHERE o.id = $1 FOR NO KEY UPDATE OF o", order_id)


async def find_by_token(conn: Connection, token_sha256: bytes) -> UUID | None:
    return await find_one(conn, UUID, "SELECT id FROM transfer_order WHERE token_sha256 = $1", token_sha256)


async def find_by_end_to_end(conn: Connection, end_to_end_id: UUID) -> UUID | None:
    sql = "SELECT order_id FROM transfer_file_item WHERE end_to_end_id = $1"
    return await find_one(conn, UUID, sql, end_to_end_id)


async def of_references(conn: Connection, references: Collection[UUID]) -> list[Order]:
    """The oldest first."""
    return await fetch_all(
        conn, Order, f"{_READ} WHERE p.reference = ANY ($1) ORDER BY o.created_at, o.id", list(references)
    )


async def of_payment(conn: Connection, payment_id: UUID) -> list[Order]:
    return await fetch_all(conn, Order, f"{_READ} WHERE o.payment_id = $1 ORDER BY o.created_at, o.id", payment_id)


async def of_status(conn: Connection, statuses: Collection[TransferStatus], limit: int) -> list[Order]:
    """The oldest change first."""
    sql = f"{_READ} WHERE o.status = ANY ($1) ORDER BY o.changed_at, o.id LIMIT $2"
    return await fetch_all(conn, Order, sql, list(statuses), limit)


async def latest_done(conn: Connection, limit: int) -> list[Order]:
    """The youngest first."""
    sql = f"{_READ} WHERE {_ENDED} ORDER BY o.changed_at DESC, o.id LIMIT $1"
    return await fetch_all(conn, Order, sql, limit)


async def of_file(conn: Connection, number: int) -> list[Order]:
    sql = f"{_READ} JOIN transfer_file_item i ON i.order_id = o.id WHERE i.file = $1 ORDER BY i.position"
    return await fetch_all(conn, Order, sql, number)


async def counts(conn: Connection) -> Mapping[TransferStatus, int]:
    rows = await conn.fetch("SELECT status, count(*) AS n FROM transfer_order WHERE status <> 'paid' GROUP BY status")
    return {TransferStatus(row["status"]): row["n"] for row in rows}


async def insert(conn: Connection, o: Order) -> bool:
    """False where the refund has one."""
    sql = """
        INSERT INTO transfer_order (id, refund_id, payment_id, amount_cents, purpose, lines, token_sha256, created_at, changed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT (refund_id) DO NOTHING RETURNING true"""
    lines = [asdict(line) for line in o.lines]
    values = (o.id, o.refund_id, o.payment_id, o.amount_cents, o.purpose, lines, o.token_sha256, o.created_at)
    return bool(await conn.fetchval(sql, *values))


async def update(conn: Connection, o: Order, was: TransferStatus) -> bool:
    """Compare-and-set."""
    sql = """
        UPDATE transfer_order SET status = $3, round = $4, holder = $5, iban = $6, iban_end = $7, entered_by = $8, entered_at = $9,
               assessed_by = $10, assessed_at = $11, approved_by = $12, approved_at = $13, due_on = $14, budget_year = $15, file = $16,
               sent_at = $17, paid_at = $18, bank_entry_ref = $19, changed_at = $20
         WHERE id = $1 AND status = $2 RETURNING true"""
    account = (o.holder, o.iban, o.iban_end, o.entered_by, o.entered_at)
    people = (o.assessed_by, o.assessed_at, o.approved_by, o.approved_at, o.due_on, o.budget_year)
    sent = (o.file, o.sent_at, o.paid_at, o.bank_entry_ref, o.changed_at)
    return bool(await conn.fetchval(sql, o.id, was, o.status, o.round, *account, *people, *sent))


async def insert_step(conn: Connection, order_id: UUID, step: Step) -> None:
    sql = "INSERT INTO transfer_step (order_id, event, at, by, note, record) VALUES ($1, $2, $3, $4, $5, $6)"
    await conn.execute(sql, order_id, step.event, step.at, step.by, step.note, step.record)


async def steps(conn: Connection, order_id: UUID) -> list[Step]:
    sql = "SELECT event, at, by, note, record FROM transfer_step WHERE order_id = $1 ORDER BY id"
    return await fetch_all(conn, Step, sql, order_id)


_WAIVER = """
    SELECT w.id, w.order_id, w.ground, w.reason, w.evidence, w.requested_by, q.name AS asker, w.requested_at, w.status, w.decided_by,
           d.name AS decider, w.decided_at, w.journal_id
      FROM transfer_waiver w JOIN account q ON q.id = w.requested_by LEFT JOIN account d ON d.id = w.decided_by"""


async def waivers(conn: Connection, order_id: UUID) -> list[Waiver]:
    """The youngest first."""
    return await fetch_all(
        conn, Waiver, f"{_WAIVER} WHERE w.order_id = $1 ORDER BY w.requested_at DESC, w.id", order_id
    )


async def lock_waiver(conn: Connection, waiver_id: UUID) -> Waiver | None:
    return await find_one(conn, Waiver, f"{_WAIVER} WHERE w.id = $1 FOR UPDATE OF w", waiver_id)


async def insert_waiver(conn: Connection, w: Waiver) -> bool:
    """False where this one is there, or another waits."""
    sql = """
        INSERT INTO transfer_waiver (id, order_id, ground, reason, evidence, requested_by, requested_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING true"""
    values = (w.id, w.order_id, w.ground, w.reason, w.evidence, w.requested_by, w.requested_at)
    return bool(await conn.fetchval(sql, *values))


async def decide_waiver(
    conn: Connection, waiver_id: UUID, status: str, by: int, at: datetime, journal_id: int | None
) -> None:
    sql = "UPDATE transfer_waiver SET status = $2, decided_by = $3, decided_at = $4, journal_id = $5 WHERE id = $1"
    await conn.execute(sql, waiver_id, status, by, at, journal_id)


async def barred_from(conn: Connection, order_id: UUID) -> date | None:
    """The day from which the claim is barred by limitation."""
    sql = "SELECT limitation_ends(city_day(created_at)) FROM transfer_order WHERE id = $1"
    return await find_one(conn, date, sql, order_id)


async def without_order(conn: Connection, limit: int) -> list[UUID]:
    """Refunds that failed for good and whose money is still there, with no order: of before there were any, or of an older process."""
    sql = """
        SELECT r.id FROM refund r JOIN payment p ON p.id = r.payment_id
         WHERE r.status = 'failed' AND r.retry_at IS NULL AND r.transfer_status IS NULL AND p.currency = 'EUR'
           AND NOT EXISTS (SELECT FROM refund n WHERE n.retry_of = r.id)
           AND r.amount_cents <= p.captured_cents - p.refunded_cents
           AND NOT EXISTS (SELECT FROM dispute d WHERE d.payment_id = r.payment_id AND d.status = 'lost')
         ORDER BY r.created_at, r.id LIMIT $1"""
    return await fetch_all(conn, UUID, sql, limit)


async def is_tried_anew(conn: Connection, refund_id: UUID) -> bool:
    return bool(await conn.fetchval("SELECT EXISTS (SELECT FROM refund WHERE retry_of = $1)", refund_id))


async def is_disputed(conn: Connection, payment_id: UUID) -> bool:
    """Not yet decided, or decided for the payer."""
    sql = "SELECT EXISTS (SELECT FROM dispute WHERE payment_id = $1 AND status NOT IN ('won', 'closed'))"
    return bool(await conn.fetchval(sql, payment_id))


async def lock_files(conn: Connection) -> None:
    """Until the commit nobody else makes one: numbers have no gap."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('transfer_file', 0))")


async def lock_approved(conn: Connection, limit: int) -> list[UUID]:
    """Payments of approved orders, locked in the order of their ids."""
    sql = """
        SELECT p.id FROM payment p WHERE p.id IN (
          SELECT payment_id FROM transfer_order WHERE status = 'approved' ORDER BY approved_at, id LIMIT $1)
         ORDER BY p.id FOR NO KEY UPDATE"""
    return await fetch_all(conn, UUID, sql, limit)


async def approved_of(conn: Connection, payments: Collection[UUID]) -> list[Order]:
    sql = f"""
        {_READ} WHERE o.status = 'approved' AND o.payment_id = ANY ($1)
           AND NOT EXISTS (SELECT FROM dispute d WHERE d.payment_id = o.payment_id AND d.status NOT IN ('won', 'closed'))
         ORDER BY o.approved_at, o.id FOR NO KEY UPDATE OF o"""
    return await fetch_all(conn, Order, sql, list(payments))


async def next_number(conn: Connection) -> int:
    return int(await conn.fetchval("SELECT coalesce(max(number), 0) + 1 FROM transfer_file"))


async def insert_file(conn: Connection, f: SentFile, content: bytes) -> None:
    sql = """
        INSERT INTO transfer_file (number, id, made_by, made_at, execute_on, account_name, account_iban, orders, sum_cents, sha256, content)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"""
    ours = (f.execute_on, f.account_name, f.account_iban, f.orders, f.sum_cents, f.sha256)
    await conn.execute(sql, f.number, f.id, f.made_by, f.made_at, *ours, content)


async def insert_items(conn: Connection, number: int, items: Sequence[tuple[UUID, UUID, int]]) -> None:
    """Order, EndToEndId and cents of each, in the order of the file."""
    sql = """
        INSERT INTO transfer_file_item (file, position, order_id, end_to_end_id, amount_cents)
        SELECT $1, n, o, e, c FROM unnest($2::uuid[], $3::uuid[], $4::int[]) WITH ORDINALITY t (o, e, c, n)"""
    await conn.execute(sql, number, *(list(column) for column in zip(*items, strict=True)))


async def find_file(conn: Connection, number: int) -> SentFile | None:
    return await find_one(conn, SentFile, f"{_FILE} WHERE number = $1", number)


async def find_file_by_id(conn: Connection, file_id: UUID) -> SentFile | None:
    return await find_one(conn, SentFile, f"{_FILE} WHERE id = $1", file_id)


async def files(conn: Connection, limit: int) -> list[SentFile]:
    """The youngest first."""
    return await fetch_all(conn, SentFile, f"{_FILE} ORDER BY number DESC LIMIT $1", limit)


async def content(conn: Connection, number: int) -> bytes | None:
    return await find_one(
        conn, bytes, "SELECT content FROM transfer_file WHERE number = $1 AND content IS NOT NULL", number
    )


async def insert_download(conn: Connection, number: int, by: int, at: datetime) -> None:
    await conn.execute("INSERT INTO transfer_download (file, by, at) VALUES ($1, $2, $3)", number, by, at)


async def downloads(conn: Connection, number: int) -> list[Download]:
    return await fetch_all(conn, Download, "SELECT by, at FROM transfer_download WHERE file = $1 ORDER BY id", number)


async def erase_accounts(conn: Connection, before: datetime) -> int:
    """Of orders that have ended and were left alone since."""
    sql = f"""
        WITH gone AS (UPDATE transfer_order o SET holder = NULL, iban = NULL, iban_end = NULL
          WHERE iban IS NOT NULL AND {_ENDED} AND changed_at < $1 RETURNING 1)
        SELECT count(*) FROM gone"""  # noqa: S608
    return int(await conn.fetchval(sql, before))


async def erase_notes(conn: Connection, before: datetime) -> int:
    """What people wrote about orders that have ended and were left alone since; what the product wrote are numbers."""
    sql = f"""
        WITH gone AS (UPDATE transfer_step s SET note = '[erased]' FROM transfer_order o
          WHERE o.id = s.order_id AND {_ENDED} AND o.changed_at < $1 AND {_TYPED} AND s.note <> '[erased]' RETURNING 1)
        SELECT count(*) FROM gone"""  # noqa: S608
    return int(await conn.fetchval(sql, before))


async def erase_notes_of(conn: Connection, reference: UUID) -> None:
    """With the person: of orders that have ended."""
    sql = f"""
        UPDATE transfer_step s SET note = '[erased]' FROM transfer_order o JOIN payment p ON p.id = o.payment_id
         WHERE o.id = s.order_id AND p.reference = $1 AND {_ENDED} AND {_TYPED} AND s.note <> '[erased]'"""  # noqa: S608
    await conn.execute(sql, reference)


async def erase_files(conn: Connection, before: datetime) -> int:
    """Of whose orders none waits for the bank any more."""
    sql = f"""
        WITH gone AS (UPDATE transfer_file f SET content = NULL
          WHERE content IS NOT NULL AND made_at < $1 AND NOT EXISTS (
            SELECT FROM transfer_file_item i JOIN transfer_order o ON o.id = i.order_id
             WHERE i.file = f.number AND o.file = f.number AND (NOT {_ENDED} OR o.changed_at >= $1)) RETURNING 1)
        SELECT count(*) FROM gone"""  # noqa: S608
    return int(await conn.fetchval(sql, before))


async def erase_of_reference(conn: Connection, reference: UUID) -> None:
    """With the person: of orders that have ended."""
    sql = f"""
        UPDATE transfer_order o SET holder = NULL, iban = NULL, iban_end = NULL FROM payment p
         WHERE p.id = o.payment_id AND p.reference = $1 AND {_ENDED} AND o.iban IS NOT NULL"""  # noqa: S608
    await conn.execute(sql, reference)


async def is_open(conn: Connection, reference: UUID) -> bool:
    sql = f"""
        SELECT EXISTS (SELECT FROM transfer_order o JOIN payment p ON p.id = o.payment_id
                        WHERE p.reference = $1 AND NOT {_ENDED})"""  # noqa: S608
    return bool(await conn.fetchval(sql, reference))
