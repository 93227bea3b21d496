"""Handlers of a booked appointment that gets another time: reserve the new one, look at both, move."""

from __future__ import annotations

import logging
from dataclasses import replace
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel

from base.errors import Conflict, Malformed, Unavailable
from base.web import SETTINGS, clear_token_cookie, form, path_id, query, set_token_cookie
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.lifecycle import HoldOver
from booking.appointments.model import Case
from booking.appointments.reduction_endpoints import REDUCTIONS
from booking.holds.endpoints import HOLDS
from booking.holds.model import Hold
from frontend.citizen.case_pages import show
from frontend.citizen.gone import again, run_out
from frontend.citizen.hold_pages import is_over, own_hold
from frontend.citizen.moving import move_page
from frontend.citizen.rendering import chosen, key_of, new_key, page, see, words_of
from frontend.citizen.reserving import reserve as hold_time
from frontend.citizen.sent import hold_of, slot_of, wanted_of, why_of
from payment.context import PaymentUnavailable

log = logging.getLogger(__name__)


class MoveQuery(BaseModel):
    hold: UUID


async def reserve(request: web.Request) -> web.Response:
    """From a time's button; the appointment stays as it is."""
    words, ident, fields = words_of(request), path_id(request, "appointment"), await form(request)
    key_of(fields)
    wanted = wanted_of(fields, ident)
    if "slot" not in fields and "gone" in fields:  # the page that said so, once more in another language
        return await again(request, wanted, *slot_of(fields, "gone"), None, why_of(fields))
    slot = slot_of(fields, "slot")
    try:
        await request.app[APPOINTMENTS].check_movable(ident)
    except Conflict as refusal:
        return await show(request, refusal)

    async def then(hold: Hold) -> web.Response:
        response = see(f"/{words.language}/appointments/{ident}/move?hold={hold.id}")
        set_token_cookie(request, response, "hold", hold.id, hold.token)
        return response

    return await hold_time(request, fields, wanted, slot, then)


async def ask(request: web.Request) -> web.Response:
    words, ident = words_of(request), path_id(request, "appointment")
    hold = await own_hold(request, query(request, MoveQuery).hold)
    appointments = request.app[APPOINTMENTS]
    case = await appointments.case(ident)
    is_waiting = case.waiting is not None and case.waiting.hold_id == hold.id
    if hold.appointment_id is not None and not (is_waiting and words.now < hold.expires_at):
        return see(f"/{words.language}/appointments/{ident}")  # the back button, after moving
    if is_over(request, hold):
        return await _other_times(request, hold, ident)
    try:
        await appointments.check_movable(ident)
    except Conflict as refusal:
        return await show(request, refusal)
    return await _ask(request, case, hold)


async def _other_times(request: web.Request, hold: Hold, ident: UUID) -> web.Response:
    """The reserved time is over. Where the appointment cannot be moved any more (cancelled meanwhile), that is said: no times help then."""
    try:
        await request.app[APPOINTMENTS].check_movable(ident)
    except Conflict as refusal:
        return await show(request, refusal)
    return await run_out(request, hold, moves=ident)


async def _ask(request: web.Request, case: Case, hold: Hold, problem: str = "") -> web.Response:
    hold = replace(hold, fee=await request.app[REDUCTIONS].at_time(case.id, hold.id))
    view = move_page(
        words_of(request),
        case,
        hold,
        was=await chosen(request, case),
        will=await chosen(request, hold),
        request_key=new_key(),
        problem=problem,
        only_at_till=request.app[APPOINTMENTS].only_at_till,
    )
    return page(request, "move", view, status=503 if problem else 200)


async def move(request: web.Request) -> web.Response:
    words, ident, fields = words_of(request), path_id(request, "appointment"), await form(request)
    key_of(fields)
    hold_id = hold_of(fields)
    if hold_id is None:
        raise Malformed
    hold, appointments = await own_hold(request, hold_id), request.app[APPOINTMENTS]
    here = f"/{words.language}/appointments/{ident}"
    try:
        url = await appointments.move(ident, hold.id, f"{request.app[SETTINGS].public_url}{here}/moved/{hold.id}")
    except PaymentUnavailable:
        problem = words._(
            "Our payment provider does not answer. Nothing was charged, and both times are still kept: please try again."
        )
        return await _ask(request, await appointments.case(ident), hold, problem)
    except HoldOver:
        return await _other_times(request, hold, ident)
    except Conflict as refusal:
        return await show(request, refusal)
    if url is not None:
        return see(url)
    response = await _seen(request, ident, hold.id)
    clear_token_cookie(request, response, "hold", hold.id)
    return response


async def stay(request: web.Request) -> web.Response:
    words, ident = words_of(request), path_id(request, "appointment")
    key_of(await form(request))
    await request.app[APPOINTMENTS].stay(ident)
    return see(f"/{words.language}/appointments/{ident}")


async def moved(request: web.Request) -> web.Response:
    """Back from the provider, whatever it says in the address: the truth is asked for, not believed."""
    ident, hold_id = path_id(request, "appointment"), path_id(request, "hold")
    try:
        await request.app[APPOINTMENTS].settle_move(ident, hold_id)
    except Unavailable:
        log.warning("moved.not_settled", extra={"appointment": str(ident)})  # webhook or poller will
    return await _seen(request, ident, hold_id)


async def _seen(request: web.Request, ident: UUID, hold_id: UUID) -> web.Response:
    """The case, which says that it has moved where it has."""
    case, hold = await request.app[APPOINTMENTS].case(ident), await request.app[HOLDS].find(hold_id)
    has_moved = hold.appointment_id == ident and case.waiting is None
    return see(f"/{words_of(request).language}/appointments/{ident}{'?moved=1' if has_moved else ''}")
