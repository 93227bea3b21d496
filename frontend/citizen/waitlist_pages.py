"""Handlers of the earlier-time list: wish, leave, and answer an offer from the case's page; leave by the link of a message."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from base.errors import Conflict, Gone, NotFound, Unauthenticated
from base.i18n import zone
from base.web import form, path_id
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.model import Case
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.model import Channel, Office
from booking.waitlist.endpoints import WAITLIST
from frontend.citizen.case_pages import show
from frontend.citizen.rendering import key_of, page, see, words_of
from frontend.citizen.waitlist_views import leave_page, read_wish, wish_page, wished_before


async def show_form(request: web.Request) -> web.Response:
    words, ident = words_of(request), path_id(request, "appointment")
    standing = await request.app[WAITLIST].standing(ident)
    if not standing.may_join:
        return see(_case(request, ident))
    case = await request.app[APPOINTMENTS].case(ident)
    wished, offices = wished_before(standing.wish, case), await _offices(request, case)
    return page(request, "waitlist", wish_page(words, case, wished, offices, is_on=standing.wish is not None))


async def send_form(request: web.Request) -> web.Response:
    words, ident, fields = words_of(request), path_id(request, "appointment"), await form(request)
    key_of(fields)
    case = await request.app[APPOINTMENTS].case(ident)
    offices = await _offices(request, case)
    typed = read_wish(fields, offices, words.now.astimezone(zone(case.time_zone)).date())
    if typed.wrong:
        is_on = (await request.app[WAITLIST].standing(ident)).wish is not None
        return page(request, "waitlist", wish_page(words, case, typed, offices, is_on=is_on), status=422)
    await request.app[WAITLIST].join(ident, typed.wish)
    return see(_case(request, ident))


async def leave(request: web.Request) -> web.Response:
    ident = path_id(request, "appointment")
    key_of(await form(request))
    await request.app[WAITLIST].leave(ident)
    return see(_case(request, ident))


async def answer(request: web.Request) -> web.Response:
    ident, offer = path_id(request, "appointment"), path_id(request, "offer")
    key_of(await form(request))
    waitlist = request.app[WAITLIST]
    try:
        match request.match_info["answer"]:
            case "accept":
                await waitlist.accept(ident, offer)
            case "decline":
                await waitlist.decline(ident, offer)
            case _:
                raise NotFound
    except (Conflict, Gone) as refusal:  # too late, arrived already: the appointment is as it was
        return await show(request, refusal)
    return see(_case(request, ident))


async def arrive_to_leave(request: web.Request) -> web.Response:
    """By the link of a message, without the case's token; nothing changes yet."""
    words, ident = words_of(request), _proved(request)
    standing = await request.app[WAITLIST].standing(ident)
    view = leave_page(words, ident, request.match_info["token"], is_on=standing.wish is not None)
    return page(request, "waitlist_leave", view)


async def leave_by_link(request: web.Request) -> web.Response:
    """Also sent by mail programs themselves (RFC 8058), which know no hidden key."""
    words_of(request)
    await request.app[WAITLIST].leave(_proved(request))
    return see(request.path)


def _proved(request: web.Request) -> UUID:
    ident = path_id(request, "appointment")
    if not request.app[WAITLIST].may_leave(ident, request.match_info["token"]):
        raise Unauthenticated
    return ident


async def _offices(request: web.Request, case: Case) -> list[Office]:
    detail = await request.app[CATALOGUE].service(case.service_id)
    return list(detail.offices.get(Channel(case.channel), ()))


def _case(request: web.Request, ident: UUID) -> str:
    return f"/{request.match_info['language']}/appointments/{ident}"
