"""Opening hours as instants, against a wall clock read minute by minute."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.catalogue.hours import Rule, Span, day_spans, day_start, local_day, open_spans, public_holidays, without

ZONES = [
    "Europe/Berlin",
    "Europe/Lisbon",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Asia/Beirut",
    "UTC",
]
_STEP = timedelta(minutes=5)

_days = st.dates(date(2026, 1, 1), date(2030, 12, 31))
_odd_days = st.sampled_from(
    [
        date(year, month, day)
        for year in range(2026, 2031)
        for month in (3, 4, 10, 11)
        for day in range(1, 32)
        if day < 31
    ]
).filter(lambda day: day.isoweekday() in (5, 7))
_times = st.integers(0, 287).map(lambda n: time(n * 5 // 60, n * 5 % 60))


def by_the_wall_clock(rules: list[Rule], first: date, days: int, zone: str) -> set[datetime]:
    """Every fifth minute at which a person who looks at the clock on the wall finds it open."""
    place = ZoneInfo(zone)
    moment = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(hours=15)
    found = set()
    for _ in range((days * 24 + 30) * 12):
        local = moment.astimezone(place)
        if first <= local.date() < first + timedelta(days=days) and any(
            rule.holds_on(local.date()) and rule.opens <= local.time() < rule.closes for rule in rules
        ):
            found.add(moment)
        moment += _STEP
    return found


def steps(spans: list[Span]) -> set[datetime]:
    return {start + n * _STEP for start, end in spans for n in range((end - start) // _STEP)}


@given(st.one_of(_days, _odd_days), _times, _times, st.sampled_from(ZONES))
def test_a_day_is_open_exactly_when_the_wall_clock_says_so(day: date, one: time, other: time, zone: str) -> None:
    rule = Rule(day.isoweekday(), min(one, other), max(one, other))
    spans = day_spans(day, rule.opens, rule.closes, zone)
    assert steps(spans) == by_the_wall_clock([rule], day, 1, zone)
    assert all(start < end and start.tzinfo is UTC and end.tzinfo is UTC for start, end in spans)
    assert all(earlier[1] < later[0] for earlier, later in pairwise(spans))


@given(
    st.one_of(_days, _odd_days),
    st.integers(1, 8),
    st.lists(st.tuples(st.integers(1, 7), _times, _times, st.none() | _days, st.none() | _days), max_size=6),
    st.sampled_from(ZONES),
)
def test_weeks_of_rules(
    first: date, days: int, drawn: list[tuple[int, time, time, date | None, date | None]], zone: str
) -> None:
    rules = [Rule(day, min(a, b), max(a, b), since, until) for day, a, b, since, until in drawn]
    assert steps(open_spans(rules, first, days, zone)) == by_the_wall_clock(rules, first, days, zone)


@pytest.mark.parametrize(("day", "hours"), [(date(2027, 3, 28), 23), (date(2026, 10, 25), 25), (date(2026, 12, 1), 24)])
def test_the_two_odd_days(day: date, hours: int) -> None:
    assert day_start(day + timedelta(days=1), "Europe/Berlin") - day_start(day, "Europe/Berlin") == timedelta(
        hours=hours
    )
    ((opened, closed),) = day_spans(day, time(8), time(12), "Europe/Berlin")
    assert closed - opened == timedelta(hours=4)
    assert opened.astimezone(ZoneInfo("Europe/Berlin")).hour == 8


def test_an_hour_that_the_clock_shows_twice_or_never() -> None:
    assert day_spans(date(2027, 3, 28), time(2, 15), time(2, 45), "Europe/Berlin") == []
    assert len(day_spans(date(2026, 10, 25), time(2, 15), time(2, 45), "Europe/Berlin")) == 2


def test_a_day_that_does_not_begin_at_midnight() -> None:
    # Cairo puts its clocks from 00:00 to 01:00.
    start = day_start(date(2026, 4, 24), "Africa/Cairo")
    assert start.astimezone(ZoneInfo("Africa/Cairo")).time() == time(1)
    assert local_day(start, "Africa/Cairo") == date(2026, 4, 24)
    assert local_day(start - timedelta(minutes=1), "Africa/Cairo") == date(2026, 4, 23)


def test_public_holidays_are_closed() -> None:
    closed = public_holidays("DE-BW", date(2026, 12, 20), 30)
    assert {date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1), date(2027, 1, 6)} <= closed
    assert date(2026, 12, 24) not in closed
    every_day = [Rule(weekday, time(8), time(12)) for weekday in range(1, 8)]
    spans = open_spans(every_day, date(2027, 1, 5), 3, "Europe/Berlin", closed)
    assert [local_day(start, "Europe/Berlin").day for start, _ in spans] == [5, 7]


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(1, 20)), max_size=6),
    st.lists(st.tuples(st.integers(0, 100), st.integers(1, 20)), max_size=6),
)
def test_closures_are_cut_out(opened: list[tuple[int, int]], closed: list[tuple[int, int]]) -> None:
    base = datetime(2026, 12, 1, tzinfo=UTC)

    def span(start: int, length: int) -> Span:
        return base + start * _STEP, base + (start + length) * _STEP

    def cells(pairs: list[tuple[int, int]]) -> set[datetime]:
        return steps([span(*pair) for pair in pairs])

    left = without([span(*pair) for pair in opened], [span(*pair) for pair in closed])
    assert steps(left) == cells(opened) - cells(closed)
