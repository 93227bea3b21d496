"""A call from a network that lets no UDP through but a relay's: coturn, with the credentials that our server gives."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path

import pytest
from aiohttp.test_utils import unused_port
from playwright.async_api import async_playwright

from base.clock import SettableClock, utcnow
from tests.browser.test_call import Person, Scene
from tests.town import eventually
from tests.town import town as open_town
from tests.video.worker_process import media

SECRET = "the relay's secret of this test"
ONLY_RELAYED = """window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(given) { super({ ...given, iceTransportPolicy: 'relay' }); } };"""
_PAIRS = """async () => {
  const types = [];
  for (const pc of window.pcs) {
    const stats = await pc.getStats();
    for (const one of stats.values())
      if (one.type === 'transport' && one.selectedCandidatePairId)
        types.push(stats.get(stats.get(one.selectedCandidatePairId).localCandidateId).candidateType);
  }
  return types;
}"""


@asynccontextmanager
async def relay(folder: Path) -> AsyncIterator[int]:
    """The TCP and UDP port of a coturn that listens on loopback only."""
    program = shutil.which("turnserver")
    if program is None:
        pytest.skip("no coturn: `make test` as root installs it")
    port = unused_port()
    options = [
        "-n", "--no-cli", "--no-tls", "--no-dtls", "--no-multicast-peers", "--allow-loopback-peers", "--use-auth-secret",
        f"--static-auth-secret={SECRET}", "--realm=schalter.example", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1",
        f"--listening-port={port}", "--log-file=stdout", f"--pidfile={folder / 'pid'}", f"--userdb={folder / 'users'}",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        running = await asyncio.create_subprocess_exec(program, *options, stdout=log, stderr=log, cwd=folder)
    try:
        await eventually(lambda: _listens(port))
        yield port
    finally:
        running.kill()
        await running.wait()


async def _listens(port: int) -> bool:
    with closing(socket.socket()) as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_through_the_citys_relay(city_dsn: str, chromium: str, tmp_path: Path, transport: str) -> None:
    clock = SettableClock(utcnow())  # the relay looks at the real one
    async with (
        relay(tmp_path) as port,
        media() as (worker, _pool),
        open_town(
            city_dsn,
            clock,
            media_control=(worker.control,),
            turn_urls=(f"turn:127.0.0.1:{port}?transport={transport}",),
            turn_secret=SECRET,
        ) as town,
        async_playwright() as playwright,
        AsyncExitStack() as stack,
    ):
        scene = Scene(town, worker, chromium, playwright, stack, scripts=(ONLY_RELAYED,))
        people: tuple[Person, Person] = (await scene.call())[:2]
        for one in people:
            assert await one.page.evaluate(_PAIRS) == ["relay", "relay"]  # to send and to receive
