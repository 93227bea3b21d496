"""What has served its time goes, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from base.clock import SettableClock
from base.db import Database, fetch_all
from base.idempotency import recall, remember, request_hash
from base.identity.usecases import Identity
from base.jobs import enqueue
from base.seal import Sealer
from booking.allocation.telling import Teller
from booking.allocation.usecases import Allocation
from booking.appointments.slots_memory import MemorySlots
from booking.appointments.till_holds import TillHolds
from booking.appointments.usecases import Appointments
from booking.catalogue.uploads import Uploads
from booking.guard.figures import Figures
from booking.guard.usecases import Guard
from booking.invitations.sealing import Sealing
from booking.invitations.usecases import Invitations
from booking.overview.usecases import Overviews
from booking.queue.usecases import Queue
from server.tidy import Tidy
from tests.booking.appointments.world import CaseWorld, case_world
from tests.booking.availability.city import TUESDAY, City, at, make_city
from tests.booking.holds.world import SEALER
from tests.races.test_queue import no_call


def nothing_due(db: Database, clock: SettableClock) -> Appointments:
    """Cases of a house without any."""
    return CaseWorld(db, City(service_id=0, offices={}, duration_min=20, fee_cents=0), clock).appointments


def nobody_asks(
    db: Database, clock: SettableClock
) -> tuple[Allocation, Overviews, Invitations, Guard, Uploads, TillHolds]:
    world = CaseWorld(db, City(service_id=0, offices={}, duration_min=20, fee_cents=0), clock)
    here = "http://localhost:8080"
    allocation = Allocation(db, Teller(world.notifications, SEALER, clock, here), SEALER, clock)
    overviews = Overviews(db, world.appointments, world.notifications, SEALER, clock, here)
    invitations = Invitations(
        db, world.holds, world.appointments, world.availability, world.notifications, Sealing(SEALER), clock, here
    )
    guard = Guard(db, world.notifications, SEALER, Figures(db, clock), clock)

    async def no_tills() -> Sequence[int]:
        return ()

    till_holds = TillHolds(
        db, world.appointments, world.announcer, world.notifications, SEALER, clock, no_tills, when_down_hours=0
    )
    return allocation, overviews, invitations, guard, Uploads(db, clock), till_holds


async def test_old_answers_and_done_jobs_are_forgotten(db: Database, clock: SettableClock) -> None:
    sealer, key, body = Sealer("k" * 32), request_hash("key"), request_hash("body")
    async with db.transaction() as conn:
        await remember(conn, sealer, key, body, "answer")
        await conn.execute("UPDATE idempotency SET created_at = $1", clock())
        for name in ("done", "due"):
            await enqueue(conn, "work", name, {}, clock())
        await conn.execute("UPDATE job SET status = 'done' WHERE key = 'done'")
    queue = Queue(db, MemorySlots(), no_call, clock)
    tidy = Tidy(db, clock, Identity(db, clock, sealer), queue, nothing_due(db, clock), *nobody_asks(db, clock))
    clock.advance(days=1)
    assert await tidy.run() == 0
    clock.advance(days=2)
    assert await tidy.run() == 1
    clock.set(clock() + timedelta(days=30))
    assert await tidy.run() == 1
    async with db.transaction() as conn:
        assert await recall(conn, sealer, key, body) is None
        assert await fetch_all(conn, str, "SELECT key FROM job") == ["due"]


async def test_who_worked_where_is_forgotten_when_the_day_is_over_there(db: Database, clock: SettableClock) -> None:
    """Two offices, seven hours apart: the day ends at each at its own time."""
    sealer = Sealer("k" * 32)
    queue = Queue(db, MemorySlots(), no_call, clock)
    tidy = Tidy(db, clock, Identity(db, clock, sealer), queue, nothing_due(db, clock), *nobody_asks(db, clock))
    clock.set(at(TUESDAY, 9))
    async with db.connection() as conn:
        city = await make_city(conn, counters=1, offices=2)
        east, west = city.offices
        await conn.execute("UPDATE office SET time_zone = 'America/New_York' WHERE id = $1", west)
        for office in (east, west):
            sql = "INSERT INTO account (login, name, password_hash) VALUES ($1, 'Kim', '$argon2id$') RETURNING id"
            account = await conn.fetchval(sql, f"clerk{office}")
            await queue.take_counter(office, account, city.offices[office][0])
    clock.set(at(TUESDAY, 23))
    assert await tidy.run() == 0
    clock.advance(hours=2)
    assert await tidy.run() == 1
    async with db.connection() as conn:
        assert await fetch_all(conn, int, "SELECT office_id FROM counter_clerk") == [west]
    clock.advance(hours=6)
    assert await tidy.run() == 1


async def test_who_came_is_forgotten_some_time_after(db: Database) -> None:
    async with case_world(db) as world:
        ident = (await world.create()).case.id
        await world.paid(ident)
        queue = Queue(db, MemorySlots(), no_call, world.clock)
        tidy = Tidy(
            db,
            world.clock,
            Identity(db, world.clock, Sealer("k" * 32)),
            queue,
            world.appointments,
            *nobody_asks(db, world.clock),
        )
        world.clock.advance(days=30)
        await tidy.run()
        assert not (await world.appointments.case(ident)).is_erased
        world.clock.advance(days=1)
        await tidy.run()
        assert (await world.appointments.case(ident)).is_erased
