"""A time that waits for a till: cashier, deadline, online payment, cancelling and whoever else wants the time, all at once on a real pool.

One of them is kept, the time is never had by two, and the money is kept once or goes back.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID, uuid4

import pytest

from base.db import Database
from base.errors import DomainError
from booking.appointments.model import AppointmentStatus
from booking.appointments.till_holds import TillHolds
from payment.model import Payment
from payment.till.model import Method, Till
from payment.till.usecases import Tills
from tests.booking.appointments.world import ANNA, CaseWorld, case_world
from tests.booking.availability.city import TUESDAY, at
from tests.booking.holds.world import SEALER
from tests.invariants import faults

_S = AppointmentStatus
ROUNDS = 60
WAYS = ("cashier", "deadline", "online", "cancelling", "again", "somebody else")


@dataclass
class Desk:
    world: CaseWorld
    tills: Tills
    till: Till
    holds: TillHolds

    async def chosen(self, starts_at: datetime, n: int) -> tuple[UUID, Payment, datetime]:
        contact = ANNA.model_copy(update={"name": f"Anna {n}"})
        ident = (await self.world.create(starts_at, contact)).case.id
        payment = await self.holds.begin_by_staff(ident, "http://back")
        assert payment is not None
        found = await self.holds.found(ident)
        assert found is not None
        return ident, payment, found.pay_by

    async def cashier(self, payment: Payment) -> None:
        await self.tills.take(self.till, payment.id, Method.CASH, given_cents=5000, key=uuid4())

    async def online(self, ident: UUID) -> None:
        """And pays at once, if sent there."""
        if await self.world.appointments.pay(ident, "http://back") is None:
            return
        living = (await self.world.appointments.case(ident)).payment
        if living is not None and living.provider == "toy":
            self.world.provider.pay(living.id)
            await self.world.appointments.settle(ident)


@pytest.fixture
async def desk(db: Database) -> AsyncIterator[Desk]:
    async with case_world(db, counters=1) as world:
        tills = Tills(db, world.payments.settle, world.payments.submit_refund, world.clock)
        async with db.transaction() as conn:
            await conn.execute("UPDATE service SET (pay_at_till_hours, pay_at_till_before_hours) = (2, 1)")
            sql = "INSERT INTO account (login, name, password_hash) VALUES ('kim', 'Kim', '$argon2id$') RETURNING id"
            by = int(await conn.fetchval(sql))
        till = (await tills.till(world.city.office, await tills.set_up(world.city.office, "Kasse 1"))).till
        await tills.open_drawer(till, float_cents=5000, brought_cents=5000, by=by, key=uuid4())
        holds = TillHolds(
            db,
            world.appointments,
            world.announcer,
            world.notifications,
            SEALER,
            world.clock,
            tills.offices,
            when_down_hours=0,
        )
        yield Desk(world, tills, till, holds)


async def quietly(work: Awaitable[object]) -> str:
    """What came of it, for whoever tried."""
    try:
        await work
    except DomainError as refusal:
        return refusal.code
    return "done"


async def test_whatever_meets_one_of_them_is_kept(desk: Desk) -> None:
    world, random, ended = desk.world, Random(71), Counter[str]()
    morning, starts_at = world.clock(), at(TUESDAY, 11, 40)
    for n in range(ROUNDS):
        world.clock.set(morning)
        ident, payment, pay_by = await desk.chosen(starts_at, n)
        ways = random.sample(WAYS, k=random.randint(2, len(WAYS)))
        if "deadline" in ways:
            world.clock.set(pay_by)
        works: dict[str, Awaitable[object]] = {}
        for way in ways:
            match way:
                case "cashier":
                    works[way] = desk.cashier(payment)
                case "deadline":
                    works[way] = world.appointments.expire_due()
                case "online":
                    works[way] = desk.online(ident)
                case "cancelling":
                    works[way] = world.appointments.cancel(ident)
                case "again":
                    works[way] = desk.holds.again(ident, "http://back")
                case _:
                    works[way] = world.hold(starts_at)
        said = dict(zip(works, await asyncio.gather(*map(quietly, works.values())), strict=True))
        await settled(desk, ident, pay_by)
        case = await world.appointments.case(ident)
        ended[case.status] += 1
        async with world.db.connection() as conn:
            assert await faults(conn) == {}, (ways, said)
            living = await conn.fetchval(
                "SELECT count(*) FROM claim WHERE starts_at = $1 AND status < 8 AND kind = 0", starts_at
            )
            kept = await conn.fetchval(
                """
                SELECT coalesce(sum(p.captured_cents), 0) - (SELECT coalesce(sum(r.amount_cents), 0)
                         FROM refund r JOIN payment q ON q.id = r.payment_id WHERE q.reference = $1 AND r.status <> 'failed')
                  FROM payment p WHERE p.reference = $1 AND p.status = 'paid'""",
                ident,
            )
        assert living <= 1, (ways, said)
        assert kept == (3700 if case.status is _S.CONFIRMED else 0), (ways, said)
        assert case.status in (_S.CONFIRMED, _S.EXPIRED, _S.CANCELLED), (ways, said)
        if case.status is _S.CONFIRMED:  # the next round wants the time
            await world.appointments.cancel(ident)
        async with world.db.connection() as conn:
            await conn.execute(
                "UPDATE claim SET status = 9, hold_until = NULL WHERE status = 1 AND appointment_id IS NULL"
            )
        await world.poll()
    assert len(ended) >= 2, ended  # else nothing met


async def settled(desk: Desk, ident: UUID, pay_by: datetime) -> None:
    """The deadline passes in any case, and the worker does what is left."""
    desk.world.clock.set(max(desk.world.clock(), pay_by) + timedelta(seconds=1))
    for _round in range(3):
        await desk.world.appointments.expire_due()
        await desk.world.payments.sweep()
        desk.world.clock.advance(minutes=2)
