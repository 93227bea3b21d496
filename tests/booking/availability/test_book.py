"""The arithmetic on bits against the plainest possible version of itself."""

import itertools
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.availability import book

masks = st.integers(min_value=0, max_value=(1 << 300) - 1)


@given(masks, st.integers(1, 40))
def test_runs_keeps_the_starts_where_all_cells_are_free(free: int, count: int) -> None:
    plain = sum(1 << i for i in range(300) if all(free >> (i + k) & 1 for k in range(count)))
    assert book.runs(free, count) == plain


@given(masks)
def test_bits_are_the_set_positions(mask: int) -> None:
    assert list(book.bits(mask)) == [i for i in range(301) if mask >> i & 1]


@given(masks, st.integers(-50, 350), st.integers(0, 5))
def test_nearest_bits(mask: int, position: int, limit: int) -> None:
    plain = sorted(book.bits(mask), key=lambda bit: (abs(bit - position), -bit))
    assert book.nearest_bits(mask, position, limit) == plain[:limit]


@given(st.integers(0, 10_000), st.integers(0, 300), st.sampled_from([5, 10, 15, 20, 30, 60]), st.integers(-47, 56))
def test_grid_mask_marks_the_minutes_of_the_local_hour(first: int, count: int, minutes: int, quarters: int) -> None:
    offset_s = quarters * 900
    plain = sum(1 << i for i in range(count) if ((first + i) * 300 + offset_s) % (minutes * 60) == 0)
    assert book.grid_mask(first, count, minutes, offset_s) & book.span(0, count) == plain


@pytest.mark.parametrize(
    ("duration_min", "grid"),
    [(5, 5), (10, 10), (15, 15), (20, 20), (25, 5), (30, 30), (40, 20), (45, 15), (60, 60), (90, 30)],
)
def test_grid_is_the_largest_that_divides_the_duration(duration_min: int, grid: int) -> None:
    assert book.grid_minutes(duration_min) == grid


def test_a_duration_off_the_cells_has_no_grid() -> None:
    with pytest.raises(ValueError, match="7 minutes"):
        book.grid_minutes(7)


def test_cells_of_instants() -> None:
    nine = datetime(2026, 12, 1, 9, tzinfo=UTC)
    assert book.instant_of(book.cell_of(nine)) == nine
    assert book.cell_of(nine.replace(minute=4, second=59)) == book.cell_of(nine)
    assert book.cell_after(nine.replace(microsecond=1)) == book.cell_of(nine) + 1
    assert book.cell_after(nine) == book.cell_of(nine)


class TestBook:
    def test_an_unknown_counter_is_never_free(self) -> None:
        assert book.Book(100, 50).free(1, 100, 10) == 0

    def test_nothing_is_free_outside_the_horizon(self) -> None:
        calendar = book.Book(100, 50)
        calendar.publish(1, 0)
        assert calendar.free(1, 90, 100) == book.span(10, 50)

    def test_starts_are_those_of_any_counter(self) -> None:
        calendar = book.Book(0, 12)
        calendar.publish(1, ~0b0000_0000_1111)
        calendar.publish(2, ~0b0000_1111_0000)
        assert calendar.starts([1, 2], 0, 12, 3) == 0b11_0011

    def test_who_fits_within_the_horizon_and_at_its_edges(self) -> None:
        """Written out for the public within the horizon; for staff, who have no time of their own here, it is the plain way."""
        chance, kept = random.Random(3), book.Book(100, 40)
        for counter in range(8):
            kept.publish(counter, chance.getrandbits(40) & chance.getrandbits(40))
        for first, count in itertools.product(range(95, 145), (1, 2, 3)):
            found = kept.fitting(range(9), first, count)
            assert sorted(found) == [counter for counter in range(8) if kept.is_free(counter, first, count)]
            assert found == kept.fitting(range(9), first, count, staff=True)

    def test_publishing_the_same_again_is_no_change(self) -> None:
        calendar = book.Book(0, 12)
        assert calendar.publish(1, 0b1)
        assert not calendar.publish(1, 0b1)
