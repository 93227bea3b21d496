"""SQL of accounts, roles, sessions and attempts to sign in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from base.db import Connection, fetch_all, find_one
from base.identity.model import Grant, Limit


@dataclass(frozen=True, slots=True)
class Account:
    id: int
    name: str
    password_hash: str = field(repr=False)
    is_active: bool
    is_invented: bool


@dataclass(frozen=True, slots=True)
class Session:
    account_id: int
    name: str
    seen_at: datetime


async def insert_account(conn: Connection, login: str, name: str, password_hash: str, is_invented: bool) -> int:
    found: int = await conn.fetchval(
        "INSERT INTO account (login, name, password_hash, is_invented) VALUES ($1, $2, $3, $4) RETURNING id",
        login,
        name,
        password_hash,
        is_invented,
    )
    return found


async def find_role(conn: Connection, name: str) -> int | None:
    return await find_one(conn, int, "SELECT id FROM role WHERE name = $1", name)


async def find_office(conn: Connection, key: str) -> int | None:
    """The scope of a role is typed by the office's key."""
    return await find_one(conn, int, "SELECT id FROM office WHERE key = $1", key)


async def grant_role(conn: Connection, account_id: int, role_id: int, office_id: int | None) -> None:
    await conn.execute(
        "INSERT INTO account_role (account_id, role_id, office_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        account_id,
        role_id,
        office_id,
    )


async def revoke_role(conn: Connection, account_id: int, role_id: int, office_id: int | None) -> bool:
    status = await conn.execute(
        "DELETE FROM account_role WHERE account_id = $1 AND role_id = $2 AND office_id IS NOT DISTINCT FROM $3",
        account_id,
        role_id,
        office_id,
    )
    return status != "DELETE 0"


async def names(conn: Connection, account_ids: Collection[int]) -> dict[int, str]:
    rows = await conn.fetch("SELECT id, name FROM account WHERE id = ANY ($1)", list(account_ids))
    return {row["id"]: row["name"] for row in rows}


async def find_account(conn: Connection, login: str) -> Account | None:
    return await find_one(
        conn, Account, "SELECT id, name, password_hash, is_active, is_invented FROM account WHERE login = $1", login
    )


async def password_of(conn: Connection, account_id: int) -> str:
    found: str = await conn.fetchval("SELECT password_hash FROM account WHERE id = $1", account_id)
    return found


async def set_password(conn: Connection, account_id: int, password_hash: str, *, checked: str | None = None) -> bool:
    """`checked` is the hash that must still be there."""
    status = await conn.execute(
        "UPDATE account SET password_hash = $2 WHERE id = $1 AND password_hash = coalesce($3, password_hash)",
        account_id,
        password_hash,
        checked,
    )
    return status != "UPDATE 0"


async def grants(conn: Connection, account_id: int) -> list[Grant]:
    return await fetch_all(
        conn,
        Grant,
        "SELECT unnest(r.permissions) AS permission, a.office_id FROM account_role a JOIN role r ON r.id = a.role_id "
        "WHERE a.account_id = $1",
        account_id,
    )


async def insert_session(
    conn: Connection, token_sha256: bytes, checked: Account, now: datetime, expires_at: datetime
) -> bool:
    """False where the account has another password by now, or was blocked.

    The lock waits for a change of the password that is under way, and makes the next one, which ends all sessions, wait for this.
    """
    inserted: bool | None = await conn.fetchval(
        """
        INSERT INTO session (token_sha256, account_id, created_at, seen_at, expires_at)
        SELECT $1, id, $4, $4, $5 FROM account WHERE id = $2 AND password_hash = $3 AND is_active FOR NO KEY UPDATE
        RETURNING true""",
        token_sha256,
        checked.id,
        checked.password_hash,
        now,
        expires_at,
    )
    return inserted is True


async def find_session(
    conn: Connection, token_sha256: bytes, now: datetime, idle_since: datetime, allows_invented: bool
) -> Session | None:
    """A living session; None when it has ended, idled, or its account was blocked."""
    return await find_one(
        conn,
        Session,
        "SELECT a.id AS account_id, a.name, s.seen_at FROM session s JOIN account a ON a.id = s.account_id "
        "WHERE s.token_sha256 = $1 AND s.expires_at > $2 AND s.seen_at > $3 AND a.is_active AND (NOT a.is_invented OR $4)",
        token_sha256,
        now,
        idle_since,
        allows_invented,
    )


async def touch_session(conn: Connection, token_sha256: bytes, now: datetime) -> None:
    await conn.execute("UPDATE session SET seen_at = greatest(seen_at, $2) WHERE token_sha256 = $1", token_sha256, now)


async def delete_session(conn: Connection, token_sha256: bytes) -> None:
    await conn.execute("DELETE FROM session WHERE token_sha256 = $1", token_sha256)


async def delete_sessions_of(conn: Connection, account_id: int) -> None:
    await conn.execute("DELETE FROM session WHERE account_id = $1", account_id)


async def take_attempt(conn: Connection, subject: bytes, now: datetime, limit: Limit) -> bool:
    """One more attempt, compared and set in one statement: many at once get no more than one after another."""
    taken: bool | None = await conn.fetchval(
        """
        INSERT INTO sign_in_attempt AS a (subject, paid_until) VALUES ($1, $2::timestamptz + $3::interval)
        ON CONFLICT (subject) DO UPDATE SET paid_until = greatest(a.paid_until, $2) + $3
          WHERE a.paid_until <= $2::timestamptz + $4::interval
        RETURNING true""",
        subject,
        now,
        limit.every,
        limit.every * (limit.burst - 1),
    )
    return taken is True


async def give_attempt_back(conn: Connection, subject: bytes, limit: Limit) -> None:
    await conn.execute(
        "UPDATE sign_in_attempt SET paid_until = paid_until - $2::interval WHERE subject = $1", subject, limit.every
    )


async def forget_attempts(conn: Connection, subject: bytes) -> None:
    await conn.execute("DELETE FROM sign_in_attempt WHERE subject = $1", subject)


async def delete_over(conn: Connection, now: datetime, idle_since: datetime) -> int:
    """Sessions that are over and attempts that slow nobody down any more; how many rows went."""
    over = await conn.execute("DELETE FROM session WHERE expires_at <= $1 OR seen_at <= $2", now, idle_since)
    paid = await conn.execute("DELETE FROM sign_in_attempt WHERE paid_until < $1", now)
    return int(over.split(" ")[1]) + int(paid.split(" ")[1])


async def roles(conn: Connection) -> dict[str, tuple[str, ...]]:
    rows = await conn.fetch("SELECT name, permissions FROM role ORDER BY name")
    return {row["name"]: tuple(row["permissions"]) for row in rows}
