"""Closed with people in it: another counter at the same time, three times to choose from, or somebody telephones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from base.db import Connection, Database
from base.errors import NotFound
from base.money import Money
from booking.appointments.contact import Contact
from booking.availability.model import Item, Visit, Window
from booking.catalogue.changes import NotOfThisOffice, TimesImpossible
from booking.rebooking.model import Because, IfSilent
from booking.rebooking.usecases import AnswerOver, SeveralParts, TimeGone
from tests.booking.appointments.world import ANNA
from tests.booking.availability.city import City, add_service, at
from tests.booking.rebooking.world import DAYS, MONDAY, NINE, ClosingWorld, closing_world
from tests.races.test_move import new_fee

POST = Contact.model_validate({"name": "Oma", "postal_address": "Weg 1\n70173 Stuttgart", "language": "de"})


@pytest.fixture
async def world(db: Database) -> AsyncIterator[ClosingWorld]:
    async with closing_world(db) as made:
        yield made


async def test_a_preview_names_who_is_affected_and_changes_nothing(world: ClosingWorld) -> None:
    ident = await world.booked()
    await world.hold(at(DAYS[1], 10))
    found = await world.rebookings.preview(world.plan())
    booked, held = found.affected
    assert found.waiting == 0
    assert (booked.appointment_id, booked.is_booked, booked.has_email, booked.has_mobile) == (ident, True, True, False)
    assert (held.appointment_id, held.is_booked, held.starts_at) == (None, False, at(DAYS[1], 10))
    assert (await world.rebookings.preview(world.plan(DAYS[2]))).affected == ()
    await world.poll()
    assert (await world.hold(NINE)).starts_at == NINE


async def test_one_counter_closed_is_another_counter_at_the_same_time(world: ClosingWorld) -> None:
    ident = await world.booked()
    async with world.db.connection() as conn:
        counter = await conn.fetchval("SELECT counter_id FROM claim WHERE appointment_id = $1", ident)
    told = len(await world.messages())
    await world.closed_and_offered(counter_id=counter)
    assert await world.status(ident) == "shifted"
    case = await world.appointments.case(ident)
    assert (case.starts_at, case.fee.cents) == (NINE, 3700)
    assert (await world.taken(), len(await world.messages())) == ([2, 10], told)
    async with world.db.connection() as conn:
        sql = "SELECT counter_id FROM claim WHERE appointment_id = $1 AND status = 2"
        assert await conn.fetchval(sql, ident) != counter


async def test_the_same_closing_from_another_tab_is_the_first(world: ClosingWorld) -> None:
    ident = await world.booked()
    plan = world.plan()
    first = await world.rebookings.close(plan, world.boss, "first tab")
    world.clock.advance(minutes=7)
    assert await world.rebookings.close(plan, world.boss, "second tab") == first
    assert [(one.id, one.affected) for one in await world.rebookings.closings(world.city.office)] == [(first, 1)]
    other = await world.rebookings.close(replace(plan, reason="Another reason"), world.boss, "third tab")
    assert other != first
    assert (await world.of(ident))[0].closing_id == first


async def test_a_time_that_was_opened_again_is_closed_anew(world: ClosingWorld) -> None:
    plan = world.plan()
    first = await world.rebookings.close(plan, world.boss, "first tab")
    async with world.db.connection() as conn:
        for counter in world.city.counters:
            await conn.execute("SELECT set_open($1, tstzrange($2, $3), '{}')", counter, at(DAYS[1], 0), at(DAYS[1], 12))
            await conn.execute(
                "SELECT set_open($1, tstzrange($2, $3), tstzmultirange(tstzrange($2, $3)))",
                counter,
                at(DAYS[1], 8),
                at(DAYS[1], 12),
            )
    assert await world.rebookings.close(plan, world.boss, "second tab") != first


async def test_three_times_on_three_days_and_one_is_taken(world: ClosingWorld) -> None:
    ident = await world.booked()
    before = await world.appointments.case(ident)
    await world.closed_and_offered()
    found, offered = await world.of(ident)
    assert found.status.value == "offered"
    assert [one.starts_at for one in offered] == [at(DAYS[0], 9), at(DAYS[2], 9), at(DAYS[3], 9)]
    template, fields = (await world.messages())[-1]
    assert (template, fields["reason"], [one["starts_at"] for one in fields["offers"]]) == (
        "rebooking_offered",
        "Burst pipe",
        [one.starts_at.isoformat() for one in offered],
    )
    assert await world.taken() == [1, 1, 1, 2]
    after = await world.rebookings.accept(ident, 2)
    assert await world.rebookings.accept(ident, 2) == after
    assert (after.starts_at, after.number) == (at(DAYS[2], 9), before.number)
    assert before.payment is not None
    assert after.payment == replace(before.payment, service_day=DAYS[2])  # nothing else of it has changed
    assert (await world.status(ident), await world.taken()) == ("accepted", [2, 9, 9, 10])
    with pytest.raises(AnswerOver):
        await world.rebookings.accept(ident, 1)
    for _ in range(5):  # what the city moved is not counted among the citizen's own moves
        await world.poll()
        now = (await world.appointments.case(ident)).starts_at
        there = at(DAYS[3], 10) if now != at(DAYS[3], 10) else at(DAYS[3], 11)
        await world.move(ident, (await world.hold(there)).id)


async def test_of_a_guarded_service_nobody_needs_a_pass_for_another_time(world: ClosingWorld) -> None:
    alone = await world.booked()
    async with world.db.connection() as conn:
        await conn.execute("INSERT INTO guard SELECT $1, 1, $2, now()", world.city.service_id, world.boss)
    await world.closed_and_offered()
    found, offered = await world.of(alone)
    assert (found.status.value, len(offered)) == ("offered", 3)
    await world.rebookings.accept(alone, 2)
    assert await world.taken() == [2, 9, 9, 10]


async def test_nothing_is_booked_into_closed_time_and_no_form_is_filled_in_for_it(world: ClosingWorld) -> None:
    await world.hold(at(DAYS[1], 10))
    await world.close()
    await world.poll()
    assert await world.taken() == [9]
    assert world.availability.slots(world.city.service_id, "onsite", None, _day(1)) == []


async def test_who_was_paying_is_affected_as_well(world: ClosingWorld) -> None:
    ident = (await world.create(NINE)).case.id
    await world.close()
    with pytest.raises(AssertionError):
        await world.of(ident)
    await world.paid(ident)
    await world.rebooker.run()
    assert await world.status(ident) == "offered"


async def test_near_the_day_and_without_address_somebody_telephones(world: ClosingWorld) -> None:
    unreachable = await world.booked(at(DAYS[1], 9), POST)
    await world.closed_and_offered()
    assert (await world.of(unreachable))[0].because is Because.UNREACHABLE
    near = await world.booked(at(DAYS[2], 9))
    world.clock.advance(hours=72)  # Thursday, seven o'clock
    await world.closed_and_offered(day=DAYS[2])
    assert (await world.of(near))[0].because is Because.TOO_NEAR
    assert await world.taken() == [2, 2]


async def test_nothing_free(db: Database) -> None:
    async with closing_world(db, counters=1, days=[DAYS[1]]) as world:
        ident = await world.booked()
        await world.closed_and_offered()
        assert (await world.of(ident))[0].because is Because.NOTHING_FREE


async def test_the_nearest_office_where_the_own_has_no_time(db: Database) -> None:
    async with closing_world(db, offices=2, counters=1, days=DAYS[1:3]) as world:
        ident = await world.booked()
        await world.closed_and_offered(starts_at=at(DAYS[1], 0), ends_at=at(DAYS[3], 0))
        _, offered = await world.of(ident)
        assert {one.office_id for one in offered} == {max(world.city.offices)}
        assert (await world.rebookings.accept(ident, 1)).office_id == max(world.city.offices)


async def test_none_of_them_suits_and_staff_take_another_on_the_telephone(world: ClosingWorld) -> None:
    ident = await world.booked()
    await world.closed_and_offered()
    await world.rebookings.decline(ident)
    await world.rebookings.decline(ident)
    assert (await world.status(ident), await world.taken()) == ("declined", [2, 9, 9, 9])
    with pytest.raises(AnswerOver):
        await world.rebookings.accept(ident, 1)
    there = at(DAYS[3], 11)
    with pytest.raises(TimeGone):
        await world.take(ident, at(DAYS[1], 11))
    await world.take(ident, there)
    assert (await world.take(ident, there)).starts_at == there
    assert (await world.status(ident), await world.taken()) == ("moved", [2, 9, 9, 9, 10])
    with pytest.raises(AnswerOver):
        await world.take(ident, at(DAYS[3], 10))


async def test_cancelled_with_all_that_was_paid(world: ClosingWorld, db: Database) -> None:
    async with db.transaction() as conn:
        await conn.execute(
            "INSERT INTO refund_policy (key, share_percent, text) VALUES ('none', 0, '{\"de\": \"nichts\"}')"
        )
    ident = await world.booked()
    await world.closed_and_offered()
    case = await world.rebookings.cancel(ident)
    assert [refund.amount_cents for refund in case.refunds] == [3700]
    assert (await world.rebookings.cancel(ident)).status.value == "cancelled"
    assert (await world.status(ident), await world.taken()) == ("cancelled", [9, 9, 9, 9])
    assert dict(await world.messages())["appointment_cancelled"]["reason"] == "Burst pipe"


async def test_staff_find_a_visit_of_several_parts_another_time_on_its_page(db: Database) -> None:
    """Closed in part: a hold of it goes as a whole, and one that is booked is offered as a whole (test_rooms)."""

    async def with_stamps(conn: Connection, city: City) -> City:
        await conn.execute("UPDATE service SET most = 2, further_min = 0")
        *passes, stamps = city.counters
        city = replace(city, offices={city.office: tuple(passes)}, terms={"most": 2, "further_min": 0})
        return await add_service(conn, city, "Stempel", [stamps])

    async with closing_world(db, with_stamps, counters=3, days=[DAYS[1], DAYS[3]]) as world:
        [(stamp, offer)] = world.city.more.items()
        [stamps] = offer.offices[world.city.office].counters
        hold = await world.hold(NINE, visit=Visit(2, (Item(stamp),)))
        ident = (await world.appointments.create(hold.id, ANNA, "the key of one request")).case.id
        await world.paid(ident)
        await world.hold(at(DAYS[1], 11), visit=Visit(2, (Item(stamp),)))
        await world.closed_and_offered(counter_id=stamps)
        await world.rebookings.decline(ident)
        assert await world.taken() == [2, 2, 9, 9, 9, 9, 9, 9, 9, 9]
        with pytest.raises(SeveralParts):
            await world.take(ident, at(DAYS[3], 11))


async def test_no_limit_of_citizens_binds_whoever_is_displaced(world: ClosingWorld, db: Database) -> None:
    """Cancelled by the ordinary way it brings all back, and moved by it, it counts as the city's move."""
    async with db.transaction() as conn:
        await conn.execute("INSERT INTO refund_policy (key, share_percent, text) VALUES ('none', 0, '{\"de\": \"-\"}')")
    leaves, moves = await world.booked(), await world.booked(at(DAYS[1], 9, 20))
    assert (await world.appointments.case(leaves)).refund_at(world.clock()) == Money(0)
    await world.closed_and_offered()
    case = await world.appointments.case(leaves)
    assert case.refund_at(world.clock()) == Money(3700)
    cancelled = await world.appointments.cancel(leaves, Money(3700))
    assert [refund.amount_cents for refund in cancelled.refunds] == [3700]
    await world.poll()
    before = (await world.appointments.case(moves)).moves_left
    await world.appointments.move(moves, (await world.hold(at(DAYS[3], 11))).id, "http://back")
    moved = await world.appointments.case(moves)
    assert (await world.status(moves), moved.moves_left) == ("moved", before)
    assert moved.refund_at(world.clock()) == Money(0)  # as agreed at booking, once more


async def test_to_a_dearer_time_it_counts_as_the_citys_move_too(world: ClosingWorld, db: Database) -> None:
    ident = await world.booked()
    await world.closed_and_offered()
    await world.poll()
    before = (await world.appointments.case(ident)).moves_left
    hold = await world.hold(at(DAYS[3], 11))
    await new_fee(world, 4600, hold)
    await world.appointments.move(ident, hold.id, "http://back")
    async with db.connection() as conn:
        payment = await world.payments.living(conn, hold.id)
    assert payment is not None
    world.provider.pay(payment.id)
    await world.appointments.settle_move(ident, hold.id)
    moved = await world.appointments.case(ident)
    assert (moved.starts_at, await world.status(ident), moved.moves_left) == (at(DAYS[3], 11), "moved", before)


async def test_nobody_is_asked_whether_they_come_to_a_closed_counter(world: ClosingWorld, db: Database) -> None:
    async with db.transaction() as conn:
        await conn.execute("UPDATE service SET reconfirm_days = 2, reconfirm_hours = 12, reconfirm_releases = true")
    early, late = await world.booked(at(DAYS[1], 8)), await world.booked(at(DAYS[1], 11))
    world.clock.advance(hours=2)
    assert await world.appointments.reconfirm_due() == 1  # the one at eight
    await world.closed_and_offered(if_silent=IfSilent.TELEPHONE)
    world.clock.advance(hours=40)
    assert await world.appointments.reconfirm_due() == 0  # neither asked nor decided
    assert [(await world.appointments.case(one)).status.value for one in (early, late)] == ["confirmed", "confirmed"]


@pytest.mark.parametrize("rule", IfSilent)
async def test_no_answer(world: ClosingWorld, rule: IfSilent) -> None:
    ident = await world.booked()
    await world.closed_and_offered(if_silent=rule, answer_hours=24)
    world.clock.advance(hours=23)
    await world.rebooker.run()
    assert await world.status(ident) == "offered"
    world.clock.advance(hours=1)
    await world.rebooker.run()
    await world.appointments.expire_bare()
    if rule is IfSilent.CANCEL:
        assert (await world.status(ident), await world.taken()) == ("cancelled", [9, 9, 9, 9])
    else:
        assert (await world.status(ident), await world.taken()) == ("silent", [2, 9, 9, 9])


async def test_whose_offers_are_closed_too_gets_others(world: ClosingWorld) -> None:
    ident = await world.booked()
    await world.closed_and_offered()
    await world.close(starts_at=at(DAYS[0], 0), ends_at=at(DAYS[2], 0))
    await world.rebooker.run()
    assert [one.is_held for one in (await world.of(ident))[1]] == [False, True, True]
    await world.close(starts_at=at(DAYS[0], 0), ends_at=at(DAYS[3], 10))
    await world.rebooker.run()
    _, offered = await world.of(ident)
    assert [one.starts_at for one in offered] == [at(DAYS[3], 10), at(DAYS[3], 10, 20), at(DAYS[3], 10, 40)]
    assert [template for template, _ in await world.messages()].count("rebooking_offered") == 2


async def test_the_same_request_is_one_closing(world: ClosingWorld) -> None:
    await world.booked()
    first = await world.close(key="the key of one form")
    assert await world.close(key="the key of one form") == first
    [closing] = await world.rebookings.closings(world.city.office)
    assert (closing.id, closing.affected, closing.unsettled, closing.made_by) == (first, 1, 1, "Boss")
    tracked = await world.rebookings.track(world.city.office, first)
    assert [row.status.value for row in tracked.rebookings] == ["due"]
    with pytest.raises(NotFound):
        await world.rebookings.track(world.city.office + 1, first)


async def test_what_cannot_be_closed(world: ClosingWorld) -> None:
    with pytest.raises(TimesImpossible):
        await world.rebookings.preview(world.plan(MONDAY - timedelta(days=7)))
    with pytest.raises(TimesImpossible):
        await world.close(ends_at=at(DAYS[0], 0))
    with pytest.raises(NotOfThisOffice):
        await world.close(counter_id=4711)
    with pytest.raises(NotFound):
        await world.close(office_id=4711)


def _day(n: int) -> Window:
    return Window(DAYS[n], DAYS[n])
