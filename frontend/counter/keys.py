"""What the pages of counter and board find in the application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from aiohttp import web

from base.web.live import Fragments
from booking.queue.feed import QueueSource
from booking.queue.usecases import Queue

VideoUrl = Callable[[UUID, str], Awaitable[str | None]]  # (reference, language) -> where the clerk enters the call

QUEUE: web.AppKey[Queue] = web.AppKey("QUEUE", Queue)
QUEUE_SOURCE: web.AppKey[QueueSource] = web.AppKey("QUEUE_SOURCE", QueueSource)
FRAGMENTS: web.AppKey[Fragments] = web.AppKey("FRAGMENTS", Fragments)
VIDEO_URL: web.AppKey[VideoUrl] = web.AppKey("VIDEO_URL")
