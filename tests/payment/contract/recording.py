"""A proxy on loopback that hands every call on to a payment service and writes down what went over the wire."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

_NOT_HANDED_ON = {"host", "content-length", "transfer-encoding", "connection", "accept-encoding"}
_HEARD = "Idempotent-Replayed"


@dataclass(frozen=True, slots=True)
class Exchange:
    method: str
    path: str
    sent: Any  # a form as pairs, JSON as it is
    status: int
    heard: dict[str, str]
    got: Any


@dataclass
class Recorder:
    """Knows neither keys nor passwords: headers are handed on and not written down."""

    target: str
    http: aiohttp.ClientSession
    url: str = ""
    exchanges: list[Exchange] = field(default_factory=list)

    async def hand_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _NOT_HANDED_ON}
        async with self.http.request(
            request.method, self.target + request.raw_path, data=body, headers=headers, allow_redirects=False
        ) as answer:
            raw = await answer.read()
        heard = {_HEARD: answer.headers[_HEARD]} if _HEARD in answer.headers else {}
        self.exchanges.append(
            Exchange(request.method, request.path, _sent(request, body), answer.status, heard, _json(raw))
        )
        kind = answer.headers.get("Content-Type", "")
        return web.Response(body=raw, status=answer.status, headers={"Content-Type": kind, **heard})


@contextlib.asynccontextmanager
async def recording(target: str) -> AsyncIterator[Recorder]:
    async with aiohttp.ClientSession() as http:
        recorder = Recorder(target.rstrip("/"), http)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", recorder.hand_on)
        server = TestServer(app, host="127.0.0.1")
        await server.start_server()
        recorder.url = str(server.make_url("")).rstrip("/")
        try:
            yield recorder
        finally:
            await server.close()


def _sent(request: web.Request, body: bytes) -> Any:
    query = sorted(request.query.items())
    if not body:
        return query
    if request.content_type == "application/json":
        return _json(body)
    return sorted([*query, *parse_qsl(body.decode(), keep_blank_values=True)])


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None
