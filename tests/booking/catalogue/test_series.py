"""Series against a person with a calendar: rhythms day by day, hours minute by minute, meetings by looking at every day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking.catalogue.hours import Rule, Span, open_spans
from booking.catalogue.series import Meeting, idle, idle_breaks, longest_min, meeting, meetings

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
_MINUTE = timedelta(minutes=1)
SINCE = date(2026, 1, 1)

_days = st.dates(date(2026, 1, 1), date(2030, 12, 31))
_changes = st.sampled_from(
    [date(y, m, d) for y in range(2026, 2031) for m in (3, 4, 10, 11) for d in range(1, 32) if d < 31]
).filter(lambda day: day.isoweekday() in (6, 7))
_clock = st.integers(0, 287).map(lambda n: time(n * 5 // 60, n * 5 % 60))
_few = st.integers(0, 23).map(lambda n: time(n))


def _rule(weekday: int, a: time, b: time, since: date, days: int | None, rhythm: int, is_break: bool) -> Rule:
    if a == b:
        b = time(23, 55) if a < time(23, 55) else time(0)
    until = None if days is None else since + timedelta(days=days)
    every, nth = (rhythm, None) if 1 <= rhythm <= 4 else (1, {5: 1, 6: 3, 7: 5, 8: -1, 9: 2}[rhythm])
    return Rule(weekday, min(a, b), max(a, b), since, until, every, nth, is_break)


def _series(clock: st.SearchStrategy[time], weekdays: st.SearchStrategy[int]) -> st.SearchStrategy[Rule]:
    lengths = st.none() | st.integers(0, 400)
    return st.builds(_rule, weekdays, clock, clock, _days, lengths, st.integers(1, 9), st.booleans())


def on_the_calendar(rule: Rule, day: date) -> bool:
    """Counted with the fingers: Mondays from week to week, and that weekday's days of the month."""
    if day.isoweekday() != rule.weekday or not (rule.valid_from or date.min) <= day <= (rule.valid_until or date.max):
        return False
    if rule.every_weeks > 1:
        assert rule.valid_from is not None
        monday = rule.valid_from - timedelta(days=rule.valid_from.weekday())
        while monday + timedelta(days=7) <= day:
            monday += timedelta(weeks=rule.every_weeks)
        return monday <= day < monday + timedelta(days=7)
    if rule.week_of_month is not None:
        first = day.replace(day=1)
        month = [first + timedelta(days=n) for n in range(31) if (first + timedelta(days=n)).month == day.month]
        same = [each for each in month if each.isoweekday() == rule.weekday]
        place = rule.week_of_month if rule.week_of_month < 0 else rule.week_of_month - 1
        return len(same) > place and same[place] == day
    return True


def minute_by_minute(
    rules: Sequence[Rule], first: date, days: int, zone: str, exceptions: Mapping[date, Sequence[tuple[time, time]]]
) -> set[datetime]:
    place = ZoneInfo(zone)
    moment = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(hours=15)
    found = set()
    for _ in range((days * 24 + 30) * 60):
        local = moment.astimezone(place)
        day = local.date()
        if first <= day < first + timedelta(days=days):
            if day in exceptions:
                is_open = any(a <= local.time() < b for a, b in exceptions[day])
            else:
                today = [r for r in rules if on_the_calendar(r, day) and r.opens <= local.time() < r.closes]
                is_open = any(not r.is_break for r in today) and not any(r.is_break for r in today)
            if is_open:
                found.add(moment)
        moment += _MINUTE
    return found


def minutes(spans: Sequence[Span]) -> set[datetime]:
    return {start + n * _MINUTE for start, end in spans for n in range((end - start) // _MINUTE)}


@given(_series(_few, st.integers(1, 7)), _days)
def test_rhythms_as_on_the_calendar(rule: Rule, first: date) -> None:
    days = [first + timedelta(days=n) for n in range(120)]
    assert [day for day in days if rule.holds_on(day)] == [day for day in days if on_the_calendar(rule, day)]


@settings(deadline=None, max_examples=60)
@given(
    st.one_of(_changes, _days),
    st.integers(1, 2),
    st.lists(_series(_clock, st.sampled_from([6, 7, 1])), max_size=5),
    st.dictionaries(st.integers(0, 1), st.lists(st.tuples(_clock, _clock).filter(lambda t: t[0] < t[1]), max_size=2)),
    st.sampled_from(ZONES),
)
def test_hours_with_breaks_and_exceptions_minute_by_minute(
    first: date, days: int, rules: list[Rule], drawn: dict[int, list[tuple[time, time]]], zone: str
) -> None:
    exceptions = {first + timedelta(days=offset): spans for offset, spans in drawn.items()}
    spans = open_spans(rules, first, days, zone, (), (), exceptions)
    assert minutes(spans) == minute_by_minute(rules, first, days, zone, exceptions)


def test_an_exception_opens_on_a_public_holiday_and_a_closure_closes_it() -> None:
    new_year, place = date(2027, 1, 1), ZoneInfo("Europe/Berlin")
    spans = open_spans([], new_year, 1, "Europe/Berlin", {new_year}, (), {new_year: [(time(10), time(12))]})
    assert [(s.astimezone(place).hour, e.astimezone(place).hour) for s, e in spans] == [(10, 12)]
    assert open_spans([], new_year, 1, "Europe/Berlin", {new_year}, spans, {new_year: [(time(10), time(12))]}) == []


@settings(deadline=None, max_examples=200)
@given(_series(_few, st.integers(1, 2)), _series(_few, st.integers(1, 2)))
def test_the_first_meeting_is_the_one_that_a_look_at_every_day_finds(one: Rule, other: Rule) -> None:
    found = meeting(one, other, SINCE)
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365 * 12)]
    both = (d for d in days if on_the_calendar(one, d) and on_the_calendar(other, d))
    seen = next(both, None) if one.opens < other.closes and other.opens < one.closes else None
    assert found == seen or (seen is None and found is not None and found > days[-1])


def _open(**given: object) -> Rule:
    return Rule(**{"weekday": 1, "opens": time(8), "closes": time(12), **given})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other", "day"),
    [
        # always since: found from the day asked for
        (_open(), _open(opens=time(11)), date(2026, 1, 5)),
        (_open(), _open(opens=time(12), closes=time(16)), None),
        # every 2 and every 3 weeks from the same week, and from different ones
        (_open(valid_from=SINCE, every_weeks=2), _open(valid_from=SINCE, every_weeks=3), date(2026, 2, 9)),
        (_open(valid_from=SINCE, every_weeks=2), _open(valid_from=date(2026, 1, 5), every_weeks=2), None),
        (_open(valid_from=SINCE, every_weeks=2), _open(valid_from=date(2026, 1, 5), every_weeks=4), None),
        # far beyond every horizon
        (
            _open(valid_from=SINCE, every_weeks=51),
            _open(valid_from=date(2026, 1, 5), every_weeks=52),
            date(2025, 12, 29) + timedelta(weeks=2601),
        ),
        # the fifth Monday is the last one; the first never is
        (_open(week_of_month=5), _open(week_of_month=-1), date(2026, 3, 30)),
        (_open(week_of_month=1), _open(week_of_month=-1), None),
        # over before it met
        (_open(week_of_month=5), _open(valid_from=SINCE, valid_until=date(2026, 3, 29)), None),
        # over for long, but they did meet
        (_open(valid_until=date(2020, 1, 1)), _open(valid_until=date(2020, 6, 1)), date(2018, 12, 31)),
    ],
)
def test_meetings_by_hand(one: Rule, other: Rule, day: date | None) -> None:
    assert meeting(one, other, SINCE) == day


def test_what_is_wrong_with_a_week_is_named_by_its_places() -> None:
    rules = [
        _open(),
        _open(opens=time(12), closes=time(16)),
        _open(opens=time(11), closes=time(13), valid_from=date(2027, 1, 1)),
        _open(opens=time(10), closes=time(10, 30), is_break=True),
        _open(weekday=2, opens=time(10), closes=time(10, 30), is_break=True),
        _open(weekday=3, valid_from=date(2027, 1, 5), valid_until=date(2027, 1, 5)),
    ]
    assert meetings(rules, SINCE) == [Meeting(0, 2, date(2027, 1, 4)), Meeting(1, 2, date(2027, 1, 4))]
    assert idle_breaks(rules, SINCE) == [4]
    assert idle(rules, SINCE) == [5]


def test_the_longest_time_in_one_piece() -> None:
    touching = [_open(), _open(opens=time(12), closes=time(13))]
    assert longest_min(touching, SINCE) == 300
    assert longest_min([*touching, _open(opens=time(10), closes=time(11), is_break=True)], SINCE) == 120
    assert longest_min([], SINCE) == 0
