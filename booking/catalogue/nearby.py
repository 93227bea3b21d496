"""Offices by what somebody needs of them: no steps, and not too far. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from booking.catalogue.model import Office, Place

_EARTH_KM = 6371.0088  # mean radius (IUGG)


@dataclass(frozen=True, slots=True)
class Point:
    """Degrees, WGS 84."""

    latitude: float
    longitude: float

    def km_to(self, other: Point) -> float:
        """As the crow flies: the haversine formula, on a sphere; half a per cent off at most."""
        here, there = math.radians(self.latitude), math.radians(other.latitude)
        half_north, half_east = (there - here) / 2, math.radians(other.longitude - self.longitude) / 2
        chord = math.sin(half_north) ** 2 + math.cos(here) * math.cos(there) * math.sin(half_east) ** 2
        return 2 * _EARTH_KM * math.asin(math.sqrt(min(1.0, chord)))


@dataclass(frozen=True, slots=True)
class Reach:
    """Within so many kilometres of a point."""

    centre: Point
    km: float

    def has(self, office: Office) -> bool:
        return self.centre.km_to(point_of(office)) <= self.km


def point_of(there: Office | Place) -> Point:
    return Point(there.latitude, there.longitude)


def suitable(offices: Iterable[Office], *, step_free: bool = False, reach: Reach | None = None) -> frozenset[int]:
    """The ids of those that will do."""
    return frozenset(
        office.id
        for office in offices
        if (office.is_step_free or not step_free) and (reach is None or reach.has(office))
    )
