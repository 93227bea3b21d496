"""One web process owns an office: its memory proposes the counters, so holds of the others do not collide with its own.

Each process renews a lease and reads the others' once a second; rendezvous hashing over the living ones gives every office its owner, with
no row per office and without moving more offices than it must when a process comes or goes. A hold is sent to the owner; one that is away,
or silent for 200 ms, is done without: the sender inserts by itself, under the same request key, so that the answer is one hold either way.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from uuid import UUID, uuid4

from base.db import Database, database_is_away
from base.lines import Message
from base.seal import Sealer
from booking.holds import store
from booking.holds.links import Away, Link, Server

log = logging.getLogger(__name__)

LEASE_S = 3.0
RENEW_S = 1.0
SILENT_S = 0.2
SHUNNED_S = 1.0  # who was silent is not asked again for as long

Answer = Callable[[Message], Awaitable[Message]]


class Owners:
    """`listen`: a folder for unix sockets, or "host:port" (port 0: any free one); empty: every process works by itself."""

    def __init__(self, db: Database, sealer: Sealer, listen: str) -> None:
        self.id = uuid4()
        self._db = db
        self._secret = sealer.mac("holds between web processes")
        self._listen = (
            str(Path(listen).absolute()) if "/" in listen else listen
        )  # others must find it from where they are
        self._server: Server | None = None
        self._links: dict[UUID, Link] = {}
        self._owner: dict[int, UUID] = {}  # by office, for the processes alive
        self._alive: frozenset[UUID] = frozenset()
        self._task: asyncio.Task[None] | None = None

    async def start(self, answer: Answer) -> None:
        if not self._listen:
            return
        self._server = Server(self._secret, answer)
        await self._server.start(self._listen, self.id)
        await self._renew()
        self._task = asyncio.create_task(self._keep_renewing(), name="owners")

    async def stop(self) -> None:
        """The lease is given back first, so that nobody sends us anything while we finish."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        with contextlib.suppress(Exception):  # the database may be away; then the lease runs out by itself
            async with self._db.connection() as conn:
                await store.leave(conn, self.id)
        for link in self._links.values():
            await link.close()
        self._links.clear()
        self._alive, self._owner = frozenset(), {}
        if self._server is not None:
            await self._server.stop()

    def owner_of(self, office_id: int) -> UUID | None:
        """None: this process, or nobody in particular."""
        if len(self._alive) < 2:
            return None
        found = self._owner.get(office_id)
        if found is None:
            found = self._owner[office_id] = max(self._alive, key=lambda process: _weight(process, office_id))
        return None if found == self.id else found

    async def ask(self, owner: UUID, message: Message) -> Message | None:
        """None: it is away. Raises Silent: it may still do what it was asked for."""
        link = self._links.get(owner)
        if link is None:
            return None
        try:
            return await link.ask(message, SILENT_S, SHUNNED_S)
        except Away:
            return None

    async def _keep_renewing(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                await self._renew()
            except Exception as error:  # nobody knows who is alive: each by itself, until the next time
                if not database_is_away(error):
                    log.exception("holds.lease-not-renewed")
                self._take_note({})

    async def _renew(self) -> None:
        assert self._server is not None
        async with self._db.connection() as conn:
            self._take_note(await store.renew(conn, self.id, self._server.address, LEASE_S))

    def _take_note(self, alive: Mapping[UUID, str]) -> None:
        if alive.keys() == self._alive:
            return
        log.info("holds.owners", extra={"processes": len(alive)})
        for gone in self._links.keys() - alive.keys():
            self._links.pop(gone).close_soon()
        for process, address in alive.items():
            if process != self.id and process not in self._links:
                self._links[process] = Link(address, self._secret)
        self._alive, self._owner = frozenset(alive), {}


def _weight(process: UUID, office_id: int) -> bytes:
    """Highest random weight (Thaler and Ravishankar, 1998)."""
    return hashlib.blake2b(process.bytes + office_id.to_bytes(8, "big"), digest_size=8).digest()
