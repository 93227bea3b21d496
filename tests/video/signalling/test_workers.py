"""Two web processes and real media workers: one that alone does not hear a worker leaves its calls alone; a death is known by its lease."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from base.clock import SettableClock
from base.db import Database
from tests.town import eventually
from tests.video.client import Client, pub_offer
from tests.video.rooms.world import World
from tests.video.worker_process import Running, free_udp_port, until
from video.control import MediaPool
from video.ports import MediaUnavailable, PeerLost
from video.rooms import store
from video.rooms.leases import Leases
from video.rooms.model import Home, Role, Room
from video.signalling.workers import Workers

MIDS = {"a": "audio", "v": "camera"}


class Counting(Leases):
    """Remembers how often it looked, and how many epochs it began."""

    begun = looks = 0

    async def begin_epochs(self, *, and_lapsed: bool) -> int:
        self.looks += 1
        begun = await super().begin_epochs(and_lapsed=and_lapsed)
        self.begun += begun
        return begun


@dataclass
class Web:
    """Of a web process what concerns media."""

    pool: MediaPool
    leases: Counting
    workers: Workers

    async def hears(self, running: Running) -> bool:
        """By itself: the lease may have been written by another."""
        living = [lease for lease in await self.leases.living() if lease.name == running.control]
        return any(self.workers._hears(Home(lease.name, lease.instance)) for lease in living)

    async def cut(self, running: Running) -> None:
        """Its connection ends and no new one comes about, while those of others go on."""
        control = Path(running.control)
        control.rename(control.with_suffix(".away"))
        [worker] = (one for one in self.pool._workers if one.address == running.control)
        assert worker._writer is not None
        worker._writer.transport.abort()
        await until(lambda: worker.instance is None, "the loss")


def joined(running: Running) -> None:
    control = Path(running.control)
    control.with_suffix(".away").rename(control)


@asynccontextmanager
async def web(db: Database, *running: Running) -> AsyncIterator[Web]:
    pool, leases = MediaPool([one.control for one in running], ""), Counting(db)

    def lost(_lost: PeerLost) -> None:
        return

    workers = Workers(pool, leases, lost)
    await workers.start()
    await pool.start()
    try:
        yield Web(pool, leases, workers)
    finally:
        await workers.stop()
        await pool.stop()


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[list[Running]]:
    """Two workers; a test may start the second one, or neither for long."""
    made = [Running(str(tmp_path / name), free_udp_port()) for name in ("one", "two")]
    yield made
    for one in made:
        if one.process is not None and one.process.poll() is None:
            one.kill()


@pytest.fixture
async def room_id(db: Database, clock: SettableClock) -> UUID:
    return (await World(db, clock).invite(Role.CLERK)).room_id


async def read(db: Database, room_id: UUID) -> Room:
    async with db.connection() as conn:
        room = await store.find_room(conn, room_id)
    assert room is not None
    return room


async def are_up(*webs: Web, running: Running) -> None:
    async def all_hear() -> bool:
        return all([await one.hears(running) for one in webs])

    await eventually(all_hear)


async def test_one_that_alone_does_not_hear_a_worker_leaves_its_calls_alone(
    db: Database, running: list[Running], room_id: UUID
) -> None:
    running[0].start()
    async with web(db, running[0]) as first, web(db, running[0]) as second:
        await are_up(first, second, running=running[0])
        await first.workers.make_room(room_id, 1)
        answer = await first.pool.publish(room_id, 1, 1, pub_offer(kim := Client()), MIDS)
        await first.cut(running[0])
        home = await first.leases.find_home(room_id, 1)
        with pytest.raises(MediaUnavailable):
            await first.workers.make_room(room_id, 1)
        async with db.connection() as conn:
            until_then = await conn.fetchval("SELECT lease_until FROM media_worker")

            async def has_run_out() -> bool:  # what the first one has seen; from then on the other alone keeps it
                found: bool = await conn.fetchval(
                    "SELECT clock_timestamp() > $1::timestamptz + interval '1 second'", until_then
                )
                return found

            await eventually(has_run_out)
        await second.workers.make_room(room_id, 1)
        assert await second.pool.publish(room_id, 1, 1, pub_offer(kim), MIDS) == answer  # the same call still
        room = await read(db, room_id)
        assert (room.epoch, Home(str(room.worker), str(room.worker_instance))) == (1, home)
        assert (first.leases.begun, second.leases.begun) == (0, 0)
        joined(running[0])
        await until(lambda: first.pool.is_up, "the way back")
        await first.workers.make_room(room_id, 1)


async def test_when_the_lease_has_run_out_one_of_both_begins_the_epoch(
    db: Database, running: list[Running], room_id: UUID
) -> None:
    for one in running:
        one.start()
    async with web(db, *running) as first, web(db, *running) as second:
        for one in running:
            await are_up(first, second, running=one)
        await first.workers.make_room(room_id, 1)
        was = await read(db, room_id)
        dead, other = sorted(running, key=lambda one: one.control != was.worker)
        dead.kill()

        async def begun() -> bool:
            return (await read(db, room_id)).epoch == 2

        await eventually(begun, seconds=8)
        await until(lambda: first.leases.begun + second.leases.begun == 1, "who did it knows", 2)
        await asyncio.gather(*(one.workers.make_room(room_id, 2) for one in (first, second)))
        room = await read(db, room_id)
        assert (room.epoch, room.worker) == (2, other.control)
        assert first.leases.begun + second.leases.begun == 1


async def test_a_worker_that_starts_anew_begins_an_epoch_before_the_lease_has_run_out(
    db: Database, running: list[Running], room_id: UUID
) -> None:
    running[0].start()
    async with web(db, running[0]) as first:
        await are_up(first, running=running[0])
        await first.workers.make_room(room_id, 1)
        was = await read(db, room_id)
        await first.leases.begin_epochs(and_lapsed=True)
        assert (await read(db, room_id)).epoch == 1
        first.workers._sure_at = float("inf")  # so that the end of the lease begins nothing here
        running[0].kill()
        running[0].start()

        async def begun() -> bool:
            return (await read(db, room_id)).epoch == 2

        await eventually(begun)
        await first.workers.make_room(room_id, 2)
        room = await read(db, room_id)
        assert (room.worker, room.worker_instance != was.worker_instance) == (running[0].control, True)


async def test_both_make_the_room_at_once_and_it_is_on_one_worker(
    db: Database, running: list[Running], clock: SettableClock
) -> None:
    for one in running:
        one.start()
    async with AsyncExitStack() as stack:
        webs = [await stack.enter_async_context(web(db, *running)) for _ in range(2)]
        for one in running:
            await are_up(*webs, running=one)
        rooms = [(await World(db, clock).invite(Role.CLERK)).room_id for _ in range(5)]
        await asyncio.gather(*(one.workers.make_room(room, 1) for room in rooms for one in webs))
        for room in rooms:
            where = [one.pool.worker_of(room) for one in webs]
            assert where[0] == where[1]
            found = await read(db, room)
            assert (found.worker, found.worker_instance) == where[0]


async def test_a_new_room_goes_to_the_least_loaded_that_is_heard(
    db: Database, running: list[Running], room_id: UUID
) -> None:
    running[0].start()
    async with web(db, running[0]) as first:
        await are_up(first, running=running[0])
        for name, load in (("deaf", 0.0), ("idle", 0.0)):
            await first.leases.hear(name, "of others", load)
        await first.workers.make_room(room_id, 1)
        assert (await read(db, room_id)).worker == running[0].control


async def test_a_web_process_that_starts_while_a_lease_has_run_out_leaves_the_calls_alone(
    db: Database, running: list[Running], room_id: UUID
) -> None:
    """Nobody was there to hear the worker, as when the only web process is started anew; the worker lives."""
    running[0].start()
    async with web(db, running[0]) as first:
        await are_up(first, running=running[0])
        await first.workers.make_room(room_id, 1)

    async def has_run_out() -> bool:
        return not await first.leases.living()

    await eventually(has_run_out)
    control = Path(running[0].control)
    control.rename(control.with_suffix(".away"))
    async with web(db, running[0]) as second:
        await until(lambda: second.leases.looks >= 2, "a look, before anything was heard")
        joined(running[0])
        await are_up(second, running=running[0])
        await second.workers.make_room(room_id, 1)
        assert (second.leases.begun, (await read(db, room_id)).epoch) == (0, 1)
