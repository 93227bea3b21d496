"""What a guarded service, its passes and allowances may never be is refused by the schema, by name, whoever writes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest

from base.db import Connection, Database
from tests.booking.availability.city import TUESDAY, City, at, make_city
from tests.races.test_constraints import refused

SET = "UPDATE allowance SET"


@pytest.fixture
async def city(db: Database) -> City:
    async with db.connection() as conn:
        return await make_city(conn, counters=1)


@pytest.fixture
async def conn(db: Database, city: City) -> AsyncIterator[Connection]:
    async with db.connection() as conn:
        await conn.execute(
            "INSERT INTO account (id, login, name, password_hash) OVERRIDING SYSTEM VALUE VALUES (1, 'ada', 'Ada', '$argon2id$x')"
        )
        await conn.execute(
            "INSERT INTO guard (service_id, per_network, set_by, set_at) VALUES ($1, 30, 1, now())", city.service_id
        )
        await conn.execute(
            """
            INSERT INTO allowance (service_id, token_sha256, name, reason, quota, expires_at, made_by, made_at)
            VALUES ($1, sha256('t'), 'Verein', 'Hilfe', 2, now() + interval '1 day', 1, now())""",
            city.service_id,
        )
        await conn.execute(
            "INSERT INTO guard_pass (id, service_id, way, good_until) VALUES (gen_random_uuid(), $1, 'proof', 'infinity')",
            city.service_id,
        )
        await conn.execute(
            "INSERT INTO guard_code VALUES (gen_random_uuid(), $1, sha256('c'), 'infinity')", city.service_id
        )
        await conn.execute("INSERT INTO guard_tally VALUES ($1, sha256('n'), now(), 3, 3)", city.service_id)
        yield conn


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("UPDATE guard SET per_network = 0", "guard_per_network"),
        ("UPDATE guard SET per_contact = 0", "guard_per_contact"),
        (f"{SET} token_sha256 = 't'", "allowance_token_is_sha256"),
        (f"{SET} name = ' '", "allowance_named"),
        (f"{SET} reason = ''", "allowance_has_reason"),
        (f"{SET} quota = 0", "allowance_quota"),
        (f"{SET} used = 3", "allowance_within_quota"),
        (f"{SET} expires_at = made_at", "allowance_ends"),
        (f"{SET} expires_at = made_at + interval '2 years'", "allowance_ends"),
        (f"{SET} ended_at = now()", "allowance_ended_by_somebody"),
        ("UPDATE guard_code SET code_sha256 = '123456'", "guard_code_is_sha256"),
        ("UPDATE guard_code SET tries = 6", "guard_code_tries"),
        ("UPDATE guard_pass SET way = 'smile'", "guard_pass_way"),
        ("UPDATE guard_pass SET way = 'allowance'", "guard_pass_of_allowance"),
        ("UPDATE guard_tally SET holds = holds + 1", "guard_tally_within_limit"),
        ("UPDATE guard_tally SET network = '192.0.2.7'", "guard_tally_is_hmac"),
    ],
)
async def test_refused_by_name(conn: Connection, change: str, constraint: str) -> None:
    with refused(constraint):
        await conn.execute(change)


async def test_a_pass_is_used_once_and_no_hold_has_two(conn: Connection, city: City) -> None:
    await conn.execute("UPDATE guard_pass SET hold_id = $1", hold := uuid4())
    with refused("guard_pass_used_once"):
        await conn.execute("UPDATE guard_pass SET hold_id = $1", uuid4())
    with refused("guard_pass_for_one_hold"):
        await conn.execute(
            "INSERT INTO guard_pass (id, service_id, way, good_until, hold_id) VALUES ($1, $2, 'proof', 'infinity', $3)",
            uuid4(),
            city.service_id,
            hold,
        )
    with refused("allowance_token_once"):
        await conn.execute(
            """
            INSERT INTO allowance (service_id, token_sha256, name, reason, quota, expires_at, made_by, made_at)
            SELECT service_id, token_sha256, name, reason, quota, expires_at, made_by, made_at FROM allowance"""
        )


async def test_a_process_that_knows_no_passes_holds_nothing_guarded(conn: Connection, city: City) -> None:
    """The former version calls the functions of the schema as ever: it gets no row, as if the time were taken."""
    now, start = at(TUESDAY, 7), at(TUESDAY, 9)
    fee = await conn.fetchval("SELECT id FROM fee WHERE service_id = $1", city.service_id)
    one = (city.service_id, fee, city.counters[0], start, start + timedelta(minutes=20), 0)
    many = [[value] for value in one]
    held = await conn.fetch(
        "SELECT * FROM hold_set($1, $2, $3::uuid[], $4, $5, $6, $7, $8, $9::smallint[], $10)",
        *(now, now + timedelta(minutes=15), [uuid4()], *many, [city.office]),
    )
    service, fee_of, counter, first, last, buffer = many
    is_held = await conn.fetchval(
        "SELECT hold_visit($1, $2, $3, $4, false, $5, $6, '{1}'::smallint[], $7, $8, $9, $10::smallint[])",
        *(now, now + timedelta(minutes=15), uuid4(), city.office, service, fee_of, counter, first, last, buffer),
    )
    assert (held, is_held) == ([], False)
    assert await conn.fetchval("SELECT count(*) FROM claim WHERE kind = 0") == 0
