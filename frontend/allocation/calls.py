"""Handlers of the list of those without e-mail whom staff have to tell what became of their requests."""

from __future__ import annotations

from collections.abc import Awaitable

from aiohttp import web

from base.errors import DomainError
from base.web import STAFF, path_number
from booking.allocation.endpoints import ALLOCATION, RUNS
from booking.allocation.model import RequestStatus
from booking.allocation.words import Call
from booking.allocation.words_endpoints import WORDS
from booking.appointments.model import AppointmentStatus
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.snapshot import Snapshot
from frontend.allocation.views import CallCard, CallsPage
from frontend.citizen.holding import contact_rows
from frontend.citizen.need_wording import request_status
from frontend.citizen.rendering import see, words_of
from frontend.citizen.views import Row, ShownError
from frontend.citizen.words import Words as Language
from frontend.staff.frame import staff_frame, staff_page

_S = AppointmentStatus


async def show(request: web.Request) -> web.Response:
    return await _page(request)


async def say(request: web.Request) -> web.Response:
    return await _done(request, request.app[WORDS].say(path_number(request, "call"), request[STAFF].account_id))


async def book(request: web.Request) -> web.Response:
    return await _done(request, request.app[WORDS].book(path_number(request, "call"), request[STAFF].account_id))


async def _done(request: web.Request, work: Awaitable[None]) -> web.Response:
    try:
        await work
    except DomainError as error:
        if error.status == 404:
            raise
        return await _page(request, problem=error.message)
    return see(f"/{words_of(request).language}/allocation/calls")


async def _page(request: web.Request, *, problem: str = "") -> web.Response:
    words, known = words_of(request), await request.app[CATALOGUE].snapshot()
    errors = (ShownError(field="main", message=words._(problem)),) if problem else ()
    view = CallsPage(
        frame=staff_frame(request, words, words._("To be called or written to"), errors=errors),
        calls=tuple([await _card(request, words, known, one) for one in await request.app[WORDS].calls()]),
        back_url=f"/{words.language}/allocation/",
    )
    return staff_page(request, "allocation/calls", view, status=409 if problem else 200)


async def _card(request: web.Request, words: Language, known: Snapshot, call: Call) -> CallCard:
    row, may_name = call.request, request[STAFF].may("person.read")
    contact = request.app[ALLOCATION].contact_of(row)
    marked = await request.app[ALLOCATION].service(row.service_id)
    service = Row(label=words._("Service"), value=words.pick(marked.name))
    number = Row(label=words._("Number of the request"), value=row.public_id)
    here = f"/{words.language}/allocation/calls/{call.id}"
    can_book = call.case is not None and call.case.status is _S.HELD and not call.case.fee
    return CallCard(
        title=contact.name if may_name else row.public_id,
        message=_message(words, known, call),
        rows=(service, number, *(contact_rows(words, contact)[1:] if may_name else ())),
        explained=tuple(await request.app[RUNS].explain_newest(row, words.language)),
        say_action=f"{here}/said",
        book_action=f"{here}/book" if can_book else "",
    )


def _message(words: Language, known: Snapshot, call: Call) -> str:
    """What to say."""
    case, status = call.case, call.request.status
    if case is not None:
        office = known.offices[case.office_id]
        when = words.when(case.starts_at, office.time_zone)
        if case.status is _S.HELD and case.hold_until is not None:
            return words._(
                "There is an appointment: {when}, {office}. It is kept until {until}.",
                when=when,
                office=words.pick(office.name),
                until=words.when(case.hold_until, office.time_zone),
            )
        if case.status is _S.CONFIRMED:
            return words._("The appointment is booked: {when}, {office}.", when=when, office=words.pick(office.name))
        return words._("The appointment on {when} was not booked in time. A new request waits anew.", when=when)
    if status is RequestStatus.ENDED:
        return words._("Appointments can be booked like any other now; the request has ended.")
    if status is not RequestStatus.CONFIRMED:
        return words._("Nothing any more: {state}.", state=request_status(words, status))
    if call.next_on is None:
        return words._("There was no appointment this time. The request stays in the list.")
    return words._(
        "There was no appointment this time. The request stays in the list; the next one closes about {day}.",
        day=words.day(call.next_on),
    )
