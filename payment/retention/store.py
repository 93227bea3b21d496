"""SQL of retention. One function, one statement. What goes is named here, kind by kind; that it may go is decided by the schema."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from base.db import Connection, fetch_all
from payment.retention.model import Run, Term

_TYPED = "by IS NOT NULL AND text NOT IN ('', '[erased]')"
# Kind -> how many rows are over their term, and the statements by which they go, in this order. $1: the first day that stays.
COUNT: Mapping[str, str] = {
    "books": "SELECT count(*) FROM journal j JOIN ledger_day d ON d.day = j.business_day WHERE j.business_day < $1",
    "export_file": "SELECT count(*) FROM export_file f JOIN export_batch b ON b.number = f.batch WHERE b.day < $1",
    "bank_statement": "SELECT count(*) FROM bank_detail d JOIN bank_statement s ON s.id = d.statement_id WHERE s.to_on < $1",
    "bank_refusal": "SELECT count(*) FROM bank_refusal WHERE city_day(refused_at) < $1",
    "provider_message": "SELECT count(*) FROM vendor_event WHERE city_day(received_at) < $1",
    "finance_note": f"""
        SELECT (SELECT count(*) FROM difference_note WHERE {_TYPED} AND city_day(at) < $1)
             + (SELECT count(*) FROM difference_request WHERE note <> '[erased]' AND city_day(requested_at) < $1)
             + (SELECT count(*) FROM reversal WHERE reason <> '[erased]' AND city_day(requested_at) < $1)
             + (SELECT count(*) FROM transfer_waiver WHERE reason <> '[erased]' AND city_day(requested_at) < $1)""",  # noqa: S608
}
GONE: Mapping[str, tuple[str, ...]] = {
    "export_file": (
        "DELETE FROM export_download d USING export_batch b WHERE b.number = d.batch AND b.day < $1",
        "DELETE FROM export_file f USING export_batch b WHERE b.number = f.batch AND b.day < $1",
    ),
    "bank_statement": (
        """DELETE FROM bank_file f WHERE EXISTS (SELECT FROM bank_statement s WHERE s.file_id = f.id)
              AND NOT EXISTS (SELECT FROM bank_statement s WHERE s.file_id = f.id AND s.to_on >= $1)""",
        "DELETE FROM bank_detail d USING bank_statement s WHERE s.id = d.statement_id AND s.to_on < $1",
    ),
    "bank_refusal": ("DELETE FROM bank_refusal WHERE city_day(refused_at) < $1",),
    "provider_message": ("DELETE FROM vendor_event WHERE city_day(received_at) < $1",),
    "finance_note": (
        f"UPDATE difference_note SET text = '[erased]' WHERE {_TYPED} AND city_day(at) < $1",  # noqa: S608
        "UPDATE difference_request SET note = '[erased]' WHERE note <> '[erased]' AND city_day(requested_at) < $1",
        "UPDATE reversal SET reason = '[erased]' WHERE reason <> '[erased]' AND city_day(requested_at) < $1",
        "UPDATE transfer_waiver SET reason = '[erased]' WHERE reason <> '[erased]' AND city_day(requested_at) < $1",
        "UPDATE transfer_waiver SET evidence = '[erased]' WHERE evidence <> '[erased]' AND city_day(requested_at) < $1",
    ),
}
_READ = """
    SELECT t.id, t.kind, t.months, t.from_year_end, t.legal_basis, t.reason, a.name AS setter, t.set_at,
           retention_until(t.kind, city_day($1)) AS until
      FROM retention_term t LEFT JOIN account a ON a.id = t.set_by"""
_IN_FORCE = """
     WHERE t.id = (SELECT max(id) FROM retention_term o WHERE o.kind = t.kind)
     ORDER BY t.from_year_end DESC, t.months DESC, t.kind"""


async def terms(conn: Connection, now: datetime) -> list[Term]:
    """Those in force, the longest first."""
    return await fetch_all(conn, Term, _READ + _IN_FORCE, now)


async def history(conn: Connection, now: datetime) -> list[Term]:
    """Those that somebody set, the youngest first."""
    return await fetch_all(conn, Term, f"{_READ} WHERE t.set_by IS NOT NULL ORDER BY t.id DESC", now)


async def runs(conn: Connection, limit: int) -> list[Run]:
    """The youngest first."""
    sql = "SELECT kind, until_day, rows, is_counted, at FROM retention_run ORDER BY id DESC LIMIT $1"
    return await fetch_all(conn, Run, sql, limit)


async def insert_term(
    conn: Connection, kind: str, months: int, legal_basis: str, reason: str | None, by: int, at: datetime
) -> None:
    sql = """
        INSERT INTO retention_term (kind, months, from_year_end, legal_basis, reason, set_by, set_at)
        VALUES ($1, $2, false, $3, $4, $5, $6)"""
    await conn.execute(sql, kind, months, legal_basis, reason, by, at)


async def has_run(conn: Connection, kind: str, until: date) -> bool:
    sql = "SELECT EXISTS (SELECT FROM retention_run WHERE kind = $1 AND until_day >= $2)"
    return bool(await conn.fetchval(sql, kind, until))


async def count(conn: Connection, kind: str, until: date) -> int:
    return int(await conn.fetchval(COUNT[kind], until))


async def insert_run(conn: Connection, run: Run) -> None:
    sql = "INSERT INTO retention_run (kind, until_day, rows, is_counted, at) VALUES ($1, $2, $3, $4, $5)"
    await conn.execute(sql, run.kind, run.until_day, run.rows, run.is_counted, run.at)


async def delete(conn: Connection, kind: str, until: date) -> None:
    for sql in GONE[kind]:
        await conn.execute(sql, until)


async def beginning_of(conn: Connection, day: date) -> datetime:
    """Midnight where the city is."""
    sql = "SELECT $1::date::timestamp AT TIME ZONE coalesce((SELECT time_zone FROM city), 'Europe/Berlin')"
    moment: datetime = await conn.fetchval(sql, day)
    return moment
