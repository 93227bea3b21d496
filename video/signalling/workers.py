"""Which media workers live, and what follows when one dies: its rooms begin a new epoch, and their browsers connect anew.

Nothing here hangs on a single event: what was heard is written down, and what the leases say is looked at, again and again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from uuid import UUID

from video.model import HEARTBEAT_S, LEASE_S
from video.ports import Media, MediaRefused, MediaUnavailable, PeerLost, WorkerDown, WorkerHeard
from video.rooms.leases import Leases
from video.rooms.model import Home

log = logging.getLogger(__name__)
LOOK_S = HEARTBEAT_S / 2


class Workers:
    """Each web process hears of the workers itself; that one lives on though this process does not hear it, its lease says."""

    def __init__(
        self, media: Media, leases: Leases, on_peer_lost: Callable[[PeerLost], None], *, lease_s: float = LEASE_S
    ) -> None:
        self._media = media
        self._leases = leases
        self._on_peer_lost = on_peer_lost
        self._lease_s = lease_s
        self._living: dict[str, WorkerHeard] = {}
        self._unwritten: dict[str, WorkerHeard] = {}
        self._news = asyncio.Event()
        self._sure_at = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Returns when it listens."""
        listening = asyncio.Event()
        self._doubt()
        self._tasks = [
            asyncio.create_task(self._listen(listening), name="media-workers"),
            asyncio.create_task(self._keep(), name="media-leases"),
        ]
        await listening.wait()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def make_room(self, room_id: UUID, epoch: int) -> None:
        """The room is on a worker, and in the database stands on which: so that the end of its lease ends the epoch, whenever it comes.

        A room stays where it is while that worker's lease lives, also if this process cannot reach it.
        Raises MediaRefused, MediaUnavailable.
        """
        home = await self._leases.find_home(room_id, epoch)
        if home is None:
            chosen = await self._choose()
            await self._media.create_room(room_id, epoch, chosen.worker)
            home = await self._leases.bind(room_id, epoch, chosen)
            if home == chosen:
                return
            if home is not None:  # another process was first, and chose another worker
                with contextlib.suppress(MediaRefused, MediaUnavailable):
                    await self._media.close_room(room_id, epoch)
        if home is None or not self._hears(home):
            raise MediaUnavailable("its worker cannot be reached from here")
        await self._media.create_room(room_id, epoch, home.worker)

    async def _choose(self) -> Home:
        """The least loaded of the workers that live and that we hear."""
        for lease in await self._leases.living():
            if self._hears(home := Home(lease.name, lease.instance)):
                return home
        raise MediaUnavailable("no worker")

    def _hears(self, home: Home) -> bool:
        heard = self._living.get(home.worker)
        return heard is not None and heard.instance == home.instance

    def _doubt(self) -> None:
        """That a lease has run out proves nothing until those who hear the worker had time to renew it: while the database was away,
        or before we listened, nobody could."""
        self._sure_at = asyncio.get_running_loop().time() + self._lease_s

    async def _listen(self, listening: asyncio.Event) -> None:
        asyncio.get_running_loop().call_soon(listening.set)  # the iterator below registers before it waits
        async for event in self._media.events():
            match event:
                case WorkerHeard(worker):
                    self._living[worker] = self._unwritten[worker] = event
                    self._news.set()
                case WorkerDown(worker, instance):
                    for heard in (self._living, self._unwritten):
                        if worker in heard and heard[worker].instance == instance:
                            del heard[worker]
                case PeerLost():
                    self._on_peer_lost(event)

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), LOOK_S)
            self._news.clear()
            try:
                await self._write_down()
                begun = await self._leases.begin_epochs(and_lapsed=loop.time() >= self._sure_at)
            except Exception as error:  # whatever it is: given up, these calls would stay dead for good
                log.warning("media.leases-not-kept", extra={"error": type(error).__name__})
                self._doubt()
                await asyncio.sleep(LOOK_S)
                continue
            if begun:
                log.warning("media.rooms-lost-worker", extra={"rooms": begun})

    async def _write_down(self) -> None:
        while self._unwritten:
            _worker, heard = self._unwritten.popitem()
            await self._leases.hear(heard.worker, heard.instance, heard.load)
