"""The worker's duties: one's trouble is not the others', and nobody waits long for its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from server import worker
from server.worker import Duty


class Looked:
    """After one duty, until `stop`."""

    def __init__(self, run: Callable[[], Awaitable[int]], *, every_s: float = 0.01, is_queue: bool = False) -> None:
        self.stop = asyncio.Event()
        self.task = asyncio.create_task(worker._look_after(Duty("test", every_s, run, is_queue), self.stop))

    async def end(self, within_s: float) -> None:
        self.stop.set()
        await asyncio.wait_for(self.task, within_s)


async def test_a_run_that_fails_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    tries = 0
    again = asyncio.Event()

    async def run() -> int:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ZeroDivisionError
        again.set()
        return 0

    looked = Looked(run)
    await asyncio.wait_for(again.wait(), 5)
    await looked.end(5)
    assert [record.message for record in caplog.records] == ["worker.duty-failed"]


async def test_what_is_short_is_finished_before_the_end() -> None:
    begun, may_end, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def run() -> int:
        begun.set()
        await may_end.wait()
        finished.set()
        return 0

    looked = Looked(run, every_s=60)
    await begun.wait()
    looked.stop.set()
    may_end.set()
    await looked.end(5)
    assert finished.is_set()


@pytest.mark.parametrize("is_stubborn", [False, True])
async def test_what_is_long_is_cut(monkeypatch: pytest.MonkeyPatch, is_stubborn: bool) -> None:
    monkeypatch.setattr(worker, "_LAST_RUN_S", 0.2)
    monkeypatch.setattr(worker, "_CUT_S", 0.2)
    begun, cut = asyncio.Event(), asyncio.Event()

    async def run() -> int:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cut.set()
            if is_stubborn:
                await asyncio.sleep(0.5)
            raise
        return 0

    looked = Looked(run)
    await begun.wait()
    assert not looked.task.done()
    await looked.end(2)
    assert cut.is_set()


async def test_who_waits_for_its_turn_ends_at_once() -> None:
    has_run = asyncio.Event()

    async def run() -> int:
        has_run.set()
        return 0

    looked = Looked(run, every_s=60)
    await has_run.wait()
    await looked.end(1)


async def test_a_queue_that_is_not_empty_is_looked_at_at_once() -> None:
    left, is_empty = 5, asyncio.Event()

    async def run() -> int:
        nonlocal left
        left -= 1
        if left == 0:
            is_empty.set()
        return left

    looked = Looked(run, every_s=60, is_queue=True)
    await asyncio.wait_for(is_empty.wait(), 5)
    assert left == 0
    await looked.end(1)


async def test_when_the_group_is_cancelled_its_run_is_too() -> None:
    begun, cut = asyncio.Event(), asyncio.Event()

    async def run() -> int:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            cut.set()
        return 0

    looked = Looked(run)
    await begun.wait()
    looked.task.cancel()
    await asyncio.wait_for(cut.wait(), 1)
