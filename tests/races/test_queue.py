"""Many counters call at the same moment, over one real pool; and direct SQL cannot break what the queue promises."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from base.clock import SettableClock
from base.db import Connection, Database, violates
from booking.appointments.slots_memory import MemorySlots
from booking.queue.feed import QueueSource, topic
from booking.queue.model import Ticket
from booking.queue.places import CounterBusy, CounterTaken
from booking.queue.usecases import NobodyWaits, Queue, TicketMoved
from tests.booking.appointments.world import case_world
from tests.booking.availability.city import TUESDAY, City, at, make_city

DAY = date(2026, 12, 1)


async def no_call(conn: Connection, appointment_id: UUID) -> None:
    """Nobody here comes by video."""


async def make_office(db: Database, counters: int, waiting: int) -> tuple[Queue, City, list[int]]:
    """Counters with one clerk each, and people without appointments."""
    clock = SettableClock(at(TUESDAY, 9))
    async with db.connection() as conn:
        city = await make_city(conn, counters=counters)
        clerks = [
            await conn.fetchval(
                "INSERT INTO account (login, name, password_hash) VALUES ($1, 'Kim', '$argon2id$') RETURNING id",
                f"clerk{n}",
            )
            for n in range(counters)
        ]
    queue = Queue(db, MemorySlots(), no_call, clock)
    for clerk, counter in zip(clerks, city.offices[city.office], strict=True):
        await queue.take_counter(city.office, clerk, counter)
    for _ in range(waiting):
        await queue.add_walk_in(city.office, city.service_id, str(uuid4()))
    return queue, city, clerks


async def test_every_person_is_called_by_exactly_one_counter(db: Database) -> None:
    queue, city, clerks = await make_office(db, counters=8, waiting=40)
    called: list[Ticket] = []

    async def work(clerk: int) -> None:
        while True:
            try:
                ticket = await queue.call_next(city.office, clerk)
            except NobodyWaits:
                return
            called.append(ticket)
            await queue.start(city.office, clerk, ticket.id)
            await queue.finish(city.office, clerk, ticket.id)

    await asyncio.gather(*(work(clerk) for clerk in clerks))
    assert Counter(ticket.number for ticket in called) == Counter(range(1, 41))


async def test_one_clerk_who_presses_many_times_at_once_calls_one_person(db: Database) -> None:
    queue, city, (clerk,) = await make_office(db, counters=1, waiting=9)
    answers = await asyncio.gather(*(queue.call_next(city.office, clerk) for _ in range(9)))
    assert {answer.number for answer in answers} == {1}
    await queue.start(city.office, clerk, answers[0].id)
    with pytest.raises(CounterBusy):
        await queue.call_next(city.office, clerk)


async def test_the_same_form_many_times_at_once_is_one_number(db: Database) -> None:
    queue, city, _ = await make_office(db, counters=1, waiting=0)
    given = await asyncio.gather(*(queue.add_walk_in(city.office, city.service_id, "one key") for _ in range(8)))
    assert len({ticket.id for ticket in given}) == 1


async def test_a_counter_that_two_clerks_want_at_once_goes_to_one(db: Database) -> None:
    queue, city, clerks = await make_office(db, counters=6, waiting=0)
    for clerk in clerks:
        await queue.leave_counter(clerk)
    wanted = city.offices[city.office][0]
    answers = await asyncio.gather(
        *(queue.take_counter(city.office, clerk, wanted) for clerk in clerks), return_exceptions=True
    )
    assert sum(answer is None for answer in answers) == 1
    assert sum(isinstance(answer, CounterTaken) for answer in answers) == 5


async def test_one_clerk_in_two_tabs_and_clerks_who_swap_get_an_answer(db: Database) -> None:
    """Never an error of the database: each call is done, or refused by its name."""
    queue, city, clerks = await make_office(db, counters=4, waiting=0)
    places = city.offices[city.office]
    for turn in range(10):
        wanted = [(clerk, places[(n + turn + k) % 4]) for n, clerk in enumerate(clerks) for k in (1, 2)]
        answers = await asyncio.gather(
            *(queue.take_counter(city.office, clerk, place) for clerk, place in wanted), return_exceptions=True
        )
        assert all(answer is None or isinstance(answer, CounterTaken) for answer in answers), answers
        await asyncio.gather(*(queue.leave_counter(clerk) for clerk in clerks[turn % 2 :: 2]))


async def test_who_serves_at_one_office_takes_no_counter_at_another(db: Database) -> None:
    clock = SettableClock(at(TUESDAY, 9))
    async with db.connection() as conn:
        city = await make_city(conn, counters=1, offices=2)
        sql = "INSERT INTO account (login, name, password_hash) VALUES ('kim', 'Kim', '$argon2id$') RETURNING id"
        clerk = await conn.fetchval(sql)
    queue = Queue(db, MemorySlots(), no_call, clock)
    (first, [here]), (second, [there]) = city.offices.items()
    await queue.take_counter(first, clerk, here)
    await queue.add_walk_in(first, city.service_id, "key")
    await queue.call_next(first, clerk)
    with pytest.raises(CounterBusy):
        await queue.take_counter(second, clerk, there)
    clock.advance(days=1)  # nobody stands there any more
    await queue.take_counter(second, clerk, there)


async def test_taking_leaving_and_freeing_a_counter_are_in_the_feed(db: Database) -> None:
    queue, city, (clerk,) = await make_office(db, counters=1, waiting=0)
    [counter], source = city.offices[city.office], QueueSource()

    async with db.connection() as conn:
        watermark = await source.start(conn)

    async def told() -> bool:
        nonlocal watermark
        async with db.connection() as conn:
            watermark, topics = await source.poll(conn, watermark)
        return topic(city.office) in topics

    assert not await told()
    await queue.leave_counter(clerk)
    assert await told()
    assert not await told()
    await queue.take_counter(city.office, clerk, counter)
    assert await told()
    await queue.free_counter(city.office, counter)
    assert await told()


async def test_finishing_and_recalling_one_ticket_at_once_never_calls_who_is_done(db: Database) -> None:
    """One clerk in two windows, and another one from the next counter. Each step is done or refused, and none of it is half."""
    queue, city, (clerk, other) = await make_office(db, counters=2, waiting=12)
    for turn in range(12):
        ident = (await queue.call_next(city.office, clerk)).id
        if turn % 2:
            await queue.start(city.office, clerk, ident)
        steps = [
            queue.recall(city.office, clerk, ident),
            queue.recall(city.office, clerk, ident),
            queue.recall(city.office, other, ident),
            queue.finish(city.office, other, ident),
            queue.start(city.office, clerk, ident),
            queue.finish(city.office, clerk, ident),
        ]
        answers = await asyncio.gather(*steps, return_exceptions=True)
        errors = [answer for answer in answers if isinstance(answer, BaseException)]
        assert all(isinstance(error, TicketMoved) for error in errors), errors
        assert all(isinstance(answer, TicketMoved) for answer in answers[2:4])  # not at this counter
        await queue.finish(city.office, clerk, ident)
        async with db.connection() as conn:
            [row] = await conn.fetch("SELECT status, calls FROM ticket WHERE id = $1", ident)
            steps_taken = await conn.fetch("SELECT status FROM ticket_history WHERE ticket_id = $1 ORDER BY id", ident)
        assert (row["status"], row["calls"]) == ("done", 1 + answers[:2].count(None)), turn
        assert [one["status"] for one in steps_taken] == ["waiting", *["called"] * row["calls"], "serving", "done"]
        if turn % 2:
            assert answers[:2].count(None) == 0
            assert answers[5] is None


async def test_a_message_that_is_given_up_is_in_the_feed_of_its_office(db: Database) -> None:
    async with case_world(db) as world:
        case, source = (await world.create()).case.id, QueueSource()
        await world.paid(case)
        office = world.city.office

        async with db.connection() as conn:
            watermark = await source.start(conn)
            for sql, is_told in (
                ("UPDATE message SET attempts = 1", False),
                ("UPDATE message SET status = 'dead'", True),
                ("UPDATE message SET last_error = 'x'", False),
                ("UPDATE message SET status = 'delivered'", True),  # a late report: it arrived after all
                ("UPDATE message SET sent_at = now()", False),
            ):
                await conn.execute(sql)
                watermark, topics = await source.poll(conn, watermark)
                assert (topic(office) in topics) is is_told, sql


async def _insert(conn: Any, city: City, number: int, **given: Any) -> None:
    row = {
        "id": uuid4(),
        "office_id": city.office,
        "day": DAY,
        "number": number,
        "service_id": city.service_id,
        "channel": "onsite",
        "status": "waiting",
        "arrived_at": at(TUESDAY, 9),
        "changed_at": at(TUESDAY, 9),
        **given,
    }
    marks = ", ".join(f"${n + 1}" for n in range(len(row)))
    await conn.execute(f"INSERT INTO ticket ({', '.join(row)}) VALUES ({marks})", *row.values())


CALLED = {"status": "called", "called_at": at(TUESDAY, 9), "calls": 1}


@pytest.mark.parametrize(
    ("constraint", "given"),
    [
        ("ticket_called_somewhere", CALLED),
        ("ticket_called_somewhere", {**CALLED, "status": "waiting", "counter_id": "first"}),
        ("ticket_call_has_time", {"status": "serving", "counter_id": "first"}),
        ("ticket_status", {"status": "parked", "counter_id": "first", "called_at": at(TUESDAY, 9), "calls": 1}),
        ("ticket_channel", {"channel": "fax"}),
        ("ticket_number_once", {"number": 1}),
        ("ticket_number_positive", {"number": 0}),
        ("ticket_one_open_call", {**CALLED, "status": "serving", "counter_id": "first"}),
        ("ticket_appointment_has_time", {"due_at": at(TUESDAY, 9)}),
    ],
)
async def test_the_schema_refuses_by_name(db: Database, constraint: str, given: dict[str, Any]) -> None:
    async with db.connection() as conn:
        city = await make_city(conn, counters=2)
        first = {"counter_id": city.offices[city.office][0]}
        await _insert(conn, city, 1, **CALLED, **first)
        number = given.pop("number", 2) if "number" in given else 2
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
            await _insert(conn, city, number, **(given | (first if "counter_id" in given else {})))
    assert violates(refused.value, constraint)


@pytest.mark.parametrize(
    ("constraint", "sql"),
    [
        ("counter_clerk_one_clerk", "INSERT INTO counter_clerk VALUES ($1, $2, $5, '2026-12-01')"),
        ("counter_clerk_one_counter", "INSERT INTO counter_clerk VALUES ($3, $2, $4, '2026-12-01')"),
        ("counter_clerk_in_office", "UPDATE counter_clerk SET office_id = $6 WHERE counter_id = $1"),
        ("ticket_counter_in_office", "UPDATE ticket SET office_id = $6 WHERE counter_id = $1"),
        ("ticket_number_range", "UPDATE ticket_number SET last = 10000"),
        ("ticket_request_once", "UPDATE ticket SET request_key = '00000000-0000-0000-0000-000000000001'"),
    ],
)
async def test_the_schema_refuses_around_the_code(db: Database, constraint: str, sql: str) -> None:
    async with db.connection() as conn:
        city = await make_city(conn, counters=3, offices=2)
        (office, (first, second, _)), (other, _) = city.offices.items()
        new = "INSERT INTO account (login, name, password_hash) VALUES ($1, 'Kim', '$argon2id$') RETURNING id"
        kim, sam = await conn.fetchval(new, "kim"), await conn.fetchval(new, "sam")
        await conn.execute("INSERT INTO counter_clerk VALUES ($1, $2, $3, '2026-12-01')", first, office, kim)
        await conn.execute("INSERT INTO ticket_number VALUES ($1, '2026-12-01', 1)", office)
        await _insert(conn, city, 1, **CALLED, counter_id=first)
        await _insert(conn, city, 2)
        for n, value in enumerate((first, office, second, kim, sam, other), start=1):
            sql = sql.replace(f"${n}", str(value))
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
            await conn.execute(sql)
    assert violates(refused.value, constraint)


async def test_history_is_never_changed(db: Database) -> None:
    await make_office(db, counters=1, waiting=1)
    async with db.connection() as conn:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await conn.execute("DELETE FROM ticket_history")
    assert violates(refused.value, "ticket_history_append_only")
