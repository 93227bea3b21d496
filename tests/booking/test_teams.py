"""Roads that the city takes with who is booked already: none leads to a counter of another team."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from base.db import Connection, Database
from booking.availability.model import Audience, Visit, Who
from tests.booking.appointments.world import ANNA
from tests.booking.availability.city import City, in_teams
from tests.booking.rebooking.world import NINE, ClosingWorld, closing_world
from tests.booking.waitlist.world import thursday, tuesday, wait_world

ADLER, MEIER = Visit(who=Who(letters="adl")), Visit(who=Who(letters="mei"))


async def teams(conn: Connection, city: City) -> City:
    return in_teams(city)


async def counter_of(db: Database, appointment_id: UUID) -> int:
    async with db.connection() as conn:
        sql = "SELECT counter_id FROM claim WHERE appointment_id = $1 AND status < 8"
        found: int = await conn.fetchval(sql, appointment_id)
        return found


async def booked(world: ClosingWorld, starts_at: datetime, visit: Visit) -> UUID:
    await world.poll()
    hold = await world.hold(starts_at, visit=visit)
    ident = (await world.appointments.create(hold.id, ANNA, uuid4().hex)).case.id
    await world.paid(ident)
    await world.poll()
    return ident


class TestRebooking:
    async def test_to_another_counter_of_the_team_at_the_same_time(self, db: Database) -> None:
        async with closing_world(db, teams, counters=4) as world:
            ident = await booked(world, NINE, MEIER)
            was = await counter_of(db, ident)
            await world.closed_and_offered(counter_id=was)
            assert await world.status(ident) == "shifted"
            assert {was, await counter_of(db, ident)} == {world.city.counters[1], world.city.counters[3]}
            assert (await world.appointments.case(ident)).who == MEIER.who

    async def test_three_times_of_the_team_although_the_other_is_free(self, db: Database) -> None:
        async with closing_world(db, teams, counters=2) as world:
            ident = await booked(world, NINE, MEIER)
            await world.closed_and_offered(counter_id=world.city.counters[1])
            rebooking, offered = await world.of(ident)
            assert (rebooking.status.value, len(offered)) == ("offered", 3)
            async with db.connection() as conn:
                sql = "SELECT array_agg(DISTINCT counter_id) FROM claim WHERE request_key = ANY ($1)"
                assert await conn.fetchval(sql, [one.hold_id for one in offered]) == [world.city.counters[1]]
            await world.rebookings.accept(ident, offered[0].n)
            assert await counter_of(db, ident) == world.city.counters[1]

    async def test_somebody_telephones_where_the_team_has_nothing(self, db: Database) -> None:
        async with closing_world(db, teams, counters=2) as world:
            ident = await booked(world, NINE, MEIER)
            await world.closed_and_offered(
                counter_id=world.city.counters[1], starts_at=world.clock(), ends_at=world.clock() + timedelta(days=30)
            )
            assert (await world.of(ident))[0].because == "nothing_free"
            await world.take(ident, NINE)  # and staff know who helps out
            assert await counter_of(db, ident) == world.city.counters[0]

    async def test_staff_who_take_a_time_get_a_counter_of_the_team_where_one_is_free(self, db: Database) -> None:
        async with closing_world(db, teams, counters=4) as world:
            ident = await booked(world, NINE, MEIER)
            was = await counter_of(db, ident)
            await world.close(counter_id=was)
            await world.take(ident, NINE + timedelta(minutes=20))
            assert await counter_of(db, ident) in {world.city.counters[1], world.city.counters[3]} - {was}

    async def test_whom_staff_have_booked_stays_where_they_are(self, db: Database) -> None:
        async with closing_world(db, teams, counters=4) as world:
            await world.poll()
            hold = await world.holds.hold(
                world.city.service_id, "onsite", world.city.office, NINE, uuid4().hex, Audience.STAFF
            )
            ident = (await world.appointments.create(hold.id, ANNA, uuid4().hex)).case.id
            await world.paid(ident)
            was = await counter_of(db, ident)
            await world.closed_and_offered(counter_id=was)
            n = world.city.counters.index(was)
            assert await counter_of(db, ident) == world.city.counters[(n + 2) % 4]


class TestEarlierTime:
    async def test_is_offered_to_whom_its_counter_may_serve(self, db: Database) -> None:
        """Although somebody else waits for longer."""
        async with wait_world(db, in_teams, counters=2) as world:
            leaving = await world.booked("Ada", tuesday(9), visit=MEIER)
            first = await world.waiting("Bo", thursday(9), visit=ADLER)
            second = await world.waiting("Cy", thursday(10), visit=MEIER)
            await world.appointments.cancel(leaving)
            await world.work()
            assert await world.offer(first) is None
            offer = await world.offered(second)
            await world.waitlist.accept(second, offer.id)
            assert await counter_of(db, second) == world.city.counters[1]

    async def test_goes_back_to_everybody_where_nobody_of_the_team_waits(self, db: Database) -> None:
        async with wait_world(db, in_teams, counters=2) as world:
            leaving = await world.booked("Ada", tuesday(9), visit=MEIER)
            await world.waiting("Bo", thursday(9), visit=ADLER)
            await world.appointments.cancel(leaving)
            await world.work()
            assert await world.rows("SELECT status FROM waitlist_slot") == [("returned",)]
