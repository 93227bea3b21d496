"""Links to lists of cases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from booking.overview.model import Reach


@dataclass(frozen=True, slots=True)
class Asked:
    id: UUID
    channel: Reach
    language: str
    contact_hmac: bytes
    contact: bytes


@dataclass(frozen=True, slots=True)
class LinkRow:
    id: UUID
    contact_hmac: bytes
    token_sha256: bytes | None
    good_until: datetime | None
    session_sha256: bytes | None
    open_until: datetime | None


async def insert_link(
    conn: Connection,
    ident: UUID,
    channel: Reach,
    language: str,
    contact_hmac: bytes,
    contact: bytes | None,
    now: datetime,
) -> None:
    """Without a contact it is answered already, with nothing."""
    await conn.execute(
        """
        INSERT INTO overview_link (id, channel, language, contact_hmac, contact, asked_at, answered_at)
        VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $5::bytea IS NULL THEN $6::timestamptz END) ON CONFLICT (id) DO NOTHING""",
        ident,
        channel.value,
        language,
        contact_hmac,
        contact,
        now,
    )


async def is_asked(conn: Connection, ident: UUID) -> bool:
    found: bool = await conn.fetchval("SELECT EXISTS (SELECT FROM overview_link WHERE id = $1)", ident)
    return found


async def asked(conn: Connection, limit: int) -> list[UUID]:
    """Not answered yet, those that wait longest first."""
    sql = "SELECT id FROM overview_link WHERE answered_at IS NULL ORDER BY asked_at LIMIT $1"
    return await fetch_all(conn, UUID, sql, limit)


async def lock_asked(conn: Connection, ident: UUID) -> Asked | None:
    """None: answered, or somebody else is about to."""
    return await find_one(
        conn,
        Asked,
        """
        SELECT id, channel, language, contact_hmac, contact FROM overview_link
         WHERE id = $1 AND answered_at IS NULL FOR UPDATE SKIP LOCKED""",
        ident,
    )


async def answer(
    conn: Connection, ident: UUID, now: datetime, token_sha256: bytes | None, good_until: datetime | None
) -> None:
    await conn.execute(
        """
        UPDATE overview_link SET answered_at = $2, contact = NULL, token_sha256 = $3, good_until = $4 WHERE id = $1""",
        ident,
        now,
        token_sha256,
        good_until,
    )


async def find_link(conn: Connection, ident: UUID) -> LinkRow | None:
    return await find_one(
        conn,
        LinkRow,
        """
        SELECT id, contact_hmac, token_sha256, good_until, session_sha256, open_until FROM overview_link WHERE id = $1""",
        ident,
    )


async def find_by_token(conn: Connection, token_sha256: bytes) -> UUID | None:
    return await find_one(conn, UUID, "SELECT id FROM overview_link WHERE token_sha256 = $1", token_sha256)


async def use(conn: Connection, ident: UUID, now: datetime, session_sha256: bytes, open_until: datetime) -> bool:
    """False: used before, or over."""
    done: str = await conn.execute(
        """
        UPDATE overview_link SET used_at = $2, session_sha256 = $3, open_until = $4
         WHERE id = $1 AND used_at IS NULL AND good_until > $2""",
        ident,
        now,
        session_sha256,
        open_until,
    )
    return done == "UPDATE 1"


async def delete_over(conn: Connection, before: datetime) -> list[UUID]:
    return await fetch_all(conn, UUID, "DELETE FROM overview_link WHERE asked_at < $1 RETURNING id", before)
