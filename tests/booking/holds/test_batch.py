"""Group commit: one statement for many, and each alone where that fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID, uuid4

import asyncpg
import pytest

from base.clock import SettableClock
from base.db import Connection, Database
from base.errors import Unavailable
from booking.holds import store
from booking.holds.batch import Batcher
from booking.holds.model import Wanted
from tests.booking.availability.city import TUESDAY, at

NINE = at(TUESDAY, 9)


def wanted(counter: int = 1, minute: int = 0) -> Wanted:
    return Wanted(
        hold_id=uuid4(),
        service_id=1,
        fee_id=1,
        counter_id=counter,
        starts_at=at(TUESDAY, 9, minute),
        ends_at=at(TUESDAY, 9, minute + 5),
    )


class Recorder:
    """Stands in for the statement."""

    def __init__(self, *failures: Exception) -> None:
        self.batches: list[list[Wanted]] = []
        self.failures = list(failures)

    async def __call__(self, conn: Connection, now: datetime, until: datetime, members: Sequence[Wanted]) -> set[UUID]:
        self.batches.append(list(members))
        await asyncio.sleep(0.01)
        if self.failures:
            raise self.failures.pop(0)
        return {member.hold_id for member in members if member.counter_id < 90}


class NoDatabase(Database):
    def __init__(self) -> None:
        super().__init__("")

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        yield cast("Connection", None)


@pytest.fixture
def db() -> NoDatabase:
    return NoDatabase()


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(store, "insert", recorder)
    return recorder


async def test_those_who_wait_share_a_batch_in_order(db: NoDatabase, clock: SettableClock, recorder: Recorder) -> None:
    batcher = Batcher(db, clock)
    await batcher.start()
    members = [wanted(counter, minute) for counter in (3, 1, 2, 95) for minute in (20, 0, 10)]
    made = await asyncio.gather(*map(batcher.submit, members))
    await batcher.stop()
    assert [until is not None for until in made] == [member.counter_id < 90 for member in members]
    assert sum(map(len, recorder.batches)) == len(members)
    assert len(recorder.batches) < len(members)
    for batch in recorder.batches:
        places = [(member.counter_id, member.starts_at) for member in batch]
        assert places == sorted(places)


async def test_never_more_than_64_at_once(db: NoDatabase, clock: SettableClock, recorder: Recorder) -> None:
    batcher = Batcher(db, clock)
    await batcher.start()
    await asyncio.gather(*(batcher.submit(wanted(counter)) for counter in range(200)))
    await batcher.stop()
    assert max(map(len, recorder.batches)) == 64


async def test_half_of_those_who_wait_go_together_and_a_few_at_once(
    db: NoDatabase, clock: SettableClock, recorder: Recorder
) -> None:
    batcher = Batcher(db, clock)
    await batcher.start()
    for count, batches in ((20, [20]), (64, [32, 32]), (100, [49, 32, 19])):
        recorder.batches.clear()
        await asyncio.gather(*(batcher.submit(wanted(counter)) for counter in range(count)))
        assert list(map(len, recorder.batches)) == batches
    await batcher.stop()


async def test_a_batch_that_waits_for_somebodys_lock_is_passed_by_two(
    db: NoDatabase, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, batches = asyncio.Event(), []

    async def insert(conn: Connection, now: datetime, until: datetime, members: Sequence[Wanted]) -> set[UUID]:
        batches.append(members)
        if members[0].counter_id == 1:
            await locked.wait()
        return {member.hold_id for member in members}

    monkeypatch.setattr(store, "insert", insert)
    batcher = Batcher(db, clock)
    await batcher.start()
    slow = []
    for number in range(1, 4):  # each alone in its batch
        slow.append(asyncio.create_task(batcher.submit(wanted(1, 5 * number))))
        async with asyncio.timeout(5):
            while len(batches) < number:  # noqa: ASYNC110 - a batch is sent when the one before it has been slow
                await asyncio.sleep(0.005)
    late = asyncio.create_task(batcher.submit(wanted(2)))
    await asyncio.sleep(0)
    assert not late.done()
    locked.set()
    assert None not in await asyncio.gather(*slow, late)
    await batcher.stop()


@pytest.mark.parametrize(
    "error", [asyncpg.DeadlockDetectedError(""), asyncpg.SerializationError(""), asyncpg.CheckViolationError("")]
)
async def test_what_one_member_may_have_caused_is_tried_one_by_one(
    db: NoDatabase, clock: SettableClock, recorder: Recorder, error: Exception
) -> None:
    recorder.failures = [error]
    batcher = Batcher(db, clock)
    await batcher.start()
    until = clock() + timedelta(minutes=15)
    assert await asyncio.gather(*(batcher.submit(wanted(counter)) for counter in (1, 2, 95))) == [until, until, None]
    await batcher.stop()


async def test_what_fails_again_and_again_is_unavailable(
    db: NoDatabase, clock: SettableClock, recorder: Recorder
) -> None:
    recorder.failures = [asyncpg.DeadlockDetectedError("") for _ in range(4)]
    batcher = Batcher(db, clock)
    await batcher.start()
    with pytest.raises(Unavailable):
        await batcher.submit(wanted())
    assert await batcher.submit(wanted())  # and the task lives on
    await batcher.stop()


@pytest.mark.parametrize("error", [OSError(), asyncpg.ConnectionDoesNotExistError(""), TimeoutError()])
async def test_without_the_database_all_who_wait_are_told_at_once(
    db: NoDatabase, clock: SettableClock, recorder: Recorder, error: Exception
) -> None:
    recorder.failures = [error]
    batcher = Batcher(db, clock)
    await batcher.start()
    results = await asyncio.gather(*(batcher.submit(wanted(counter)) for counter in range(500)), return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)
    assert len(recorder.batches) == 1
    assert await batcher.submit(wanted())  # and the task lives on
    await batcher.stop()


async def test_a_fault_of_ours_does_not_end_the_task(db: NoDatabase, clock: SettableClock, recorder: Recorder) -> None:
    recorder.failures = [ZeroDivisionError()]
    batcher = Batcher(db, clock)
    await batcher.start()
    with pytest.raises(Unavailable):
        await batcher.submit(wanted())
    assert await batcher.submit(wanted())
    await batcher.stop()


async def test_the_queue_has_an_end(db: NoDatabase, clock: SettableClock, recorder: Recorder) -> None:
    batcher = Batcher(db, clock)
    await batcher.start()
    waiting = [asyncio.create_task(batcher.submit(wanted(counter % 80))) for counter in range(2500)]
    results = await asyncio.gather(*waiting, return_exceptions=True)
    await batcher.stop()
    refused = [result for result in results if isinstance(result, Unavailable)]
    assert len(refused) == 2500 - 2000
    assert sum(isinstance(result, datetime) for result in results) == 2000


async def test_stopping_finishes_what_is_sent_and_refuses_the_rest(
    db: NoDatabase, clock: SettableClock, recorder: Recorder
) -> None:
    batcher = Batcher(db, clock)
    await batcher.start()
    waiting = [asyncio.create_task(batcher.submit(wanted(counter))) for counter in range(200)]
    await asyncio.sleep(0.005)
    await batcher.stop()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    until = clock() + timedelta(minutes=15)
    assert until in results
    assert all(result in (until, None) or isinstance(result, Unavailable) for result in results)
    assert any(isinstance(result, Unavailable) for result in results)
    with pytest.raises(Unavailable):
        await batcher.submit(wanted())
