"""Holds and availability against their floors: a durable one-row insert, and a page that says hello.

Database, server and load share this machine's cores; the ratios to the floor of the same run are what to compare.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count

import asyncpg
from aiohttp import web

from base.config import Settings
from base.db import Database
from base.migrate import migrate
from booking.allocation.market import Assumptions
from booking.allocation.simulating import by_need
from booking.availability.model import Window
from server.app import build
from server.product import Product, open_product
from tests.bench import mirror, release
from tests.bench.city import OFFICES, make_city
from tests.bench.load import load_from_beside

ROUNDS = 5
SECONDS = 3.0
CLIENTS = 64


async def measure(url: str) -> dict[str, list[float]]:
    await migrate(url)
    settings = Settings(database_url=url, secret_key="k" * 32, database_pool=16, port=0)
    async with Database(url, size=2) as db:
        service = await make_city(db)
    samples: dict[str, list[float]] = {"insert_floor_per_s": [], "holds_per_s": [], "hello_rps": []}
    async with open_product(settings) as product:
        await product.feed.start()
        await product.batcher.start()
        wishes = _wishes(product, service)
        for _ in range(ROUNDS):
            samples["insert_floor_per_s"].append(await _insert_floor(product.db))
            samples["holds_per_s"].append(await _holds(product, service, wishes))
        await product.batcher.stop()
        await product.feed.stop()
    day = datetime.now(UTC).date() + timedelta(days=1)
    month = f"from={day}&to={day + timedelta(days=27)}"
    twenty = "&".join(f"office={office}" for office in OFFICES[:20])
    paths = {
        "slots_rps": f"/api/slots?service={service}&channel=onsite&office={OFFICES[0]}&{month}",
        "slots20_rps": f"/api/slots?service={service}&channel=onsite&{twenty}&{month}",
        "page_rps": f"/de/times?service={service}&channel=onsite&office={OFFICES[0]}&day={day}",
    }
    for _ in range(ROUNDS):
        samples["hello_rps"].append(await _serve_and_load(_hello(), "/"))
        for key, path in paths.items():
            samples.setdefault(key, []).append(await _serve_and_load(build(settings), path))
    for n in range(ROUNDS):
        samples.setdefault("hot_release_per_s", []).append(await release.hot(url, service, OFFICES[-1 - n]))
    crowd = await release.crowd(url, service, OFFICES[-1 - ROUNDS])
    return samples | {key: [value] for key, value in crowd.items()} | await _mirror(url)


async def _mirror(url: str) -> dict[str, list[float]]:
    """In a database and a process of its own."""
    other = url.replace("/schalter?", "/schalter_city?")
    conn = await asyncpg.connect(url)
    await conn.execute("DROP DATABASE IF EXISTS schalter_city")
    await conn.execute("CREATE DATABASE schalter_city")
    await conn.close()
    await migrate(other)
    await mirror.make_city(other)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.mirror", other, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await child.communicate()
    found: dict[str, list[float]] = json.loads(printed)
    return found


def ratios(figures: Mapping[str, float]) -> dict[str, float]:
    """To the floor of the same run: a durable one-row insert by asyncpg, and hello as JSON by a bare aiohttp server."""
    pairs = {
        "holds_ratio": ("holds_per_s", "insert_floor_per_s"),
        "hot_release_ratio": ("hot_release_per_s", "insert_floor_per_s"),
        "slots_ratio": ("slots_rps", "hello_rps"),
        "slots20_ratio": ("slots20_rps", "hello_rps"),
        "page_ratio": ("page_rps", "hello_rps"),
        "paid_ratio": ("paid_per_s", "paid_floor_per_s"),
    }
    found = {
        name: round(figures[above] / figures[below], 3)
        for name, (above, below) in pairs.items()
        if above in figures and below in figures
    }
    if "holds_ratio" in found:  # simulated, so no matter of this machine: the worst of several seeds
        found["bot_share"] = round(max(by_need(Assumptions(), seed)["bot_share"] for seed in range(1, 6)), 4)
    return found


async def _insert_floor(db: Database) -> float:
    """One durable row each, 16 connections."""
    async with db.connection() as conn:
        await conn.execute(
            "CREATE TABLE IF NOT EXISTS floor "
            "(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int, b text, c timestamptz)"
        )
    until, done = time.perf_counter() + SECONDS, 0

    async def client() -> None:
        nonlocal done
        while time.perf_counter() < until:
            async with db.connection() as conn:
                await conn.execute("INSERT INTO floor (a, b, c) VALUES (1, 'x', now())")
            done += 1

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(16)))
    return done / (time.perf_counter() - began)


def _wishes(product: Product, service: int) -> list[tuple[int, datetime]]:
    """Every free start in a random order: uncontended, as on an ordinary day. The offices of the releases stay untouched."""
    day = datetime.now(UTC).date() + timedelta(days=1)
    offices = OFFICES[: -ROUNDS - 1]
    found = [
        (slot.office_id, slot.starts_at)
        for slot in product.availability.slots(service, "onsite", offices, Window(day, day + timedelta(days=80)))
    ]
    random.Random(7).shuffle(found)
    return found


async def _holds(product: Product, service: int, wishes: list[tuple[int, datetime]]) -> float:
    until, done, keys = time.perf_counter() + SECONDS, 0, count()
    tag = f"bench-{time.time_ns()}-"

    async def client() -> None:
        nonlocal done
        while time.perf_counter() < until and wishes:
            office, start = wishes.pop()
            await product.holds.hold(service, "onsite", office, start, f"{tag}{next(keys):012}")
            done += 1

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    if not wishes:
        raise RuntimeError("the city is sold out: make it larger")
    return done / (time.perf_counter() - began)


def _hello() -> web.Application:
    async def hello(request: web.Request) -> web.Response:
        return web.json_response({"hello": "world"})

    app = web.Application()
    app.router.add_get("/", hello)
    return app


async def _serve_and_load(app: web.Application, path: str) -> float:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        rate, statuses = await load_from_beside("127.0.0.1", site.port, path, seconds=SECONDS)
    finally:
        await runner.cleanup()
    if set(statuses) != {200}:
        raise RuntimeError(f"answers: {statuses}")
    return rate
