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
from booking.queue.model import Ticket
from booking.queue.usecases import CounterBusy, CounterTaken, NobodyWaits, Queue
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


async def test_history_is_never_changed(db: Database) -> None:
    await make_office(db, counters=1, waiting=1)
    async with db.connection() as conn:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await conn.execute("DELETE FROM ticket_history")
    assert violates(refused.value, "ticket_history_append_only")
