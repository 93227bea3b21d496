"""SQL of batches. One function, one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from hashlib import sha256

from base.db import Connection, fetch_all, find_one
from payment.exports.model import Batch, Download, File, StoredFile, Unacknowledged, Voucher
from payment.model import Line

_READ = """
    SELECT b.number, b.day, b.made_by, b.made_at, b.manifest_sha256, a.recorded_by AS acknowledged_by, a.at AS acknowledged_at, a.reference,
           m.name AS maker, r.name AS acknowledger
      FROM export_batch b JOIN account m ON m.id = b.made_by
      LEFT JOIN export_acknowledgement a ON a.batch = b.number LEFT JOIN account r ON r.id = a.recorded_by"""


async def find_of_day(conn: Connection, day: date) -> Batch | None:
    return await find_one(conn, Batch, f"{_READ} WHERE b.day = $1", day)


async def find(conn: Connection, number: int) -> Batch | None:
    return await find_one(conn, Batch, f"{_READ} WHERE b.number = $1", number)


async def latest(conn: Connection, limit: int) -> list[Batch]:
    """The youngest first."""
    return await fetch_all(conn, Batch, f"{_READ} ORDER BY b.number DESC LIMIT $1", limit)


async def unacknowledged(conn: Connection, closed_before: datetime) -> list[Unacknowledged]:
    """Closed days, the oldest first; overdue where they were closed before the moment."""
    sql = """
        SELECT d.day, d.closed_at, b.number AS batch, d.closed_at < $1 AS is_overdue
          FROM ledger_day d LEFT JOIN export_batch b ON b.day = d.day
         WHERE NOT EXISTS (SELECT FROM export_acknowledgement a WHERE a.batch = b.number) ORDER BY d.day"""
    return await fetch_all(conn, Unacknowledged, sql, closed_before)


async def next_number(conn: Connection) -> int:
    return int(await conn.fetchval("SELECT coalesce(max(number), 0) + 1 FROM export_batch"))


async def currencies(conn: Connection, day: date) -> list[str]:
    sql = "SELECT DISTINCT p.currency FROM journal j JOIN payment p ON p.id = j.payment_id WHERE j.business_day = $1 ORDER BY 1"
    return await fetch_all(conn, str, sql, day)


async def vouchers(conn: Connection, day: date) -> tuple[Voucher, ...]:
    """In the order of the chain."""
    sql = """
        SELECT s.seq, j.id, j.payment_id, j.kind, coalesce(p.method, p.provider) AS method, p.kassenzeichen, p.lines, e.entries
          FROM journal j JOIN journal_seal s ON s.journal_id = j.id LEFT JOIN payment p ON p.id = j.payment_id
          JOIN LATERAL (SELECT array_agg((account, amount_cents) ORDER BY id) AS entries FROM entry WHERE journal_id = j.id) e ON true
         WHERE j.business_day = $1 ORDER BY s.seq"""
    return tuple(
        Voucher(
            number=row["seq"],
            kind=row["kind"],
            method=row["method"] or "",
            kassenzeichen=row["kassenzeichen"] or "",
            lines=tuple(Line(**line) for line in row["lines"] or ()),
            entries=tuple((account, cents) for account, cents in row["entries"]),
            journal_id=row["id"],
            payment_id=row["payment_id"],
        )
        for row in await conn.fetch(sql, day)
    )


async def insert_batch(conn: Connection, batch: Batch) -> None:
    await conn.execute(
        "INSERT INTO export_batch (number, day, made_by, made_at, manifest_sha256) VALUES ($1, $2, $3, $4, $5)",
        *(batch.number, batch.day, batch.made_by, batch.made_at, batch.manifest_sha256),
    )


async def insert_files(conn: Connection, number: int, files: Sequence[File]) -> None:
    await conn.executemany(
        "INSERT INTO export_file (batch, format, name, rows, sum_cents, content, sha256) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        [(number, f.format, f.name, f.rows, f.sum_cents, f.content, sha256(f.content).digest()) for f in files],
    )


async def find_file(conn: Connection, number: int, form: str) -> File | None:
    sql = "SELECT name, format, rows, sum_cents, content FROM export_file WHERE batch = $1 AND format = $2"
    return await find_one(conn, File, sql, number, form)


async def files_of(conn: Connection, number: int) -> list[StoredFile]:
    """In the order in which they were made: the manifest last."""
    sql = """
        SELECT format, name, rows, sum_cents, length(content) AS size_bytes, sha256 FROM export_file WHERE batch = $1
         ORDER BY array_position(ARRAY['totals-csv', 'items-csv', 'datev-extf', 'xlsx', 'manifest'], format)"""
    return await fetch_all(conn, StoredFile, sql, number)


async def insert_download(conn: Connection, number: int, form: str, by: int, at: datetime) -> None:
    sql = "INSERT INTO export_download (batch, format, account_id, at) VALUES ($1, $2, $3, $4)"
    await conn.execute(sql, number, form, by, at)


async def downloads(conn: Connection, number: int, limit: int) -> list[Download]:
    """The youngest first."""
    sql = """
        SELECT d.format, a.name AS by, d.at FROM export_download d JOIN account a ON a.id = d.account_id
         WHERE d.batch = $1 ORDER BY d.id DESC LIMIT $2"""
    return await fetch_all(conn, Download, sql, number, limit)


async def acknowledge(conn: Connection, number: int, by: int, at: datetime, reference: str) -> None:
    sql = "INSERT INTO export_acknowledgement (batch, recorded_by, at, reference) VALUES ($1, $2, $3, $4)"
    await conn.execute(sql, number, by, at, reference)
