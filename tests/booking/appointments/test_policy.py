"""What cancelling gives back, by the hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.appointments.policy import Step, Terms

START = datetime(2026, 12, 8, 9, 0, tzinfo=UTC)
STEPPED = Terms.of(100, (48, 24), (100, 50))


@pytest.mark.parametrize(
    ("hours", "minutes", "percent"),
    [(72, 0, 100), (48, 0, 100), (47, 59, 50), (24, 0, 50), (23, 59, 0), (0, 0, 0), (-1, 0, 0)],
)
def test_each_step_holds_until_its_hour_and_in_it(hours: int, minutes: int, percent: int) -> None:
    assert STEPPED.percent(START, START - timedelta(hours=hours, minutes=minutes)) == percent


def test_without_steps_one_share_holds_until_the_start() -> None:
    half = Terms.of(50, (), ())
    assert [half.percent(START, START + timedelta(minutes=n)) for n in (-90, 0, 1)] == [50, 50, 0]
    assert Terms.of(0, (), ()).steps == ()


def test_a_late_move_levels_what_is_left() -> None:
    levelled = Terms(STEPPED.steps, most_percent=50)
    assert levelled.percent(START, START - timedelta(days=9)) == 50
    assert levelled.ends(START) == [(START - timedelta(hours=24), 50)]
    assert Terms(STEPPED.steps, most_percent=0).ends(START) == []
    assert STEPPED.ends(START) == [(START - timedelta(hours=48), 100), (START - timedelta(hours=24), 50)]


_STEPS = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 100)), max_size=5).map(
    lambda pairs: [
        Step(hours, percent)
        for hours, percent in zip(
            sorted({hours for hours, _ in pairs}, reverse=True),
            sorted({percent for _, percent in pairs}, reverse=True),
            strict=False,
        )
    ]
)


@given(_STEPS, st.integers(0, 100), st.integers(0, 300 * 60), st.integers(0, 300 * 60))
def test_waiting_never_gives_more_back_and_what_is_announced_holds(
    steps: list[Step], most: int, one: int, other: int
) -> None:
    terms = Terms(tuple(steps), most)
    early, late = (START - timedelta(minutes=minutes) for minutes in sorted((one, other), reverse=True))
    assert terms.percent(START, early) >= terms.percent(START, late)
    announced = next((percent for until, percent in terms.ends(START) if late <= until), 0)
    assert announced == terms.percent(START, late)
