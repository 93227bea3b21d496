"""Several things in one visit: three of a service, services one after the other, from counter to counter; all of it or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from base.clock import SettableClock
from base.db import Database
from base.money import Money
from booking.availability.model import JUST_ONE, Audience, Item, Visit, Window
from booking.availability.offering import TooMany, TwiceInAVisit
from booking.holds.model import HoldStatus
from booking.holds.refusals import SlotTaken
from tests.booking.availability.city import TUESDAY, add_service, at, make_city
from tests.booking.holds.world import HoldWorld, hold_world

NINE = at(TUESDAY, 9)
THREE = Visit(3)


@pytest.fixture
async def world(db: Database) -> AsyncIterator[HoldWorld]:
    """Two counters for passports (20 minutes, 10 for each further one), a third one for stamps (10 minutes)."""
    async with db.connection() as conn:
        city = await make_city(conn, counters=3, fee_cents=3700)
        await conn.execute("UPDATE service SET most = 3, further_min = 10")
        one, two, three = city.counters
        city = replace(city, offices={city.office: (one, two)}, terms={"most": 3, "further_min": 10})
        city = await add_service(conn, city, "stamp", [three], fee_cents=500)
    async with hold_world(db, city, SettableClock(at(TUESDAY, 7))) as made:
        yield made


async def _rows(
    world: HoldWorld, columns: str = "counter_id, starts_at, ends_at, quantity, status"
) -> list[tuple[object, ...]]:
    async with world.db.connection() as conn:
        return [
            tuple(row) for row in await conn.fetch(f"SELECT {columns} FROM claim WHERE kind = 0 ORDER BY starts_at, id")
        ]


def _stamps(world: HoldWorld) -> Visit:
    [stamp] = world.city.more
    return Visit(1, (Item(stamp),))


class TestQuantity:
    async def test_takes_the_time_and_costs_the_fee_of_all(self, world: HoldWorld) -> None:
        hold = await world.hold(NINE, visit=THREE)
        assert (hold.ends_at - hold.starts_at, hold.fee) == (timedelta(minutes=40), Money(3 * 3700))
        assert hold.items == (Item(world.city.service_id, 3),)
        assert await world.holds.find(hold.id) == hold

    async def test_the_same_request_is_the_same_hold_and_another_number_another(self, world: HoldWorld) -> None:
        key = uuid4().hex
        first = await world.hold(NINE, key=key, visit=THREE)
        assert await world.hold(NINE, key=key, visit=THREE) == first
        assert (await world.hold(NINE, key=key, visit=Visit(2))).id != first.id
        assert len(await _rows(world)) == 2

    async def test_more_than_there_may_be(self, world: HoldWorld) -> None:
        with pytest.raises(TooMany) as caught:
            await world.hold(NINE, visit=Visit(4))
        assert caught.value.fields == {"most": 3}

    async def test_times_are_on_the_grid_of_one_and_have_room_for_all(self, world: HoldWorld) -> None:
        for _ in range(2):
            await world.hold(at(TUESDAY, 11, 20))
        found = world.availability.slots(world.city.service_id, "onsite", None, _day(), visit=THREE)
        assert [slot.starts_at for slot in found][-1] == at(TUESDAY, 10, 40)
        assert {slot.ends_at - slot.starts_at for slot in found} == {timedelta(minutes=40)}

    async def test_one_counter_cannot_give_what_two_have(self, world: HoldWorld) -> None:
        await world.hold(NINE)
        await world.hold(at(TUESDAY, 9, 20))
        await world.hold(NINE, visit=THREE)
        with pytest.raises(SlotTaken) as caught:
            await world.hold(NINE, visit=THREE)
        assert all(slot.ends_at - slot.starts_at == timedelta(minutes=40) for slot in caught.value.alternatives)


class TestSeveralServices:
    async def test_one_counter_after_the_other(self, world: HoldWorld) -> None:
        hold = await world.hold(NINE, visit=_stamps(world))
        one, _two = world.city.counters
        [stamp] = world.city.more
        assert hold.fee == Money(4200)
        assert [item.service_id for item in hold.items] == [world.city.service_id, stamp]
        assert await _rows(world, "counter_id, starts_at, hold_until = 'infinity'") == [
            (one, NINE, False),
            (one + 2, NINE + timedelta(minutes=20), True),
        ]

    async def test_waits_as_long_as_the_gap_and_no_longer(self, world: HoldWorld) -> None:
        await _take(world, world.city.counters[0] + 2, 9, 20, minutes=10)
        assert (await world.hold(NINE, visit=_stamps(world))).ends_at == at(TUESDAY, 9, 40)
        await _take(world, world.city.counters[0] + 2, 8, 20, minutes=15)
        with pytest.raises(SlotTaken):
            await world.hold(at(TUESDAY, 8), visit=_stamps(world))
        assert len([row for row in await _rows(world, "parts") if row != (None,)]) == 1

    async def test_what_is_free_for_it_is_what_can_be_held(self, world: HoldWorld) -> None:
        visit, service = _stamps(world), world.city.service_id
        while slots := world.availability.slots(service, "onsite", None, _day(), visit=visit):
            await world.hold(slots[-1].starts_at, visit=visit)
        assert len(await _rows(world)) == 2 * 22
        # A passport at twenty to twelve is finished when the counter for stamps has closed.
        left = world.availability.slots(service, "onsite", None, _day())
        assert [slot.starts_at for slot in left] == [at(TUESDAY, 11, 40)]

    async def test_a_stale_memory_makes_half_a_visit_for_nobody(self, world: HoldWorld) -> None:
        async with hold_world(world.db, world.city, world.clock) as other:
            await _take(world, world.city.counters[0] + 2, 9, 0, minutes=60, told=False)
            with pytest.raises(SlotTaken):
                await other.hold(NINE, visit=_stamps(world))
            assert await _rows(world, "parts") == [(None,)]
            assert other.availability.slots(world.city.service_id, "onsite", None, _day())[2].starts_at == at(
                TUESDAY, 8, 40
            )

    async def test_a_service_is_named_once(self, world: HoldWorld) -> None:
        with pytest.raises(TwiceInAVisit):
            await world.hold(NINE, visit=Visit(1, (Item(world.city.service_id, 2),)))

    async def test_given_back_as_a_whole(self, world: HoldWorld) -> None:
        hold = await world.hold(NINE, visit=_stamps(world))
        await world.holds.release(hold.id)
        assert await _rows(world, "status, hold_until") == [(9, None), (9, None)]
        assert (await world.holds.find(hold.id)).status is HoldStatus.OVER

    async def test_many_at_once_and_each_counter_time_once(self, world: HoldWorld) -> None:
        """Two processes, both with an empty memory, single holds between them."""
        async with hold_world(world.db, world.city, world.clock) as other:
            visits = [_stamps(world), THREE, JUST_ONE] * 10
            starts = [at(TUESDAY, 8 + n % 3, 20 * (n % 2)) for n in range(30)]
            made = await asyncio.gather(
                *((world, other)[n % 2].hold(starts[n], visit=visits[n]) for n in range(30)), return_exceptions=True
            )
        assert {type(one) for one in made if isinstance(one, BaseException)} == {SlotTaken}
        async with world.db.connection() as conn:
            assert await conn.fetch("SELECT id FROM claim_audit") == []
            broken = "SELECT parts FROM claim l WHERE parts > 1 AND parts <> 1 + (SELECT count(*) FROM claim WHERE lead_id = l.id)"
            assert await conn.fetch(broken) == []
            kept = await conn.fetchval("SELECT count(*) FROM claim WHERE kind = 0 AND lead_id IS NULL")
        assert kept == sum(not isinstance(one, BaseException) for one in made)


async def test_staff_have_what_is_kept_for_them(world: HoldWorld) -> None:
    visit = _stamps(world)
    async with world.db.connection() as conn:
        for counter in (*world.city.counters, world.city.counters[0] + 2):
            await conn.execute(
                "SELECT set_hours($1, tstzrange($2, $3), '{}', tstzmultirange(tstzrange($2, $3)), '{}', '{}')",
                counter,
                at(TUESDAY, 8),
                at(TUESDAY, 12),
            )
    await world.poll()
    with pytest.raises(SlotTaken):
        await world.hold(NINE, visit=visit)
    hold = await world.holds.hold(
        world.city.service_id, "onsite", world.city.office, NINE, uuid4().hex, Audience.STAFF, visit
    )
    assert await _rows(world, "kept") == [(6,), (6,)]
    await world.holds.release(hold.id)
    await world.poll()
    found = world.availability.slots(world.city.service_id, "onsite", None, _day(), Audience.STAFF, visit)
    assert NINE in [slot.starts_at for slot in found]


def _day() -> Window:
    return Window(TUESDAY, TUESDAY)


async def _take(world: HoldWorld, counter: int, hour: int, minute: int, *, minutes: int, told: bool = True) -> None:
    start = at(TUESDAY, hour, minute)
    [stamp] = world.city.more
    async with world.db.connection() as conn:
        made = await conn.fetch(
            "SELECT * FROM hold_set($1, $2, $3, $4, $5, $6, $7, $8, $9::smallint[], $10)",
            world.clock(),
            start,
            [uuid4()],
            [stamp],
            [world.city.fees[stamp][0]],
            [counter],
            [start],
            [start + timedelta(minutes=minutes)],
            [0],
            [world.city.office],
        )
    assert len(made) == 1
    if told:
        await world.poll()
