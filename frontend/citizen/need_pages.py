"""Handlers of need-based allocation: ask, come by the link, confirm, look, withdraw; and what is published of the runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any

from aiohttp import web
from multidict import MultiMapping

from base.errors import Unauthenticated
from base.i18n import LANGUAGES
from base.i18n import mark as _
from base.web import form, path_id, path_number, set_token_cookie
from booking.allocation.endpoints import ALLOCATION, RUNS
from booking.allocation.model import RequestStatus, Window
from booking.allocation.store import Marked
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.model import Channel, Office
from frontend.citizen.contact_form import read
from frontend.citizen.frame import frame
from frontend.citizen.need_views import NeedPage, NoticePage, RequestPage, RunsPage
from frontend.citizen.need_wording import read_date, request_rows, rule, run_line
from frontend.citizen.rendering import SHARED, key_of, new_key, page, see, words_of
from frontend.citizen.views import ShownError, Tick
from frontend.citizen.words import Words

_DAYS = (1, 2, 3, 4, 5)
_TIMES: Mapping[str, tuple[str, Window]] = {
    "morning": (_("Mornings, until noon"), Window(_DAYS, time(0), time(12))),
    "afternoon": (_("Afternoons, from noon"), Window(_DAYS, time(12), time(23, 59))),
}
_OPEN = (RequestStatus.ASKED, RequestStatus.CONFIRMED)
_WRONG = {
    "birth_date": _("Enter your date of birth"),
    "deadline": _("Enter the deadline as a date, or leave it empty"),
    "email": _("Enter an e-mail address: the link to your request goes there"),
}


async def show_form(request: web.Request) -> web.Response:
    words = words_of(request)
    marked = await request.app[ALLOCATION].service(path_number(request, "service"))
    if not marked.is_on:
        return see(f"/{words.language}/services/{marked.service_id}")
    return page(request, "need", await _form(request, words, marked, {"language": words.language}), cache=SHARED)


async def send_form(request: web.Request) -> web.Response:
    words, fields = words_of(request), await form(request)
    marked = await request.app[ALLOCATION].marked(path_number(request, "service"))
    key = key_of(fields)
    typed = read(fields, words.language, Channel.ONSITE)
    values = {
        **typed.values,
        **{name: fields.get(name, "").strip()[:500] for name in ("birth_date", "deadline", "reason")},
    }
    born, deadline = read_date(values["birth_date"]), read_date(values["deadline"])
    wrong = dict(typed.wrong)
    if born is None or not born.year >= 1900 or born > words.now.date():
        wrong["birth_date"] = _WRONG["birth_date"]
    if values["deadline"] and deadline is None:
        wrong["deadline"] = _WRONG["deadline"]
    if not values["email"]:
        wrong["email"] = _WRONG["email"]
    if wrong or typed.contact is None or born is None:
        view = await _form(
            request, words, marked, values, fields, {name: words._(text) for name, text in wrong.items()}
        )
        return page(request, "need", view, status=422)
    known = {str(office.id): office.id for office in await _offices(request, marked)}
    await request.app[ALLOCATION].ask(
        marked.service_id,
        typed.contact,
        born,
        deadline,
        values["reason"],
        tuple(known[chosen] for chosen in dict.fromkeys(fields.getall("office", [])) if chosen in known),
        tuple(window for name, (_label, window) in _TIMES.items() if name in fields.getall("time", [])),
        key,
    )
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
    words, ident = words_of(request), path_id(request, "request")
    row = await request.app[ALLOCATION].find(ident)
    marked = await request.app[ALLOCATION].service(row.service_id)
    here, runs = f"/requests/{ident}", request.app[RUNS]
    newest = next(
        (run for run in await runs.runs() if run.service_id == row.service_id and run.result is not None), None
    )
    is_new = row.status is RequestStatus.UNVERIFIED
    view = RequestPage(
        frame=frame(words, words._("Confirm your request") if is_new else words._("Your request"), here),
        text=words._("Your request counts only once you confirm it here.") if is_new else "",
        rows=request_rows(words, row, words.pick(marked.name)),
        explained=tuple(await runs.explain(newest, row.public_id, words.language)) if newest else (),
        verify_action=f"/{words.language}{here}/verify" if is_new else "",
        withdraw_action=f"/{words.language}{here}/withdraw" if row.status in _OPEN else "",
        request_key=new_key(),
        runs_url=f"/{words.language}/need/runs",
    )
    return page(request, "need_request", view)


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
    runs = tuple(run_line(words, row, names[row.service_id]) for row in await request.app[RUNS].runs())
    view = RunsPage(
        frame=frame(words, words._("Appointments given out by need: what is published"), "/need/runs"), runs=runs
    )
    return page(request, "need_runs", view, cache=SHARED)


async def _form(
    request: web.Request,
    words: Words,
    marked: Marked,
    values: Mapping[str, str],
    given: MultiMapping[str] | None = None,
    messages: Mapping[str, str] | None = None,
) -> NeedPage:
    path = f"/need/{marked.service_id}"
    ticked = {name: set(given.getall(name, [])) if given is not None else set() for name in ("office", "time")}
    errors = tuple(ShownError(field=name, message=text) for name, text in (messages or {}).items())
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
        values=values,
        messages=messages or {},
        languages=tuple(
            Tick(value=code, label=name, is_chosen=code == values["language"]) for code, name in LANGUAGES.items()
        ),
        offices=tuple(
            Tick(value=str(office.id), label=words.pick(office.name), is_chosen=str(office.id) in ticked["office"])
            for office in await _offices(request, marked)
        ),
        times=tuple(
            Tick(value=name, label=words._(label), is_chosen=name in ticked["time"])
            for name, (label, _window) in _TIMES.items()
        ),
        runs_url=f"/{words.language}/need/runs",
    )


async def _offices(request: web.Request, marked: Marked) -> list[Office]:
    detail: Any = await request.app[CATALOGUE].service(marked.service_id)
    return list({office.id: office for offices in detail.offices.values() for office in offices}.values())
