"""Streams over a real socket: who may stay is asked by the clock, in silence and in a crowd."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web

from base.db import Connection, Database
from base.feed import Feed
from base.web import FEED, STOPPING
from base.web.live import Events, stream
from tests.town import loopback, served


class _Changing:
    """A source whose topic changes at every poll: the office at nine."""

    name = "changing"

    def __init__(self, topics: frozenset[str]) -> None:
        self._topics = topics

    async def start(self, conn: Connection) -> int:
        return 0

    async def poll(self, conn: Connection, watermark: int) -> tuple[int, frozenset[str]]:
        return watermark + 1, self._topics


@pytest.mark.parametrize("topics", [frozenset({"office"}), frozenset()], ids=["always something new", "nothing new"])
async def test_who_may_no_longer_stay_is_sent_away_whatever_happens(db: Database, topics: frozenset[str]) -> None:
    feed, rendered, asked = Feed(db, [_Changing(topics)], interval_s=0.005), 0, 0

    async def events() -> Events:
        nonlocal rendered
        rendered += 1
        return {"part": str(rendered).encode()}

    async def may_stay() -> bool:
        nonlocal asked
        asked += 1
        return asked < 3

    async def live(request: web.Request) -> web.StreamResponse:
        return await stream(request, "office", events, may_stay, ping_s=0.1)

    app, listening = web.Application(), loopback()
    app[FEED], app[STOPPING] = feed, asyncio.Event()
    app.router.add_get("/", live)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
    await feed.start()
    try:
        async with (
            served(app, listening),
            aiohttp.ClientSession() as http,
            asyncio.timeout(5),
            http.get(url) as response,
        ):
            said = await response.text()
    finally:
        await feed.stop()
    assert asked == 3
    assert said.count(": here") == 2
    assert (rendered > 3) == bool(topics)
