"""What handlers find in the application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from aiohttp import web

from base.clock import Clock
from base.config import Settings
from base.db import Database
from base.errors import DomainError
from base.feed import Feed
from base.i18n import Translations
from base.identity.model import Principal
from base.identity.usecases import Identity
from base.seal import Sealer
from base.templates import Templates
from base.web.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class StaffOnly:
    """Besides its token, this needs somebody signed in with this permission: for the office, or (None) for the whole city."""

    permission: str
    office_id: int | None


AccessCheck = Callable[[UUID, str], Awaitable[bool]]  # (id in the path, token) -> does the token belong to it?
SeatCheck = Callable[[UUID, str], Awaitable[StaffOnly | None]]  # (room, token) -> what else it takes to sit there
ErrorPage = Callable[[web.Request, DomainError], web.Response]

SETTINGS: web.AppKey[Settings] = web.AppKey("SETTINGS", Settings)
CLOCK: web.AppKey[Clock] = web.AppKey("CLOCK")
DATABASE: web.AppKey[Database] = web.AppKey("DATABASE", Database)
SEALER: web.AppKey[Sealer] = web.AppKey("SEALER", Sealer)
TRANSLATIONS: web.AppKey[Translations] = web.AppKey("TRANSLATIONS", Translations)
TEMPLATES: web.AppKey[Templates] = web.AppKey("TEMPLATES", Templates)
ACCESS: web.AppKey[Mapping[str, AccessCheck]] = web.AppKey(
    "ACCESS"
)  # "case", "hold", "room", "request" to their checks
SEAT_CHECK: web.AppKey[SeatCheck] = web.AppKey("SEAT_CHECK")
FEED: web.AppKey[Feed] = web.AppKey("FEED", Feed)
IDENTITY: web.AppKey[Identity] = web.AppKey("IDENTITY", Identity)
ERROR_PAGE: web.AppKey[ErrorPage] = web.AppKey("ERROR_PAGE")
DRAINING: web.AppKey[asyncio.Event] = web.AppKey("DRAINING", asyncio.Event)  # /readyz says no
STOPPING: web.AppKey[asyncio.Event] = web.AppKey("STOPPING", asyncio.Event)  # endless handlers end

ENDPOINT: web.RequestKey[Endpoint] = web.RequestKey("ENDPOINT", Endpoint)
STAFF: web.RequestKey[Principal] = web.RequestKey("STAFF", Principal)  # who has signed in, on endpoints for staff
