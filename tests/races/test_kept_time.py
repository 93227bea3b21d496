"""Shares and staged release in the schema: kept time is closed time by kind, which only staff can take, and only exactly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from base.db import Connection, Database, violates
from tests.booking.availability.city import TUESDAY, City, at, make_city
from tests.races.test_constraints import refused
from tests.races.test_hours import insert_hold

NINE = at(TUESDAY, 9)
Part = tuple[int, int]  # from and until, hours


@pytest.fixture
async def city(db: Database) -> City:
    async with db.connection() as conn:
        return await make_city(conn, counters=1)


@pytest.fixture
async def conn(db: Database, city: City) -> AsyncIterator[Connection]:
    async with db.connection() as conn:
        yield conn


async def set_hours(
    conn: Connection,
    city: City,
    opened: Sequence[Part] = (),
    staff: Sequence[Part] = (),
    walk_in: Sequence[Part] = (),
    unreleased: Sequence[Part] = (),
) -> int:
    """The whole of that Tuesday."""

    def ranges(parts: Sequence[Part]) -> str:
        return "{" + ",".join(f"[{at(TUESDAY, a).isoformat()},{at(TUESDAY, b).isoformat()})" for a, b in parts) + "}"

    changed: int = await conn.fetchval(
        """SELECT set_hours($1, tstzrange($2, $3), $4::text::tstzmultirange, $5::text::tstzmultirange,
                            $6::text::tstzmultirange, $7::text::tstzmultirange)""",
        city.counters[0],
        at(TUESDAY, 0),
        at(TUESDAY, 0) + timedelta(days=1),
        *(ranges(parts) for parts in (opened, staff, walk_in, unreleased)),
    )
    return changed


async def blocks(conn: Connection, kinds: str = "kind > 0") -> list[tuple[int, str, str]]:
    rows = await conn.fetch(
        f"""SELECT kind, to_char(starts_at AT TIME ZONE 'Europe/Berlin', 'HH24:MI') AS s,
                   to_char(ends_at AT TIME ZONE 'Europe/Berlin', 'HH24:MI') AS e
              FROM claim WHERE status < 8 AND {kinds} AND isfinite(starts_at) AND isfinite(ends_at) ORDER BY starts_at"""
    )
    return [tuple(row) for row in rows]


async def staff_hold(conn: Connection, city: City, start: datetime, minutes: int = 20) -> int | None:
    made: int | None = await conn.fetchval(
        "SELECT hold_kept($1, $2, $3, $4, $5, $6, $7, $8, 0::smallint, $9)",
        at(TUESDAY, 7),
        at(TUESDAY, 7, 15),
        uuid4(),
        city.service_id,
        city.fee_id,
        city.counters[0],
        start,
        start + timedelta(minutes=minutes),
        city.office,
    )
    return made


async def audit(conn: Connection) -> list[Any]:
    return list(await conn.fetch("SELECT * FROM claim_audit"))


async def test_the_public_cannot_take_what_is_kept(conn: Connection, city: City) -> None:
    await set_hours(conn, city, opened=[(8, 9)], staff=[(9, 10)], walk_in=[(10, 11)], unreleased=[(11, 12)])
    assert await blocks(conn) == [(6, "09:00", "10:00"), (7, "10:00", "11:00"), (5, "11:00", "12:00")]
    assert await insert_hold(conn, city, at(TUESDAY, 8))
    for hour in (9, 10, 11, 12):
        assert not await insert_hold(conn, city, at(TUESDAY, hour))
    sql = """INSERT INTO claim (office_id, counter_id, service_id, fee_id, starts_at, ends_at, hold_until)
             VALUES ($1, $2, $3, $4, $5, $6, $5)"""
    with refused("claim_no_overlap"):
        await conn.execute(
            sql, city.office, city.counters[0], city.service_id, city.fee_id, NINE, NINE + timedelta(minutes=5)
        )


async def test_again_changes_nothing_and_neighbours_of_one_kind_are_one(conn: Connection, city: City) -> None:
    parts: dict[str, Any] = {"opened": [(8, 9)], "staff": [(9, 10), (10, 11)], "walk_in": [(11, 12)]}
    assert await set_hours(conn, city, **parts) > 0
    assert await blocks(conn) == [(6, "09:00", "11:00"), (7, "11:00", "12:00")]
    assert await set_hours(conn, city, **parts) == 0
    await set_hours(conn, city, opened=[(8, 12)])
    assert await blocks(conn) == []


async def test_kept_time_gives_way_to_appointments_but_closed_time_does_not(conn: Connection, city: City) -> None:
    assert await insert_hold(conn, city, NINE)
    await set_hours(conn, city, opened=[(8, 9)], staff=[(9, 12)])
    assert await blocks(conn) == [(6, "09:20", "12:00")]
    with refused("claim_no_overlap"):
        await set_hours(conn, city, opened=[(8, 9)], staff=[(10, 12)])
    assert await audit(conn) == []


async def test_parts_that_overlap_are_refused(conn: Connection, city: City) -> None:
    with refused("set_hours_parts_apart"):
        await set_hours(conn, city, opened=[(8, 10)], staff=[(9, 11)])


async def test_set_open_of_former_code_closes_as_it_did(conn: Connection, city: City) -> None:
    """And leaves what is kept beside its window kept."""
    await set_hours(conn, city, opened=[(8, 9)], staff=[(9, 12)])
    await conn.execute(
        "SELECT set_open($1, tstzrange($2, $3), '{}', 3::smallint)", city.counters[0], at(TUESDAY, 10), at(TUESDAY, 11)
    )
    assert await blocks(conn) == [(6, "09:00", "10:00"), (3, "10:00", "11:00"), (6, "11:00", "12:00")]


class TestStaff:
    async def test_take_exactly_their_time_out_of_it(self, conn: Connection, city: City) -> None:
        await set_hours(conn, city, opened=[(8, 9)], staff=[(9, 10)], unreleased=[(10, 11)], walk_in=[(11, 12)])
        assert await staff_hold(conn, city, at(TUESDAY, 9, 20))
        assert await blocks(conn, "(kind > 0 OR kept = 6)") == [
            (6, "09:00", "09:20"),
            (0, "09:20", "09:40"),
            (6, "09:40", "10:00"),
            (5, "10:00", "11:00"),
            (7, "11:00", "12:00"),
        ]
        assert await staff_hold(conn, city, at(TUESDAY, 10, 30))
        assert await staff_hold(conn, city, at(TUESDAY, 8))  # what everybody may have, they may have too
        assert await audit(conn) == []

    async def test_neither_walk_ins_nor_closed_nor_taken_time(self, conn: Connection, city: City) -> None:
        await set_hours(conn, city, opened=[(8, 9)], staff=[(9, 10)], walk_in=[(11, 12)])
        assert await staff_hold(conn, city, NINE)
        before = await blocks(conn)
        for start in (at(TUESDAY, 11), at(TUESDAY, 10, 10), at(TUESDAY, 9, 50), NINE, at(TUESDAY, 9, 10)):
            assert await staff_hold(conn, city, start) is None
        assert await blocks(conn) == before  # and nothing was lifted for it

    async def test_a_counter_born_before_is_closed_for_staff_too(self, conn: Connection, city: City) -> None:
        """Its block of kind 5 has no end, and is nobody's share."""
        await conn.execute("SET schalter.hours = 'on'")
        await conn.execute("UPDATE claim SET kind = 5 WHERE kind > 0 AND NOT isfinite(starts_at)")
        assert await staff_hold(conn, city, at(TUESDAY, 7, 20)) is None
        await conn.execute("RESET schalter.hours")

    @pytest.mark.parametrize("status", [8, 9])
    async def test_what_was_not_used_is_kept_again_in_the_same_commit(
        self, conn: Connection, city: City, status: int
    ) -> None:
        await set_hours(conn, city, staff=[(9, 10)])
        claim = await staff_hold(conn, city, at(TUESDAY, 9, 20))
        await conn.execute("UPDATE claim SET status = $2, hold_until = NULL WHERE id = $1", claim, status)
        assert await blocks(conn) == [(6, "09:00", "09:20"), (6, "09:20", "09:40"), (6, "09:40", "10:00")]
        assert not await insert_hold(conn, city, at(TUESDAY, 9, 20))
        assert await conn.fetchval("SELECT count(*) FROM hours_due WHERE due_at <= now()") == 1
        await set_hours(conn, city, staff=[(9, 10)])
        assert await blocks(conn) == [(6, "09:00", "10:00")]

    async def test_two_of_them_and_the_public_want_one_time(self, db: Database, city: City) -> None:
        async with db.connection() as conn:
            await set_hours(conn, city, opened=[(8, 9)], staff=[(9, 12)])

        async def one(start: datetime, is_staff: bool) -> bool:
            async with db.connection() as own:
                return bool(await (staff_hold if is_staff else insert_hold)(own, city, start))

        for hour in (9, 10, 11):
            start = at(TUESDAY, hour)
            done = await asyncio.gather(one(start, True), one(start, False), one(start, True), one(start, True))
            assert sum(done) == 1
            assert not done[1]
        async with db.connection() as conn:
            assert await audit(conn) == []

    async def test_a_hold_and_a_change_of_shares_meet(self, db: Database, city: City) -> None:
        """Whoever commits first is right: the share gives way to the hold, or the hold finds the door closed."""
        async with db.connection() as one, db.connection() as two:
            holding = one.transaction()
            await holding.start()
            assert await insert_hold(one, city, NINE)
            keeping = asyncio.create_task(set_hours(two, city, staff=[(8, 12)]))
            await asyncio.sleep(0.2)
            assert not keeping.done()
            await holding.commit()
            with pytest.raises(asyncpg.ExclusionViolationError) as caught:
                await keeping  # its look at the appointments was older: the caller tries again
            assert violates(caught.value, "claim_no_overlap")
            await set_hours(two, city, staff=[(8, 12)])
            assert await blocks(one) == [(6, "08:00", "09:00"), (6, "09:20", "12:00")]


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("kind = 8, status = 5", "claim_kind"),
        ("kept = 7", "claim_kept"),
        ("kept = 1", "claim_kept"),
        ("buffer_min = -5", "claim_time_beyond_buffer"),
        ("buffer_min = 20", "claim_time_beyond_buffer"),
    ],
)
async def test_a_claim_is_whole(conn: Connection, city: City, change: str, constraint: str) -> None:
    assert await insert_hold(conn, city, NINE)
    await conn.execute("SET schalter.hours = 'on'")
    with refused(constraint):
        await conn.execute(f"UPDATE claim SET {change} WHERE kind = 0")
    await conn.execute("RESET schalter.hours")


async def test_only_an_office_of_the_pool_sells_a_counters_time(conn: Connection, city: City) -> None:
    await conn.execute("INSERT INTO counter_office VALUES ($1, $2)", city.counters[0], city.office)
    assert await insert_hold(conn, city, NINE)
    await conn.execute("UPDATE claim SET sold_by = $1 WHERE kind = 0", city.office)
    await conn.execute("DELETE FROM counter_office")
    with refused("claim_sold_by_a_pool"):
        await conn.execute("UPDATE claim SET sold_by = $1 WHERE kind = 0", city.office)


async def test_kept_time_has_an_end(conn: Connection, city: City) -> None:
    await conn.execute("SET schalter.hours = 'on'")
    with refused("claim_kept_is_finite"):
        await conn.execute("UPDATE claim SET kind = 6 WHERE kind > 0 AND NOT isfinite(starts_at)")
    await conn.execute("RESET schalter.hours")
