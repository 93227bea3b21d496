"""The mirror of `claim` in memory: a feed source that keeps the book, one integer per counter.

Closed time, holds and appointments arrive alike as rows; no row is remembered. Living rows set their cells. A freed row brings the living
rows that overlap it, read in the same snapshot, so its cells are cleared and these set again: applying a poll twice changes nothing, in
whatever order transactions committed. One poll's rows are applied as a whole before a counter's new integer is published: in one
transaction of set_open() old closed time is lifted and new closed time appears, and nobody may see the moment between.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable

from base.clock import Clock
from base.db import Connection
from booking.availability import store
from booking.availability.book import CELLS_PER_DAY, Book, bits_of, cell_of
from booking.availability.model import ClaimRow, CounterTime


class Mirror:
    """Beside the time in the database it keeps what this process has taken itself and the feed has not brought back yet."""

    name = "availability"

    def __init__(self, clock: Clock, horizon_days: int = 90) -> None:
        self._clock = clock
        # Today's UTC day is shorter than the local one at its ends: two days more than are ever released.
        self._cells = (horizon_days + 2) * CELLS_PER_DAY
        self.book = Book(self._today(), self._cells)
        self.versions: dict[int, int] = {}  # by office: +1 whenever a counter's time changed
        self._office: dict[int, int] = {}
        self._busy: dict[
            int, int
        ] = {}  # by counter, as the database has it; published as it is while nothing is taken here
        self._staff: dict[int, int] = {}  # the same without what is kept for staff, of counters that have such time
        self._taken: dict[int, dict[int, int]] = {}  # counter -> first cell -> count: sent, or about to be
        self._kept: dict[tuple[int, int], int] = {}  # of these, the committed ones -> polls begun until then
        self._polls = 0

    async def start(self, conn: Connection, only: Collection[int] | None = None) -> int:
        """`only`: these counters, for one look by whoever does not follow the feed."""
        watermark = await store.watermark(conn)
        async with conn.transaction():
            async for one in store.counter_times(conn, self.book.base, self.book.end, only):
                self.fill(one)
        self._publish(self._busy)
        return watermark

    async def poll(self, conn: Connection, watermark: int) -> tuple[int, frozenset[str]]:
        self._polls += 1
        begun = self._polls
        offices = await self._roll(conn)
        following, rows = await store.changed_claims(conn, watermark, self.book.base)
        offices |= self.apply(rows)
        offices |= self._forget([place for place, polls in self._kept.items() if polls < begun])
        return following, frozenset(f"office:{office}" for office in offices)

    def fill(self, one: CounterTime) -> None:
        """All of what takes a counter's time; not published yet."""
        self._office[one.counter_id] = one.office_id
        taken = bits_of(one.spans(self.book.base), self._cells)
        kept = bits_of(one.kept(self.book.base), self._cells) if one.kept_firsts else 0
        self._set(one.counter_id, taken | kept, taken)

    def apply(self, rows: Iterable[ClaimRow]) -> set[int]:
        """Rows of one poll: freed ones, and living ones, among these all that overlap a freed one. The offices whose time changed."""
        cleared: dict[int, int] = {}
        taken: dict[int, int] = {}
        kept: dict[int, int] = {}
        for row in rows:
            self._office.setdefault(row.counter_id, row.office_id)
            into = cleared if not row.occupies else kept if row.is_kept else taken
            into[row.counter_id] = into.get(row.counter_id, 0) | self.book.span(row.first, row.last)
        touched = cleared.keys() | taken.keys() | kept.keys()
        for counter_id in touched:
            busy = self._busy.get(counter_id, 0)
            # What is kept frees nothing for staff: closed time that it replaces was lifted and is cleared; somebody overbooked stays.
            staff = self._staff.get(counter_id, busy) & ~cleared.get(counter_id, 0) | taken.get(counter_id, 0)
            busy = busy & ~cleared.get(counter_id, 0) | taken.get(counter_id, 0) | kept.get(counter_id, 0)
            self._set(counter_id, busy, staff)
        return self._publish(touched)

    def _set(self, counter_id: int, busy: int, staff: int) -> None:
        self._busy[counter_id] = busy
        if staff == busy:
            self._staff.pop(counter_id, None)
        else:
            self._staff[counter_id] = staff

    def version(self, office_ids: Iterable[int]) -> tuple[int | None, ...]:
        """Changes whenever time at one of the offices changed; means nothing in another process."""
        return tuple(map(self.versions.get, office_ids))

    def take(self, counter_id: int, first: int, count: int, *, staff: bool = False) -> bool:
        """Claim free cells in this process, before the database is asked; False: they are not free."""
        if not self.book.is_free(counter_id, first, count, staff=staff):
            return False
        self._taken.setdefault(counter_id, {})[first] = count
        self.book.take(counter_id, first, count)  # what _publish() would make of it, without all that was taken before
        self._count_up((self._office[counter_id],))
        return True

    def keep(self, counter_id: int, first: int) -> None:
        """The database agreed. The row arrives with a poll that begins after this."""
        if first in self._taken.get(counter_id, ()):
            self._kept[counter_id, first] = self._polls

    def give_back(self, counter_id: int, first: int) -> None:
        """The database refused."""
        self._forget([(counter_id, first)])

    def _forget(self, places: list[tuple[int, int]]) -> set[int]:
        for counter_id, first in places:
            own = self._taken.get(counter_id, {})
            own.pop(first, None)
            if not own:
                self._taken.pop(counter_id, None)
            self._kept.pop((counter_id, first), None)
        return self._publish({counter_id for counter_id, _ in places})

    def _publish(self, counters: Iterable[int]) -> set[int]:
        changed = set()
        for counter_id in counters:
            if counter_id not in self._office:
                continue
            busy, staff = self._busy.get(counter_id, 0), self._staff.get(counter_id)
            for first, count in self._taken.get(counter_id, {}).items():
                bits = self.book.span(first, first + count)
                busy, staff = busy | bits, None if staff is None else staff | bits
            if self.book.publish(counter_id, busy, staff):
                changed.add(self._office[counter_id])
        self._count_up(changed)
        return changed

    def _count_up(self, offices: Iterable[int]) -> None:
        for office_id in offices:
            self.versions[office_id] = self.versions.get(office_id, 0) + 1

    def _today(self) -> int:
        return cell_of(self._clock()) // CELLS_PER_DAY * CELLS_PER_DAY

    async def _roll(self, conn: Connection) -> set[int]:
        """At midnight (UTC) the horizon moves on by a day: what is over is shifted out, and only the new day is read. All is read before
        anything changes: nobody sees the moment between, and a reading that fails is begun anew by the next poll."""
        before, book = self.book, Book(self._today(), self._cells)
        gone = book.base - before.base
        if not gone:
            return set()
        is_known = 0 < gone < self._cells  # else the clock jumped: nothing that is known is of use
        first = before.end if is_known else book.base
        come = [each async for each in self._bits(conn, first, book.end)]
        before_roll = self._busy.items() if is_known else ()
        left = {counter: (busy >> gone, self._staff.get(counter, busy) >> gone) for counter, busy in before_roll}
        self.book = book
        self._busy.clear()
        self._staff.clear()
        for counter_id, time in left.items():
            self._set(counter_id, *time)
        for counter_id, office_id, taken, kept in come:
            self._office[counter_id] = office_id
            busy = self._busy.get(counter_id, 0)
            staff = self._staff.get(counter_id, busy)
            taken, kept = taken << first - book.base, kept << first - book.base
            self._set(counter_id, busy | taken | kept, staff | taken)
        self._publish(self._busy)
        return set(self._office.values())

    async def _bits(self, conn: Connection, first: int, last: int) -> AsyncIterator[tuple[int, int, int, int]]:
        """Counter, office, and of the cells from `first` on those that are taken for everybody, and those kept for staff."""
        async with conn.transaction():
            async for one in store.counter_times(conn, first, last):
                cells = last - first
                yield one.counter_id, one.office_id, bits_of(one.spans(first), cells), bits_of(one.kept(first), cells)
