"""Who asked is forgotten: with the case that came of it, or some time after it came to nothing."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from base.errors import DomainError, NotFound
from booking.appointments.contact import Contact
from tests.booking.allocation.world import NeedWorld
from tests.races.test_constraints import refused

KNOWN = """
    SELECT (SELECT count(*) FROM allocation_person WHERE request_id = $1),
           (SELECT count(*) FROM message WHERE reference = $1 AND contents IS NOT NULL),
           (SELECT check_reason FROM allocation_request WHERE id = $1)"""


async def known(world: NeedWorld, ident: UUID) -> tuple[object, ...]:
    [row] = await world.rows(KNOWN, ident)
    return row


async def unverified(world: NeedWorld) -> UUID:
    contact = Contact(name="Dora Dunkel", email="dora@example.org", language="de")
    return await world.allocation.ask(world.asked(contact), uuid4())


async def test_erasing_the_case_takes_the_request_along(world: NeedWorld) -> None:
    ident = await world.take_part("Anna Häberle")
    run = await world.ranked()
    await world.runs.release(run, world.clerk)
    [(case,)] = await world.rows("SELECT appointment_id FROM allocation_request")
    assert isinstance(case, UUID)
    await world.rows("UPDATE message SET status = 'dead' WHERE reference = $1", ident)
    assert await known(world, ident) == (1, 1, "Document seen")
    await world.appointments.erase(case)
    assert await known(world, ident) == (0, 0, "[erased]")
    with pytest.raises(NotFound):
        await world.allocation.find(ident)
    [(listed,)] = await world.rows("SELECT list IS NOT NULL AND result IS NOT NULL FROM allocation_run")
    assert listed  # what was published stays


async def test_what_came_to_nothing_goes_by_itself_and_what_is_open_stays(world: NeedWorld) -> None:
    refused_one, withdrawn, opened = [await world.ask(name) for name in ("Anna Häberle", "Ben Blau", "Cem Can")]
    await world.allocation.refuse(refused_one, "No document", world.clerk)
    await world.allocation.withdraw(withdrawn)
    forgotten = await unverified(world)
    world.clock.advance(days=29)
    assert await world.allocation.erase_due() == 0
    world.clock.advance(days=1)
    assert await world.allocation.erase_due() == 3
    assert await world.allocation.erase_due() == 0
    assert await world.rows("SELECT request_id FROM allocation_person") == [(opened,)]
    assert await known(world, refused_one) == (0, 0, "[erased]")
    with pytest.raises(NotFound):
        await world.allocation.verify(forgotten)
    assert await world.rows("SELECT status FROM allocation_request WHERE id = $1", forgotten) == [("withdrawn",)]


async def test_the_link_opened_while_it_is_forgotten_leaves_it_whole_or_gone(world: NeedWorld) -> None:
    for _round in range(5):
        ident = await unverified(world)
        world.clock.advance(days=31)
        answers = await asyncio.gather(
            world.allocation.verify(ident), world.allocation.erase_due(), return_exceptions=True
        )
        assert not [error for error in answers if isinstance(error, Exception) and not isinstance(error, DomainError)]
        [(status,)] = await world.rows("SELECT status FROM allocation_request WHERE id = $1", ident)
        persons, _messages, _reason = await known(world, ident)
        assert (status, persons) in {("asked", 1), ("withdrawn", 0)}
        if status == "asked":
            await world.allocation.withdraw(ident)


async def test_the_schema_keeps_a_living_ones_person_and_lets_none_come_back(world: NeedWorld) -> None:
    ident = await world.ask("Anna Häberle")
    async with world.db.connection() as conn:
        with refused("allocation_person_of_living"):
            await conn.execute("DELETE FROM allocation_person WHERE request_id = $1", ident)
        await world.allocation.withdraw(ident)
        await conn.execute("DELETE FROM allocation_person WHERE request_id = $1", ident)
        with refused("allocation_person_comes_first"):
            await conn.execute(
                "INSERT INTO allocation_person (request_id, contact, birth_date) VALUES ($1, '', '')", ident
            )
