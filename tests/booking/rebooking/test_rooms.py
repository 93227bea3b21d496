"""What needs more than a counter, or goes to several: a closed part moves to another one of its kind, else all of it is offered anew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import pytest

from base.db import Connection, Database
from booking.availability.model import Item, Visit, Who
from booking.rebooking.model import Because, IfSilent
from booking.rebooking.usecases import AnswerOver
from tests.booking.appointments.world import ANNA
from tests.booking.availability.city import City, add_service, at, in_teams, open_counter
from tests.booking.rebooking.world import DAYS, NINE, ClosingWorld, closing_world

Change = Callable[[Connection, City], Awaitable[City]]


def rooms(n: int) -> Change:
    """Each passport is handed over in one of `n` rooms."""

    async def change(conn: Connection, city: City) -> City:
        await conn.execute("UPDATE service SET needs = '{room}'")
        found = []
        for k in range(n):
            ident = await conn.fetchval(
                """INSERT INTO counter (office_id, key, name, channel, resource)
                   VALUES ($1, $2, jsonb_build_object('de', $2::text), 'onsite', 'room') RETURNING id""",
                city.office,
                f"room-{k}",
            )
            await open_counter(conn, ident, DAYS, 8, 12)
            found.append(ident)
        return replace(city, rule={"resources": (tuple(found),)}, terms={"needs_more": True})

    return change


def stamps(counters: int) -> Change:
    """The last `counters` stamp what the others hand over; two persons may come at once."""

    async def change(conn: Connection, city: City) -> City:
        await conn.execute("UPDATE service SET most = 2, further_min = 0")
        passes, at_end = city.counters[:-counters], city.counters[-counters:]
        terms = {**city.terms, "most": 2, "further_min": 0}
        return await add_service(
            conn, replace(city, offices={city.office: tuple(passes)}, terms=terms), "Stempel", at_end
        )

    return change


async def places(world: ClosingWorld, ident: UUID) -> dict[str, tuple[int, datetime]]:
    """Where and when it is now: by resource, or by what is done there."""
    async with world.db.connection() as conn:
        rows = await conn.fetch(
            """SELECT coalesce(k.resource, s.key) AS what, c.counter_id, c.starts_at FROM claim c
                 JOIN counter k ON k.id = c.counter_id JOIN service s ON s.id = c.service_id
                WHERE c.appointment_id = $1 AND c.status < 8""",
            ident,
        )
    return {row["what"]: (row["counter_id"], row["starts_at"]) for row in rows}


async def test_another_room_at_the_same_time_and_the_desk_stays(db: Database) -> None:
    async with closing_world(db, rooms(2)) as world:
        ident = await world.booked()
        before, case, told = (
            await places(world, ident),
            await world.appointments.case(ident),
            len(await world.messages()),
        )
        await world.closed_and_offered(counter_id=before["room"][0])
        after = await places(world, ident)
        assert await world.status(ident) == "shifted"
        assert (after["pass"], after["room"][1]) == (before["pass"], NINE)
        assert after["room"][0] != before["room"][0]
        found, _ = await world.of(ident)
        assert (found.now_counter or {})["de"].startswith("room-")
        now = await world.appointments.case(ident)
        assert (now.number, now.payment, now.fee, len(await world.messages())) == (
            case.number,
            case.payment,
            case.fee,
            told,
        )
        assert await world.taken() == [2, 2, 10, 10]


async def test_the_desk_is_closed_and_the_room_stays(db: Database) -> None:
    async with closing_world(db, rooms(1)) as world:
        ident = await world.booked()
        before = await places(world, ident)
        await world.closed_and_offered(counter_id=before["pass"][0])
        after = await places(world, ident)
        assert (await world.status(ident), after["room"]) == ("shifted", before["room"])
        assert after["pass"][0] != before["pass"][0]
        assert await world.taken() == [2, 2, 10, 10]


async def test_who_waits_for_an_earlier_time_gets_nothing_of_a_visit_that_stays(db: Database) -> None:
    """The desk's time leaves and comes back in one transaction: nobody is offered it in between."""
    async with closing_world(db, stamps(2), counters=4) as world:
        [stamp] = world.city.more
        ident = await _visit(world, NINE, Item(stamp))
        before = await places(world, ident)
        later = await world.booked(at(DAYS[3], 9))
        async with db.transaction() as conn:
            await conn.execute(
                "INSERT INTO waitlist_wish (appointment_id, contact_hmac, made_at) VALUES ($1, sha256('x'), now())",
                later,
            )
        await world.closed_and_offered(counter_id=before["Stempel"][0])
        assert await world.status(ident) == "shifted"
        async with db.connection() as conn:
            assert await conn.fetchval("SELECT count(*) FROM waitlist_slot") == 0
        after = await places(world, ident)
        assert (after["pass"], after["Stempel"][1]) == (before["pass"], before["Stempel"][1])
        assert after["Stempel"][0] != before["Stempel"][0]


async def _visit(world: ClosingWorld, start: datetime, *also: Item) -> UUID:
    await world.poll()
    hold = await world.hold(start, visit=Visit(2, also))
    ident = (await world.appointments.create(hold.id, ANNA, f"the key of one request {start}")).case.id
    await world.paid(ident)
    await world.poll()
    return ident


async def test_no_other_room_is_three_times_and_one_is_taken(db: Database) -> None:
    async with closing_world(db, rooms(1)) as world:
        ident = await world.booked()
        case = await world.appointments.case(ident)
        await world.closed_and_offered(counter_id=(await places(world, ident))["room"][0])
        found, offered = await world.of(ident)
        assert found.status.value == "offered"
        assert [one.starts_at for one in offered] == [at(DAYS[0], 9), at(DAYS[2], 9), at(DAYS[3], 9)]
        template, fields = (await world.messages())[-1]
        assert (template, [one["starts_at"] for one in fields["offers"]]) == (
            "rebooking_offered",
            [one.starts_at.isoformat() for one in offered],
        )
        assert await world.taken() == [1] * 6 + [2, 2]
        after = await world.rebookings.accept(ident, 3)
        assert case.payment is not None
        assert (after.number, after.starts_at) == (case.number, at(DAYS[3], 9))
        assert after.payment == replace(case.payment, service_day=DAYS[3])
        assert {start for _, start in (await places(world, ident)).values()} == {at(DAYS[3], 9)}
        assert (await world.status(ident), await world.taken()) == ("accepted", [2, 2, 9, 9, 9, 9, 10, 10])
        with pytest.raises(AnswerOver):
            await world.rebookings.accept(ident, 1)


async def test_the_other_room_is_taken_by_somebody_else(db: Database) -> None:
    async with closing_world(db, rooms(2)) as world:
        first, second = await world.booked(), await world.booked()
        await world.closed_and_offered(counter_id=(await places(world, first))["room"][0])
        assert await world.status(first) == "offered"
        assert (await places(world, second))["room"][1] == NINE
        await world.rebookings.accept(first, 1)
        assert (await world.taken()).count(2) == 4


async def test_none_suits(db: Database) -> None:
    async with closing_world(db, rooms(1)) as world:
        ident = await world.booked()
        await world.closed_and_offered()
        await world.rebookings.decline(ident)
        assert (await world.status(ident), await world.taken()) == ("declined", [2, 2] + [9] * 6)


@pytest.mark.parametrize("rule", IfSilent)
async def test_no_answer_frees_every_part(db: Database, rule: IfSilent) -> None:
    async with closing_world(db, rooms(1)) as world:
        ident = await world.booked()
        await world.closed_and_offered(if_silent=rule, answer_hours=24)
        world.clock.advance(hours=24)
        await world.rebooker.run()
        await world.appointments.expire_bare()
        if rule is IfSilent.CANCEL:
            assert (await world.status(ident), await world.taken()) == ("cancelled", [9] * 8)
        else:
            assert (await world.status(ident), await world.taken()) == ("silent", [2, 2] + [9] * 6)


async def test_a_room_of_what_is_offered_is_closed_too(db: Database) -> None:
    async with closing_world(db, rooms(1)) as world:
        ident = await world.booked()
        room = (await places(world, ident))["room"][0]
        await world.closed_and_offered(counter_id=room)
        await world.close(counter_id=room, starts_at=at(DAYS[0], 0), ends_at=at(DAYS[3], 10))
        await world.rebooker.run()
        _, offered = await world.of(ident)
        assert [one.starts_at for one in offered] == [at(DAYS[3], 10), at(DAYS[3], 10, 20), at(DAYS[3], 10, 40)]
        assert (await world.taken()).count(1) == 6


async def test_no_room_is_free(db: Database) -> None:
    """Desks are, on all days."""
    async with closing_world(db, rooms(1)) as world:
        ident = await world.booked()
        room = (await places(world, ident))["room"][0]
        await world.closed_and_offered(counter_id=room, starts_at=at(DAYS[0], 0), ends_at=at(DAYS[3], 23))
        assert (await world.of(ident))[0].because is Because.NOTHING_FREE
        assert await world.taken() == [2, 2]


async def test_not_offered_any_more_as_it_was_booked(db: Database) -> None:
    async with closing_world(db, stamps(1), counters=3) as world:
        [stamp] = world.city.more
        ident = await _visit(world, NINE, Item(stamp))
        world.city = replace(world.city, more={})
        world.rebooker = world.worker(world.clock)
        await world.closed_and_offered()
        assert (await world.of(ident))[0].because is Because.SPECIAL


async def test_a_visit_to_several_counters_is_offered_as_a_whole(db: Database) -> None:
    async with closing_world(db, stamps(1), counters=3) as world:
        [stamp] = world.city.more
        ident = await _visit(world, NINE, Item(stamp))
        before = await places(world, ident)
        assert (
            len((await world.rebookings.preview(world.plan())).affected) == 1
        )  # a visit is one, however much of it is closed
        await world.closed_and_offered(counter_id=before["Stempel"][0])
        found, offered = await world.of(ident)
        assert (found.starts_at, [one.starts_at for one in offered]) == (
            NINE,
            [at(DAYS[0], 9), at(DAYS[2], 9), at(DAYS[3], 9)],
        )
        await world.rebookings.accept(ident, 2)
        after = await world.appointments.case(ident)
        assert (after.starts_at, after.items) == (at(DAYS[2], 9), (Item(world.city.service_id, 2), Item(stamp)))
        assert await world.taken() == [2, 2, 9, 9, 9, 9, 10, 10]


async def test_only_at_the_team_that_is_responsible(db: Database) -> None:
    """One desk of two serves these letters: once it is closed, there is no other at the same time."""

    async def change(conn: Connection, city: City) -> City:
        return in_teams(await rooms(2)(conn, city))

    async with closing_world(db, change) as world:
        await world.poll()
        hold = await world.hold(NINE, visit=Visit(who=Who(letters="mu")))
        ident = (await world.appointments.create(hold.id, ANNA, "the key of one request")).case.id
        await world.paid(ident)
        before = await places(world, ident)
        await world.closed_and_offered(counter_id=before["pass"][0])
        assert await world.status(ident) == "offered"
        assert (await places(world, ident))["pass"] == before["pass"]  # not shifted to the other team
        async with db.connection() as conn:
            sql = "SELECT DISTINCT counter_id FROM claim WHERE status = 1 AND quantity > 0"
            assert [row["counter_id"] for row in await conn.fetch(sql)] == [before["pass"][0]]
