"""Which media workers live, and what follows when one dies: its rooms begin a new epoch, and their browsers connect anew."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from uuid import UUID

from video.ports import Media, MediaUnavailable, PeerLost, WorkerDown, WorkerUp
from video.rooms.usecases import Rooms

log = logging.getLogger(__name__)
_RETRY_S = 1.0


class Workers:
    """Each web process hears of the workers itself; the new epoch is begun once, by compare-and-set."""

    def __init__(self, media: Media, rooms: Rooms, on_peer_lost: Callable[[PeerLost], None]) -> None:
        self._media = media
        self._rooms = rooms
        self._on_peer_lost = on_peer_lost
        self._living: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when it listens."""
        listening = asyncio.Event()
        self._task = asyncio.create_task(self._listen(listening), name="media-workers")
        await listening.wait()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def make_room(self, room_id: UUID, epoch: int) -> None:
        """The room is on a worker, and in the database stands on which: so that worker's death ends the epoch, whenever it comes.

        Raises MediaRefused, MediaUnavailable.
        """
        await self._media.create_room(room_id, epoch)
        found = self._media.worker_of(room_id)
        if found is None:
            raise MediaUnavailable
        await self._rooms.bind_worker(room_id, epoch, *found)
        worker, instance = found
        if self._living.get(worker) != instance:  # it died while that was written down
            await self._rooms.worker_gone(worker, instance)
            raise MediaUnavailable

    async def _listen(self, listening: asyncio.Event) -> None:
        asyncio.get_running_loop().call_soon(listening.set)  # the iterator below registers before it waits
        async for event in self._media.events():
            match event:
                case WorkerUp(worker, instance):
                    self._living[worker] = instance
                    await self._surely(self._rooms.worker_came, worker, instance)
                case WorkerDown(worker, instance):
                    if self._living.get(worker) == instance:
                        del self._living[worker]
                    await self._surely(self._rooms.worker_gone, worker, instance)
                case PeerLost():
                    self._on_peer_lost(event)

    async def _surely(self, tell: Callable[[str, str], Awaitable[int]], worker: str, instance: str) -> None:
        """The database may be away for a moment; then the rooms wait as everything does."""
        while True:
            try:
                begun = await tell(worker, instance)
            except (
                Exception
            ) as error:  # whatever it is: given up, these calls would stay dead for good, and no later worker be heard
                log.warning("media.epoch-not-begun", extra={"worker": worker, "error": type(error).__name__})
                await asyncio.sleep(_RETRY_S)
                continue
            if begun:
                log.warning("media.rooms-lost-worker", extra={"worker": worker, "rooms": begun})
            return
