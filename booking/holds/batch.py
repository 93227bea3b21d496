"""Group commit: holds that wait at the same moment share one statement and one commit.

Measured: 4-5 times as many holds per second as one transaction each. One batch is under way at a time, and takes half of those who wait:
while the database works on it, this process works on the answers of the one before. (All who wait in one batch, or two batches side by
side: the one is idle while the other works.) Only where a batch is slow, because it waits for somebody's lock, the next ones pass it.
Batches are sorted by (counter, start) with one candidate per request; unsorted ones deadlock.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from base.clock import Clock
from base.db import Database, database_is_away
from base.errors import Unavailable
from base.failpoint import point
from booking.holds import store
from booking.holds.model import Entry, Wanted
from booking.holds.refusals import PASS_REFUSALS

log = logging.getLogger(__name__)
hold_inserted = point("hold.inserted")

_MOST, _FEW = 64, 32  # so few need not be halved
_SLOW_S = 0.05
_MOST_UNDER_WAY = 3
_TRIES = 3
# More than anybody would wait for: some thousand holds are made per second. Who comes then is told so at once.
_MOST_WAITING = 2000
# One member's fault, or a meeting with a change of hours: never wrong, and each may succeed alone.
_ALONE = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.IntegrityConstraintViolationError)

_Waiting = tuple[Wanted, "asyncio.Future[datetime | None]"]


class Batcher:
    def __init__(self, db: Database, clock: Clock, *, hold_minutes: int = 15) -> None:
        self._db = db
        self._clock = clock
        self._hold_for = timedelta(minutes=hold_minutes)
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="holds")

    async def stop(self) -> None:
        """What is being sent is finished; who still waits is told to try again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await asyncio.gather(*self._under_way, return_exceptions=True)
        self._send_away(self._waiting())

    async def submit(self, wanted: Wanted) -> datetime | None:
        """Until when it is held, as stored. None: taken, closed, or this very request had made it before. Raises PassRefused."""
        if self._task is None or self._queue.qsize() >= _MOST_WAITING:
            raise Unavailable
        waiting: asyncio.Future[datetime | None] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((wanted, waiting))
        return await waiting

    async def submit_kept(self, wanted: Wanted) -> datetime | None:
        """The same for staff, one by one: it changes what is kept for them. Few are at a desk, and each waits for their counter."""
        for attempt in range(1, _TRIES + 1):
            try:
                now = self._clock()
                until = now + self._hold_for
                async with self._db.connection() as conn:
                    made = await store.insert_kept(conn, now, until, wanted)
                hold_inserted()
            except asyncpg.DeadlockDetectedError:
                if attempt == _TRIES:
                    raise Unavailable from None
            else:
                return until if made else None
        raise AssertionError("unreachable")

    async def submit_visit(
        self, parts: Sequence[Wanted], *, staff: bool, entry: Entry | None = None
    ) -> datetime | None:
        """All parts of a visit, or none; one by one, as they are few and a batch knows one row per request. Raises PassRefused.

        None also where the catalogue has changed since this process heard of it.
        """
        for attempt in range(1, _TRIES + 1):
            now = self._clock()
            until = now + self._hold_for
            try:
                async with self._db.connection() as conn:
                    if entry is None:
                        made = await store.insert_visit(conn, now, until, parts, staff=staff)
                    else:
                        said = await store.insert_visit_with_pass(conn, now, until, parts, entry)
                        if said in PASS_REFUSALS:
                            raise PASS_REFUSALS[said]
                        made = said is not None
                hold_inserted()
            except asyncpg.CheckViolationError:
                return None
            except asyncpg.DeadlockDetectedError:
                if attempt == _TRIES:
                    raise Unavailable from None
            else:
                return until if made else None
        raise AssertionError("unreachable")

    async def submit_override(self, wanted: Wanted, reason: str, by: int) -> datetime | None:
        """By staff, with a reason, although the time is taken or closed. None: it is neither."""
        now = self._clock()
        until = now + self._hold_for
        async with self._db.connection() as conn:
            made = await store.insert_override(conn, now, until, wanted, reason, by)
        hold_inserted()
        return until if made else None

    async def _run(self) -> None:
        while True:
            batch = [await self._queue.get()]
            waiting = self._queue.qsize()
            most = min(_MOST, max(_FEW, waiting // 2))
            batch += [self._queue.get_nowait() for _ in range(min(waiting, most - 1))]
            batch.sort(key=lambda one: (one[0].counter_id, one[0].starts_at))
            sending = asyncio.create_task(self._send(batch))
            self._under_way.add(sending)
            sending.add_done_callback(self._under_way.discard)
            await asyncio.wait({sending}, timeout=_SLOW_S)
            while len(self._under_way) >= _MOST_UNDER_WAY:
                await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)

    async def _send(self, batch: Sequence[_Waiting]) -> None:
        try:
            try:
                made, until = await self._insert([wanted for wanted, _ in batch])
            except _ALONE as error:
                log.info("holds.batch-failed", extra={"error": type(error).__name__, "members": len(batch)})
                for member in batch:
                    await self._send_alone(*member)
            else:
                for wanted, waiting in batch:
                    _settle(waiting, _answer(made, wanted, until))
        except Exception as error:  # whatever it is, everybody in the batch waits for an answer
            if database_is_away(error):
                # Nobody else would fare better: one long wait for all, instead of one after the other.
                log.warning("holds.database-away", extra={"error": type(error).__name__, "members": len(batch)})
                self._send_away([*batch, *self._waiting()])
            else:
                log.exception("holds.failed", extra={"members": len(batch)})
                self._send_away(batch)

    async def _send_alone(self, wanted: Wanted, waiting: asyncio.Future[datetime | None]) -> None:
        for attempt in range(1, _TRIES + 1):
            try:
                made, until = await self._insert([wanted])
            except _ALONE as error:
                if attempt == _TRIES or isinstance(error, asyncpg.IntegrityConstraintViolationError):
                    log.warning("holds.failed", extra={"error": type(error).__name__})
                    _settle(waiting, Unavailable())
                    return
            else:
                _settle(waiting, _answer(made, wanted, until))
                return

    def _waiting(self) -> list[_Waiting]:
        return [self._queue.get_nowait() for _ in range(self._queue.qsize())]

    def _send_away(self, members: Sequence[_Waiting]) -> None:
        for _, waiting in members:
            _settle(waiting, Unavailable())

    async def _insert(self, members: Sequence[Wanted]) -> tuple[Mapping[UUID, str | None], datetime]:
        now = self._clock()
        until = now + self._hold_for
        async with self._db.connection() as conn:  # one statement is one transaction: no BEGIN and COMMIT on the wire
            if any(member.entry or member.who for member in members):
                made = await store.insert_with_passes(conn, now, until, members)
            else:
                made = dict.fromkeys(await store.insert(conn, now, until, members))
        hold_inserted()
        return made, until


def _answer(made: Mapping[UUID, str | None], wanted: Wanted, until: datetime) -> datetime | Exception | None:
    if wanted.hold_id not in made:
        return None
    refused = made[wanted.hold_id]
    return until if refused is None else PASS_REFUSALS[refused]()


def _settle(waiting: asyncio.Future[datetime | None], result: datetime | Exception | None) -> None:
    if waiting.done():  # whoever waited has gone; the hold runs out by itself
        return
    if isinstance(result, Exception):
        waiting.set_exception(result)
    else:
        waiting.set_result(result)
