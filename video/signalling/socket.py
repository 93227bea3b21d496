"""One WebSocket from hello to its end. What is wrong gets a clear error, then the socket is closed; the seat is kept for a minute."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from base.db import database_is_away
from base.errors import DomainError, Malformed, Unauthenticated, Unavailable
from base.i18n import mark as _
from video.rooms.model import SEAT_KEPT, Entry
from video.rooms.usecases import Rooms, SessionOver
from video.signalling import messages
from video.signalling.hub import Hub
from video.signalling.messages import MESSAGE_BYTES_MOST, Hello, Message
from video.signalling.session import Session
from video.signalling.talk import Talk

log = logging.getLogger(__name__)

HELLO_S = 10.0
KEEP_S = 20.0
ASK_S = 15.0
SEND_S = 10.0  # a browser that takes nothing for so long is gone
BURST, PER_S = 60, 20  # messages
REFUSED, TAKEN_OVER = 4403, 4409  # close codes of ours: do not come back by yourself
MaySit = Callable[[], Awaitable[bool]]
_GOODBYE = (WSCloseCode.OK, WSCloseCode.GOING_AWAY)


class MessageTooLarge(DomainError):
    code = "message_too_large"
    status = 413
    message = _("This message is too large.")


class TooManyMessages(DomainError):
    code = "too_many_messages"
    status = 429
    message = _("Too many messages at once.")


class SignedOut(Unauthenticated):
    code = "signed_out"
    message = _("You are no longer signed in, or may no longer work for this office. Please sign in and enter again.")


class _Closing(Exception):
    """Say it, then close with this code."""

    def __init__(self, error: DomainError, code: int) -> None:
        self.error = error
        self.code = code


class _Allowance:
    """A bucket of messages that fills again by itself."""

    def __init__(self) -> None:
        self._left, self._at = float(BURST), time.monotonic()

    def spend(self) -> bool:
        now = time.monotonic()
        self._left, self._at = min(BURST, self._left + (now - self._at) * PER_S) - 1, now
        return self._left >= 0


class Sockets:
    """`ask_s`: how often those in a call are asked whether they may stay."""

    def __init__(self, rooms: Rooms, hub: Hub, talk: Talk, *, ask_s: float = ASK_S) -> None:
        self._rooms = rooms
        self._hub = hub
        self._talk = talk
        self.ask_s = ask_s

    async def serve(
        self, ws: web.WebSocketResponse, room_id: UUID, token: str, stopping: asyncio.Event, may_sit: MaySit
    ) -> None:
        """Until either side closes, another socket takes the seat, `may_sit` says no, or the process stops."""
        stop = asyncio.create_task(stopping.wait())
        speaking = asyncio.create_task(self._speak(ws, room_id, token, stopping, may_sit))
        try:
            await asyncio.wait({stop, speaking}, return_when=asyncio.FIRST_COMPLETED)
            if speaking.done():
                speaking.result()
        finally:
            for task in (stop, speaking):
                task.cancel()
            await asyncio.gather(stop, speaking, return_exceptions=True)
            with contextlib.suppress(ConnectionError):
                await ws.close(code=WSCloseCode.SERVICE_RESTART)  # does nothing where it is closed already

    async def _speak(
        self, ws: web.WebSocketResponse, room_id: UUID, token: str, stopping: asyncio.Event, may_sit: MaySit
    ) -> None:
        allowance, language = _Allowance(), "de"
        try:
            async with asyncio.timeout(HELLO_S):
                hello = await self._next(ws, room_id, allowance)
            if not isinstance(hello, Hello):
                raise _Closing(Malformed(), WSCloseCode.POLICY_VIOLATION)
            language = hello.language
            entry = await self._enter(room_id, token, hello)
            try:
                await self._converse(ws, entry, hello, allowance, may_sit)
            except _Closing as closing:
                if isinstance(closing.error, SignedOut):
                    await self._leave(entry)
                raise
            finally:
                # Not cancelled with us: the seat has to know that nobody is there.
                goodbye = ws.close_code in _GOODBYE and not stopping.is_set()
                await asyncio.shield(self._drop(entry, said_goodbye=goodbye))
        except TimeoutError:
            await ws.close(code=WSCloseCode.POLICY_VIOLATION)
        except ConnectionError:
            return
        except _Closing as closing:
            await self._close(ws, room_id, closing, language)

    async def _enter(self, room_id: UUID, token: str, hello: Hello) -> Entry:
        try:
            return await self._rooms.enter(room_id, token, hello.resume, takes_over=hello.takes_over)
        except DomainError as error:
            raise _Closing(error, REFUSED) from None
        except Exception as error:  # being away has many classes; all else goes on
            if not database_is_away(error):
                raise
            raise _Closing(Unavailable(), WSCloseCode.TRY_AGAIN_LATER) from None

    async def _leave(self, entry: Entry) -> None:
        """The seat is not kept: sound and picture end with it."""
        try:
            await self._rooms.leave(entry.room.id, entry.seat.number, entry.connection)
        except Exception as error:  # whatever it is, the socket is closed; then the seat's time runs out by itself
            log.warning("socket.not-left", extra={"room": str(entry.room.id), "error": type(error).__name__})

    async def _drop(self, entry: Entry, *, said_goodbye: bool) -> None:
        try:
            await self._rooms.drop(entry.room.id, entry.connection, said_goodbye=said_goodbye)
        except Exception as error:  # whatever it is, the socket ends here; then the seat's time runs out by itself
            log.warning("socket.not-dropped", extra={"room": str(entry.room.id), "error": type(error).__name__})

    async def _converse(
        self, ws: web.WebSocketResponse, entry: Entry, hello: Hello, allowance: _Allowance, may_sit: MaySit
    ) -> None:
        session, after = await self._hub.attach(entry, hello.last_seq if entry.is_resumed else 0)
        session.language = hello.language
        if after == 0:
            session.handled = 0
        welcome = {
            "resume": entry.resume,
            "participant": entry.seat.number,
            "role": entry.seat.role.value,
            "is_resumed": after > 0,
            "kept_s": SEAT_KEPT.total_seconds(),
            "ice_servers": self._talk.ice_servers(session),
        }
        try:
            await ws.send_str(session.aside("welcome", **welcome))
            tasks = [
                asyncio.create_task(self._write(ws, session, entry.connection, after)),
                asyncio.create_task(self._read(ws, session, entry.connection, allowance)),
                asyncio.create_task(self._keep(entry.connection)),
                asyncio.create_task(self._watch(may_sit)),
            ]
            try:
                done, _pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for task in done:
                task.result()
        finally:
            self._hub.detach(session, entry.connection)

    async def _write(self, ws: web.WebSocketResponse, session: Session, connection: UUID, after: int) -> None:
        """The stream, from a number on; ends with its last message, or when another socket has the seat."""
        while True:
            session.news.clear()
            for one in session.after(after):
                async with asyncio.timeout(SEND_S):
                    await ws.send_str(one.text)
                after = one.seq
            if session.is_over:
                await ws.close(code=WSCloseCode.OK)
                return
            if session.connection != connection:
                raise _Closing(SessionOver(), TAKEN_OVER)
            await session.news.wait()

    async def _read(self, ws: web.WebSocketResponse, session: Session, connection: UUID, allowance: _Allowance) -> None:
        while True:
            message = await self._next(ws, session.room_id, allowance)
            if isinstance(message, messages.Ping):
                await ws.send_str(session.aside("pong", re=message.id))
            else:
                await self._talk.hear(session, connection, message)

    async def _keep(self, connection: UUID) -> None:
        while True:
            await asyncio.sleep(KEEP_S)
            try:
                if not await self._rooms.keep(connection):
                    return
            except Exception as error:  # the database may be away for a while; the seat is kept longer than one turn
                log.warning("socket.not-kept", extra={"error": type(error).__name__})

    async def _watch(self, may_sit: MaySit) -> None:
        while True:
            await asyncio.sleep(self.ask_s)
            try:
                may_stay = await may_sit()
            except Exception as error:  # being away has many classes; all else goes on
                if not database_is_away(error):
                    raise
                log.warning("socket.not-asked", extra={"error": type(error).__name__})
                continue  # a call does not end because nobody can be asked for a moment
            if not may_stay:
                raise _Closing(SignedOut(), REFUSED)

    async def _next(self, ws: web.WebSocketResponse, room_id: UUID, allowance: _Allowance) -> Message:
        """Raises ConnectionError where the other side has closed."""
        received: WSMessage = await ws.receive()
        if received.type is not WSMsgType.TEXT:
            if received.type is WSMsgType.BINARY:
                raise _Closing(Malformed(), WSCloseCode.UNSUPPORTED_DATA)
            raise ConnectionResetError
        if not allowance.spend():
            raise _Closing(TooManyMessages(), WSCloseCode.POLICY_VIOLATION)
        if len(received.data.encode(errors="surrogatepass")) > MESSAGE_BYTES_MOST:
            raise _Closing(MessageTooLarge(), WSCloseCode.MESSAGE_TOO_BIG)
        try:
            message = messages.parse(received.data)
        except ValueError:
            raise _Closing(Malformed(), WSCloseCode.INVALID_TEXT) from None
        if message.room != room_id:
            raise _Closing(Malformed(), WSCloseCode.POLICY_VIOLATION)
        return message

    async def _close(self, ws: web.WebSocketResponse, room_id: UUID, closing: _Closing, language: str) -> None:
        members = self._talk.members(closing.error, language)
        envelope = {"v": 1, "type": "error", "room": str(room_id), "epoch": None, "seq": None}
        with contextlib.suppress(ConnectionError):
            await ws.send_str(json.dumps(envelope | members, ensure_ascii=False))
            await ws.close(code=closing.code)
