"""SQL of accounts, roles and sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from base.db import Connection, fetch_all, find_one
from base.identity.model import Grant


@dataclass(frozen=True, slots=True)
class Account:
    id: int
    name: str
    password_hash: str
    is_active: bool


async def insert_account(conn: Connection, login: str, name: str, password_hash: str) -> int:
    found: int = await conn.fetchval(
        "INSERT INTO account (login, name, password_hash) VALUES ($1, $2, $3) RETURNING id", login, name, password_hash
    )
    return found


async def upsert_role(conn: Connection, name: str, permissions: list[str]) -> int:
    found: int = await conn.fetchval(
        "INSERT INTO role (name, permissions) VALUES ($1, $2) "
        "ON CONFLICT ON CONSTRAINT role_name_once DO UPDATE SET permissions = EXCLUDED.permissions RETURNING id",
        name,
        permissions,
    )
    return found


async def grant_role(conn: Connection, account_id: int, role_id: int, office_id: int | None) -> None:
    await conn.execute(
        "INSERT INTO account_role (account_id, role_id, office_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        account_id,
        role_id,
        office_id,
    )


async def find_account(conn: Connection, login: str) -> Account | None:
    return await find_one(
        conn, Account, "SELECT id, name, password_hash, is_active FROM account WHERE login = $1", login
    )


async def grants(conn: Connection, account_id: int) -> list[Grant]:
    return await fetch_all(
        conn,
        Grant,
        "SELECT unnest(r.permissions) AS permission, a.office_id FROM account_role a JOIN role r ON r.id = a.role_id "
        "WHERE a.account_id = $1",
        account_id,
    )


async def insert_session(
    conn: Connection, token_sha256: bytes, account_id: int, now: datetime, expires_at: datetime
) -> None:
    await conn.execute(
        "INSERT INTO session (token_sha256, account_id, created_at, seen_at, expires_at) VALUES ($1, $2, $3, $3, $4)",
        token_sha256,
        account_id,
        now,
        expires_at,
    )


async def touch_session(
    conn: Connection, token_sha256: bytes, now: datetime, idle_since: datetime
) -> tuple[int, str] | None:
    """Mark a living session as seen; the account, or None when it has ended, idled or was blocked."""
    row = await conn.fetchrow(
        "UPDATE session s SET seen_at = $2 FROM account a WHERE s.token_sha256 = $1 AND a.id = s.account_id AND a.is_active "
        "AND s.expires_at > $2 AND s.seen_at > $3 RETURNING a.id, a.name",
        token_sha256,
        now,
        idle_since,
    )
    return None if row is None else (row["id"], row["name"])


async def delete_session(conn: Connection, token_sha256: bytes) -> None:
    await conn.execute("DELETE FROM session WHERE token_sha256 = $1", token_sha256)


async def delete_sessions_of(conn: Connection, account_id: int) -> None:
    await conn.execute("DELETE FROM session WHERE account_id = $1", account_id)
