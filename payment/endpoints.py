"""The provider's signed messages."""

from __future__ import annotations

from aiohttp import web

from base.web import VENDOR, Endpoint
from payment.ledgers.reversals import Reversals
from payment.ledgers.usecases import Ledgers
from payment.matching.usecases import Matching
from payment.matching.worklist import Differences
from payment.ports import SignatureRefused
from payment.receipts.usecases import Receipts
from payment.reconciliation.usecases import Reconciliation
from payment.till.usecases import Tills
from payment.usecases import Payments

DIFFERENCES: web.AppKey[Differences] = web.AppKey("DIFFERENCES", Differences)
LEDGERS: web.AppKey[Ledgers] = web.AppKey("LEDGERS", Ledgers)
MATCHING: web.AppKey[Matching] = web.AppKey("MATCHING", Matching)
PAYMENTS: web.AppKey[Payments] = web.AppKey("PAYMENTS", Payments)
RECEIPTS: web.AppKey[Receipts] = web.AppKey("RECEIPTS", Receipts)
REVERSALS: web.AppKey[Reversals] = web.AppKey("REVERSALS", Reversals)
RECONCILIATION: web.AppKey[Reconciliation] = web.AppKey("RECONCILIATION", Reconciliation)
TILLS: web.AppKey[Tills] = web.AppKey("TILLS", Tills)


async def take_stripe_event(request: web.Request) -> web.Response:
    """200 once the message is kept. If the look that follows fails, the sweep looks again; the provider need not."""
    await request.app[PAYMENTS].take_event("stripe", request.headers, await request.read())
    return web.Response()


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/webhooks/stripe",
        handler=take_stripe_event,
        who=VENDOR,
        summary="A signed message from Stripe",
        headers={"Stripe-Signature": True},
        gives={200: None},
        refuses=(SignatureRefused,),
    )
]
