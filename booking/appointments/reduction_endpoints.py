"""Reductions of a case over HTTP: which there are, and which are claimed. No number of a card is asked for."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from base.errors import Invalid, NotFound, Unauthenticated
from base.web import CASE, NO_STORE, Endpoint, body, path_id, reply
from booking.appointments.lifecycle import HoldOver
from booking.appointments.reductions import AlreadyBooked, Offered, Option, PaymentBegun, Reductions
from booking.holds.endpoints import MoneyOut
from payment.context import PaymentUnavailable

REDUCTIONS: web.AppKey[Reductions] = web.AppKey("REDUCTIONS", Reductions)
_MOST_RULES = 50


class ReductionOut(BaseModel):
    key: str
    name: dict[str, str]
    kind: Literal["percent", "fixed", "exempt"]
    value: int = Field(description="Per cent, or cents that are taken off; 0 of an exemption")
    per: Literal["person", "case"]
    proof: dict[str, str] = Field(description="What is to be shown at the counter, in words")
    legal_basis: dict[str, str]
    most: int = Field(description="For how many people of the visit it may be claimed")
    persons: int = Field(description="That have claimed it; 0: nobody")
    fee: MoneyOut = Field(description="Of the whole visit, if only this is claimed, for one person")

    @classmethod
    def of(cls, option: Option) -> ReductionOut:
        rule = option.reduction
        return cls(
            key=rule.key,
            name=dict(rule.name),
            kind=rule.kind.value,
            value=rule.value,
            per=rule.per.value,
            proof=dict(rule.proof),
            legal_basis=dict(rule.legal_basis),
            most=option.most,
            persons=option.persons,
            fee=MoneyOut(cents=option.fee.cents, currency=option.fee.currency),
        )


class ReductionsOut(BaseModel):
    whole_fee: MoneyOut = Field(description="Without any reduction")
    fee: MoneyOut = Field(description="To be paid, with what is claimed")
    reductions: list[ReductionOut] = Field(description="By the rules of the day on which the time was reserved")

    @classmethod
    def of(cls, offered: Offered) -> ReductionsOut:
        return cls(
            whole_fee=MoneyOut(cents=offered.whole.cents, currency=offered.whole.currency),
            fee=MoneyOut(cents=offered.fee.cents, currency=offered.fee.currency),
            reductions=[ReductionOut.of(one) for one in offered.options],
        )


class ClaimsIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    claims: dict[Annotated[str, Field(max_length=80)], Annotated[int, Field(ge=0, le=20)]] = Field(
        max_length=_MOST_RULES,
        description="For how many people, by the `key`; what is not named is not claimed. Two are never added up: the best counts, and "
        "only what takes something off is kept. A wrong one is told as `/claims/<key>`",
    )


async def show_reductions(request: web.Request) -> web.Response:
    offered = await request.app[REDUCTIONS].offered(path_id(request, "appointment"))
    return reply(ReductionsOut.of(offered), headers=NO_STORE)


async def claim_reductions(request: web.Request) -> web.Response:
    ident, wanted = path_id(request, "appointment"), await body(request, ClaimsIn)
    await request.app[REDUCTIONS].claim(ident, wanted.claims)
    return await show_reductions(request)


_PATH = "/api/appointments/{appointment}/reductions"
_ID = {"appointment": UUID}

ENDPOINTS = [
    Endpoint(
        method="GET",
        path=_PATH,
        handler=show_reductions,
        who=CASE,
        summary="Which reductions of its fee may be claimed, and what it costs then",
        params=_ID,
        gives={200: ReductionsOut},
        refuses=(Unauthenticated, NotFound),
    ),
    Endpoint(
        method="POST",
        path=_PATH,
        handler=claim_reductions,
        who=CASE,
        summary="Claim reductions before paying, instead of those claimed before; proof is shown at the counter; may be repeated",
        params=_ID,
        takes=ClaimsIn,
        gives={200: ReductionsOut},
        refuses=(Unauthenticated, NotFound, HoldOver, AlreadyBooked, PaymentBegun, PaymentUnavailable, Invalid),
    ),
]
