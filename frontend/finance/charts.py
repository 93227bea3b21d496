"""A bar chart as shapes that a template draws as SVG: no script, no library, and a table of the same figures beside it. Pure.

Series differ by shade and by hatching, so that nobody has to tell colours apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 960, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 96, 8, 12, 36
_STEPS = 4
_MOST_LABELS = 12


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    series: int  # from 1


@dataclass(frozen=True, slots=True)
class Mark:
    """A line with its label: of the scale, or under a bar."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`alt`: what it shows, in a sentence; `zero`: where the line of nothing is."""

    id: str
    title: str
    alt: str
    bars: tuple[Bar, ...]
    scale: tuple[Mark, ...]
    below: tuple[Mark, ...]
    legend: tuple[tuple[int, str], ...]
    zero: float
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT


def stacked(
    *,
    id: str,
    title: str,
    alt: str,
    columns: Sequence[str],
    series: Mapping[str, Sequence[int]],
    label: Mapping[str, str],
    amount: Mapping[int, str] | None = None,
) -> Chart | None:
    """`columns`: labels below; `series`: by name a value for each column, in cents, positive upwards. None where all are nothing.

    `amount`: how a value of the scale is written; asked for by `ticks()`.
    """
    values = [[one[n] for one in series.values()] for n in range(len(columns))]
    if not any(any(column) for column in values):
        return None
    low, high = bounds(values)
    room, span = HEIGHT - _TOP - _BOTTOM, high - low
    step = (WIDTH - _LEFT - _RIGHT) / len(columns)
    zero = _TOP + room * high / span
    bars = []
    for n, column in enumerate(values):
        up = down = 0
        for number, cents in enumerate(column, start=1):
            if not cents:
                continue
            height = room * abs(cents) / span
            base = zero - room * up / span - height if cents > 0 else zero + room * -down / span
            up, down = up + max(cents, 0), down + min(cents, 0)
            bars.append(
                Bar(_round(_LEFT + step * (n + 0.15)), _round(base), _round(step * 0.7), _round(height), number)
            )
    every = -(-len(columns) // _MOST_LABELS)
    return Chart(
        id=id,
        title=title,
        alt=alt,
        bars=tuple(bars),
        scale=tuple(Mark(_round(zero - room * cents / span), (amount or {}).get(cents, str(cents))) for cents in ticks(values)),
        below=tuple(
            Mark(_round(_LEFT + step * (n + 0.5)), text) for n, text in enumerate(columns) if n % every == 0
        ),
        legend=tuple((number, label[name]) for number, name in enumerate(series, start=1)),
        zero=_round(zero),
    )  # fmt: skip


def bounds(values: Sequence[Sequence[int]]) -> tuple[int, int]:
    """The lowest and the highest line of the scale, in whole steps around nothing."""
    step = _step(values)
    high = max((sum(cents for cents in column if cents > 0) for column in values), default=0)
    low = min((sum(cents for cents in column if cents < 0) for column in values), default=0)
    return low // step * step, -(-high // step) * step


def ticks(values: Sequence[Sequence[int]]) -> list[int]:
    low, high = bounds(values)
    return list(range(low, high + 1, _step(values)))


def _step(values: Sequence[Sequence[int]]) -> int:
    """1, 2 or 5 with noughts, in whole euros, so that a few of them reach the highest."""
    most = max((sum(abs(cents) for cents in column) for column in values), default=0)
    step = 100
    while True:
        for factor in (1, 2, 5):
            if most <= step * factor * _STEPS:
                return step * factor
        step *= 10


def _round(number: float) -> float:
    return round(number, 1)
