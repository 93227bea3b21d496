"""What is to be said to whoever asked, and by whom it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one

_MOST_CALLS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class WordRow:
    id: int
    request_id: UUID
    run_id: UUID | None  # None: the service is no longer given out by need
    said_at: datetime | None


async def after_run(conn: Connection, run_id: UUID, public_ids: Sequence[str], now: datetime) -> None:
    """Of those in its list: who got nothing and was told of no run before, and whom staff have to tell of an appointment."""
    await conn.execute(
        """
        INSERT INTO allocation_word (request_id, run_id, due_at)
        SELECT r.id, $1, $3 FROM allocation_request r
         WHERE r.public_id = ANY ($2)
           AND (r.status = 'placed' AND r.run_id = $1 AND r.is_called
                OR r.status = 'confirmed' AND NOT EXISTS (SELECT FROM allocation_word w WHERE w.request_id = r.id))
        ON CONFLICT ON CONSTRAINT allocation_word_once DO NOTHING""",
        run_id,
        list(public_ids),
        now,
    )


async def at_end(conn: Connection, request_id: UUID, now: datetime) -> None:
    await conn.execute(
        """
        INSERT INTO allocation_word (request_id, run_id, due_at) VALUES ($1, NULL, $2)
        ON CONFLICT ON CONSTRAINT allocation_word_once DO NOTHING""",
        request_id,
        now,
    )


async def mails(conn: Connection, limit: int) -> list[int]:
    """Due by mail, the longest waiting first."""
    return await fetch_all(
        conn,
        int,
        """
        SELECT w.id FROM allocation_word w JOIN allocation_request r ON r.id = w.request_id
         WHERE w.said_at IS NULL AND NOT r.is_called ORDER BY w.due_at, w.id LIMIT $1""",
        limit,
    )


async def lock_mail(conn: Connection, ident: int) -> WordRow | None:
    """None: said, or another worker is about to."""
    return await find_one(
        conn,
        WordRow,
        """
        SELECT id, request_id, run_id, said_at FROM allocation_word WHERE id = $1 AND said_at IS NULL
           FOR NO KEY UPDATE SKIP LOCKED""",
        ident,
    )


async def calls(conn: Connection) -> list[WordRow]:
    """Due by staff, as long as the person is known; the longest waiting first."""
    return await fetch_all(
        conn,
        WordRow,
        """
        SELECT w.id, w.request_id, w.run_id, w.said_at FROM allocation_word w JOIN allocation_request r ON r.id = w.request_id
          JOIN allocation_person p ON p.request_id = r.id
         WHERE w.said_at IS NULL AND r.is_called ORDER BY w.due_at, w.id LIMIT $1""",
        _MOST_CALLS,
    )


async def find_word(conn: Connection, ident: int) -> WordRow | None:
    sql = """
        SELECT w.id, w.request_id, w.run_id, w.said_at FROM allocation_word w JOIN allocation_request r ON r.id = w.request_id
         WHERE w.id = $1 AND r.is_called"""
    return await find_one(conn, WordRow, sql, ident)


async def said(conn: Connection, ident: int, now: datetime, by: int | None) -> None:
    sql = "UPDATE allocation_word SET said_at = $2, said_by = $3 WHERE id = $1 AND said_at IS NULL"
    await conn.execute(sql, ident, now, by)
