"""A visit of several parts as a case: one fee, one mail, one fate."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest

from base.clock import SettableClock
from base.db import Database
from base.money import Money
from booking.appointments.model import AppointmentStatus, Created
from booking.appointments.moving import OtherService
from booking.availability.model import JUST_ONE, Item, Visit
from tests.booking.appointments.world import ANNA, NINE, CaseWorld
from tests.booking.availability.city import TUESDAY, add_service, at, make_city
from tests.invariants import faults


@pytest.fixture
async def world(db: Database) -> AsyncIterator[CaseWorld]:
    """Two passports and then a stamp, at a counter each."""
    async with db.connection() as conn:
        city = await make_city(conn, counters=2, fee_cents=3700)
        await conn.execute('UPDATE service SET most = 2, further_min = 0, documents = \'{"de": ["Foto", "Pass"]}\'')
        one, two = city.counters
        city = replace(city, offices={city.office: (one,)}, terms={"most": 2, "further_min": 0})
        city = await add_service(conn, city, "Stempel", [two], fee_cents=500)
        await conn.execute("UPDATE service SET documents = '{\"de\": [\"Pass\"]}' WHERE key = 'Stempel'")
    world = CaseWorld(db, city, SettableClock(at(TUESDAY, 7)))
    await world.start()
    yield world
    await world.stop()


def _visit(world: CaseWorld) -> Visit:
    [stamp] = world.city.more
    return Visit(2, (Item(stamp),))


async def _create(world: CaseWorld) -> Created:
    hold = await world.hold(NINE, visit=_visit(world))
    return await world.appointments.create(hold.id, ANNA, uuid4().hex)


async def test_one_case_with_the_fee_of_all(world: CaseWorld) -> None:
    case = (await _create(world)).case
    [stamp] = world.city.more
    assert (case.fee, case.starts_at, case.ends_at) == (Money(7900), NINE, at(TUESDAY, 9, 30))
    assert case.items == (Item(world.city.service_id, 2), Item(stamp))


async def test_paid_as_a_whole_and_told_in_one_mail(world: CaseWorld) -> None:
    created = await _create(world)
    await world.paid(created.case.id)
    assert await world.claims() == [(2, False), (2, False)]
    [(_, fields)] = await world.messages()
    assert (fields["service"], fields["fee_cents"]) == ("2 × Reisepass", 7900)
    assert fields["further"] == [{"service": "Stempel", "starts_at": "2026-12-01T08:20:00+00:00"}]
    assert fields["documents"] == ["Foto", "Pass"]


async def test_cancelled_and_run_out_as_a_whole(world: CaseWorld) -> None:
    created = await _create(world)
    await world.paid(created.case.id)
    await world.appointments.cancel(created.case.id)
    assert await world.claims() == [(9, False), (9, False)]
    await world.poll()
    await _create(world)
    world.clock.advance(minutes=16)
    await world.appointments.expire_due()
    assert await world.claims() == [(9, False), (9, False), (8, False), (8, False)]
    async with world.db.connection() as conn:
        assert await faults(conn) == {}


async def test_a_bare_hold_runs_out_as_a_whole(world: CaseWorld) -> None:
    await world.hold(NINE, visit=_visit(world))
    world.clock.advance(minutes=16)
    assert await world.appointments.expire_bare() == 1
    assert await world.claims() == [(8, False), (8, False)]


async def test_moves_as_a_whole_and_only_to_a_time_for_the_same(world: CaseWorld) -> None:
    created = await _create(world)
    await world.paid(created.case.id)
    less = await world.hold(at(TUESDAY, 10), visit=JUST_ONE)
    with pytest.raises(OtherService):
        await world.move(created.case.id, less.id)
    later = await world.hold(at(TUESDAY, 11), visit=_visit(world))
    case = await world.move(created.case.id, later.id)
    assert (case.status, case.starts_at, case.items) == (
        AppointmentStatus.CONFIRMED,
        at(TUESDAY, 11),
        created.case.items,
    )
    assert [status for status, _ in await world.claims()] == [10, 10, 1, 2, 2]
    assert case.moves_left == 4
