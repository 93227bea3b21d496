"""Whoever is moved by a closing, while something else happens: one living time or none, one answer, nothing left held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from itertools import permutations
from uuid import UUID, uuid4

import asyncpg
import pytest

from base.clock import SettableClock
from base.db import Database, violates
from base.errors import DomainError
from booking.appointments.lifecycle import HoldOver
from booking.appointments.moving import NotMovable
from booking.rebooking.model import IfSilent
from booking.rebooking.usecases import AnswerOver
from tests.booking.availability.city import at
from tests.booking.rebooking.test_rooms import places, rooms
from tests.booking.rebooking.world import DAYS, NINE, ClosingWorld, closing_world

Deed = Callable[[ClosingWorld, UUID], Awaitable[object]]


@pytest.fixture
async def world(db: Database) -> AsyncIterator[ClosingWorld]:
    async with closing_world(db) as made:
        yield made


async def _accept(world: ClosingWorld, ident: UUID) -> object:
    return await world.rebookings.accept(ident, 1)


async def _accept_another(world: ClosingWorld, ident: UUID) -> object:
    return await world.rebookings.accept(ident, 3)


async def _decline(world: ClosingWorld, ident: UUID) -> object:
    await world.rebookings.decline(ident)
    return None


async def _cancel(world: ClosingWorld, ident: UUID) -> object:
    return await world.rebookings.cancel(ident)


async def _cancel_as_citizen(world: ClosingWorld, ident: UUID) -> object:
    return await world.appointments.cancel(ident)


async def _telephone(world: ClosingWorld, ident: UUID) -> object:
    return await world.take(ident, at(DAYS[3], 11))


async def _sweep(world: ClosingWorld, ident: UUID) -> object:
    return await world.rebooker.run()


async def _close_the_offers_day(world: ClosingWorld, ident: UUID) -> object:
    return await world.close(day=DAYS[0])


DEEDS: tuple[Deed, ...] = (
    _accept,
    _accept_another,
    _decline,
    _cancel,
    _cancel_as_citizen,
    _telephone,
    _sweep,
    _close_the_offers_day,
)


@pytest.mark.parametrize(("one", "other"), list(permutations(DEEDS, 2)))
async def test_two_at_once(world: ClosingWorld, one: Deed, other: Deed) -> None:
    ident = await world.booked()
    await world.closed_and_offered()
    ends = await asyncio.gather(one(world, ident), other(world, ident), return_exceptions=True)
    assert [end for end in ends if isinstance(end, BaseException) and not isinstance(end, DomainError)] == []
    await world.rebooker.run()
    taken, case, status = await world.taken(), await world.appointments.case(ident), await world.status(ident)
    assert taken.count(2) == (case.status.value == "confirmed")
    if case.status.value == "cancelled":
        after_answer = _cancel_as_citizen in (one, other) and status in ("accepted", "moved")
        assert (status == "cancelled" or after_answer, taken.count(1)) == (True, 0)
        assert len(case.refunds) == 1
    elif case.starts_at == NINE:
        assert status in ("declined", "offered")
    elif _close_the_offers_day in (one, other) and case.starts_at < at(DAYS[1], 0):
        assert status == "offered"  # what was accepted is closed as well
    else:
        assert (status in ("accepted", "moved"), taken.count(1)) == (True, 0)


@pytest.mark.parametrize("rule", IfSilent)
@pytest.mark.parametrize("answer_first", [True, False])
async def test_the_answer_and_its_last_moment(world: ClosingWorld, rule: IfSilent, answer_first: bool) -> None:
    """The worker's clock is a second ahead. Whichever counts: who has another time keeps it, and nobody is cancelled who has answered."""
    ident = await world.booked()
    await world.closed_and_offered(if_silent=rule, answer_hours=24)
    world.clock.advance(hours=23, minutes=59, seconds=59)
    worker = world.worker(SettableClock(world.clock() + timedelta(seconds=1)))
    both = [world.rebookings.accept(ident, 2), worker.run()]
    ends = await asyncio.gather(*(both if answer_first else reversed(both)), return_exceptions=True)
    assert {type(end) for end in ends if isinstance(end, BaseException)} <= {AnswerOver, NotMovable, HoldOver}
    await worker.run()
    case, status = await world.appointments.case(ident), await world.status(ident)
    if case.starts_at != NINE:
        assert (case.status.value, status) == ("confirmed", "accepted")
    else:
        silence = {IfSilent.CANCEL: ("cancelled", "cancelled"), IfSilent.TELEPHONE: ("confirmed", "silent")}
        assert (case.status.value, status) == silence[rule]
    assert (await world.taken()).count(1) == 0


async def test_many_want_the_times_that_are_offered(world: ClosingWorld) -> None:
    """While offers are being held, the public wants the same times: each is sold once."""
    idents = [await world.booked(at(DAYS[1], 9, minute)) for minute in (0, 20, 40)]
    await world.close()
    public = [
        world.holds.hold(world.city.service_id, "onsite", world.city.office, at(DAYS[2], 9, m), uuid4().hex)
        for m in (0, 20, 40, 0, 20, 40)
    ]
    ends = await asyncio.gather(world.rebooker.run(), *public, return_exceptions=True)
    assert [end for end in ends if isinstance(end, BaseException) and not isinstance(end, DomainError)] == []
    await world.taken()
    for ident in idents:
        found, offered = await world.of(ident)
        assert (found.status.value, [one.is_held for one in offered]) == ("offered", [True] * 3)


async def test_two_workers_offer_once(world: ClosingWorld) -> None:
    idents = [await world.booked(at(DAYS[1], 9, minute)) for minute in (0, 20, 40)]
    await world.close()
    await asyncio.gather(world.rebooker.run(), world.rebooker.run())
    assert (await world.taken()).count(1) == 3 * len(idents)
    assert [template for template, _ in await world.messages()].count("rebooking_offered") == len(idents)


async def test_closing_while_somebody_holds_and_pays(world: ClosingWorld) -> None:
    ident = (await world.create(NINE)).case.id
    ends = await asyncio.gather(world.close(), world.paid(ident), world.hold(at(DAYS[1], 10)), return_exceptions=True)
    assert [end for end in ends if isinstance(end, BaseException) and not isinstance(end, DomainError)] == []
    await world.rebooker.run()
    assert await world.status(ident) == "offered"
    await world.appointments.expire_bare()
    assert (await world.taken()).count(2) == 1


class TestWithARoom:
    """Each time is two: a desk's and a room's. Both or none."""

    @pytest.fixture
    async def rooms(self, db: Database) -> AsyncIterator[ClosingWorld]:
        async with closing_world(db, rooms(1)) as made:
            yield made

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (_accept, _accept_another),
            (_accept, _decline),
            (_accept, _cancel),
            (_accept, _sweep),
            (_accept, _close_the_offers_day),
            (_cancel_as_citizen, _accept),
            (_decline, _accept),
        ],
    )
    async def test_two_at_once(self, rooms: ClosingWorld, one: Deed, other: Deed) -> None:
        ident = await rooms.booked()
        await rooms.closed_and_offered()
        ends = await asyncio.gather(one(rooms, ident), other(rooms, ident), return_exceptions=True)
        assert [end for end in ends if isinstance(end, BaseException) and not isinstance(end, DomainError)] == []
        await rooms.rebooker.run()
        taken, case, status = await rooms.taken(), await rooms.appointments.case(ident), await rooms.status(ident)
        assert taken.count(2) == 2 * (case.status.value == "confirmed")
        assert taken.count(1) == (6 if status == "offered" else 0)

    @pytest.mark.parametrize("rule", IfSilent)
    async def test_the_answer_and_its_last_moment(self, rooms: ClosingWorld, rule: IfSilent) -> None:
        ident = await rooms.booked()
        await rooms.closed_and_offered(if_silent=rule, answer_hours=24)
        rooms.clock.advance(hours=23, minutes=59, seconds=59)
        worker = rooms.worker(SettableClock(rooms.clock() + timedelta(seconds=1)))
        ends = await asyncio.gather(rooms.rebookings.accept(ident, 2), worker.run(), return_exceptions=True)
        assert {type(end) for end in ends if isinstance(end, BaseException)} <= {AnswerOver, NotMovable, HoldOver}
        await worker.run()
        case, status, taken = await rooms.appointments.case(ident), await rooms.status(ident), await rooms.taken()
        accepted = case.starts_at != NINE
        silence = {IfSilent.CANCEL: ("cancelled", "cancelled"), IfSilent.TELEPHONE: ("confirmed", "silent")}
        assert (case.status.value, status) == (("confirmed", "accepted") if accepted else silence[rule])
        assert (taken.count(1), taken.count(2)) == (0, 2 * (case.status.value == "confirmed"))

    async def test_somebody_takes_the_room_that_a_visit_is_moved_to(self, db: Database) -> None:
        """Whoever is second goes without: the visit is offered other times, or the public another one."""
        async with closing_world(db, rooms(2), counters=3) as world:
            ident = await world.booked()
            room = (await places(world, ident))["room"][0]
            await world.poll()
            await world.close(counter_id=room)
            ends = await asyncio.gather(
                world.rebooker.run(), world.hold(NINE), world.hold(NINE), return_exceptions=True
            )
            assert [end for end in ends if isinstance(end, BaseException) and not isinstance(end, DomainError)] == []
            taken, status = await world.taken(), await world.status(ident)
            held = sum(not isinstance(end, BaseException) for end in ends[1:])
            assert (status, held) in (("shifted", 0), ("offered", 1))
            assert taken.count(2) == 2

    async def test_two_workers_move_it_once(self, db: Database) -> None:
        async with closing_world(db, rooms(2)) as world:
            ident = await world.booked()
            room = (await places(world, ident))["room"][0]
            await world.close(counter_id=room)
            await asyncio.gather(world.rebooker.run(), world.rebooker.run())
            assert (await world.status(ident), await world.taken()) == ("shifted", [2, 2, 10, 10])


class TestTheSchema:
    """By direct SQL, refused by name."""

    @pytest.mark.parametrize(
        ("sql", "name"),
        [
            ("UPDATE rebooking SET status = 'shifted'", "rebooking_transition"),
            ("UPDATE rebooking SET status = 'telephone', because = NULL", "rebooking_transition"),
            ("UPDATE rebooking SET status = 'stands'; UPDATE rebooking SET status = 'due'", "rebooking_transition"),
            ("UPDATE rebooking SET claim_id = claim_id + 1", "rebooking_stays"),
            ("UPDATE rebooking SET answer_until = NULL", "rebooking_offered_ends"),
            ("UPDATE rebooking SET because = 'whim'", "rebooking_because"),
            ("DELETE FROM rebooking", "rebooking_never_deleted"),
            ("UPDATE rebooking_offer SET n = 4 WHERE n = 3", "rebooking_offer_three"),
            ("UPDATE rebooking_offer SET n = 1 WHERE n = 3", "rebooking_offer_place"),
            (
                """INSERT INTO rebooking (closing_id, appointment_id, claim_id, status)
                   SELECT closing_id, appointment_id, claim_id, 'moved' FROM rebooking""",
                "rebooking_claim_once",
            ),
            (
                """INSERT INTO rebooking (closing_id, appointment_id, claim_id)
                   SELECT closing_id, appointment_id, (SELECT max(id) FROM claim) FROM rebooking""",
                "rebooking_one_open",
            ),
            (
                """INSERT INTO rebooking (closing_id, appointment_id, claim_id, status)
                   SELECT closing_id, appointment_id, (SELECT max(id) FROM claim), 'telephone' FROM rebooking""",
                "rebooking_telephone_because",
            ),
        ],
    )
    async def test_of_a_rebooking(self, world: ClosingWorld, sql: str, name: str) -> None:
        await world.booked()
        await world.closed_and_offered()
        async with world.db.connection() as conn:
            with pytest.raises(asyncpg.PostgresError) as caught:
                await conn.execute(sql)
        assert violates(caught.value, name), caught.value

    async def test_a_closing_has_a_reason_and_stays(self, world: ClosingWorld) -> None:
        with pytest.raises(asyncpg.CheckViolationError) as caught:
            await world.close(reason=" ")
        assert violates(caught.value, "closure_reason")
        await world.close()
        async with world.db.connection() as conn:
            for sql in ("UPDATE closing SET reason = 'Another'", "DELETE FROM closing"):
                with pytest.raises(asyncpg.PostgresError):
                    await conn.execute(sql)
            with pytest.raises(asyncpg.CheckViolationError) as caught:
                await conn.execute(
                    """INSERT INTO closing SELECT gen_random_uuid(), office_id, counter_id, counters, during, reason, 'shrug', answer_hours,
                              override_id, made_by, made_at FROM closing"""
                )
            assert violates(caught.value, "closing_if_silent")
