"""Holds and availability against their floors: a durable one-row insert, and a page that says hello.

Database, server and load share this machine's cores; the ratios to the floor of the same run are what to compare.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count

from aiohttp import web

from base.config import Settings
from base.db import Database
from base.migrate import migrate
from booking.allocation.market import Assumptions
from booking.allocation.simulating import by_need
from booking.availability.model import Window
from server.app import build
from server.product import Product, open_product
from tests.bench.city import OFFICES, make_city
from tests.bench.load import requests_per_second

ROUNDS = 3
SECONDS = 4.0
CLIENTS = 64


async def measure(url: str) -> Mapping[str, list[float]]:
    await migrate(url)
    settings = Settings(database_url=url, secret_key="k" * 32, database_pool=16, port=0)
    async with Database(url, size=2) as db:
        service = await make_city(db)
    samples: dict[str, list[float]] = {"insert_floor_per_s": [], "holds_per_s": [], "hello_rps": [], "slots_rps": []}
    async with open_product(settings) as product:
        await product.feed.start()
        await product.batcher.start()
        wishes = _wishes(product, service)
        for _ in range(ROUNDS):
            samples["insert_floor_per_s"].append(await _insert_floor(product.db))
            samples["holds_per_s"].append(await _holds(product, service, wishes))
        await product.batcher.stop()
        await product.feed.stop()
    for _ in range(ROUNDS):
        samples["hello_rps"].append(await _serve_and_load(_hello(), "/"))
        day = datetime.now(UTC).date() + timedelta(days=1)
        path = (
            f"/api/slots?service={service}&channel=onsite&office={OFFICES[0]}&from={day}&to={day + timedelta(days=27)}"
        )
        samples["slots_rps"].append(await _serve_and_load(build(settings), path))
    return samples


def ratios(figures: Mapping[str, float]) -> dict[str, float]:
    if "holds_per_s" not in figures:
        return {}
    return {
        "holds_to_insert_floor": round(figures["holds_per_s"] / figures["insert_floor_per_s"], 3),
        "slots_to_hello": round(figures["slots_rps"] / figures["hello_rps"], 3),
        "bot_share": max(by_need(Assumptions(), seed)["bot_share"] for seed in range(1, 6)),  # simulated; the worst
    }


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
    """Every free start in a random order: uncontended, as on an ordinary day."""
    day = datetime.now(UTC).date() + timedelta(days=1)
    found = [
        (slot.office_id, slot.starts_at)
        for slot in product.availability.slots(service, "onsite", None, Window(day, day + timedelta(days=80)))
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
        rate, statuses = await requests_per_second("127.0.0.1", site.port, path, seconds=SECONDS)
    finally:
        await runner.cleanup()
    if set(statuses) != {200}:
        raise RuntimeError(f"answers: {statuses}")
    return rate
