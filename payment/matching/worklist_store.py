"""SQL of the worklist. One function, one statement."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from payment.matching.model import Cause, Choice, Proposal
from payment.matching.worklist_model import Filter, Listed, Note, Request, State

_LISTED = """
    SELECT d.id, d.cause, d.subject, d.day, d.here_cents, d.there_cents, d.payment_id, coalesce(p.kassenzeichen, '') AS kassenzeichen,
           d.proposal, d.lines, d.choices, d.due_on, d.state, d.owner, coalesce(a.name, '') AS owner_name, d.opened_at, d.ended_at,
           EXISTS (SELECT FROM difference_request r WHERE r.difference_id = d.id AND r.decided_at IS NULL) AS asked
      FROM difference d LEFT JOIN payment p ON p.id = d.payment_id LEFT JOIN account a ON a.id = d.owner"""
_REQUEST = """
    SELECT r.id, r.difference_id, r.proposal, r.here_cents, r.there_cents, r.note, r.requested_by, q.name AS requester, r.requested_at,
           r.decided_by, coalesce(w.name, '') AS decider, r.decided_at, r.approved, r.choice
      FROM difference_request r JOIN account q ON q.id = r.requested_by LEFT JOIN account w ON w.id = r.decided_by"""


async def listed(conn: Connection, wanted: Filter, today: date, limit: int) -> list[Listed]:
    """The oldest first; what has a deadline before the others."""
    sql = f"""{_LISTED}
         WHERE d.state = $1 AND ($2::text IS NULL OR d.cause = $2) AND ($3::int IS NULL OR d.owner = $3) AND (NOT $4 OR d.owner IS NULL)
           AND d.day <= $5::date - $6::int AND ($8::date IS NULL OR d.day = $8)
         ORDER BY d.due_on NULLS LAST, d.day, d.id LIMIT $7"""
    cause = None if wanted.cause is None else wanted.cause.value
    values = (wanted.state.value, cause, wanted.owner, wanted.unowned, today, wanted.older_than_days, limit, wanted.day)
    return await fetch_all(conn, Listed, sql, *values)


async def find(conn: Connection, difference_id: int) -> Listed | None:
    return await find_one(conn, Listed, f"{_LISTED} WHERE d.id = $1", difference_id)


async def lock(conn: Connection, difference_id: int) -> None:
    await conn.execute("SELECT FROM difference WHERE id = $1 FOR NO KEY UPDATE", difference_id)


async def open_by_cause(conn: Connection) -> dict[Cause, int]:
    rows = await conn.fetch("SELECT cause, count(*) FROM difference WHERE state = 'open' GROUP BY 1")
    return {Cause(row[0]): row[1] for row in rows}


async def owners(conn: Connection) -> dict[int, str]:
    sql = "SELECT DISTINCT a.id, a.name FROM difference d JOIN account a ON a.id = d.owner WHERE d.state = 'open' ORDER BY 2"
    return {row["id"]: row["name"] for row in await conn.fetch(sql)}


async def set_owner(conn: Connection, difference_id: int, owner: int | None) -> None:
    await conn.execute("UPDATE difference SET owner = $2 WHERE id = $1", difference_id, owner)


async def end(conn: Connection, difference_id: int, state: State, at: datetime) -> None:
    await conn.execute("UPDATE difference SET state = $2, ended_at = $3 WHERE id = $1", difference_id, state.value, at)


async def note(conn: Connection, difference_id: int, at: datetime, by: int, what: str, text: str = "") -> None:
    sql = "INSERT INTO difference_note (difference_id, at, by, what, text) VALUES ($1, $2, $3, $4, $5)"
    await conn.execute(sql, difference_id, at, by, what, text)


async def notes(conn: Connection, difference_id: int) -> list[Note]:
    sql = """
        SELECT n.at, coalesce(a.name, '') AS by, n.what, n.text FROM difference_note n LEFT JOIN account a ON a.id = n.by
         WHERE n.difference_id = $1 ORDER BY n.id"""
    return await fetch_all(conn, Note, sql, difference_id)


async def requests(conn: Connection, difference_id: int) -> list[Request]:
    return await fetch_all(
        conn, Request, f"{_REQUEST} WHERE r.difference_id = $1 ORDER BY r.requested_at, r.id", difference_id
    )


async def find_request(conn: Connection, request_id: UUID) -> Request | None:
    return await find_one(conn, Request, f"{_REQUEST} WHERE r.id = $1", request_id)


async def insert_request(
    conn: Connection,
    ident: UUID,
    of: Listed,
    proposal: Proposal,
    choice: Choice | None,
    text: str,
    by: int,
    at: datetime,
) -> None:
    sql = """
        INSERT INTO difference_request (id, difference_id, proposal, here_cents, there_cents, note, requested_by, requested_at, choice)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""
    chosen = None if choice is None else asdict(choice)
    await conn.execute(sql, ident, of.id, proposal.value, of.here_cents, of.there_cents, text, by, at, chosen)


async def decide(
    conn: Connection, ident: UUID, by: int, at: datetime, *, approved: bool, journal_id: int | None = None
) -> None:
    sql = "UPDATE difference_request SET decided_by = $2, decided_at = $3, approved = $4, journal_id = $5 WHERE id = $1"
    await conn.execute(sql, ident, by, at, approved, journal_id)


async def put_lines(conn: Connection, of: Listed, request: UUID, journal_id: int, at: datetime) -> None:
    """The lines of the bank that the proposal names become what it says."""
    payout = of.subject.removeprefix("payout:") if of.subject.startswith("payout:") else None
    sql = """
        INSERT INTO bank_match (statement_id, entry, position, provider, payout_id, request_id, journal_id, at)
        SELECT l.s, l.e, l.p, n.provider, n.id, $5, $6, $7 FROM unnest($1::bigint[], $2::int[], $3::int[]) l (s, e, p)
          LEFT JOIN provider_payout_now n ON n.id = $4"""
    places = [[place[n] for place in of.lines] for n in range(3)]
    await conn.execute(sql, *places, payout, request, journal_id, at)


async def lines(conn: Connection, of: Listed) -> list[tuple[date, int, str]]:
    sql = """
        SELECT e.booked_on, coalesce(d.amount_cents, e.amount_cents) AS cents,
               concat_ws(', ', nullif(CASE WHEN e.amount_cents < 0 THEN d.creditor_name ELSE d.debtor_name END, ''),
                         nullif(d.remittance, ''), nullif(d.end_to_end_id, ''), nullif(e.info, '')) AS text
          FROM unnest($1::bigint[], $2::int[], $3::int[]) WITH ORDINALITY l (s, e, p, n)
          JOIN bank_entry e ON e.statement_id = l.s AND e.position = l.e
          LEFT JOIN bank_detail d ON d.statement_id = l.s AND d.entry = l.e AND d.position = l.p ORDER BY l.n"""
    places = [[place[n] for place in of.lines] for n in range(3)]
    return [(row["booked_on"], row["cents"], row["text"]) for row in await conn.fetch(sql, *places)]
