"""What has served its time goes, and nothing else."""

from __future__ import annotations

from datetime import timedelta

from base.clock import SettableClock
from base.db import Database, fetch_all
from base.idempotency import recall, remember, request_hash
from base.identity.usecases import Identity
from base.jobs import enqueue
from base.seal import Sealer
from server.tidy import Tidy


async def test_old_answers_and_done_jobs_are_forgotten(db: Database, clock: SettableClock) -> None:
    sealer, key, body = Sealer("k" * 32), request_hash("key"), request_hash("body")
    async with db.transaction() as conn:
        await remember(conn, sealer, key, body, "answer")
        await conn.execute("UPDATE idempotency SET created_at = $1", clock())
        for name in ("done", "due"):
            await enqueue(conn, "work", name, {}, clock())
        await conn.execute("UPDATE job SET status = 'done' WHERE key = 'done'")
    tidy = Tidy(db, clock, Identity(db, clock, sealer))
    clock.advance(days=1)
    assert await tidy.run() == 0
    clock.advance(days=2)
    assert await tidy.run() == 1
    clock.set(clock() + timedelta(days=30))
    assert await tidy.run() == 1
    async with db.transaction() as conn:
        assert await recall(conn, sealer, key, body) is None
        assert await fetch_all(conn, str, "SELECT key FROM job") == ["due"]
