"""Which services are given out by need: said from a moment on, changed, taken back; and what becomes of who has asked."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from base.errors import DomainError, NotFound
from booking.allocation.marking import MomentPast, WhyNeeded
from booking.allocation.model import RequestStatus, Rule
from booking.allocation.runs import RunGoesOn
from booking.allocation.usecases import NotAsking, NotByNeed
from booking.appointments.contact import Contact
from tests.booking.allocation.test_runs import SOON, status
from tests.booking.allocation.world import NeedWorld, moment

RULE = Rule(class_days=(3, 30), offer_hours=24, rhythm_days=14)


async def told(world: NeedWorld) -> list[str]:
    return [template for template, _fields in await world.messages() if template == "allocation_ended"]


async def test_it_holds_from_its_moment_on_and_the_history_stays(world: NeedWorld) -> None:
    service, by = world.city.service_id, world.clerk
    await world.marking.unmark(service, "Enough counters", by)
    await world.marking.unmark(service, "Said again", by)  # which is no news
    world.given_by_need.clear()
    await world.hold(moment(9))
    starts = world.clock() + timedelta(hours=2)
    for _twice in range(2):
        await world.marking.mark(service, RULE, starts, by)
    found = await world.marking.standing(service)
    assert (found.rule, found.comes and found.comes.rule) == (None, RULE)
    assert await world.marking.keep_up() == 0
    world.clock.advance(hours=2)
    assert await world.marking.keep_up() == 1
    found = await world.marking.standing(service)
    assert (found.rule, found.comes) == (RULE, None)
    assert [(row.rule, row.because, row.by) for row in found.history] == [
        (RULE, "", "Rosa"),
        (None, "Enough counters", "Rosa"),
    ]
    assert (await world.allocation.marked(service)).rhythm_days == 14
    await world.marking.mark(service, RULE, None, by)  # holds already
    assert len((await world.marking.standing(service)).history) == 2


async def test_what_was_said_last_holds_whatever_was_to_come(world: NeedWorld) -> None:
    service, by = world.city.service_id, world.clerk
    await world.marking.mark(service, RULE, world.clock() + timedelta(hours=2), by)
    await world.marking.unmark(service, "Not at all", by)
    world.clock.advance(hours=3)
    assert await world.marking.keep_up() == 0
    assert (await world.marking.standing(service)).rule is None
    with pytest.raises(NotByNeed):
        await world.ask("Anna Häberle")
    with pytest.raises(NotByNeed):
        await world.open()


async def test_open_requests_end_and_their_people_are_told_once(world: NeedWorld) -> None:
    asked, confirmed, withdrawn = (
        await world.ask("Anna Häberle"),
        await world.take_part("Ben Blau"),
        await world.ask("Cem"),
    )
    await world.allocation.withdraw(withdrawn)
    contact = Contact(name="Dora Dunkel", email="dora@example.org", language="de")
    nobody = await world.allocation.ask(world.asked(contact), uuid4())
    assert (await world.marking.standing(world.city.service_id)).open_requests == 2
    world.clock.advance(days=5)
    await world.marking.unmark(world.city.service_id, "Enough counters", world.clerk)
    assert await world.marking.keep_up() == 3
    assert await world.marking.keep_up() == 0
    assert [await status(world, one) for one in (asked, confirmed, nobody)] == [RequestStatus.ENDED] * 3
    assert await status(world, withdrawn) is RequestStatus.WITHDRAWN
    assert len(await told(world)) == 2  # not whoever may be anybody
    for again in (world.allocation.verify(nobody), world.allocation.withdraw(asked)):
        with pytest.raises(NotAsking):
            await again
    world.clock.advance(days=25)
    assert await world.allocation.erase_due() == 1  # the withdrawn one: its time counts from its making
    world.clock.advance(days=5)
    assert await world.allocation.erase_due() == 3


async def test_an_offer_of_a_run_stays(world: NeedWorld) -> None:
    ident = await world.take_part("Anna Häberle", SOON)
    await world.runs.release(await world.ranked(), world.clerk)
    await world.marking.unmark(world.city.service_id, "Enough counters", world.clerk)
    assert await world.marking.keep_up() == 0
    assert await status(world, ident) is RequestStatus.PLACED


async def test_what_cannot_be_said(world: NeedWorld) -> None:
    service, by = world.city.service_id, world.clerk
    with pytest.raises(MomentPast):
        await world.marking.mark(service, RULE, world.clock() - timedelta(minutes=1), by)
    with pytest.raises(WhyNeeded):
        await world.marking.unmark(service, " ", by)
    for nowhere in (world.marking.mark(4711, RULE, None, by), world.marking.standing(4711)):
        with pytest.raises(NotFound):
            await nowhere
    await world.open()
    with pytest.raises(RunGoesOn):
        await world.marking.unmark(service, "Enough counters", by)
    assert (await world.marking.standing(service)).history == ()


async def test_a_run_is_due_when_the_rhythm_says_so(world: NeedWorld) -> None:
    service = world.city.service_id
    assert await world.runs.due() == [service]
    run = await world.ranked()
    assert await world.runs.due() == []
    await world.runs.release(run, world.clerk)
    assert await world.runs.due() == []
    world.clock.advance(days=7)
    assert await world.runs.due() == [service]


async def test_taking_it_back_beside_a_run_that_is_opened(world: NeedWorld) -> None:
    """Either the run is there and the service stays marked, or it is not marked and there is no run."""
    for _round in range(5):
        answers = await asyncio.gather(
            world.open(), world.marking.unmark(world.city.service_id, "Why not", world.clerk), return_exceptions=True
        )
        failed = [error for error in answers if isinstance(error, Exception)]
        assert len(failed) == 1
        assert isinstance(failed[0], DomainError)
        assert await world.rows(
            """
            SELECT s.is_on = EXISTS (SELECT FROM allocation_run WHERE status = 'open') FROM allocation_service s"""
        ) == [(True,)]
        for (run,) in await world.rows("SELECT id FROM allocation_run WHERE status = 'open'"):
            await world.runs.give_up(run, "Next round", world.clerk)  # type: ignore[arg-type]
        await world.marking.mark(world.city.service_id, RULE, None, world.clerk)


async def test_whoever_has_no_mail_is_on_the_list_of_calls_when_it_ends(world: NeedWorld) -> None:
    ident = await world.enter("Anna Häberle")
    await world.marking.unmark(world.city.service_id, "Enough counters", world.clerk)
    assert await world.marking.keep_up() == 1
    [call] = await world.words.calls()
    assert (call.request.id, call.request.status, call.case) == (ident, RequestStatus.ENDED, None)
