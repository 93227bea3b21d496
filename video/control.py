"""The web process's side of the media plane: the port `Media` over one or several workers.

Descriptions are read and written here: a worker gets only what `video.model` has words for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from base import lines
from video import sdp, wire
from video.model import HEARTBEAT_S, Refusal, Source
from video.ports import (
    MediaEvent,
    MediaRefused,
    MediaUnavailable,
    PeerLost,
    SubOffer,
    WorkerDown,
    WorkerHeard,
)

_log = logging.getLogger(__name__)

ANSWER_S = 5.0
CONNECT_S = 2.0
SILENT_S = 3 * HEARTBEAT_S
AGAIN_LEAST_S, AGAIN_MOST_S = 0.1, 0.5
LOST_FOR_S = 1.0  # a connection that comes back to the same instance within it was no death
EVENTS_MOST = 10_000


class MediaWorker:
    """The connection to one worker: kept up until `stop`, its events given to `tell`."""

    def __init__(self, address: str, secret: str, tell: Callable[[MediaEvent], None]) -> None:
        self.address = address
        self.instance: str | None = None  # of the worker that is up
        self.stats: Mapping[str, float] = {}
        self._secret = secret
        self._tell = tell
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: dict[int, asyncio.Future[lines.Message]] = {}
        self._next = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        return self._writer is not None

    async def start(self) -> None:
        """Returns after the first attempt, whether it worked or not."""
        first = asyncio.Event()
        self._task = asyncio.create_task(self._keep_connected(first))
        await first.wait()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def ask(self, do: str, **fields: Any) -> Any:
        """Raises MediaRefused, MediaUnavailable."""
        writer = self._writer
        if writer is None:
            raise MediaUnavailable(f"worker {self.address} is not there")
        self._next += 1
        number, future = self._next, asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            writer.write(lines.encoded({"id": number, "do": do, **fields}))
            async with asyncio.timeout(ANSWER_S):
                answer = await future
        except TimeoutError:
            raise MediaUnavailable(f"no answer to {do}") from None
        finally:
            self._waiting.pop(number, None)
        if "refused" in answer:
            raise MediaRefused(answer["refused"])
        if "gives" not in answer:
            raise MediaUnavailable(f"{do} failed")
        return answer["gives"]

    async def _keep_connected(self, first: asyncio.Event) -> None:
        again_s, lost_at = AGAIN_LEAST_S, 0.0
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    async with asyncio.timeout(CONNECT_S):
                        reader, writer, instance = await self._connect()
                except (OSError, ValueError, KeyError, TimeoutError) as error:
                    _log.debug("media.not_connected", extra={"worker": self.address, "error": str(error)})
                    nobody_listens = isinstance(error, ConnectionRefusedError | FileNotFoundError)
                    if nobody_listens or loop.time() - lost_at > LOST_FOR_S:
                        self._down()
                else:
                    again_s = AGAIN_LEAST_S
                    self._up(instance, writer)
                    first.set()
                    try:
                        await self._read(reader)
                    finally:
                        self._disconnected()
                    lost_at = loop.time()
                    continue
                first.set()
                await asyncio.sleep(again_s * random.uniform(0.7, 1.3))  # noqa: S311  # spreads attempts, guards nothing
                again_s = min(AGAIN_MOST_S, again_s * 2)
        finally:
            self._disconnected()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
        reader, writer = await lines.connect(self.address, wire.LINE_BYTES_MOST)
        try:
            theirs, ours = lines.decoded(await reader.readline()), secrets.token_hex(16)
            writer.write(
                lines.encoded({"proof": lines.proof(self._secret, str(theirs["nonce"]), "web"), "nonce": ours})
            )
            hello = lines.decoded(await reader.readline())
            if not secrets.compare_digest(str(hello["proof"]), lines.proof(self._secret, ours, "worker")):
                raise ValueError("wrong secret")
        except BaseException:
            writer.close()
            raise
        return reader, writer, str(hello["instance"])

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Until the connection ends, or nothing was heard for SILENT_S."""
        with contextlib.suppress(OSError, ValueError, TimeoutError):
            while True:
                async with asyncio.timeout(SILENT_S):
                    line = await reader.readline()
                if not line:
                    return
                message = lines.decoded(line)
                if (number := message.get("id")) is not None:
                    future = self._waiting.get(number)
                    if future is not None and not future.done():
                        future.set_result(message)
                elif message.get("event") == "heartbeat":
                    self.stats = message["stats"]
                    self._heard()
                elif message.get("event") == "peer_lost":
                    room, epoch, participant = UUID(message["room"]), message["epoch"], message["participant"]
                    self._tell(PeerLost(room, epoch, participant, message["which"]))

    def _up(self, instance: str, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        if self.instance != instance:
            self._down()
            self.instance = instance
            self._heard()

    def _heard(self) -> None:
        if self.instance is not None:
            self._tell(WorkerHeard(self.address, self.instance, self.stats.get("busy", 0.0)))

    def _down(self) -> None:
        if self.instance is not None:
            gone, self.instance = self.instance, None
            _log.warning("media.worker_down", extra={"worker": self.address})
            self._tell(WorkerDown(self.address, gone))

    def _disconnected(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        for future in self._waiting.values():
            if not future.done():
                future.set_result({})  # unknown whether it happened


class MediaPool:
    """The port `Media`: a room lives on one worker; a new one is made where the load is least."""

    def __init__(self, addresses: Sequence[str], secret: str) -> None:
        self._workers = [MediaWorker(address, secret, self._tell) for address in addresses]
        self._placed: dict[UUID, MediaWorker] = {}
        self._listeners: set[asyncio.Queue[MediaEvent]] = set()

    @property
    def up(self) -> int:
        """How many workers answer."""
        return sum(worker.is_up for worker in self._workers)

    @property
    def is_up(self) -> bool:
        """Whether a room can be made."""
        return self.up > 0

    async def start(self) -> None:
        await asyncio.gather(*(worker.start() for worker in self._workers))

    async def stop(self) -> None:
        await asyncio.gather(*(worker.stop() for worker in self._workers))

    async def create_room(self, room: UUID, epoch: int, worker: str | None = None) -> None:
        if worker is not None:
            found = next((one for one in self._workers if one.address == worker), None)
            if found is None:
                raise MediaUnavailable(f"no worker {worker} is known here")
        else:
            found = await self._find(room, epoch) or self._least_loaded()
        await found.ask("create_room", room=str(room), epoch=epoch)
        self._placed[room] = found

    async def publish(self, room: UUID, epoch: int, participant: int, offer: str, mids: Mapping[str, str]) -> str:
        with _refusing():
            published, described = sdp.publication(offer, mids)
        given = await self._ask(room, "publish", epoch, participant, publication=wire.plain(published))
        with _refusing():
            return sdp.pub_answer(described, published, wire.endpoint(given))

    async def subscribe(
        self, room: UUID, epoch: int, participant: int, wanted: Sequence[Source], *, restart: bool = False
    ) -> SubOffer:
        sources = [{"participant": source.participant, "kind": source.kind} for source in wanted]
        layout = wire.layout(await self._ask(room, "subscribe", epoch, participant, wanted=sources, restart=restart))
        return SubOffer(sdp.sub_offer(layout), {line.mid: line.source for line in layout.lines if line.source})

    async def answered(self, room: UUID, epoch: int, participant: int, sdp: str) -> None:
        await self._ask(room, "answered", epoch, participant, answered=_answered(sdp))

    async def mute(self, room: UUID, epoch: int, participant: int, kind: str, muted: bool) -> None:
        await self._ask(room, "mute", epoch, participant, kind=kind, muted=muted)

    async def leave(self, room: UUID, epoch: int, participant: int) -> None:
        await self._ask(room, "leave", epoch, participant)

    async def close_room(self, room: UUID, epoch: int) -> None:
        if (worker := await self._find(room, epoch)) is not None:
            await worker.ask("close_room", room=str(room), epoch=epoch)
            self._placed.pop(room, None)

    async def stats(self) -> Mapping[str, float]:
        """The sum over all workers that are up, by name; `lag_ms` and `busy` are the worst."""
        total: dict[str, float] = {"workers": float(self.up)}
        for worker in self._workers:
            if worker.is_up:
                for name, value in (await worker.ask("stats")).items():
                    worst = name in ("lag_ms", "busy")
                    total[name] = max(total.get(name, 0.0), value) if worst else total.get(name, 0.0) + value
        return total

    async def events(self) -> AsyncIterator[MediaEvent]:
        queue: asyncio.Queue[MediaEvent] = asyncio.Queue(EVENTS_MOST)
        for worker in self._workers:
            if worker.instance is not None:
                queue.put_nowait(WorkerHeard(worker.address, worker.instance, worker.stats.get("busy", 0.0)))
        self._listeners.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.discard(queue)

    def worker_of(self, room: UUID) -> tuple[str, str] | None:
        """(worker, instance) that the room is known to be on: what WorkerDown will name."""
        worker = self._placed.get(room)
        return (worker.address, worker.instance) if worker is not None and worker.instance is not None else None

    async def _ask(self, room: UUID, do: str, epoch: int, participant: int, **fields: Any) -> Any:
        worker = await self._find(room, epoch)
        if worker is None:
            if self.up < len(self._workers) or not self._workers:
                raise MediaUnavailable("it may be on a worker that cannot be reached")
            raise MediaRefused(Refusal.NO_ROOM)
        return await worker.ask(do, room=str(room), epoch=epoch, participant=participant, **fields)

    async def _find(self, room: UUID, epoch: int) -> MediaWorker | None:
        """Another web process may have made the room, so the workers themselves are asked. None where no worker that is up has it."""
        if (placed := self._placed.get(room)) is not None and placed.instance is not None:
            return placed
        for worker in self._workers:
            if worker.is_up and await worker.ask("has", room=str(room), epoch=epoch):
                self._placed[room] = worker
                return worker
        return None

    def _least_loaded(self) -> MediaWorker:
        up = [worker for worker in self._workers if worker.is_up]
        if not up:
            raise MediaUnavailable("no worker")
        return min(up, key=lambda worker: worker.stats.get("busy", 0.0))

    def _tell(self, event: MediaEvent) -> None:
        if isinstance(event, WorkerDown):
            self._placed = {room: worker for room, worker in self._placed.items() if worker.address != event.worker}
        for queue in self._listeners:
            if not queue.full():
                queue.put_nowait(event)


def _answered(text: str) -> dict[str, Any]:
    with _refusing():
        return wire.plain(sdp.answered(text))


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except sdp.SdpRefused as refused:
        _log.info("media.sdp_refused", extra={"detail": str(refused)})
        raise MediaRefused(refused.code) from None
