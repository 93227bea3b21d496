"""Shares: every part has its part, its mornings and its afternoons; a day depends on nothing but itself; nobody can tell the moment."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from base.seal import Sealer
from booking.catalogue.hours import Span, day_spans, merged
from booking.catalogue.shares import Plan, ReleasePart, Share, at_once, deal

ZONE = "Europe/Berlin"
DAY = date(2026, 12, 1)
HOUR = timedelta(hours=1)

_plans = st.tuples(st.integers(0, 100), st.integers(0, 100)).map(lambda t: (min(t), abs(t[0] - t[1]), 100 - max(t)))


def _day(day: date = DAY, opens: int = 8, closes: int = 18) -> list[Span]:
    return day_spans(day, time(opens), time(closes), ZONE)


@given(_plans, st.sampled_from([15, 20, 35, 60]), st.integers(1, 3000), st.dates(date(2026, 1, 1), date(2030, 12, 31)))
def test_each_part_has_its_part_and_nothing_is_lost(
    percents: tuple[int, int, int], chunk_min: int, counter_id: int, day: date
) -> None:
    spans = [*_day(day, 8, 12), *_day(day, 13, 18)]
    chunks = deal(spans, chunk_min, Plan(*percents), counter_id, day, ZONE, at_once)
    assert merged(chunk.span for chunk in chunks) == spans
    for share, percent in zip((Share.PUBLIC, Share.STAFF, Share.WALK_IN), percents, strict=True):
        count = sum(chunk.share is share for chunk in chunks)
        assert abs(count - len(chunks) * percent / 100) < 2
    assert all(chunk.span[1] - chunk.span[0] >= timedelta(minutes=chunk_min) for chunk in chunks)


@given(st.integers(20, 80), st.integers(1, 3000), st.dates(date(2026, 1, 1), date(2030, 12, 31)))
def test_each_part_has_mornings_and_afternoons(percent: int, counter_id: int, day: date) -> None:
    chunks = deal(_day(day), 15, Plan(percent, 100 - percent, 0), counter_id, day, ZONE, at_once)
    noon = day_spans(day, time(12), time(13), ZONE)[0][0]
    for share in (Share.PUBLIC, Share.STAFF):
        assert {chunk.span[0] < noon for chunk in chunks if chunk.share is share} == {True, False}


def test_a_small_part_comes_on_some_days_and_not_on_others() -> None:
    """Five per cent of four chunks a day is one chunk in five days."""
    days = [DAY + timedelta(days=n) for n in range(400)]
    count = sum(
        chunk.share is Share.STAFF
        for day in days
        for chunk in deal(_day(day, 8, 12), 60, Plan(95, 5, 0), 7, day, ZONE, at_once)
    )
    assert 50 < count < 110


def test_the_same_day_is_dealt_the_same_way_whatever_else_changes() -> None:
    plan = Plan(50, 30, 20)
    once = deal(_day(), 20, plan, 7, DAY, ZONE, at_once)
    assert once == deal(_day(), 20, plan, 7, DAY, ZONE, at_once)
    longer = deal(_day(closes=20), 20, plan, 7, DAY, ZONE, at_once)
    assert longer[: len(once)] == once


class TestRelease:
    plan = Plan(
        release=(ReleasePart(50, 14, time(8), 30), ReleasePart(30, 1, time(8), 30), ReleasePart(20, 0, time(7, 30), 10))
    )
    draw = staticmethod(Sealer("a secret for tests, long enough for the rule").draw)

    def test_parts_come_one_after_the_other(self) -> None:
        chunks = deal(_day(), 15, self.plan, 7, DAY, ZONE, self.draw)
        for moment, least, most in (
            (DAY - timedelta(days=15), 0, 0),
            (DAY - timedelta(days=13), 18, 22),
            (DAY, 30, 34),
        ):
            now = datetime.combine(moment, time(0), UTC)
            count = sum(chunk.kind_at(now) is Share.PUBLIC for chunk in chunks)
            assert least <= count <= most
        evening = datetime.combine(DAY, time(7, 41), UTC)
        assert all(chunk.kind_at(evening) is Share.PUBLIC for chunk in chunks)

    def test_moments_lie_in_the_jitter_and_only_the_secret_tells_them(self) -> None:
        chunks = deal(_day(), 15, self.plan, 7, DAY, ZONE, self.draw)
        again = deal(_day(), 15, self.plan, 7, DAY, ZONE, self.draw)
        other = deal(_day(), 15, self.plan, 7, DAY, ZONE, Sealer("another secret, long enough for the rule").draw)
        assert chunks == again
        assert chunks != other
        moments = [chunk.released_at for chunk in chunks if chunk.released_at is not None]
        assert len(moments) == len(chunks) == 40
        first = [moment for moment in moments if moment.date() == DAY - timedelta(days=14)]
        begin = datetime.combine(DAY - timedelta(days=14), time(7), UTC)  # 8 o'clock in Stuttgart
        assert all(begin <= moment <= begin + timedelta(minutes=30) for moment in first)
        assert len(set(first)) > 15

    def test_kept_time_is_not_released(self) -> None:
        chunks = deal(_day(), 15, Plan(50, 50, 0, self.plan.release), 7, DAY, ZONE, self.draw)
        assert {chunk.released_at is None for chunk in chunks if chunk.share is Share.STAFF} == {True}
        assert {chunk.released_at is None for chunk in chunks if chunk.share is Share.PUBLIC} == {False}
