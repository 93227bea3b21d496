"""The book: per counter one Python int over the whole horizon, one bit for five minutes, set where the counter is taken.

Measured: 22 µs for 28 days of ten counters, against 4 ms for SQL over the same rows. A stale book leads
at worst to a hold that the database refuses, so nothing here needs a lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

CELL_S = 300
CELLS_PER_HOUR = 12
CELLS_PER_DAY = 24 * CELLS_PER_HOUR
_GRIDS_MIN = (60, 30, 20, 15, 10, 5)


def cell_of(instant: datetime) -> int:
    """The cell an instant lies in, counted from 1970."""
    return int(instant.timestamp()) // CELL_S


def cell_after(instant: datetime) -> int:
    """The first cell that begins at or after an instant."""
    seconds = instant.timestamp()
    return -int(-seconds // CELL_S)


def instant_of(cell: int) -> datetime:
    return datetime.fromtimestamp(cell * CELL_S, UTC)


def span(first: int, count: int) -> int:
    """`count` set bits from `first` on."""
    return ((1 << count) - 1) << first if count > 0 else 0


def runs(free: int, count: int) -> int:
    """Bit i stays set where bits i … i+count-1 are all set: the starts at which `count` cells fit. Doubling, so log2(count) steps."""
    done = 1
    while done < count:
        step = min(done, count - done)
        free &= free >> step
        done += step
    return free


def grid_minutes(duration_min: int) -> int:
    """The grid on which a service may begin: the largest of 5, 10, 15, 20, 30, 60 minutes that divides its duration."""
    for minutes in _GRIDS_MIN:
        if duration_min % minutes == 0:
            return minutes
    raise ValueError(f"{duration_min} minutes do not fit the five-minute cells")


def grid_mask(first: int, count: int, minutes: int, offset_s: int) -> int:
    """The cells from `first` on that begin on the grid of the local hour; `offset_s` is the zone's distance from UTC there."""
    step = minutes * 60 // CELL_S
    phase = -(first + offset_s // CELL_S) % step
    if count <= phase:
        return 0
    # 1 + 2^step + 2^2step + … as one division instead of a loop.
    ticks = -(-(count - phase) // step)
    return (((1 << ticks * step) - 1) // ((1 << step) - 1)) << phase


def bits(mask: int) -> Iterator[int]:
    """The positions of the set bits, ascending."""
    text = bin(mask)[:1:-1]
    at = text.find("1")
    while at >= 0:
        yield at
        at = text.find("1", at + 1)


def nearest_bits(mask: int, position: int, limit: int) -> list[int]:
    """Up to `limit` set bits, those next to `position` first; of two equally near ones the later (people are more often late)."""
    found: list[int] = []
    later = mask >> position if position >= 0 else mask << -position
    earlier = mask & span(0, position)
    while (later or earlier) and len(found) < limit:
        up = (later & -later).bit_length() - 1 if later else None
        down = position - earlier.bit_length() + 1 if earlier else None
        if down is None or (up is not None and up <= down):
            assert up is not None
            found.append(position + up)
            later &= later - 1
        else:
            found.append(position - down)
            earlier &= ~(1 << (position - down))
    return found


def bits_of(spans: Iterable[tuple[int, int]], cells: int) -> int:
    """The cells [first, last) of all spans as one integer, cut to 0 … cells. Through bytes: a million spans in a third of a second."""
    text = bytearray(b"0") * cells
    for first, last in spans:
        first, last = max(first, 0), min(last, cells)
        if first < last:
            text[first:last] = b"1" * (last - first)
    text.reverse()
    return int(text, 2)


class Book:
    """Taken time by counter from `base` on, in cells; before and beyond the horizon nothing is free."""

    def __init__(self, base: int, cells: int) -> None:
        self.base = base
        self.cells = cells
        self._busy: dict[int, int] = {}
        self._staff: dict[int, int] = {}  # what is taken for staff too, only of counters where that is less
        self.freed = 0  # counts up whenever time became free: what was taken before is taken still while it stands

    @property
    def end(self) -> int:
        return self.base + self.cells

    def span(self, first: int, last: int) -> int:
        """The bits of the cells [first, last), cut to the horizon."""
        first, last = max(first, self.base), min(last, self.end)
        return span(first - self.base, last - first)

    def publish(self, counter_id: int, busy: int, for_staff: int | None = None) -> bool:
        """Replace a counter's time at once; whether it changed. `for_staff`: what is taken for them, where that is less."""
        if for_staff == busy:
            for_staff = None
        before, before_staff = self._busy.get(counter_id), self._staff.get(counter_id)
        if before == busy and before_staff == for_staff:
            return False
        if before is None or before & ~busy or (before_staff or before) & ~(for_staff or busy):
            self.freed += 1
        self._busy[counter_id] = busy
        if for_staff is None:
            self._staff.pop(counter_id, None)
        else:
            self._staff[counter_id] = for_staff
        return True

    def take(self, counter_id: int, first: int, count: int) -> None:
        """Of a counter that is known: nobody has these cells any more, staff neither."""
        taken = self.span(first, first + count)
        self._busy[counter_id] |= taken
        if counter_id in self._staff:
            self._staff[counter_id] |= taken

    def free(self, counter_id: int, first: int, count: int, *, staff: bool = False) -> int:
        """Bit i set: cell first+i is free. An unknown counter is never free."""
        busy = self._busy.get(counter_id)
        if staff:
            busy = self._staff.get(counter_id, busy)
        if busy is None:
            return 0
        lead = first - self.base
        if lead >= 0 and lead + count <= self.cells:
            asked = (1 << count) - 1
            return (busy >> lead & asked) ^ asked
        inside = self.span(first, first + count)
        free = inside & ~busy
        return free >> lead if lead >= 0 else free << -lead

    def is_free(self, counter_id: int, first: int, count: int, *, staff: bool = False) -> bool:
        return self.free(counter_id, first, count, staff=staff) == span(0, count)

    def starts(self, counters: Iterable[int], first: int, count: int, needed: int, *, staff: bool = False) -> int:
        """Bit i set: at cell first+i one of the counters has `needed` free cells."""
        found = 0
        for counter_id in counters:
            found |= runs(self.free(counter_id, first, count + needed - 1, staff=staff), needed)
        return found & span(0, count)

    def fitting(self, counters: Iterable[int], first: int, count: int, *, staff: bool = False) -> list[int]:
        """The counters that are free then, those first where it fits snugly and cuts no free time in two."""
        found = []
        inside, last, lead = span(1, count), count + 1, first - 1 - self.base
        if staff or lead < 0 or lead + count + 2 > self.cells:
            for counter_id in counters:
                free = self.free(counter_id, first - 1, count + 2, staff=staff)
                if free & inside == inside:
                    found.append(((free & 1) + (free >> last), counter_id))
        else:  # the same, written out: each hold looks at all counters of an office
            asked = (1 << count + 2) - 1
            for counter_id in counters:
                busy = self._busy.get(counter_id)
                if busy is not None and not (busy := busy >> lead & asked) & inside:
                    found.append((2 - (busy & 1) - (busy >> last), counter_id))
        found.sort()
        return [counter_id for _, counter_id in found]
