"""Refunds of an office by bank transfer to whoever came without an appointment, over HTTP."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field

from base.errors import Invalid, NotFound
from base.web import NO_STORE, STAFF, Endpoint, body, can, path_id, path_number, reply
from booking.charges.walk_ins import WalkInRefund, WalkIns
from payment.transfers.endpoints import AccountIn, RefundOut
from payment.transfers.refusals import TransferMovedOn

WALK_INS: web.AppKey[WalkIns] = web.AppKey("WALK_INS", WalkIns)


class WalkInRefundOut(BaseModel):
    refund: RefundOut
    charge: UUID
    day: date = Field(description="Of the visit, there")
    number: int = Field(description="Of the queue on that day")
    label: str = Field(description="What the fee was for")
    kassenzeichen: str

    @classmethod
    def of(cls, one: WalkInRefund) -> WalkInRefundOut:
        charge = one.charge
        return cls(
            refund=RefundOut.of(one.order),
            charge=charge.id,
            day=charge.day,
            number=charge.number,
            label=charge.label,
            kassenzeichen=one.order.kassenzeichen,
        )


class WalkInRefundsOut(BaseModel):
    refunds: list[WalkInRefundOut] = Field(description="The longest waiting first")


async def show_waiting(request: web.Request) -> web.Response:
    found = await request.app[WALK_INS].waiting(path_number(request, "office"))
    return reply(WalkInRefundsOut(refunds=[WalkInRefundOut.of(one) for one in found]), headers=NO_STORE)


async def enter(request: web.Request) -> web.Response:
    given, by = await body(request, AccountIn), request[STAFF].account_id
    office, ident = path_number(request, "office"), path_id(request, "transfer")
    order = await request.app[WALK_INS].enter(office, ident, holder=given.holder, iban=given.iban, by=by)
    return reply(RefundOut.of(order), headers=NO_STORE)


_ALL = "/api/offices/{office}/walk-in-refunds"
_ENTERS = can("transfer.enter", "office")

ENDPOINTS = [
    Endpoint(
        method="GET",
        path=_ALL,
        handler=show_waiting,
        who=_ENTERS,
        summary="Refunds that wait for an account of somebody who came without an appointment: nobody can write to them",
        params={"office": int},
        gives={200: WalkInRefundsOut},
    ),
    Endpoint(
        method="POST",
        path=f"{_ALL}/{{transfer}}/account",
        handler=enter,
        who=_ENTERS,
        summary="Enter the account that its payee has told; the same again changes nothing",
        params={"office": int, "transfer": UUID},
        takes=AccountIn,
        gives={200: RefundOut},
        refuses=(NotFound, TransferMovedOn, Invalid),
    ),
]
