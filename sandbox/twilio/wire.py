"""The messages over HTTP: Twilio's routes, the control plane below /_sandbox/, and the page."""

import asyncio
import base64
import binascii
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from sandbox.twilio import page
from sandbox.twilio.callbacks import CallbackPlan, Callbacks
from sandbox.twilio.errors import ApiError
from sandbox.twilio.faults import Faults, from_json
from sandbox.twilio.messages import Messages

_ACCOUNT = "/2010-04-01/Accounts/{account}"
_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_OUTCOMES = ("delivered", "undelivered", "failed")
_REFUSALS = {
    "429": ApiError(429, 20429, "Too Many Requests"),
    "500": ApiError(500, 20500, "Internal Server Error"),
    "503": ApiError(503, 20503, "Service Unavailable"),
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build(messages: Messages, callbacks: Callbacks, faults: Faults, *, account_sid: str, token: str) -> web.Application:
    wire = _Wire(messages, callbacks, faults, account_sid, token)

    @web.middleware
    async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if request.path.startswith("/2010-04-01/"):
                wire.authenticate(request)
            return await handler(request)
        except ApiError as error:
            return web.json_response(error.body(), status=error.status)

    async def background(app: web.Application) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(callbacks.run()), asyncio.create_task(wire.move())]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    app = web.Application(middlewares=[refusals], client_max_size=64 * 1024)
    app.cleanup_ctx.append(background)
    app.add_routes(
        [
            web.post(f"{_ACCOUNT}/Messages.json", wire.create),
            web.get(f"{_ACCOUNT}/Messages.json", wire.list),
            web.get(f"{_ACCOUNT}/Messages/{{sid}}.json", wire.fetch),
            web.post(f"{_ACCOUNT}/Messages/{{sid}}.json", wire.update),
            web.delete(f"{_ACCOUNT}/Messages/{{sid}}.json", wire.delete),
            web.get("/_sandbox/texts", wire.texts),
            web.put("/_sandbox/faults", wire.set_faults),
            web.put("/_sandbox/outcome", wire.set_outcome),
            web.put("/_sandbox/callbacks", wire.set_callbacks),
            web.post("/_sandbox/callbacks/deliver", wire.deliver),
            web.post("/_sandbox/callbacks/forge", wire.forge),
            web.put("/_sandbox/opted-out", wire.set_opted_out),
            web.get("/", wire.page),
            web.get("/style.css", wire.style),
        ]
    )
    return app


class _Wire:
    def __init__(self, messages: Messages, callbacks: Callbacks, faults: Faults, account_sid: str, token: str) -> None:
        self._messages, self._callbacks, self._faults = messages, callbacks, faults
        self._login = f"{account_sid}:{token}".encode()
        self._account_sid = account_sid
        self._news = asyncio.Event()
        messages.on_change(callbacks.take)

    def authenticate(self, request: web.Request) -> None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        try:
            login = base64.b64decode(given, validate=True) if scheme == "Basic" else b""
        except binascii.Error:
            login = b""
        if not hmac.compare_digest(login, self._login):
            raise ApiError(401, 20003, "Authenticate")
        if request.match_info.get("account", self._account_sid) != self._account_sid:
            raise ApiError(404, 20404, f"The requested resource {request.path} was not found")

    async def move(self) -> None:
        """Messages go their way by themselves, once their maker has been answered."""
        while True:
            if not self._messages.advance():
                self._news.clear()
                await self._news.wait()
            await asyncio.sleep(0)

    async def create(self, request: web.Request) -> web.StreamResponse:
        given = {name: str(value) for name, value in (await request.post()).items()}
        kind = self._faults.take(given.get("To", ""))
        if kind in _REFUSALS:
            raise _REFUSALS[kind]
        if kind == "drop_before":
            return _drop(request)
        if kind == "silent_before":
            await asyncio.Event().wait()
        text = self._messages.make(self._account_sid, given)
        self._news.set()
        if kind == "drop_after":
            return _drop(request)
        if kind == "silent_after":
            await asyncio.Event().wait()
        if kind == "error_after":
            raise _REFUSALS["500"]
        return web.json_response(text.as_json(), status=201)

    async def list(self, request: web.Request) -> web.Response:
        wanted = request.query.get("To")
        found = [text for text in reversed(self._messages.texts.values()) if wanted in (None, text.shown_to)]
        uri = str(request.rel_url)
        paging = {"page": 0, "page_size": len(found), "start": 0, "end": max(0, len(found) - 1), "uri": uri}
        links = {"first_page_uri": uri, "next_page_uri": None, "previous_page_uri": None}
        return web.json_response({"messages": [text.as_json() for text in found], **paging, **links})

    async def fetch(self, request: web.Request) -> web.Response:
        return web.json_response(self._messages.get(request.match_info["sid"]).as_json())

    async def update(self, request: web.Request) -> web.Response:
        if (await request.post()).get("Body") != "":
            raise ApiError(400, 20001, "Only an empty Body can be set: it redacts the message")
        return web.json_response(self._messages.redact(request.match_info["sid"]).as_json())

    async def delete(self, request: web.Request) -> web.Response:
        self._messages.remove(request.match_info["sid"])
        return web.Response(status=204)

    async def texts(self, request: web.Request) -> web.Response:
        """What is on the telephones, oldest first."""
        found = [
            {"id": text.sid, "to": text.to, "from": text.sender or text.service, "text": text.phone_text}
            | {"received_at": text.received_at}
            for text in self._messages.arrived()
        ]
        return web.json_response({"texts": found})

    async def set_faults(self, request: web.Request) -> web.Response:
        try:
            self._faults.plan(*from_json(await _json(request)))
        except ValueError as error:
            raise ApiError(400, 20001, str(error)) from None
        return web.json_response(self._faults.as_json())

    async def set_outcome(self, request: web.Request) -> web.Response:
        """`{"outcome": "undelivered", "error_code": 30003, "held": false}`"""
        given = await _json(request)
        if given.get("outcome", "delivered") not in _OUTCOMES:
            raise ApiError(400, 20001, f"outcome: one of {', '.join(_OUTCOMES)}")
        self._messages.outcome = given.get("outcome", "delivered")
        self._messages.error_code = int(given.get("error_code", 30003))
        self._messages.held = given.get("held") is True
        self._news.set()
        return web.json_response(given)

    async def set_callbacks(self, request: web.Request) -> web.Response:
        try:
            self._callbacks.plan = CallbackPlan(**await _json(request))
        except TypeError as error:
            raise ApiError(400, 20001, str(error)) from None
        return web.json_response(asdict(self._callbacks.plan))

    async def deliver(self, request: web.Request) -> web.Response:
        await _json(request)
        return web.json_response({"answers": await self._callbacks.deliver_now()})

    async def forge(self, request: web.Request) -> web.Response:
        given = await _json(request)
        text = self._messages.get(str(given.get("sid")))
        return web.json_response({"answer": await self._callbacks.forge(text, str(given.get("status", "delivered")))})

    async def set_opted_out(self, request: web.Request) -> web.Response:
        self._messages.opted_out = {str(number) for number in (await _json(request)).get("numbers", ())}
        return web.json_response({"numbers": sorted(self._messages.opted_out)})

    async def page(self, request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        shown = page.messages(list(self._messages.texts.values()), self._callbacks)
        return web.Response(text=shown, content_type="text/html", headers=headers)

    async def style(self, request: web.Request) -> web.Response:
        return web.Response(text=page.STYLE, content_type="text/css")


async def _json(request: web.Request) -> dict[str, Any]:
    if request.content_type != "application/json":  # so no form on a foreign page reaches it
        raise ApiError(415, 20001, "Content-Type must be application/json")
    try:
        given = await request.json()
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise ApiError(400, 20001, "The body is not a JSON object")
    return given


def _drop(request: web.Request) -> web.Response:
    """Cut the connection: the client learns nothing about what happened."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
