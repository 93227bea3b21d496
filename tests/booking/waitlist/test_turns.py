"""Deadlines, moments and order, without a database."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.waitlist.model import Window, Wish
from booking.waitlist.turns import Candidate, KeptTime, answer_until, back_at, suited

NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)
EVERY_DAY = tuple(range(1, 8))


@pytest.mark.parametrize(
    ("left", "within"),
    [
        (timedelta(days=30), timedelta(hours=24)),
        (timedelta(days=4), timedelta(hours=24)),
        (timedelta(days=2), timedelta(hours=12)),
        (timedelta(hours=1), timedelta(minutes=15)),
        (timedelta(minutes=59), None),
        (timedelta(minutes=-5), None),
    ],
)
def test_a_day_to_answer_and_less_near_the_date(left: timedelta, within: timedelta | None) -> None:
    assert answer_until(NOW, NOW + left) == (None if within is None else NOW + within)


@given(minutes=st.integers(-600, 60 * 24 * 40), draw=st.floats(0, 1, exclude_max=True))
def test_back_within_half_a_day_and_before_it_begins(minutes: int, draw: float) -> None:
    back = back_at(NOW, NOW + timedelta(minutes=minutes), draw)
    assert NOW <= back <= NOW + timedelta(hours=12)
    assert back <= NOW + timedelta(minutes=max(0, minutes) / 4)


def test_the_moment_is_drawn() -> None:
    starts = NOW + timedelta(days=3)
    assert [back_at(NOW, starts, draw) for draw in (0, 0.5)] == [NOW, NOW + timedelta(hours=6)]


@pytest.mark.parametrize(
    ("window", "holds"),
    [
        (Window(days=EVERY_DAY, from_time=time(9), to_time=time(9, 20)), True),
        (Window(days=EVERY_DAY, from_time=time(9), to_time=time(9, 19)), False),
        (Window(days=EVERY_DAY, from_time=time(9, 1), to_time=time(12)), False),
        (Window(days=(1, 3), from_time=time(0), to_time=time(23, 59)), False),
        (Window(days=(2,), from_time=time(0), to_time=time(23, 59), last=date(2026, 12, 1)), True),
        (Window(days=(2,), from_time=time(0), to_time=time(23, 59), last=date(2026, 11, 30)), False),
        (Window(days=(2,), from_time=time(0), to_time=time(23, 59), first=date(2026, 12, 2)), False),
    ],
)
def test_a_window_holds_the_whole_time_in_local_time(window: Window, holds: bool) -> None:
    """Tuesday, nine in Stuttgart, is eight by UTC."""
    kept = _kept()
    assert bool(list(suited(kept, [_candidate(1, Wish(windows=(window,)))]))) is holds


def test_the_first_whom_it_suits() -> None:
    afternoon = Window(days=EVERY_DAY, from_time=time(12), to_time=time(18))
    morning = Window(days=EVERY_DAY, from_time=time(8), to_time=time(12))
    wishes = [
        Wish(windows=(afternoon,)),
        Wish(offices=(2,)),
        Wish(offices=(2, 1), windows=(afternoon, morning)),
        Wish(),
    ]
    found = suited(_kept(), [_candidate(n, wish) for n, wish in enumerate(wishes)])
    assert [one.appointment_id.int for one in found] == [2, 3]


def _kept() -> KeptTime:
    return KeptTime(
        hold_id=UUID(int=9),
        office_id=1,
        service_id=1,
        channel="onsite",
        counter_id=1,
        starts_at=NOW,
        ends_at=NOW + timedelta(minutes=20),
        time_zone="Europe/Berlin",
    )


def _candidate(n: int, wish: Wish) -> Candidate:
    return Candidate(appointment_id=UUID(int=n), wish=wish, contact_hmac=b"h" * 32, offers=0)
