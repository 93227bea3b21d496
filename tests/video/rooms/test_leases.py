"""Leases of media workers on a real pool: who renews, what ends them, and that the schema keeps a call whole while its worker lives."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from base.clock import SettableClock
from base.db import Database, violates
from tests.locks import waits_for
from tests.town import eventually
from tests.video.rooms.world import World
from video.rooms import store
from video.rooms.leases import Leases
from video.rooms.model import Home, Lease, Role, Room

HOME = Home("a", "first life")
SHORT = timedelta(milliseconds=200)


@pytest.fixture
def leases(db: Database) -> Leases:
    return Leases(db)


@pytest.fixture
async def room_id(db: Database, clock: SettableClock) -> UUID:
    return (await World(db, clock).invite(Role.CLERK)).room_id


async def find_room(db: Database, room_id: UUID) -> Room:
    async with db.connection() as conn:
        found = await store.find_room(conn, room_id)
    assert found is not None
    return found


async def lapsed(leases: Leases) -> None:
    async def nobody_lives() -> bool:
        return not await leases.living()

    await eventually(nobody_lives)


async def lease_until(db: Database) -> object:
    async with db.connection() as conn:
        return await conn.fetchval("SELECT lease_until FROM media_worker")


async def test_the_first_to_hear_a_heartbeat_renews_and_the_others_leave_it(db: Database, leases: Leases) -> None:
    await leases.hear("a", "first life", 0.5)
    first = await lease_until(db)
    await asyncio.gather(*(leases.hear("a", "first life", 0.1) for _ in range(5)))
    assert (await leases.living(), await lease_until(db)) == ([Lease("a", "first life", 0.5)], first)


async def test_a_lease_is_renewed_when_it_was_not_just_now(db: Database) -> None:
    leases = Leases(db, SHORT)
    await leases.hear("a", "first life", 0.5)
    await lapsed(leases)
    await leases.hear("a", "first life", 0.1)
    assert await leases.living() == [Lease("a", "first life", 0.1)]


async def test_what_is_heard_late_of_a_former_life_changes_nothing(leases: Leases) -> None:
    for instance in ("first life", "second life", "first life"):
        await leases.hear("a", instance, 0)
    assert await leases.living() == [Lease("a", "second life", 0)]


async def test_the_least_loaded_comes_first(leases: Leases) -> None:
    for name, load in (("a", 0.5), ("b", 0.1), ("c", 0.3)):
        await leases.hear(name, "first life", load)
    assert [lease.name for lease in await leases.living()] == ["b", "c", "a"]


async def test_a_room_is_bound_once_in_an_epoch_whoever_tries(db: Database, leases: Leases, room_id: UUID) -> None:
    homes = [Home(name, "first life") for name in ("a", "b", "c")]
    for home in homes:
        await leases.hear(home.worker, home.instance, 0)
    bound = await asyncio.gather(*(leases.bind(room_id, 1, home) for home in homes))
    assert len(set(bound)) == 1
    assert await leases.find_home(room_id, 1) == bound[0]
    assert await leases.bind(room_id, 2, homes[0]) is None  # an epoch that is not


async def test_a_room_is_not_bound_to_a_worker_without_a_living_lease(db: Database, room_id: UUID) -> None:
    leases = Leases(db, SHORT)
    assert await leases.bind(room_id, 1, HOME) is None
    await leases.hear("a", "first life", 0)
    await lapsed(leases)
    assert await leases.bind(room_id, 1, HOME) is None


async def test_no_epoch_begins_while_the_lease_lives(db: Database, leases: Leases, room_id: UUID) -> None:
    await leases.hear("a", "first life", 0)
    await leases.bind(room_id, 1, HOME)
    assert await leases.begin_epochs(and_lapsed=True) == 0
    assert (await find_room(db, room_id)).epoch == 1


async def test_when_it_has_run_out_one_epoch_begins_however_many_try(db: Database, room_id: UUID) -> None:
    leases = Leases(db, SHORT)
    await leases.hear("a", "first life", 0)
    await leases.bind(room_id, 1, HOME)
    await lapsed(leases)
    assert await leases.begin_epochs(and_lapsed=False) == 0  # who cannot be sure waits
    noticed = await asyncio.gather(*(leases.begin_epochs(and_lapsed=True) for _ in range(4)))
    assert sorted(noticed) == [0, 0, 0, 1]
    room = await find_room(db, room_id)
    assert (room.epoch, room.worker, room.worker_instance) == (2, None, None)


async def test_another_life_of_the_worker_begins_an_epoch_at_once(db: Database, leases: Leases, room_id: UUID) -> None:
    await leases.hear("a", "first life", 0)
    await leases.bind(room_id, 1, HOME)
    await leases.hear("a", "second life", 0)
    assert await leases.begin_epochs(and_lapsed=False) == 1
    assert (await find_room(db, room_id)).epoch == 2


async def test_a_new_epoch_takes_away_what_was_sent(db: Database, clock: SettableClock, leases: Leases) -> None:
    world = World(db, clock)
    clerk = await world.invite(Role.CLERK)
    mine = await world.rooms.enter(clerk.room_id, clerk.token)
    await leases.hear("a", "first life", 0)
    await leases.bind(clerk.room_id, 1, HOME)
    await world.rooms.published(clerk.room_id, clerk.number, mine.connection, 1, {"audio"})
    await leases.hear("a", "second life", 0)
    assert await leases.begin_epochs(and_lapsed=False) == 1
    assert (await world.seat(clerk)).sends == ()


async def test_a_renewal_under_way_is_waited_for(db: Database, room_id: UUID) -> None:
    """The lease has run out, and while a process begins the epoch another one renews."""
    leases = Leases(db, SHORT)
    await leases.hear("a", "first life", 0)
    await leases.bind(room_id, 1, HOME)
    await lapsed(leases)
    async with db.transaction() as conn:
        await conn.execute("UPDATE media_worker SET lease_until = clock_timestamp() + interval '5 seconds'")
        beginning = asyncio.create_task(leases.begin_epochs(and_lapsed=True))
        assert await waits_for(conn, beginning)
    assert await beginning == 0
    assert (await find_room(db, room_id)).epoch == 1


async def test_a_slow_database_ends_no_lease(db: Database, room_id: UUID) -> None:
    """While it answered nobody, nobody could renew."""
    leases = Leases(db, SHORT)
    await leases.hear("a", "first life", 0)
    await leases.bind(room_id, 1, HOME)
    await lapsed(leases)
    async with db.transaction() as conn:
        await conn.execute("LOCK TABLE media_worker")
        with pytest.raises(TimeoutError):
            await leases.hear("a", "first life", 0)
        with pytest.raises(TimeoutError):
            await leases.begin_epochs(and_lapsed=True)
    assert (await find_room(db, room_id)).epoch == 1


async def test_a_room_that_somebody_holds_for_long_does_not_stand_before_others(
    db: Database, clock: SettableClock, leases: Leases
) -> None:
    rooms = sorted([(await World(db, clock).invite(Role.CLERK)).room_id for _ in range(2)])
    await leases.hear("a", "first life", 0)
    for one in rooms:
        await leases.bind(one, 1, HOME)
    await leases.hear("a", "second life", 0)
    async with db.transaction() as conn:
        await store.lock_room(conn, rooms[0])
        with pytest.raises(TimeoutError):
            await leases.begin_epochs(and_lapsed=True)
    assert [(await find_room(db, one)).epoch for one in rooms] == [1, 2]
    assert await leases.begin_epochs(and_lapsed=True) == 1


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE media_worker SET lease_until = lease_until - interval '1 second'", "media_worker_lease_only_grows"),
        ("UPDATE media_worker SET lease_until = lease_until + interval '1 hour'", "media_worker_lease_is_short"),
        ("UPDATE media_worker SET instance = 'before'", "media_worker_lives_once"),
        ("UPDATE media_worker SET instance = ''", "media_worker_instance"),
        ("UPDATE media_worker SET name = ''", "media_worker_name"),
        ("UPDATE media_worker SET load = -1", "media_worker_load"),
        ("UPDATE media_worker SET load = 'NaN'", "media_worker_load"),
        ("UPDATE room SET epoch = epoch + 1", "room_stays_while_worker_lives"),
        ("UPDATE room SET worker = NULL, worker_instance = NULL", "room_stays_while_worker_lives"),
        ("UPDATE room SET worker = 'b'", "room_stays_while_worker_lives"),
    ],
)
async def test_the_schema_refuses(db: Database, leases: Leases, room_id: UUID, statement: str, constraint: str) -> None:
    await leases.hear("a", "before", 0)
    await leases.hear("a", "first life", 0)
    await leases.bind(room_id, 1, HOME)
    async with db.connection() as conn:
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await conn.execute(statement)
    assert violates(refused.value, constraint)


async def test_a_room_of_a_worker_without_a_row_is_left_alone_and_its_former_release_works(
    db: Database, leases: Leases, room_id: UUID
) -> None:
    """In a rollout: the former release binds without a lease, and begins an epoch as it did."""
    async with db.connection() as conn:
        await conn.execute("UPDATE room SET worker = 'a', worker_instance = 'first life'")
        assert await leases.begin_epochs(and_lapsed=True) == 0
        await conn.execute("UPDATE room SET worker_instance = 'second life'")
        await conn.execute("UPDATE room SET epoch = epoch + 1, worker = NULL, worker_instance = NULL")


async def test_a_room_ends_though_its_worker_lives(db: Database, clock: SettableClock, leases: Leases) -> None:
    world = World(db, clock)
    clerk = await world.invite(Role.CLERK)
    await leases.hear("a", "first life", 0)
    await leases.bind(clerk.room_id, 1, HOME)
    async with db.transaction() as conn:
        await world.rooms.call_off(conn, world.reference)
    assert (await find_room(db, clerk.room_id)).status == "ended"
