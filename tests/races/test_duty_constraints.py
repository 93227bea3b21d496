"""Assessing, ordering and cash are never one person's, and an auditor changes nothing: refused by the database, by name."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from base.clock import SettableClock
from base.db import Connection, Database
from base.identity.usecases import DutiesClash, Identity
from base.seal import Sealer
from tests.booking.availability.city import make_city
from tests.payment.making import NOW

MADE = {
    "sender": ["export.send", "finance.read"],
    "caller": ["queue.call"],
}
GIVE = "INSERT INTO account_role (account_id, role_id, office_id) SELECT $1, id, $3 FROM role WHERE name = $2"


@pytest.fixture
async def kim(db: Database) -> int:
    async with db.connection() as conn:
        for name, permissions in MADE.items():
            await conn.execute("INSERT INTO role (name, permissions) VALUES ($1, $2)", name, permissions)
        await make_city(conn, counters=1)
        sql = "INSERT INTO account (login, name, password_hash) VALUES ('kim', 'Kim', '$argon2id$') RETURNING id"
        return int(await conn.fetchval(sql))


async def outcome(conn: Connection, sql: str, *values: object) -> str | None:
    try:
        async with conn.transaction():
            await conn.execute(sql, *values)
    except asyncpg.PostgresError as error:
        return getattr(error, "constraint_name", None) or type(error).__name__
    return None


CLASHES = [
    ("finance", "treasury", "account_duties_disjoint"),
    ("assessor", "finance", "account_duties_disjoint"),
    ("assessor", "cashier", "account_duties_disjoint"),
    ("sender", "cashier", "account_duties_disjoint"),
    ("auditor", "treasury", "account_duties_disjoint"),
    ("auditor", "clerk", "account_duties_disjoint"),  # who asks for a further fee assesses it
    ("cashier", "clerk", "account_duties_disjoint"),
    ("auditor", "caller", "account_auditor_reads_only"),
    ("finance", "sender", None),
    ("treasury", "cashier", None),
    ("assessor", "clerk", None),
    ("treasury", "caller", None),
]


@pytest.mark.parametrize(("one", "other", "rule"), [*CLASHES, *((b, a, rule) for a, b, rule in CLASHES)])
async def test_who_has_one_duty_gets_no_other(db: Database, kim: int, one: str, other: str, rule: str | None) -> None:
    async with db.connection() as conn:
        assert await outcome(conn, GIVE, kim, one, None) is None
        assert await outcome(conn, GIVE, kim, other, 1) == rule  # for another office, too
        assert await outcome(conn, GIVE, kim, other, None) == rule


async def test_a_role_cannot_grow_into_another_duty_of_those_who_have_it(db: Database, kim: int) -> None:
    grow = "UPDATE role SET permissions = permissions || $2 WHERE name = $1"
    async with db.connection() as conn:
        await conn.execute(GIVE, kim, "finance", None)
        await conn.execute(GIVE, kim, "caller", None)
        assert await outcome(conn, grow, "caller", ["ledger.close"]) == "account_duties_disjoint"
        assert await outcome(conn, grow, "caller", ["person.read"]) is None
        assert await outcome(conn, grow, "allocation", ["fee.assess"]) is None  # nobody has it
        new = "INSERT INTO duty_permission VALUES ('queue.call', 'cash')"
        assert await outcome(conn, new) == "account_duties_disjoint"
        assert await outcome(conn, "DELETE FROM duty_permission") == "duty_permission_stays"
        assert await outcome(conn, "TRUNCATE duty_permission") == "duty_permission_stays"
        assert await outcome(conn, "UPDATE duty_permission SET duty = 'cooking'") == "duty_permission_duty"


async def test_two_duties_given_at_once_are_one(db: Database, kim: int) -> None:
    async def give(role: str) -> str | None:
        async with db.connection() as conn:
            return await outcome(conn, GIVE, kim, role, None)

    async with db.transaction() as conn:  # both are under way before either is through
        await conn.execute("SELECT FROM account WHERE id = $1 FOR UPDATE", kim)
        both = asyncio.gather(give("finance"), give("treasury"))
        async with asyncio.timeout(10):
            while await conn.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") < 2:
                pass
    assert sorted(await both, key=str) == [None, "account_duties_disjoint"]


async def test_whoever_gives_the_second_duty_is_told(db: Database, kim: int) -> None:
    identity = Identity(db, SettableClock(NOW), Sealer("0" * 64))
    await identity.give_role("kim", "finance")
    for role in ("treasury", "auditor"):
        with pytest.raises(DutiesClash):
            await identity.give_role("kim", role)
