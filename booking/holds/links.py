"""Connections between web processes of one city: a JSON object a line, many under way at once.

server -> client   {"nonce": …}
client -> server   {"proof": HMAC of the nonce}             both have it from SECRET_KEY
client -> server   {"id": 1, …}
server -> client   {"id": 1, …}
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from base import lines
from base.lines import Message

log = logging.getLogger(__name__)

CONNECT_S = 0.2
_LINE_BYTES_MOST = 64 * 1024
_GRACE_S = 0.01  # what was said may lie there unread, where this process was busy itself


class Away(Exception):
    """Not reached, or no answer in time. The question may have been understood all the same."""


class Server:
    def __init__(self, secret: str, answer: Callable[[Message], Awaitable[Message]]) -> None:
        self.address = ""
        self._secret = secret
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._path: Path | None = None
        self._answering: set[asyncio.Task[None]] = set()
        self._clients: set[asyncio.StreamWriter] = set()

    async def start(self, listen: str, ident: UUID) -> None:
        """`listen`: a folder, or host:port."""
        place = lines.host_and_port(listen)
        if place is None:
            self._path = Path(listen) / f"holds-{ident.hex[:12]}.sock"
        self._server = await lines.listen(str(self._path or listen), self._serve, _LINE_BYTES_MOST)
        self.address = str(self._path) if place is None else f"{place[0]}:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """What has been asked is answered."""
        if self._server is not None:
            self._server.close()
        await asyncio.gather(*self._answering, return_exceptions=True)
        for client in list(self._clients):
            client.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            nonce = secrets.token_urlsafe()
            writer.write(lines.encoded({"nonce": nonce}))
            async with asyncio.timeout(CONNECT_S * 10):
                proof = str(lines.decoded(await reader.readline()).get("proof"))
            if not secrets.compare_digest(proof, lines.proof(self._secret, nonce, "client")):
                log.warning("holds.link-refused")
                return
            sender = lines.Sender(writer)
            while line := await reader.readline():
                task = asyncio.create_task(self._one(lines.decoded(line), sender))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)
        except (OSError, ValueError, AttributeError, TimeoutError):
            pass  # whoever it was is gone, or speaks another language
        finally:
            self._clients.discard(writer)
            writer.close()

    async def _one(self, message: Message, sender: lines.Sender) -> None:
        answer = await self._answer(message)
        sender.send({**answer, "id": message["id"]})


@dataclass(frozen=True, slots=True)
class _Question:
    answer: asyncio.Future[Message]
    asked_at: float  # of the loop's clock


class Link:
    """To one process; connected at the first question, and again after a loss.

    It is silent where nothing at all was heard for `silent_s` while a question is open, and is not asked again for `shunned_s`. While it
    answers others it is only busy, so a question alone is given up after `patience_s`. All in seconds.
    """

    def __init__(self, address: str, secret: str, *, silent_s: float, shunned_s: float, patience_s: float) -> None:
        self._address = address
        self._secret = secret
        self._silent_s = silent_s
        self._shunned_s = shunned_s
        self._patience_s = patience_s
        self._sender: lines.Sender | None = None
        self._connecting = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._waiting: dict[int, _Question] = {}  # the oldest first
        self._next = 0
        self._heard_at = 0.0
        self._shunned_until = 0.0

    async def ask(self, message: Message) -> Message:
        """Raises Away: at once while it is shunned."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._shunned_until:
            raise Away
        try:
            sender = self._sender or await self._connect()
        except (TimeoutError, OSError, ValueError) as error:
            self._shun(error)
            raise Away from None
        self._next += 1
        number, question = self._next, _Question(loop.create_future(), loop.time())
        self._waiting[number] = question
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch(), name="holds-link")
        try:
            sender.send({**message, "id": number})
            return await question.answer
        finally:
            self._waiting.pop(number, None)

    async def _watch(self) -> None:
        """One for all questions, while there are any."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            oldest = next(iter(self._waiting.values()))
            due = min(max(self._heard_at, oldest.asked_at) + self._silent_s, oldest.asked_at + self._patience_s)
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            await asyncio.sleep(_GRACE_S)
            self._give_up(loop.time())

    def _give_up(self, now: float) -> None:
        asked_at = min((question.asked_at for question in self._waiting.values()), default=now)
        is_silent = max(self._heard_at, asked_at) + self._silent_s <= now
        if is_silent:
            self._shun(TimeoutError())
        for question in self._waiting.values():
            if (is_silent or question.asked_at + self._patience_s <= now) and not question.answer.done():
                question.answer.set_exception(Away())

    def _shun(self, error: Exception) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._shunned_until:  # else another has said so, who asked at the same time
            log.warning("holds.owner-silent", extra={"error": type(error).__name__})
        self._shunned_until = now + self._shunned_s

    def close_soon(self) -> None:
        for task in (self._reading, self._watching):
            if task is not None:
                task.cancel()

    async def close(self) -> None:
        self.close_soon()
        tasks = [task for task in (self._reading, self._watching) if task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connect(self) -> lines.Sender:
        async with asyncio.timeout(self._silent_s), self._connecting:
            if self._sender is not None:
                return self._sender
            reader, writer = await lines.connect(self._address, _LINE_BYTES_MOST)
            nonce = lines.decoded(await reader.readline())["nonce"]
            writer.write(lines.encoded({"proof": lines.proof(self._secret, nonce, "client")}))
            self._sender = lines.Sender(writer)
            self._reading = asyncio.create_task(self._read(reader, writer))
            return self._sender

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                self._heard_at = asyncio.get_running_loop().time()
                answer = lines.decoded(line)
                question = self._waiting.get(answer.get("id", 0))
                if question is not None and not question.answer.done():
                    question.answer.set_result(answer)
        except (OSError, ValueError):
            pass
        finally:
            self._sender = None
            writer.close()
            if self._waiting:
                self._shun(ConnectionResetError())
            for question in self._waiting.values():
                with contextlib.suppress(asyncio.InvalidStateError):
                    question.answer.set_exception(Away())
