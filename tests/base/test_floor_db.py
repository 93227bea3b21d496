"""The floor on a real database: outbox rows are done once, the feed misses nothing, a repeated POST gets its first answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from base.clock import SettableClock
from base.db import Connection, Database, fetch_all
from base.feed import Feed
from base.idempotency import KeyReused, recall, remember, request_hash
from base.identity.model import Grant
from base.identity.usecases import Identity, WrongPassword
from base.jobs import Jobs, Queue, enqueue
from base.seal import Sealer


async def test_a_job_is_asked_for_once_and_done_once(db: Database, clock: SettableClock) -> None:
    done: list[str] = []

    async def work(args: Mapping[str, Any]) -> None:
        done.append(args["what"])

    async with db.transaction() as conn:
        for _ in range(2):
            await enqueue(conn, "work", "key", {"what": "a"}, clock())
        await enqueue(conn, "work", "later", {"what": "b"}, clock() + timedelta(hours=1))
    workers = [Jobs(db, clock, {"work": work}) for _ in range(2)]
    assert sum(await asyncio.gather(*(worker.run_due() for worker in workers))) == 1
    assert done == ["a"]
    clock.advance(hours=2)
    await workers[0].run_due()
    assert done == ["a", "b"]


async def test_a_failing_job_backs_off_and_dies(db: Database, clock: SettableClock) -> None:
    tries = 0

    async def work(args: Mapping[str, Any]) -> None:
        nonlocal tries
        tries += 1
        raise ValueError

    async with db.transaction() as conn:
        await enqueue(conn, "work", "key", {}, clock())
    worker = Jobs(db, clock, {"work": work}, most_attempts=3)
    assert await worker.run_due() == 1
    assert await worker.run_due() == 0  # not before its time
    for _ in range(5):
        clock.advance(hours=2)
        await worker.run_due()
    assert tries == 3
    async with db.connection() as conn:
        assert await fetch_all(conn, str, "SELECT status FROM job") == ["dead"]


async def test_a_lease_that_ran_out_passes_on(db: Database, clock: SettableClock) -> None:
    async with db.transaction() as conn:
        await enqueue(conn, "work", "key", {}, clock())
    first, second = Queue("job"), Queue("job")
    async with db.connection() as conn:
        [row] = await first.claim(conn, clock(), limit=5, lease=timedelta(minutes=1))
        assert await second.claim(conn, clock(), limit=5, lease=timedelta(minutes=1)) == []
        clock.advance(minutes=2)
        assert len(await second.claim(conn, clock(), limit=5, lease=timedelta(minutes=1))) == 1
        assert not await first.done(conn, row["id"])
        assert await second.done(conn, row["id"])


async def test_a_repeated_request_gets_its_first_answer(db: Database) -> None:
    sealer = Sealer("k" * 32)
    key, body = request_hash("POST", "k1"), request_hash("body")
    async with db.transaction() as conn:
        assert await recall(conn, sealer, key, body) is None
        await remember(conn, sealer, key, body, "token")
    async with db.transaction() as conn:
        assert await recall(conn, sealer, key, body) == "token"
        with pytest.raises(KeyReused):
            await recall(conn, sealer, key, request_hash("other body"))
        assert b"token" not in await conn.fetchval("SELECT answer FROM idempotency")


class _Watched:
    """A source that mirrors job rows by an xid column of its own table."""

    name = "watched"

    def __init__(self) -> None:
        self.seen: dict[int, int] = {}

    async def start(self, conn: Connection) -> int:
        return int(await conn.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))

    async def poll(self, conn: Connection, watermark: int) -> tuple[int, frozenset[str]]:
        rows = await conn.fetch(
            "SELECT id, value, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS wm FROM watched WHERE xid >= $1",
            watermark,
        )
        for row in rows:
            self.seen[row["id"]] = row["value"]
        return (rows[0]["wm"] if rows else watermark), frozenset({"watched"} if rows else ())


async def test_the_feed_misses_nothing_though_transactions_commit_out_of_order(db: Database) -> None:
    async with db.connection() as conn:
        await conn.execute(
            "CREATE TABLE watched (id int PRIMARY KEY, value int, xid bigint DEFAULT pg_current_xact_id()::text::bigint)"
        )
    source = _Watched()
    feed = Feed(db, [source], interval_s=0.005)
    await feed.start()
    gates = [asyncio.Event() for _ in range(4)]

    async def write(n: int) -> None:
        async with db.transaction() as conn:
            await conn.execute("INSERT INTO watched (id, value) VALUES ($1, $1)", n)
            await gates[n].wait()

    try:
        async with feed.subscribe("watched") as hints, asyncio.timeout(10):
            writers = [asyncio.create_task(write(n)) for n in range(4)]
            for n in (3, 1, 0, 2):  # the youngest commits first
                gates[n].set()
                await writers[n]
                while n not in source.seen:
                    await hints.get()
        assert source.seen == {0: 0, 1: 1, 2: 2, 3: 3}
    finally:
        await feed.stop()


async def test_staff_sign_in_and_are_signed_out(db: Database, clock: SettableClock) -> None:
    identity = Identity(db, clock, Sealer("k" * 32))
    await identity.add_account("kim", "Kim", "correct horse battery")
    await identity.give_role("kim", "clerk")
    for login, password in [("kim", "wrong"), ("nobody", "correct horse battery")]:
        with pytest.raises(WrongPassword):
            await identity.sign_in(login, password)
    token = await identity.sign_in("kim", "correct horse battery")
    principal = await identity.find(token)
    assert principal is not None
    permissions = ("queue.call", "person.read", "hold.staff", "invitation.make", "transfer.enter", "fee.assess")
    assert principal.grants == {Grant(permission, None) for permission in permissions}
    assert principal.may("queue.call", 7)
    assert not principal.may("refund.approve")
    clock.advance(hours=3)
    assert await identity.find(token) is None  # idle for too long
    token = await identity.sign_in("kim", "correct horse battery")
    await identity.sign_out_everywhere("kim")
    assert await identity.find(token) is None
