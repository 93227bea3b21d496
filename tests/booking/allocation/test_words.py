"""After a run: who got nothing is told once, by mail or by staff; and staff book for whom they have called."""

from __future__ import annotations

import asyncio
from datetime import date
from uuid import UUID

import pytest

from base.clock import SettableClock
from base.db import Database
from base.errors import NotFound
from booking.allocation.model import RequestStatus
from booking.allocation.words import NothingToBook, PaidByLink
from booking.appointments.model import AppointmentStatus
from tests.booking.allocation.test_runs import LATER, SOON
from tests.booking.allocation.world import NeedWorld, need_world
from tests.booking.availability.city import TUESDAY, at


async def mails(world: NeedWorld) -> list[dict[str, object]]:
    return [fields for template, fields in await world.messages() if template == "allocation_waits"]


async def given_out(world: NeedWorld, slots: int = 1) -> UUID:
    run = await world.ranked(slots)
    await world.runs.release(run, world.clerk)
    return run


async def test_who_got_nothing_is_written_once_and_not_after_every_run(world: NeedWorld) -> None:
    await world.take_part("Anna Häberle", SOON)
    waits, gone = await world.take_part("Ben Blau", LATER), await world.take_part("Cem Can", LATER)
    await given_out(world)
    assert await mails(world) == []
    await world.allocation.withdraw(gone)
    assert await world.words.mail_due() == 2
    assert await world.words.mail_due() == 0
    [fields] = await mails(world)
    assert fields["number"] == (await world.allocation.find(waits)).public_id
    assert fields["next_on"] == "2026-12-08"  # a week after the list closed
    await world.take_part("Dora Dunkel", SOON)
    await world.poll()
    await given_out(world)
    assert (await world.allocation.find(waits)).status is RequestStatus.CONFIRMED
    assert await world.words.mail_due() == 0
    assert len(await mails(world)) == 1


async def test_two_workers_write_once(world: NeedWorld) -> None:
    await world.take_part("Anna Häberle", SOON)
    for n in range(4):
        await world.take_part(f"P{n} Blau", LATER)
    await given_out(world)
    done = await asyncio.gather(*(world.words.mail_due() for _worker in range(3)))
    assert sum(done) == 4
    assert len(await mails(world)) == 4


async def test_one_that_cannot_be_told_keeps_no_other_waiting(world: NeedWorld) -> None:
    await world.take_part("Anna Häberle", SOON)
    broken, waits = await world.take_part("Ben Blau", LATER), await world.take_part("Cem Can", LATER)
    await given_out(world)
    await world.rows("UPDATE allocation_person SET contact = 'sealed by nobody' WHERE request_id = $1", broken)
    assert await world.words.mail_due() == 1
    [fields] = await mails(world)
    assert fields["number"] == (await world.allocation.find(waits)).public_id


async def test_staff_call_and_book_for_the_person(world: NeedWorld) -> None:
    placed, waits = await world.enter("Anna Häberle", SOON), await world.enter("Ben Blau", LATER)
    await given_out(world)
    assert await world.words.mail_due() == 0
    offered, nothing = sorted(await world.words.calls(), key=lambda call: call.case is None)
    assert (offered.request.id, nothing.request.id, nothing.next_on) == (placed, waits, date(2026, 12, 8))
    assert offered.case is not None
    assert offered.case.status is AppointmentStatus.HELD
    with pytest.raises(NothingToBook):
        await world.words.book(nothing.id, world.clerk)
    for _twice in range(2):
        await world.words.book(offered.id, world.clerk)
        await world.words.say(nothing.id, world.clerk)
    assert (await world.appointments.case(offered.case.id)).status is AppointmentStatus.CONFIRMED
    assert await world.words.calls() == []
    assert await world.rows("SELECT DISTINCT said_by FROM allocation_word") == [(world.clerk,)]
    for nobodys in (world.words.say(4711, world.clerk), world.words.book(4711, world.clerk)):
        with pytest.raises(NotFound):
            await nobodys


async def test_what_was_not_booked_in_time_is_not_booked_by_staff(world: NeedWorld) -> None:
    await world.enter("Anna Häberle", SOON)
    await given_out(world)
    [call] = await world.words.calls()
    world.clock.advance(days=2)
    await world.appointments.expire_due()
    with pytest.raises(NothingToBook):
        await world.words.book(call.id, world.clerk)
    [still] = await world.words.calls()
    assert still.case is not None
    assert still.case.status is AppointmentStatus.EXPIRED


async def test_what_costs_a_fee_is_not_booked_without_its_payment(db: Database) -> None:
    async with need_world(db, SettableClock(at(TUESDAY, 7)), fee_cents=3700) as world:
        await world.enter("Anna Häberle", SOON)
        await given_out(world)
        [call] = await world.words.calls()
        with pytest.raises(PaidByLink):
            await world.words.book(call.id, world.clerk)
        assert len(await world.words.calls()) == 1


async def test_whoever_is_forgotten_is_called_by_nobody(world: NeedWorld) -> None:
    ident = await world.enter("Anna Häberle", SOON)
    await given_out(world, slots=1)
    row = await world.allocation.find(ident)
    assert row.appointment_id is not None
    await world.appointments.erase(row.appointment_id)
    assert await world.words.calls() == []
