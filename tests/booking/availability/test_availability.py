"""What people see of the book: days, times, the next ones, the nearest ones."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from base.clock import SettableClock
from base.db import Database
from booking.availability.book import cell_of
from booking.availability.mirror import Mirror
from booking.availability.model import Basis, ClaimRow, Slot, Window
from booking.availability.offering import NotOffered
from booking.availability.usecases import Availability
from tests.booking.availability.city import TUESDAY, City, at, make_city

WINDOW = Window(TUESDAY, TUESDAY + timedelta(days=1))
CITY = City(5, {1: (11, 12), 2: (21,)}, duration_min=20, fee_cents=0)
_OPEN = (cell_of(at(TUESDAY, 8)), cell_of(at(TUESDAY, 12)))


class World:
    """Three counters in two offices, open on one morning, without a database."""

    def __init__(self) -> None:
        self.clock = SettableClock(at(TUESDAY, 7))
        self.mirror = Mirror(self.clock, 3)
        self.availability = Availability(self.mirror, CITY, self.clock, lead_minutes=5)
        for office, counters in CITY.offices.items():
            for counter in counters:
                self.take(counter, 0, _OPEN[0], office)
                self.take(counter, _OPEN[1], 2**31, office)

    def take(self, counter: int, first: int, last: int, office: int | None = None) -> None:
        self.mirror.apply([ClaimRow(office or counter // 10, counter, first, last, 1)])

    def take_at(self, counter: int, hour: int, minute: int = 0) -> None:
        first = cell_of(at(TUESDAY, hour, minute))
        self.take(counter, first, first + 4)


@pytest.fixture
def world() -> World:
    return World()


def test_days_count_starts_of_all_offices(world: World) -> None:
    counts = world.availability.days(5, "onsite", None, WINDOW)
    assert counts == {TUESDAY: 24, TUESDAY + timedelta(days=1): 0}
    assert world.availability.days(5, "onsite", [2], WINDOW)[TUESDAY] == 12


def test_slots_in_order_and_once_per_office(world: World) -> None:
    found = world.availability.slots(5, "onsite", None, WINDOW)
    assert found[:3] == [
        Slot(1, at(TUESDAY, 8), at(TUESDAY, 8, 20)),
        Slot(2, at(TUESDAY, 8), at(TUESDAY, 8, 20)),
        Slot(1, at(TUESDAY, 8, 20), at(TUESDAY, 8, 40)),
    ]
    assert len(found) == 24


def test_a_start_is_offered_while_one_counter_is_free(world: World) -> None:
    world.take_at(11, 9)
    assert Slot(1, at(TUESDAY, 9), at(TUESDAY, 9, 20)) in world.availability.slots(5, "onsite", [1], WINDOW)
    world.take_at(12, 9)
    assert Slot(1, at(TUESDAY, 9), at(TUESDAY, 9, 20)) not in world.availability.slots(5, "onsite", [1], WINDOW)


def test_what_is_over_or_too_soon_is_not_offered(world: World) -> None:
    world.clock.set(at(TUESDAY, 9, 56))
    found = world.availability.slots(5, "onsite", [1], WINDOW)
    assert found[0].starts_at == at(TUESDAY, 10, 20)


def test_next_free(world: World) -> None:
    found = world.availability.next_free(5, "onsite", None, limit=3)
    assert [(slot.office_id, slot.starts_at) for slot in found] == [
        (1, at(TUESDAY, 8)),
        (2, at(TUESDAY, 8)),
        (1, at(TUESDAY, 8, 20)),
    ]
    assert world.availability.next_free(5, "onsite", [1], at(TUESDAY, 11, 41)) == []


def test_the_first_time_of_each_office(world: World) -> None:
    for counter in (11, 12):
        world.take_at(counter, 8)
    found = world.availability.earliest(5, "onsite", [1, 2])
    assert found == [Slot(2, at(TUESDAY, 8), at(TUESDAY, 8, 20)), Slot(1, at(TUESDAY, 8, 20), at(TUESDAY, 8, 40))]
    world.take(21, *_OPEN)
    assert world.availability.earliest(5, "onsite", [2]) == []


def test_nearest_at_the_same_office_before_others(world: World) -> None:
    for counter in (11, 12):
        world.take_at(counter, 10)
    near = world.availability.nearest(5, "onsite", [1], at(TUESDAY, 10))
    assert [(slot.office_id, slot.starts_at) for slot in near] == [
        (1, at(TUESDAY, 10, 20)),
        (1, at(TUESDAY, 9, 40)),
        (1, at(TUESDAY, 10, 40)),
    ]


def test_nearest_fills_up_with_other_offices(world: World) -> None:
    for counter in (11, 12):
        world.take(counter, _OPEN[0], _OPEN[1] - 4)
    near = world.availability.nearest(5, "onsite", [1], at(TUESDAY, 9))
    assert [(slot.office_id, slot.starts_at) for slot in near] == [
        (1, at(TUESDAY, 11, 40)),
        (2, at(TUESDAY, 9)),
        (2, at(TUESDAY, 9, 20)),
    ]


def test_candidates_fit_snugly_first(world: World) -> None:
    offer, (office,) = world.availability.get_offer(5, "onsite", [1])
    assert world.availability.candidates(offer, office, at(TUESDAY, 9)) == [11, 12]
    world.take_at(12, 9, 20)
    assert world.availability.candidates(offer, office, at(TUESDAY, 9)) == [12, 11]
    assert world.availability.candidates(offer, office, at(TUESDAY, 13)) == []


def test_the_memo_notices_every_change(world: World) -> None:
    """Against an availability without memory, over random changes."""
    chance = random.Random(2)
    for _ in range(200):
        counter, first = chance.choice([11, 12, 21]), _OPEN[0] + chance.randrange(44)
        match chance.randrange(3):
            case 0:
                world.mirror.take(counter, first, 4)
            case 1:
                world.mirror.give_back(counter, first)
            case _:
                world.take(counter, first, first + 1)
        fresh = Availability(world.mirror, CITY, world.clock, lead_minutes=5)
        assert world.availability.slots(5, "onsite", None, WINDOW) == fresh.slots(5, "onsite", None, WINDOW)
        for offices, hour in (([1], 9), ([2], 11)):
            asked = (5, "onsite", offices, at(TUESDAY, hour))
            assert world.availability.nearest(*asked) == fresh.nearest(*asked)
        offer, (office,) = fresh.get_offer(5, "onsite", [1])
        for start in (at(TUESDAY, 8), at(TUESDAY, 9), at(TUESDAY, 11, 40)):
            found = world.availability.candidates(offer, office, start)
            assert found == fresh.candidates(offer, office, start)
            assert bool(found) is not world.availability.is_sold_out(offer, office, start)


def test_the_nearest_stay_while_they_can_be_had(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others take time all the while: nothing is looked through again until one of the three is gone, or any time comes back."""
    for counter in (11, 12):
        world.take_at(counter, 10)
    before = world.availability.nearest(5, "onsite", [1], at(TUESDAY, 10))
    looked: list[object] = []
    real = world.availability._near_at

    def near_at(*asked: Any) -> list[Slot]:
        looked.append(asked)
        return real(*asked)

    monkeypatch.setattr(world.availability, "_near_at", near_at)
    world.take_at(11, 8)
    world.take_at(11, 10, 20)  # the other counter still has it
    assert world.availability.nearest(5, "onsite", [1], at(TUESDAY, 10)) == before
    assert not looked
    world.take_at(12, 10, 20)
    after = world.availability.nearest(5, "onsite", [1], at(TUESDAY, 10))
    assert looked
    assert before[0] not in after


def test_the_memo_answers_while_nothing_changes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = world.availability.slots(5, "onsite", None, WINDOW)
    monkeypatch.setattr(type(world.mirror.book), "starts", None)  # would raise
    assert world.availability.slots(5, "onsite", None, WINDOW) == before


class TestWhetherAnAnswerStands:
    def basis(self, world: World, *offices: int) -> Basis:
        offer, found = world.availability.get_offer(5, "onsite", offices)
        return world.availability.basis(offer, found, world.clock())

    def test_until_time_at_one_of_its_offices_changes(self, world: World) -> None:
        basis = self.basis(world, 1)
        world.take_at(21, 9)  # another office
        assert world.availability.stands(basis)
        world.take_at(11, 9)
        assert not world.availability.stands(basis)

    def test_until_its_first_time_is_too_soon_to_be_offered(self, world: World) -> None:
        basis = self.basis(world, 1)
        world.clock.set(at(TUESDAY, 7, 55))  # the first is at eight, and five minutes ahead is soon enough
        assert world.availability.stands(basis)
        assert world.availability.slots(5, "onsite", [1], WINDOW)[0].starts_at == at(TUESDAY, 8)
        world.clock.advance(seconds=1)
        assert not world.availability.stands(basis)
        assert world.availability.slots(5, "onsite", [1], WINDOW)[0].starts_at > at(TUESDAY, 8)

    def test_until_the_day_is_over(self, world: World) -> None:
        offer, offices = world.availability.get_offer(5, "onsite", [1])
        for counter in (11, 12):
            world.take(counter, *_OPEN, 1)
        basis = world.availability.basis(offer, offices, world.clock())
        world.clock.set(at(TUESDAY + timedelta(days=1), 0) - timedelta(seconds=1))
        assert world.availability.stands(basis)
        world.clock.advance(seconds=1)
        assert not world.availability.stands(basis)


@pytest.mark.parametrize(
    ("service", "channel", "offices"),
    [(6, "onsite", None), (5, "video", None), (5, "onsite", [1, 3]), (5, "onsite", [])],
)
def test_what_nobody_offers(world: World, service: int, channel: str, offices: list[int] | None) -> None:
    with pytest.raises(NotOffered):
        world.availability.get_offer(service, channel, offices)


@pytest.mark.parametrize(
    ("start", "is_offered"),
    [
        (at(TUESDAY, 8), True),
        (at(TUESDAY, 8, 10), False),
        (at(TUESDAY, 7), False),
        (at(TUESDAY, 3) + timedelta(days=400), False),
        (datetime(1, 1, 1, tzinfo=UTC), False),
        (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), False),
    ],
)
def test_is_offered(world: World, start: datetime, is_offered: bool) -> None:
    offer, (office,) = world.availability.get_offer(5, "onsite", [1])
    assert world.availability.is_offered(offer, office, start) is is_offered


async def test_the_mirror_over_a_database_shows_the_same_morning(db: Database, clock: SettableClock) -> None:
    async with db.connection() as conn:
        city = await make_city(conn)
        mirror = Mirror(clock, 3)
        await mirror.start(conn)
    clock.set(at(TUESDAY, 7))
    found = Availability(mirror, city, clock, lead_minutes=5).slots(city.service_id, "onsite", None, WINDOW)
    assert [found[0].starts_at, found[-1].ends_at, len(found)] == [at(TUESDAY, 8), at(TUESDAY, 12), 12]
