"""A city whose counters are closed with people in them: the web's part and the worker's over one database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from base.clock import SettableClock
from base.db import Connection, Database
from booking.appointments.contact import Contact
from booking.appointments.model import Case
from booking.catalogue.hours_changes import HoursChanges
from booking.catalogue.usecases import Catalogue
from booking.queue.arriving import has_arrived
from booking.rebooking.model import Entry, IfSilent, Offered, Plan, Rebooking
from booking.rebooking.rebooker import Rebooker
from booking.rebooking.usecases import Rebookings
from tests.booking.appointments.world import ANNA, CaseWorld
from tests.booking.availability.city import TUESDAY, City, at, make_city
from tests.booking.holds.world import SEALER
from tests.invariants import faults

MONDAY = TUESDAY - timedelta(days=1)
DAYS = [TUESDAY + timedelta(days=n) for n in range(4)]
NINE = at(DAYS[1], 9)  # on Wednesday; the clock says Monday morning


class ClosingWorld(CaseWorld):
    def __init__(self, db: Database, city: City, clock: SettableClock) -> None:
        super().__init__(db, city, clock)
        hours = HoursChanges(db, clock, draw=SEALER.draw, horizon_days=10)
        self.rebookings = Rebookings(db, hours, self.appointments, self.slots, city, clock)
        self.rebooker = self.worker(clock)
        self.boss = 0

    def worker(self, clock: SettableClock) -> Rebooker:
        return Rebooker(
            self.db,
            Catalogue(self.db, clock),
            self.city,
            self.appointments,
            self.rebookings,
            self.slots,
            has_arrived,
            clock,
            horizon_days=10,
        )

    async def booked(self, starts_at: datetime = NINE, contact: Contact = ANNA) -> UUID:
        await self.poll()
        ident = (await self.create(starts_at, contact)).case.id
        await self.paid(ident)
        await self.poll()
        return ident

    def plan(self, day: date = DAYS[1], **changes: Any) -> Plan:
        given: dict[str, Any] = {
            "office_id": self.city.office,
            "counter_id": None,
            "starts_at": at(day, 0),
            "ends_at": at(day + timedelta(days=1), 0),
            "reason": "Burst pipe",
            "if_silent": IfSilent.TELEPHONE,
        }
        return Plan(**(given | changes))

    async def close(self, key: str = "", **changes: Any) -> UUID:
        return await self.rebookings.close(self.plan(**changes), self.boss, key or uuid4().hex)

    async def closed_and_offered(self, **changes: Any) -> UUID:
        ident = await self.close(**changes)
        await self.rebooker.run()
        return ident

    async def of(self, appointment_id: UUID) -> tuple[Rebooking, list[Offered]]:
        found = await self.rebookings.of_case(appointment_id)
        assert found is not None
        return found[0], list(found[1])

    async def take(self, appointment_id: UUID, starts_at: datetime) -> Case:
        """As staff do on the telephone."""
        found, _ = await self.of(appointment_id)
        return await self.rebookings.take(
            Entry(found.office_id, found.closing_id, appointment_id), found.office_id, starts_at
        )

    async def status(self, appointment_id: UUID) -> str:
        return (await self.of(appointment_id))[0].status.value

    async def taken(self) -> list[int]:
        """Statuses of all time ever taken, sorted; sound, whatever has happened."""
        async with self.db.connection() as conn:
            assert await faults(conn) == {}
        return sorted(status for status, _ in await self.claims())


@asynccontextmanager
async def closing_world(
    db: Database, change: Callable[[Connection, City], Awaitable[City]] | None = None, **city: Any
) -> AsyncIterator[ClosingWorld]:
    async with db.connection() as conn:
        given: dict[str, Any] = {"fee_cents": 3700, "days": DAYS}
        made = await make_city(conn, **(given | city))
        if change is not None:
            made = await change(conn, made)
        boss = await conn.fetchval(
            "INSERT INTO account (login, name, password_hash) VALUES ('boss', 'Boss', '$argon2id$none') RETURNING id"
        )
    world = ClosingWorld(db, made, SettableClock(at(MONDAY, 7)))
    world.boss = boss
    await world.start()
    try:
        yield world
    finally:
        await world.stop()
