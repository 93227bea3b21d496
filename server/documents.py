"""What describes the service to other programs."""

from __future__ import annotations

import functools
import json

from aiohttp import web

from base.web import ANYONE, Endpoint, text_reply


async def openapi(request: web.Request) -> web.Response:
    return text_reply(_openapi(), "application/json", {"Cache-Control": "public, max-age=3600"})


async def robots(request: web.Request) -> web.Response:
    """Cases are nobody's search result."""
    return text_reply(b"User-agent: *\nDisallow: /api/\nDisallow: /de/case/\nDisallow: /en/case/\n", "text/plain")


@functools.cache
def _openapi() -> bytes:
    from server.app import openapi as document

    return json.dumps(document(), ensure_ascii=False).encode()


ENDPOINTS = [
    Endpoint(method="GET", path="/api/openapi.json", handler=openapi, who=ANYONE, summary="This document", page=True),
    Endpoint(method="GET", path="/robots.txt", handler=robots, who=ANYONE, summary="For crawlers", page=True),
]
