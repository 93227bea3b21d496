"""Webhooks: signed as the SDK wants it, and lost, repeated, reordered, delayed and retried as planned."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import stripe
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.stripe.wire import SENDER
from tests.sandbox.running import Sandbox, sandbox, session_body

SECRET = "whsec_sandbox"


class Shop:
    """The other side: checks each signature with the SDK and keeps the events; answers `status`."""

    def __init__(self) -> None:
        self.events: list[stripe.Event] = []
        self.status = 200
        self.arrived = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        body, header = await request.read(), request.headers["Stripe-Signature"]
        event = stripe.Webhook.construct_event(body, header, SECRET)
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body + b" ", header, SECRET)
        self.events.append(event)
        self.arrived.set()
        return web.Response(status=self.status)

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]

    async def wait_for(self, number: int) -> None:
        async with asyncio.timeout(10):
            while len(self.events) < number:
                self.arrived.clear()
                await self.arrived.wait()


@contextlib.asynccontextmanager
async def with_shop(**options: Any) -> AsyncIterator[tuple[Sandbox, Shop]]:
    shop = Shop()
    app = web.Application()
    app.router.add_post("/api/webhooks/stripe", shop.take)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    try:
        url = str(server.make_url("/api/webhooks/stripe"))
        async with sandbox(webhook_url=url, **options) as box:
            yield box, shop
    finally:
        await server.close()


def standing(at: float) -> Callable[[], float]:
    return lambda: at


async def paid(box: Sandbox) -> str:
    """Through the control plane, so that the background sender is woken."""
    session = str(box.machine.create_session(session_body())["id"])
    await box.control("POST", f"sessions/{session}/pay", {})
    return session


async def test_events_arrive_signed_and_in_order() -> None:
    async with with_shop() as (box, shop):
        session = await paid(box)
        await shop.wait_for(3)
        assert shop.types == ["charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"]
        assert shop.events[2].data.object["id"] == session
        assert shop.events[2].api_version == stripe.api_version


async def test_all_kinds_of_events_are_delivered() -> None:
    async with with_shop() as (box, shop):
        machine = box.machine
        first, second = machine.create_session(session_body()), machine.create_session(session_body())
        machine.decline(first["id"])
        intent = machine.pay(first["id"])["payment_intent"]
        machine.expire_session(second["id"])
        machine.fail_refund(machine.create_refund({"payment_intent": intent})["id"])
        assert (await box.control("POST", "webhooks/deliver", {}))["pending"] == 0
        assert set(shop.types) == {
            *("checkout.session.completed", "checkout.session.expired"),
            *("payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled"),
            *("charge.succeeded", "charge.refunded", "refund.created", "refund.updated", "refund.failed"),
        }


async def test_lost() -> None:
    async with with_shop() as (box, shop):
        await box.control("PUT", "webhooks/faults", {"lose": 1, "types": ["checkout.session.completed"]})
        await paid(box)
        assert (await box.control("POST", "webhooks/deliver", {}))["pending"] == 0
        assert shop.types == ["charge.succeeded", "payment_intent.succeeded"]
        rows = (await box.control("GET", "objects/deliveries"))["data"]
        assert [row["status"] for row in rows] == ["delivered", "delivered", "lost"]


async def test_repeated() -> None:
    async with with_shop() as (box, shop):
        await box.control("PUT", "webhooks/faults", {"repeat": 1.0, "parallel": 4})
        await paid(box)
        await shop.wait_for(6)
        ids = [event.id for event in shop.events]
        assert len(set(ids)) == 3
        assert all(ids.count(event_id) == 2 for event_id in ids)


async def test_reordered() -> None:
    async with with_shop() as (box, shop):
        await box.control("PUT", "webhooks/faults", {"reorder": 3})
        await paid(box)
        await box.control("POST", "webhooks/deliver", {})
        assert shop.types == ["checkout.session.completed", "payment_intent.succeeded", "charge.succeeded"]


async def test_delayed_until_delivered_by_hand() -> None:
    async with with_shop() as (box, shop):
        await box.control("PUT", "webhooks/faults", {"delay_s": 3600})
        await paid(box)
        rows = (await box.control("GET", "objects/deliveries"))["data"]
        assert {row["status"] for row in rows} == {"pending"}
        assert await box.control("POST", "webhooks/deliver", {}) == {"delivered": 3, "failed": 0, "pending": 0}
        assert len(shop.events) == 3


async def test_retried_with_back_off_and_given_up() -> None:
    async with with_shop(back_off_s=(1000.0, 2000.0)) as (box, shop):
        shop.status = 500
        box.machine.create_session(session_body())
        box.machine.expire_session(box.machine.state.rows("sessions")[0]["id"])
        for left in (2, 2, 0):
            assert (await box.app[SENDER].deliver_now())["pending"] == left
        rows = (await box.control("GET", "objects/deliveries"))["data"]
        assert [(row["status"], row["attempts"], row["answer"]) for row in rows] == [("given_up", 3, 500)] * 2
        assert len(shop.events) == 6


async def test_a_retry_succeeds_by_itself() -> None:
    async with with_shop(back_off_s=(0.01,)) as (box, shop):
        shop.status = 503
        session = box.machine.create_session(session_body())["id"]
        await box.control("POST", f"sessions/{session}/decline", {"decline_code": "insufficient_funds"})
        await shop.wait_for(1)
        shop.status = 200
        await shop.wait_for(2)
        assert shop.types == ["payment_intent.payment_failed"] * 2


async def test_an_endpoint_that_is_not_there_harms_nobody() -> None:
    async with sandbox(webhook_url="http://127.0.0.1:9/nobody") as box:
        session = await paid(box)
        assert (await box.control("POST", "webhooks/deliver", {}))["failed"] == 3
        assert box.machine.get("sessions", session)["status"] == "complete"


async def test_time_of_the_control_plane_expires_sessions_and_tells_the_shop() -> None:
    async with with_shop() as (box, shop):
        box.machine.create_session(session_body())
        assert (await box.control("PUT", "clock", {"offset_s": 86_400}))["offset_s"] == 86_400
        await shop.wait_for(2)
        assert shop.types == ["payment_intent.canceled", "checkout.session.expired"]


async def test_the_control_plane_fails_refunds_and_refuses_foreign_forms() -> None:
    async with sandbox() as box:
        session = box.machine.create_session(session_body())["id"]
        await box.control("POST", f"sessions/{session}/3ds-start", {})
        intent = (await box.control("POST", f"sessions/{session}/3ds-confirm", {}))["payment_intent"]
        await box.control("PUT", "refunds/outcome", {"outcome": "pending"})
        refund = box.machine.create_refund({"payment_intent": intent})
        assert refund["status"] == "pending"
        failed = await box.control("POST", f"refunds/{refund['id']}/fail", {"reason": "insufficient_funds"})
        assert (failed["status"], failed["failure_reason"]) == ("failed", "insufficient_funds")
        async with box.http.post(f"{box.url}/_sandbox/sessions/{session}/pay", data={"a": "b"}) as response:
            assert response.status == 415
        for path, body in (
            ("faults", {"faults": [{"kind": "explode"}]}),
            ("faults", {"faults": [{"kind": "drop_after", "nix": 1}]}),
            ("faults", {"faults": [{}]}),
            ("webhooks/faults", {"lose": "all"}),
            ("clock", {"offset_s": "1"}),
            ("refunds/outcome", {"outcome": "maybe"}),
        ):
            async with box.http.put(f"{box.url}/_sandbox/{path}", json=body) as response:
                assert response.status == 400, path
        assert (await box.control("GET", "health"))["balance"] == box.machine.balance()
