"""The Stripe sandbox in this process for tests: a machine with a settable clock, its server, and the real SDK."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import stripe
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.stripe.errors import ApiError
from sandbox.stripe.machine import Machine
from sandbox.stripe.wire import build

SUCCESS_URL = "http://127.0.0.1:9/back?session={CHECKOUT_SESSION_ID}"
CANCEL_URL = "http://127.0.0.1:9/cancelled"


class HandClock:
    """Stands still until it is moved; begins at the real time, since the SDK compares signatures with its own clock."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> None:
        self.at += timedelta(**by)


def attempt(machine: Machine, action: Any, *arguments: Any, **named: Any) -> None:
    """What is refused must leave everything as it was."""
    machine.sweep()
    before = json.dumps(machine.dump())
    try:
        action(*arguments, **named)
    except ApiError:
        assert json.dumps(machine.dump()) == before


def session_body(amount: int = 1290, **more: Any) -> dict[str, Any]:
    """What the product sends to open a session, in the SDK's form."""
    body: dict[str, Any] = {
        "mode": "payment",
        "line_items": [
            {
                "price_data": {
                    "currency": "eur",
                    "unit_amount": amount,
                    "product_data": {"name": "Meldebescheinigung"},
                },
                "quantity": 1,
            }
        ],
        "success_url": SUCCESS_URL,
        "cancel_url": CANCEL_URL,
        "customer_email": "erika@example.org",
        "locale": "de",
        "metadata": {"payment_id": "p-1"},
        "payment_intent_data": {"description": "Kassenzeichen 123", "metadata": {"payment_id": "p-1"}},
    }
    return {**body, **more}


@dataclass
class Sandbox:
    machine: Machine
    clock: HandClock
    url: str
    http: aiohttp.ClientSession
    sdk: stripe.StripeClient
    app: web.Application = field(repr=False)

    async def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        async with self.http.request(method, f"{self.url}/_sandbox/{path}", json=body) as response:
            assert response.status == 200, await response.text()
            return await response.json()


def sdk_client(url: str, http: aiohttp.ClientSession) -> stripe.StripeClient:
    """The real SDK, without retries: a test wants to see each answer."""
    return stripe.StripeClient(
        "sk_test_sandbox",
        http_client=stripe.AIOHTTPClient(session=http, timeout=aiohttp.ClientTimeout(total=10)),
        base_addresses={"api": url},
        max_network_retries=0,
    )


@contextlib.asynccontextmanager
async def sandbox(*, early_intents: bool = True, **options: Any) -> AsyncIterator[Sandbox]:
    clock = HandClock()
    machine = Machine(clock, early_intents=early_intents)
    app = build(machine, **options)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    try:
        async with aiohttp.ClientSession() as http:
            url = str(server.make_url("")).rstrip("/")
            yield Sandbox(machine, clock, url, http, sdk_client(url, http), app)
    finally:
        await server.close()
