"""For the data centre: is it alive, may it get requests, what does it count."""

from __future__ import annotations

import asyncio

from aiohttp import web

from base.db import database_is_away
from base.jobs import outbox_counts
from base.metrics import METRICS
from base.migrate import missing
from base.web import ANYONE, CLOCK, DATABASE, DRAINING, FEED, Endpoint
from payment.endpoints import PAYMENTS
from video.rooms.lease_store import living

__all__ = ["ENDPOINTS", "FEED"]


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
    except Exception as error:
        if not database_is_away(error):
            raise
        return "database not reachable"
    if not request.app[FEED].healthy:
        return "change feed is behind"
    return None


async def metrics(request: web.Request) -> web.Response:
    """Figures of this process always; those of the database while it answers."""
    figures = request.app[METRICS]
    figures.feed_healthy.set(1 if request.app[FEED].healthy else 0)
    try:
        async with asyncio.timeout(2), request.app[DATABASE].connection() as conn:
            for table, (due, dead) in (await outbox_counts(conn)).items():
                figures.queue_due.labels(table).set(due)
                figures.queue_dead.labels(table).set(dead)
            figures.media_workers.set(len(await living(conn)))
        async with asyncio.timeout(2):
            troubles = await request.app[PAYMENTS].troubles()
        figures.refunds_failed.set(troubles.failed_refunds)
        figures.payments_attention.set(troubles.attention)
        figures.disputes_open.set(troubles.disputes)
        figures.payments_uncovered.set(troubles.uncovered)
        now = request.app[CLOCK]()
        figures.refunds_waiting.set(troubles.waiting)
        figures.refunds_waiting_seconds.set((now - (troubles.waiting_since or now)).total_seconds())
    except Exception as error:
        if not database_is_away(error):
            raise
    return web.Response(body=figures.render(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


ENDPOINTS = [
    Endpoint(method="GET", path="/healthz", handler=healthz, who=ANYONE, summary="Alive", page=True),
    Endpoint(method="GET", path="/readyz", handler=readyz, who=ANYONE, summary="Ready for requests", page=True),
    Endpoint(method="GET", path="/metrics", handler=metrics, who=ANYONE, summary="Prometheus", page=True),
]
