"""The web process: listen, and on SIGTERM say "not ready" first, so that a balancer stops sending before we stop listening."""

from __future__ import annotations

import asyncio
import logging
import signal

from aiohttp import web

from base.collecting import leave_what_stays
from base.config import Settings
from base.web import DRAINING, STOPPING
from server.app import build

log = logging.getLogger(__name__)


async def serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT. Requests under way are finished; endless handlers end at once."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    app = build(settings)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=15)
    await runner.setup()
    await web.TCPSite(runner, settings.host, settings.port, reuse_port=True, backlog=1024).start()
    leave_what_stays()
    log.info("web.listening", extra={"port": settings.port})
    try:
        await stop.wait()
        app[DRAINING].set()
        await asyncio.sleep(settings.drain_seconds)
    finally:
        app[STOPPING].set()
        await runner.cleanup()
        log.info("web.stopped")
