"""The sandbox as a process: refuses a live key, loses nothing when killed, and works on one data folder alone."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import stripe

from sandbox.stripe.__main__ import live_key_in
from tests.sandbox.running import sdk_client, session_body

PROJECT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def start(port: int, data: Path, **environ: str) -> asyncio.subprocess.Process:
    words = ["--port", str(port), "--data", str(data), "--web", "http://127.0.0.1:9", "--seed", "same after each start"]
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox.stripe", *words),
        cwd=PROJECT,
        env={**os.environ, **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@contextlib.asynccontextmanager
async def running(port: int, data: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await start(port, data)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            assert (await process.stdout.readline()).startswith(b"Stripe sandbox on")
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        await process.communicate()


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    async with asyncio.timeout(30):
        _, errors = await process.communicate()
    return process.returncode, errors.decode()


async def test_a_kill_loses_nothing_and_ids_never_come_twice(tmp_path: Path) -> None:
    port = free_port()
    made: list[Any] = []
    for _ in range(3):
        async with running(port, tmp_path), aiohttp.ClientSession() as http:
            sdk = sdk_client(f"http://127.0.0.1:{port}", http)
            for before in made:
                found = await sdk.v1.checkout.sessions.retrieve_async(before.id)
                assert found.status == "complete"
            body, options = session_body(), {"idempotency_key": f"key-{len(made)}"}
            session = await sdk.v1.checkout.sessions.create_async(body, options)  # type: ignore[arg-type]
            assert session.url is not None
            async with http.post(session.url, data={"action": "stay"}) as response:
                assert response.status == 200
            made.append(session)
    async with running(port, tmp_path), aiohttp.ClientSession() as http:
        sdk = sdk_client(f"http://127.0.0.1:{port}", http)
        again = await sdk.v1.checkout.sessions.create_async(session_body(), {"idempotency_key": "key-0"})  # type: ignore[arg-type]
        assert again.id == made[0].id
        intents = await sdk.v1.payment_intents.list_async({"limit": 10})
        assert [intent.status for intent in intents.data] == ["succeeded"] * 3
        assert len({session.id for session in made}) == 3
        async with http.get(f"http://127.0.0.1:{port}/_sandbox/objects/deliveries") as response:
            waiting = (await response.json())["data"]
        assert {row["status"] for row in waiting} == {"pending"}
        assert len(waiting) == 9


async def test_half_a_line_at_the_end_of_the_journal_is_dropped(tmp_path: Path) -> None:
    port = free_port()
    async with running(port, tmp_path), aiohttp.ClientSession() as http:
        sdk = sdk_client(f"http://127.0.0.1:{port}", http)
        await sdk.v1.checkout.sessions.create_async(session_body())  # type: ignore[arg-type]
    with (tmp_path / "journal.jsonl").open("ab") as journal:
        journal.write(b'[["sessions", "cs_half", {"id"')
    async with running(port, tmp_path), aiohttp.ClientSession() as http:
        found = await sdk_client(f"http://127.0.0.1:{port}", http).v1.checkout.sessions.list_async()
        assert len(found.data) == 1
        assert isinstance(found.data[0], stripe.checkout.Session)


async def test_a_second_sandbox_in_the_same_folder_and_a_taken_port_are_refused(tmp_path: Path) -> None:
    port = free_port()
    async with running(port, tmp_path):
        code, errors = await ended(await start(free_port(), tmp_path))
        assert (code, errors) == (2, f"sandbox.stripe: {tmp_path} is in use by another Stripe sandbox.\n")
        code, errors = await ended(await start(port, tmp_path / "other"))
        assert code == 2
        assert errors.startswith(f"sandbox.stripe: cannot listen on 127.0.0.1:{port}")
        assert errors.count("\n") == 1


@pytest.mark.parametrize("key", ["sk_live_abc", "rk_live_abc"])
async def test_a_live_key_is_refused(key: str, tmp_path: Path) -> None:
    code, errors = await ended(await start(free_port(), tmp_path, STRIPE_API_KEY=key))
    assert code == 2
    assert errors == "sandbox.stripe: STRIPE_API_KEY holds a live key; the sandbox never runs beside one.\n"


def test_a_live_key_in_a_file_is_found(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("sk_live_abc\n")
    assert live_key_in({"STRIPE_API_KEY_FILE": str(secret)}) == "STRIPE_API_KEY_FILE"
    assert live_key_in({"STRIPE_API_KEY": "sk_test_abc", "STRIPE_API_KEY_FILE": ""}) is None
