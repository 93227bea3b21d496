"""Holds over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from base.errors import Invalid, NotFound, Unauthenticated
from base.web import ANYONE, HOLD, NO_STORE, Endpoint, body, path_id, reply
from base.web.repeating import KeyNeeded, idempotency_key
from base.web.staff import proven_address
from booking.availability.endpoints import MOST_OF_ONE, MOST_OTHERS, KindOfMatter, Postcode, Surname, who_of
from booking.availability.model import Item, Visit
from booking.availability.offering import NotOffered, TooMany, TwiceInAVisit
from booking.catalogue.model import Channel
from booking.holds.model import Hold
from booking.holds.refusals import PASS_REFUSALS, HoldInUse, SlotTaken, StartNotOffered, TooBusy
from booking.holds.usecases import Holds

HOLDS: web.AppKey[Holds] = web.AppKey("HOLDS", Holds)
Id = Annotated[int, Field(ge=1, lt=2**31)]

# Who knows the key of a request gets its answer, token included: so it must not be guessable.


class ItemIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    service: Id
    quantity: int = Field(default=1, ge=1, le=MOST_OF_ONE)


class VisitIn(BaseModel):
    """What one visit is for, beside its service once."""

    model_config = ConfigDict(extra="forbid")

    quantity: int = Field(default=1, ge=1, le=MOST_OF_ONE, description="Three vehicles, two persons")
    also: list[ItemIn] = Field(default=[], max_length=MOST_OTHERS, description="Other services, in this order after it")
    surname: Surname = ""
    postcode: Postcode = ""
    kind: KindOfMatter = ""

    @property
    def visit(self) -> Visit:
        also = tuple(Item(other.service, other.quantity) for other in self.also)
        return Visit(self.quantity, also, who_of(self.surname, self.postcode, self.kind))


class HoldIn(VisitIn):
    service: Id
    channel: Channel
    office: Id
    starts_at: AwareDatetime
    pass_id: UUID | None = Field(default=None, description="For a guarded service: see /api/guard/passes")


class ItemOut(BaseModel):
    service: int
    quantity: int


class MoneyOut(BaseModel):
    cents: int
    currency: str


class HoldOut(BaseModel):
    id: UUID
    token: str = Field(description="Bearer token of this hold")
    status: str
    service: int
    channel: Channel
    office: int
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime
    fee: MoneyOut = Field(description="Of all items together")
    items: list[ItemOut]
    appointment: UUID | None = None

    @classmethod
    def of(cls, hold: Hold) -> HoldOut:
        return cls(
            id=hold.id,
            token=hold.token,
            status=hold.status,
            service=hold.service_id,
            channel=Channel(hold.channel),
            office=hold.office_id,
            starts_at=hold.starts_at,
            ends_at=hold.ends_at,
            expires_at=hold.expires_at,
            fee=MoneyOut(cents=hold.fee.cents, currency=hold.fee.currency),
            items=[
                ItemOut(service=item.service_id, quantity=item.quantity)
                for item in hold.items or (Item(hold.service_id),)
            ],
            appointment=hold.appointment_id,
        )


async def make_hold(request: web.Request) -> web.Response:
    key = idempotency_key(request)
    wanted = await body(request, HoldIn)
    holds = request.app[HOLDS]
    hold = await holds.hold(
        wanted.service,
        wanted.channel,
        wanted.office,
        wanted.starts_at,
        key,
        visit=wanted.visit,
        entry=holds.entry(proven_address(request), wanted.pass_id),
    )
    return reply(HoldOut.of(hold), status=201, headers={"Location": f"/api/holds/{hold.id}", **NO_STORE})


async def show_hold(request: web.Request) -> web.Response:
    hold = await request.app[HOLDS].find(path_id(request, "hold"))
    return reply(HoldOut.of(hold), headers=NO_STORE)


async def release_hold(request: web.Request) -> web.Response:
    await request.app[HOLDS].release(path_id(request, "hold"))
    return web.Response(status=204)


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/holds",
        handler=make_hold,
        who=ANYONE,
        summary="Reserve a time for a quarter of an hour",
        takes=HoldIn,
        headers={"Idempotency-Key": True},
        gives={201: HoldOut},
        refuses=(
            *(KeyNeeded, NotOffered, StartNotOffered, SlotTaken, TooBusy, TooMany, TwiceInAVisit, Invalid),
            *PASS_REFUSALS.values(),
        ),
    ),
    Endpoint(
        method="GET",
        path="/api/holds/{hold}",
        handler=show_hold,
        who=HOLD,
        summary="A reserved time",
        params={"hold": UUID},
        gives={200: HoldOut},
        refuses=(Unauthenticated, NotFound),
    ),
    Endpoint(
        method="DELETE",
        path="/api/holds/{hold}",
        handler=release_hold,
        who=HOLD,
        summary="Give a reserved time back",
        params={"hold": UUID},
        gives={204: None},
        refuses=(Unauthenticated, NotFound, HoldInUse),
    ),
]
