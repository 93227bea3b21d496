"""What a line of responsibility may never be is refused by the schema, by name."""

from __future__ import annotations

import pytest

from base.db import Database
from tests.booking.availability.city import make_city
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
