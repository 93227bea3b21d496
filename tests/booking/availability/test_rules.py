"""What an office does differently with a service, and what staff see that nobody else does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from base.clock import SettableClock
from booking.availability.book import Book, cell_of, span
from booking.availability.mirror import Mirror
from booking.availability.model import Audience, ClaimRow, Slot, Window
from booking.availability.usecases import Availability
from tests.booking.availability.city import TUESDAY, City, at
from tests.booking.availability.test_availability import CITY
from tests.booking.availability.test_mirror import CELL, mirror_at, row

STAFF = Audience.STAFF
WINDOW = Window(TUESDAY, TUESDAY + timedelta(days=2))


def availability(city: City = CITY, **rule: Any) -> Availability:
    """Two offices that are open from eight to twelve today and tomorrow; it is seven."""
    clock = SettableClock(at(TUESDAY, 7))
    mirror = Mirror(clock, 5)
    tomorrow = TUESDAY + timedelta(days=1)
    closed = [(0, at(TUESDAY, 8)), (at(TUESDAY, 12), at(tomorrow, 8)), (at(tomorrow, 12), None)]
    for office, counters in city.offices.items():
        for counter in counters:
            for start, end in closed:
                first, last = cell_of(start) if start else 0, cell_of(end) if end else 2**31  # type: ignore[arg-type]
                mirror.apply([ClaimRow(office, counter, first, last, 5)])
    return Availability(mirror, replace(city, rule=rule), clock, lead_minutes=5)


def test_a_duration_of_its_own() -> None:
    found = availability(duration_min=30).slots(5, "onsite", [1], WINDOW)
    assert found[:2] == [Slot(1, at(TUESDAY, 8), at(TUESDAY, 8, 30)), Slot(1, at(TUESDAY, 8, 30), at(TUESDAY, 9))]
    assert found[7] == Slot(1, at(TUESDAY, 11, 30), at(TUESDAY, 12))


def test_a_buffer_needs_time_that_nobody_is_shown() -> None:
    found = availability(buffer_min=10).slots(5, "onsite", [1], Window(TUESDAY, TUESDAY))
    assert found[0] == Slot(1, at(TUESDAY, 8), at(TUESDAY, 8, 20))
    assert found[-1] == Slot(1, at(TUESDAY, 11, 20), at(TUESDAY, 11, 40))  # at 11:40 the buffer would not fit


def test_a_lead_of_its_own_for_everybody_but_staff() -> None:
    one = availability(lead_min=120)
    assert one.slots(5, "onsite", [1], WINDOW)[0].starts_at == at(TUESDAY, 9)
    assert one.slots(5, "onsite", [1], WINDOW, STAFF)[0].starts_at == at(TUESDAY, 8)
    offer, (office,) = one.get_offer(5, "onsite", [1])
    assert not one.is_offered(offer, office, at(TUESDAY, 8, 40))
    assert one.is_offered(offer, office, at(TUESDAY, 9))
    assert one.is_offered(offer, office, at(TUESDAY, 8, 40), STAFF)


def test_a_horizon_of_its_own_for_everybody_but_staff() -> None:
    one = availability(horizon_days=1)
    tomorrow = TUESDAY + timedelta(days=1)
    assert one.days(5, "onsite", [1], WINDOW)[tomorrow] == 0
    assert one.next_free(5, "onsite", [1], at(TUESDAY, 12)) == []
    assert one.slots(5, "onsite", [1], WINDOW, STAFF)[-1].starts_at == at(tomorrow, 11, 40)
    offer, (office,) = one.get_offer(5, "onsite", [1])
    assert not one.is_offered(offer, office, at(tomorrow, 9))
    assert one.is_offered(offer, office, at(tomorrow, 9), STAFF)
    assert one.is_offered(offer, office, at(TUESDAY, 11, 40))
    assert availability(horizon_days=2).days(5, "onsite", [1], WINDOW)[tomorrow] == 12


def test_an_office_that_shares_counters_hears_of_them() -> None:
    """Office 1 also sells counter 21, which belongs to office 2."""
    shared = replace(CITY, offices={1: (21,), 2: (21,)})
    clock = SettableClock(at(TUESDAY, 7))
    mirror = Mirror(clock, 3)
    mirror.apply([ClaimRow(2, 21, cell_of(at(TUESDAY, 12)), 2**31, 5)])
    one = Availability(mirror, replace(shared, rule={"pools": (2,)}), clock, lead_minutes=5)
    assert one.slots(5, "onsite", [1], Window(TUESDAY, TUESDAY))
    mirror.apply([ClaimRow(2, 21, 0, cell_of(at(TUESDAY, 12)), 5)])
    assert one.slots(5, "onsite", [1], Window(TUESDAY, TUESDAY)) == []


class TestMirror:
    def test_kept_time_is_free_for_staff_only(self) -> None:
        mirror = mirror_at()
        mirror.apply([row(2)._replace(status=5, is_kept=True), row(10, 2)])
        assert mirror.book.free(1, CELL, 14) == 0b11_0011_1100_0011
        assert mirror.book.free(1, CELL, 14, staff=True) == 0b11_0011_1111_1111
        assert not mirror.take(1, CELL + 2, 2)
        assert mirror.take(1, CELL + 2, 2, staff=True)
        assert not mirror.take(1, CELL + 2, 2, staff=True)
        mirror.give_back(1, CELL + 2)
        assert mirror.book.free(1, CELL + 2, 4, staff=True) == span(0, 4)

    def test_lifted_and_rolled_kept_time_is_forgotten(self) -> None:
        mirror = mirror_at()
        mirror.apply([row(2)._replace(status=5, is_kept=True)])
        mirror.apply([row(2)._replace(status=11, is_kept=True)])
        assert mirror.book.free(1, CELL, 8) == mirror.book.free(1, CELL, 8, staff=True) == span(0, 8)

    def test_an_overbooked_appointment_in_kept_time_is_seen_by_staff(self) -> None:
        mirror = mirror_at()
        mirror.apply([row(0, 8)._replace(status=5, is_kept=True), row(2, 2)])
        assert mirror.book.free(1, CELL, 8, staff=True) == 0b1111_0011
        mirror.apply([row(2, 2, status=9), row(0, 8)._replace(status=5, is_kept=True)])  # with what overlaps it
        assert mirror.book.free(1, CELL, 8, staff=True) == span(0, 8)

    def test_the_second_integer_is_only_there_where_it_says_more(self) -> None:
        book = Book(0, 100)
        book.publish(1, 0b11, 0b11)
        assert book._staff == {}
        assert book.publish(1, 0b11, 0b01)
        assert not book.publish(1, 0b11, 0b01)
        assert book.free(1, 0, 2, staff=True) == 0b10


@pytest.mark.parametrize("audience", list(Audience))
def test_candidates_fit_with_their_buffer(audience: Audience) -> None:
    one = availability(buffer_min=10)
    offer, (office,) = one.get_offer(5, "onsite", [1])
    assert one.candidates(offer, office, at(TUESDAY, 11, 30), audience) == [11, 12]
    assert one.candidates(offer, office, at(TUESDAY, 11, 40), audience) == []
