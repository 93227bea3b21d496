"""The key under which pages find retention."""

from __future__ import annotations

from aiohttp import web

from payment.retention.usecases import Retention

RETENTION: web.AppKey[Retention] = web.AppKey("RETENTION", Retention)
