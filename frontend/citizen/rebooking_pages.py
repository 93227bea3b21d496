"""Handlers for whoever is in the way of a closing: arrive by the message's link, look, answer. A link alone answers nothing."""

from __future__ import annotations

from aiohttp import web
from pydantic import BaseModel

from base.errors import DomainError, NotFound, Unauthenticated
from base.i18n import mark as _
from base.web import form, path_id, query, set_token_cookie
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.model import Case
from booking.catalogue.endpoints import CATALOGUE
from booking.rebooking.endpoints import REBOOKINGS
from booking.rebooking.model import RebookingStatus
from frontend.citizen.rebooking import CANCEL, OTHER, case_url, rebooking_page
from frontend.citizen.rendering import chosen, key_of, new_key, page, see, words_of

_NUMBERS = frozenset("123")
_NOTHING = _("Please choose one of the times, or one of the other ways.")


class AnswerQuery(BaseModel):
    answer: str = ""


async def arrive(request: web.Request) -> web.Response:
    """The token leaves the address at once and goes on as a cookie; what was chosen in the message is asked for once more."""
    words, token = words_of(request), request.match_info["token"]
    ident = await request.app[APPOINTMENTS].find_by_token(token)
    if ident is None:
        raise Unauthenticated
    answer = request.match_info.get("answer", "")
    known = answer in _NUMBERS or answer in (OTHER, CANCEL)
    response = see(f"{case_url(words, ident)}/rebooking" + (f"?answer={answer}#question" if known else ""))
    set_token_cookie(request, response, "case", ident, token)
    return response


async def show(request: web.Request) -> web.Response:
    return await _show(request, query(request, AnswerQuery).answer)


async def answer(request: web.Request) -> web.Response:
    words, ident, fields = words_of(request), path_id(request, "appointment"), await form(request)
    key_of(fields)
    given, rebookings = fields.get("answer", ""), request.app[REBOOKINGS]
    try:
        if given in _NUMBERS:
            await rebookings.accept(ident, int(given))
        elif given == OTHER:
            await rebookings.decline(ident)
            return see(f"{case_url(words, ident)}/rebooking")
        elif given == CANCEL:
            await rebookings.cancel(ident)
        else:
            return await _show(request, "", _NOTHING, 422)
    except DomainError as refusal:
        if isinstance(refusal, NotFound):
            raise
        return await _show(request, "", refusal.message, refusal.status)
    return see(case_url(words, ident))


async def _show(request: web.Request, answer: str, problem: str = "", status: int = 200) -> web.Response:
    """What is settled stands on the appointment's own page."""
    words, ident = words_of(request), path_id(request, "appointment")
    found = await request.app[REBOOKINGS].of_case(ident)
    if found is None:
        raise NotFound
    rebooking, offered = found
    if not rebooking.status.is_open:
        return see(case_url(words, ident))
    case = await request.app[APPOINTMENTS].case(ident)
    view = rebooking_page(
        words,
        rebooking,
        offered,
        {office.id: office for office in await request.app[CATALOGUE].offices()},
        new_key(),
        answer=answer,
        times_url=await _times_url(request, case, rebooking.status),
        is_disputed=case.is_disputed,
        problem=words._(problem) if problem else "",
    )
    return page(request, "rebooking", view, status=status)


async def _times_url(request: web.Request, case: Case, status: RebookingStatus) -> str:
    """Where one looks for another time by oneself; only who has said that none of ours suits is sent there."""
    if status is not RebookingStatus.DECLINED or not case.moves_left or case.starts_at <= words_of(request).now:
        return ""
    return (await chosen(request, case)).times_url(words_of(request).language, moves=case.id)
