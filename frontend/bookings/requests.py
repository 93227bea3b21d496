"""Handlers of requests by need for people who call or come by: entered for them, found by the number, withdrawn."""

from __future__ import annotations

from aiohttp import web

from base.errors import DomainError, NotFound
from base.web import STAFF, form, path_number
from booking.allocation.endpoints import ALLOCATION, RUNS
from booking.allocation.model import RequestStatus
from booking.allocation.store import Marked, RequestRow
from booking.availability.offering import NobodyResponsible
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.model import Office
from frontend.bookings.places import place_of
from frontend.bookings.views import NeedPage, RequestPage
from frontend.citizen.holding import contact_rows
from frontend.citizen.need_form import NeedForm, offering, read_need
from frontend.citizen.need_wording import request_rows, rule
from frontend.citizen.rendering import key_of, new_key, see, words_of
from frontend.citizen.views import Row, ShownError
from frontend.citizen.who import kinds_of
from frontend.staff.frame import staff_frame, staff_page

_S = RequestStatus


async def show_form(request: web.Request) -> web.Response:
    marked = await request.app[ALLOCATION].marked(path_number(request, "service"))
    return await _form(request, marked, NeedForm(values={"language": words_of(request).language}))


async def send_form(request: web.Request) -> web.Response:
    place, words, fields = await place_of(request), words_of(request), await form(request)
    marked = await request.app[ALLOCATION].marked(path_number(request, "service"))
    asks = await request.app[ALLOCATION].asks(marked.service_id)
    key, offices = key_of(fields), await _offices(request, marked)
    typed = read_need(words, marked.service_id, fields, offices, asks, needs_email=False)
    given = typed.given
    if given is None:
        return await _form(request, marked, typed)
    try:
        ident = await request.app[ALLOCATION].ask(given, key, entered_by=request[STAFF].account_id)
    except NobodyResponsible:
        return await _form(request, marked, typed.nobody_responsible(asks))
    except DomainError as error:
        return await _form(request, marked, typed, problem=error.message)
    row = await request.app[ALLOCATION].find(ident)
    return see(f"{place.base}/requests/{row.public_id}")


async def show(request: web.Request) -> web.Response:
    return await _page(request, await _found(request))


async def withdraw(request: web.Request) -> web.Response:
    place, row = await place_of(request), await _found(request)
    try:
        await request.app[ALLOCATION].withdraw(row.id)
    except DomainError as error:
        return await _page(request, row, problem=error.message)
    return see(f"{place.base}/requests/{row.public_id}")


async def _found(request: web.Request) -> RequestRow:
    row = await request.app[ALLOCATION].find_by_number(request.match_info["number"])
    if row is None:
        raise NotFound
    return row


async def _form(request: web.Request, marked: Marked, typed: NeedForm, *, problem: str = "") -> web.Response:
    place, words = await place_of(request), words_of(request)
    messages = {name: words._(text) for name, text in typed.wrong.items()}
    errors = [ShownError(field=name, message=text) for name, text in messages.items()]
    if problem:
        errors.insert(0, ShownError(field="name", message=words._(problem)))
    title = words._("Ask for an appointment: {service}", service=words.pick(marked.name))
    view = NeedPage(
        frame=staff_frame(request, words, title, errors=tuple(errors)),
        rule=rule(words, marked),
        action=f"{place.base}/need/{marked.service_id}",
        back_url=place.base,
        request_key=new_key(),
        values=typed.values,
        messages=messages,
        languages=typed.language_ticks(),
        offices=typed.office_ticks(words, await _offices(request, marked)),
        times=typed.time_ticks(words),
        asks=await request.app[ALLOCATION].asks(marked.service_id),
        kinds=await kinds_of(request, [marked.service_id], typed.values.get("kind", "")),
        opens_post=any(typed.values.get(name) for name in ("street", "postcode", "place")),
    )
    return staff_page(request, "bookings/need", view, status=422 if errors else 200)


async def _page(request: web.Request, row: RequestRow, *, problem: str = "") -> web.Response:
    place, words, allocation = await place_of(request), words_of(request), request.app[ALLOCATION]
    marked = await allocation.service(row.service_id)
    errors = (ShownError(field="main", message=words._(problem)),) if problem else ()
    person: tuple[Row, ...] = ()
    if request[STAFF].may("person.read", place.office.id):
        born = Row(label=words._("Date of birth"), value=words.day(allocation.birth_date_of(row)))
        person = (*contact_rows(words, allocation.contact_of(row)), born)
    here = f"{place.base}/requests/{row.public_id}"
    view = RequestPage(
        frame=staff_frame(request, words, words._("Request {number}", number=row.public_id), errors=errors),
        notice=_notice(request, row),
        rows=request_rows(words, row, words.pick(marked.name)),
        person=person,
        explained=tuple(await request.app[RUNS].explain_newest(row, words.language)),
        case_url=f"{place.base}/cases/{row.appointment_id}" if row.appointment_id else "",
        withdraw_action=f"{here}/withdraw" if row.status in (_S.UNVERIFIED, _S.ASKED, _S.CONFIRMED) else "",
        back_url=place.base,
    )
    return staff_page(request, "bookings/request", view, status=409 if problem else 200)


def _notice(request: web.Request, row: RequestRow) -> str:
    words = words_of(request)
    if row.status is _S.UNVERIFIED:
        return words._("The request counts once the person opens the link in the e-mail and confirms it.")
    if row.is_called and row.status in (_S.ASKED, _S.CONFIRMED):
        return words._("Please read the number out. What comes of the request is said by telephone or letter.")
    return ""


async def _offices(request: web.Request, marked: Marked) -> list[Office]:
    return offering(await request.app[CATALOGUE].service(marked.service_id))
