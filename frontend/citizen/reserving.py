"""The click on a time: the check where its service is guarded, then the reservation; or the page that says why there is none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from aiohttp import web
from multidict import MultiMapping

from base.errors import NotFound
from base.web import clear_token_cookie, token_cookies
from booking.holds.endpoints import HOLDS
from booking.holds.model import Hold
from booking.holds.refusals import HoldInUse, PassNeeded, SlotTaken, StartNotOffered, TooBusy
from frontend.citizen.busy import busy_page
from frontend.citizen.checking import ask, check, keep
from frontend.citizen.choosing import Wanted, Why
from frontend.citizen.contact_form import ContactForm
from frontend.citizen.gone import again
from frontend.citizen.rendering import key_of, page, words_of


async def reserve(
    request: web.Request,
    fields: MultiMapping[str],
    wanted: Wanted,
    slot: tuple[int, datetime],
    then: Callable[[Hold], Awaitable[web.Response]],
    typed: ContactForm | None = None,
) -> web.Response:
    """`then` answers once the time is held. `typed`: details that go along where it is gone."""
    office_id, starts_at = slot
    entry, question = await check(request, fields, wanted)
    if question is not None:
        return question
    try:
        hold = await request.app[HOLDS].hold(
            wanted.service_id,
            wanted.channel,
            office_id,
            starts_at,
            str(key_of(fields)),
            visit=wanted.visit,
            entry=entry,
        )
    except PassNeeded:
        return ask(request, fields, wanted)
    except TooBusy:
        return page(request, "busy", busy_page(words_of(request), tuple(fields.items()), wanted.path))
    except (SlotTaken, StartNotOffered):  # not offered any more: the page was open until the time had passed
        response = await again(request, wanted, office_id, starts_at, typed, Why.TAKEN)
        keep(request, response, entry, is_used=False)
        return response
    response = await then(hold)
    keep(request, response, entry, is_used=True)
    await release_others(request, response, hold)
    return response


async def release_others(request: web.Request, response: web.Response, chosen: Hold) -> None:
    """Who chooses another time no longer wants the one before. What has become a case stays, and so does its cookie."""
    holds = request.app[HOLDS]
    for ident, token in token_cookies(request, "hold").items():
        if ident == chosen.id:
            continue
        if await holds.authorise(ident, token):
            try:
                await holds.release(ident)
            except HoldInUse:
                continue
            except NotFound:
                pass
        clear_token_cookie(request, response, "hold", ident)
