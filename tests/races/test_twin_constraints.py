"""What tells twins apart, and how many are allowed: refused by the schema, by name, where it makes no sense."""

from __future__ import annotations

import pytest

from base.db import Database
from tests.booking.appointments.world import case_world
from tests.races.test_constraints import refused


@pytest.mark.parametrize(
    ("sql", "constraint"),
    [
        ("UPDATE person SET name_hmac = 'Anna'", "person_name_is_hmac"),
        ("UPDATE person SET mailbox_hmac = 'anna'", "person_mailbox_is_hmac"),
        ("UPDATE service SET most_per_person = 0", "service_most_per_person"),
        ("UPDATE service SET most_per_person = 21", "service_most_per_person"),
    ],
)
async def test_refused_by_name(db: Database, sql: str, constraint: str) -> None:
    async with case_world(db) as world:
        await world.create()
        async with db.connection() as conn:
            with refused(constraint):
                await conn.execute(sql)
