"""`python -m tests.faults.calls_process STEP ROOM SEAT [WORD]`: one step in a room of a video call, as a web process takes it."""

from __future__ import annotations

import asyncio
import sys
from uuid import UUID

from base import failpoint
from base.config import Settings
from server.product import open_product
from video.rooms.leases import Leases


async def main(step: str, room: UUID, number: int, word: str = "") -> None:
    settings = Settings.from_env()
    if settings.failpoint:
        failpoint.arm(failpoint.killer(settings.failpoint))
    async with open_product(settings) as product:
        rooms = product.rooms
        match step:
            case "enter":
                await rooms.enter(room, word)
            case "admit":
                await rooms.admit(room, number, by=int(word))
            case "leave":
                await rooms.leave(room, number, UUID(word))
            case "end":
                await rooms.end(room, by=number)
            case "worker-gone":
                leases = Leases(product.db)
                await leases.hear("one", word, 0)
                await leases.begin_epochs(and_lapsed=False)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], UUID(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:]))
