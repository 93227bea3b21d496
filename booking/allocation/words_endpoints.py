"""Whom staff have to tell what became of their request by need, over HTTP."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field

from base.errors import NotFound
from base.web import NO_STORE, STAFF, Endpoint, can, path_number, reply
from booking.allocation.words import Call, NothingToBook, PaidByLink, Words

WORDS: web.AppKey[Words] = web.AppKey("WORDS", Words)
_CALLS = "/api/allocation/calls"


class GivenOut(BaseModel):
    appointment: UUID
    number: str
    office: int
    starts_at: datetime
    status: str
    hold_until: datetime | None


class CallOut(BaseModel):
    id: int
    request: UUID
    number: str
    status: str
    given: GivenOut | None = Field(
        description="What a run has given; None: nothing, the request stays in the list or has ended"
    )
    next_on: date | None = Field(description="When the next list closes, about")

    @classmethod
    def of(cls, call: Call) -> CallOut:
        case = call.case
        given = None
        if case is not None:
            given = GivenOut(
                appointment=case.id,
                number=case.number,
                office=case.office_id,
                starts_at=case.starts_at,
                status=case.status,
                hold_until=case.hold_until,
            )
        row = call.request
        return cls(
            id=call.id, request=row.id, number=row.public_id, status=row.status, given=given, next_on=call.next_on
        )


class CallsOut(BaseModel):
    calls: list[CallOut]


async def show_calls(request: web.Request) -> web.Response:
    return await _reply(request)


async def say(request: web.Request) -> web.Response:
    await request.app[WORDS].say(path_number(request, "call"), request[STAFF].account_id)
    return await _reply(request)


async def book_for(request: web.Request) -> web.Response:
    await request.app[WORDS].book(path_number(request, "call"), request[STAFF].account_id)
    return await _reply(request)


async def _reply(request: web.Request) -> web.Response:
    calls = [CallOut.of(one) for one in await request.app[WORDS].calls()]
    return reply(CallsOut(calls=calls), headers=NO_STORE)


_WHO = can("allocation.check")

ENDPOINTS = [
    Endpoint(
        method="GET",
        path=_CALLS,
        handler=show_calls,
        who=_WHO,
        summary="People without e-mail who have to be told what became of their requests",
        gives={200: CallsOut},
    ),
    Endpoint(
        method="POST",
        path=f"{_CALLS}/{{call}}/said",
        handler=say,
        who=_WHO,
        summary="Somebody was told; may be repeated",
        params={"call": int},
        gives={200: CallsOut},
        refuses=(NotFound,),
    ),
    Endpoint(
        method="POST",
        path=f"{_CALLS}/{{call}}/book",
        handler=book_for,
        who=_WHO,
        summary="Book for somebody what a run has given, where it costs nothing; may be repeated",
        params={"call": int},
        gives={200: CallsOut},
        refuses=(NotFound, NothingToBook, PaidByLink),
    ),
]
