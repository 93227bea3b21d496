"""Paying at a till until a deadline, over HTTP: what is offered, the code before it, and that it is chosen."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from base.errors import Invalid, NotFound, Unauthenticated
from base.web import CASE, NO_STORE, SETTINGS, Endpoint, body, can, path_id, path_number, reply
from base.web.repeating import KeyNeeded, idempotency_key
from base.web.staff import address_of
from booking.appointments.at_till import PaymentUnderWay
from booking.appointments.endpoints import APPOINTMENTS, TILL_HOLDS
from booking.appointments.lifecycle import HoldOver
from booking.appointments.model import Case
from booking.appointments.till_holds import NoSuchWay, TillNotOffered, TooManyAtTill, Way
from booking.appointments.till_store import TillPlace
from booking.appointments.unasked import CodeWrong, SentTooOften
from payment.context import PaymentUnavailable
from payment.till.model import COUNTER


class RangeOut(BaseModel):
    start: datetime
    end: datetime


class PlaceOut(BaseModel):
    office: int
    name: dict[str, str]
    street: str
    postcode: str
    place: str
    open: list[RangeOut] = Field(description="Of the next seven days, until the deadline")

    @classmethod
    def of(cls, one: TillPlace) -> PlaceOut:
        return cls(
            office=one.office_id,
            name=one.name,
            street=one.street,
            postcode=one.postcode,
            place=one.place,
            open=[RangeOut(start=start, end=end) for start, end in one.open],
        )


class AtTillOut(BaseModel):
    pay_by: datetime | None = Field(description="Until then the time stays held; null: a till is not offered")
    because: str | None = Field(
        default=None, description="service: its service allows it; provider: online nobody can pay at the moment"
    )
    is_chosen: bool = Field(default=False, description="It waits for a till now")
    ways: list[Way] = Field(default=[], description="Where a code can be sent; none needed once it was chosen")
    kassenzeichen: str | None = Field(
        default=None, description="To be said at the till, as is the appointment's number"
    )
    places: list[PlaceOut] = []


class CodeIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    way: Way


class CodeOut(BaseModel):
    id: UUID
    good_until: datetime


class AtTillIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code_id: UUID | None = Field(default=None, description="Both, or none where it was chosen before")
    code: Annotated[str, Field(max_length=20)] | None = None


async def show_till_offer(request: web.Request) -> web.Response:
    return await _reply(request, path_id(request, "appointment"))


async def send_code(request: web.Request) -> web.Response:
    ident, key = path_id(request, "appointment"), idempotency_key(request)
    wanted = await body(request, CodeIn)
    sent = await request.app[TILL_HOLDS].send_code(ident, wanted.way, key, address_of(request))
    return reply(CodeOut(id=sent.id, good_until=sent.good_until), status=202, headers=NO_STORE)


async def choose(request: web.Request) -> web.Response:
    ident = path_id(request, "appointment")
    wanted = await body(request, AtTillIn) if request.body_exists else AtTillIn()
    till_holds, url = request.app[TILL_HOLDS], await _return_url(request, ident)
    if wanted.code_id is None:
        await till_holds.again(ident, url)
    else:
        await till_holds.begin(ident, url, wanted.code_id, wanted.code or "")
    return await _reply(request, ident)


async def choose_for(request: web.Request) -> web.Response:
    number = request.match_info["number"]
    ident = (await request.app[APPOINTMENTS].at_office(path_number(request, "office"), number)).id
    await request.app[TILL_HOLDS].begin_by_staff(ident, await _return_url(request, ident))
    return await _reply(request, ident)


async def _return_url(request: web.Request, ident: UUID) -> str:
    language = (await request.app[APPOINTMENTS].case(ident)).language
    return f"{request.app[SETTINGS].public_url}/{language}/appointments/{ident}/paid"


async def _reply(request: web.Request, ident: UUID) -> web.Response:
    offered, case = await request.app[TILL_HOLDS].offer(ident), await request.app[APPOINTMENTS].case(ident)
    if offered is None:
        return reply(AtTillOut(pay_by=None), headers=NO_STORE)
    number = kassenzeichen_at_till(case)
    made = AtTillOut(
        pay_by=offered.pay_by,
        because=offered.because.value,
        is_chosen=number is not None,
        ways=[way for way, _contact in offered.ways],
        kassenzeichen=number,
        places=[PlaceOut.of(one) for one in offered.places],
    )
    return reply(made, headers=NO_STORE)


def kassenzeichen_at_till(case: Case) -> str | None:
    """Under which the case waits for a till now."""
    one = case.payment
    waits = one is not None and one.provider == COUNTER and one.status.value in ("intended", "open")
    return one.kassenzeichen if one is not None and waits else None


_PATH = "/api/appointments/{appointment}/till"
_ID = {"appointment": UUID}
_REFUSALS = (NotFound, TillNotOffered, TooManyAtTill, HoldOver, PaymentUnderWay, PaymentUnavailable)

ENDPOINTS = [
    Endpoint(
        method="GET",
        path=_PATH,
        handler=show_till_offer,
        who=CASE,
        summary="Whether the fee may be paid at a till instead of online, until when and where",
        params=_ID,
        gives={200: AtTillOut},
        refuses=(Unauthenticated, NotFound),
    ),
    Endpoint(
        method="POST",
        path=f"{_PATH}/codes",
        handler=send_code,
        who=CASE,
        summary="Have a code sent to the contact of the appointment, which shows that it is one's own",
        params=_ID,
        takes=CodeIn,
        headers={"Idempotency-Key": True},
        gives={202: CodeOut},
        refuses=(KeyNeeded, Unauthenticated, NotFound, TillNotOffered, NoSuchWay, TooManyAtTill, SentTooOften, Invalid),
    ),
    Endpoint(
        method="POST",
        path=_PATH,
        handler=choose,
        who=CASE,
        summary="Pay at a till: with the code the time stays held until the deadline; may be repeated. Checkout leads back online",
        params=_ID,
        takes=AtTillIn,
        gives={200: AtTillOut},
        refuses=(Unauthenticated, CodeWrong, Invalid, *_REFUSALS),
    ),
    Endpoint(
        method="POST",
        path="/api/offices/{office}/appointments/{number}/till",
        handler=choose_for,
        who=can("hold.staff", "office"),
        summary="The same for a person whom staff have spoken to; may be repeated",
        params={"office": int, "number": str},
        gives={200: AtTillOut},
        refuses=_REFUSALS,
    ),
]
