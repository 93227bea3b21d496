"""Cases of one service on two days, some of whose people wait for earlier times: real database, real holds and moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any
from uuid import UUID

from base.clock import SettableClock
from base.db import Database
from booking.appointments.contact import Contact
from booking.availability.model import JUST_ONE, Visit
from booking.waitlist.model import Offer, Wish
from booking.waitlist.passing_on import PassingOn
from booking.waitlist.telling import Teller
from booking.waitlist.usecases import Waitlist
from tests.booking.appointments.world import CaseWorld
from tests.booking.availability.city import TUESDAY, City, at, make_city
from tests.booking.holds.world import SEALER

THURSDAY = date(2026, 12, 3)
ANY = Wish()


class WaitWorld(CaseWorld):
    """`drawn` is what the source of chance says."""

    def __init__(self, db: Database, city: City, clock: SettableClock) -> None:
        super().__init__(db, city, clock)
        self.drawn = 0.5
        teller = Teller(self.announcer, SEALER, "http://localhost:8080")
        self.waitlist = Waitlist(
            db,
            self.appointments,
            self.availability,
            teller,
            clock,
            by_need=lambda service: service in self.given_by_need,
        )
        self.passing_on = PassingOn(db, self.appointments, city, teller, clock, lambda: self.drawn)

    async def booked(self, name: str, when: datetime, *, office: int | None = None, visit: Visit = JUST_ONE) -> UUID:
        """Confirmed, and paid where there is a fee."""
        hold = await self.hold(when, office=office, visit=visit)
        contact = Contact(name=name, email=f"{name.lower()}@example.org", language="de")
        ident = (await self.appointments.create(hold.id, contact, f"the key of {name} at {when}")).case.id
        await self.paid(ident)
        return ident

    async def waiting(self, name: str, when: datetime, wish: Wish = ANY, *, visit: Visit = JUST_ONE) -> UUID:
        ident = await self.booked(name, when, visit=visit)
        await self.waitlist.join(ident, wish)
        self.clock.advance(seconds=1)  # a rank of its own
        return ident

    async def offer(self, ident: UUID) -> Offer | None:
        return (await self.waitlist.standing(ident)).offer

    async def offered(self, ident: UUID) -> Offer:
        found = await self.offer(ident)
        assert found is not None
        return found

    async def work(self) -> None:
        """What the worker's duties do, until nothing is left to do."""
        while await self.passing_on.pass_on():
            pass
        await self.appointments.expire_bare()

    async def rows(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        async with self.db.connection() as conn:
            return [tuple(row) for row in await conn.fetch(sql, *args)]

    async def is_public(self, when: datetime) -> bool:
        """Whether everybody is shown this time."""
        await self.poll()
        offer, (office,) = self.availability.get_offer(self.city.service_id, "onsite", [self.city.office])
        return bool(self.availability.candidates(offer, office, when))


@asynccontextmanager
async def wait_world(
    db: Database, change: Callable[[City], City] = lambda city: city, **city: Any
) -> AsyncIterator[WaitWorld]:
    """Tuesday, seven o'clock; one counter, open on Tuesday and Thursday from eight to twelve."""
    async with db.connection() as conn:
        given: dict[str, Any] = {"fee_cents": 3700, "counters": 1, "days": (TUESDAY, THURSDAY)}
        made = await make_city(conn, **(given | city))
    world = WaitWorld(db, change(made), SettableClock(at(TUESDAY, 7)))
    await world.start()
    try:
        yield world
    finally:
        await world.stop()


def tuesday(hour: int, minute: int = 0) -> datetime:
    return at(TUESDAY, hour, minute)


def thursday(hour: int, minute: int = 0) -> datetime:
    return at(THURSDAY, hour, minute)
