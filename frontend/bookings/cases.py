"""Handlers for a case that somebody calls about: found by its number, moved, cancelled, or put on the earlier-time list for them."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from aiohttp import web
from multidict import MultiDict

from base.errors import DomainError, NotFound
from base.i18n import zone
from base.money import Money
from base.web import SETTINGS, STAFF, form, path_id
from booking.allocation.endpoints import ALLOCATION
from booking.appointments.endpoints import APPOINTMENTS, TILL_HOLDS
from booking.appointments.model import AppointmentStatus, Case, Placed
from booking.appointments.reduction_endpoints import REDUCTIONS
from booking.appointments.till_endpoints import kassenzeichen_at_till
from booking.queue.expecting import NumberIncomplete, NumberUnknown
from booking.rebooking.endpoints import REBOOKINGS
from booking.waitlist.endpoints import WAITLIST
from booking.waitlist.model import Wish
from frontend.bookings.asked import asked_in
from frontend.bookings.closed import closed_notice
from frontend.bookings.places import case_of_office, place_of
from frontend.bookings.times import times_response
from frontend.bookings.views import CasePage
from frontend.bookings.waiting import waiting_part
from frontend.citizen.case import facts_of
from frontend.citizen.giving_back import if_cancelled_now
from frontend.citizen.holding import appointment_rows, contact_rows
from frontend.citizen.questions import answer_rows
from frontend.citizen.reduction_views import proof_rows
from frontend.citizen.rendering import chosen, see, words_of
from frontend.citizen.sent import cents_of
from frontend.citizen.views import Row, ShownError
from frontend.citizen.words import Words
from frontend.staff.frame import staff_frame, staff_page
from payment.receipts.kassenzeichen import spaced

_S = AppointmentStatus


async def find(request: web.Request) -> web.Response:
    """By the number that is read out, of a case or of a request by need. A case of another office is not told apart from none."""
    place, words, typed = await place_of(request), words_of(request), request.query.get("number", "").strip()[:40]
    ident = await request.app[APPOINTMENTS].find_by_number(typed)
    try:
        if ident is not None:
            return see(f"{place.base}/cases/{(await case_of_office(request, ident)).id}")
    except NotFound:
        pass
    if (asked_by_need := await request.app[ALLOCATION].find_by_number(typed)) is not None:
        return see(f"{place.base}/requests/{asked_by_need.public_id}")
    asked = asked_in(MultiDict(), place.services(), place.most(), words.now.date())
    wrong = NumberUnknown if sum(sign.isalnum() for sign in typed) >= 6 else NumberIncomplete
    return await times_response(
        request, place, asked, problem=("number", words._(wrong.message)), kept={"number": typed}
    )


async def show(request: web.Request) -> web.Response:
    return await _page(request, await case_of_office(request, path_id(request, "appointment")))


async def cancel(request: web.Request) -> web.Response:
    """By the policy stored at booking, as if the person had done it."""
    place, case = await place_of(request), await case_of_office(request, path_id(request, "appointment"))
    shown = cents_of(await form(request), "refund_cents")
    try:
        money, by = None if shown is None else Money(shown, case.fee.currency), request[STAFF].account_id
        await request.app[APPOINTMENTS].cancel(case.id, money, by=by)
    except DomainError as error:
        return await _page(request, case, problem=words_of(request)._(error.message, **error.fields))
    return see(f"{place.base}/cases/{case.id}")


async def at_till(request: web.Request) -> web.Response:
    """To be paid at a till: who it is was seen or heard here, so no code is asked for."""
    case = await case_of_office(request, path_id(request, "appointment"))
    await form(request)
    url = f"{request.app[SETTINGS].public_url}/{case.language}/appointments/{case.id}/paid"
    return await _done(request, case, request.app[TILL_HOLDS].begin_by_staff(case.id, url))


async def join_waitlist(request: web.Request) -> web.Response:
    """For the case's own office, or, where that was ticked, for any."""
    case, fields = await case_of_office(request, path_id(request, "appointment")), await form(request)
    wish = Wish(offices=() if "any_office" in fields else (case.office_id,))
    return await _done(request, case, request.app[WAITLIST].join(case.id, wish))


async def leave_waitlist(request: web.Request) -> web.Response:
    case = await case_of_office(request, path_id(request, "appointment"))
    return await _done(request, case, request.app[WAITLIST].leave(case.id))


async def answer_offer(request: web.Request) -> web.Response:
    """An earlier time is taken or refused, as if the person had done it."""
    case, offer = await case_of_office(request, path_id(request, "appointment")), path_id(request, "offer")
    answers = {"accept": request.app[WAITLIST].accept, "decline": request.app[WAITLIST].decline}
    if request.match_info["answer"] not in answers:
        raise NotFound
    return await _done(request, case, answers[request.match_info["answer"]](case.id, offer))


async def _done(request: web.Request, case: Case, work: Awaitable[object]) -> web.Response:
    """Back to the case, which may be another office's now; what is refused is said on its page."""
    try:
        await work
    except DomainError as error:
        if isinstance(error, NotFound):
            raise
        return await _page(request, case, problem=words_of(request)._(error.message, **error.fields))
    now = await request.app[APPOINTMENTS].case(case.id)
    return see(f"/{words_of(request).language}/bookings/{now.office_id}/cases/{case.id}")


async def _page(request: web.Request, case: Case, *, problem: str = "") -> web.Response:
    place, words = await place_of(request), words_of(request)
    appointments, what = request.app[APPOINTMENTS], await chosen(request, case)
    checked = appointments.is_checked_if_cancelled(case)
    facts = facts_of(case, what, words.now, "", can_text=appointments.can_text, checked_if_cancelled=checked)
    sees = request[STAFF].may("person.read", place.office.id) and not case.is_erased
    reach = facts.reach if sees else ""
    closed = await request.app[REBOOKINGS].of_case(case.id)
    if problem:
        said = ("danger", problem, "")
    elif closed is not None and closed[0].status.is_open and facts.status == _S.CONFIRMED:
        said = closed_notice(words, *closed, case.time_zone)
    else:
        said = _notice(words, case, facts.status, reach)
    errors = (ShownError(field="main", message=said[1]),) if problem else ()
    at_till = await request.app[TILL_HOLDS].offer(case.id, with_places=False)
    till_hold = kassenzeichen_at_till(case)
    _reduced, missing = await request.app[REDUCTIONS].at_counter(case.id)
    view = CasePage(
        frame=staff_frame(request, words, words._("Appointment {number}", number=case.number), errors=errors),
        notice_kind=said[0],
        notice_title=said[1],
        notice=said[2],
        rows=(
            Row(label=words._("Number"), value=case.number),
            *appointment_rows(words, what),
            *_placed_rows(words, await appointments.placed(case.id)),
            *proof_rows(words, case.reductions, missing.amount),
        ),
        person=(*contact_rows(words, case.contact), *answer_rows(words, case.answers)) if sees else (),
        move_url=f"{place.base}?moves={case.id}" if facts.can_move else "",
        cancel_action=f"{place.base}/cases/{case.id}/cancel" if facts.can_cancel else "",
        cancellation=if_cancelled_now(
            words,
            facts.refund_now,
            case.fee,
            is_disputed=facts.is_disputed,
            is_checked=facts.checked_if_cancelled,
        )
        if facts.refund_now is not None
        else "",
        cancel_hidden=(("refund_cents", str(facts.refund_now.cents)),) if facts.refund_now is not None else (),
        book_url=place.base,
        is_told=case.contact is not None and appointments.can_reach(case.contact),
        till_action=f"{place.base}/cases/{case.id}/till" if at_till and not till_hold else "",
        till_text=words._(
            "The time then stays reserved until {until}, and the person is told where and how to pay.",
            until=words.when(at_till.pay_by, case.time_zone),
        )
        if at_till
        else "",
        refunds_url=f"{place.base}/cases/{case.id}/refunds" if case.refunds else "",
        waiting=await waiting_part(request, words, case, f"{place.base}/cases/{case.id}"),
    )
    return staff_page(request, "bookings/case", view, status=409 if problem else 200)


def _placed_rows(words: Words, placed: Sequence[Placed]) -> tuple[Row, ...]:
    """By name, so that whoever calls can be told which room it is."""
    counters = [words.pick(one.name) for one in placed if not one.is_resource]
    beside = [words.pick(one.name) for one in placed if one.is_resource]
    labelled = ((words._("Counter"), counters), (words._("Room and others who take part"), beside))
    return tuple(Row(label=label, value=names[0], lines=tuple(names[1:])) for label, names in labelled if names)


def _notice(words: Words, case: Case, status: str, reach: str) -> tuple[str, str, str]:
    """Kind, title and, where there is more to say, a sentence."""
    if status == _S.CONFIRMED and case.waiting is not None:
        when = words.when(case.waiting.starts_at, case.time_zone)
        until = words.clock(case.waiting.hold_until, case.time_zone)
        return (
            "info",
            words._("Another time is waiting: {when}", when=when),
            words._(
                "It moves there once the person has paid the difference of {difference} on the appointment's page, until {clock}.",
                difference=words.fee(case.waiting.difference),
                clock=until,
            ),
        )
    if status == _S.CONFIRMED:
        told = words._("The confirmation goes to {reach}.", reach=reach) if reach else ""
        return "success", words._("The appointment is booked"), told or words._("Please read the number out.")
    if status == _S.HELD and case.hold_until is not None:
        is_today = (
            case.hold_until.astimezone(zone(case.time_zone)).date() == words.now.astimezone(zone(case.time_zone)).date()
        )
        clock = (words.clock if is_today else words.when)(case.hold_until, case.time_zone)
        until = words._("Reserved until {clock}", clock=clock)
        if (number := kassenzeichen_at_till(case)) is not None:
            said = words._(
                "It is to be paid at a till, or online; once paid, it is booked. Kassenzeichen: {number}",
                number=spaced(number),
            )
            return "info", until, said
        return "info", until, words._("The person has the link to pay; once paid, it is booked.")
    title = {
        _S.CANCELLED: words._("This appointment was cancelled."),
        _S.FINISHED: words._("This appointment is finished already."),
        _S.NO_SHOW: words._("Whoever has this appointment was called and did not come."),
    }.get(_S(status), words._("It was not paid in time; the time is free for others again."))
    return "info", title, ""
