"""The feed's source for the day of every office: tickets, appointments, and messages given up. Topic: "queue:<office>"."""

from __future__ import annotations

from base.db import Connection
from booking.queue import store


def topic(office_id: int) -> str:
    return f"queue:{office_id}"


class QueueSource:
    name = "queue"

    def __init__(self) -> None:
        self.versions: dict[int, int] = {}  # by office: +1 with every change, so that a fragment is rendered once
        self._seen: set[tuple[str, int, int]] = set()

    async def start(self, conn: Connection) -> int:
        return await store.watermark(conn)

    async def poll(self, conn: Connection, watermark: int) -> tuple[int, frozenset[str]]:
        """While a long transaction holds the watermark back, rows come again and again: only what is new counts."""
        following, rows = await store.changed(conn, watermark)
        offices = {office_id for _, office_id, _ in rows - self._seen}
        self._seen = rows
        for office_id in offices:
            self.versions[office_id] = self.versions.get(office_id, 0) + 1
        return following, frozenset(topic(office_id) for office_id in offices)
