"""What the pages of counter and board find in the application."""

from __future__ import annotations

from aiohttp import web

from base.web.live import Fragments
from booking.queue.feed import QueueSource
from booking.queue.usecases import Queue

QUEUE: web.AppKey[Queue] = web.AppKey("QUEUE", Queue)
QUEUE_SOURCE: web.AppKey[QueueSource] = web.AppKey("QUEUE_SOURCE", QueueSource)
FRAGMENTS: web.AppKey[Fragments] = web.AppKey("FRAGMENTS", Fragments)
