"""Series as people write them: read as they are meant, written so that they are read again, and every unreadable line named."""

from __future__ import annotations

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.catalogue.hours import Rule
from booking.catalogue.series_text import (
    ClockUnreadable,
    DateUnreadable,
    DaysUnreadable,
    SaidTwice,
    SeriesTooMany,
    SeriesUnreadable,
    read_series,
    write_series,
)

_CLOCK = st.builds(time, st.integers(0, 23), st.integers(0, 11).map(lambda n: 5 * n))
_DATE = st.dates(date(2000, 1, 1), date(2199, 12, 31))
_RULES = st.lists(
    st.builds(
        Rule,
        weekday=st.integers(1, 7),
        opens=_CLOCK,
        closes=_CLOCK,
        valid_from=st.none() | _DATE,
        valid_until=st.none() | _DATE,
        every_weeks=st.integers(1, 52),
        week_of_month=st.sampled_from([None, 1, 2, 3, 4, 5, -1]),
        is_break=st.booleans(),
    ),
    max_size=20,
    unique=True,
)
MORNING = (time(8), time(12))


@given(rules=_RULES, language=st.sampled_from(["de", "en"]))
def test_what_is_written_is_read_again(rules: list[Rule], language: str) -> None:
    assert set(read_series(write_series(rules, language))) == set(rules)


def test_days_that_are_alike_stand_on_one_line() -> None:
    rules = [Rule(day, *MORNING) for day in (1, 2, 3, 5)] + [
        Rule(4, time(14), time(18)),
        Rule(1, *MORNING, is_break=True),
    ]
    assert write_series(rules, "de").splitlines() == ["Mo–Mi, Fr 08:00–12:00", "Do 14:00–18:00", "Pause Mo 08:00–12:00"]


@pytest.mark.parametrize(
    ("line", "rules"),
    [
        ("mo-mi 8:00-12:00", [Rule(day, *MORNING) for day in (1, 2, 3)]),
        ("  Di., Do. 08:00 – 12:00  ", [Rule(2, *MORNING), Rule(4, *MORNING)]),
        ("Su 08:00–12:00", [Rule(7, *MORNING)]),
        ("Sa 08:00–12:00 #-1", [Rule(6, *MORNING, week_of_month=-1)]),
        ("break We 08:00-12:00", [Rule(3, *MORNING, is_break=True)]),
        ("Fr 08:00–12:00 1/2 2026-12-01..", [Rule(5, *MORNING, valid_from=date(2026, 12, 1), every_weeks=2)]),
        ("Fr 08:00–12:00 Uhr 1.12.2026…", [Rule(5, *MORNING, valid_from=date(2026, 12, 1))]),
        ("Fr 08:00–12:00 01.12.2026…31.12.2026", [Rule(5, *MORNING, date(2026, 12, 1), date(2026, 12, 31))]),
        (
            "Fr 8:00-12:00, 13:00 - 15:00 #1",
            [Rule(5, a, z, week_of_month=1) for a, z in (MORNING, (time(13), time(15)))],
        ),
        ("Fr 08:00–12:00 …2026-12-31", [Rule(5, *MORNING, valid_until=date(2026, 12, 31))]),
    ],
)
def test_what_people_type(line: str, rules: list[Rule]) -> None:
    assert list(read_series(f"\n{line}\n\n")) == rules


@pytest.mark.parametrize(
    "line",
    [
        "08:00–12:00",
        "Mx 08:00–12:00",
        "Fr–Mo 08:00–12:00",
        "Mo 08:00",
        "Mo 25:00–26:00",
        "Mo 08:01–12:00",
        "Mo 08:00–12:00 1/0",
        "Mo 08:00–12:00 #6",
        "Mo 08:00–12:00 2026-02-30…",
        "Mo 08:00–12:00 30.2.2026…",
        "Mo 08:00–12:00,",
        "Mo 08:00–12:00, 13:00",
        "Mo 08:00–12:00 0999-01-01…",
        "Mo 08:00–12:00 always",
        "Mo 08:00–12:00 1/53",
        "\x00",
    ],
)
def test_what_cannot_be_read_is_named(line: str) -> None:
    with pytest.raises(SeriesUnreadable) as refused:
        read_series(f"Mo 08:00–12:00\n{line}")
    assert refused.value.fields["line"] == line


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("Mo 08:00–12:03", ClockUnreadable),
        ("Mo 08:00–24:00", ClockUnreadable),
        ("Fr–Mo 08:00–12:00", DaysUnreadable),
        ("Mx 08:00–12:00", DaysUnreadable),
        ("Mo 08:00–12:00 30.02.2027…", DateUnreadable),
        ("Mo 08:00–12:00 01.12.2026… …31.01.2027", SaidTwice),  # the first would be lost
        ("Mo 08:00–12:00 1/2 1/3 01.12.2026…", SaidTwice),
        ("Mo 08:00–12:00 #1 #3", SaidTwice),
        ("Mo 8-12", SeriesUnreadable),
    ],
)
def test_it_says_what_is_wrong(line: str, why: type[SeriesUnreadable]) -> None:
    with pytest.raises(SeriesUnreadable) as refused:
        read_series(line)
    assert (type(refused.value), refused.value.code) == (why, "series_unreadable")


def test_so_many_lines_are_too_many_and_none_of_them_is_blamed() -> None:
    with pytest.raises(SeriesTooMany) as refused:
        read_series("Mo 08:00–12:00\n" * 201)
    assert refused.value.fields["most"] == 200


def test_days_are_written_as_in_the_language() -> None:
    rules = [Rule(1, *MORNING, date(2026, 12, 1), date(2027, 1, 31))]
    assert write_series(rules, "de") == "Mo 08:00–12:00 01.12.2026…31.01.2027"
    assert write_series(rules, "en") == "Mo 08:00–12:00 2026-12-01…2027-01-31"
