"""The sandbox over HTTP: the standard's calls, a token for them, the payment page, and a control plane on a prefix of its own."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from sandbox.xbezahldienste import pages
from sandbox.xbezahldienste.checks import Json, Problem
from sandbox.xbezahldienste.faults import Faults, from_json
from sandbox.xbezahldienste.machine import Machine, Transaction

USER, PASSWORD = "schalter", "sandbox"
_STYLE = (Path(__file__).parents[1] / "page.css").read_text()


class Server:
    """`saved` is called after each change."""

    def __init__(self, machine: Machine, faults: Faults, saved: Callable[[], None] = lambda: None) -> None:
        self.machine = machine
        self.faults = faults
        self._saved = saved
        self._tokens: set[str] = set()

    def app(self) -> web.Application:
        app = web.Application()
        place = "/paymenttransaction/{originator}/{endpoint}"
        app.add_routes(
            [
                web.post(place, self._create),
                web.get(place + "/{transaction}", self._look),
                web.get("/status/{originator}/{endpoint}", self._status),
                web.post("/oauth/token", self._token),
                web.get("/", self._front),
                web.get("/pay/style.css", self._style),
                web.get("/pay/{transaction}", self._show),
                web.post("/pay/{transaction}", self._act),
                web.get("/_sandbox/transactions", self._all),
                web.post("/_sandbox/transactions/{transaction}/{act:pay|fail|cancel}", self._control),
                web.put("/_sandbox/faults", self._plan),
            ]
        )
        return app

    async def _create(self, request: web.Request) -> web.StreamResponse:
        try:
            body = json.loads(await request.text(), parse_float=Decimal)
        except ValueError:
            body = None
        return await self._api(request, lambda: self.machine.create(*_place(request), body))

    async def _look(self, request: web.Request) -> web.StreamResponse:
        return await self._api(request, lambda: self.machine.look(*_place(request), request.match_info["transaction"]))

    async def _status(self, request: web.Request) -> web.StreamResponse:
        def admitted() -> Json:
            self.machine.admit(*_place(request))
            return {"status": "OK"}

        return await self._api(request, admitted)

    async def _api(self, request: web.Request, work: Callable[[], Json]) -> web.StreamResponse:
        self.machine.origin = str(request.url.origin())
        fault = self.faults.take(request.method)
        if fault == "drop_before":
            return _cut(request)
        if fault == "error_before":
            return web.Response(status=500, text="broken")
        try:
            if fault == "forbid" or not self._knows(request):
                raise Problem(401, "FORBIDDEN", "who are you?")
            answer = work()
        except Problem as problem:
            return _problem(problem)
        self._saved()
        if fault == "drop_after":
            return _cut(request)
        if fault == "error_after":
            return web.Response(status=500, text="broken")
        if fault == "silent":
            await asyncio.sleep(3600)  # until the caller hangs up
        text = _text(answer)
        return web.Response(text=text[: len(text) // 2] if fault == "garble" else text, content_type="application/json")

    def _knows(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "")
        return given == aiohttp.encode_basic_auth(USER, PASSWORD) or given.removeprefix("Bearer ") in self._tokens

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if (form.get("grant_type"), form.get("client_id"), form.get("client_secret")) != (
            "client_credentials",
            USER,
            PASSWORD,
        ):
            return web.json_response({"error": "invalid_client"}, status=401)
        token = secrets.token_hex(8)
        self._tokens = {token}  # an older one has run out
        return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": 300})

    async def _style(self, request: web.Request) -> web.Response:
        return web.Response(text=_STYLE, content_type="text/css")

    async def _front(self, request: web.Request) -> web.Response:
        return _html(pages.front(list(self.machine.transactions.values())[:-21:-1]))

    def _transaction(self, request: web.Request) -> Transaction:
        try:
            return self.machine.get(request.match_info["transaction"])
        except Problem:
            raise web.HTTPNotFound(
                text=pages.document("There is no such payment", ""), content_type="text/html"
            ) from None

    async def _show(self, request: web.Request) -> web.Response:
        one = self._transaction(request)
        return _html(pages.pay(one), one)

    async def _act(self, request: web.Request) -> web.Response:
        one, action = self._transaction(request), str((await request.post()).get("action"))
        try:
            match action:
                case "pay" | "stay":
                    self.machine.pay(one.id)
                case "fail":
                    self.machine.fail(one.id)
                case "cancel":
                    self.machine.cancel(one.id)
        except Problem:  # over meanwhile: the page says so
            raise web.HTTPSeeOther(f"/pay/{one.id}") from None
        self._saved()
        if action == "stay":
            return _html(pages.stayed(one), one)
        raise web.HTTPSeeOther(one.asked["redirectUrl"])

    async def _all(self, request: web.Request) -> web.Response:
        shown = [self.machine.shown(ident) for ident in self.machine.transactions]
        return web.Response(text=_text(shown), content_type="application/json")

    async def _control(self, request: web.Request) -> web.Response:
        act = {"pay": self.machine.pay, "fail": self.machine.fail, "cancel": self.machine.cancel}
        try:
            one = act[request.match_info["act"]](request.match_info["transaction"])
        except Problem as problem:
            return _problem(problem)
        self._saved()
        return web.Response(text=_text(self.machine.shown(one.id)), content_type="application/json")

    async def _plan(self, request: web.Request) -> web.Response:
        try:
            self.faults.plan(*from_json(await request.json()))
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"planned": len(self.faults.planned)})


def _place(request: web.Request) -> tuple[str, str]:
    return request.match_info["originator"], request.match_info["endpoint"]


def _text(answer: Any) -> str:
    return json.dumps(answer, default=float)


def _problem(problem: Problem) -> web.Response:
    return web.Response(text=_text(problem.body), status=problem.status, content_type="application/problem+json")


def _cut(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def _html(text: str, one: Transaction | None = None) -> web.Response:
    back = f" {URL(one.asked['redirectUrl']).origin()}" if one is not None else ""
    policy = f"default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'{back}"
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return web.Response(text=text, content_type="text/html", headers=headers)
