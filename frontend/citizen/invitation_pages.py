"""Handlers of an invitation: come by its link or its code, choose a time of its window; from there the way is everybody's."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, Field

from base.i18n import mark as _
from base.web import form, path_id, query, set_token_cookie, token_cookies
from booking.appointments.invited import InvitationOver, InvitationUsed
from booking.availability.endpoints import who_of
from booking.availability.model import Who
from booking.availability.offering import NobodyResponsible, NotOffered, WhoNeeded
from booking.catalogue.endpoints import CATALOGUE
from booking.holds.refusals import SlotTaken, StartNotOffered
from booking.invitations.endpoints import INVITATIONS
from booking.invitations.model import Invitation
from booking.invitations.usecases import InvitationUnknown
from frontend.citizen.frame import TIME, frame
from frontend.citizen.invitation_wording import HERE, invited_page
from frontend.citizen.letter_code import CodePage, letter_code_page
from frontend.citizen.rendering import SHARED, key_of, new_key, page, see, words_of
from frontend.citizen.reserving import release_others
from frontend.citizen.sent import slot_of
from frontend.citizen.views import ShownError
from frontend.citizen.who import FIELDS, NEEDED, WhoPage, kinds_of
from frontend.citizen.words import Words

_LINK_UNKNOWN = _("This link is known no longer. Please type in the code of your letter, or call us.")


class CodeQuery(BaseModel):
    unknown: bool = False  # came by a link that opens nothing any more


class DayQuery(BaseModel):
    day: date | None = None
    over: bool = False  # the reservation has run out
    letters: Annotated[str, Field(max_length=100)] = ""
    postcode: Annotated[str, Field(max_length=20)] = ""
    kind: Annotated[str, Field(max_length=60)] = ""


async def show_code(request: web.Request) -> web.Response:
    words = words_of(request)
    problem = words._(_LINK_UNKNOWN) if query(request, CodeQuery).unknown else ""
    return page(request, "letter_code", code_page(words, "", problem), cache=SHARED)


async def send_code(request: web.Request) -> web.Response:
    words, fields = words_of(request), await form(request)
    key_of(fields)
    typed = fields.get("code", "").strip()[:100]
    try:
        ident, token = await request.app[INVITATIONS].open(typed)
    except InvitationUnknown as refusal:
        return page(request, "letter_code", code_page(words, typed, words._(refusal.message)), status=422)
    response = see(f"/{words.language}{HERE}/{ident}")
    set_token_cookie(request, response, "invitation", ident, token)
    return response


def code_page(words: Words, typed: str, problem: str) -> CodePage:
    lead = words._("We have invited you by letter to choose an appointment. Its code stands below the link.")
    return letter_code_page(words, HERE, words._("Your invitation"), lead, typed, problem)


async def arrive(request: web.Request) -> web.Response:
    """The link of a message: its token leaves the address at once and goes on as a cookie; nothing else changes."""
    words, token = words_of(request), request.match_info["token"]
    ident = await request.app[INVITATIONS].find_by_token(token)
    if ident is None:
        return see(f"/{words.language}{HERE}?unknown=1")
    response = see(f"/{words.language}{HERE}/{ident}")
    set_token_cookie(request, response, "invitation", ident, token)
    return response


async def show(request: web.Request) -> web.Response:
    asked = query(request, DayQuery)
    who = who_of(asked.letters, asked.postcode, asked.kind)
    return await _page(request, asked.day, who, has_run_out=asked.over)


async def hold(request: web.Request) -> web.Response:
    words, ident, fields = words_of(request), path_id(request, "invitation"), await form(request)
    key, (_office, starts_at) = key_of(fields), slot_of(fields, "slot")
    who = who_of(*(fields.get(name, "")[:100] for name in FIELDS))
    try:
        made = await request.app[INVITATIONS].hold(ident, starts_at, str(key), who)
    except (SlotTaken, StartNotOffered):
        return await _page(request, starts_at.date(), who, problem=SlotTaken.message, status=409)
    except (InvitationOver, InvitationUsed):
        return see(f"/{words.language}{HERE}/{ident}")
    response = see(f"/{words.language}/holds/{made.id}")
    set_token_cookie(request, response, "hold", made.id, made.token)
    await release_others(request, response, made)
    return response


async def _page(
    request: web.Request,
    day: date | None,
    who: Who,
    *,
    problem: str = "",
    has_run_out: bool = False,
    status: int = 200,
) -> web.Response:
    words, invitations = words_of(request), request.app[INVITATIONS]
    found = await invitations.get(path_id(request, "invitation"))
    service, office = await request.app[CATALOGUE].booked(found.terms.service_id, found.terms.office_id)
    try:
        slots = await invitations.slots(found.id, who)
    except (WhoNeeded, NobodyResponsible) as refusal:
        return await _ask_who(request, found, who, refusal)
    except NotOffered:  # the office does not have the service any more
        slots = ()
    is_own = found.case_id is not None and found.case_id in token_cookies(request, "case")
    view = invited_page(
        words,
        found,
        service,
        office,
        slots,
        day,
        new_key(),
        problem=words._(problem) if problem else "",
        has_run_out=has_run_out,
        case_url=f"/{words.language}/appointments/{found.case_id}" if is_own else "",
        who=who,
    )
    return page(request, "invitation", view, status=status)


async def _ask_who(
    request: web.Request, found: Invitation, who: Who, refusal: WhoNeeded | NobodyResponsible
) -> web.Response:
    words, asks = words_of(request), request.app[INVITATIONS].asks(found.terms)
    values = {name: request.query.get(name, "")[:100] for name in FIELDS}
    is_sent = any(name in request.query for name in FIELDS)
    wrong = {name: words._(NEEDED[name]) for name in asks if is_sent and not getattr(who, name)}
    here = f"{HERE}/{found.id}"
    problem = words._(refusal.message) if isinstance(refusal, NobodyResponsible) else ""
    view = WhoPage(
        frame=frame(
            words,
            words._("Who is it for?"),
            here,
            step=TIME,
            errors=tuple(ShownError(field=name, message=text) for name, text in wrong.items()),
        ),
        action=f"/{words.language}{here}",
        hidden=(),
        asks=asks,
        kinds=await kinds_of(request, [found.terms.service_id], values["kind"]),
        values=values,
        messages=wrong,
        problem=problem,
    )
    return page(request, "who", view, status=422 if wrong or problem else 200)
