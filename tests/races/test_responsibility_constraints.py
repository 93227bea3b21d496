"""What a line of responsibility, and what was said of whom a time is for, may never be is refused by the schema, by name."""

from __future__ import annotations

from uuid import uuid4

import pytest

from base.db import Database
from tests.booking.appointments.world import case_world
from tests.booking.availability.city import TUESDAY, at, make_city
from tests.races.test_constraints import refused

INSERT = "INSERT INTO responsibility (service_id, counter_id, first, last) VALUES ($1, $2, 'a', 'k')"


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("first = 'A'", "responsibility_letters"),
        ("first = ''", "responsibility_letters"),
        ("first = 'm'", "responsibility_letters"),
        ("postcodes = '{7}'", "responsibility_postcodes"),
        ("postcodes = '{70173,NULL}'", "responsibility_postcodes"),
        ("kind = 'one'", "responsibility_kind"),
        ("first = '', last = ''", "responsibility_says_something"),
        ("service_id = 4711", "responsibility_of_a_counter_that_serves"),
    ],
)
async def test_refused_by_name(db: Database, change: str, constraint: str) -> None:
    async with db.connection() as conn:
        city = await make_city(conn, counters=1)
        await conn.execute(INSERT, city.service_id, city.counters[0])
        with refused(constraint):
            await conn.execute(f"UPDATE responsibility SET {change}")


async def test_for_whom_a_time_is_held_is_said_once_and_of_one_case(db: Database) -> None:
    """And it goes with the person."""
    async with case_world(db) as world:
        one, other = [(await world.create(at(TUESDAY, hour))).case.id for hour in (9, 10)]
    async with db.connection() as conn:
        holds = {
            row["appointment_id"]: row["request_key"]
            for row in await conn.fetch("SELECT appointment_id, request_key FROM claim WHERE kind = 0")
        }
        put = "INSERT INTO hold_who (hold_id, appointment_id, sealed) VALUES ($1, $2, $3)"
        with refused("hold_who_of_hold"):
            await conn.execute(put, uuid4(), None, b"1")
        with refused("hold_who_filled"):
            await conn.execute(put, holds[one], one, b"")
        with refused("hold_who_of_person"):
            await conn.execute(put, holds[one], uuid4(), b"1")
        await conn.execute(put, holds[one], one, b"1")
        with refused("hold_who_once"):
            await conn.execute(put, holds[other], one, b"1")
        await conn.execute(put, holds[other], None, b"1")
        for change in (f"appointment_id = '{other}'", "sealed = '2'"):
            with refused("hold_who_fixed"):
                await conn.execute(f"UPDATE hold_who SET {change} WHERE hold_id = $1", holds[one])
        await conn.execute("UPDATE hold_who SET appointment_id = $1 WHERE hold_id = $2", other, holds[other])
        await conn.execute("DELETE FROM person")
        assert await conn.fetchval("SELECT count(*) FROM hold_who") == 0
