"""Handlers of need-based allocation: ask, come by the link, confirm, look, withdraw; and what is published of the runs."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from base.errors import DomainError, Unauthenticated
from base.web import form, path_id, path_number, set_token_cookie, upload
from base.web.answers import FileTooLarge
from base.web.staff import address_of
from booking.allocation.documents import DocumentTooLarge
from booking.allocation.documents_endpoints import DOCUMENTS, FILE, MOST_BODY_BYTES
from booking.allocation.endpoints import ALLOCATION, RUNS
from booking.allocation.model import RequestStatus
from booking.allocation.store import Marked
from booking.allocation.usecases import RequestedTooOften
from booking.availability.offering import NobodyResponsible
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.model import Office
from frontend.citizen.frame import frame
from frontend.citizen.need_form import NeedForm, offering, read_need
from frontend.citizen.need_views import DocumentLine, NeedPage, NoticePage, RequestPage, RunsPage
from frontend.citizen.need_wording import document_name, request_rows, rule, run_line
from frontend.citizen.rendering import SHARED, key_of, new_key, page, see, words_of
from frontend.citizen.views import ShownError
from frontend.citizen.who import kinds_of
from frontend.citizen.words import Words

_OPEN = (RequestStatus.ASKED, RequestStatus.CONFIRMED)


async def show_form(request: web.Request) -> web.Response:
    words = words_of(request)
    marked = await request.app[ALLOCATION].service(path_number(request, "service"))
    if not marked.is_on:
        return see(f"/{words.language}/services/{marked.service_id}")
    return page(
        request,
        "need",
        await _form(request, words, marked, NeedForm(values={"language": words.language})),
        cache=SHARED,
    )


async def send_form(request: web.Request) -> web.Response:
    words, fields = words_of(request), await form(request)
    marked = await request.app[ALLOCATION].marked(path_number(request, "service"))
    asks = await request.app[ALLOCATION].asks(marked.service_id)
    key, offices = key_of(fields), await _offices(request, marked)
    typed = read_need(words, marked.service_id, fields, offices, asks)
    given = typed.given
    if given is None:
        return page(request, "need", await _form(request, words, marked, typed), status=422)
    try:
        await request.app[ALLOCATION].ask(given, key, address=address_of(request))
    except RequestedTooOften as refusal:
        often = replace(typed, wrong={"email": refusal.message})
        return page(request, "need", await _form(request, words, marked, often), status=refusal.status)
    except NobodyResponsible:
        return page(request, "need", await _form(request, words, marked, typed.nobody_responsible(asks)), status=422)
    return see(f"/{words.language}/need/sent")


async def sent(request: web.Request) -> web.Response:
    words = words_of(request)
    text = words._(
        "We have sent you an e-mail with a link. Your request counts once you open it and confirm the request."
    )
    view = NoticePage(frame=frame(words, words._("Please look into your e-mail"), "/need/sent"), text=text)
    return page(request, "need_notice", view, cache=SHARED)


async def arrive(request: web.Request) -> web.Response:
    """The link of the e-mail: its token goes on as a cookie; nothing else changes."""
    words, ident, token = words_of(request), path_id(request, "request"), request.match_info["token"]
    if not await request.app[ALLOCATION].authorise(ident, token):
        raise Unauthenticated
    response = see(f"/{words.language}/requests/{ident}")
    set_token_cookie(request, response, "request", ident, token)
    return response


async def show_request(request: web.Request) -> web.Response:
    return await _request(request)


async def send_document(request: web.Request) -> web.Response:
    words, ident = words_of(request), path_id(request, "request")
    try:
        fields, raw = await upload(request, FILE, MOST_BODY_BYTES)
    except FileTooLarge as error:  # as a telephone's photo may be: another can be chosen at once
        return await _request(request, problem=DocumentTooLarge.message, status=error.status)
    try:
        await request.app[DOCUMENTS].add(ident, raw, key_of(fields))
    except DomainError as error:
        return await _request(request, problem=error.message)
    return see(f"/{words.language}/requests/{ident}")


async def remove_document(request: web.Request) -> web.Response:
    words, ident = words_of(request), path_id(request, "request")
    await request.app[DOCUMENTS].remove(ident, path_id(request, "document"))
    return see(f"/{words.language}/requests/{ident}")


async def _request(request: web.Request, *, problem: str = "", status: int = 422) -> web.Response:
    words, ident = words_of(request), path_id(request, "request")
    row = await request.app[ALLOCATION].find(ident)
    marked = await request.app[ALLOCATION].service(row.service_id)
    here = f"/requests/{ident}"
    is_new, is_open = row.status is RequestStatus.UNVERIFIED, row.status in _OPEN
    documents = (await request.app[DOCUMENTS].of([ident]))[ident]
    errors = (ShownError(field=FILE, message=words._(problem)),) if problem else ()
    title = words._("Confirm your request") if is_new else words._("Your request")
    view = RequestPage(
        frame=frame(words, title, here, errors=errors),
        text=words._("Your request counts only once you confirm it here.") if is_new else "",
        rows=request_rows(words, row, words.pick(marked.name)),
        explained=tuple(await request.app[RUNS].explain_newest(row, words.language)),
        documents=tuple(
            DocumentLine(
                name=document_name(words, n, one),
                remove_action=f"/{words.language}{here}/documents/{one.id}/remove" if is_open else "",
            )
            for n, one in enumerate(documents, 1)
        ),
        send_action=f"/{words.language}{here}/documents" if is_open else "",
        messages={error.field: error.message for error in errors},
        verify_action=f"/{words.language}{here}/verify" if is_new else "",
        withdraw_action=f"/{words.language}{here}/withdraw" if is_open else "",
        request_key=new_key(),
        runs_url=f"/{words.language}/need/runs",
    )
    return page(request, "need_request", view, status=status if problem else 200)


async def verify(request: web.Request) -> web.Response:
    words, ident = words_of(request), path_id(request, "request")
    await request.app[ALLOCATION].verify(ident)
    return see(f"/{words.language}/requests/{ident}")


async def withdraw(request: web.Request) -> web.Response:
    words, ident = words_of(request), path_id(request, "request")
    await request.app[ALLOCATION].withdraw(ident)
    return see(f"/{words.language}/requests/{ident}")


async def show_runs(request: web.Request) -> web.Response:
    words = words_of(request)
    names = {one.service_id: words.pick(one.name) for one in await request.app[ALLOCATION].services()}
    rows = await request.app[RUNS].runs()
    former = await request.app[RUNS].former_seeds([row.id for row in rows])
    runs = tuple(run_line(words, row, names[row.service_id], former[row.id]) for row in rows)
    view = RunsPage(
        frame=frame(words, words._("Appointments given out by need: what is published"), "/need/runs"), runs=runs
    )
    return page(request, "need_runs", view, cache=SHARED)


async def _form(request: web.Request, words: Words, marked: Marked, typed: NeedForm) -> NeedPage:
    path = f"/need/{marked.service_id}"
    messages = {name: words._(text) for name, text in typed.wrong.items()}
    errors = tuple(ShownError(field=name, message=text) for name, text in messages.items())
    return NeedPage(
        frame=frame(
            words,
            words._("Ask for an appointment: {service}", service=words.pick(marked.name)),
            path,
            errors=errors,
            back_url=f"/{words.language}/",
        ),
        rule=rule(words, marked),
        action=f"/{words.language}{path}",
        request_key=new_key(),
        values=typed.values,
        messages=messages,
        languages=typed.language_ticks(),
        offices=typed.office_ticks(words, await _offices(request, marked)),
        times=typed.time_ticks(words),
        asks=await request.app[ALLOCATION].asks(marked.service_id),
        kinds=await kinds_of(request, [marked.service_id], typed.values.get("kind", "")),
        runs_url=f"/{words.language}/need/runs",
    )


async def _offices(request: web.Request, marked: Marked) -> list[Office]:
    return offering(await request.app[CATALOGUE].service(marked.service_id))
