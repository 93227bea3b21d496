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

NINE = at(TUESDAY, 9)
STORM_S = 60.0 if os.environ.get("SCALE") == "full" else 3.0


async def insert_hold(conn: Connection, city: City, start: datetime) -> bool:
    made = await conn.fetch(
        "SELECT * FROM hold_set($1, $2, $3, $4, $5, $6, $7)",
        at(TUESDAY, 7),
        at(TUESDAY, 7, 15),
        [uuid4()],
        [city.service_id],
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
        assert await _waits(closing)
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
        assert await _waits(holding)
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


async def _waits(task: asyncio.Task[object]) -> bool:
    await asyncio.sleep(0.2)
    return not task.done()


async def _audit(conn: Connection) -> list[asyncpg.Record]:
    return await conn.fetch("SELECT * FROM claim_audit")
