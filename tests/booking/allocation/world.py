"""A city whose one service is given out by need: real database, real holds and cases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from base.clock import SettableClock
from base.db import Connection, Database
from base.i18n import Translations
from booking.allocation.asked import Asked
from booking.allocation.documents import Documents
from booking.allocation.marking import Marking
from booking.allocation.runs import Plan, Runs
from booking.allocation.telling import Teller
from booking.allocation.usecases import Allocation
from booking.allocation.words import Words
from booking.appointments.contact import Contact
from booking.availability.model import ANYBODY, Who, Window
from tests.booking.appointments.world import CaseWorld
from tests.booking.availability.city import City, at, make_city
from tests.booking.holds.world import SEALER

THURSDAY = date(2026, 12, 3)
SOURCE = "Lotto 6 aus 49, Ziehung am 2.12.2026"
SEED = "4 9 17 23 31 46"


class NeedWorld(CaseWorld):
    """Runs close in one hour, the seed comes in two, and all is released within a day."""

    def __init__(self, db: Database, city: City, clock: SettableClock, clerk: int) -> None:
        super().__init__(db, city, clock)
        self.clerk = clerk
        self.given_by_need.add(city.service_id)
        teller = Teller(self.notifications, SEALER, clock, "http://localhost:8080")
        self.allocation = Allocation(db, teller, SEALER, clock)
        self.marking = Marking(db, teller, clock)
        self.runs = Runs(
            db, self.allocation, self.availability, city.fee_on, self.appointments, SEALER, Translations.load(), clock
        )
        self.documents = Documents(db, SEALER, clock)
        self.words = Words(db, self.runs, teller, self.appointments, clock)

    async def files(self, run: UUID) -> tuple[bytes, bytes]:
        """The published list and result; empty: not yet."""
        found = await self.runs.files(run)
        return found.list or b"", found.result or b""

    def plan(self, slots: int = 3, **changes: object) -> Plan:
        now = self.clock()
        fields: dict[str, object] = {
            "service_id": self.city.service_id,
            "channel": "onsite",
            "offices": (),
            "days": Window(THURSDAY, THURSDAY),
            "slots": slots,
            "closes_at": now + timedelta(hours=1),
            "seed_source": SOURCE,
            "seed_at": now + timedelta(hours=2),
            "release_by": now + timedelta(days=1),
        }
        return Plan(**(fields | changes))  # type: ignore[arg-type]

    def asked(
        self, contact: Contact, deadline: date | None = None, reason: str = "", *, born: int = 1990, who: Who = ANYBODY
    ) -> Asked:
        return Asked(
            service_id=self.city.service_id,
            contact=contact,
            birth_date=date(born, 1, 1),
            deadline=deadline,
            reason=reason,
            who=who,
        )

    async def ask(self, name: str, deadline: date | None = None, *, email: str = "", born: int = 1990) -> UUID:
        """Asked, verified by the link."""
        contact = Contact(name=name, email=email or f"{name.split()[0].lower()}@example.org", language="de")
        ident = await self.allocation.ask(self.asked(contact, deadline, born=born), uuid4())
        await self.allocation.verify(ident)
        return ident

    async def enter(self, name: str, deadline: date | None = None) -> UUID:
        """By staff, for somebody without e-mail; confirmed."""
        contact = Contact(name=name, mobile="0151 23456789", language="de")
        ident = await self.allocation.ask(self.asked(contact, deadline), uuid4(), entered_by=self.clerk)
        await self.allocation.confirm(ident, deadline, "Document seen", self.clerk)
        return ident

    async def take_part(self, name: str, deadline: date | None = None) -> UUID:
        ident = await self.ask(name, deadline)
        await self.allocation.confirm(ident, deadline, "Document seen", self.clerk)
        return ident

    async def open(self, slots: int = 3, *, key: UUID | None = None, **changes: object) -> UUID:
        return await self.runs.open(self.plan(slots, **changes), self.clerk, key or uuid4())

    async def ranked(self, slots: int = 3) -> UUID:
        run = await self.open(slots)
        self.clock.advance(hours=1)
        await self.runs.close_due()
        self.clock.advance(hours=1)
        await self.runs.enter_seed(run, SEED, self.clerk)
        return run

    async def second_clerk(self) -> int:
        [(ident,)] = await self.rows(
            "INSERT INTO account (login, name, password_hash) VALUES ('karl', 'Karl', '$argon2id$none') RETURNING id"
        )
        return int(str(ident))

    async def rows(self, sql: str, *args: object) -> list[tuple[object, ...]]:
        async with self.db.connection() as conn:
            return [tuple(row) for row in await conn.fetch(sql, *args)]


async def make_need(conn: Connection, fee_cents: int = 0) -> tuple[City, int]:
    city = await make_city(conn, days=(THURSDAY,), fee_cents=fee_cents)
    clerk = await conn.fetchval(
        "INSERT INTO account (login, name, password_hash) VALUES ('rosa', 'Rosa', '$argon2id$none') RETURNING id"
    )
    await conn.execute("INSERT INTO allocation_service (service_id) VALUES ($1)", city.service_id)
    return city, clerk


@asynccontextmanager
async def need_world(db: Database, clock: SettableClock, *, fee_cents: int = 0) -> AsyncIterator[NeedWorld]:
    async with db.connection() as conn:
        city, clerk = await make_need(conn, fee_cents)
    world = NeedWorld(db, city, clock, clerk)
    await world.start()
    try:
        yield world
    finally:
        await world.batcher.stop()


def moment(hour: int, minute: int = 0) -> datetime:
    return at(THURSDAY, hour, minute)
