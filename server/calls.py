"""Signalling put together for a web process: its sessions, and its ear at the media workers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from server.product import Product
from video.ports import Media, MediaEvent, MediaUnavailable, Source, SubOffer
from video.signalling.hub import Hub
from video.signalling.socket import Sockets
from video.signalling.talk import Talk
from video.signalling.workers import Workers
from video.turn import Relays


@asynccontextmanager
async def signalling(product: Product, media: Media) -> AsyncIterator[Sockets]:
    settings = product.settings
    hub = Hub(product.rooms, product.feed, media)
    workers = Workers(media, product.rooms, hub.peer_lost)
    relays = Relays(settings.turn_urls, settings.turn_secret)
    talk = Talk(product.rooms, media, workers, relays, product.translations, product.clock)
    workers.start()
    try:
        yield Sockets(product.rooms, hub, talk)
    finally:
        await workers.stop()
        await hub.stop()


class NoMedia:
    """Where no media worker is set up: waiting rooms work, calls say that there is neither sound nor picture."""

    async def create_room(self, room: UUID, epoch: int) -> None:
        raise MediaUnavailable

    async def publish(self, room: UUID, epoch: int, participant: int, offer: str, mids: Mapping[str, str]) -> str:
        raise MediaUnavailable

    async def subscribe(
        self, room: UUID, epoch: int, participant: int, wanted: Sequence[Source], *, restart: bool = False
    ) -> SubOffer:
        raise MediaUnavailable

    async def answered(self, room: UUID, epoch: int, participant: int, sdp: str) -> None:
        raise MediaUnavailable

    async def mute(self, room: UUID, epoch: int, participant: int, kind: str, muted: bool) -> None:
        raise MediaUnavailable

    async def leave(self, room: UUID, epoch: int, participant: int) -> None: ...

    async def close_room(self, room: UUID, epoch: int) -> None: ...

    async def stats(self) -> Mapping[str, float]:
        return {}

    async def events(self) -> AsyncIterator[MediaEvent]:
        return
        yield  # an iterator that has nothing to say
