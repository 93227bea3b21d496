"""The web process as the data centre sees it: ready or not and why, drained before it stops, figures without people."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import unused_port

from base.clock import SettableClock
from tests.town import eventually, town
from video.rooms.leases import Leases


@asynccontextmanager
async def web_process(dsn: str, port: int, **more: str) -> AsyncIterator[asyncio.subprocess.Process]:
    environ = {
        **os.environ,
        "DATABASE_URL": dsn,
        "DATABASE_POOL": "3",
        "SECRET_KEY": "k" * 40,
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        **more,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server", "web", env=environ, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ask(http: aiohttp.ClientSession, url: str) -> tuple[int, Any]:
    try:
        async with http.get(url) as response:
            return response.status, await response.json()
    except aiohttp.ClientError:
        return 0, None


async def test_on_sigterm_it_says_not_ready_first_and_then_stops(city_dsn: str) -> None:
    port = unused_port()
    url = f"http://127.0.0.1:{port}/readyz"
    async with web_process(city_dsn, port, DRAIN_SECONDS="1.5") as process, aiohttp.ClientSession() as http:

        async def ready() -> bool:
            return (await ask(http, url))[0] == 200

        async def draining() -> bool:
            return await ask(http, url) == (503, {"status": "draining"})

        await eventually(ready, seconds=30)
        process.send_signal(signal.SIGTERM)
        await eventually(draining, seconds=5)
        async with http.get(f"http://127.0.0.1:{port}/de/") as page:
            assert page.status == 200  # whoever comes until the balancer has noticed is still served
        async with asyncio.timeout(10):
            assert await process.wait() == 0


async def test_without_the_schema_it_is_alive_but_not_ready(dsn: str) -> None:
    async with aiohttp.ClientSession() as http:
        port = unused_port()
        async with web_process(dsn, port) as process:
            base = f"http://127.0.0.1:{port}"

            async def alive() -> bool:
                return (await ask(http, f"{base}/healthz"))[0] == 200

            await eventually(alive, seconds=30)
            assert process.returncode is None
            import asyncpg

            conn = await asyncpg.connect(dsn)
            await conn.execute("DELETE FROM schema_migration WHERE name = '0006_message'")
            await conn.close()
            assert await ask(http, f"{base}/readyz") == (503, {"status": "migrations are missing"})


async def test_a_missing_setting_is_one_clear_line() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "server",
        "web",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.getcwd()},
        stderr=asyncio.subprocess.PIPE,
    )
    _, stderr = await process.communicate()
    lines = stderr.decode().splitlines()
    assert process.returncode == 2
    assert [line.split(" ")[0] for line in lines] == ["DATABASE_URL", "SECRET_KEY"]


@pytest.mark.parametrize("url", ["x", "postgresql://nobody@127.0.0.1:1/none", "postgresql:///x?host=/nowhere"])
@pytest.mark.parametrize("command", ["web", "migrate"])
async def test_a_database_that_is_not_there_is_one_clear_line(url: str, command: str) -> None:
    environ = {**os.environ, "DATABASE_URL": url, "SECRET_KEY": "k" * 40, "PORT": str(unused_port())}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server", command, env=environ, stderr=asyncio.subprocess.PIPE
    )
    _, stderr = await process.communicate()
    assert process.returncode == 1
    assert stderr.decode().strip().startswith("DATABASE_URL: no connection to PostgreSQL")
    assert "\n" not in stderr.decode().strip()


async def test_figures_name_routes_and_never_people(city_dsn: str, clock: SettableClock) -> None:
    async with town(city_dsn, clock) as here:
        made = await here.appointment("Wohnsitzanmeldung")
        await here.checkout(made)
        await here.look(made)
        await Leases(here.worker.db).hear("one", "first life", 0)
        text = (await here.call("GET", "/metrics")).body
        assert (
            'schalter_http_requests_total{method="GET",route="/api/appointments/{appointment}",status="200"} 1.0'
            in text
        )
        assert 'schalter_outbox_due{table="message"} 1.0' in text
        assert "schalter_refunds_failed 0.0" in text
        assert "schalter_media_workers 1.0" in text
        for secret in (made["id"], made["token"], made["number"], "kim@example.org"):
            assert secret not in text
