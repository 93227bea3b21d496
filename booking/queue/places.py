"""Who works at which counter today: one clerk at one counter. No clerk is written down beyond the day."""

from __future__ import annotations

from datetime import date

import asyncpg

from base.clock import Clock
from base.db import Connection, Database, violates
from base.errors import Conflict, NotFound
from base.i18n import mark as _
from booking.queue import places_store, store
from booking.queue.places_store import OfficeDay


class NoCounter(Conflict):
    code = "no_counter"
    message = _("Please choose your counter first.")


class CounterTaken(Conflict):
    code = "counter_taken"
    message = _("Somebody else works at this counter today.")


class CounterBusy(Conflict):
    code = "counter_busy"
    message = _("Please finish with the present person first.")


class Places:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def take(self, office_id: int, account_id: int, counter_id: int) -> None:
        """Leaves the former one, wherever it is. Raises CounterTaken, CounterBusy where somebody is being served at the former."""
        try:
            async with self._db.transaction() as conn:
                today = (await self.today(conn, office_id)).day
                await self._leave(conn, account_id, counter_id)
                if not await places_store.take_counter(conn, office_id, counter_id, account_id, today):
                    raise CounterTaken
        except asyncpg.UniqueViolationError as error:  # beside a process of the former release, which locks nothing
            if violates(error, "counter_clerk_one_counter"):
                raise CounterTaken from None
            raise

    async def leave(self, account_id: int) -> None:
        """Wherever it is. Raises CounterBusy."""
        async with self._db.transaction() as conn:
            await self._leave(conn, account_id)

    async def free(self, office_id: int, counter_id: int) -> None:
        """Somebody forgot to leave it. Whoever is called there stays, for whoever takes it next."""
        async with self._db.transaction() as conn:
            await places_store.lock_counters(conn, [counter_id])
            await places_store.free_counter(conn, office_id, counter_id)

    async def forget(self) -> int:
        """Who worked where on a day that is over: nothing is kept of it (docs/adr/0012). How many rows went."""
        async with self._db.transaction() as conn:
            return await places_store.forget_clerks(conn, self._clock())

    async def counter_of(self, conn: Connection, office_id: int, account_id: int, today: date) -> int:
        """Locked until the transaction ends. Raises NoCounter."""
        counter_id = await places_store.lock_counter_of(conn, office_id, account_id, today)
        if counter_id is None:
            raise NoCounter
        return counter_id

    async def today(self, conn: Connection, office_id: int) -> OfficeDay:
        """Raises NotFound."""
        found = await places_store.office_day(conn, office_id, self._clock())
        if found is None:
            raise NotFound
        return found

    async def _leave(self, conn: Connection, account_id: int, following: int | None = None) -> None:
        """The clerk first, then the former and the following counter by id, then who works there: nobody waits in a circle.

        Whom a former day left open is not there any more and keeps nobody: the ticket waits for whoever takes the counter next.
        """
        await places_store.lock_account(conn, account_id)
        concerned = {following, await places_store.counter_of(conn, account_id)} - {None}
        await places_store.lock_counters(conn, [one for one in concerned if one is not None])
        former = await places_store.lock_place(conn, account_id, self._clock())
        if former is None:
            return
        present = await store.open_at(conn, former.counter_id)
        if former.is_of_today and present is not None and present.day == former.today:
            if former.counter_id != following:
                raise CounterBusy
            return
        await places_store.leave_counter(conn, account_id)
