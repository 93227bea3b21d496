"""Handlers of a booked appointment that gets another time: reserve the new one, look at both, move."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web
from pydantic import BaseModel

from base.errors import Conflict, Malformed
from base.web import clear_token_cookie, form, path_id, query, set_token_cookie
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.lifecycle import HoldOver
from booking.appointments.moving import PriceDiffers
from booking.holds.endpoints import HOLDS
from booking.holds.usecases import SlotTaken, StartNotOffered, TooBusy
from frontend.citizen.busy import busy_page
from frontend.citizen.case_pages import show
from frontend.citizen.choosing import Why
from frontend.citizen.gone import again, run_out
from frontend.citizen.hold_pages import is_over, own_hold, release_others
from frontend.citizen.moving import move_page
from frontend.citizen.rendering import chosen, key_of, new_key, page, see, words_of
from frontend.citizen.sent import hold_of, slot_of, wanted_of, why_of


class MoveQuery(BaseModel):
    hold: UUID


async def reserve(request: web.Request) -> web.Response:
    """From a time's button; the appointment stays as it is."""
    words, ident, fields = words_of(request), path_id(request, "appointment"), await form(request)
    key, wanted = key_of(fields), wanted_of(fields, ident)
    if "slot" not in fields and "gone" in fields:  # the page that said so, once more in another language
        return await again(request, wanted, *slot_of(fields, "gone"), None, why_of(fields))
    office_id, starts_at = slot_of(fields, "slot")
    try:
        await request.app[APPOINTMENTS].check_movable(ident)
    except Conflict as refusal:
        return await show(request, refusal)
    try:
        hold = await request.app[HOLDS].hold(
            wanted.service_id, wanted.channel, office_id, starts_at, str(key), visit=wanted.visit
        )
    except TooBusy:
        return page(request, "busy", busy_page(words, tuple(fields.items()), wanted.path))
    except (SlotTaken, StartNotOffered):  # not offered any more: the page was open until the time had passed
        return await again(request, wanted, office_id, starts_at, None, Why.TAKEN)
    response = see(f"/{words.language}/appointments/{ident}/move?hold={hold.id}")
    set_token_cookie(request, response, "hold", hold.id, hold.token)
    await release_others(request, response, hold)
    return response


async def ask(request: web.Request) -> web.Response:
    words, ident = words_of(request), path_id(request, "appointment")
    hold = await own_hold(request, query(request, MoveQuery).hold)
    appointments = request.app[APPOINTMENTS]
    if hold.appointment_id is not None:  # the back button, after moving
        return see(f"/{words.language}/appointments/{ident}")
    if is_over(request, hold):
        return await run_out(request, hold, moves=ident)
    try:
        await appointments.check_movable(ident)
    except Conflict as refusal:
        return await show(request, refusal)
    case = await appointments.case(ident)
    if hold.fee > case.fee:
        return await show(request, PriceDiffers())
    view = move_page(
        words,
        case,
        hold,
        was=await chosen(request, case),
        will=await chosen(request, hold),
        request_key=new_key(),
    )
    return page(request, "move", view)


async def move(request: web.Request) -> web.Response:
    words, ident, fields = words_of(request), path_id(request, "appointment"), await form(request)
    key_of(fields)
    hold_id = hold_of(fields)
    if hold_id is None:
        raise Malformed
    hold = await own_hold(request, hold_id)
    try:
        await request.app[APPOINTMENTS].move(ident, hold.id)
    except HoldOver:
        return await run_out(request, hold, moves=ident)
    except Conflict as refusal:
        return await show(request, refusal)
    response = see(f"/{words.language}/appointments/{ident}?moved=1")
    clear_token_cookie(request, response, "hold", hold.id)
    return response
