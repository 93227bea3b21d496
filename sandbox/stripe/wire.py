"""The machine over HTTP: Stripe's routes, the pay page, the control plane, and the webhooks in the background.

Each answer is written to the store before it is sent, so what a client has seen survives a kill.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import parse_qsl

from aiohttp import web
from yarl import URL

from sandbox.stripe.api import Admitted, Answer, Api, Call
from sandbox.stripe.control import Control
from sandbox.stripe.errors import ApiError
from sandbox.stripe.faults import Fault, Faults
from sandbox.stripe.forms import decode
from sandbox.stripe.machine import Machine
from sandbox.stripe.outbox import BACK_OFF_S, Outbox
from sandbox.stripe.pay_page import PayPage
from sandbox.stripe.store import Store
from sandbox.stripe.webhooks import Sender

WEBHOOK_SECRET = "whsec_sandbox"
WEBHOOK_PATH = "/api/webhooks/stripe"
MAX_BODY_BYTES = 1024 * 1024
_log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
OUTBOX = web.AppKey("outbox", Outbox)
SENDER = web.AppKey("sender", Sender)
FAULTS = web.AppKey("faults", Faults)


def build(
    machine: Machine,
    *,
    webhook_url: str | None = None,
    webhook_secret: str = WEBHOOK_SECRET,
    store: Store | None = None,
    origin: str | None = None,
    wall_clock: Callable[[], float] = time.time,
    back_off_s: tuple[float, ...] = BACK_OFF_S,
) -> web.Application:
    """`origin`: where browsers reach this server; by default what each request names as its host."""

    def commit() -> None:
        if store is not None:
            store.commit(machine.state)

    outbox, faults = Outbox(machine.state, wall_clock, back_off_s), Faults(machine.state)
    machine.on_event(outbox.take)
    sender = Sender(machine, outbox, url=webhook_url, secret=webhook_secret, wall_clock=wall_clock, commit=commit)
    wire = _Wire(Api(machine), machine, faults, commit, origin)

    @web.middleware
    async def saved(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except ApiError as error:  # of the control plane; Api turns its own into answers
            return web.json_response(error.body(), status=error.status)
        finally:
            commit()
            sender.wake()

    async def webhooks(app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(sender.run())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    app = web.Application(middlewares=[saved], client_max_size=MAX_BODY_BYTES)
    app[OUTBOX], app[SENDER], app[FAULTS] = outbox, sender, faults
    app.cleanup_ctx.append(webhooks)
    app.add_routes(Control(machine, outbox, faults, sender.deliver_now).routes())
    app.add_routes(PayPage(machine).routes())
    app.router.add_route("*", "/v1/{rest:.*}", wire.handle)
    return app


class _Wire:
    def __init__(
        self, api: Api, machine: Machine, faults: Faults, commit: Callable[[], None], origin: str | None
    ) -> None:
        self._api, self._machine, self._faults, self._commit, self._origin = api, machine, faults, commit, origin

    async def handle(self, request: web.Request) -> web.StreamResponse:
        call = await _call(request)
        if isinstance(call, ApiError):
            return _response(Answer(call.status, call.body()))
        admitted = self._api.admit(call)
        if isinstance(admitted, Answer):
            return _response(admitted)
        try:
            return await self._perform(request, admitted, self._faults.take(call.method, call.path))
        finally:
            self._api.abandon(admitted)  # frees the key if the client went away while a fault was waiting

    async def _perform(self, request: web.Request, admitted: Admitted, fault: Fault | None) -> web.StreamResponse:
        kind = fault.kind if fault else None
        if fault and kind == "delay_before":
            await asyncio.sleep(fault.delay_s)
        if kind == "drop_before":
            return _drop(request)
        self._machine.core.origin = self._origin or str(request.url.origin())
        breakdown = {"error_before": "before", "error_after": "after"}
        answer = self._api.perform(admitted, breakdown.get(kind or ""))  # type: ignore[arg-type]
        self._commit()
        if fault and kind == "delay_after":
            await asyncio.sleep(fault.delay_s)
        return _drop(request) if kind == "drop_after" else _response(answer)


async def _call(request: web.Request) -> Call | ApiError:
    scheme, _, api_key = request.headers.get("Authorization", "").partition(" ")
    text = (await request.read()).decode("utf-8", "replace") if request.method == "POST" else request.query_string
    try:
        arguments = decode(parse_qsl(text, keep_blank_values=True))
    except ApiError as error:
        return error
    return Call(
        request.method,
        URL(request.path).path.rstrip("/"),
        arguments,
        api_key.strip() if scheme == "Bearer" else None,
        request.headers.get("Idempotency-Key"),
    )


def _response(answer: Answer) -> web.Response:
    body = json.dumps(answer.body, indent=2).encode()
    return web.Response(body=body, status=answer.status, content_type="application/json", headers=answer.headers)


def _drop(request: web.Request) -> web.Response:
    """Cut the connection: the client learns nothing about what happened."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
