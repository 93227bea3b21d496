"""Who comes in, who waits, who is let in, and what of it is told upwards."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from base.clock import SettableClock
from base.db import Database
from base.errors import NotFound, Unauthenticated
from tests.locks import waits_for
from tests.video.rooms.world import World
from video.rooms import store, usecases
from video.rooms.model import SEAT_KEPT, Entry, Invitation, Role, SeatState, Window
from video.rooms.usecases import (
    NotAdmitted,
    OnlyClerk,
    RoomFull,
    RoomOver,
    SeatTaken,
    SessionOver,
    StaleEpoch,
    TooEarly,
)


@pytest.fixture
def world(db: Database, clock: SettableClock) -> World:
    return World(db, clock)


async def enter(world: World, invitation: Invitation, resume: str = "") -> Entry:
    return await world.rooms.enter(invitation.room_id, invitation.token, resume)


async def test_a_person_has_one_link_however_often_it_is_asked_for(world: World) -> None:
    first, again, other = await world.invite(), await world.invite(), await world.invite(label="two")
    assert first == again
    assert (other.room_id, other.number) == (first.room_id, first.number + 1)
    assert other.token != first.token
    async with world.db.connection() as conn:
        assert await world.rooms.find_invitation(conn, world.reference, Role.CITIZEN, "one") == first
        assert await world.rooms.find_invitation(conn, uuid4(), Role.CITIZEN, "one") is None


async def test_the_token_does_not_lie_in_the_database(world: World) -> None:
    invitation = await world.invite()
    async with world.db.connection() as conn:
        rows = await conn.fetch("SELECT j::text || s::text || r::text FROM join_token j, seat s, room r")
    assert rows
    assert not [row for row in rows if invitation.token in row[0]]


async def test_the_citizen_waits_is_let_in_and_leaves(world: World) -> None:
    citizen, clerk = await world.invite(), await world.invite(Role.CLERK)
    mine = await enter(world, citizen)
    assert mine.seat.state is SeatState.WAITING
    await enter(world, clerk)
    assert await world.state(clerk) is SeatState.ADMITTED
    await world.rooms.admit(citizen.room_id, citizen.number, by=clerk.number)
    await world.rooms.admit(citizen.room_id, citizen.number, by=clerk.number)  # a second click
    assert await world.state(citizen) is SeatState.ADMITTED
    await world.rooms.leave(citizen.room_id, citizen.number, mine.connection)
    assert await world.state(citizen) is SeatState.LEFT
    assert world.facts == [("waiting", citizen.number), ("left", citizen.number)]


async def test_who_left_may_come_back_and_waits_anew(world: World) -> None:
    citizen, clerk = await world.invite(), await world.invite(Role.CLERK)
    await enter(world, citizen)
    await enter(world, clerk)
    await world.rooms.admit(citizen.room_id, citizen.number, by=clerk.number)
    await world.rooms.dismiss(citizen.room_id, citizen.number, by=clerk.number)
    assert (await enter(world, citizen)).seat.state is SeatState.WAITING


async def test_nobody_lets_themselves_in(world: World) -> None:
    citizen, guest, clerk = await world.invite(), await world.invite(Role.GUEST), await world.invite(Role.CLERK)
    await enter(world, citizen)
    await enter(world, guest)
    for number in (citizen.number, clerk.number):  # the clerk is not there yet
        with pytest.raises(OnlyClerk):
            await world.rooms.admit(citizen.room_id, citizen.number, by=number)
    with pytest.raises(OnlyClerk):
        await world.rooms.end(citizen.room_id, by=citizen.number)
    await enter(world, clerk)
    with pytest.raises(NotFound):
        await world.rooms.admit(citizen.room_id, 99, by=clerk.number)
    assert await world.state(citizen) is SeatState.WAITING


async def test_the_end_is_for_everybody_and_for_good(world: World) -> None:
    citizen, clerk = await world.invite(), await world.invite(Role.CLERK)
    await enter(world, citizen)
    await enter(world, clerk)
    await world.rooms.end(citizen.room_id, by=clerk.number)
    assert await world.state(citizen) is SeatState.LEFT
    assert world.facts == [("waiting", 1), ("left", 1), ("left", 2), ("ended", 0)]
    for invitation in (citizen, clerk):
        with pytest.raises(RoomOver):
            await enter(world, invitation)
    with pytest.raises(RoomOver):
        await world.invite()
    async with world.db.transaction() as conn:
        assert await world.rooms.find_invitation(conn, world.reference, Role.CITIZEN, "one") is None
        await world.rooms.call_off(conn, world.reference)  # once more is no mistake, nor is a call that never was
        await world.rooms.call_off(conn, uuid4())
    assert world.facts[-1] == ("ended", 0)
    assert len(world.facts) == 4


async def test_early_and_late_links_are_told_apart_from_foreign_ones(world: World, clock: SettableClock) -> None:
    later = Window(clock() + timedelta(hours=1), clock() + timedelta(hours=2))
    invitation = await world.invite(window=later)
    with pytest.raises(TooEarly):
        await enter(world, invitation)
    clock.advance(hours=1)
    await enter(world, invitation)
    clock.advance(hours=1)
    with pytest.raises(RoomOver):
        await enter(world, invitation)
    with pytest.raises(Unauthenticated):
        await enter(world, replace(invitation, token="x" * 43))
    with pytest.raises(Unauthenticated):
        await enter(world, replace(invitation, token="ä"))


async def test_a_token_opens_its_own_room_only(world: World) -> None:
    mine, other = await world.invite(), await world.invite(reference=uuid4())
    with pytest.raises(Unauthenticated):
        await enter(world, replace(mine, room_id=other.room_id))
    assert await world.rooms.authorise(mine.room_id, mine.token)
    assert not await world.rooms.authorise(other.room_id, mine.token)


async def test_a_link_is_used_once_at_a_time(world: World) -> None:
    invitation = await world.invite()
    first = await enter(world, invitation)
    for resume in ("", "x" * 43, "ä"):
        with pytest.raises(SeatTaken):
            await enter(world, invitation, resume)
    again = await enter(world, invitation, first.resume)
    assert (again.is_resumed, again.resume) == (True, first.resume)
    assert again.connection != first.connection
    await world.rooms.drop(
        invitation.room_id, first.connection, said_goodbye=True
    )  # the older socket has nothing to say any more
    with pytest.raises(SeatTaken):
        await enter(world, invitation)


async def test_who_says_goodbye_makes_room_for_another_device(world: World) -> None:
    invitation = await world.invite()
    first = await enter(world, invitation)
    await world.rooms.drop(invitation.room_id, first.connection, said_goodbye=True)
    second = await enter(world, invitation)
    assert not second.is_resumed
    with pytest.raises(SeatTaken):  # and the first cannot come back behind its back
        await enter(world, invitation, first.resume)


async def test_two_arrivals_at_once_are_one(world: World) -> None:
    invitation = await world.invite()
    came = await asyncio.gather(*(enter(world, invitation) for _ in range(5)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in came) == ["Entry"] + ["SeatTaken"] * 4


async def test_a_socket_that_goes_and_one_that_comes_do_not_wait_for_each_other(world: World) -> None:
    invitation = await world.invite()
    entry = await enter(world, invitation)
    for _ in range(20):
        again, _gone = await asyncio.gather(
            enter(world, invitation, entry.resume),
            world.rooms.drop(invitation.room_id, entry.connection, said_goodbye=False),
        )
        entry = again
    assert (await world.seat(invitation)).connection == entry.connection


async def test_admitted_twice_at_once_is_admitted_once(world: World) -> None:
    citizen, clerk = await world.invite(), await world.invite(Role.CLERK)
    await enter(world, citizen)
    await enter(world, clerk)
    version = (await world.rooms.gathering(citizen.room_id)).room.version
    await asyncio.gather(*(world.rooms.admit(citizen.room_id, citizen.number, by=clerk.number) for _ in range(4)))
    assert await world.state(citizen) is SeatState.ADMITTED
    assert (await world.rooms.gathering(citizen.room_id)).room.version == version + 1


async def test_six_are_enough(world: World) -> None:
    clerk = await world.invite(Role.CLERK)
    await enter(world, clerk)
    guests = [await world.invite(Role.GUEST, f"guest {n}") for n in range(6)]
    for guest in guests:
        await enter(world, guest)
    results = await asyncio.gather(
        *(world.rooms.admit(clerk.room_id, guest.number, by=clerk.number) for guest in guests), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in results) == ["NoneType"] * 5 + ["RoomFull"]
    with pytest.raises(RoomFull):
        await enter(world, await world.invite(Role.CLERK, "another"))


async def test_a_seat_is_kept_for_a_minute(world: World, clock: SettableClock) -> None:
    invitation = await world.invite()
    entry = await enter(world, invitation)
    await world.rooms.drop(invitation.room_id, entry.connection, said_goodbye=False)
    clock.advance(seconds=SEAT_KEPT.total_seconds() - 1)
    assert await world.rooms.sweep() == 0
    entry = await enter(world, invitation, entry.resume)
    clock.advance(seconds=SEAT_KEPT.total_seconds() - 1)
    assert await world.rooms.keep(entry.connection)
    clock.advance(seconds=SEAT_KEPT.total_seconds() + 1)
    assert await world.rooms.sweep() == 1
    assert await world.state(invitation) is SeatState.LEFT
    assert world.facts == [("waiting", 1), ("left", 1)]
    assert not (await enter(world, invitation, entry.resume)).is_resumed


async def test_a_room_ends_with_its_time(world: World, clock: SettableClock) -> None:
    invitation = await world.invite()
    await enter(world, invitation)
    clock.advance(hours=2)
    assert await world.rooms.sweep() == 1
    assert await world.rooms.sweep() == 0
    assert world.facts == [("waiting", 1), ("left", 1), ("ended", 0)]


async def test_one_room_that_fails_does_not_keep_the_others(
    world: World, clock: SettableClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever its place in the order, and though rooms are looked at one by one."""
    monkeypatch.setattr(usecases, "_ROOMS_AT_ONCE", 1)
    invitations = [await world.invite(reference=uuid4()) for _ in range(3)]
    for invitation in invitations:
        await enter(world, invitation)
    first = min(invitations, key=lambda one: one.room_id)
    async with world.db.connection() as conn:
        world.told.fails_for = await conn.fetchval("SELECT reference FROM room WHERE id = $1", first.room_id)
    clock.advance(hours=3)
    assert await world.rooms.sweep() == 3
    assert [(await world.state(one)) is SeatState.LEFT for one in invitations] == [one != first for one in invitations]
    assert [record.message for record in caplog.records] == ["room.not-swept"]
    world.told.fails_for = None
    assert await world.rooms.sweep() == 1
    assert await world.state(first) is SeatState.LEFT


async def test_a_seat_whose_socket_came_back_in_time_is_not_given_up(world: World, clock: SettableClock) -> None:
    """The sweep has read that the seat's time is over; before it can give it up, the socket says that it lives."""
    invitation = await world.invite()
    entry = await enter(world, invitation)
    clock.advance(seconds=SEAT_KEPT.total_seconds() + 1)
    async with world.db.connection() as conn:
        keeping = conn.transaction()
        await keeping.start()
        assert await store.keep(conn, entry.connection, clock() + SEAT_KEPT)
        sweeping = asyncio.create_task(world.rooms.sweep())
        assert await waits_for(conn, sweeping)
        await keeping.commit()
    assert await sweeping == 1
    assert await world.state(invitation) is SeatState.WAITING
    assert world.facts == [("waiting", 1)]


async def test_what_listens_decides_with(world: World) -> None:
    """The hook is in the same transaction: where it fails, nobody has come."""
    invitation = await world.invite()
    world.told.fails = True
    with pytest.raises(RuntimeError):
        await enter(world, invitation)
    assert await world.state(invitation) is SeatState.INVITED


async def test_only_who_is_in_the_call_speaks(world: World) -> None:
    citizen, clerk = await world.invite(), await world.invite(Role.CLERK)
    mine = await enter(world, citizen)
    with pytest.raises(NotAdmitted):
        await world.rooms.speaker(citizen.room_id, citizen.number, mine.connection, 1)
    with pytest.raises(NotAdmitted):
        await world.rooms.published(citizen.room_id, citizen.number, mine.connection, 1, {"audio"})
    await enter(world, clerk)
    await world.rooms.admit(citizen.room_id, citizen.number, by=clerk.number)
    await world.rooms.published(citizen.room_id, citizen.number, mine.connection, 1, {"camera", "audio"})
    await world.rooms.mute(citizen.room_id, citizen.number, mine.connection, 1, "audio", muted=True)
    seat = await world.seat(citizen)
    assert (seat.sends, seat.muted) == (("audio", "camera"), ("audio",))
    with pytest.raises(StaleEpoch):
        await world.rooms.speaker(citizen.room_id, citizen.number, mine.connection, 2)
    with pytest.raises(SessionOver):
        await world.rooms.speaker(citizen.room_id, citizen.number, uuid4(), 1)
