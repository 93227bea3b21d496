"""Janus with its video room, configured for the same work: ICE-lite on loopback, transport-cc, two connections per person."""

from __future__ import annotations

import asyncio
import random
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.video.client import Client, pub_offer, sub_answer

if TYPE_CHECKING:
    from tests.bench.media import Person

LIMIT_S = 20.0
LIBRARIES = next(Path("/usr/lib").glob("*/janus"), Path("/usr/lib/janus"))

_MAIN = """
general: {{
  configs_folder = "{folder}"
  plugins_folder = "{libraries}/plugins"
  transports_folder = "{libraries}/transports"
  events_folder = "{folder}"
  loggers_folder = "{folder}"
  debug_level = 3
}}
nat: {{ ice_lite = true  ice_enforce_list = "lo,127.0.0.1"  ice_consent_freshness = false }}
plugins: {{ disable = "{other_plugins}" }}
transports: {{ disable = "{other_transports}" }}
"""
_HTTP = 'general: {{ json = "compact"  base_path = "/janus"  http = true  port = {port}  interface = "lo"  https = false }}\n'


class Janus:
    def __init__(self, pid: int, http: aiohttp.ClientSession, address: str) -> None:
        self.pid = pid
        self._http, self._address = http, address
        self._session = 0
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = random.Random(7)
        self._polling: asyncio.Task[None] | None = None

    async def open(self) -> None:
        end = asyncio.get_running_loop().time() + LIMIT_S
        while not self._session:
            with suppress(aiohttp.ClientError):
                self._session = (await self._post("", {"janus": "create"}))["data"]["id"]
            assert asyncio.get_running_loop().time() < end, "Janus does not answer"
            await asyncio.sleep(0.1)
        self._polling = asyncio.create_task(self._poll())

    async def close(self) -> None:
        if self._polling is not None:
            self._polling.cancel()

    async def pair(self, clients: list[Person]) -> None:
        room = self._numbers.randrange(1 << 30)
        handle = await self._attach()
        create = {"request": "create", "room": room, "publishers": 6, "audiocodec": "opus", "videocodec": "vp8"}
        await self._message(handle, create, wait=False)
        feeds = []
        for person in clients:
            handle = await self._attach()
            person.pub.host = _machine()
            await person.pub.open()
            join = {"request": "joinandconfigure", "ptype": "publisher", "room": room}
            event = await self._message(
                handle, join, _jsep("offer", _with_candidate(pub_offer(person.pub), person.pub))
            )
            feeds.append(event["plugindata"]["data"]["id"])
            await person.pub.connect(event["jsep"]["sdp"])
        for person, feed in zip(clients, reversed(feeds), strict=True):
            handle = await self._attach()
            join = {"request": "join", "ptype": "subscriber", "room": room, "streams": [{"feed": feed}]}
            offer = (await self._message(handle, join))["jsep"]["sdp"]
            person.sub.host = _machine()
            await person.sub.open()
            answer = _with_candidate(sub_answer(person.sub, offer), person.sub)
            await self._message(handle, {"request": "start"}, _jsep("answer", answer))
            await person.sub.connect(offer)

    async def _attach(self) -> int:
        answer = await self._post(f"/{self._session}", {"janus": "attach", "plugin": "janus.plugin.videoroom"})
        return int(answer["data"]["id"])

    async def _message(
        self, handle: int, body: dict[str, Any], jsep: dict[str, Any] | None = None, *, wait: bool = True
    ) -> dict[str, Any]:
        request = {"janus": "message", "body": body, **({"jsep": jsep} if jsep else {})}
        transaction = f"{self._numbers.getrandbits(64):x}"
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[transaction] = future
        answer = await self._post(f"/{self._session}/{handle}", request, transaction)
        if not wait:
            return answer
        async with asyncio.timeout(LIMIT_S):
            event = await future
        assert "error" not in event.get("plugindata", {}).get("data", {}), event
        return event

    async def _post(self, path: str, body: dict[str, Any], transaction: str = "once") -> dict[str, Any]:
        async with self._http.post(self._address + path, json={**body, "transaction": transaction}) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            return answer

    async def _poll(self) -> None:
        while True:
            async with self._http.get(f"{self._address}/{self._session}?maxev=10") as response:
                events = await response.json(content_type=None)
            for event in events if isinstance(events, list) else [events]:
                future = self._answers.pop(event.get("transaction", ""), None)
                if future is not None:
                    future.set_result(event)


def _jsep(kind: str, sdp: str) -> dict[str, Any]:
    return {"type": kind, "sdp": sdp, "trickle": False}


def _with_candidate(sdp: str, client: Client) -> str:
    return (
        sdp.rstrip("\r\n")
        + f"\r\na=candidate:1 1 udp 2130706431 {_machine()} {client.port} typ host\r\na=end-of-candidates\r\n"
    )


def _machine() -> str:
    """The machine's own address: libnice announces no loopback. No packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("192.0.2.1", 9))
        host: str = asking.getsockname()[0]
        return host


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


@asynccontextmanager
async def janus() -> AsyncIterator[Janus]:
    with tempfile.TemporaryDirectory(prefix="schalter-janus-") as folder:
        plugins = [file.name for file in (LIBRARIES / "plugins").glob("*.so") if "videoroom" not in file.name]
        transports = [file.name for file in (LIBRARIES / "transports").glob("*.so") if "http" not in file.name]
        port = _free_port()
        main = _MAIN.format(
            folder=folder,
            libraries=LIBRARIES,
            other_plugins=",".join(plugins),
            other_transports=",".join(transports),
        )
        (Path(folder) / "janus.jcfg").write_text(main)
        (Path(folder) / "janus.transport.http.jcfg").write_text(_HTTP.format(port=port))
        (Path(folder) / "janus.plugin.videoroom.jcfg").write_text("general: {}\n")
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(["janus", "-F", folder, "-C", f"{folder}/janus.jcfg"], stdout=log, stderr=log)
        try:
            async with aiohttp.ClientSession() as http:
                server = Janus(process.pid, http, f"http://127.0.0.1:{port}/janus")
                await server.open()
                yield server
                await server.close()
        finally:
            process.terminate()
            process.wait(timeout=10)
