"""One answer for all who send the same request while it is under way: each by itself would take another counter in memory until it is
refused, and people who want these would be sent away."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

from booking.holds.model import Hold
from booking.holds.refusals import TooBusy


class Sharing:
    """At most `at_once` requests are under way."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._running: dict[UUID, asyncio.Task[Hold]] = {}

    def __contains__(self, ident: UUID) -> bool:
        return ident in self._running

    async def shared(self, ident: UUID, work: Coroutine[Any, Any, Hold]) -> Hold:
        """Raises TooBusy, and what `work` raises."""
        running = self._running.get(ident)
        if running is None and len(self._running) >= self._at_once:
            work.close()
            raise TooBusy
        if running is None:
            running = asyncio.create_task(work)
            self._running[ident] = running
            running.add_done_callback(lambda task: self._forget(ident, task))
        else:
            work.close()
        return await asyncio.shield(running)  # whoever waits may go; the others still want an answer

    async def ended(self, ident: UUID) -> None:
        """Whatever came of it."""
        if ident in self._running:
            await asyncio.wait([self._running[ident]])

    def _forget(self, ident: UUID, task: asyncio.Task[Hold]) -> None:
        del self._running[ident]
        if not task.cancelled():
            task.exception()  # looked at, so that nobody warns where everybody has gone
