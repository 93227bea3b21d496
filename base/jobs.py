"""Work after the fact: rows claimed with a lease, tried again with back-off, dead in the end. One mechanism for `job` and `message`.

At least once: a worker that dies keeps its lease until it runs out, then another does the work again. Handlers are idempotent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, LiteralString
from uuid import UUID, uuid4

from base.clock import Clock
from base.db import Connection, Database
from base.failpoint import point

log = logging.getLogger(__name__)
job_claimed = point("job.claimed")
job_handled = point("job.handled")

_CLAIM = """
    UPDATE {table} SET lease_until = $1 + $3, lease_by = $4, attempts = attempts + 1
     WHERE id = ANY (ARRAY(SELECT id FROM {table}
                            WHERE status = 'due' AND due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1) AND {only}
                            ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED))
    RETURNING *"""
_DONE = "UPDATE {table} SET status = $3, lease_until = NULL, lease_by = NULL WHERE id = $1 AND lease_by = $2"
_RETRY = """
    UPDATE {table} SET due_at = $3, last_error = $4, lease_until = NULL, lease_by = NULL WHERE id = $1 AND lease_by = $2"""
_DEAD = """
    UPDATE {table} SET status = 'dead', last_error = $3, lease_until = NULL, lease_by = NULL WHERE id = $1 AND lease_by = $2"""


@dataclass(frozen=True, slots=True)
class Queue:
    """The outbox side of one table: columns status, due_at, attempts, lease_until, lease_by, last_error.

    `ident` names this worker in the rows it has claimed; what it no longer leases it can no longer mark.
    """

    table: Literal["job", "message"]
    ident: UUID = field(default_factory=uuid4)
    only: LiteralString = "TRUE"  # the rows that this worker can do, as SQL

    async def claim(self, conn: Connection, now: datetime, *, limit: int, lease: timedelta) -> list[dict[str, Any]]:
        rows = await conn.fetch(_CLAIM.format(table=self.table, only=self.only), now, limit, lease, self.ident)
        return [dict(row) for row in rows]

    async def done(self, conn: Connection, row_id: int | UUID, status: str = "done") -> bool:
        return await self._mark(conn, _DONE, row_id, status)

    async def retry(self, conn: Connection, row_id: int | UUID, due_at: datetime, error: str) -> bool:
        return await self._mark(conn, _RETRY, row_id, due_at, error[:500])

    async def dead(self, conn: Connection, row_id: int | UUID, error: str) -> bool:
        return await self._mark(conn, _DEAD, row_id, error[:500])

    async def _mark(self, conn: Connection, sql: str, row_id: int | UUID, *args: object) -> bool:
        """False when the lease has passed to another worker meanwhile."""
        status: str = await conn.execute(sql.format(table=self.table), row_id, self.ident, *args)
        return status.endswith(" 1")


def back_off(
    attempts: int, *, first: timedelta = timedelta(seconds=5), most: timedelta = timedelta(hours=1)
) -> timedelta:
    """5 s, 10 s, 20 s … up to an hour."""
    doubled: int = 2 ** min(attempts - 1, 20)
    return min(first * doubled, most)


async def enqueue(conn: Connection, name: str, key: str, args: Mapping[str, object], due_at: datetime) -> None:
    """Ask for work in the transaction of the fact; the same key asks once."""
    await conn.execute(
        "INSERT INTO job (name, key, args, due_at) VALUES ($1, $2, $3, $4) ON CONFLICT ON CONSTRAINT job_once DO NOTHING",
        name,
        key,
        dict(args),
        due_at,
    )


async def outbox_counts(conn: Connection) -> Mapping[str, tuple[int, int]]:
    """Rows that wait and rows that were given up, by table."""
    row = await conn.fetchrow(
        "SELECT (SELECT count(*) FROM job WHERE status = 'due') AS job_due,"
        " (SELECT count(*) FROM job WHERE status = 'dead') AS job_dead,"
        " (SELECT count(*) FROM message WHERE status = 'due') AS message_due,"
        " (SELECT count(*) FROM message WHERE status = 'dead') AS message_dead"
    )
    assert row is not None
    return {table: (row[f"{table}_due"], row[f"{table}_dead"]) for table in ("job", "message")}


async def forget_done(conn: Connection, before: datetime) -> int:
    """Jobs that were done long ago; their keys are free again."""
    status: str = await conn.execute("DELETE FROM job WHERE status = 'done' AND due_at < $1", before)
    return int(status.split(" ")[1])


JobHandler = Callable[[Mapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Jobs:
    """Runs handlers by name."""

    db: Database
    clock: Clock
    handlers: Mapping[str, JobHandler]
    queue: Queue = field(default_factory=lambda: Queue("job"))
    most_attempts: int = 20

    async def run_due(self, limit: int = 20) -> int:
        """Claim and do what is due; return how many were claimed."""
        async with self.db.connection() as conn:
            rows = await self.queue.claim(conn, self.clock(), limit=limit, lease=timedelta(minutes=2))
        job_claimed()
        await asyncio.gather(*(self._run(row) for row in rows))
        return len(rows)

    async def _run(self, row: dict[str, Any]) -> None:
        try:
            await self.handlers[row["name"]](row["args"])
        except Exception as error:  # a handler may fail of anything; the job is tried again, the others go on
            log.warning(
                "job.failed", extra={"job": row["name"], "attempts": row["attempts"], "error": type(error).__name__}
            )
            async with self.db.connection() as conn:
                if row["attempts"] >= self.most_attempts:
                    await self.queue.dead(conn, row["id"], type(error).__name__)
                else:
                    await self.queue.retry(
                        conn, row["id"], self.clock() + back_off(row["attempts"]), type(error).__name__
                    )
            return
        job_handled()
        async with self.db.connection() as conn:
            await self.queue.done(conn, row["id"])
