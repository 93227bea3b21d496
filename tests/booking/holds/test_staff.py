"""Staff take what is kept for them; overbooking has a reason and somebody who answers for it; a buffer is nobody's to see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from base.clock import SettableClock
from base.db import Database
from booking.availability.model import Audience
from booking.availability.offering import NotOffered
from booking.holds.model import Hold, Override
from booking.holds.refusals import NoOverrideNeeded, SlotTaken, StartNotOffered, TooFarAhead
from tests.booking.availability.city import TUESDAY, at, make_city
from tests.booking.holds.world import HoldWorld, hold_world
from tests.races.test_constraints import refused
from tests.races.test_kept_time import set_hours

NINE = at(TUESDAY, 9)


@pytest.fixture
async def world(db: Database) -> AsyncIterator[HoldWorld]:
    """One counter, open from eight to twelve; nine to eleven is kept for staff, the last hour for walk-ins."""
    clock = SettableClock(at(TUESDAY, 7))
    async with db.connection() as conn:
        city = await make_city(conn, counters=1)
        await set_hours(conn, city, opened=[(8, 9)], staff=[(9, 10)], unreleased=[(10, 11)], walk_in=[(11, 12)])
        await conn.execute("INSERT INTO account (login, name, password_hash) VALUES ('alex', 'A', '$argon2id$x')")
    async with hold_world(db, city, clock) as made:
        yield made


async def staff_hold(world: HoldWorld, start: datetime, key: str | None = None) -> Hold:
    city = world.city
    return await world.holds.hold(
        city.service_id, "onsite", city.office, start, key or uuid4().hex, audience=Audience.STAFF
    )


async def audit(world: HoldWorld) -> int:
    async with world.db.connection() as conn:
        found: int = await conn.fetchval("SELECT count(*) FROM claim_audit")
    return found


class TestTheirShare:
    async def test_is_taken_by_nobody_else(self, world: HoldWorld) -> None:
        for hour in (9, 10, 11):
            with pytest.raises(SlotTaken):
                await world.hold(at(TUESDAY, hour))
        hold = await staff_hold(world, NINE)
        assert (hold.starts_at, hold.ends_at) == (NINE, NINE + timedelta(minutes=20))
        for hour in (10, 8):
            await staff_hold(world, at(TUESDAY, hour))
        with pytest.raises(SlotTaken):
            await staff_hold(world, at(TUESDAY, 11))
        assert await audit(world) == 0

    async def test_the_same_request_gets_the_same_hold(self, world: HoldWorld) -> None:
        first = await staff_hold(world, NINE, "0123456789abcdef")
        assert await staff_hold(world, NINE, "0123456789abcdef") == first
        async with hold_world(world.db, world.city, world.clock) as other:
            assert await staff_hold(other, NINE, "0123456789abcdef") == first

    async def test_two_processes_and_the_public(self, world: HoldWorld) -> None:
        async with hold_world(world.db, world.city, world.clock) as other:
            asked = [staff_hold(world, NINE), staff_hold(other, NINE), world.hold(NINE), other.hold(NINE)]
            done = await asyncio.gather(*asked, return_exceptions=True)
            assert [isinstance(one, Hold) for one in done].count(True) == 1
            assert isinstance(done[2], SlotTaken)
            assert isinstance(done[3], SlotTaken)
        assert await audit(world) == 0

    async def test_given_back_it_is_kept_again_at_once(self, world: HoldWorld) -> None:
        hold = await staff_hold(world, NINE)
        await world.holds.release(hold.id)
        await world.poll()
        with pytest.raises(SlotTaken):
            await world.hold(NINE)
        await staff_hold(world, NINE)

    async def test_what_begins_in_this_moment_is_not_offered_since_nobody_can_hold_it(self, world: HoldWorld) -> None:
        world.clock.set(NINE)
        with pytest.raises(StartNotOffered):
            await staff_hold(world, NINE)
        assert (await staff_hold(world, NINE + timedelta(minutes=20))).starts_at == NINE + timedelta(minutes=20)

    async def test_the_refusal_offers_what_staff_may_have(self, world: HoldWorld) -> None:
        with pytest.raises(SlotTaken) as caught:
            await staff_hold(world, at(TUESDAY, 11))
        assert at(TUESDAY, 10, 40) in [slot.starts_at for slot in caught.value.alternatives]


class TestBuffer:
    async def test_it_is_taken_and_not_shown(self, db: Database) -> None:
        clock = SettableClock(at(TUESDAY, 7))
        async with db.connection() as conn:
            city = replace(await make_city(conn, counters=1), rule={"buffer_min": 10})
        async with hold_world(db, city, clock) as world:
            hold = await world.hold(NINE)
            assert hold.ends_at == NINE + timedelta(minutes=20)
            assert (await world.holds.find(hold.id)).ends_at == NINE + timedelta(minutes=20)
            with pytest.raises(SlotTaken):
                await world.hold(NINE + timedelta(minutes=20))
            await world.hold(NINE + timedelta(minutes=40))
            async with db.connection() as conn:
                rows = await conn.fetch("SELECT buffer_min, ends_at - starts_at AS long FROM claim WHERE kind = 0")
            assert {tuple(row) for row in rows} == {(10, timedelta(minutes=30))}

    async def test_the_lead_is_checked_again(self, db: Database) -> None:
        clock = SettableClock(at(TUESDAY, 7))
        async with db.connection() as conn:
            city = replace(await make_city(conn, counters=1), rule={"lead_min": 180, "horizon_days": 1})
        async with hold_world(db, city, clock) as world:
            with pytest.raises(StartNotOffered):
                await world.hold(NINE)
            await world.hold(at(TUESDAY, 10))


class TestOverride:
    def asked(self, world: HoldWorld, start: datetime, reason: str = "Notfall") -> Override:
        return Override(
            service_id=world.city.service_id,
            channel="onsite",
            office_id=world.city.office,
            counter_id=world.city.counters[0],
            starts_at=start,
            reason=reason,
            by=1,
        )

    async def kinds(self, world: HoldWorld) -> list[tuple[int, str, int]]:
        async with world.db.connection() as conn:
            rows = await conn.fetch(
                "SELECT o.kind, o.reason, o.by_user FROM claim c JOIN override o ON o.id = c.override_id ORDER BY c.starts_at"
            )
        return [tuple(row) for row in rows]

    async def test_over_an_appointment_and_outside_of_hours(self, world: HoldWorld) -> None:
        await world.hold(at(TUESDAY, 8))
        hold = await world.holds.override(self.asked(world, at(TUESDAY, 8, 10)), "k" * 20)
        assert hold.ends_at == at(TUESDAY, 8, 30)
        await world.holds.override(self.asked(world, at(TUESDAY, 12)), "k" * 20)
        await world.holds.override(self.asked(world, at(TUESDAY, 11)), "k" * 20)
        assert await self.kinds(world) == [(1, "Notfall", 1), (1, "Notfall", 1), (2, "Notfall", 1)]
        assert await audit(world) == 0
        await world.poll()
        with pytest.raises(SlotTaken):  # and nobody is offered what it overlaps
            await world.hold(at(TUESDAY, 8, 20))

    async def test_staff_are_not_offered_it_either_when_its_time_is_kept_for_them_later(self, world: HoldWorld) -> None:
        await world.hold(at(TUESDAY, 8, 40))
        await world.holds.override(self.asked(world, at(TUESDAY, 8, 50)), "k" * 20)  # until ten past nine
        async with world.db.connection() as conn:
            for staff in ([], [(9, 10)]):
                await set_hours(conn, world.city, opened=[(8, 9), *([] if staff else [(9, 10)])], staff=staff)
                await world.poll()
        with pytest.raises(SlotTaken):
            await staff_hold(world, NINE)
        await staff_hold(world, at(TUESDAY, 9, 20))

    async def test_where_the_time_is_free_none_is_needed(self, world: HoldWorld) -> None:
        with pytest.raises(NoOverrideNeeded):
            await world.holds.override(self.asked(world, at(TUESDAY, 8)), "k" * 20)
        async with world.db.connection() as conn:
            assert await conn.fetchval("SELECT count(*) FROM override") == 0

    async def test_the_same_request_is_one(self, world: HoldWorld) -> None:
        first = await world.holds.override(self.asked(world, at(TUESDAY, 12)), "k" * 20)
        assert await world.holds.override(self.asked(world, at(TUESDAY, 12)), "k" * 20) == first
        assert len(await self.kinds(world)) == 1

    async def test_never_without_a_reason_and_somebody(self, world: HoldWorld) -> None:
        with refused("override_reason"):
            await world.holds.override(self.asked(world, at(TUESDAY, 12), " "), "k" * 20)
        with refused("override_by_user_fkey"):
            await world.holds.override(replace(self.asked(world, at(TUESDAY, 12)), by=99), "k" * 20)

    async def test_only_at_a_counter_of_the_service_and_on_five_minutes(self, world: HoldWorld) -> None:
        with pytest.raises(NotOffered):
            await world.holds.override(replace(self.asked(world, at(TUESDAY, 12)), counter_id=99), "k" * 20)
        for start in (at(TUESDAY, 12, 1), at(TUESDAY, 6)):
            with pytest.raises(StartNotOffered):
                await world.holds.override(self.asked(world, start), "k" * 20)

    async def test_not_more_than_a_year_from_now(self, world: HoldWorld) -> None:
        with pytest.raises(TooFarAhead):
            await world.holds.override(self.asked(world, at(TUESDAY, 12) + timedelta(days=400)), "k" * 20)
