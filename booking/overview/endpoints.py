"""Lists of one's own cases over HTTP: ask for the link, use it once, read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from base.errors import Invalid, Unauthenticated
from base.web import ANYONE, NO_STORE, OVERVIEW, Endpoint, bearer, body, path_id, reply
from base.web.repeating import KeyNeeded, idempotency_key
from base.web.staff import address_of
from booking.appointments.contact import OneContact
from booking.catalogue.model import Channel
from booking.overview.model import Listed, Reach
from booking.overview.usecases import AskedTooOften, LinkOver, Overviews

OVERVIEWS: web.AppKey[Overviews] = web.AppKey("OVERVIEWS", Overviews)


class LinkIn(OneContact):
    """One of both."""


class LinkAsked(BaseModel):
    status: str = Field(
        description="Always the same, whether or not something is found: if it is, a link is on its way"
    )


class OpenIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    token: Annotated[str, Field(max_length=200, description="The last part of the link; it opens once")]


class OpenOut(BaseModel):
    id: UUID
    token: str = Field(description="Bearer token of the list")
    open_until: datetime


class ListedOut(BaseModel):
    id: UUID
    number: str
    status: str
    service: int
    office: int
    channel: Channel
    starts_at: datetime
    ends_at: datetime
    url: str = Field(description="The appointment's own link; its last part is its token")

    @classmethod
    def of(cls, listed: Listed) -> ListedOut:
        case = listed.case
        return cls(
            id=case.id,
            number=case.number,
            status=case.status,
            service=case.service_id,
            office=case.office_id,
            channel=Channel(case.channel),
            starts_at=case.starts_at,
            ends_at=case.ends_at,
            url=listed.link,
        )


class ListOut(BaseModel):
    appointments: list[ListedOut]


async def ask(request: web.Request) -> web.Response:
    key = idempotency_key(request)
    wanted = await body(request, LinkIn)
    reach = Reach.EMAIL if wanted.email else Reach.SMS
    await request.app[OVERVIEWS].ask(reach, wanted.address, wanted.language, key, address_of(request))
    return reply(LinkAsked(status="asked"), status=202, headers=NO_STORE)


async def use(request: web.Request) -> web.Response:
    key = idempotency_key(request)
    wanted = await body(request, OpenIn)
    ident, opened = await request.app[OVERVIEWS].open(wanted.token, key)
    return reply(OpenOut(id=ident, token=opened.token, open_until=opened.until), headers=NO_STORE)


async def show(request: web.Request) -> web.Response:
    ident = path_id(request, "overview")
    listed = await request.app[OVERVIEWS].cases(ident, bearer(request, "overview", ident) or "")
    return reply(ListOut(appointments=[ListedOut.of(one) for one in listed]), headers=NO_STORE)


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/my-appointments/links",
        handler=ask,
        who=ANYONE,
        summary="Have a link sent to what is booked with an e-mail address or mobile number; the answer is always the same",
        takes=LinkIn,
        headers={"Idempotency-Key": True},
        gives={202: LinkAsked},
        refuses=(KeyNeeded, AskedTooOften, Invalid),
    ),
    Endpoint(
        method="POST",
        path="/api/my-appointments",
        handler=use,
        who=ANYONE,
        summary="Use a link, once; with the same key the answer is given again",
        takes=OpenIn,
        headers={"Idempotency-Key": True},
        gives={200: OpenOut},
        refuses=(KeyNeeded, Unauthenticated, LinkOver, Invalid),
    ),
    Endpoint(
        method="GET",
        path="/api/my-appointments/{overview}",
        handler=show,
        who=OVERVIEW,
        summary="What is booked with the contact and not over, each with its own link",
        params={"overview": UUID},
        gives={200: ListOut},
        refuses=(Unauthenticated, LinkOver),
    ),
]
