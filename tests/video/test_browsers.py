"""Two pages of a real Chromium call each other through a real worker process, with the least signalling that does."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright

from tests.video.worker_process import media
from video.control import MediaPool
from video.model import Source

PAGE = Path(__file__).with_name("call.html")
WIDTH, HEIGHT, FRAMES = 640, 360, 30
LIMIT_S = 30.0


def film(path: Path) -> Path:
    """Grain that moves: an encoder takes for it whatever the line gives. Chromium's own fake camera needs too little."""
    dice = random.Random(7)
    grain = bytearray(dice.randbytes(WIDTH * HEIGHT))
    grain[:] = bytes(96 + (value >> 2) for value in grain)
    colour = bytes([128]) * (WIDTH * HEIGHT // 2)
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F30:1 Ip A1:1 C420jpeg\n".encode())
        for _ in range(FRAMES):
            turn = dice.randrange(WIDTH * HEIGHT)
            file.write(b"FRAME\n" + grain[turn:] + grain[:turn] + colour)
    return path


class Signalling:
    def __init__(self, pool: MediaPool, room: UUID) -> None:
        self.pool, self.room, self.epoch = pool, room, 1
        self.people: set[int] = set()

    async def start(self) -> tuple[web.AppRunner, str]:
        app = web.Application()
        app.router.add_get("/", self._page)
        app.router.add_post("/publish", self._publish)
        app.router.add_post("/subscribe", self._subscribe)
        app.router.add_post("/answered", self._answered)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return runner, f"http://127.0.0.1:{site.port}/"

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(text=PAGE.read_text(), content_type="text/html")

    async def _publish(self, request: web.Request) -> web.Response:
        said = await request.json()
        self.people.add(said["me"])
        answer = await self.pool.publish(self.room, self.epoch, said["me"], said["sdp"], said["mids"])
        return web.json_response({"sdp": answer})

    async def _subscribe(self, request: web.Request) -> web.Response:
        said = await request.json()
        kinds: tuple[Any, ...] = ("audio", "camera")
        wanted = [Source(other, kind) for other in sorted(self.people - {said["me"]}) for kind in kinds]
        offer = await self.pool.subscribe(self.room, self.epoch, said["me"], wanted, restart=said["restart"])
        return web.json_response({"sdp": offer.sdp})

    async def _answered(self, request: web.Request) -> web.Response:
        said = await request.json()
        await self.pool.answered(self.room, self.epoch, said["me"], said["sdp"])
        return web.json_response({})


@pytest.fixture
async def call(chromium: str, tmp_path: Path) -> AsyncIterator[tuple[Page, Page, Signalling]]:
    camera = await asyncio.to_thread(film, tmp_path / "camera.y4m")
    async with media() as (_, pool), async_playwright() as playwright:
        signalling = Signalling(pool, uuid4())
        await pool.create_room(signalling.room, 1)
        runner, address = await signalling.start()
        browser = await playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={camera}",
                "--autoplay-policy=no-user-gesture-required",
                "--allow-loopback-in-peer-connection",
            ],
        )
        pages = []
        for _ in range(2):
            page = await browser.new_page()
            await page.goto(address)
            pages.append(page)
        yield pages[0], pages[1], signalling
        await browser.close()
        await runner.cleanup()


async def look(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = await page.evaluate("look()")
    return found


async def until_both(pages: tuple[Page, Page], condition: Any, what: str) -> list[dict[str, Any]]:
    end = asyncio.get_running_loop().time() + LIMIT_S
    while True:
        found = [await look(page) for page in pages]
        if all(condition(one, index) for index, one in enumerate(found)):
            return found
        assert asyncio.get_running_loop().time() < end, f"{what}: {found}"
        await asyncio.sleep(0.25)


async def test_two_pages_see_and_hear_each_other(call: tuple[Page, Page, Signalling]) -> None:
    one, two, signalling = call
    pages = (one, two)
    for number, page in enumerate(pages):
        await page.evaluate(f"publish({number})")
    for number, page in enumerate(pages):
        await page.evaluate(f"subscribe({number})")

    first = await until_both(
        pages,
        lambda found, _: found["width"] == WIDTH and found.get("frames", 0) > 10 and found.get("energy", 0) > 0,
        "picture and sound on both sides",
    )
    await until_both(
        pages,
        lambda found, index: found["frames"] > first[index]["frames"] + 20 and found["energy"] > first[index]["energy"],
        "frames and energy grow",
    )
    began = [await look(page) for page in pages]
    await until_both(
        pages,
        lambda found, index: (found["at"] - began[index]["at"]) > 2000 and rate(found, began[index]) > 600,
        "both send well above 300 kbit/s",
    )
    third = await one.context.browser.new_page()  # type: ignore[union-attr]  # it was launched, so it is there
    await third.goto(one.url)
    assert await third.evaluate("late(2)") < 2  # seconds from the connection to the picture
    await third.close()
    before = [await look(page) for page in pages]
    for number, page in enumerate(pages):
        await page.evaluate(f"restart({number})")
    await until_both(
        pages,
        lambda found, index: (
            found["frames"] > before[index]["frames"] + 40
            and (found["pub"], found["sub"]) == ("connected", "connected")
        ),
        "frames grow after an ICE restart on both connections",
    )
    stats = await signalling.pool.stats()
    assert (stats["malformed"], stats["policed"], stats["slow_receivers"]) == (0, 0, 0)


def rate(now: dict[str, Any], before: dict[str, Any]) -> float:
    """kbit/s sent between two looks."""
    return float((now["bytes"] - before["bytes"]) * 8 / max(1.0, now["at"] - before["at"]))
