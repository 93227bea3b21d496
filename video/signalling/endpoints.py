"""The socket of a room. A browser's script cannot set headers on it, so it comes with the cookie of the link."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from aiohttp import web

from base.errors import Malformed, Unauthenticated
from base.web import ROOM, SETTINGS, STOPPING, Endpoint, bearer, path_id
from base.web.guard import CrossSite
from base.web.staff import may_sit
from video.signalling.messages import MESSAGE_BYTES_MOST
from video.signalling.socket import Sockets

SOCKETS: web.AppKey[Sockets] = web.AppKey("SOCKETS", Sockets)


async def socket(request: web.Request) -> web.WebSocketResponse:
    """Cookies go with a socket from any site, and no preflight asks: so the origin is looked at here."""
    origin = request.headers.get("Origin")
    if origin is not None and origin != request.app[SETTINGS].public_url:
        raise CrossSite
    room_id = path_id(request, "room")
    token = bearer(request, "room", room_id)
    if token is None:
        raise Unauthenticated
    # Ours are smaller: what is larger than we read, and not larger than this, still gets a clear error.
    ws = web.WebSocketResponse(heartbeat=20, max_msg_size=4 * MESSAGE_BYTES_MOST, compress=False)
    await ws.prepare(request)
    await request.app[SOCKETS].serve(
        ws, room_id, token, request.app[STOPPING], partial(may_sit, request, room_id, token)
    )
    return ws


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/rooms/{room}/socket",
        handler=socket,
        who=ROOM,
        summary="Signalling of a video call: a WebSocket, messages as in docs/signalling.md",
        params={"room": UUID},
        gives={101: None},
        refuses=(Unauthenticated, Malformed, CrossSite),
    ),
]
