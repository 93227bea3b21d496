"""Which times are offered instead of one that is closed, and how long one may think about it. Pure: `now` is an argument."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from booking.availability.model import Slot

MOST = 3
NOTICE = timedelta(hours=24)  # nobody is to find in the evening that they are expected in the morning
_ANSWER_BEFORE = timedelta(hours=2)  # of the first time offered
_CLOSED_BEFORE = timedelta(hours=1)  # of the time that is closed: then somebody would set out for it
_LEAST = timedelta(hours=2)  # to read a message and to answer it


def in_order(slots: Iterable[Slot], wished: datetime, zone: ZoneInfo) -> list[Slot]:
    """The best first: on each of the nearest days the one nearest to the same time of day; then whatever is near.

    So three times lie on three days, where there are so many: whoever cannot come on one may come on another.
    """
    by_day: dict[date, list[Slot]] = {}
    for slot in slots:
        by_day.setdefault(slot.starts_at.astimezone(zone).date(), []).append(slot)
    day, minute = wished.astimezone(zone).date(), _minute(wished, zone)
    near = [
        min(found, key=lambda slot: (abs(_minute(slot.starts_at, zone) - minute), slot.starts_at))
        for found in by_day.values()
    ]
    near.sort(key=lambda slot: (abs(slot.starts_at.astimezone(zone).date() - day), slot.starts_at < wished))
    first = near[:MOST]
    rest = [slot for found in by_day.values() for slot in found if slot not in first]
    rest.sort(key=lambda slot: (abs(slot.starts_at - wished), slot.starts_at < wished))
    return first + rest


def nearest_first(office_id: int, places: Mapping[int, tuple[float, float]]) -> list[int]:
    """Offices by the distance of their (latitude, longitude) from one of them; inside a city the earth is flat."""
    latitude, longitude = places[office_id]
    narrow = math.cos(math.radians(latitude))

    def distance(ident: int) -> float:
        return math.hypot(places[ident][0] - latitude, (places[ident][1] - longitude) * narrow)

    return sorted(places, key=lambda ident: (ident != office_id, distance(ident), ident))


def answer_until(now: datetime, hours: int, closed_at: datetime, offered: Sequence[datetime] = ()) -> datetime | None:
    """None: too late to ask by message at all."""
    last = [now + timedelta(hours=hours), closed_at - _CLOSED_BEFORE, *(start - _ANSWER_BEFORE for start in offered)]
    until = min(last)
    return until if until >= now + _LEAST else None


def _minute(moment: datetime, zone: ZoneInfo) -> int:
    local = moment.astimezone(zone)
    return local.hour * 60 + local.minute
