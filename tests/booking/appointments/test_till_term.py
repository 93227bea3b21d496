"""Until when a fee may be paid at a till, and when its payer is reminded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.appointments.till_term import AT_LEAST, REMIND_OF, Because, Term, remind_at

NOW = datetime(2026, 12, 1, 9, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("starts_in_hours", "pay_by"),
    [
        (24 * 7, "2026-12-04T09:00"),  # 72 hours after asking
        (80, "2026-12-03T17:00"),  # 24 hours before it
        (26, "2026-12-01T11:00"),
        (25, None),  # an hour less half a minute is left
        (2, None),
    ],
)
def test_whichever_comes_first(starts_in_hours: int, pay_by: str | None) -> None:
    found = Term(72, 24, Because.SERVICE).pay_by(NOW, NOW + timedelta(hours=starts_in_hours))
    assert (found.isoformat()[:16] if found else None) == pay_by


@given(
    hours=st.integers(1, 720),
    before=st.integers(1, 720),
    ahead=st.integers(0, 60 * 24 * 90),
    seconds=st.integers(0, 59),
)
def test_it_always_leaves_time_on_both_sides(hours: int, before: int, ahead: int, seconds: int) -> None:
    now = NOW.replace(second=seconds)
    starts_at = now + timedelta(minutes=ahead)
    found = Term(hours, before, Because.PROVIDER).pay_by(now, starts_at)
    if found is not None:
        assert now + AT_LEAST <= found <= min(now + timedelta(hours=hours), starts_at - timedelta(hours=before))
        reminded = remind_at(now, found)
        assert (reminded is None) == (found - now < REMIND_OF)
        assert reminded is None or now < reminded < found


def test_a_day_before_or_when_two_thirds_of_a_short_term_are_over() -> None:
    assert remind_at(NOW, NOW + timedelta(hours=100)) == NOW + timedelta(hours=76)
    assert remind_at(NOW, NOW + timedelta(hours=9)) == NOW + timedelta(hours=6)
    assert remind_at(NOW, NOW + timedelta(hours=5)) is None
