"""The provider's messages over HTTP: kept, answered, and looked into."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient
from stripe import WebhookSignature

from base.i18n import Translations
from base.web import TRANSLATIONS
from base.web.problems import problems
from payment.endpoints import ENDPOINTS, PAYMENTS
from payment.model import PaymentStatus
from payment.ports import VendorEvent
from payment.psp_stripe import StripeProvider
from tests.payment.world import World

SECRET = "whsec_test"
Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """The machine answers, but messages are read by the real adapter."""
    made = World()
    async with aiohttp.ClientSession() as http:
        adapter = StripeProvider(http, api_key="sk_test_1", webhook_secrets=[SECRET], api_base="http://127.0.0.1:9")

        def parse(headers: dict[str, str], raw: bytes) -> VendorEvent:
            return adapter.parse_event(headers, raw)

        made.provider.parse_event = parse  # type: ignore[method-assign, assignment]
        yield made


@pytest.fixture
async def client(world: World, aiohttp_client: AiohttpClient) -> Client:
    app = web.Application(middlewares=[problems])
    app[TRANSLATIONS] = Translations.load()
    app[PAYMENTS] = world.payments
    app.add_routes([web.route(one.method, one.path, one.handler) for one in ENDPOINTS])
    return await aiohttp_client(app)


async def send(client: Client, raw: bytes, secret: str = SECRET) -> int:
    signature = WebhookSignature.generate_signature_header(raw.decode(), secret, int(time.time()))
    response = await client.post("/api/webhooks/stripe", data=raw, headers={"Stripe-Signature": signature})
    return response.status


async def test_a_message_settles_the_payment(client: Client, world: World) -> None:
    payment = await world.opened()
    world.pay(payment)
    for event in world.machine.state.rows("events") * 2:
        assert await send(client, json.dumps(event).encode()) == 200
    assert (await world.now(payment)).status is PaymentStatus.PAID


async def test_kept_is_enough_even_if_the_provider_is_silent(client: Client, world: World) -> None:
    payment = await world.opened()
    world.pay(payment)
    world.lost = [("fetch", "before")] * 9
    for event in world.machine.state.rows("events"):
        assert await send(client, json.dumps(event).encode()) == 200
    assert (await world.now(payment)).status is PaymentStatus.OPEN


@pytest.mark.parametrize("raw", [b"{}", b"", b"null", b'{"id": 1}'])
async def test_what_is_not_stripe_s_is_refused(client: Client, raw: bytes) -> None:
    assert await send(client, raw) == 400
    assert await send(client, raw, "whsec_wrong") == 400
    response = await client.post("/api/webhooks/stripe", data=raw)
    assert response.status == 400
    assert (await response.json())["code"] == "signature_refused"
