"""From bits to times: windows of local days, starts on the grid, nothing in the past."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from booking.availability.book import (
    CELL_S,
    bits,
    cell_after,
    grid_mask,
    grid_minutes,
    instant_of,
    span,
)
from booking.availability.model import Slot, TimeOfDay, TimesOfDay, Window


@functools.lru_cache(maxsize=1024)
def day_start(day: date, zone: ZoneInfo) -> int:
    """The cell of local midnight. Days have 276, 288 or 300 cells."""
    return cell_after(datetime.combine(day, time(), zone))


def next_day(instant: datetime, zone: ZoneInfo) -> datetime:
    """The last moment of the local day."""
    return instant_of(day_start(day_of(instant, zone) + timedelta(days=1), zone)) - timedelta(microseconds=1)


def day_of(instant: datetime, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()


def window_cells(window: Window, zone: ZoneInfo) -> tuple[int, int]:
    """First cell and number of cells."""
    first = day_start(window.from_day, zone)
    return first, max(0, day_start(window.to_day + timedelta(days=1), zone) - first)


@functools.lru_cache(maxsize=4096)
def grid_of(first: int, count: int, duration_min: int, zone: ZoneInfo) -> int:
    """The starts a service may have in a window. (Shifts of DST by less than an hour, on Lord Howe, are not followed inside a window.)"""
    offset = instant_of(first).astimezone(zone).utcoffset() or timedelta()
    return grid_mask(first, count, grid_minutes(duration_min), int(offset.total_seconds()))


@functools.lru_cache(maxsize=4096)
def begins_at(first: int, count: int, zone: ZoneInfo, wanted: TimesOfDay) -> int:
    """The cells of a window in which it is one of these times of the day; on a day when the clock is changed, too."""
    mask, day = 0, day_of(instant_of(first), zone)
    while day_start(day, zone) < first + count:
        next_day = day + timedelta(days=1)
        ends = [day_start(day, zone), *(cell_after(datetime.combine(day, time(hour), zone)) for hour in (12, 16))]
        ends.append(day_start(next_day, zone))
        for part, (start, end) in zip(TimeOfDay, itertools.pairwise(ends), strict=True):
            if part in wanted:
                mask |= span(max(start - first, 0), max(end - max(start, first), 0))
        day = next_day
    return mask & span(0, count)


def is_on_grid(starts_at: datetime, duration_min: int, zone: ZoneInfo) -> bool:
    local = starts_at.astimezone(zone)
    return not (local.second or local.microsecond) and local.minute % grid_minutes(duration_min) == 0


def not_before(mask: int, first: int, earliest: datetime) -> int:
    """Without the starts that are too soon."""
    past = cell_after(earliest) - first
    return mask >> past << past if past > 0 else mask


def count_by_day(mask: int, first: int, window: Window, zone: ZoneInfo) -> dict[date, int]:
    """How many starts each day has; days without are in it with 0."""
    counts = {}
    for day in window.days:
        begin, end = day_start(day, zone), day_start(day + timedelta(days=1), zone)
        counts[day] = ((mask >> begin - first) & span(0, end - begin)).bit_count()
    return counts


def to_slots(mask: int, first: int, office_id: int, duration_min: int) -> list[Slot]:
    return [slot_at(first + bit, office_id, duration_min) for bit in bits(mask)]


def slot_at(cell: int, office_id: int, duration_min: int) -> Slot:
    starts_at = instant_of(cell)
    return Slot(office_id, starts_at, starts_at + timedelta(minutes=duration_min))


def in_order(slots: Iterable[Slot]) -> list[Slot]:
    return sorted(slots, key=lambda slot: (slot.starts_at, slot.office_id))


def cells_needed(duration_min: int) -> int:
    return duration_min * 60 // CELL_S
