"""Handlers from the chosen time to the citizen's details: reserve, fill in, and start again near by when somebody was faster."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from uuid import UUID, uuid5

from aiohttp import web

from base.errors import DomainError, NotFound, Unauthenticated
from base.web import bearer, clear_token_cookie, form, path_id, set_token_cookie, token_cookies
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.invited import InvitationOver, InvitationUsed
from booking.appointments.lifecycle import HoldOver
from booking.appointments.model import AppointmentStatus, Case
from booking.appointments.per_contact import ContactNeeded, ContactUsedUp
from booking.appointments.reduction_endpoints import REDUCTIONS
from booking.appointments.twins import AnotherBooked
from booking.catalogue.model import Channel
from booking.holds.endpoints import HOLDS
from booking.holds.model import Hold, HoldStatus
from booking.holds.refusals import HoldInUse
from booking.invitations.endpoints import INVITATIONS
from booking.invitations.model import Invitation
from frontend.citizen.contact_form import ContactForm, asked, empty, read, typed_before
from frontend.citizen.gone import again, run_out
from frontend.citizen.holding import contact_page
from frontend.citizen.invitation_wording import url_of
from frontend.citizen.questions import asked_for
from frontend.citizen.rendering import chosen, key_of, new_key, page, see, words_of
from frontend.citizen.reserving import reserve
from frontend.citizen.sent import instead_of, slot_of, wanted_of, why_of
from frontend.citizen.twin_pages import twin_found
from payment.model import PaymentStatus

_NOT_BOOKED = (AppointmentStatus.HELD, AppointmentStatus.EXPIRING)
_MONEY_UNDER_WAY = (
    PaymentStatus.PROCESSING,
    PaymentStatus.AUTHORISED,
    PaymentStatus.PAID,
    PaymentStatus.ATTENTION,
)


async def make_hold(request: web.Request) -> web.Response:
    """From a time's button. Details that were typed before (the first time was gone) are used at once."""
    words, fields = words_of(request), await form(request)
    key, wanted = key_of(fields), wanted_of(fields)
    typed = read(fields, words.language, wanted.channel) if "language" in fields else None  # the one field never empty
    if "slot" not in fields and "gone" in fields:  # the page that said so, once more in another language
        office_id, starts_at = slot_of(fields, "gone")
        return await again(request, wanted, office_id, starts_at, typed, why_of(fields))
    office_id, starts_at = slot_of(fields, "slot")
    replaced = await _replaced(request, wanted.instead)
    if replaced is not None and _is_booked(replaced):
        return see(f"/{words.language}/appointments/{replaced.id}")

    async def then(hold: Hold) -> web.Response:
        known = typed
        if replaced is not None:
            known = known or typed_before(replaced.contact, wanted.channel, replaced.answers)
        if known is not None:
            return await _fill_in(request, hold, known, key, replaced)
        response = see(f"/{words.language}/holds/{hold.id}")
        set_token_cookie(request, response, "hold", hold.id, hold.token)
        return response

    return await reserve(request, fields, wanted, (office_id, starts_at), then, typed)


async def _replaced(request: web.Request, ident: UUID | None) -> Case | None:
    """The case that the new time is chosen instead of, if it is this browser's: its contact goes on, whatever has become of it."""
    if ident is None:
        return None
    token, appointments = bearer(request, "case", ident), request.app[APPOINTMENTS]
    if token is None or not await appointments.authorise(ident, token):
        return None
    return await appointments.case(ident)


def _is_booked(case: Case) -> bool:
    """Or money for it is under way: nobody who is about to have it is sent to pay for another one."""
    if case.status in _NOT_BOOKED:
        return case.payment is not None and case.payment.status in _MONEY_UNDER_WAY
    return case.status in (AppointmentStatus.CONFIRMED, AppointmentStatus.FINISHED, AppointmentStatus.NO_SHOW)


async def show_hold(request: web.Request) -> web.Response:
    words, hold = words_of(request), await own_hold(request, path_id(request, "hold"))
    typed, invitation = empty(words.language), await _invited_by(request, hold)
    case = await _own_case(request, hold)
    if case is not None and case.status is not AppointmentStatus.HELD:
        return see(f"/{words.language}/appointments/{case.id}")  # the back button, after booking
    if case is not None and hold.expires_at <= words.now:
        return see(
            f"/{words.language}/appointments/{case.id}/check"
        )  # which knows the contact, and whether money is under way
    if hold.status is HoldStatus.OVER or hold.expires_at <= words.now:
        if invitation is not None:
            return see(f"{url_of(words, invitation)}?over=1")
        return await run_out(request, hold, path=f"/holds/{hold.id}")
    if case is not None:
        typed = typed_before(case.contact, Channel(hold.channel), case.answers)
    elif invitation is not None and invitation.invited is not None:
        typed = typed_before(invitation.invited.contact, Channel(hold.channel))
    view = contact_page(
        words,
        hold.id,
        await chosen(request, hold),
        hold.expires_at,
        typed,
        new_key(),
        can_text=request.app[APPOINTMENTS].can_text,
        case_id=case.id if case else None,
        times_url=url_of(words, invitation) if invitation else "",
        questions=await asked_for(request, hold),
    )
    return page(request, "contact", view)


async def _invited_by(request: web.Request, hold: Hold) -> Invitation | None:
    """Only for who came by an invitation, so that nobody else waits for the answer."""
    if not token_cookies(request, "invitation"):
        return None
    return await request.app[INVITATIONS].of_hold(hold.id)


async def own_hold(request: web.Request, ident: UUID) -> Hold:
    """Its token is asked for, or that of the case made of it, because the hold's cookie goes then. Raises Unauthenticated.

    A hold that has run out is nobody's any more: whoever typed slowly is shown the next times, with everything kept.
    """
    holds = request.app[HOLDS]
    token = bearer(request, "hold", ident)
    is_shown = token is not None and await holds.authorise(ident, token)
    try:
        hold = await holds.find(ident)
    except NotFound:
        raise Unauthenticated from None  # the same answer for a wrong token and for an unknown id
    if is_shown or (hold.appointment_id is None and is_over(request, hold)) or await _own_case(request, hold):
        return hold
    raise Unauthenticated


def is_over(request: web.Request, hold: Hold) -> bool:
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
    key, hold = key_of(fields), await own_hold(request, path_id(request, "hold"))
    typed = read(fields, words.language, Channel(hold.channel))
    replaced = await _replaced(request, instead_of(fields))
    return await _fill_in(request, hold, typed, key, replaced, is_sure="anyway" in fields)


async def keep_the_other(request: web.Request) -> web.Response:
    """There is an appointment already, and it is enough: the reserved time is given back."""
    words, hold = words_of(request), await own_hold(request, path_id(request, "hold"))
    key_of(await form(request))
    try:
        await request.app[HOLDS].release(hold.id)
    except HoldInUse:  # a contact was sent before
        if hold.appointment_id is not None:
            await request.app[APPOINTMENTS].give_back(hold.appointment_id)
    return see(f"/{words.language}/")


async def _fill_in(
    request: web.Request,
    hold: Hold,
    typed: ContactForm,
    key: UUID,
    replaced: Case | None,
    *,
    is_sure: bool = False,
) -> web.Response:
    """`replaced` is given back once the new case is there, so that nobody has neither. `is_sure`: also where one is booked already."""
    words, invitation = words_of(request), await _invited_by(request, hold)
    times_url = url_of(words, invitation) if invitation else ""
    if is_over(request, hold):
        return see(f"{times_url}?over=1") if times_url else await run_out(request, hold, typed)
    questions = await asked_for(request, hold)
    typed = asked(typed, questions)

    async def once_more(typed: ContactForm) -> web.Response:
        case = await _own_case(request, hold)
        view = contact_page(
            words,
            hold.id,
            await chosen(request, hold),
            hold.expires_at,
            typed,
            new_key(),
            can_text=request.app[APPOINTMENTS].can_text,
            is_sent=True,
            instead=replaced.id if replaced else None,
            case_id=case.id if case else None,  # made of this hold already: another time replaces this one, too
            times_url=times_url,
            questions=questions,
        )
        response = page(request, "contact", view, status=422)
        if hold.appointment_id is None:
            set_token_cookie(request, response, "hold", hold.id, hold.token)
        return response

    if typed.contact is None:
        return await once_more(typed)
    # The form may be sent, looked at again with the back button, corrected and sent once more: other contents are another request.
    once = uuid5(key, typed.once)
    try:
        created = await request.app[APPOINTMENTS].create(
            hold.id,
            typed.contact,
            str(once),
            answers=typed.answers,
            asks_first=not is_sure,
            instead=replaced.id if replaced else None,
        )
    except AnotherBooked as refusal:
        return await twin_found(request, hold, typed, refusal, replaced.id if replaced else None)
    except (ContactNeeded, ContactUsedUp) as refusal:
        return await once_more(replace(typed, wrong={"email": refusal.message}, contact=None))
    except (InvitationOver, InvitationUsed):  # booked in another tab
        return see(times_url or f"/{words.language}/")
    except HoldOver:
        return see(f"{times_url}?over=1") if times_url else await run_out(request, hold, typed)
    except HoldInUse:  # booked already, in another tab
        return see(f"/{words.language}/appointments/{hold.appointment_id}?late=1")
    if replaced is not None and replaced.reductions and not created.case.reductions:
        with suppress(DomainError):  # by the rules of today: what is no more is seen on the next page
            claims = {one.key: one.persons for one in replaced.reductions}
            await request.app[REDUCTIONS].claim(created.case.id, claims)
    if replaced is not None and await _is_kept(request, replaced, created.case):
        return see(f"/{words.language}/appointments/{replaced.id}")
    response = see(f"/{words.language}/appointments/{created.case.id}/check?hold={hold.id}")
    set_token_cookie(request, response, "case", created.case.id, created.token)
    clear_token_cookie(request, response, "hold", hold.id)
    return response


async def _is_kept(request: web.Request, replaced: Case, made: Case) -> bool:
    """Whether the first case was paid in this very moment: then it stays, and the new time is given back instead."""
    appointments = request.app[APPOINTMENTS]
    if replaced.id == made.id:
        return False
    await appointments.give_back(replaced.id)
    if not _is_booked(await appointments.case(replaced.id)):
        return False
    await appointments.give_back(made.id)
    return True
