"""Rooms in the change feed: whoever holds sockets of a room is told that something in it is new."""

from __future__ import annotations

from uuid import UUID

from base.db import Connection
from video.rooms import store


def topic(room_id: UUID) -> str:
    return f"room:{room_id}"


class RoomSource:
    name = "rooms"

    async def start(self, conn: Connection) -> int:
        return await store.watermark(conn)

    async def poll(self, conn: Connection, watermark: int) -> tuple[int, frozenset[str]]:
        following, rooms = await store.changed_rooms(conn, watermark)
        return following, frozenset(map(topic, rooms))
