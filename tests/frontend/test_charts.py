"""A chart's shapes: heights in proportion, stacks without gap or overlap, everything inside the picture, round numbers on the scale."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from frontend.finance.charts import HEIGHT, WIDTH, Chart, bounds, stacked, ticks

CENTS = st.integers(0, 10**9)


def drawn(columns: list[tuple[int, int, int]]) -> Chart | None:
    series = {"a": [one[0] for one in columns], "b": [one[1] for one in columns], "-": [-one[2] for one in columns]}
    return stacked(
        id="c",
        title="t",
        alt="a",
        columns=[str(n) for n in range(len(columns))],
        series=series,
        label={name: name for name in series},
    )


@given(st.lists(st.tuples(CENTS, CENTS, CENTS), min_size=1, max_size=62))
def test_all_is_inside_and_stacked(columns: list[tuple[int, int, int]]) -> None:
    chart = drawn(columns)
    if not any(any(column) for column in columns):
        assert chart is None
        return
    assert chart is not None
    assert len(chart.bars) == sum(bool(cents) for column in columns for cents in column)
    for bar in chart.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH
        assert 0 <= bar.y <= bar.y + bar.height + 0.1 <= HEIGHT
    for x in {bar.x for bar in chart.bars}:
        above = sorted((bar.y, bar.height) for bar in chart.bars if bar.x == x and bar.series < 3)
        bottom = above[-1][0] + above[-1][1] if above else chart.zero
        assert abs(bottom - chart.zero) <= 0.25
        if len(above) == 2:
            assert abs(above[0][0] + above[0][1] - above[1][0]) <= 0.25


@given(st.lists(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=4), min_size=1, max_size=40))
def test_the_scale_reaches_over_everything_in_few_round_steps(values: list[list[int]]) -> None:
    low, high = bounds(values)
    marks = ticks(values)
    assert low <= min(sum(cents for cents in column if cents < 0) for column in values)
    assert high >= max(sum(cents for cents in column if cents > 0) for column in values)
    assert (marks[0], marks[-1], 0 in marks) == (low, high, True)
    assert 1 <= len(marks) <= 11
    assert all(mark % 100 == 0 for mark in marks)


def test_as_high_as_their_sums() -> None:
    chart = drawn([(1000, 0, 0), (2000, 1000, 500)])
    assert chart is not None
    first, second, third, below = chart.bars
    assert round(second.height / first.height, 2) == 2.0
    assert (third.height, below.y) == (first.height, chart.zero)
    assert round(first.height / below.height, 1) == 2.0
