"""Figures for Prometheus, by route and status: never by person, never with an id in a label."""

from __future__ import annotations

import time

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """One registry per application, so that two in one process do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "schalter_http_requests_total",
            "Answers by route and status",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "schalter_http_seconds",
            "Time to answer",
            ["method", "route"],
            buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )
        self.queue_due = Gauge("schalter_outbox_due", "Rows waiting in an outbox", ["table"], registry=self.registry)
        self.queue_dead = Gauge("schalter_outbox_dead", "Rows given up in an outbox", ["table"], registry=self.registry)
        self.refunds_failed = Gauge("schalter_refunds_failed", "Refunds that need a person", registry=self.registry)
        self.payments_attention = Gauge(
            "schalter_payments_attention", "Payments that do not fit and need a person", registry=self.registry
        )
        self.payments_uncovered = Gauge(
            "schalter_payments_uncovered",
            "Fees whose reservation has run out, with nothing paid in its place",
            registry=self.registry,
        )
        self.disputes_open = Gauge(
            "schalter_disputes_open", "Disputes that wait for evidence or do not fit", registry=self.registry
        )
        self.refunds_waiting = Gauge(
            "schalter_refunds_waiting", "Refunds that wait for a person's approval", registry=self.registry
        )
        self.refunds_waiting_seconds = Gauge(
            "schalter_refunds_waiting_seconds", "How long the oldest of them waits", registry=self.registry
        )
        self.media_workers = Gauge(
            "schalter_media_workers", "Media workers with a living lease", registry=self.registry
        )
        self.feed_healthy = Gauge(
            "schalter_feed_healthy", "1 while the change feed can be read", registry=self.registry
        )

    def render(self) -> bytes:
        return generate_latest(self.registry)

    def middleware(self) -> object:
        counted: dict[tuple[str, str, int], Counter] = {}  # looking a child up by its labels costs more than counting
        timed: dict[tuple[str, str], Histogram] = {}

        @web.middleware
        async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
            began = time.perf_counter()
            status = 500
            try:
                response = await handler(request)
                status = response.status
                return response
            finally:
                resource = request.match_info.route.resource
                route = resource.canonical if resource is not None else "none"
                method = request.method if request.method in ("GET", "POST", "DELETE", "HEAD", "OPTIONS") else "other"
                counter = counted.get((method, route, status))
                if counter is None:
                    counter = counted[method, route, status] = self.requests.labels(method, route, status)
                    timed[method, route] = self.seconds.labels(method, route)
                counter.inc()
                timed[method, route].observe(time.perf_counter() - began)

        return measured


METRICS: web.AppKey[Metrics] = web.AppKey("METRICS", Metrics)
