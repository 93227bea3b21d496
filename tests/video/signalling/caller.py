"""A participant at the socket of a room, speaking the protocol by hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import aiohttp

from server.app import build
from tests.staff import PASSWORD, hire
from tests.town import Town, loopback, served
from video.rooms.model import Invitation, Role, Window

Message = dict[str, Any]


@dataclass
class Caller:
    invitation: Invitation
    ws: aiohttp.ClientWebSocketResponse
    last_id: int = 0
    last_seq: int = 0
    heard: list[Message] = field(default_factory=list)

    async def send(self, kind: str, **members: Any) -> int:
        self.last_id += 1
        envelope = {"v": 1, "id": self.last_id, "type": kind, "room": str(self.invitation.room_id)}
        await self.ws.send_json(envelope | members)
        return self.last_id

    async def hear(self, kind: str, **members: Any) -> Message:
        """The next message of this kind with these members; what comes before it is kept in `heard`."""
        async with asyncio.timeout(10):
            while True:
                received = await self.ws.receive()
                assert received.type is aiohttp.WSMsgType.TEXT, (received, self.heard)
                message: Message = received.json()
                self.heard.append(message)
                self.last_seq = max(self.last_seq, message["seq"] or 0)
                if message["type"] == kind and members.items() <= message.items():
                    return message

    async def ask(self, kind: str, **members: Any) -> Message:
        """The reply."""
        number = await self.send(kind, **members)
        async with asyncio.timeout(10):
            while True:
                message = (await self.ws.receive()).json()
                self.heard.append(message)
                self.last_seq = max(self.last_seq, message["seq"] or 0)
                if message.get("re") == number:
                    reply: Message = message
                    return reply

    async def closed(self) -> int:
        """The close code; what is said before it is kept."""
        async with asyncio.timeout(10):
            while (received := await self.ws.receive()).type is aiohttp.WSMsgType.TEXT:
                self.heard.append(received.json())
        assert self.ws.close_code is not None
        return self.ws.close_code

    async def cut(self) -> None:
        """The network is gone: no farewell reaches the server, which sees the connection end."""
        connection = self.ws._response.connection
        assert connection is not None
        assert connection.transport is not None
        connection.transport.abort()


async def dial(town: Town, invitation: Invitation, *, origin: str = "", **headers: str) -> Caller:
    url = f"{origin or town.origin}/api/rooms/{invitation.room_id}/socket"
    ws = await town.http.ws_connect(url, headers={"Authorization": f"Bearer {invitation.token}", **headers})
    return Caller(invitation, ws)


async def enter(town: Town, invitation: Invitation, *, origin: str = "", **hello: Any) -> Caller:
    """Said hello, welcomed."""
    caller = await dial(town, invitation, origin=origin)
    await caller.send("hello", **hello)
    await caller.hear("welcome")
    return caller


async def invite(town: Town, role: Role = Role.CITIZEN, *, reference: Any = None, opens_in: float = -1) -> Invitation:
    """`opens_in` hours, for two hours."""
    opens = town.clock() + timedelta(hours=opens_in)
    window = Window(opens, opens + timedelta(hours=2))
    rooms = town.worker.rooms
    if role is Role.CLERK:
        await be_clerk(town)
    async with town.worker.db.transaction() as conn:
        reference = reference or uuid4()
        await rooms.open(conn, reference, window)
        return await rooms.invite(conn, reference, role, "one", window)


async def be_clerk(town: Town) -> None:
    """The town's browser has signed in: a clerk's link alone opens nothing. The room has no case, so for the whole city."""
    if not any(cookie.key == "staff" for cookie in town.http.cookie_jar):
        await hire(town, "caller", "clerk")
        form = {"login": "caller", "password": PASSWORD}
        async with town.http.post(f"{town.origin}/de/staff/sign-in", data=form, allow_redirects=False) as response:
            assert response.status == 303


async def both(town: Town) -> tuple[Invitation, Invitation]:
    """Citizen and clerk of one room."""
    reference = uuid4()
    return await invite(town, reference=reference), await invite(town, Role.CLERK, reference=reference)


@contextlib.asynccontextmanager
async def second_web(town: Town) -> AsyncIterator[str]:
    """Another web process of the same town; its origin."""
    listening = loopback()
    port = listening.getsockname()[1]
    async with served(build(town.settings, town.clock), listening):
        yield f"http://127.0.0.1:{port}"
