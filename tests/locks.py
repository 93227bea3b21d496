"""Somebody waits for us in the database: seen there, not guessed by a sleep."""

from __future__ import annotations

import asyncio

from base.db import Connection

_SOMEBODY_WAITS = (
    "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
)


async def waits_for(conn: Connection, task: asyncio.Task[object]) -> bool:
    """True when the task waits for a lock of this connection's transaction; False when it ended without."""
    async with asyncio.timeout(10):
        while not task.done():
            if await conn.fetchval(_SOMEBODY_WAITS):
                return True
            await asyncio.sleep(0.005)
    return False
