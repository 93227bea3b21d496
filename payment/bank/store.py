"""SQL of bank statements. One function, one statement."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from payment.bank.model import FoundPayment, Refusal, Statement, StoredFile, StoredStatement

_ENTRY = (
    *("statement_id", "position", "iban", "amount_cents", "is_reversal", "booked_on", "value_on", "acct_svcr_ref"),
    *("entry_ref", "msg_id", "pmt_inf_id", "info", "details"),
)
_DETAIL = (
    *("statement_id", "entry", "position", "amount_cents", "acct_svcr_ref", "end_to_end_id", "msg_id", "pmt_inf_id"),
    *("debtor_name", "debtor_iban", "creditor_name", "creditor_iban", "remittance", "creditor_reference"),
    "return_reason",
)


async def lock(conn: Connection) -> None:
    """One file at a time: what a statement continues is looked up before it is stored."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('bank_file', 0))")


async def find_file(conn: Connection, sha256: bytes) -> StoredFile | None:
    sql = "SELECT id, name, read_at, false AS is_new FROM bank_file WHERE sha256 = $1"
    return await find_one(conn, StoredFile, sql, sha256)


async def insert_file(conn: Connection, ident: UUID, name: str, raw: bytes, at: datetime, by: int | None) -> None:
    sql = "INSERT INTO bank_file (id, name, raw, read_at, read_by) VALUES ($1, $2, $3, $4, $5)"
    await conn.execute(sql, ident, name, raw, at, by)


async def find(conn: Connection, statement_id: int) -> StoredStatement | None:
    return await find_one(conn, StoredStatement, "SELECT * FROM bank_statement WHERE id = $1", statement_id)


async def find_numbered(conn: Connection, iban: str, year: int, sequence: int) -> StoredStatement | None:
    sql = "SELECT * FROM bank_statement WHERE iban = $1 AND year = $2 AND sequence = $3"
    return await find_one(conn, StoredStatement, sql, iban, year, sequence)


async def before(conn: Connection, iban: str, year: int, sequence: int) -> StoredStatement | None:
    sql = """
        SELECT * FROM bank_statement WHERE iban = $1 AND (year, sequence) < ($2, $3) ORDER BY year DESC, sequence DESC LIMIT 1"""
    return await find_one(conn, StoredStatement, sql, iban, year, sequence)


async def after(conn: Connection, iban: str, year: int, sequence: int) -> StoredStatement | None:
    sql = "SELECT * FROM bank_statement WHERE iban = $1 AND (year, sequence) > ($2, $3) ORDER BY year, sequence LIMIT 1"
    return await find_one(conn, StoredStatement, sql, iban, year, sequence)


async def known_references(conn: Connection, iban: str, references: Collection[str]) -> set[str]:
    sql = "SELECT acct_svcr_ref FROM bank_entry WHERE iban = $1 AND acct_svcr_ref <> '' AND acct_svcr_ref = ANY ($2)"
    return set(await fetch_all(conn, str, sql, iban, list(references)))


async def insert_statement(conn: Connection, file_id: UUID, one: Statement, follows: int | None) -> int:
    sql = """
        INSERT INTO bank_statement (file_id, iban, statement_id, year, sequence, from_on, to_on, opening_cents, closing_cents, entries,
                                    follows)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id"""
    values = (one.statement_id, one.year, one.sequence, one.from_on, one.to_on, one.opening_cents, one.closing_cents)
    return int(await conn.fetchval(sql, file_id, one.iban, *values, len(one.entries), follows))


async def set_follows(conn: Connection, statement_id: int, follows: int) -> None:
    await conn.execute("UPDATE bank_statement SET follows = $2 WHERE id = $1", statement_id, follows)


async def insert_entries(conn: Connection, statement_id: int, one: Statement) -> None:
    rows = [
        (
            *(statement_id, place, one.iban, entry.amount_cents, entry.is_reversal, entry.booked_on, entry.value_on),
            *(entry.acct_svcr_ref, entry.entry_ref, entry.msg_id, entry.pmt_inf_id, entry.info, len(entry.details)),
        )
        for place, entry in enumerate(one.entries, 1)
    ]
    await conn.copy_records_to_table("bank_entry", records=rows, columns=_ENTRY)


async def insert_details(conn: Connection, statement_id: int, one: Statement) -> None:
    rows = [
        (
            *(statement_id, place, number, part.amount_cents, part.acct_svcr_ref, part.end_to_end_id, part.msg_id),
            *(part.pmt_inf_id, part.debtor.name, part.debtor.iban, part.creditor.name, part.creditor.iban),
            *(part.remittance, part.creditor_reference, part.return_reason),
        )
        for place, entry in enumerate(one.entries, 1)
        for number, part in enumerate(entry.details, 1)
    ]
    await conn.copy_records_to_table("bank_detail", records=rows, columns=_DETAIL)


async def statements(conn: Connection) -> list[StoredStatement]:
    sql = "SELECT * FROM bank_statement ORDER BY iban, year, sequence"
    return await fetch_all(conn, StoredStatement, sql)


async def of_file(conn: Connection, file_id: UUID) -> list[StoredStatement]:
    sql = "SELECT * FROM bank_statement WHERE file_id = $1 ORDER BY iban, year, sequence"
    return await fetch_all(conn, StoredStatement, sql, file_id)


async def payments(
    conn: Connection, statement_id: int | None, text: str, cents: int | None, limit: int
) -> list[FoundPayment]:
    """Those with the text in a name, IBAN, reference or remittance, or of the amount; all where neither is given."""
    sql = """
        SELECT e.position AS entry, coalesce(d.position, 0) AS position, coalesce(d.amount_cents, e.amount_cents) AS amount_cents,
               e.is_reversal, e.booked_on, e.value_on, coalesce(nullif(d.acct_svcr_ref, ''), e.acct_svcr_ref) AS acct_svcr_ref,
               coalesce(d.end_to_end_id, '') AS end_to_end_id,
               coalesce(CASE WHEN e.amount_cents < 0 THEN d.creditor_name ELSE d.debtor_name END, '') AS name,
               coalesce(CASE WHEN e.amount_cents < 0 THEN d.creditor_iban ELSE d.debtor_iban END, '') AS iban,
               coalesce(nullif(concat_ws(' ', nullif(d.remittance, ''), nullif(d.creditor_reference, '')), ''), e.info) AS remittance,
               coalesce(d.return_reason, '') AS return_reason
          FROM bank_entry e LEFT JOIN bank_detail d ON d.statement_id = e.statement_id AND d.entry = e.position
         WHERE ($1::bigint IS NULL OR e.statement_id = $1)
           AND ($2 = '' AND $3::bigint IS NULL
                OR $2 <> '' AND strpos(lower(concat_ws(E'\\n', e.acct_svcr_ref, e.entry_ref, e.msg_id, e.pmt_inf_id, e.info,
                     d.acct_svcr_ref, d.end_to_end_id, d.msg_id, d.pmt_inf_id,
                     d.debtor_name, d.debtor_iban, d.creditor_name, d.creditor_iban, d.remittance,
                     d.creditor_reference)), lower($2)) > 0
                OR $3 IN (abs(e.amount_cents), abs(d.amount_cents)))
         ORDER BY e.statement_id, e.position, d.position LIMIT $4"""
    return await fetch_all(conn, FoundPayment, sql, statement_id, text, cents, limit)


async def insert_refusal(
    conn: Connection, sha256: bytes, name: str, at: datetime, code: str, fields: Mapping[str, object]
) -> None:
    """Once for the same bytes."""
    sql = """
        INSERT INTO bank_refusal (sha256, name, refused_at, code, fields) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (sha256) DO NOTHING"""
    await conn.execute(sql, sha256, name, at, code, dict(fields))


async def refusals(conn: Connection, limit: int) -> list[Refusal]:
    sql = "SELECT name, refused_at, code, fields FROM bank_refusal ORDER BY refused_at DESC, name LIMIT $1"
    return await fetch_all(conn, Refusal, sql, limit)
