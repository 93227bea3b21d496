"""The link into a call, and the call's page."""

from __future__ import annotations

from aiohttp import web

from base.errors import NotFound, Unauthenticated
from base.web import ANYONE, ROOM, TEMPLATES, Endpoint, path_id, set_token_cookie
from frontend.citizen.rendering import PRIVATE, see, words_of
from frontend.room.calling import room_page
from video.rooms.usecases import Rooms

ROOMS: web.AppKey[Rooms] = web.AppKey("ROOMS", Rooms)
DEVICES = "camera=(self), microphone=(self), geolocation=(), payment=()"


async def arrive(request: web.Request) -> web.Response:
    """The token leaves the address at once and goes on as a cookie; nothing else changes. Early and late are said in the room."""
    words, token = words_of(request), request.match_info["token"]
    link = await request.app[ROOMS].find_link(token)
    if link is None:
        raise Unauthenticated
    response = see(f"/{words.language}/room/{link.room_id}")
    set_token_cookie(request, response, "room", link.room_id, token)
    return response


async def show(request: web.Request) -> web.Response:
    words = words_of(request)
    view = room_page(words, path_id(request, "room"))
    text = request.app[TEMPLATES].render("room/room.html", words.language, page=view)
    headers = {"Cache-Control": PRIVATE, "Permissions-Policy": DEVICES}
    return web.Response(text=text, content_type="text/html", headers=headers)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/{language}/join/{token}",
        handler=arrive,
        who=ANYONE,
        summary="Arrive by the link into a video call",
        refuses=(Unauthenticated,),
        media="text/html",
        page=True,
    ),
    Endpoint(
        method="GET",
        path="/{language}/room/{room}",
        handler=show,
        who=ROOM,
        summary="The video call",
        refuses=(Unauthenticated, NotFound),
        media="text/html",
        page=True,
    ),
]
