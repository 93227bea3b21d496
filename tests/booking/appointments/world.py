"""Cases over a database: everything real but the payment provider."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from base.clock import SettableClock
from base.db import Connection, Database
from base.i18n import Translations
from booking.appointments.announce import Announcer
from booking.appointments.calls import Calls
from booking.appointments.contact import Contact
from booking.appointments.hooks import CaseHooks
from booking.appointments.model import Case, Created
from booking.appointments.slots_pg import PgSlots
from booking.appointments.usecases import Appointments
from booking.queue.arriving import has_arrived, is_called, let_go
from notifications.messages import Messages
from notifications.model import Contents
from notifications.usecases import Notifications
from payment.books_pg import PgBooks
from payment.psp_counter import CounterProvider
from payment.till.model import COUNTER
from payment.usecases import Payments
from tests.booking.appointments.toy_provider import ToyProvider
from tests.booking.availability.city import TUESDAY, City, at, make_city
from tests.booking.holds.world import SEALER, HoldWorld
from video.rooms.model import Seat
from video.rooms.usecases import Rooms

ANNA = Contact(name="Anna Häberle", email="anna@example.org", language="de")
NINE = at(TUESDAY, 9)


class NobodyListens:
    """RoomHooks where nothing follows from a call."""

    async def on_waiting(self, conn: Connection, reference: UUID, seat: Seat) -> None: ...

    async def on_left(self, conn: Connection, reference: UUID, seat: Seat) -> None: ...

    async def on_ended(self, conn: Connection, reference: UUID) -> None: ...

    async def is_called(self, conn: Connection, reference: UUID) -> bool:
        return False


class CaseWorld(HoldWorld):
    def __init__(self, db: Database, city: City, clock: SettableClock) -> None:
        super().__init__(db, city, clock)
        translations = Translations.load()
        self.notifications = Notifications(
            db=db,
            sealer=SEALER,
            clock=clock,
            messages=Messages(translations, mail_from="termine@example.org"),
            mail=None,
        )
        calls = Calls(Rooms(db, NobodyListens(), SEALER, clock), "http://localhost:8080")
        self.announcer = Announcer(self.notifications, SEALER, clock, "http://localhost:8080", calls)
        self.slots, books = PgSlots(self.announcer), PgBooks(db)
        self.provider = ToyProvider()
        self.payments = Payments(
            books,
            {"toy": self.provider, COUNTER: CounterProvider(db, clock)},
            CaseHooks(self.slots, clock, has_arrived, let_go),
            clock,
            uuid4,
        )
        self.appointments = Appointments(
            db,
            books.transaction,
            self.slots,
            self.payments,
            self.notifications,
            self.announcer,
            translations,
            SEALER,
            clock,
            calls,
            city,
            is_called,
            has_arrived,
            let_go,
        )

    async def create(self, starts_at: datetime = NINE, contact: Contact = ANNA) -> Created:
        hold = await self.hold(starts_at)
        return await self.appointments.create(hold.id, contact, uuid4().hex)

    async def paid(self, ident: UUID) -> None:
        """Through the provider, and back by the return page."""
        await self.appointments.pay(ident, "http://back")
        payment = (await self.appointments.case(ident)).payment
        assert payment is not None
        self.provider.pay(payment.id)
        await self.appointments.settle(ident)

    async def move(self, ident: UUID, hold_id: UUID) -> Case:
        await self.appointments.move(ident, hold_id, "http://moved")
        return await self.appointments.case(ident)

    async def messages(self) -> list[tuple[str, dict[str, Any]]]:
        async with self.db.connection() as conn:
            rows = await conn.fetch("SELECT key, template, contents FROM message ORDER BY created_at, template")
        opened = [(row, SEALER.open(row["contents"], f"message.contents:{row['key']}")) for row in rows]
        return [(row["template"], dict(Contents.from_json(text).fields)) for row, text in opened]

    async def claims(self) -> list[tuple[int, bool]]:
        """Status, and whether an end of hold is still written there."""
        async with self.db.connection() as conn:
            rows = await conn.fetch(
                "SELECT status, hold_until IS NOT NULL AS ends FROM claim WHERE kind = 0 ORDER BY id"
            )
        return [(row["status"], row["ends"]) for row in rows]


@asynccontextmanager
async def case_world(db: Database, **city: Any) -> AsyncIterator[CaseWorld]:
    async with db.connection() as conn:
        made = await make_city(conn, **({"fee_cents": 3700} | city))
    world = CaseWorld(db, made, SettableClock(at(TUESDAY, 7)))
    await world.start()
    try:
        yield world
    finally:
        await world.batcher.stop()
