"""The earlier-time list: what the schema refuses, whoever asks; and an offer against everything that may happen beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from itertools import combinations
from uuid import UUID, uuid4

import pytest

from base.db import Connection, Database
from base.errors import DomainError
from booking.waitlist.model import Offer
from booking.waitlist.usecases import OfferOver
from tests.booking.waitlist.world import WaitWorld, thursday, wait_world
from tests.invariants import faults
from tests.races.test_constraints import refused


@pytest.fixture
async def world(db: Database) -> AsyncIterator[WaitWorld]:
    async with wait_world(db) as made:
        yield made


@pytest.fixture
async def conn(world: WaitWorld) -> AsyncIterator[Connection]:
    async with world.db.connection() as conn:
        yield conn


async def offered(world: WaitWorld) -> tuple[UUID, Offer]:
    """Bo, at eleven, is offered nine; Cy, at ten, comes next."""
    leaving = await world.booked("Ada", thursday(9))
    first = await world.waiting("Bo", thursday(11))
    await world.waiting("Cy", thursday(10))
    await world.appointments.cancel(leaving)
    await world.work()
    return first, await world.offered(first)


_OFFER = """
    INSERT INTO waitlist_offer (id, hold_id, appointment_id, number, contact_hmac, made_at, answer_until)
    SELECT gen_random_uuid(), hold_id, $1, $2, $3, made_at, answer_until FROM waitlist_offer LIMIT 1"""


class TestSchema:
    async def test_one_open_offer_of_a_time(self, world: WaitWorld, conn: Connection) -> None:
        await offered(world)
        [(second,)] = await world.rows("SELECT id FROM appointment ORDER BY created_at DESC LIMIT 1")
        with refused("waitlist_offer_one_per_slot"):
            await conn.execute(_OFFER, second, 1, b"o" * 32)

    async def test_one_open_offer_of_a_person_and_of_a_case(self, world: WaitWorld, conn: Connection) -> None:
        first, _offer = await offered(world)
        other = await world.booked("Bo", thursday(10, 20))
        kept = await world.booked("Eve", thursday(8))
        await world.appointments.cancel(kept)
        sql = """
            INSERT INTO waitlist_offer (id, hold_id, appointment_id, number, contact_hmac, made_at, answer_until)
            SELECT gen_random_uuid(), s.hold_id, $1, 2, coalesce($2, o.contact_hmac), o.made_at, o.answer_until
              FROM waitlist_slot s, waitlist_offer o WHERE s.hold_id <> o.hold_id AND o.status = 'open'"""
        with refused("waitlist_offer_one_per_person"):
            await conn.execute(sql, other, None)
        with refused("waitlist_offer_one_per_case"):
            await conn.execute(sql, first, b"o" * 32)

    @pytest.mark.parametrize(
        ("change", "constraint"),
        [
            ("number = 11", "waitlist_offer_terms_fixed"),
            ("answer_until = answer_until + interval '1 minute'", "waitlist_offer_terms_fixed"),
            ("status = 'accepted'", "waitlist_offer_contact"),
            ("status = 'withdrawn', contact_hmac = NULL", "waitlist_offer_status"),
            ("status = 'accepted', contact_hmac = NULL", "waitlist_offer_has_time"),
        ],
    )
    async def test_an_offer_keeps_its_terms_and_is_accepted_with_its_time(
        self, world: WaitWorld, conn: Connection, change: str, constraint: str
    ) -> None:
        await offered(world)
        with refused(constraint):
            await conn.execute(f"UPDATE waitlist_offer SET {change}")

    @pytest.mark.parametrize(
        ("number", "hours", "constraint"),
        [
            (11, 1, "waitlist_offer_at_most_ten"),
            (2, 25, "waitlist_offer_at_most_a_day"),
            (2, 0, "waitlist_offer_at_most_a_day"),
        ],
    )
    async def test_at_most_ten_and_a_day(
        self, world: WaitWorld, conn: Connection, number: int, hours: int, constraint: str
    ) -> None:
        _first, offer = await offered(world)
        with refused(constraint):
            await conn.execute(
                """
                INSERT INTO waitlist_offer (id, hold_id, appointment_id, number, contact_hmac, made_at, answer_until)
                SELECT gen_random_uuid(), $1, id, $2, '', now(), now() + $3 * interval '1 hour' FROM appointment LIMIT 1""",
                offer.hold_id,
                number,
                hours,
            )

    async def test_an_answer_stands(self, world: WaitWorld, conn: Connection) -> None:
        first, offer = await offered(world)
        await world.waitlist.decline(first, offer.id)
        with refused("waitlist_offer_answered_once"):
            await conn.execute("UPDATE waitlist_offer SET status = 'lapsed'")
        await conn.execute("UPDATE waitlist_slot SET status = 'returned', back_at = now()")
        with refused("waitlist_slot_decided_once"):
            await conn.execute("UPDATE waitlist_slot SET status = 'kept', back_at = NULL")

    async def test_what_is_kept_is_nobodys_without_an_accepted_offer(self, world: WaitWorld, conn: Connection) -> None:
        first, offer = await offered(world)
        with refused("waitlist_taken_by_offer"):
            await world.move(first, offer.hold_id)
        case = (await world.appointments.case(first)).starts_at
        assert case == thursday(11)

    async def test_a_moment_of_return_is_of_what_returns(self, world: WaitWorld, conn: Connection) -> None:
        await offered(world)
        with refused("waitlist_slot_returns"):
            await conn.execute("UPDATE waitlist_slot SET back_at = now()")

    async def test_a_wish_has_a_person(self, world: WaitWorld, conn: Connection) -> None:
        with refused("waitlist_wish_of_person"):
            await conn.execute(
                "INSERT INTO waitlist_wish (appointment_id, contact_hmac, made_at) VALUES ($1, $2, now())",
                uuid4(),
                b"o" * 32,
            )


Actor = Callable[[WaitWorld, UUID, Offer], Awaitable[object]]


async def accept(world: WaitWorld, case: UUID, offer: Offer) -> None:
    await world.waitlist.accept(case, offer.id)


async def decline(world: WaitWorld, case: UUID, offer: Offer) -> None:
    await world.waitlist.decline(case, offer.id)


async def leave(world: WaitWorld, case: UUID, offer: Offer) -> object:
    return await world.waitlist.leave(case)


async def cancel(world: WaitWorld, case: UUID, offer: Offer) -> object:
    return await world.appointments.cancel(case)


async def move_away(world: WaitWorld, case: UUID, offer: Offer) -> object:
    return await world.move(case, (await world.hold(thursday(8))).id)


async def pass_on(world: WaitWorld, case: UUID, offer: Offer) -> object:
    """The worker, for whom the day to answer is over."""
    world.clock.set(offer.answer_until)
    return await world.passing_on.pass_on()


async def hold(world: WaitWorld, case: UUID, offer: Offer) -> object:
    """Somebody of the public, at each of the times about."""
    for when in (thursday(9), thursday(10), thursday(11)):
        try:
            await world.hold(when)
        except DomainError:
            continue
    return None


async def close(world: WaitWorld, case: UUID, offer: Offer) -> object:
    sql = "SELECT set_open($1, tstzrange($2, $3), '{}')"
    return await world.rows(sql, world.city.counters[0], thursday(8, 40), thursday(9, 40))


ACTORS: tuple[Actor, ...] = (accept, decline, leave, cancel, move_away, pass_on, hold, close)


@pytest.mark.parametrize(("one", "other"), [(a, b) for a, b in combinations(ACTORS, 2)])
@pytest.mark.parametrize("in_order", [True, False])
async def test_each_pair_at_once_leaves_one_valid_state(
    world: WaitWorld, one: Actor, other: Actor, in_order: bool
) -> None:
    first, offer = await offered(world)
    await world.poll()
    both = [one(world, first, offer), other(world, first, offer)]
    ends = await asyncio.gather(*(both if in_order else reversed(both)), return_exceptions=True)
    for end in ends:
        assert not isinstance(end, BaseException) or isinstance(end, DomainError) or "claim_no_overlap" in str(end), end
    await world.work()
    await assert_valid(world)


async def test_ten_clicks_at_once_swap_once(world: WaitWorld) -> None:
    first, offer = await offered(world)
    await asyncio.gather(*(world.waitlist.accept(first, offer.id) for _ in range(10)))
    assert await world.rows("SELECT count(*) FROM claim WHERE status = 10") == [(1,)]
    await assert_valid(world)


async def test_several_workers_and_many_times_at_once(world: WaitWorld) -> None:
    """Each time is on offer to one at most, and each person has one offer at most, whoever is faster."""
    leaving = [await world.booked(f"A{n}", thursday(8 + n // 3, 20 * (n % 3))) for n in range(6)]
    for n in range(3):
        await world.waiting(f"B{n}", thursday(11, 20 * n))
    await asyncio.gather(*(world.appointments.cancel(one) for one in leaving))
    await asyncio.gather(*(world.passing_on.pass_on() for _worker in range(4)))
    await world.work()
    assert await world.rows("SELECT status, count(*) FROM waitlist_slot GROUP BY 1 ORDER BY 1") == [
        ("kept", 3),
        ("returned", 3),
    ]
    assert await world.rows("SELECT count(DISTINCT hold_id), count(DISTINCT appointment_id) FROM waitlist_offer") == [
        (3, 3)
    ]
    await assert_valid(world)


@pytest.mark.parametrize("is_over", [True, False])
async def test_the_last_moment(world: WaitWorld, is_over: bool) -> None:
    """Until the deadline it is theirs; from then on it is not, whether or not the worker has come by."""
    first, offer = await offered(world)
    world.clock.set(offer.answer_until - timedelta(microseconds=0 if is_over else 1))
    ends = await asyncio.gather(
        world.waitlist.accept(first, offer.id), world.passing_on.pass_on(), return_exceptions=True
    )
    assert [type(end) for end in ends if isinstance(end, BaseException)] == ([OfferOver] if is_over else [])
    assert (await world.appointments.case(first)).starts_at == (thursday(11) if is_over else thursday(9))


async def assert_valid(world: WaitWorld) -> None:
    async with world.db.connection() as conn:
        assert await faults(conn) == {}
