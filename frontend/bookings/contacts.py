"""Handlers for the contact of somebody who has called: typed by staff, booked at once, or sent a link to pay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import uuid5

from aiohttp import web

from base.errors import DomainError
from base.i18n import LANGUAGES
from base.i18n import mark as _
from base.web import SETTINGS, form
from booking.appointments.contact import Need
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.lifecycle import HoldOver
from booking.appointments.reduction_endpoints import REDUCTIONS
from booking.appointments.reductions import AlreadyBooked, ReductionsWrong
from booking.appointments.twins import LimitReached
from booking.catalogue.model import Channel
from booking.holds.endpoints import HOLDS
from booking.holds.model import Hold, HoldStatus
from booking.holds.refusals import HoldInUse
from frontend.bookings.places import hold_of_office, place_of
from frontend.bookings.views import ContactPage
from frontend.citizen.contact_form import ContactForm, asked, empty, read, to_staff
from frontend.citizen.holding import appointment_rows
from frontend.citizen.questions import asked_for, question_fields, summary
from frontend.citizen.reduction_views import chosen_again, claims_in, reductions_part
from frontend.citizen.rendering import chosen, key_of, new_key, see, words_of
from frontend.citizen.views import ShownError, Tick
from frontend.citizen.words import Words
from frontend.staff.frame import staff_frame, staff_page

_NO_WAY_TO_PAY = _("This costs a fee: enter an e-mail address or a mobile number for the link to pay")
_RUN_OUT = _("The reservation is over. Please choose a time again.")


async def show(request: web.Request) -> web.Response:
    hold = await hold_of_office(request)
    return await _page(request, hold, empty(words_of(request).language))


async def send(request: web.Request) -> web.Response:
    place, hold, fields = await place_of(request), await hold_of_office(request), await form(request)
    words, key, appointments = words_of(request), key_of(fields), request.app[APPOINTMENTS]
    questions = await asked_for(request, hold)
    typed = asked(read(fields, words.language, Channel(hold.channel)), questions)
    claims = claims_in(fields)
    try:
        fee = await request.app[REDUCTIONS].price(hold.id, claims)
    except ReductionsWrong as refusal:
        return await _page(request, hold, typed, problem=refusal.errors[0].message)
    if fee and typed.contact and not appointments.only_at_till and not appointments.can_reach(typed.contact):
        typed = replace(typed, wrong={"email": _NO_WAY_TO_PAY}, contact=None)
    if typed.contact is None:
        return await _page(request, hold, typed, is_sent=True, claims=claims)
    once = uuid5(key, typed.once)
    try:
        created = await appointments.create(hold.id, typed.contact, str(once), answers=typed.answers)
        if any(claims.values()):
            await request.app[REDUCTIONS].claim(created.case.id, claims)
        if fee and not appointments.only_at_till:
            await appointments.ask_to_pay(created.case.id)
        else:
            here = f"{request.app[SETTINGS].public_url}/{typed.contact.language}/appointments/{created.case.id}/paid"
            await appointments.pay(created.case.id, here)
    except (HoldInUse, AlreadyBooked):  # sent twice
        if hold.appointment_id is None:
            raise
        return see(f"{place.base}/cases/{hold.appointment_id}")
    except HoldOver:
        return await _page(request, hold, typed, problem=_RUN_OUT)
    except LimitReached as refusal:
        return await _page(request, hold, typed, problem=refusal.message)
    return see(f"{place.base}/cases/{created.case.id}")


async def release(request: web.Request) -> web.Response:
    """Back to the times of the same service. What is booked meanwhile stays."""
    place, hold = await place_of(request), await hold_of_office(request)
    try:
        await request.app[HOLDS].release(hold.id)
    except DomainError:
        return see(f"{place.base}/holds/{hold.id}")
    return see(f"{place.base}?service={hold.service_id}&channel={hold.channel}")


async def _page(
    request: web.Request,
    hold: Hold,
    typed: ContactForm,
    *,
    is_sent: bool = False,
    problem: str = "",
    claims: Mapping[str, int] | None = None,
) -> web.Response:
    place, words = await place_of(request), words_of(request)
    if hold.appointment_id is not None:
        return see(f"{place.base}/cases/{hold.appointment_id}")
    if not problem and (hold.status is HoldStatus.OVER or hold.expires_at <= words.now):
        problem = _RUN_OUT
    messages = {name: words._(to_staff(message)) for name, message in typed.wrong.items()} if is_sent else {}
    questions = question_fields(words, await asked_for(request, hold))
    errors = [*summary(messages, questions)]
    if problem:
        errors.insert(0, ShownError(field="name", message=words._(problem)))
    what, offered = await chosen(request, hold), await request.app[REDUCTIONS].for_hold(hold.id)
    by_link = bool(hold.fee) and not request.app[APPOINTMENTS].only_at_till
    view = ContactPage(
        frame=staff_frame(request, words, words._("Who comes?"), errors=tuple(errors)),
        rows=appointment_rows(words, what),
        reserved=words._(
            "{when}: reserved until {clock}.",
            when=words.when(what.starts_at, place.office.time_zone),
            clock=words.clock(hold.expires_at, place.office.time_zone),
        ),
        action=f"{place.base}/holds/{hold.id}",
        release_action=f"{place.base}/holds/{hold.id}/release",
        button=words._("Send the link to pay") if by_link else words._("Book the appointment"),
        request_key=new_key(),
        needs_number=hold.channel == Channel.PHONE,
        pays_by_link=by_link,
        needs=tuple(Tick(value=need, label=label, is_chosen=need in typed.needs) for need, label in _needs(words)),
        languages=tuple(
            Tick(value=code, label=name, is_chosen=code == typed.values["language"]) for code, name in LANGUAGES.items()
        ),
        opens_post=any(typed.values[name] for name in ("street", "postcode", "place")),
        values=typed.shown,
        questions=questions,
        messages=messages,
        reductions=reductions_part(words, chosen_again(offered, claims or {})),
    )
    return staff_page(request, "bookings/contact", view, status=422 if errors else 200)


def _needs(words: Words) -> tuple[tuple[Need, str], ...]:
    return (
        (Need.WHEELCHAIR, words._("Wheelchair or walking aid")),
        (Need.INTERPRETER, words._("Interpreter")),
        (Need.SIGN_LANGUAGE, words._("Sign language")),
        (Need.COMPANION, words._("Somebody comes along")),
        (Need.QUIET_PLACE, words._("A quiet place to wait")),
    )
