"""Which services are given out by need, in memory: pages ask at every view, and the feed reads a table of a few rows."""

from __future__ import annotations

from base.db import Connection
from booking.allocation import store


class NeedSource:
    """A feed source."""

    name = "allocation"

    def __init__(self) -> None:
        self.services: frozenset[int] = frozenset()

    def gives_out(self, service_id: int) -> bool:
        return service_id in self.services

    async def start(self, conn: Connection) -> int:
        return (await self.poll(conn, 0))[0]

    async def poll(self, conn: Connection, watermark: int) -> tuple[int, frozenset[str]]:
        before = self.services
        self.services = await store.by_need(conn)
        return watermark, frozenset() if self.services == before else frozenset({"allocation"})
