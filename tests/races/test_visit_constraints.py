"""What a visit of several parts can never be is refused by the database itself, by name; its parts have one fate, whoever decides it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from base.db import Connection, Database
from tests.booking.availability.city import TUESDAY, City, at, make_city, open_counter
from tests.races.test_constraints import refused

NINE = at(TUESDAY, 9)


@pytest.fixture
async def city(db: Database) -> City:
    """Passports: 20 minutes, up to three, 10 minutes for each further one."""
    async with db.connection() as conn:
        made = await make_city(conn, counters=2)
        await conn.execute("UPDATE service SET most = 3, further_min = 10")
        return made


@pytest.fixture
async def conn(db: Database, city: City) -> AsyncIterator[Connection]:
    async with db.connection() as conn:
        yield conn


async def visit(
    conn: Connection, city: City, *quantities: int, start: datetime = NINE, minutes: int = 40
) -> UUID | None:
    """Its parts one after the other, each at the next counter."""
    key, n = uuid4(), len(quantities)
    starts = [start + timedelta(minutes=minutes * place) for place in range(n)]
    made = await conn.fetchval(
        "SELECT hold_visit($1, $2, $3, $4, false, $5, $6, $7::smallint[], $8, $9, $10, $11::smallint[])",
        at(TUESDAY, 7),
        at(TUESDAY, 7, 15),
        key,
        city.office,
        [city.service_id] * n,
        [city.fee_id] * n,
        list(quantities),
        city.counters[:n],
        starts,
        [each + timedelta(minutes=minutes) for each in starts],
        [0] * n,
    )
    return key if made else None


async def statuses(conn: Connection) -> list[int]:
    return [row["status"] for row in await conn.fetch("SELECT status FROM claim WHERE kind = 0 ORDER BY id")]


async def test_no_more_than_a_service_allows_and_never_in_too_little_time(conn: Connection, city: City) -> None:
    with refused("claim_quantity_most"):
        await visit(conn, city, 4, minutes=60)
    with refused("claim_time_for_quantity"):
        await visit(conn, city, 3, minutes=35)
    with refused("claim_quantity"):
        await visit(conn, city, -1)
    with refused("claim_of_resource"):  # nothing of a service is what a room or an official is taken for
        await visit(conn, city, 0)
    assert await visit(conn, city, 3) is not None


async def test_an_offices_own_duration_counts(conn: Connection, city: City) -> None:
    await conn.execute(
        "INSERT INTO service_office (service_id, office_id, duration_min) VALUES ($1, $2, 30)",
        city.service_id,
        city.office,
    )
    with refused("claim_time_for_quantity"):
        await visit(conn, city, 3)
    assert await visit(conn, city, 3, minutes=50) is not None


async def test_all_parts_or_none(conn: Connection, city: City) -> None:
    assert await visit(conn, city, 1, 1, start=NINE) is not None
    assert await visit(conn, city, 1, 1, start=NINE - timedelta(minutes=30)) is None
    assert await visit(conn, city, 1, 1, start=at(TUESDAY, 11, 40)) is None  # its second part begins when it is closed
    assert await statuses(conn) == [1, 1]


async def test_the_first_part_is_taken_and_the_next_one_is_free(conn: Connection, city: City) -> None:
    """Taken, like the other way round, and no error."""
    assert await visit(conn, city, 1) is not None
    assert await visit(conn, city, 1, 1) is None
    assert await statuses(conn) == [1]


@pytest.mark.parametrize("change", ["quantity = 2", "parts = 3", "lead_id = NULL"])
async def test_what_it_is_for_stays(conn: Connection, city: City, change: str) -> None:
    await visit(conn, city, 1, 1)
    with refused("visit_stays"):
        await conn.execute(f"UPDATE claim SET {change} WHERE kind = 0")


async def test_no_part_is_missing_and_none_goes_alone(conn: Connection, city: City) -> None:
    row = "(office_id, counter_id, service_id, fee_id, starts_at, ends_at, hold_until, parts, lead_id)"
    values = "(1, 1, $1, $2, $3, $4, coalesce($5::timestamptz, 'infinity'), $6, $7)"
    some = (city.service_id, city.fee_id, NINE, NINE + timedelta(minutes=20))
    with refused("visit_is_whole"):
        await conn.execute(f"INSERT INTO claim {row} VALUES {values}", *some, NINE, 2, None)
    with refused("claim_leads_some"):
        await conn.execute(f"INSERT INTO claim {row} VALUES {values}", *some, NINE, 1, None)
    with refused("claim_leads_or_follows"):
        await conn.execute(f"INSERT INTO claim {row} VALUES {values}", *some, None, 2, 1)
    await visit(conn, city, 1, 1)
    lead = await conn.fetchval("SELECT id FROM claim WHERE parts = 2")
    later = (*some[:2], at(TUESDAY, 11), at(TUESDAY, 11, 20))
    with refused("claim_ends_with_its_lead"):
        await conn.execute(f"INSERT INTO claim {row} VALUES {values}", *later, NINE, None, lead)
    with refused("visit_is_whole"):
        await conn.execute("UPDATE claim SET status = 9, hold_until = NULL WHERE lead_id = $1", lead)
    with refused("claim_lead"):
        await conn.execute(f"INSERT INTO claim {row} VALUES {values}", *later, None, None, 99999)


async def test_the_first_decides_for_all_also_where_former_code_knows_of_it_only(conn: Connection, city: City) -> None:
    key = await visit(conn, city, 1, 1)
    await conn.execute("UPDATE claim SET status = 9, hold_until = NULL WHERE request_key = $1 AND status = 1", key)
    assert await statuses(conn) == [9, 9]
    key = await visit(conn, city, 2, 1)
    ran_out = await conn.execute(
        "UPDATE claim SET status = 8, hold_until = NULL WHERE hold_until <= $1 AND status = 1 AND appointment_id IS NULL",
        at(TUESDAY, 8),
    )
    assert ran_out == "UPDATE 1"
    assert await statuses(conn) == [9, 9, 8, 8]


class TestResources:
    """A passport needs a photographer from now on."""

    @pytest.fixture(autouse=True)
    async def needs(self, conn: Connection, city: City) -> None:
        await conn.execute("UPDATE service SET needs = '{photographer}'")

    async def photographer(self, conn: Connection, city: City, kind: str = "photographer") -> int:
        ident: int = await conn.fetchval(
            "INSERT INTO counter (office_id, key, channel, resource) VALUES ($1, $2, 'onsite', $2) RETURNING id",
            city.office,
            kind,
        )
        await open_counter(conn, ident, [TUESDAY], 8, 12)
        return ident

    async def take(self, conn: Connection, city: City, resource: int | None, start: datetime = NINE) -> UUID:
        key, n = uuid4(), 1 if resource is None else 2
        made = await conn.fetchval(
            "SELECT hold_visit($1, $2, $3, $4, false, $5, $6, $7::smallint[], $8, $9, $10, $11::smallint[])",
            at(TUESDAY, 7),
            at(TUESDAY, 7, 15),
            key,
            city.office,
            [city.service_id] * n,
            [city.fee_id] * n,
            [1, 0][:n],
            [city.counters[0], resource][:n],
            [start] * n,
            [start + timedelta(minutes=20)] * n,
            [0] * n,
        )
        assert made
        return key

    async def book(self, conn: Connection, city: City, key: UUID) -> None:
        async with conn.transaction():
            case = await conn.fetchval(
                """
                INSERT INTO appointment (number, office_id, service_id, channel, language, fee_cents, refund_policy_id, token_sha256,
                                         token_sealed, created_at)
                VALUES ('K7F-3QM', $1, $2, 'onsite', 'de', 0, 1, sha256('x'), '', now()) RETURNING id""",
                city.office,
                city.service_id,
            )
            await conn.execute("UPDATE claim SET appointment_id = $2 WHERE request_key = $1", key, case)

    async def test_a_case_has_what_its_service_needs(self, conn: Connection, city: City) -> None:
        bare = await self.take(conn, city, None)
        with refused("appointment_has_resources"):
            await self.book(conn, city, bare)
        await self.book(conn, city, await self.take(conn, city, await self.photographer(conn, city), at(TUESDAY, 10)))
        assert await statuses(conn) == [1, 1, 1]

    async def test_nobody_takes_what_their_service_does_not_need(self, conn: Connection, city: City) -> None:
        with refused("claim_of_resource"):
            await self.take(conn, city, await self.photographer(conn, city, "florist"))
        with refused("claim_of_resource"):
            await self.take(conn, city, city.counters[1])

    async def test_one_at_a_time(self, conn: Connection, city: City) -> None:
        one = await self.photographer(conn, city)
        await self.take(conn, city, one)
        with pytest.raises(AssertionError):
            await self.take(conn, city, one, NINE + timedelta(minutes=10))
        assert len(await statuses(conn)) == 2

    async def test_serves_nobody_by_itself(self, conn: Connection, city: City) -> None:
        one = await self.photographer(conn, city)
        with refused("counter_resource_serves_nobody"):
            await conn.execute("INSERT INTO counter_service VALUES ($1, $2)", one, city.service_id)
        with refused("counter_resource_serves_nobody"):
            await conn.execute("UPDATE counter SET resource = 'florist' WHERE id = $1", city.counters[0])
        with refused("counter_resource"):
            await conn.execute("UPDATE counter SET resource = 'Florist!' WHERE id = $1", one)


async def test_nobody_has_two_places_of_a_group_in_one_visit(conn: Connection) -> None:
    with refused("service_group_one_place"):
        await conn.execute("UPDATE service SET is_group = true")
    await conn.execute("UPDATE service SET is_group = true, most = 1")
