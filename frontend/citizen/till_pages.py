"""Handlers for paying at a till instead: what is offered, the code, and that it is chosen."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web
from pydantic import BaseModel

from base.errors import Conflict, DomainError, Gone, Malformed, NotFound, Unavailable
from base.web import SETTINGS, form, path_id, query
from base.web.staff import address_of
from booking.appointments.endpoints import APPOINTMENTS, TILL_HOLDS
from booking.appointments.model import Case
from booking.appointments.till_holds import TillOffer, Way
from booking.appointments.unasked import CodeWrong, SentTooOften
from frontend.citizen.rendering import chosen, key_of, new_key, page, see, words_of
from frontend.citizen.till_views import code_page, till_page


class CodeQuery(BaseModel):
    code_id: UUID


async def show(request: web.Request) -> web.Response:
    """Nothing is offered: the case's page says how it stands."""
    return await _show(request)


async def send_code(request: web.Request) -> web.Response:
    ident, fields = path_id(request, "appointment"), await form(request)
    key = key_of(fields)
    if fields.get("way") not in set(Way):
        raise Malformed
    try:
        sent = await request.app[TILL_HOLDS].send_code(ident, Way(fields["way"]), str(key), address_of(request))
    except (Conflict, SentTooOften) as refusal:
        return await _show(request, refusal)
    return see(f"{_case_url(request)}/till/code?code_id={sent.id}")


async def ask_code(request: web.Request) -> web.Response:
    case, offered = await _offered(request)
    if offered is None:
        return see(_case_url(request))
    return await _code(request, case, offered, query(request, CodeQuery).code_id)


async def choose(request: web.Request) -> web.Response:
    """With a code, or without one where it was chosen before."""
    ident, fields = path_id(request, "appointment"), await form(request)
    key_of(fields)
    till_holds, url = request.app[TILL_HOLDS], f"{request.app[SETTINGS].public_url}{_case_url(request)}/paid"
    try:
        if "code_id" in fields:
            await till_holds.begin(ident, url, _ident(fields["code_id"]), fields.get("code", "")[:20])
        else:
            await till_holds.again(ident, url)
    except CodeWrong as refusal:
        case, offered = await _offered(request)
        if offered is None:
            return see(_case_url(request))
        wrong = words_of(request)._(refusal.message)
        return await _code(request, case, offered, _ident(fields["code_id"]), fields.get("code", "")[:20], wrong)
    except (Conflict, Unavailable) as refusal:
        return await _show(request, refusal)
    except Gone:
        pass  # its page says so
    return see(_case_url(request))


async def _show(request: web.Request, refusal: DomainError | None = None) -> web.Response:
    case, offered = await _offered(request)
    if offered is None:
        return see(_case_url(request))
    words = words_of(request)
    problem = words._(refusal.message) if refusal else ""
    view = till_page(
        words, f"/appointments/{case.id}", await chosen(request, case), offered, new_key(), problem=problem
    )
    return page(request, "till", view, status=refusal.status if refusal else 200)


async def _code(
    request: web.Request, case: Case, offered: TillOffer, code_id: UUID, typed: str = "", wrong: str = ""
) -> web.Response:
    words, what = words_of(request), await chosen(request, case)
    sent_to, until = await request.app[TILL_HOLDS].sent(case.id, code_id)
    view = code_page(
        words,
        f"/appointments/{case.id}",
        what,
        offered,
        hidden=(("code_id", str(code_id)), ("request_key", new_key())),
        sent_to=sent_to,
        until=words.clock(until, what.office.time_zone),
        typed=typed,
        wrong=wrong,
    )
    return page(request, "till_code", view, status=422 if wrong else 200)


async def _offered(request: web.Request) -> tuple[Case, TillOffer | None]:
    ident = path_id(request, "appointment")
    return await request.app[APPOINTMENTS].case(ident), await request.app[TILL_HOLDS].offer(ident)


def _case_url(request: web.Request) -> str:
    return f"/{words_of(request).language}/appointments/{path_id(request, 'appointment')}"


def _ident(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None
