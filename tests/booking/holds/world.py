"""Holds over a database, with a mirror that is polled by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import uuid4

from base.clock import SettableClock
from base.db import Database
from base.seal import Sealer
from booking.availability.mirror import Mirror
from booking.availability.model import JUST_ONE, Visit
from booking.availability.usecases import Availability
from booking.holds.batch import Batcher
from booking.holds.model import Hold
from booking.holds.owners import Owners
from booking.holds.usecases import Holds
from tests.booking.availability.city import City

SEALER = Sealer("a secret for tests, long enough for the rule")


class HoldWorld:
    """What one web process has. Two of them on one database are two processes that see each other's writes only by polling."""

    def __init__(self, db: Database, city: City, clock: SettableClock, *, listen: str = "") -> None:
        self.db = db
        self.city = city
        self.clock = clock
        self.mirror = Mirror(clock, 3)
        self.availability = Availability(self.mirror, city, clock, lead_minutes=5, gap_minutes=10)
        self.batcher = Batcher(db, clock)
        self.owners = Owners(db, SEALER, listen)
        self.given_by_need: set[int] = set()
        self.holds = Holds(
            db,
            self.availability,
            self.batcher,
            city.fee_on,
            SEALER,
            clock,
            self.owners,
            by_need=lambda service: service in self.given_by_need,
        )
        self._watermark = 0

    async def start(self) -> None:
        async with self.db.connection() as conn:
            self._watermark = await self.mirror.start(conn)
        await self.batcher.start()
        await self.owners.start(self.holds.answer)

    async def stop(self) -> None:
        await self.owners.stop()
        await self.batcher.stop()

    async def poll(self) -> None:
        async with self.db.connection() as conn:
            self._watermark, _ = await self.mirror.poll(conn, self._watermark)

    async def hold(
        self, starts_at: datetime, *, key: str | None = None, office: int | None = None, visit: Visit = JUST_ONE
    ) -> Hold:
        office = self.city.office if office is None else office
        return await self.holds.hold(self.city.service_id, "onsite", office, starts_at, key or uuid4().hex, visit=visit)


@asynccontextmanager
async def hold_world(db: Database, city: City, clock: SettableClock, *, listen: str = "") -> AsyncIterator[HoldWorld]:
    world = HoldWorld(db, city, clock, listen=listen)
    await world.start()
    try:
        yield world
    finally:
        await world.stop()
