"""Handlers of the case: check, pay, come back, look, cancel. Whoever comes by the link shows its token once, then the cookie."""

from __future__ import annotations

import logging
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel

from base.errors import NotFound, Unauthenticated, Unavailable
from base.web import SETTINGS, form, path_id, query, set_token_cookie, text_reply
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.lifecycle import HoldOver
from booking.appointments.model import AppointmentStatus
from frontend.citizen.case import case_page, facts_of
from frontend.citizen.holding import check_page
from frontend.citizen.rendering import chosen, key_of, new_key, page, see, words_of

log = logging.getLogger(__name__)


class CheckQuery(BaseModel):
    hold: UUID | None = None


class CaseQuery(BaseModel):
    cancel: bool = False


async def arrive(request: web.Request) -> web.Response:
    """The link of a confirmation. The token leaves the address at once and goes on as a cookie; nothing else changes."""
    words, token = words_of(request), request.match_info["token"]
    ident = await request.app[APPOINTMENTS].find_by_token(token)
    if ident is None:
        raise Unauthenticated
    response = see(f"/{words.language}/appointments/{ident}")
    set_token_cookie(request, response, "case", ident, token)
    return response


async def check(request: web.Request) -> web.Response:
    words, ident = words_of(request), path_id(request, "appointment")
    case = await request.app[APPOINTMENTS].case(ident)
    if case.status is not AppointmentStatus.HELD or case.hold_until is None or case.hold_until <= words.now:
        return see(f"/{words.language}/appointments/{ident}")
    view = check_page(
        words,
        ident,
        query(request, CheckQuery).hold,
        await chosen(request, case),
        case.contact,
        case.hold_until,
        case.refund_policy,
        new_key(),
    )
    return page(request, "check", view)


async def pay(request: web.Request) -> web.Response:
    words, ident = words_of(request), path_id(request, "appointment")
    key_of(await form(request))
    here = f"/{words.language}/appointments/{ident}"
    try:
        url = await request.app[APPOINTMENTS].pay(ident, f"{request.app[SETTINGS].public_url}{here}/paid")
    except HoldOver:
        url = None  # the case page says what that means
    return see(url or here)


async def paid(request: web.Request) -> web.Response:
    """Back from the provider, whatever it says in the address: the truth is asked for, not believed."""
    words, ident = words_of(request), path_id(request, "appointment")
    try:
        await request.app[APPOINTMENTS].settle(ident)
    except Unavailable:
        log.warning("paid.not_settled", extra={"appointment": str(ident)})  # webhook or poller will
    return see(f"/{words.language}/appointments/{ident}")


async def show_case(request: web.Request) -> web.Response:
    words, ident = words_of(request), path_id(request, "appointment")
    appointments = request.app[APPOINTMENTS]
    case = await appointments.case(ident)
    keep_url = "" if case.contact.email else await appointments.link(ident)
    has_call = case.channel == "video" and await appointments.invitation(ident) is not None
    facts = facts_of(case, await chosen(request, case), words.now, keep_url, has_call=has_call)
    return page(request, "case", case_page(words, facts, new_key(), asks_to_cancel=query(request, CaseQuery).cancel))


async def enter_call(request: web.Request) -> web.Response:
    """From the case into its video call; as with a link, only a cookie is set."""
    words = words_of(request)
    invitation = await request.app[APPOINTMENTS].invitation(path_id(request, "appointment"))
    if invitation is None:
        raise NotFound
    response = see(f"/{words.language}/room/{invitation.room_id}")
    set_token_cookie(request, response, "room", invitation.room_id, invitation.token)
    return response


async def cancel(request: web.Request) -> web.Response:
    words, ident = words_of(request), path_id(request, "appointment")
    key_of(await form(request))
    await request.app[APPOINTMENTS].cancel(ident)
    return see(f"/{words.language}/appointments/{ident}")


async def calendar_file(request: web.Request) -> web.Response:
    words_of(request)
    raw = await request.app[APPOINTMENTS].calendar(path_id(request, "appointment"))
    headers = {"Content-Disposition": 'attachment; filename="termin.ics"', "Cache-Control": "private, no-store"}
    return text_reply(raw, "text/calendar; charset=utf-8", headers)
