"""Leases of media workers. A lease lives as long as any web process hears the worker; only when it has run out, or another life of the
worker has taken its name, its rooms begin a new epoch.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

from base.db import Database
from base.failpoint import point
from video.model import LEASE_S
from video.rooms import lease_store, store
from video.rooms.model import Home, Lease

epoch_begun = point("room.epoch-begun")

LEASE = timedelta(seconds=LEASE_S)
PROMPT_S = 1.0


class Leases:
    def __init__(self, db: Database, lease: timedelta = LEASE) -> None:
        self._db = db
        self._lease = lease

    async def hear(self, worker: str, instance: str, load: float) -> None:
        """This life of the worker said something just now. All web processes hear a heartbeat at once; the first one renews.

        Raises TimeoutError where the database is slow.
        """
        async with asyncio.timeout(PROMPT_S), self._db.connection() as conn:
            if not await lease_store.renew(conn, worker, instance, self._lease, load, self._lease / 6):
                await lease_store.take(conn, worker, instance, self._lease, load)

    async def living(self) -> list[Lease]:
        """The least loaded first."""
        async with self._db.connection() as conn:
            return await lease_store.living(conn)

    async def find_home(self, room_id: UUID, epoch: int) -> Home | None:
        async with self._db.connection() as conn:
            return await lease_store.find_home(conn, room_id, epoch)

    async def bind(self, room_id: UUID, epoch: int, home: Home) -> Home | None:
        """Where the room is now: there, or where another process put it first. None: that lease does not live, or the epoch is over."""
        async with self._db.connection() as conn:
            await lease_store.bind(conn, room_id, epoch, home)
            return await lease_store.find_home(conn, room_id, epoch)

    async def begin_epochs(self, *, and_lapsed: bool) -> int:
        """Of rooms whose worker has another life now, and with `and_lapsed` of those whose worker's lease has run out.

        How many; each once, however many processes look. Raises TimeoutError where the database is slow: then renewals are as well,
        and that a lease has run out proves nothing.
        """
        begun, is_late = 0, False
        async with asyncio.timeout(PROMPT_S), self._db.connection() as conn:
            lost = await lease_store.rooms_lost(conn, and_lapsed=and_lapsed)
        for room_id in lost:
            try:
                async with asyncio.timeout(PROMPT_S), self._db.transaction() as conn:
                    room = await store.lock_room(conn, room_id)
                    if room is not None and room.worker is not None:
                        await lease_store.lock_worker(conn, room.worker)
                        begun += await lease_store.begin_epoch(conn, room_id, and_lapsed=and_lapsed)
            except TimeoutError:  # one room does not stand before the others; but of leases nothing is sure now
                and_lapsed, is_late = False, True
        if lost:
            epoch_begun()
        if is_late:
            raise TimeoutError
        return begun
