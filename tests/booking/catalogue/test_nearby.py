"""Distances as the crow flies, and offices that will do."""

from __future__ import annotations

import pytest

from booking.catalogue.nearby import Point, Reach, suitable
from tests.frontend.samples import OFFICES

MITTE, CANNSTATT = Point(48.7727, 9.1766), Point(48.8050, 9.2140)


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        (MITTE, MITTE, 0.0),
        (MITTE, CANNSTATT, 4.52),
        (Point(48.7758, 9.1829), Point(52.5200, 13.4050), 511.0),  # to Berlin
        (Point(0, 0), Point(0, 180), 20015.1),  # half way round
        (Point(0, 179.9), Point(0, -179.9), 22.24),  # over the date line
    ],
)
def test_kilometres(one: Point, other: Point, km: float) -> None:
    assert one.km_to(other) == pytest.approx(km, rel=0.01, abs=0.01)
    assert one.km_to(other) == pytest.approx(other.km_to(one))


def test_what_will_do() -> None:
    every = {office.id for office in OFFICES}
    assert suitable(OFFICES) == every
    assert suitable(OFFICES, step_free=True) == every - {3}
    assert suitable(OFFICES, reach=Reach(Point(48.77, 9.18), 1)) == every
    assert suitable(OFFICES, reach=Reach(CANNSTATT, 1)) == frozenset()
