"""A deadline at the till that may never be is refused by the schema, by name; and requests of one contact wait for each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from base.db import Connection, Database
from tests.booking.appointments.world import NINE, CaseWorld, case_world
from tests.races.test_constraints import refused

CONTACT = bytes(32)
HOLD = """
    WITH kept AS (UPDATE claim SET hold_until = starts_at - interval '2 hours' WHERE appointment_id = $1 RETURNING hold_until)
    INSERT INTO till_hold (appointment_id, asked_at, pay_by, because, verified, contact_hmac, remind_at)
    SELECT $1, now() - interval '1 year', hold_until, 'service', {verified}, {contact}, hold_until - interval '1 hour' FROM kept"""
BY_CODE = HOLD.format(verified="'email'", contact="$2")
BY_STAFF = HOLD.format(verified="'staff'", contact="NULL")


@pytest.fixture
async def world(db: Database) -> AsyncIterator[CaseWorld]:
    async with case_world(db) as opened:
        yield opened


@pytest.fixture
async def conn(world: CaseWorld, db: Database) -> AsyncIterator[Connection]:
    async with db.connection() as opened:
        yield opened


async def held(world: CaseWorld, n: int = 0) -> UUID:
    return (await world.create(NINE + timedelta(minutes=20 * n))).case.id


@pytest.mark.parametrize("values", ["24, NULL", "NULL, 24", "0, 24", "721, 24", "24, 0", "24, 721"])
async def test_what_a_service_may_allow(conn: Connection, values: str) -> None:
    await conn.execute("UPDATE service SET (pay_at_till_hours, pay_at_till_before_hours) = (72, 24)")
    with refused("service_pay_at_till"):
        await conn.execute(f"UPDATE service SET (pay_at_till_hours, pay_at_till_before_hours) = ({values})")


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("pay_by = pay_by + interval '1 minute'", "till_hold_stays"),
        ("remind_at = remind_at - interval '1 minute'", "till_hold_stays"),
        ("verified = 'mobile'", "till_hold_stays"),
        ("contact_hmac = sha256('x')", "till_hold_stays"),
        ("reminded_at = remind_at - interval '1 second'", "till_hold_reminded"),
    ],
)
async def test_a_deadline_is_given_once(world: CaseWorld, conn: Connection, change: str, constraint: str) -> None:
    await conn.execute(BY_CODE, await held(world), CONTACT)
    with refused(constraint):
        await conn.execute(f"UPDATE till_hold SET {change}")
    await conn.execute("UPDATE till_hold SET reminded_at = remind_at")
    with refused("till_hold_stays"):
        await conn.execute("UPDATE till_hold SET reminded_at = NULL")
    with pytest.raises(asyncpg.PostgresError):
        await conn.execute("DELETE FROM till_hold")


async def test_the_time_is_held_until_the_deadline_and_that_is_before_the_appointment(
    world: CaseWorld, conn: Connection
) -> None:
    case = await held(world)
    for later, until in (("2 hours", "1 hour"), ("-2 hours", "-2 hours")):
        wrong = BY_CODE.replace("interval '2 hours'", f"interval '{later}'").replace(
            "$1, now() - interval '1 year', hold_until,",
            f"$1, now() - interval '1 year', hold_until + interval '{until}' - interval '{later}',",
        )
        with refused("till_hold_holds"):
            await conn.execute(wrong.replace("hold_until - interval '1 hour' FROM", "NULL FROM"), case, CONTACT)


async def test_only_what_is_held_and_only_who_is_known(world: CaseWorld, conn: Connection) -> None:
    case = await held(world)
    with refused("till_hold_of_contact"):
        await conn.execute(BY_CODE, case, None)
    with refused("till_hold_staff_knows"):
        await conn.execute(HOLD.format(verified="'staff'", contact="$2"), case, CONTACT)
    with refused("till_hold_verified"):
        await conn.execute(HOLD.format(verified="'nobody'", contact="$2"), case, CONTACT)
    await world.paid(case)
    with refused("till_hold_of_held"):
        await conn.execute(
            "INSERT INTO till_hold VALUES ($1, now(), now() + interval '1 day', 'service', 'staff')", case
        )


async def test_name_and_contact_stay_while_it_waits(world: CaseWorld, conn: Connection) -> None:
    case = await held(world)
    await conn.execute("UPDATE person SET name_hmac = sha256('before')")
    await conn.execute(BY_STAFF, case)
    for column in ("name_hmac", "email_hmac", "mobile_hmac"):
        with refused("person_waits_for_till"):
            await conn.execute(f"UPDATE person SET {column} = sha256('after')")
    await conn.execute("UPDATE person SET needs = NULL")


async def test_who_is_erased_leaves_no_hmac(world: CaseWorld, conn: Connection) -> None:
    case = await held(world)
    await conn.execute(BY_CODE, case, CONTACT)
    sql = "INSERT INTO till_code VALUES (gen_random_uuid(), $1, 'email', sha256('a'), sha256('b'), now())"
    await conn.execute(sql, case)
    await conn.execute("DELETE FROM person")
    assert await conn.fetchval("SELECT count(*) FROM till_code") == 0
    assert await conn.fetchval("SELECT contact_hmac FROM till_hold") is None


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ("'letter', sha256('a'), sha256('b'), now(), 0", "till_code_way"),
        ("'email', 'kim@example.org', sha256('b'), now(), 0", "till_code_contact_is_hmac"),
        ("'email', sha256('a'), '123456', now(), 0", "till_code_is_hmac"),
        ("'email', sha256('a'), sha256('b'), now(), 6", "till_code_tries"),
    ],
)
async def test_codes(world: CaseWorld, conn: Connection, values: str, constraint: str) -> None:
    case = await held(world)
    with refused(constraint):
        await conn.execute(f"INSERT INTO till_code VALUES (gen_random_uuid(), $1, {values})", case)


async def test_of_one_contact_two_at_most_however_many_ask_at_once(world: CaseWorld, db: Database) -> None:
    cases = [await held(world, n) for n in range(5)]

    async def ask(case: UUID) -> str:
        try:
            async with db.transaction() as conn:
                await conn.execute(BY_CODE, case, CONTACT)
        except asyncpg.CheckViolationError as error:
            return str(getattr(error, "constraint_name", ""))
        return "held"

    said = await asyncio.gather(*(ask(case) for case in cases))
    assert sorted(said) == ["held", "held", *["till_hold_few_of_contact"] * 3]


async def test_what_lapses_without_a_session_shows_nothing(conn: Connection) -> None:
    sql = """
        INSERT INTO payment (id, reference, provider, amount_cents, currency, description, language, return_url, status, pay_url,
                             attempt_at, created_at)
        VALUES ($1, $1, 'stripe', 1300, 'EUR', 'x', 'de', 'x', 'lapsed', $2, now(), now())"""
    with refused("payment_lapsed_shows_nothing"):
        await conn.execute(sql, uuid4(), "http://pay.example")
    await conn.execute(sql, uuid4(), None)
