"""A video call whose processes are killed at each marked step, once, and whose people then do the same again."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from base.clock import SettableClock, utcnow
from base.config import Settings
from server.product import Product, open_product
from tests.faults.child import Child
from tests.video.worker_process import media, until
from video.ports import MediaUnavailable
from video.rooms.leases import Leases
from video.rooms.model import Entry, Home, Invitation, Role, Window
from video.rooms.usecases import OnlyClerk, SeatTaken

# A step for each point; test_killed.py compares the registry with these and with its own.
STEPS = {
    "room.waiting": "enter",
    "room.admitted": "admit",
    "room.left": "leave",
    "room.ended": "end",
    "room.epoch-begun": "worker-gone",
    "media.published": "publish",
}
OFFER = Path(__file__).parents[1] / "video" / "golden" / "chromium-pub-offer.sdp"
MIDS = {"0": "audio", "1": "camera"}


@dataclass(kw_only=True)
class Call:
    product: Product
    clock: SettableClock
    env: dict[str, str]
    folder: Path
    citizen: Invitation
    clerk: Invitation

    async def killed(self, point: str, number: int, *words: str) -> None:
        arguments = ("-m", "tests.faults.calls_process", STEPS[point], str(self.citizen.room_id), str(number), *words)
        child = await Child.start("calls", arguments, self.env, point, self.folder / "calls.log")
        assert await child.end() == -signal.SIGKILL, child.said()

    async def enter(self, who: Invitation) -> Entry:
        return await self.product.rooms.enter(who.room_id, who.token)

    async def seats(self) -> dict[int, str]:
        return {row["number"]: row["state"] for row in await self.rows("SELECT number, state FROM seat")}

    async def rows(self, sql: str) -> list[Any]:
        async with self.product.db.connection() as conn:
            return list(await conn.fetch(sql))

    async def admitted(self) -> tuple[Entry, Entry]:
        clerk, citizen = await self.enter(self.clerk), await self.enter(self.citizen)
        await self.product.rooms.admit(self.citizen.room_id, self.citizen.number, by=self.clerk.number)
        return clerk, citizen


@pytest.fixture
async def call(dsn: str, folder: Path) -> AsyncIterator[Call]:
    """Citizen and clerk are invited, and nobody is there yet."""
    secret, clock = "test-" + "k" * 40, SettableClock(utcnow())
    settings = Settings(database_url=dsn, secret_key=secret, database_pool=3)
    env = {"DATABASE_URL": dsn, "SECRET_KEY": secret, "DATABASE_POOL": "3"}
    async with open_product(settings, clock) as product:
        window = Window(clock() - timedelta(minutes=5), clock() + timedelta(hours=1))
        async with product.db.transaction() as conn:
            reference = uuid4()
            await product.rooms.open(conn, reference, window)
            citizen = await product.rooms.invite(conn, reference, Role.CITIZEN, "one", window)
            clerk = await product.rooms.invite(conn, reference, Role.CLERK, "two", window)
        yield Call(product=product, clock=clock, env=env, folder=folder, citizen=citizen, clerk=clerk)


async def test_coming_in(call: Call) -> None:
    """The browser never learnt of its seat: it is free again when the seat was kept long enough, and there is one seat only."""
    await call.killed("room.waiting", call.citizen.number, call.citizen.token)
    assert (await call.seats())[call.citizen.number] == "waiting"
    with pytest.raises(SeatTaken):
        await call.enter(call.citizen)
    call.clock.advance(minutes=2)
    await call.product.rooms.sweep()
    await call.enter(call.citizen)
    assert await call.seats() == {call.citizen.number: "waiting", call.clerk.number: "invited"}


async def test_admitting(call: Call) -> None:
    await call.enter(call.clerk)
    await call.enter(call.citizen)
    await call.killed("room.admitted", call.citizen.number, str(call.clerk.number))
    before = await call.seats()
    await call.product.rooms.admit(call.citizen.room_id, call.citizen.number, by=call.clerk.number)
    assert before == await call.seats() == {call.citizen.number: "admitted", call.clerk.number: "admitted"}


async def test_leaving(call: Call) -> None:
    _clerk, citizen = await call.admitted()
    await call.killed("room.left", call.citizen.number, str(citizen.connection))
    assert (await call.seats())[call.citizen.number] == "left"
    await call.product.rooms.leave(call.citizen.room_id, call.citizen.number, citizen.connection)
    assert (await call.seats())[call.clerk.number] == "admitted"


async def test_ending(call: Call) -> None:
    await call.admitted()
    await call.killed("room.ended", call.clerk.number)
    assert await call.seats() == {call.citizen.number: "left", call.clerk.number: "left"}
    assert [row["status"] for row in await call.rows("SELECT status FROM room")] == ["ended"]
    with pytest.raises(OnlyClerk):  # the call is over for the clerk as well
        await call.product.rooms.end(call.clerk.room_id, by=call.clerk.number)


async def test_a_worker_that_is_gone_begins_one_epoch_whoever_is_killed_over_it(call: Call) -> None:
    await call.admitted()
    room: UUID = call.citizen.room_id
    [before] = await call.rows("SELECT epoch FROM room")
    leases = Leases(call.product.db)
    await leases.hear("one", "first life", 0)
    assert await leases.bind(room, before["epoch"], Home("one", "first life")) is not None
    await call.killed("room.epoch-begun", call.citizen.number, "second life")
    assert await leases.begin_epochs(and_lapsed=True) == 0
    assert [row["epoch"] for row in await call.rows("SELECT epoch FROM room")] == [before["epoch"] + 1]


async def test_publishing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is lost with the worker; in its next life the room is made anew, and the same offer is taken."""
    room, offer = uuid4(), OFFER.read_text(encoding="utf-8")
    monkeypatch.setenv("FAILPOINT", "media.published")
    async with media() as (worker, pool):
        monkeypatch.delenv("FAILPOINT")
        await pool.create_room(room, 1)
        with pytest.raises(MediaUnavailable):
            await pool.publish(room, 1, 1, offer, MIDS)
        assert worker.process is not None
        assert worker.process.wait(10) == -signal.SIGKILL
        await until(lambda: not pool.is_up, "its death")
        worker.start()
        await until(lambda: pool.is_up, "its next life")
        await pool.create_room(room, 2)
        assert (await pool.publish(room, 2, 1, offer, MIDS)).startswith("v=0")
