"""Look-ups of the same moment share one query: thousands who are refused at once each ask whether their own request was here before."""

from __future__ import annotations

import asyncio
from uuid import UUID

from base.db import Database
from booking.holds import store
from booking.holds.store import HoldRow

_MOST = 500


class Finder:
    """One query is under way at a time; who comes meanwhile goes with the next."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: dict[UUID, asyncio.Future[HoldRow | None]] = {}
        self._working: asyncio.Task[None] | None = None

    async def find(self, ident: UUID) -> HoldRow | None:
        waiting = self._waiting.get(ident)
        if waiting is None:
            waiting = self._waiting[ident] = asyncio.get_running_loop().create_future()
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work(), name="holds-finder")
        return await asyncio.shield(waiting)

    async def _work(self) -> None:
        while self._waiting:
            asked = {ident: self._waiting.pop(ident) for ident in list(self._waiting)[:_MOST]}
            try:
                async with self._db.connection() as conn:
                    found = {row.id: row for row in await store.find_many(conn, list(asked))}
            except Exception as error:  # each who asked decides what it means to them
                for waiting in asked.values():
                    waiting.set_exception(error)
                    waiting.exception()  # looked at, so that nobody warns where everybody has gone
            else:
                for ident, waiting in asked.items():
                    waiting.set_result(found.get(ident))
