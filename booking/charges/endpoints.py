"""Further fees over HTTP: their payer looks and pays; staff who serve somebody ask for them and withdraw them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid5

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from base.errors import Invalid, NotFound, Unauthenticated
from base.web import (
    CHARGE,
    NO_STORE,
    SETTINGS,
    STAFF,
    Endpoint,
    body,
    can,
    path_id,
    path_number,
    query,
    reply,
)
from base.web.repeating import KeyNeeded, idempotency_key
from booking.appointments.at_till import PaymentUnderWay
from booking.appointments.for_staff import NobodyToAsk
from booking.charges.model import Charge, Price
from booking.charges.usecases import ChargeOver, ChargePaid, Charges, NothingDue, NotOnPriceList, NotServed
from booking.holds.endpoints import MoneyOut
from payment.context import PaymentUnavailable
from payment.endpoints import TILLS
from payment.till.refusals import NotAtTill

CHARGES: web.AppKey[Charges] = web.AppKey("CHARGES", Charges)
_KEY = UUID("5b0f1d0e-8a1c-4a6e-9b1e-6f5a7c2d9e10")


class ChargeOut(BaseModel):
    id: UUID
    status: str = Field(description="open, withdrawing (it is not known yet whether it was paid), paid, withdrawn")
    label: str
    quantity: int
    amount: MoneyOut
    legal_basis: dict[str, str]
    requested_at: datetime

    @classmethod
    def of(cls, charge: Charge) -> ChargeOut:
        return cls(
            id=charge.id,
            status=charge.status.value,
            label=charge.label,
            quantity=charge.quantity,
            amount=MoneyOut(cents=charge.amount_cents, currency=charge.currency),
            legal_basis=dict(charge.legal_basis),
            requested_at=charge.requested_at,
        )


class ChargeCheckout(BaseModel):
    status: str
    pay_url: str | None = Field(description="Where to pay; null: paid, or under way")


class PriceOut(BaseModel):
    fee: int
    service: int
    name: dict[str, str]
    amount: MoneyOut
    legal_basis: dict[str, str]

    @classmethod
    def of(cls, price: Price) -> PriceOut:
        amount = MoneyOut(cents=price.amount_cents, currency=price.currency)
        return cls(
            fee=price.fee_id,
            service=price.service_id,
            name=dict(price.name),
            amount=amount,
            legal_basis=dict(price.legal_basis),
        )


class ChargesOut(BaseModel):
    charges: list[ChargeOut]
    price_list: list[PriceOut] = Field(description="What may be asked for today")


class ChargeIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    fee: int = Field(ge=1, lt=2**31, description="Of the price list")
    quantity: int = Field(default=1, ge=1, le=99)
    text: Annotated[str, Field(max_length=150)] = Field(default="", description="Printed on the receipt; no names")


class Asked(BaseModel):
    q: Annotated[str, Field(max_length=40)] = Field(
        description="Number of an appointment, or today's number of the queue"
    )


class FoundOut(BaseModel):
    charges: list[ChargeOut]


class BegunOut(BaseModel):
    payment: UUID = Field(description="To be taken at this till, as any other")


class WithdrawIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=300)]


async def show(request: web.Request) -> web.Response:
    return reply(ChargeOut.of(await request.app[CHARGES].get(path_id(request, "charge"))), headers=NO_STORE)


async def check_out(request: web.Request) -> web.Response:
    charges, ident = request.app[CHARGES], path_id(request, "charge")
    charge = await charges.get(ident)
    pay_url = await charges.pay(ident, return_url(request.app[SETTINGS].public_url, charge))
    return reply(ChargeCheckout(status=(await charges.get(ident)).status.value, pay_url=pay_url), headers=NO_STORE)


def return_url(public_url: str, charge: Charge) -> str:
    """Where the payer comes back to."""
    return f"{public_url}/{charge.language}/charges/{charge.id}/paid"


async def list_of_ticket(request: web.Request) -> web.Response:
    charges, office = request.app[CHARGES], path_number(request, "office")
    ticket = path_id(request, "ticket")
    found = [one for one in await charges.of_visit(ticket) if one.office_id == office]
    prices = await charges.prices(ticket)
    made = ChargesOut(charges=[ChargeOut.of(one) for one in found], price_list=[PriceOut.of(one) for one in prices])
    return reply(made, headers=NO_STORE)


async def ask(request: web.Request) -> web.Response:
    office, ticket, wanted = path_number(request, "office"), path_id(request, "ticket"), await body(request, ChargeIn)
    key = uuid5(_KEY, f"{office} {ticket} {idempotency_key(request)}")
    charge = await request.app[CHARGES].ask(
        office,
        ticket,
        wanted.fee,
        quantity=wanted.quantity,
        text=wanted.text,
        by=request[STAFF].account_id,
        key=key,
    )
    return reply(ChargeOut.of(charge), status=201, headers=NO_STORE)


async def find_at_till(request: web.Request) -> web.Response:
    office, asked = path_number(request, "office"), query(request, Asked).q
    await request.app[TILLS].till(office, path_number(request, "till"))
    found = await request.app[CHARGES].at_till(office, asked)
    return reply(FoundOut(charges=[ChargeOut.of(one) for one in found]), headers=NO_STORE)


async def begin_at_till(request: web.Request) -> web.Response:
    """What was begun online is made impossible first."""
    charges, ident = request.app[CHARGES], path_id(request, "charge")
    await request.app[TILLS].till(path_number(request, "office"), path_number(request, "till"))
    charge = await charges.get(ident)
    payment = await charges.pay_at_till(ident, return_url(request.app[SETTINGS].public_url, charge))
    if payment is None:
        raise NotAtTill
    return reply(BegunOut(payment=payment.id), headers=NO_STORE)


async def ask_for_reduction(request: web.Request) -> web.Response:
    office, ticket = path_number(request, "office"), path_id(request, "ticket")
    charge = await request.app[CHARGES].ask_for_reduction(office, ticket, by=request[STAFF].account_id)
    return reply(ChargeOut.of(charge), headers=NO_STORE)


async def send(request: web.Request) -> web.Response:
    charges, ident = request.app[CHARGES], path_id(request, "charge")
    await charges.send(path_number(request, "office"), ident)
    return reply(ChargeOut.of(await charges.get(ident)), headers=NO_STORE)


async def withdraw(request: web.Request) -> web.Response:
    wanted = await body(request, WithdrawIn)
    charge = await request.app[CHARGES].withdraw(
        path_number(request, "office"),
        path_id(request, "charge"),
        reason=wanted.reason,
        by=request[STAFF].account_id,
    )
    return reply(ChargeOut.of(charge), headers=NO_STORE)


_ONE, _OFFICE = "/api/charges/{charge}", "/api/offices/{office}"
_TILL = f"{_OFFICE}/tills/{{till}}/charges"
_ASSESS, _WORK = can("fee.assess", "office"), can("till.work", "office")

ENDPOINTS = [
    Endpoint(
        method="GET",
        path=_ONE,
        handler=show,
        who=CHARGE,
        summary="A further fee of a visit, for whoever has its link",
        params={"charge": UUID},
        gives={200: ChargeOut},
        refuses=(Unauthenticated, NotFound),
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/checkout",
        handler=check_out,
        who=CHARGE,
        summary="Pay it online; may be repeated",
        params={"charge": UUID},
        gives={200: ChargeCheckout},
        refuses=(Unauthenticated, NotFound, ChargeOver, PaymentUnavailable),
    ),
    Endpoint(
        method="GET",
        path=f"{_OFFICE}/tickets/{{ticket}}/charges",
        handler=list_of_ticket,
        who=_ASSESS,
        summary="Further fees of a visit, and the price list of today",
        params={"office": int, "ticket": UUID},
        gives={200: ChargesOut},
        refuses=(NotFound,),
    ),
    Endpoint(
        method="POST",
        path=f"{_OFFICE}/tickets/{{ticket}}/charges",
        handler=ask,
        who=_ASSESS,
        summary="Ask whoever is being served for a further fee",
        params={"office": int, "ticket": UUID},
        takes=ChargeIn,
        gives={201: ChargeOut},
        refuses=(NotFound, NotServed, NotOnPriceList, Invalid, KeyNeeded),
    ),
    Endpoint(
        method="POST",
        path=f"{_OFFICE}/tickets/{{ticket}}/charges/reduction",
        handler=ask_for_reduction,
        who=_ASSESS,
        summary="Ask for what a reduction took off, where its proof was not shown; may be repeated",
        params={"office": int, "ticket": UUID},
        gives={200: ChargeOut},
        refuses=(NotFound, NotServed, NothingDue),
    ),
    Endpoint(
        method="POST",
        path=f"{_OFFICE}/charges/{{charge}}/send",
        handler=send,
        who=_ASSESS,
        summary="Send its payer the link to pay; may be repeated, one message",
        params={"office": int, "charge": UUID},
        gives={200: ChargeOut},
        refuses=(NotFound, ChargeOver, NobodyToAsk),
    ),
    Endpoint(
        method="GET",
        path=_TILL,
        handler=find_at_till,
        who=_WORK,
        summary="Further fees by the number of an appointment or of today's queue",
        params={"office": int, "till": int},
        query=Asked,
        gives={200: FoundOut},
        refuses=(NotFound, Invalid),
    ),
    Endpoint(
        method="POST",
        path=f"{_TILL}/{{charge}}",
        handler=begin_at_till,
        who=_WORK,
        summary="A further fee is to be paid at this till; may be repeated",
        params={"office": int, "till": int, "charge": UUID},
        gives={200: BegunOut},
        refuses=(NotFound, ChargeOver, PaymentUnderWay, PaymentUnavailable, NotAtTill),
    ),
    Endpoint(
        method="POST",
        path=f"{_OFFICE}/charges/{{charge}}/withdraw",
        handler=withdraw,
        who=_ASSESS,
        summary="Withdraw a further fee that is not paid; may be repeated",
        params={"office": int, "charge": UUID},
        takes=WithdrawIn,
        gives={200: ChargeOut},
        refuses=(NotFound, ChargePaid, Invalid),
    ),
]
