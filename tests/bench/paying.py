"""Paid bookings and the provider's messages, over HTTP: a web process of the product, and in this one Stripe's sandbox and the payers.

A booking is the whole path: hold, contact, session at the provider, payment there, its message, confirmed. All share this machine's cores,
so beside the rates stands what the web process alone needs of a core: that says the same however busy the machine is.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
import stripe

from base.clock import SettableClock, utcnow
from base.db import Database
from base.migrate import migrate
from sandbox.stripe.machine import Machine
from sandbox.stripe.wire import build
from tests.bench.booking import _insert_floor
from tests.faults.child import Child
from tests.town import import_sample_city, loopback, served

ROUNDS, BOOKINGS, MESSAGES, CLIENTS = 5, 120, 2000, 32
SERVICE = "Führungszeugnis"
SECRET = "whsec_sandbox"


@dataclass
class Desk:
    db: Database
    http: aiohttp.ClientSession
    machine: Machine
    web: Child
    origin: str
    stripe: str
    service: int = 0
    slots: list[dict[str, Any]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    async def ask(self, method: str, path: str, token: str = "", **given: Any) -> Any:
        headers = {"Idempotency-Key": str(uuid4())} | ({"Authorization": f"Bearer {token}"} if token else {})
        async with self.http.request(method, self.origin + path, headers=headers, **given) as response:
            answer = await response.json()
            if response.status >= 300:
                raise RuntimeError(f"{method} {path}: {response.status} {answer}")
            return answer

    async def paid(self) -> None:
        """To the payment; the provider's message confirms it."""
        slot = self.slots.pop()
        wanted = {
            "service": self.service,
            "channel": "onsite",
            "office": slot["office"],
            "starts_at": slot["starts_at"],
        }
        hold = await self.ask("POST", "/api/holds", json=wanted)
        who = {"name": f"Kim {next(self.numbers)}", "email": f"kim{uuid4().hex}@example.org", "language": "de"}
        made = await self.ask("POST", "/api/appointments", hold["token"], json={"hold": hold["id"], "contact": who})
        checkout = await self.ask("POST", f"/api/appointments/{made['id']}/checkout", made["token"])
        session = checkout["pay_url"].rsplit("/", 1)[1]
        async with self.http.post(f"{self.stripe}/_sandbox/sessions/{session}/pay", json={}) as response:
            response.raise_for_status()

    async def confirmed(self) -> int:
        async with self.db.connection() as conn:
            return int(await conn.fetchval("SELECT count(*) FROM appointment WHERE status = 'confirmed'"))


async def measure(url: str) -> dict[str, list[float]]:
    names = ("paid_floor_per_s", "paid_per_s", "paid_web_cpu_ms", "webhooks_per_s", "webhook_web_cpu_ms")
    samples: dict[str, list[float]] = {name: [] for name in names}
    async with _desk(url) as desk:
        for _ in range(ROUNDS):
            samples["paid_floor_per_s"].append(await _insert_floor(desk.db))
            before = _cpu_ms(desk.web.pid)
            samples["paid_per_s"].append(await _paid(desk))
            samples["paid_web_cpu_ms"].append((_cpu_ms(desk.web.pid) - before) / BOOKINGS)
        for _ in range(ROUNDS):
            before = _cpu_ms(desk.web.pid)
            samples["webhooks_per_s"].append(await _webhooks(desk))
            samples["webhook_web_cpu_ms"].append((_cpu_ms(desk.web.pid) - before) / MESSAGES)
    return samples


def _cpu_ms(pid: int) -> float:
    """Of a process until now, its own and the kernel's for it (proc(5): utime, stime)."""
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return 1000 * sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


async def _paid(desk: Desk) -> float:
    """From the first hold to the last confirmation."""
    before, places = await desk.confirmed(), asyncio.Semaphore(CLIENTS)

    async def one() -> None:
        async with places:
            await desk.paid()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(BOOKINGS)))
    async with asyncio.timeout(60):
        while await desk.confirmed() < before + BOOKINGS:  # noqa: ASYNC110 - another process confirms them
            await asyncio.sleep(0.01)
    return BOOKINGS / (time.perf_counter() - began)


async def _webhooks(desk: Desk) -> float:
    """Each new to us, signed, and about a payment of ours, which is looked up at the provider before the message is answered."""
    [event] = [e for _, e in desk.machine.state.items("events") if e["type"] == "checkout.session.completed"][-1:]
    now, tag = int(time.time()), uuid4().hex
    bodies = [json.dumps({**event, "id": f"evt_{tag}{n}"}).encode() for n in range(MESSAGES)]
    places = asyncio.Semaphore(CLIENTS)

    async def send(body: bytes) -> None:
        signature = stripe.WebhookSignature._compute_signature(f"{now}.{body.decode()}", SECRET)
        headers = {"Stripe-Signature": f"t={now},v1={signature}", "Content-Type": "application/json"}
        async with places, desk.http.post(f"{desk.origin}/api/webhooks/stripe", data=body, headers=headers) as answer:
            if answer.status != 200:
                raise RuntimeError(f"webhook: {answer.status}")

    began = time.perf_counter()
    await asyncio.gather(*(send(body) for body in bodies))
    return MESSAGES / (time.perf_counter() - began)


@contextlib.asynccontextmanager
async def _desk(url: str) -> AsyncIterator[Desk]:
    """In a database of its own with the sample city."""
    other = url.replace("/schalter?", "/schalter_paying?")
    conn = await asyncpg.connect(url)
    await conn.execute("DROP DATABASE IF EXISTS schalter_paying")
    await conn.execute("CREATE DATABASE schalter_paying")
    await conn.close()
    await migrate(other)
    await import_sample_city(other, SettableClock(utcnow()))
    ours, theirs = loopback(), loopback()
    origin, stripe_origin = (f"http://127.0.0.1:{one.getsockname()[1]}" for one in (ours, theirs))
    port = ours.getsockname()[1]
    ours.close()
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="schalter-paying-")))
        machine = Machine(utcnow, origin=stripe_origin, early_intents=False)
        app = build(machine, webhook_url=f"{origin}/api/webhooks/stripe", origin=stripe_origin)
        await stack.enter_async_context(served(app, theirs))
        env = {
            "DATABASE_URL": other,
            "SECRET_KEY": "k" * 32,
            "PUBLIC_URL": origin,
            "PORT": str(port),
            "LOG_LEVEL": "ERROR",
            "STRIPE_API_KEY": "sk_test_sandbox",
            "STRIPE_API_BASE": stripe_origin,
            "STRIPE_PAY_ORIGINS": stripe_origin,
            "STRIPE_WEBHOOK_SECRETS": SECRET,
        }
        web = await Child.start("web", ("-m", "server", "web"), env, "", folder / "web.log")
        stack.push_async_callback(web.kill)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        await web.ready(http, origin)
        db = await stack.enter_async_context(Database(other, size=16))
        desk = Desk(db=db, http=http, machine=machine, web=web, origin=origin, stripe=stripe_origin)
        [found, *_] = (await desk.ask("GET", f"/api/services?q={SERVICE}"))["services"]
        desk.service = found["id"]
        desk.slots = await _slots(desk)
        yield desk


async def _slots(desk: Desk) -> list[dict[str, Any]]:
    day = datetime.now(UTC).date() + timedelta(days=1)
    query = f"service={desk.service}&channel=onsite&from={day}&to={day + timedelta(days=27)}"
    found: list[dict[str, Any]] = (await desk.ask("GET", f"/api/slots?{query}"))["slots"]
    random.Random(7).shuffle(found)
    if len(found) < ROUNDS * BOOKINGS:
        raise RuntimeError(f"{len(found)} times: the city is too small")
    return found
