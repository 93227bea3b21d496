"""The mirror of `claim` in memory: a feed source that keeps the book.

Closed time, holds and appointments arrive alike as rows. Applying a row twice changes nothing, so repeats are welcome. One poll's rows are
applied as a whole before a counter's new integer is published: in one transaction of set_open() old closed time is lifted and new closed
time appears, and nobody may see the moment between.
"""

from __future__ import annotations

from collections.abc import Iterable

from base.clock import Clock
from base.db import Connection
from booking.availability import store
from booking.availability.book import CELLS_PER_DAY, Book, cell_of
from booking.availability.model import ClaimRow, ClaimStatus


class Mirror:
    """Beside the rows it keeps what this process has taken itself and the feed has not brought back yet."""

    name = "availability"

    def __init__(self, clock: Clock, horizon_days: int = 90) -> None:
        self._clock = clock
        # Today's UTC day is shorter than the local one at its ends: two days more than are ever released.
        self._cells = (horizon_days + 2) * CELLS_PER_DAY
        self.book = Book(self._today(), self._cells)
        self.versions: dict[int, int] = {}  # by office: +1 whenever a counter's time changed
        self._office: dict[int, int] = {}
        self._spans: dict[int, dict[int, tuple[int, int]]] = {}  # counter -> claim -> cells
        self._where: dict[int, int] = {}  # claim -> counter
        self._busy: dict[int, int] = {}  # by counter: its spans as bits
        self._lent: dict[int, set[int]] = {}  # counter -> claims that are closed for the public only
        self._hard: dict[int, int] = {}  # by counter that has such: its other spans as bits
        self._taken: dict[int, dict[int, int]] = {}  # counter -> first cell -> count: sent, or about to be
        self._kept: dict[tuple[int, int], int] = {}  # of these, the committed ones -> polls begun until then
        self._polls = 0

    async def start(self, conn: Connection) -> int:
        watermark = await store.watermark(conn)
        self.apply(await store.living_claims(conn, self.book.base))
        return watermark

    async def poll(self, conn: Connection, watermark: int) -> tuple[int, frozenset[str]]:
        self._polls += 1
        begun = self._polls
        following, rows = await store.changed_claims(conn, watermark)
        offices = self._roll() | self.apply(rows)
        offices |= self._forget([place for place, polls in self._kept.items() if polls < begun])
        return following, frozenset(f"office:{office}" for office in offices)

    def apply(self, rows: Iterable[ClaimRow]) -> set[int]:
        """Returns the offices whose time changed."""
        touched: set[int] = set()
        freed: set[int] = set()
        for row in rows:
            before = self._where.get(row.id)
            alive = row.status < ClaimStatus.EXPIRED and row.last > self.book.base
            span = (row.first, row.last)
            if before is not None:
                if alive and before == row.counter_id and self._spans[before][row.id] == span:
                    continue  # a repeat
                self._drop(before, row.id)
                freed.add(before)
            if alive:
                self._office[row.counter_id] = row.office_id
                self._spans.setdefault(row.counter_id, {})[row.id] = span
                self._where[row.id] = row.counter_id
                self._busy[row.counter_id] = self._busy.get(row.counter_id, 0) | self.book.span(*span)
                touched.add(row.counter_id)
                if row.is_kept:
                    self._lent.setdefault(row.counter_id, set()).add(row.id)
        freed |= touched & self._lent.keys()
        for counter_id in freed:  # rows in the override lane may overlap others: bits cannot just be cleared
            self._sum_up(counter_id)
        return self._publish(touched | freed)

    def take(self, counter_id: int, first: int, count: int, *, staff: bool = False) -> bool:
        """Claim free cells in this process, before the database is asked; False: they are not free."""
        if not self.book.is_free(counter_id, first, count, staff=staff):
            return False
        self._taken.setdefault(counter_id, {})[first] = count
        self._publish((counter_id,))
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
            self._taken.get(counter_id, {}).pop(first, None)
            self._kept.pop((counter_id, first), None)
        return self._publish({counter_id for counter_id, _ in places})

    def _publish(self, counters: Iterable[int]) -> set[int]:
        changed = set()
        for counter_id in counters:
            busy = self._busy.get(counter_id, 0)
            hard = self._hard.get(counter_id, busy)
            for first, count in self._taken.get(counter_id, {}).items():
                bits = self.book.span(first, first + count)
                busy, hard = busy | bits, hard | bits
            if counter_id in self._office and self.book.publish(counter_id, busy, hard):
                changed.add(self._office[counter_id])
        for office_id in changed:
            self.versions[office_id] = self.versions.get(office_id, 0) + 1
        return changed

    def _sum_up(self, counter_id: int) -> None:
        busy = hard = 0
        lent = self._lent.get(counter_id, ())
        for ident, (first, last) in self._spans[counter_id].items():
            bits = self.book.span(first, last)
            busy |= bits
            if ident not in lent:
                hard |= bits
        self._busy[counter_id] = busy
        if lent:
            self._hard[counter_id] = hard
        else:
            self._hard.pop(counter_id, None)

    def _drop(self, counter_id: int, ident: int) -> None:
        del self._spans[counter_id][ident], self._where[ident]
        if counter_id in self._lent:
            self._lent[counter_id].discard(ident)
            if not self._lent[counter_id]:
                del self._lent[counter_id]

    def _today(self) -> int:
        return cell_of(self._clock()) // CELLS_PER_DAY * CELLS_PER_DAY

    def _roll(self) -> set[int]:
        """At midnight (UTC) the horizon moves on by a day, and what is over is forgotten."""
        today = self._today()
        if today == self.book.base:
            return set()
        self.book = Book(today, self._cells)
        for counter_id, spans in self._spans.items():
            for ident in [ident for ident, (_, last) in spans.items() if last <= today]:
                self._drop(counter_id, ident)
            self._sum_up(counter_id)
        self._publish(self._spans)
        return set(self._office.values())
