"""Fifty people want the same time at the same moment: one gets it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from base.clock import SettableClock
from base.db import Database
from booking.holds.model import Hold
from booking.holds.refusals import SlotTaken
from tests.booking.availability.city import TUESDAY, at, make_city
from tests.booking.holds.world import hold_world

NINE = at(TUESDAY, 9)


async def test_fifty_parallel_holds_of_one_slot(db: Database) -> None:
    clock = SettableClock(at(TUESDAY, 7))
    async with db.connection() as conn:
        city = await make_city(conn, counters=1)
    async with hold_world(db, city, clock) as one, hold_world(db, city, clock) as two:
        results = await asyncio.gather(
            *(world.hold(NINE) for _ in range(25) for world in (one, two)), return_exceptions=True
        )
    holds = [result for result in results if isinstance(result, Hold)]
    taken = [result for result in results if isinstance(result, SlotTaken)]
    assert (len(holds), len(taken)) == (1, 49)
    for refusal in taken:
        assert len(refusal.alternatives) == 3
        assert {abs(slot.starts_at - NINE) for slot in refusal.alternatives} <= {
            timedelta(0),  # a process that has not heard of the hold yet may still name it
            timedelta(minutes=20),
            timedelta(minutes=40),
        }


async def test_the_same_request_fifty_times_at_once(db: Database) -> None:
    clock = SettableClock(at(TUESDAY, 7))
    async with db.connection() as conn:
        city = await make_city(conn, counters=3)
    async with hold_world(db, city, clock) as one, hold_world(db, city, clock) as two:
        holds = await asyncio.gather(
            *(world.hold(NINE, key="the same key, fifty times") for _ in range(25) for world in (one, two))
        )
        for world in (one, two):
            await world.poll()
            await world.poll()
            offer, (office,) = world.availability.get_offer(city.service_id, "onsite")
            assert len(world.availability.candidates(offer, office, NINE)) == 2
    assert len(set(holds)) == 1
    async with db.connection() as conn:
        assert await conn.fetchval("SELECT count(*) FROM claim WHERE kind = 0") == 1


async def test_everything_is_sold_once_by_processes_with_stale_memories(db: Database) -> None:
    clock = SettableClock(at(TUESDAY, 7))
    async with db.connection() as conn:
        city = await make_city(conn, counters=3)
    starts = [at(TUESDAY, 8) + timedelta(minutes=20 * n) for n in range(12)]
    async with hold_world(db, city, clock) as one, hold_world(db, city, clock) as two:
        results = await asyncio.gather(
            *(world.hold(start) for _ in range(3) for start in starts for world in (one, two)), return_exceptions=True
        )
    assert sum(isinstance(result, Hold) for result in results) == 36
    assert sum(isinstance(result, SlotTaken) for result in results) == 36
    async with db.connection() as conn:
        assert await conn.fetch("SELECT * FROM claim_audit") == []
