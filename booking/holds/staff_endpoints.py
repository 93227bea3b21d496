"""Holds by staff over HTTP: from what is kept for them, or, with a reason, although there is no time."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from base.errors import Invalid
from base.web import CLOCK, NO_STORE, STAFF, Endpoint, body, can, path_number, query, reply
from base.web.repeating import KeyNeeded, idempotency_key
from booking.availability.endpoints import (
    AVAILABILITY,
    Day,
    Id,
    KindOfMatter,
    Others,
    Postcode,
    Quantity,
    SlotsOut,
    Surname,
    checked_window,
    who_of,
)
from booking.availability.model import Audience, Visit
from booking.availability.offering import NobodyResponsible, NotOffered, TooMany, TwiceInAVisit
from booking.catalogue.model import Channel
from booking.holds.endpoints import HOLDS, HoldOut, VisitIn
from booking.holds.model import Override
from booking.holds.refusals import NoOverrideNeeded, SlotTaken, StartNotOffered, TooFarAhead

_OFFICE = "/api/offices/{office}"


class StaffSlotsQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    service: Id
    channel: Channel
    quantity: Quantity = 1
    also: Others = []
    from_day: Day = Field(alias="from")
    to_day: Day = Field(alias="to")
    surname: Surname = ""
    postcode: Postcode = ""
    kind: KindOfMatter = ""


class _PlaceIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    service: Id
    channel: Channel
    starts_at: AwareDatetime


class StaffHoldIn(_PlaceIn, VisitIn):
    pass


class OverrideIn(_PlaceIn):
    counter: Id
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


async def list_staff_slots(request: web.Request) -> web.Response:
    asked, office = query(request, StaffSlotsQuery), path_number(request, "office")
    availability = request.app[AVAILABILITY]
    visit = Visit(asked.quantity, tuple(asked.also), who_of(asked.surname, asked.postcode, asked.kind))
    _offer, offices = availability.get_offer(asked.service, asked.channel, [office], visit)
    window = checked_window(request.app[CLOCK](), asked.from_day, asked.to_day, offices)
    slots = availability.slots(asked.service, asked.channel, [office], window, Audience.STAFF, visit)
    return reply(SlotsOut.of(slots), headers=NO_STORE)


async def make_staff_hold(request: web.Request) -> web.Response:
    key, wanted = idempotency_key(request), await body(request, StaffHoldIn)
    office = path_number(request, "office")
    hold = await request.app[HOLDS].hold(
        wanted.service, wanted.channel, office, wanted.starts_at, f"staff:{key}", Audience.STAFF, wanted.visit
    )
    return reply(HoldOut.of(hold), status=201, headers={"Location": f"/api/holds/{hold.id}", **NO_STORE})


async def make_override(request: web.Request) -> web.Response:
    key, wanted = idempotency_key(request), await body(request, OverrideIn)
    asked = Override(
        service_id=wanted.service,
        channel=wanted.channel,
        office_id=path_number(request, "office"),
        counter_id=wanted.counter,
        starts_at=wanted.starts_at,
        reason=wanted.reason,
        by=request[STAFF].account_id,
    )
    hold = await request.app[HOLDS].override(asked, key)
    return reply(HoldOut.of(hold), status=201, headers={"Location": f"/api/holds/{hold.id}", **NO_STORE})


ENDPOINTS = [
    Endpoint(
        method="GET",
        path=f"{_OFFICE}/slots",
        handler=list_staff_slots,
        who=can("hold.staff", "office"),
        summary="Free times for staff of the office: also what is kept for them or not released yet; with surname, postcode or kind "
        "those of the counters responsible, without of all",
        query=StaffSlotsQuery,
        params={"office": int},
        gives={200: SlotsOut},
        refuses=(NotOffered, NobodyResponsible, TooMany, TwiceInAVisit, Invalid),
    ),
    Endpoint(
        method="POST",
        path=f"{_OFFICE}/holds",
        handler=make_staff_hold,
        who=can("hold.staff", "office"),
        summary="Reserve a time for somebody at the counter or on the telephone",
        takes=StaffHoldIn,
        params={"office": int},
        headers={"Idempotency-Key": True},
        gives={201: HoldOut},
        refuses=(KeyNeeded, NotOffered, NobodyResponsible, StartNotOffered, SlotTaken, TooMany, TwiceInAVisit, Invalid),
    ),
    Endpoint(
        method="POST",
        path=f"{_OFFICE}/overrides",
        handler=make_override,
        who=can("hold.override", "office"),
        summary="Reserve a time although it is taken or outside of hours; the reason and who it was are kept",
        takes=OverrideIn,
        params={"office": int},
        headers={"Idempotency-Key": True},
        gives={201: HoldOut},
        refuses=(KeyNeeded, NotOffered, StartNotOffered, TooFarAhead, NoOverrideNeeded, Invalid),
    ),
]
