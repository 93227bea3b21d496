"""Requests by need for people who call or come by, over HTTP: entered, looked up by their number, withdrawn for them."""

from __future__ import annotations

from uuid import UUID, uuid5

from aiohttp import web
from pydantic import BaseModel, Field

from base.errors import Invalid, NotFound
from base.i18n import best_language
from base.web import NO_STORE, STAFF, Endpoint, body, can, path_number, reply
from base.web.repeating import KeyNeeded, idempotency_key
from booking.allocation.endpoints import ALLOCATION, RUNS, RequestIn, RequestOut
from booking.allocation.store import RequestRow
from booking.allocation.usecases import AskedAlready, NotAsking, NotByNeed, PlacedAlready, TooManyWindows
from booking.availability.offering import NobodyResponsible
from booking.catalogue.endpoints import CATALOGUE

_KEYS = UUID("b7b04a0f-6a76-4a3c-9f0a-6f6b5f6b2d57")
_REQUESTS = "/api/offices/{office}/allocation/requests"


class DeskRequestOut(BaseModel):
    request: RequestOut
    is_called: bool = Field(description="Has no e-mail address: what comes of it is said by staff")
    explained: list[str] = Field(description="Why this rank in the newest result; empty where it was in none")


async def enter(request: web.Request) -> web.Response:
    by = request[STAFF].account_id
    key = uuid5(_KEYS, f"{by}:{idempotency_key(request)}")
    await _at_office(request)
    wanted = await body(request, RequestIn)
    ident = await request.app[ALLOCATION].ask(wanted.asked(), key, entered_by=by)
    return await _reply(request, await request.app[ALLOCATION].find(ident), 201)


async def show_entered(request: web.Request) -> web.Response:
    return await _reply(request, await _found(request))


async def withdraw_entered(request: web.Request) -> web.Response:
    row = await _found(request)
    await request.app[ALLOCATION].withdraw(row.id)
    return await _reply(request, await request.app[ALLOCATION].find(row.id))


async def _at_office(request: web.Request) -> None:
    if path_number(request, "office") not in (await request.app[CATALOGUE].snapshot()).offices:
        raise NotFound


async def _found(request: web.Request) -> RequestRow:
    await _at_office(request)
    row = await request.app[ALLOCATION].find_by_number(request.match_info["number"])
    if row is None:
        raise NotFound
    return row


async def _reply(request: web.Request, row: RequestRow, status: int = 200) -> web.Response:
    language = best_language(request.headers.get("Accept-Language", ""))
    explained = await request.app[RUNS].explain_newest(row, language)
    found = DeskRequestOut(request=RequestOut.of(row), is_called=row.is_called, explained=explained)
    return reply(found, status=status, headers=NO_STORE)


_WHO = can("hold.staff", "office")
_ONE = {"office": int, "number": str}

ENDPOINTS = [
    Endpoint(
        method="POST",
        path=_REQUESTS,
        handler=enter,
        who=_WHO,
        summary="Ask for an appointment by need for somebody; without an e-mail address the request counts at once",
        params={"office": int},
        takes=RequestIn,
        headers={"Idempotency-Key": True},
        gives={201: DeskRequestOut},
        refuses=(
            KeyNeeded,
            NotFound,
            NotByNeed,
            TooManyWindows,
            AskedAlready,
            PlacedAlready,
            NobodyResponsible,
            Invalid,
        ),
    ),
    Endpoint(
        method="GET",
        path=f"{_REQUESTS}/{{number}}",
        handler=show_entered,
        who=_WHO,
        summary="A request by the number that its person reads out, with its rank explained",
        params=_ONE,
        gives={200: DeskRequestOut},
        refuses=(NotFound,),
    ),
    Endpoint(
        method="POST",
        path=f"{_REQUESTS}/{{number}}/withdraw",
        handler=withdraw_entered,
        who=_WHO,
        summary="Withdraw a request for its person; may be repeated",
        params=_ONE,
        gives={200: DeskRequestOut},
        refuses=(NotFound, NotAsking),
    ),
]
