"""Signalling put together for a web process: the connections to its media workers, its sessions, and what follows when a worker dies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from base.web.keys import SeatCheck, StaffOnly
from server.product import Product
from video.control import MediaPool
from video.rooms.leases import Leases
from video.rooms.model import Role
from video.signalling.hub import Hub
from video.signalling.socket import Sockets
from video.signalling.talk import Talk
from video.signalling.workers import Workers
from video.turn import Relays


def seat_check(product: Product) -> SeatCheck:
    """A room knows no office and no session; the case behind it knows the office."""

    async def needed(room_id: UUID, token: str) -> StaffOnly | None:
        link = await product.rooms.find_link(token)
        if link is None or link.role is not Role.CLERK:
            return None
        room = (await product.rooms.gathering(link.room_id)).room
        return StaffOnly("queue.call", await product.appointments.find_office(room.reference))

    return needed


@asynccontextmanager
async def signalling(product: Product) -> AsyncIterator[Sockets]:
    """Without MEDIA_CONTROL there are waiting rooms, and calls that say that sound and picture are not available."""
    settings = product.settings
    media = MediaPool(settings.media_control, settings.media_secret)
    hub = Hub(product.rooms, product.feed, media)
    workers = Workers(media, Leases(product.db), hub.peer_lost)
    relays = Relays(settings.turn_urls, settings.turn_secret)
    talk = Talk(product.rooms, media, workers, relays, product.translations, product.clock)
    await workers.start()  # before the pool: nothing that is heard is missed
    await media.start()
    try:
        yield Sockets(product.rooms, hub, talk)
    finally:
        await hub.stop()
        await workers.stop()
        await media.stop()
