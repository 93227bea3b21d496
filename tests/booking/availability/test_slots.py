"""Local days, two of which each year are odd."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.availability import slots
from booking.availability.book import bits, cell_of, instant_of, span
from booking.availability.model import Slot, TimeOfDay, Window

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]


@pytest.mark.parametrize(
    ("day", "cells"), [(date(2027, 3, 28), 276), (date(2027, 3, 29), 288), (date(2026, 10, 25), 300)]
)
def test_days_have_23_24_or_25_hours(day: date, cells: int) -> None:
    assert slots.window_cells(Window(day, day), BERLIN)[1] == cells


@pytest.mark.parametrize("day", [date(2027, 3, 28), date(2026, 10, 25)])
def test_all_starts_of_an_odd_day_lie_on_that_day_and_on_its_grid(day: date) -> None:
    window = Window(day, day)
    first, count = slots.window_cells(window, BERLIN)
    mask = span(0, count) & slots.grid_of(first, count, 60, BERLIN)
    found = [slot.starts_at.astimezone(BERLIN) for slot in slots.to_slots(mask, first, 1, 60)]
    assert {start.date() for start in found} == {day}
    assert {start.minute for start in found} == {0}
    assert len(found) == count // 12
    assert slots.count_by_day(mask, first, window, BERLIN) == {day: len(found)}


def test_the_grid_follows_a_zone_of_half_hours() -> None:
    kolkata = ZoneInfo("Asia/Kolkata")
    first, count = slots.window_cells(Window(date(2026, 12, 1), date(2026, 12, 1)), kolkata)
    starts = slots.to_slots(slots.grid_of(first, count, 60, kolkata), first, 1, 60)
    assert {slot.starts_at.astimezone(kolkata).minute for slot in starts} == {0}
    assert all(slots.is_on_grid(slot.starts_at, 60, kolkata) for slot in starts)


def test_counts_have_every_day_of_the_window() -> None:
    window = Window(date(2026, 12, 1), date(2026, 12, 3))
    first, _ = slots.window_cells(window, BERLIN)
    mask = 1 << 300  # on the second day
    assert list(slots.count_by_day(mask, first, window, BERLIN).values()) == [0, 1, 0]


def test_an_empty_window_has_no_cells() -> None:
    window = Window(date(2026, 12, 2), date(2026, 12, 1))
    assert slots.window_cells(window, BERLIN)[1] == 0
    assert window.days == []


def test_nothing_begins_before_the_earliest() -> None:
    nine = datetime(2026, 12, 1, 9, tzinfo=UTC)
    first = cell_of(nine)
    assert slots.not_before(0b1111, first, nine + timedelta(minutes=6)) == 0b1100
    assert slots.not_before(0b1111, first, nine - timedelta(days=9000)) == 0b1111


def test_slots_in_order_of_time_then_office() -> None:
    nine = datetime(2026, 12, 1, 9, tzinfo=UTC)
    later, other, same = (Slot(1, nine + timedelta(hours=1), nine), Slot(2, nine, nine), Slot(1, nine, nine))
    assert slots.in_order([later, other, same]) == [same, other, later]


@pytest.mark.parametrize(("minute", "second", "on_grid"), [(0, 0, True), (20, 0, True), (10, 0, False), (20, 1, False)])
def test_is_on_grid(minute: int, second: int, on_grid: bool) -> None:
    assert slots.is_on_grid(datetime(2026, 12, 1, 9, minute, second, tzinfo=UTC), 40, BERLIN) is on_grid


@given(
    day=st.dates(date(2026, 1, 1), date(2030, 12, 31)),
    at=st.frozensets(st.sampled_from(TimeOfDay)),
    name=st.sampled_from(ZONES),
)
def test_times_of_the_day_are_what_the_wall_clock_says(day: date, at: frozenset[TimeOfDay], name: str) -> None:
    """Also on days when the clock is changed."""
    local = ZoneInfo(name)
    first, count = slots.window_cells(Window(day, day + timedelta(days=1)), local)
    expected = {cell for cell in range(count) if TimeOfDay.at(instant_of(first + cell).astimezone(local).hour) in at}
    assert set(bits(slots.begins_at(first, count, local, at))) == expected
