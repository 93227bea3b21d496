"""The provider's price list over HTTP."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from base.errors import Invalid
from base.web import NO_STORE, STAFF, Endpoint, body, can, reply
from payment.matching.prices import Price
from payment.matching.pricing import MOST_BP, MOST_FIXED, MOST_TOLERANCE, Pricing

PRICING: web.AppKey[Pricing] = web.AppKey("PRICING", Pricing)
_PATH = "/api/provider-prices"


class PriceIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    method: Annotated[str, Field(max_length=40, description="The provider's word", examples=["card", "sepa_debit"])]
    percent_bp: Annotated[int, Field(ge=0, le=MOST_BP, description="Hundredths of a per cent of the amount")]
    fixed_cents: Annotated[int, Field(ge=0, le=MOST_FIXED)]
    tolerance_cents: Annotated[int, Field(ge=0, le=MOST_TOLERANCE, description="What may deviate without a word")]
    valid_from: date = Field(description="Until a later row of the same method")


class PriceOut(BaseModel):
    provider: str
    method: str
    percent_bp: int
    fixed_cents: int
    tolerance_cents: int
    valid_from: date
    set_by: str
    set_at: datetime

    @classmethod
    def of(cls, one: Price) -> PriceOut:
        return cls(
            provider=one.provider,
            method=one.method,
            percent_bp=one.percent_bp,
            fixed_cents=one.fixed_cents,
            tolerance_cents=one.tolerance_cents,
            valid_from=one.valid_from,
            set_by=one.set_by,
            set_at=one.set_at,
        )


class PricesOut(BaseModel):
    prices: list[PriceOut] = Field(description="By method, the latest day first")


async def show(request: web.Request) -> web.Response:
    return await _all(request)


async def enter(request: web.Request) -> web.Response:
    given = await body(request, PriceIn)
    await request.app[PRICING].set(
        given.method,
        percent_bp=given.percent_bp,
        fixed_cents=given.fixed_cents,
        tolerance_cents=given.tolerance_cents,
        valid_from=given.valid_from,
        by=request[STAFF].account_id,
    )
    return await _all(request)


async def _all(request: web.Request) -> web.Response:
    found = await request.app[PRICING].all()
    return reply(PricesOut(prices=[PriceOut.of(one) for one in found]), headers=NO_STORE)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path=_PATH,
        handler=show,
        who=can("finance.read"),
        summary="What the provider is to take for a payment",
        gives={200: PricesOut},
    ),
    Endpoint(
        method="POST",
        path=_PATH,
        handler=enter,
        who=can("reconcile.work"),
        summary="Enter a price from a day on; what holds already changes nothing",
        takes=PriceIn,
        gives={200: PricesOut},
        refuses=(Invalid,),
    ),
]
