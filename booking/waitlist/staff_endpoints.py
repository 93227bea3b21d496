"""The earlier-time list for somebody who calls, over HTTP: staff put the appointment on it, take it off and answer an offer."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from base.errors import Invalid, NotFound
from base.web import NO_STORE, Endpoint, body, can, path_id, path_number, reply
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.moving import CallOver, HasArrived, NotMovable
from booking.holds.refusals import GivenOutByNeed
from booking.waitlist.endpoints import WAITLIST, StandingOut, WishIn
from booking.waitlist.usecases import NobodyToTell, NotWaiting, OfferOver, OffersUsedUp, SeveralParts


async def show_for(request: web.Request) -> web.Response:
    standing = await request.app[WAITLIST].standing(await _case_id(request))
    return reply(StandingOut.of(standing), headers=NO_STORE)


async def join_for(request: web.Request) -> web.Response:
    wish = (await body(request, WishIn)).wish()
    standing = await request.app[WAITLIST].join(await _case_id(request), wish)
    return reply(StandingOut.of(standing), headers=NO_STORE)


async def leave_for(request: web.Request) -> web.Response:
    standing = await request.app[WAITLIST].leave(await _case_id(request))
    return reply(StandingOut.of(standing), headers=NO_STORE)


async def accept_for(request: web.Request) -> web.Response:
    """The appointment may be another office's then, and is not this one's to look at any more."""
    ident = await _case_id(request)
    await request.app[WAITLIST].accept(ident, path_id(request, "offer"))
    return reply(StandingOut.of(await request.app[WAITLIST].standing(ident)), headers=NO_STORE)


async def decline_for(request: web.Request) -> web.Response:
    ident = await _case_id(request)
    await request.app[WAITLIST].decline(ident, path_id(request, "offer"))
    return reply(StandingOut.of(await request.app[WAITLIST].standing(ident)), headers=NO_STORE)


async def _case_id(request: web.Request) -> UUID:
    found = await request.app[APPOINTMENTS].at_office(path_number(request, "office"), request.match_info["number"])
    return found.id


_WHO = can("hold.staff", "office")
_LIST = "/api/offices/{office}/appointments/{number}/waitlist"
_PARAMS = {"office": int, "number": str}
_OFFER = {**_PARAMS, "offer": UUID}

ENDPOINTS = [
    Endpoint(
        method="GET",
        path=_LIST,
        handler=show_for,
        who=_WHO,
        summary="Whether a caller's appointment is on the list for earlier times, and what is on offer to it",
        params=_PARAMS,
        gives={200: StandingOut},
        refuses=(NotFound,),
    ),
    Endpoint(
        method="POST",
        path=_LIST,
        handler=join_for,
        who=_WHO,
        summary="Wish for an earlier time for the person; may be repeated",
        params=_PARAMS,
        takes=WishIn,
        gives={200: StandingOut},
        refuses=(NotFound, NotWaiting, NobodyToTell, OffersUsedUp, GivenOutByNeed, SeveralParts, Invalid),
    ),
    Endpoint(
        method="POST",
        path=f"{_LIST}/leave",
        handler=leave_for,
        who=_WHO,
        summary="Leave the list for the person; may be repeated",
        params=_PARAMS,
        gives={200: StandingOut},
        refuses=(NotFound,),
    ),
    Endpoint(
        method="POST",
        path=f"{_LIST}/offers/{{offer}}/accept",
        handler=accept_for,
        who=_WHO,
        summary="Take the earlier time for the person; may be repeated while the appointment is this office's",
        params=_OFFER,
        gives={200: StandingOut},
        refuses=(NotFound, OfferOver, NotMovable, HasArrived, CallOver),
    ),
    Endpoint(
        method="POST",
        path=f"{_LIST}/offers/{{offer}}/decline",
        handler=decline_for,
        who=_WHO,
        summary="Let an earlier time go to the next for the person; may be repeated",
        params=_OFFER,
        gives={200: StandingOut},
        refuses=(NotFound,),
    ),
]
