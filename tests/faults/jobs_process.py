"""`python -m tests.faults.jobs_process`: the worker's jobs once, with a handler that counts in the table `handled`.

The product has no job of its own yet, but its mechanism must hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from base import failpoint
from base.clock import utcnow
from base.config import Settings
from base.db import Database
from base.jobs import Jobs


async def main() -> None:
    settings = Settings.from_env()
    if settings.failpoint:
        failpoint.arm(failpoint.killer(settings.failpoint))
    async with Database(settings.database_url, size=2) as db:

        async def count(args: Mapping[str, Any]) -> None:
            async with db.connection() as conn:
                await conn.execute("INSERT INTO handled VALUES ($1)", args["what"])

        await Jobs(db, utcnow, {"count": count}).run_due()


if __name__ == "__main__":
    asyncio.run(main())
