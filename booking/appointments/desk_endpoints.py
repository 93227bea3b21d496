"""What a cashier does for somebody over HTTP: find what is to be paid, take money and give it back.

Amounts are integer cents of euros. No name and no contact is in any answer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID, uuid5

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from base.errors import Invalid, NotFound
from base.web import NO_STORE, SETTINGS, Endpoint, body, path_id, query, reply
from base.web.repeating import KeyNeeded, idempotency_key
from booking.appointments.at_till import PaymentUnderWay
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.lifecycle import HoldOver
from booking.appointments.model import Brief
from payment.context import PaymentUnavailable
from payment.endpoints import RECONCILIATION, TILLS
from payment.model import LIVING, PaymentStatus
from payment.till.endpoints import AT_TILL, KEY, KEYS, MAY_WORK, TILL, Cents, till_of
from payment.till.model import COUNTER, CounterStatus, Method
from payment.till.refusals import ChangeUnlikely, DrawerClosed, GivenAlready, NotAtTill, TakenAlready
from payment.till.usecases import Taking


class Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, Field(min_length=1, max_length=80)] = Field(
        description="Number of the appointment, or Kassenzeichen"
    )


class RefundAtTillOut(BaseModel):
    id: UUID
    cents: int


class PayableOut(BaseModel):
    id: UUID = Field(description="Of the payment")
    kassenzeichen: str
    cents: int
    state: Literal["to_pay", "paid", "elsewhere", "over"] = Field(
        description="elsewhere: begun online; over: nothing can come of it"
    )
    number: str | None = Field(description="Of the appointment")
    service: dict[str, str] | None
    starts_at: datetime | None
    change_cents: int = Field(description="Of cash that was handed over, to be given back")
    refunds: list[RefundAtTillOut] = Field(description="Released, and waiting for their payer")

    @classmethod
    def of(cls, one: Taking, brief: Brief | None) -> PayableOut:
        return cls(
            id=one.payment.id,
            kassenzeichen=one.payment.kassenzeichen,
            cents=one.payment.amount_cents,
            state=_state(one),
            number=brief.number if brief else None,
            service=dict(brief.service) if brief else None,
            starts_at=brief.starts_at if brief else None,
            change_cents=one.session.change_cents if one.session else 0,
            refunds=[RefundAtTillOut(id=refund.refund_id, cents=refund.amount_cents) for refund in one.refunds],
        )


class PayablesOut(BaseModel):
    payments: list[PayableOut]
    appointment: UUID | None = Field(description="Whose fee is owed and of which no payment is begun: begin it here")


class TakeIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    method: Method
    given_cents: Cents | None = Field(default=None, description="Cash that was handed over")
    is_sure: bool = Field(
        default=False, description="Somebody has looked twice: more than 100 euros over the fee are asked about first"
    )
    slip: Annotated[str, Field(max_length=40)] = Field(default="", description="The terminal's number of the payment")


class GiveIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    method: Method


class GivenOut(BaseModel):
    id: UUID
    status: str


async def find(request: web.Request) -> web.Response:
    await till_of(request)
    takings, case_id = await found(request, query(request, Wanted).q)
    return reply(PayablesOut(payments=await payables(request, takings), appointment=case_id), headers=NO_STORE)


async def begin(request: web.Request) -> web.Response:
    """What was begun online is made impossible first."""
    await till_of(request)
    return reply(await begun(request, path_id(request, "appointment")), headers=NO_STORE)


async def take(request: web.Request) -> web.Response:
    key, at = idempotency_key(request), await till_of(request)
    wanted, ident = await body(request, TakeIn), path_id(request, "payment")
    taking = await request.app[TILLS].take(
        at.till,
        ident,
        wanted.method,
        given_cents=wanted.given_cents,
        is_sure=wanted.is_sure,
        slip=wanted.slip,
        key=uuid5(KEYS, f"take {ident} {key}"),
    )
    return reply((await payables(request, [taking]))[0], headers=NO_STORE)


async def give_back(request: web.Request) -> web.Response:
    at, wanted = await till_of(request), await body(request, GiveIn)
    refund = await request.app[TILLS].give_back(at.till, path_id(request, "refund"), wanted.method)
    return reply(GivenOut(id=refund.id, status=refund.status.value), headers=NO_STORE)


async def leave_to_transfer(request: web.Request) -> web.Response:
    await till_of(request)
    refund = await request.app[TILLS].leave_to_transfer(path_id(request, "refund"))
    return reply(GivenOut(id=refund.id, status=refund.status.value), headers=NO_STORE)


async def found(request: web.Request, asked: str) -> tuple[list[Taking], UUID | None]:
    """Payments, those to be paid first; and the appointment of which none is begun."""
    appointments, reconciliation, asked = request.app[APPOINTMENTS], request.app[RECONCILIATION], asked.strip()
    case_id = await appointments.find_by_number(asked)
    references = await appointments.references(case_id) if case_id is not None else []
    takings = await request.app[TILLS].payments(await reconciliation.meant(asked, references))
    own = [one.payment for one in takings if one.payment.reference == case_id]
    if case_id is None or any(one.status in LIVING for one in own):
        return takings, None
    case = await appointments.case(case_id)
    return takings, case_id if case.begins_at_till else None


async def begun(request: web.Request, appointment_id: UUID) -> PayableOut:
    case = await request.app[APPOINTMENTS].case(appointment_id)
    url = f"{request.app[SETTINGS].public_url}/{case.language}/appointments/{appointment_id}/paid"
    payment = await request.app[APPOINTMENTS].pay_at_till(appointment_id, url)
    if payment is None:
        raise NotAtTill
    return (await payables(request, await request.app[TILLS].payments([payment.id])))[0]


async def payables(request: web.Request, takings: list[Taking]) -> list[PayableOut]:
    briefs = await request.app[APPOINTMENTS].briefs([one.payment.reference for one in takings])
    return [PayableOut.of(one, briefs.get(one.payment.reference)) for one in takings]


def _state(one: Taking) -> Literal["to_pay", "paid", "elsewhere", "over"]:
    if one.payment.status is PaymentStatus.PAID:
        return "paid"
    if one.payment.status not in LIVING:
        return "over"
    is_here = one.payment.provider == COUNTER and one.session is not None
    return "to_pay" if is_here and one.session is not None and one.session.status is CounterStatus.OPEN else "elsewhere"


BEGINNING = (NotFound, HoldOver, PaymentUnderWay, PaymentUnavailable, NotAtTill)
TAKING = (KeyNeeded, NotFound, Invalid, NotAtTill, TakenAlready, DrawerClosed)

ENDPOINTS = [
    Endpoint(
        method="GET",
        path=f"{TILL}/payments",
        handler=find,
        who=MAY_WORK,
        summary="What is to be paid or was, by the number of an appointment or by Kassenzeichen",
        params=AT_TILL,
        query=Wanted,
        gives={200: PayablesOut},
        refuses=(NotFound, Invalid),
    ),
    Endpoint(
        method="POST",
        path=f"{TILL}/appointments/{{appointment}}",
        handler=begin,
        who=MAY_WORK,
        summary="The fee of a reserved time is to be paid here; what was begun online ends first; may be repeated",
        params={**AT_TILL, "appointment": UUID},
        gives={200: PayableOut},
        refuses=BEGINNING,
    ),
    Endpoint(
        method="POST",
        path=f"{TILL}/payments/{{payment}}/take",
        handler=take,
        who=MAY_WORK,
        summary="Take the money, in cash or by card",
        params={**AT_TILL, "payment": UUID},
        takes=TakeIn,
        headers=KEY,
        gives={200: PayableOut},
        refuses=(*TAKING, ChangeUnlikely),
    ),
    Endpoint(
        method="POST",
        path=f"{TILL}/refunds/{{refund}}/give",
        handler=give_back,
        who=MAY_WORK,
        summary="Give released money back to its payer",
        params={**AT_TILL, "refund": UUID},
        takes=GiveIn,
        gives={200: GivenOut},
        refuses=(NotFound, Invalid, DrawerClosed, GivenAlready),
    ),
    Endpoint(
        method="POST",
        path=f"{TILL}/refunds/{{refund}}/transfer",
        handler=leave_to_transfer,
        who=MAY_WORK,
        summary="Its payer does not come: it is transferred; may be repeated",
        params={**AT_TILL, "refund": UUID},
        gives={200: GivenOut},
        refuses=(NotFound, GivenAlready),
    ),
]
