"""The receipts of an appointment, over HTTP."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field

from base.errors import NotFound, Unauthenticated
from base.web import CASE, NO_STORE, Endpoint, path_id, reply
from booking.appointments.endpoints import APPOINTMENTS
from payment.endpoints import RECEIPTS
from payment.receipts.model import Receipt


class ReceiptOut(BaseModel):
    payment: UUID
    number: str = Field(description="Year and number in it, without a gap: 2026-000123")
    kassenzeichen: str = Field(description="RF Creditor Reference (ISO 11649) of the payment")
    issued_at: datetime
    amount_cents: int
    refunded_cents: int = Field(description="Of it, what has gone back or is on its way")
    currency: str

    @classmethod
    def of(cls, receipt: Receipt) -> ReceiptOut:
        return cls(
            payment=receipt.payment_id,
            number=receipt.label,
            kassenzeichen=receipt.kassenzeichen,
            issued_at=receipt.issued_at,
            amount_cents=receipt.amount_cents,
            refunded_cents=receipt.refunded_cents,
            currency=receipt.currency,
        )


class ReceiptsOut(BaseModel):
    receipts: list[ReceiptOut]


async def list_receipts(request: web.Request) -> web.Response:
    """Of all that came for it: also of differences that a move has cost."""
    case = await request.app[APPOINTMENTS].case(path_id(request, "appointment"))
    found = [await request.app[RECEIPTS].of(payment.id) for payment in case.paid]
    return reply(ReceiptsOut(receipts=[ReceiptOut.of(one) for one in found]), headers=NO_STORE)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/appointments/{appointment}/receipts",
        handler=list_receipts,
        who=CASE,
        summary="Receipts of what was paid for an appointment",
        params={"appointment": UUID},
        gives={200: ReceiptsOut},
        refuses=(Unauthenticated, NotFound),
    )
]
