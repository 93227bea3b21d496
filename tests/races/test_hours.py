"""Holds and changes of hours meet: whoever commits first is right, in both orders, and under a storm."""

from __future__ import annotations

import asyncio
import os
import random
import time
from datetime import datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from base.clock import SettableClock
from base.db import Connection, Database, violates
from base.errors import DomainError
from booking.holds.model import Hold
from tests.booking.availability.city import TUESDAY, City, at, make_city, open_counter
from tests.booking.holds.world import HoldWorld, hold_world
from tests.locks import waits_for

NINE = at(TUESDAY, 9)
STORM_S = 60.0 if os.environ.get("SCALE") == "full" else 3.0


async def insert_hold(conn: Connection, city: City, start: datetime) -> bool:
    made = await conn.fetch(
        "SELECT * FROM hold_set($1, $2, $3, $4, $5, $6, $7, $8)",
        at(TUESDAY, 7),
        at(TUESDAY, 7, 15),
        [uuid4()],
        [city.service_id],
        [city.fee_id],
        [city.counters[0]],
        [start],
        [start + timedelta(minutes=20)],
    )
    return bool(made)


@pytest.mark.parametrize("first_commits", [True, False])
async def test_a_hold_and_then_the_closure(db: Database, first_commits: bool) -> None:
    async with db.connection() as one, db.connection() as two:
        city = await make_city(one, counters=1)
        holding = one.transaction()
        await holding.start()
        assert await insert_hold(one, city, NINE)
        closing = asyncio.create_task(open_counter(two, city.counters[0], [TUESDAY], 10, 12))
        assert await waits_for(one, closing)
        if first_commits:
            await holding.commit()
            with pytest.raises(asyncpg.ExclusionViolationError) as caught:
                await closing
            assert violates(caught.value, "claim_no_overlap")
        else:
            await holding.rollback()
            await closing
            assert not await insert_hold(one, city, NINE)
        assert await _audit(one) == []


@pytest.mark.parametrize("first_commits", [True, False])
async def test_a_closure_and_then_the_hold(db: Database, first_commits: bool) -> None:
    async with db.connection() as one, db.connection() as two:
        city = await make_city(one, counters=1)
        changing = one.transaction()
        await changing.start()
        await open_counter(one, city.counters[0], [TUESDAY], 10, 12)
        holding = asyncio.create_task(insert_hold(two, city, NINE))
        assert await waits_for(one, holding)
        await (changing.commit() if first_commits else changing.rollback())
        assert await holding is not first_commits
        assert await _audit(one) == []


async def test_opening_longer_does_not_make_a_hold_wait(db: Database) -> None:
    async with db.connection() as one, db.connection() as two:
        city = await make_city(one, counters=1)
        changing = one.transaction()
        await changing.start()
        await open_counter(one, city.counters[0], [TUESDAY], 8, 13)
        assert await asyncio.wait_for(insert_hold(two, city, NINE), 5)
        await changing.commit()


class TestClosingOverAppointments:
    """The contract of close_leaving() and affected(), in SQL: the next issue calls them."""

    async def test_what_stands_in_the_way(self, db: Database) -> None:
        async with db.connection() as conn:
            city = await make_city(conn, counters=2)
            for start in (NINE, at(TUESDAY, 11)):
                assert await insert_hold(conn, city, start)
            sql = "SELECT o_counter, o_start, o_end, o_status FROM affected($1, tstzrange($2, $3))"
            found = [tuple(row) for row in await conn.fetch(sql, city.counters, at(TUESDAY, 9, 10), at(TUESDAY, 11))]
            assert found == [(city.counters[0], NINE, at(TUESDAY, 9, 20), 1)]
            assert await conn.fetch(sql, city.counters[1:], at(TUESDAY, 8), at(TUESDAY, 12)) == []

    async def test_they_stay_in_the_override_lane_and_nobody_new_comes(self, db: Database) -> None:
        async with db.connection() as conn:
            city, user = await make_city(conn, counters=2), await _account(conn)
            assert await insert_hold(conn, city, NINE)
            closed = await _close(conn, city, user)
            assert closed["o_left"] == 1
            override = await conn.fetchrow(
                "SELECT kind, reason, by_user FROM override WHERE id = $1", closed["o_override"]
            )
            assert override is not None
            assert tuple(override) == (3, "Wasserschaden", user)
            left = await conn.fetchrow(
                "SELECT status, override_id, occupied, extra IS NULL AS no_extra FROM claim WHERE kind = 0"
            )
            assert left is not None
            assert tuple(left) == (1, closed["o_override"], None, False)
            assert not await insert_hold(conn, city, NINE)
            assert not await insert_hold(conn, city, at(TUESDAY, 10))
            sql = "SELECT count(*) FROM affected($1, tstzrange($2, $3))"
            assert await conn.fetchval(sql, city.counters, at(TUESDAY, 8), at(TUESDAY, 12)) == 1
            assert await _audit(conn) == []
            with pytest.raises(asyncpg.ExclusionViolationError) as caught:  # two in one lane of one override
                await conn.execute(
                    """INSERT INTO claim (office_id, counter_id, service_id, starts_at, ends_at, hold_until, override_id)
                       SELECT office_id, counter_id, service_id, starts_at, ends_at, hold_until, override_id
                         FROM claim WHERE kind = 0"""
                )
            assert violates(caught.value, "claim_no_overlap_extra")

    async def test_without_a_reason_nothing_is_closed(self, db: Database) -> None:
        async with db.connection() as conn:
            city, user = await make_city(conn, counters=1), await _account(conn)
            with pytest.raises(asyncpg.CheckViolationError) as caught:
                await _close(conn, city, user, " ")
            assert violates(caught.value, "override_reason")
            assert await insert_hold(conn, city, NINE)

    @pytest.mark.parametrize("first_commits", [True, False])
    async def test_a_hold_that_is_under_way_is_left_inside_too(self, db: Database, first_commits: bool) -> None:
        """Closed now means now: a hold that commits while the closure waits is counted among those left, or never was."""
        async with db.connection() as one, db.connection() as two:
            city, user = await make_city(one, counters=1), await _account(one)
            holding = one.transaction()
            await holding.start()
            assert await insert_hold(one, city, NINE)
            closing = asyncio.create_task(_close(two, city, user))
            assert await waits_for(one, closing)
            if first_commits:
                await holding.commit()
                with pytest.raises(asyncpg.ExclusionViolationError) as caught:
                    await closing  # its snapshot is older than the hold: the caller tries again
                assert violates(caught.value, "claim_no_overlap")
                assert (await _close(two, city, user))["o_left"] == 1
            else:
                await holding.rollback()
                assert (await closing)["o_left"] == 0
            assert not await insert_hold(one, city, at(TUESDAY, 10))
            assert await _audit(one) == []


async def _account(conn: Connection) -> int:
    ident: int = await conn.fetchval(
        "INSERT INTO account (login, name, password_hash) VALUES ('alex', 'A', '$argon2id$x') RETURNING id"
    )
    return ident


async def _close(conn: Connection, city: City, user: int, reason: str = "Wasserschaden") -> asyncpg.Record:
    row = await conn.fetchrow(
        "SELECT * FROM close_leaving($1, tstzrange($2, $3), $4, $5)",
        city.counters,
        at(TUESDAY, 8),
        at(TUESDAY, 12),
        reason,
        user,
    )
    assert row is not None
    return row


async def test_a_storm_of_holds_releases_and_changing_hours(db: Database) -> None:
    """Whatever happens: no two at one time, nobody behind a closed door, and the mirrors know the truth in the end."""
    clock = SettableClock(at(TUESDAY, 7))
    async with db.connection() as conn:
        city = await make_city(conn, counters=4)
    until = time.monotonic() + STORM_S
    done = {"held": 0, "refused": 0, "released": 0, "changed": 0, "change refused": 0}

    async def citizens(world: HoldWorld, seed: int) -> None:
        chance = random.Random(seed)
        own: list[Hold] = []
        while time.monotonic() < until:
            if own and chance.random() < 0.45:
                await world.holds.release(own.pop(chance.randrange(len(own))).id)
                done["released"] += 1
            else:
                start = at(TUESDAY, 8) + timedelta(minutes=20 * chance.randrange(14))  # the last two are never open
                try:
                    own.append(await world.hold(start))
                    done["held"] += 1
                except DomainError:
                    done["refused"] += 1
            await asyncio.sleep(chance.random() * 0.005)

    async def planner(seed: int) -> None:
        chance = random.Random(seed)
        while time.monotonic() < until:
            try:
                async with db.transaction() as conn:
                    opens = chance.randrange(8, 11)
                    await open_counter(
                        conn, chance.choice(city.counters), [TUESDAY], opens, chance.randrange(opens + 1, 13)
                    )
                done["changed"] += 1
            except (asyncpg.ExclusionViolationError, asyncpg.DeadlockDetectedError):
                done["change refused"] += 1
            await asyncio.sleep(0.01)

    async def feed(world: HoldWorld) -> None:
        while time.monotonic() < until:
            await world.poll()
            await asyncio.sleep(0.02)

    async with hold_world(db, city, clock) as one, hold_world(db, city, clock) as two:
        await asyncio.gather(
            *(citizens(world, seed) for seed in range(6) for world in (one, two)),
            *(planner(seed) for seed in range(2)),
            feed(one),
            feed(two),
        )
        async with db.connection() as conn:
            assert await _audit(conn) == []
            fresh = HoldWorld(db, city, clock)
            await fresh.mirror.start(conn)
        for world in (one, two):
            await world.poll()
            await world.poll()
            for counter in city.counters:
                book = world.mirror.book
                assert book.free(counter, book.base, book.cells) == fresh.mirror.book.free(
                    counter, book.base, book.cells
                )
    assert min(done.values()) > 0, done


async def _audit(conn: Connection) -> list[asyncpg.Record]:
    return await conn.fetch("SELECT * FROM claim_audit")
