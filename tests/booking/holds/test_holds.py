"""Taking a time, repeating the request, losing it, giving it back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from base.clock import SettableClock
from base.db import Database
from base.errors import NotFound
from base.money import Money
from booking.availability.model import Window
from booking.availability.offering import NotOffered
from booking.catalogue.model import Fee
from booking.holds.model import HoldStatus, hold_id
from booking.holds.refusals import HoldInUse, SlotTaken, StartNotOffered
from booking.holds.usecases import Holds
from tests.booking.availability.city import TUESDAY, at, make_city
from tests.booking.holds.world import SEALER, HoldWorld, hold_world

NINE = at(TUESDAY, 9)
KEY = "0123456789abcdef"


class TestHold:
    async def test_keeps_the_time_for_a_quarter_of_an_hour(self, world: HoldWorld) -> None:
        hold = await world.hold(NINE, key=KEY)
        assert (hold.starts_at, hold.ends_at) == (NINE, NINE + timedelta(minutes=20))
        assert hold.expires_at == world.clock() + timedelta(minutes=15)
        assert hold.fee == Money(3700)
        assert await world.holds.find(hold.id) == hold
        assert await world.holds.authorise(hold.id, hold.token)
        assert not await world.holds.authorise(uuid4(), hold.token)

    async def test_the_same_request_gets_the_same_hold(self, world: HoldWorld) -> None:
        assert await world.hold(NINE, key=KEY) == await world.hold(NINE, key=KEY)
        assert await _living(world) == 1

    async def test_the_same_request_in_another_process(self, world: HoldWorld) -> None:
        """It does not know yet that the time is taken, and proposes the same counter."""
        async with hold_world(world.db, world.city, world.clock) as other:
            first = await world.hold(NINE, key=KEY)
            assert await other.hold(NINE, key=KEY) == first
            assert await _living(world) == 1
            await other.poll()
            assert len(other.availability.slots(world.city.service_id, "onsite", None, _day())) == 12

    async def test_the_same_key_for_another_time_is_another_hold(self, world: HoldWorld) -> None:
        first, second = await world.hold(NINE, key=KEY), await world.hold(at(TUESDAY, 10), key=KEY)
        assert first.id != second.id

    async def test_a_repeat_is_answered_when_the_time_is_too_near_for_others(self, world: HoldWorld) -> None:
        world.clock.set(NINE - timedelta(minutes=10))
        first = await world.hold(NINE, key=KEY)
        world.clock.set(NINE - timedelta(minutes=2))
        assert await world.hold(NINE, key=KEY) == first
        with pytest.raises(StartNotOffered):
            await world.hold(NINE)

    async def test_every_counter_once(self, world: HoldWorld) -> None:
        await world.hold(NINE)
        await world.hold(NINE)
        with pytest.raises(SlotTaken) as caught:
            await world.hold(NINE)
        near = [slot.starts_at for slot in caught.value.alternatives]
        assert near == [at(TUESDAY, 9, 20), at(TUESDAY, 8, 40), at(TUESDAY, 9, 40)]
        assert caught.value.fields["alternatives"][0]["starts_at"] == "2026-12-01T08:20:00Z"

    async def test_a_stale_memory_costs_a_try_and_nothing_else(self, world: HoldWorld) -> None:
        async with hold_world(world.db, world.city, world.clock) as other:
            await world.hold(NINE)
            assert (await other.hold(NINE)).status is HoldStatus.HELD
            with pytest.raises(SlotTaken):
                await other.hold(NINE)
            for each in (world, other):
                await each.poll()
                assert each.availability.next_free(world.city.service_id, "onsite", None, NINE)[0].starts_at > NINE
        assert await _living(world) == 2

    async def test_closed_time_is_taken_time(self, world: HoldWorld) -> None:
        with pytest.raises(SlotTaken) as caught:
            await world.hold(at(TUESDAY, 12))
        assert caught.value.alternatives[0].starts_at == at(TUESDAY, 11, 40)

    async def test_what_is_not_on_offer(self, world: HoldWorld) -> None:
        for start in (
            at(TUESDAY, 9, 10),
            at(TUESDAY, 6),
            at(TUESDAY, 9) + timedelta(days=365),
            datetime(1, 1, 1, tzinfo=UTC),
            datetime(9999, 12, 31, 23, tzinfo=UTC),
        ):
            with pytest.raises(StartNotOffered):
                await world.hold(start)
        with pytest.raises(NotOffered):
            await world.hold(NINE, office=99)

    async def test_without_a_version_of_the_fee_nothing_is_sold(self, world: HoldWorld) -> None:
        def nobody_says(service_id: int, day: date) -> Fee | None:
            asked.append(day)
            return None

        asked: list[date] = []
        holds = Holds(world.db, world.availability, world.batcher, nobody_says, SEALER, world.clock, world.owners)
        with pytest.raises(NotOffered):
            await holds.hold(world.city.service_id, "onsite", world.city.office, NINE, KEY)
        assert asked == [TUESDAY]  # the day of the hold, where the office is
        assert await _living(world) == 0

    async def test_the_version_is_written_down_with_the_hold(self, world: HoldWorld) -> None:
        hold = await world.hold(NINE)
        async with world.db.connection() as conn:
            assert await conn.fetchval("SELECT fee_id FROM claim WHERE request_key = $1", hold.id) == world.city.fee_id
            await conn.execute("UPDATE fee SET valid = 'empty'")
        assert await world.holds.find(hold.id) == hold

    async def test_after_a_hold_is_over_its_key_is_good_for_a_new_one(self, world: HoldWorld) -> None:
        first = await world.hold(NINE, key=KEY)
        await world.holds.release(first.id)
        await world.poll()
        second = await world.hold(NINE, key=KEY)
        assert second.id != first.id
        assert await world.hold(NINE, key=KEY) == second


class TestRelease:
    async def test_frees_the_time(self, world: HoldWorld) -> None:
        hold = await world.hold(NINE)
        await world.holds.release(hold.id)
        await world.holds.release(hold.id)
        assert (await world.holds.find(hold.id)).status is HoldStatus.OVER
        assert await _living(world) == 0

    async def test_not_where_a_case_stands_on_it(self, world: HoldWorld, db: Database) -> None:
        hold = await world.hold(NINE)
        async with db.transaction() as conn:
            await conn.execute(
                """
                WITH a AS (INSERT INTO appointment (number, office_id, service_id, channel, language, fee_cents,
                                                    refund_policy_id, token_sha256, token_sealed, created_at)
                           VALUES ('X', $1, $2, 'onsite', 'de', 0, 1, sha256('x'), '', now()) RETURNING id)
                UPDATE claim SET appointment_id = a.id FROM a WHERE request_key = $3""",
                world.city.office,
                world.city.service_id,
                hold.id,
            )
        with pytest.raises(HoldInUse):
            await world.holds.release(hold.id)
        assert (await world.holds.find(hold.id)).status is HoldStatus.USED

    async def test_of_what_never_was(self, world: HoldWorld) -> None:
        with pytest.raises(NotFound):
            await world.holds.release(uuid4())
        with pytest.raises(NotFound):
            await world.holds.find(uuid4())


def test_an_id_depends_on_everything_that_is_wanted() -> None:
    ids = {
        hold_id(KEY, 1, "onsite", 1, NINE),
        hold_id(KEY + "x", 1, "onsite", 1, NINE),
        hold_id(KEY, 2, "onsite", 1, NINE),
        hold_id(KEY, 1, "video", 1, NINE),
        hold_id(KEY, 1, "onsite", 2, NINE),
        hold_id(KEY, 1, "onsite", 1, NINE + timedelta(minutes=5)),
        hold_id(KEY, 1, "onsite", 1, NINE, 1),
    }
    assert len(ids) == 7
    assert hold_id(KEY, 1, "onsite", 1, NINE) == hold_id(KEY, 1, "onsite", 1, NINE.astimezone())


async def _living(world: HoldWorld) -> int:
    async with world.db.connection() as conn:
        count: int = await conn.fetchval("SELECT count(*) FROM claim WHERE kind = 0 AND status < 8")
    return count


def _day() -> Window:
    return Window(TUESDAY, TUESDAY)


async def test_what_is_sold_out_is_known_until_time_is_freed(db: Database) -> None:
    """A crowd asks for the same few times; nothing is looked up again while only more is taken."""
    async with db.connection() as conn:
        city = await make_city(conn, counters=1)
    async with hold_world(db, city, SettableClock(at(TUESDAY, 7))) as world:
        city_offer = city.offer(city.service_id, "onsite")
        assert city_offer is not None
        office = city_offer.offices[city.office]  # the same object each time, as the product's offers are
        nine, ten = at(TUESDAY, 9), at(TUESDAY, 10)
        hold = await world.hold(nine)
        assert world.availability.candidates(city_offer, office, nine) == []
        await world.hold(ten)
        assert world.availability.candidates(city_offer, office, nine) == []
        assert world.availability.candidates(city_offer, office, ten) == []
        await world.poll()
        await world.holds.release(hold.id)
        await world.poll()
        assert world.availability.candidates(city_offer, office, nine) == list(city.counters)
        assert world.availability.candidates(city_offer, office, ten) == []
