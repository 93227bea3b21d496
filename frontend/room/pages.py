"""The link into a call, and the call's page."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from aiohttp import web

from base.errors import NotFound, Unauthenticated
from base.web import ANYONE, ROOM, STAFF, TEMPLATES, Endpoint, bearer, path_id, set_token_cookie
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.model import Brief
from booking.charges.endpoints import CHARGES
from booking.charges.model import ChargeStatus
from frontend.citizen.frame import frame
from frontend.citizen.rendering import PRIVATE, see, words_of
from frontend.citizen.views import Row
from frontend.citizen.words import Words
from frontend.room.calling import ClosedPage, RoomPage, door, room_page
from frontend.staff.frame import staff_frame
from video.rooms.model import Role
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
    """Whoever works at the counter stays in the staff's frame, with the way back."""
    words, room_id = words_of(request), path_id(request, "room")
    look = await request.app[ROOMS].look(room_id, bearer(request, "room", room_id) or "")
    case = (await request.app[APPOINTMENTS].briefs([look.room.reference])).get(look.room.reference)
    now = door(words, look, case)
    is_staff = look.link.role is Role.CLERK
    path = f"/room/{room_id}"
    around = staff_frame(request, words, now.title) if is_staff else frame(words, now.title, path)
    office_id = await request.app[APPOINTMENTS].find_office(look.room.reference) if is_staff else None
    back_url = f"/{words.language}/counter/{office_id or ''}" if is_staff else ""
    view: RoomPage | ClosedPage
    if now.is_open:
        rows = await _rows(request, words, case, office_id) if is_staff and case else ()
        is_citizen = look.link.role is Role.CITIZEN
        fees = await _fees(request, words, look.room.reference) if is_citizen else ()
        view = room_page(words, room_id, around, rows=rows, back_url=back_url, fees=fees)
    else:
        view = ClosedPage(
            frame=around,
            text=now.text,
            rows=_appointment(words, case),
            here_url=f"/{words.language}{path}",
            opens_in_s=now.opens_in_s,
            back_url=back_url,
        )
    template = "room/desk.html" if is_staff else "room/room.html"
    text = request.app[TEMPLATES].render(template, words.language, page=view)
    headers = {"Cache-Control": PRIVATE, "Permissions-Policy": DEVICES}
    return web.Response(text=text, content_type="text/html", headers=headers)


async def _fees(request: web.Request, words: Words, reference: UUID) -> tuple[tuple[str, str], ...]:
    """Paid beside the call, in a window of its own."""
    charges = request.app[CHARGES]
    return tuple(
        (
            words._("A further fee of {amount} is to be paid: {label}", amount=words.fee(one.amount), label=one.label),
            f"/{words.language}/charge/{charges.link(one).rsplit('/', 1)[1]}",
        )
        for one in await charges.of_case(reference)
        if one.status is ChargeStatus.OPEN
    )


async def _rows(request: web.Request, words: Words, case: Brief, office_id: int | None) -> tuple[Row, ...]:
    """With whom and about what; the name for those only who may see it."""
    names: Mapping[UUID, str] = {}
    if request[STAFF].may("person.read", office_id):
        names = await request.app[APPOINTMENTS].names([case.id])
    rows = (
        Row(label=words._("Name"), value=names.get(case.id, "")),
        Row(label=words._("Service"), value=words.pick(case.service)),
        Row(label=words._("Number"), value=case.number),
    )
    return tuple(row for row in rows if row.value)


def _appointment(words: Words, case: Brief | None) -> tuple[Row, ...]:
    if case is None:
        return ()
    return (Row(label=words._("Appointment"), value=words.when(case.starts_at, case.time_zone)),)


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
