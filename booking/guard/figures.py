"""How many were refused and why, counted in memory and written every few seconds: a wave of refusals costs no wave of writing."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import suppress
from datetime import date

from base.clock import Clock
from base.db import Database, database_is_away
from booking.guard import store

log = logging.getLogger(__name__)

_WRITE_S = 5.0


class Figures:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._refused: Counter[tuple[int, date, str]] = Counter()
        self._task: asyncio.Task[None] | None = None

    def count(self, service_id: int, why: str) -> None:
        """What a crash takes along is not missed."""
        self._refused[(service_id, self._clock().date(), why)] += 1

    async def start(self) -> None:
        self._task = asyncio.create_task(self._keep_writing(), name="guard figures")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        with suppress(Exception):  # the database may be away
            await self.write()

    async def write(self) -> None:
        if not self._refused:
            return
        counted, self._refused = self._refused, Counter()
        try:
            async with self._db.connection() as conn:
                await store.count_refused(conn, counted)
        except BaseException:
            self._refused.update(counted)
            raise

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(_WRITE_S)
            try:
                await self.write()
            except Exception as error:  # what was counted stays, and is written the next time
                if not database_is_away(error):
                    log.exception("guard.figures-failed")
