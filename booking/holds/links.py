"""Connections between web processes of one city: a JSON object a line, many under way at once.

server -> client   {"nonce": …}
client -> server   {"proof": HMAC of the nonce}             both have it from SECRET_KEY
client -> server   {"id": 1, …}
server -> client   {"id": 1, …}
client -> server   {"id": 2, "withdrawn": 1, "asked": {…}}  where the answer came too late: what has not been begun is left,
                                                            what has been done is undone
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from uuid import UUID

from base import lines
from base.lines import Message

log = logging.getLogger(__name__)

CONNECT_S = 0.2
_LINE_BYTES_MOST = 64 * 1024


class Away(Exception):
    """Not reached, or lost while it was asked. The question may have been understood all the same."""


class Silent(Exception):
    """It has the question, and no answer came in time. `withdraw`: nobody wants one any more."""

    def __init__(self, withdraw: Callable[[], None]) -> None:
        super().__init__()
        self.withdraw = withdraw


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
            sender, withdrawn = lines.Sender(writer), set[int]()
            while line := await reader.readline():
                message = lines.decoded(line)
                if "withdrawn" in message:  # noted before any task of what was read together has begun
                    withdrawn.add(message["withdrawn"])
                task = asyncio.create_task(self._one(message, sender, withdrawn))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)
        except (OSError, ValueError, AttributeError, TimeoutError):
            pass  # whoever it was is gone, or speaks another language
        finally:
            self._clients.discard(writer)
            writer.close()

    async def _one(self, message: Message, sender: lines.Sender, withdrawn: set[int]) -> None:
        if message["id"] in withdrawn:
            return
        answer = await self._answer(message)
        withdrawn.discard(message.get("withdrawn", 0))
        sender.send({**answer, "id": message["id"]})


class Link:
    """To one process; connected at the first question, and again after a loss."""

    def __init__(self, address: str, secret: str) -> None:
        self._address = address
        self._secret = secret
        self._sender: lines.Sender | None = None
        self._connecting = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._next = 0
        self._shunned_until = 0.0

    async def ask(self, message: Message, silent_s: float, shunned_s: float) -> Message:
        """Raises Away, at once while it is shunned; Silent."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._shunned_until:
            raise Away
        number, waiting = self._number(), loop.create_future()
        self._waiting[number] = waiting
        sender: lines.Sender | None = None
        try:
            async with asyncio.timeout(silent_s):
                sender = self._sender or await self._connect()
                sender.send({**message, "id": number})
                answer: Message = await waiting
                return answer
        except (TimeoutError, OSError, ValueError) as error:
            if loop.time() >= self._shunned_until:  # else another has said so, who asked at the same time
                log.warning("holds.owner-silent", extra={"error": type(error).__name__})
            self._shunned_until = loop.time() + shunned_s
            if sender is None or not isinstance(error, TimeoutError):
                raise Away from None
            withdrawal = {"id": self._number(), "withdrawn": number, "asked": message}
            raise Silent(partial(sender.send, withdrawal)) from None
        finally:
            self._waiting.pop(number, None)

    def _number(self) -> int:
        self._next += 1
        return self._next

    def close_soon(self) -> None:
        if self._reading is not None:
            self._reading.cancel()

    async def close(self) -> None:
        self.close_soon()
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _connect(self) -> lines.Sender:
        async with self._connecting:
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
                answer = lines.decoded(line)
                waiting = self._waiting.get(answer.get("id", 0))
                if waiting is not None and not waiting.done():
                    waiting.set_result(answer)
        except (OSError, ValueError):
            pass
        finally:
            self._sender = None
            writer.close()
            for waiting in self._waiting.values():
                with contextlib.suppress(asyncio.InvalidStateError):
                    waiting.set_exception(ConnectionResetError())
