"""Handlers from the chosen time to the citizen's details: reserve, fill in, and start again near by when somebody was faster."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid5

from aiohttp import web
from multidict import MultiMapping

from base.errors import Malformed, NotFound, Unauthenticated
from base.web import bearer, clear_token_cookie, form, path_id, set_token_cookie, token_cookies
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.lifecycle import HoldOver
from booking.appointments.model import AppointmentStatus, Case
from booking.catalogue.model import Channel
from booking.holds.endpoints import HOLDS
from booking.holds.model import Hold, HoldStatus
from booking.holds.usecases import HoldInUse, SlotTaken, StartNotOffered
from frontend.citizen.choosing import Wanted, Why, read_slot
from frontend.citizen.contact_form import ContactForm, empty, read, typed_before
from frontend.citizen.gone import again, run_out
from frontend.citizen.holding import contact_page
from frontend.citizen.rendering import chosen, key_of, new_key, page, see, words_of

_NOT_BOOKED = (AppointmentStatus.HELD, AppointmentStatus.EXPIRING)


async def make_hold(request: web.Request) -> web.Response:
    """From a time's button. Details that were typed before (the first time was gone) are used at once."""
    words, fields = words_of(request), await form(request)
    key, wanted = key_of(fields), _wanted(fields)
    typed = read(fields, words.language, wanted.channel) if "name" in fields else None
    if "slot" not in fields and "gone" in fields:  # the page that said so, once more in another language
        office_id, starts_at = _slot(fields, "gone")
        return await again(request, wanted, office_id, starts_at, typed, _why(fields))
    office_id, starts_at = _slot(fields, "slot")
    try:
        hold = await request.app[HOLDS].hold(wanted.service_id, wanted.channel, office_id, starts_at, str(key))
    except (SlotTaken, StartNotOffered):  # not offered any more: the page was open until the time had passed
        return await again(request, wanted, office_id, starts_at, typed, Why.TAKEN)
    replaced = await _replaced(request, wanted)
    if replaced is not None:
        typed = typed or typed_before(replaced.contact, wanted.channel)
        await request.app[APPOINTMENTS].give_back(replaced.id)
    if typed is None:
        response = see(f"/{words.language}/holds/{hold.id}")
        set_token_cookie(request, response, "hold", hold.id, hold.token)
    else:
        response = await _fill_in(request, hold, typed, key)
    if replaced is not None:
        clear_token_cookie(request, response, "case", replaced.id)
    await _release_others(request, response, hold)
    return response


async def _replaced(request: web.Request, wanted: Wanted) -> Case | None:
    """The case that the new time is chosen instead of, if it is this browser's and was not booked meanwhile."""
    if wanted.instead is None:
        return None
    token, appointments = bearer(request, "case", wanted.instead), request.app[APPOINTMENTS]
    if token is None or not await appointments.authorise(wanted.instead, token):
        return None
    case = await appointments.case(wanted.instead)
    return case if case.status in _NOT_BOOKED else None


async def _release_others(request: web.Request, response: web.Response, chosen: Hold) -> None:
    """Who chooses another time no longer wants the one before. What has become a case stays, and so does its cookie."""
    holds = request.app[HOLDS]
    for ident, token in token_cookies(request, "hold").items():
        if ident == chosen.id:
            continue
        if await holds.authorise(ident, token):
            try:
                await holds.release(ident)
            except HoldInUse:
                continue
            except NotFound:
                pass
        clear_token_cookie(request, response, "hold", ident)


async def show_hold(request: web.Request) -> web.Response:
    words, hold = words_of(request), await _own_hold(request)
    typed = empty(words.language)
    case = await _own_case(request, hold)
    if case is not None and case.status is not AppointmentStatus.HELD:
        return see(f"/{words.language}/appointments/{case.id}")  # the back button, after booking
    if hold.status is HoldStatus.OVER or hold.expires_at <= words.now:
        return await run_out(request, hold, path=f"/holds/{hold.id}")
    if case is not None:
        typed = typed_before(case.contact, Channel(hold.channel))
    view = contact_page(
        words,
        hold.id,
        await chosen(request, hold),
        hold.expires_at,
        typed,
        new_key(),
        can_text=request.app[APPOINTMENTS].can_text,
    )
    return page(request, "contact", view)


async def _own_hold(request: web.Request) -> Hold:
    """Its token is asked for, or that of the case made of it, because the hold's cookie goes then. Raises Unauthenticated.

    A hold that has run out is nobody's any more: whoever typed slowly is shown the next times, with everything kept.
    """
    ident, holds = path_id(request, "hold"), request.app[HOLDS]
    token = bearer(request, "hold", ident)
    is_shown = token is not None and await holds.authorise(ident, token)
    try:
        hold = await holds.find(ident)
    except NotFound:
        raise Unauthenticated from None  # the same answer for a wrong token and for an unknown id
    if is_shown or (hold.appointment_id is None and _is_over(request, hold)) or await _own_case(request, hold):
        return hold
    raise Unauthenticated


def _is_over(request: web.Request, hold: Hold) -> bool:
    now = words_of(request).now
    return hold.status is HoldStatus.OVER or (hold.status is HoldStatus.HELD and hold.expires_at <= now)


async def _own_case(request: web.Request, hold: Hold) -> Case | None:
    """The case that was made of this hold, for whoever shows the case's own token too."""
    if hold.appointment_id is None:
        return None
    token = bearer(request, "case", hold.appointment_id)
    appointments = request.app[APPOINTMENTS]
    if token is None or not await appointments.authorise(hold.appointment_id, token):
        return None
    return await appointments.case(hold.appointment_id)


async def send_contact(request: web.Request) -> web.Response:
    words, fields = words_of(request), await form(request)
    key, hold = key_of(fields), await _own_hold(request)
    typed = read(fields, words.language, Channel(hold.channel))
    return await _fill_in(request, hold, typed, key)


async def _fill_in(request: web.Request, hold: Hold, typed: ContactForm, key: UUID) -> web.Response:
    words = words_of(request)
    if _is_over(request, hold):
        return await run_out(request, hold, typed)
    if typed.contact is None:
        view = contact_page(
            words,
            hold.id,
            await chosen(request, hold),
            hold.expires_at,
            typed,
            new_key(),
            can_text=request.app[APPOINTMENTS].can_text,
            is_sent=True,
        )
        response = page(request, "contact", view, status=422)
        if hold.appointment_id is None:
            set_token_cookie(request, response, "hold", hold.id, hold.token)
        return response
    # The form may be sent, looked at again with the back button, corrected and sent once more: other contents are another request.
    once = uuid5(key, typed.contact.model_dump_json())
    try:
        created = await request.app[APPOINTMENTS].create(hold.id, typed.contact, str(once))
    except HoldOver:
        return await run_out(request, hold, typed)
    except HoldInUse:  # booked already, in another tab
        return see(f"/{words.language}/appointments/{hold.appointment_id}")
    response = see(f"/{words.language}/appointments/{created.case.id}/check?hold={hold.id}")
    set_token_cookie(request, response, "case", created.case.id, created.token)
    clear_token_cookie(request, response, "hold", hold.id)
    return response


def _wanted(fields: MultiMapping[str]) -> Wanted:
    try:
        offices = tuple(int(office) for office in fields.get("office", "").split(",") if office)
        instead = UUID(fields["instead"]) if "instead" in fields else None
        return Wanted(int(fields["service"]), Channel(fields["channel"]), offices, instead)
    except (KeyError, ValueError):
        raise Malformed from None


def _why(fields: MultiMapping[str]) -> Why:
    try:
        return Why(fields.get("why", ""))
    except ValueError:
        raise Malformed from None


def _slot(fields: MultiMapping[str], name: str) -> tuple[int, datetime]:
    slot = read_slot(fields.get(name, ""))
    if slot is None:
        raise Malformed
    return slot
