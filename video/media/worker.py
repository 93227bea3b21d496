"""One media worker: its port, its rooms, its clock, and the control connections that tell it what to do."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from base import lines
from base.config import Settings
from video import wire
from video.media.counters import Counters
from video.media.dtls import make_certificate
from video.media.peers import Site
from video.media.rooms import Refused, Rooms
from video.media.udp import UdpPort
from video.model import HEARTBEAT_S, WORKER_BUSY, WORKER_PACKETS_PER_S, Which

_log = logging.getLogger(__name__)

REPAIR_S, FEEDBACK_S, SECOND_S = 0.02, 0.1, 1.0
HELLO_S = 5.0
UNSENT_BYTES_MOST = 1 << 20  # a control client that does not read is cut off

Do = Callable[["Worker", lines.Message], Any]


class Worker:
    """Raises OSError where port or control address cannot be taken."""

    def __init__(self, *, host: str, port: int, announced: tuple[str, ...], control: str, secret: str) -> None:
        counters = Counters()
        certificate, fingerprint = make_certificate()
        self.instance = secrets.token_hex(8)
        self._port = UdpPort(host, port, counters)
        addresses = tuple((address, self._port.port) for address in announced)
        self._site = Site(self._port, certificate, fingerprint, addresses, counters)
        self.rooms = Rooms(self._site, self._peer_lost, self._is_busy)
        self._control, self._secret = control, secret
        self._clients: set[asyncio.StreamWriter] = set()
        self._load: dict[str, float] = {"busy": 0.0, "lag_ms": 0.0, "packets_out_per_s": 0.0}

    async def run(self, stop: asyncio.Event) -> None:
        """Serves until `stop` is set."""
        self._port.open()
        server = await self._listen()
        _log.info("media.up", extra={"instance": self.instance, "port": self._port.port})
        try:
            async with asyncio.TaskGroup() as tasks:
                ticking = [tasks.create_task(self._tick()), tasks.create_task(self._beat())]
                await stop.wait()
                for task in ticking:
                    task.cancel()
        finally:
            server.close()
            for client in list(self._clients):
                client.close()
            self.rooms.close_all()
            if self._site.ending:
                await asyncio.wait(self._site.ending, timeout=1)
            self._port.close()

    def stats(self) -> dict[str, float]:
        return {**self._site.counters.as_numbers(), **self.rooms.counted(), **self._load}

    # --- clock ---

    async def _tick(self) -> None:
        due, feedback, second = time.monotonic(), 0.0, 0.0
        while True:
            due += REPAIR_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            self._load["lag_ms"] = max(self._load["lag_ms"] * 0.99, (now - due) * 1000)
            if now - due > 1:
                due = now  # the machine slept; what was missed is not made up for
            self.rooms.repair(now)
            if now - feedback >= FEEDBACK_S:
                feedback = now
                self.rooms.feed_back()
            if now - second >= SECOND_S:
                second = now
                self._port.next_second()
                self.rooms.next_second(now)

    async def _beat(self) -> None:
        at, cpu, packets = time.monotonic(), time.process_time(), 0
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            now, spent, sent = time.monotonic(), time.process_time(), self._site.counters.packets_out
            self._load["busy"] = (spent - cpu) / (now - at)
            self._load["packets_out_per_s"] = (sent - packets) / (now - at)
            at, cpu, packets = now, spent, sent
            self._tell({"event": "heartbeat", "stats": self.stats()})

    def _is_busy(self) -> bool:
        return self._load["busy"] > WORKER_BUSY or self._load["packets_out_per_s"] > WORKER_PACKETS_PER_S

    # --- control ---

    async def _listen(self) -> asyncio.Server:
        return await lines.listen(self._control, self._client, wire.LINE_BYTES_MOST)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError, KeyError, asyncio.IncompleteReadError, TimeoutError):
            async with asyncio.timeout(HELLO_S):
                await self._greet(reader, writer)
            self._clients.add(writer)
            writer.write(lines.encoded({"event": "heartbeat", "stats": self.stats()}))
            while line := await reader.readline():
                writer.write(lines.encoded(self._answer(lines.decoded(line))))
                await writer.drain()
        self._clients.discard(writer)
        writer.close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonce = secrets.token_hex(16)
        writer.write(lines.encoded({"nonce": nonce}))
        hello = lines.decoded(await reader.readline())
        if not secrets.compare_digest(str(hello["proof"]), lines.proof(self._secret, nonce, "web")):
            _log.warning("media.control_refused")
            raise ValueError("wrong secret")
        proof = lines.proof(self._secret, str(hello["nonce"]), "worker")
        writer.write(lines.encoded({"proof": proof, "instance": self.instance}))

    def _answer(self, request: lines.Message) -> lines.Message:
        number = request.get("id")
        try:
            return {"id": number, "gives": _COMMANDS[request["do"]](self, request)}
        except Refused as refused:
            return {"id": number, "refused": refused.code}
        except Exception:  # one wrong request must not end the calls of all others
            _log.exception("media.command_failed", extra={"do": request.get("do")})
            return {"id": number, "failed": True}

    def _tell(self, message: lines.Message) -> None:
        line = lines.encoded(message)
        for client in list(self._clients):
            if client.transport.get_write_buffer_size() > UNSENT_BYTES_MOST:
                client.transport.abort()
            else:
                client.write(line)

    def _peer_lost(self, room: UUID, epoch: int, participant: int, which: Which) -> None:
        _log.info("media.peer_lost", extra={"room": str(room), "participant": participant, "which": which})
        told = {"room": str(room), "epoch": epoch, "participant": participant, "which": which}
        self._tell({"event": "peer_lost", **told})


def _where(request: lines.Message) -> tuple[UUID, int]:
    return UUID(request["room"]), int(request["epoch"])


def _who(request: lines.Message) -> tuple[UUID, int, int]:
    return *_where(request), int(request["participant"])


_COMMANDS: Mapping[str, Do] = {
    "stats": lambda worker, request: worker.stats(),
    "has": lambda worker, request: worker.rooms.has(UUID(request["room"]), request.get("epoch")),
    "create_room": lambda worker, request: worker.rooms.create(*_where(request)),
    "close_room": lambda worker, request: worker.rooms.close(*_where(request)),
    "publish": lambda worker, request: wire.plain(
        worker.rooms.publish(*_who(request), wire.publication(request["publication"]))
    ),
    "subscribe": lambda worker, request: wire.plain(
        worker.rooms.subscribe(*_who(request), wire.sources(request["wanted"]), restart=bool(request["restart"]))
    ),
    "answered": lambda worker, request: worker.rooms.answered(*_who(request), wire.answered(request["answered"])),
    "mute": lambda worker, request: worker.rooms.mute(
        *_who(request), str(request["kind"]), muted=bool(request["muted"])
    ),
    "leave": lambda worker, request: worker.rooms.leave(*_who(request)),
}


async def serve(settings: Settings, number: int) -> None:
    """The worker `number` of those in MEDIA_CONTROL, until SIGTERM or SIGINT."""
    worker = Worker(
        host=settings.media_bind or settings.media_address[0],
        port=settings.media_port + number,
        announced=settings.media_address,
        control=settings.media_control[number],
        secret=settings.media_secret,
    )
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await worker.run(stop)
