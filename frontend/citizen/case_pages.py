"""Handlers of the case: check, pay, come back, look, cancel. Whoever comes by the link shows its token once, then the cookie."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel

from base.errors import Conflict, DomainError, Invalid, NotFound, Unauthenticated, Unavailable
from base.money import Money
from base.web import SETTINGS, form, path_id, query, set_token_cookie, text_reply
from booking.allocation.endpoints import NEED_SOURCE
from booking.appointments.endpoints import APPOINTMENTS, TILL_HOLDS
from booking.appointments.lifecycle import HoldOver, RefundDiffers
from booking.appointments.model import AppointmentStatus, Case
from booking.appointments.reduction_endpoints import REDUCTIONS
from booking.appointments.reductions import AlreadyBooked, PaymentBegun
from booking.appointments.till_holds import TillOffer
from booking.catalogue.model import Channel
from booking.charges.endpoints import CHARGES
from booking.charges.model import ChargeStatus
from booking.rebooking.endpoints import REBOOKINGS
from frontend.citizen.case import case_page, facts_of, was_given_back
from frontend.citizen.contact_form import typed_before
from frontend.citizen.gone import run_out
from frontend.citizen.holding import check_page
from frontend.citizen.reduction_views import claims_in, reductions_part
from frontend.citizen.refund_pages import refund_url
from frontend.citizen.refund_wording import line
from frontend.citizen.rendering import chosen, key_of, new_key, page, see, words_of
from frontend.citizen.sent import cents_of, hold_of
from frontend.citizen.till_views import offered_text, places_shown, till_part
from frontend.citizen.waitlist_views import case_part
from frontend.citizen.words import Words
from payment.context import PaymentUnavailable
from payment.model import LIVING
from payment.transfers.endpoints import TRANSFERS

log = logging.getLogger(__name__)


class CheckQuery(BaseModel):
    hold: UUID | None = None


class CaseQuery(BaseModel):
    cancel: bool = False
    erase: bool = False
    late: bool = False  # a correction came after booking
    moved: bool = False  # just now


_NOTHING = CaseQuery()


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
    ident = path_id(request, "appointment")
    case = await request.app[APPOINTMENTS].case(ident)
    return await _check(request, case, query(request, CheckQuery).hold)


async def claim_reductions(request: web.Request) -> web.Response:
    """From the check page, and back to it: with the price that was computed, or with what was refused."""
    words, ident, fields = words_of(request), path_id(request, "appointment"), await form(request)
    key_of(fields)
    hold_id, appointments = hold_of(fields), request.app[APPOINTMENTS]
    query_text = f"?hold={hold_id}" if hold_id else ""
    try:
        await request.app[REDUCTIONS].claim(ident, claims_in(fields))
    except AlreadyBooked:
        return see(f"/{words.language}/appointments/{ident}")
    except HoldOver:
        return await _check(request, await appointments.case(ident), hold_id)
    except Invalid as refusal:
        refused = words._(refusal.errors[0].message)
        return await _check(request, await appointments.case(ident), hold_id, refused=refused)
    except (PaymentBegun, Unavailable):
        refused = words._("A payment for this appointment is under way, so its price stays.")
        return await _check(request, await appointments.case(ident), hold_id, refused=refused)
    return see(f"/{words.language}/appointments/{ident}/check{query_text}#fee")


async def _check(
    request: web.Request, case: Case, hold_id: UUID | None = None, problem: str = "", refused: str = ""
) -> web.Response:
    """What can still be booked; where the time has run out unpaid, the nearest times with the contact kept; else the case."""
    words = words_of(request)
    times_url = f"/{words.language}/invitation/{case.invitation_id}" if case.invitation_id else ""
    if _has_run_out(case, words.now) and times_url:
        return see(f"{times_url}?over=1")
    if _has_run_out(case, words.now):
        typed = typed_before(case.contact, Channel(case.channel), case.answers)
        return await run_out(request, case, typed, path=f"/appointments/{case.id}/check", instead=case.id)
    if case.status is not AppointmentStatus.HELD or case.hold_until is None or case.hold_until <= words.now:
        return see(f"/{words.language}/appointments/{case.id}")
    offered, appointments = await request.app[REDUCTIONS].offered(case.id), request.app[APPOINTMENTS]
    at_till, what = await _at_till(request, case), await chosen(request, case)
    view = check_page(
        words,
        case.id,
        hold_id,
        what,
        case.contact,
        case.hold_until,
        case.refund_policy,
        new_key(),
        terms=case.terms,
        problem=problem,
        times_url=times_url,
        answers=case.answers,
        whole_fee=case.whole_fee,
        reductions=reductions_part(
            words,
            offered,
            action=f"/{words.language}/appointments/{case.id}/reductions",
            hidden=(("hold", str(hold_id)),) if hold_id else (),
            problem=refused,
        ),
        at_till=appointments.only_at_till,
        till_text=offered_text(words, what, at_till) if at_till else "",
    )
    return page(request, "check", view, status=503 if problem else 422 if refused else 200)


async def _at_till(request: web.Request, case: Case) -> TillOffer | None:
    """Instead of online."""
    return await request.app[TILL_HOLDS].offer(case.id, with_places=False) if case.fee else None


def _has_run_out(case: Case, now: datetime) -> bool:
    """And no money can come: else the case's page says what is going on."""
    is_over = case.status is AppointmentStatus.HELD and case.hold_until is not None and case.hold_until <= now
    if case.is_erased:
        return False
    is_unpaid = case.payment is None or case.payment.status not in LIVING
    return is_unpaid and (is_over or case.status is AppointmentStatus.EXPIRED or was_given_back(case))


async def pay(request: web.Request) -> web.Response:
    words, ident = words_of(request), path_id(request, "appointment")
    fields = await form(request)
    key_of(fields)
    hold_id = hold_of(fields)
    here, appointments = f"/{words.language}/appointments/{ident}", request.app[APPOINTMENTS]
    try:
        url = await appointments.pay(ident, f"{request.app[SETTINGS].public_url}{here}/paid")
    except HoldOver:
        return await _check(request, await appointments.case(ident), hold_id)
    except Unavailable:
        log.warning("pay.not_opened", extra={"appointment": str(ident)})
        return await _not_opened(request, ident, hold_id)
    return see(url or here)


async def _not_opened(request: web.Request, ident: UUID, hold_id: UUID | None) -> web.Response:
    """The provider is silent: said plainly, with the till as another way where there is one, and everything typed is kept."""
    words, till_holds = words_of(request), request.app[TILL_HOLDS]
    if await till_holds.found(ident) is not None:  # it waited for a till before: there it stays
        with suppress(DomainError):
            await till_holds.again(
                ident, f"{request.app[SETTINGS].public_url}/{words.language}/appointments/{ident}/paid"
            )
        refusal = PaymentUnavailable()
        return await show(request, refusal)
    offered = await till_holds.after_silence(ident)
    problem = (
        words._(
            "Our payment provider does not answer. Nothing was charged, and your time is still kept: please try again, or pay at a till."
        )
        if offered
        else words._(
            "Our payment provider does not answer. Nothing was charged, and your time is still kept: please try again."
        )
    )
    return await _check(request, await request.app[APPOINTMENTS].case(ident), hold_id, problem)


async def paid(request: web.Request) -> web.Response:
    """Back from the provider, whatever it says in the address: the truth is asked for, not believed."""
    words, ident = words_of(request), path_id(request, "appointment")
    try:
        await request.app[APPOINTMENTS].settle(ident)
    except Unavailable:
        log.warning("paid.not_settled", extra={"appointment": str(ident)})  # webhook or poller will
    return see(f"/{words.language}/appointments/{ident}")


async def show_case(request: web.Request) -> web.Response:
    return await show(request, asked=query(request, CaseQuery))


async def show(request: web.Request, refusal: DomainError | None = None, asked: CaseQuery = _NOTHING) -> web.Response:
    """Also where something about the case was refused: then that stands on its page."""
    words, ident = words_of(request), path_id(request, "appointment")
    appointments = request.app[APPOINTMENTS]
    case = await appointments.case(ident)
    link = await appointments.link(ident)
    transfers = await request.app[TRANSFERS].of_references(await appointments.references(ident))
    has_call = case.channel == "video" and await appointments.invitation(ident) is not None
    facts = facts_of(
        case,
        await chosen(request, case),
        words.now,
        link,
        can_text=appointments.can_text,
        has_call=has_call,
        is_displaced=await request.app[REBOOKINGS].is_open(ident),
        transfers=tuple((line(words, one), refund_url(request, one)) for one in transfers),
        only_at_till=appointments.only_at_till,
        checked_if_cancelled=appointments.is_checked_if_cancelled(case),
    )
    held = await request.app[TILL_HOLDS].found(ident) if facts.status == "held" else None
    told_place = tuple(one.name for one in await appointments.placed(ident) if one.is_told)
    facts = replace(facts, has_till_hold=held is not None, told_place=told_place)
    if case.service_id in request.app[NEED_SOURCE].services:  # its times are not chosen
        facts = replace(facts, can_move=False)
    view = case_page(
        words,
        facts,
        new_key(),
        asks_to_cancel=asked.cancel,
        asks_to_erase=asked.erase,
        came_late=asked.late,
        was_moved=asked.moved,
        problem=words._(refusal.message) if refusal else "",
    )
    view = replace(view, waitlist=await case_part(request, words, case), further=await _further(request, words, ident))
    if facts.status == "held" and facts.at_till and held is not None:
        places = await request.app[TILL_HOLDS].places(held.pay_by)
        view = replace(view, till=till_part(case.number, places_shown(words, places)))
    elif view.pay_action and await _at_till(request, case):
        view = replace(view, till_url=f"/{words.language}/appointments/{ident}/till")
    if view.pay_action and (await request.app[REDUCTIONS].offered(ident)).options:
        view = replace(view, reduction_url=f"/{words.language}/appointments/{ident}/check#reductions")
    return page(request, "case", view, status=refusal.status if refusal else 200)


async def _further(request: web.Request, words: Words, ident: UUID) -> tuple[tuple[str, str], ...]:
    """Fees that were asked for during the visit, each with the address of its page."""
    charges = request.app[CHARGES]
    said = []
    for one in await charges.of_case(ident):
        amount, token = words.fee(one.amount), charges.link(one).rsplit("/", 1)[1]
        text = words._("A further fee of {amount} is to be paid: {label}", amount=amount, label=one.label)
        if one.status is ChargeStatus.PAID:
            text = words._("A further fee of {amount} is paid: {label}", amount=amount, label=one.label)
        if one.status in (ChargeStatus.OPEN, ChargeStatus.PAID):
            said.append((text, f"/{words.language}/charge/{token}"))
    return tuple(said)


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
    fields = await form(request)
    key_of(fields)
    appointments = request.app[APPOINTMENTS]
    shown = cents_of(fields, "refund_cents")
    money = Money(shown, (await appointments.case(ident)).fee.currency) if shown is not None else None
    try:
        await appointments.cancel(ident, money)
    except RefundDiffers as refusal:
        return await show(request, refusal, CaseQuery(cancel=True))
    return see(f"/{words.language}/appointments/{ident}")


async def keep(request: web.Request) -> web.Response:
    words, ident = words_of(request), path_id(request, "appointment")
    key_of(await form(request))
    try:
        await request.app[APPOINTMENTS].keep(ident)
    except Conflict as refusal:
        case = await request.app[APPOINTMENTS].case(ident)
        if case.status is AppointmentStatus.CONFIRMED:
            return await show(request, refusal)  # else it was given up meanwhile, and its page says so
    return see(f"/{words.language}/appointments/{ident}")


async def ask_refund_anew(request: web.Request) -> web.Response:
    words, ident = words_of(request), path_id(request, "appointment")
    key_of(await form(request))
    try:
        await request.app[APPOINTMENTS].ask_refund_anew(ident)
    except Conflict as refusal:
        return await show(request, refusal)
    return see(f"/{words.language}/appointments/{ident}")


async def erase(request: web.Request) -> web.Response:
    words, ident = words_of(request), path_id(request, "appointment")
    key_of(await form(request))
    try:
        await request.app[APPOINTMENTS].erase(ident)
    except Conflict as refusal:  # begun, being served, or the provider is still to be heard
        return await show(request, refusal)
    return see(f"/{words.language}/appointments/{ident}")


async def calendar_file(request: web.Request) -> web.Response:
    words_of(request)
    raw = await request.app[APPOINTMENTS].calendar(path_id(request, "appointment"))
    headers = {"Content-Disposition": 'attachment; filename="termin.ics"', "Cache-Control": "private, no-store"}
    return text_reply(raw, "text/calendar; charset=utf-8", headers)
