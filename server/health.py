"""For the data centre: is it alive, may it get requests, what does it count."""

from __future__ import annotations

import asyncio

import asyncpg
from aiohttp import web

from base.db import Database
from base.feed import Feed
from base.metrics import METRICS, Metrics
from base.migrate import missing
from base.web import ANYONE, DATABASE, DRAINING, Endpoint

FEED: web.AppKey[Feed] = web.AppKey("FEED", Feed)

_OUTBOX = """
    SELECT 'job' AS name, count(*) FILTER (WHERE status = 'due') AS due, count(*) FILTER (WHERE status = 'dead') AS dead FROM job
    UNION ALL
    SELECT 'message', count(*) FILTER (WHERE status = 'due'), count(*) FILTER (WHERE status = 'dead') FROM message"""


async def healthz(request: web.Request) -> web.Response:
    """The event loop answers; nothing else is asked."""
    return web.json_response({"status": "alive"})


async def readyz(request: web.Request) -> web.Response:
    """503 with the reason while this process should get no requests."""
    reason = await _not_ready(request)
    return web.json_response({"status": reason or "ready"}, status=503 if reason else 200)


async def _not_ready(request: web.Request) -> str | None:
    if request.app[DRAINING].is_set():
        return "draining"
    try:
        async with asyncio.timeout(2), request.app[DATABASE].connection() as conn:
            if await missing(conn):
                return "migrations are missing"
    except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return "database not reachable"
    if not request.app[FEED].healthy:
        return "change feed is behind"
    return None


async def metrics(request: web.Request) -> web.Response:
    figures = request.app[METRICS]
    await _read_outbox(request.app[DATABASE], figures)
    figures.feed_healthy.set(1 if request.app[FEED].healthy else 0)
    return web.Response(body=figures.render(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


async def _read_outbox(db: Database, figures: Metrics) -> None:
    async with db.connection() as conn:
        for row in await conn.fetch(_OUTBOX):
            figures.queue_due.labels(row["name"]).set(row["due"])
            figures.queue_dead.labels(row["name"]).set(row["dead"])


ENDPOINTS = [
    Endpoint(method="GET", path="/healthz", handler=healthz, who=ANYONE, summary="Alive", page=True),
    Endpoint(method="GET", path="/readyz", handler=readyz, who=ANYONE, summary="Ready for requests", page=True),
    Endpoint(method="GET", path="/metrics", handler=metrics, who=ANYONE, summary="Prometheus", page=True),
]
