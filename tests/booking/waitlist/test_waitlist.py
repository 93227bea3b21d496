"""Freed time on a real database: kept at once, offered in rank order, swapped, passed on, and everybody's again in the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import time, timedelta
from uuid import UUID, uuid4

import pytest

from base.db import Database
from base.errors import Invalid, NotFound
from booking.appointments.contact import Contact
from booking.appointments.model import AppointmentStatus
from booking.catalogue.changes import ClosureChange
from booking.catalogue.hours_changes import HoursChanges
from booking.holds.refusals import GivenOutByNeed, SlotTaken
from booking.waitlist.model import Figures, Window, Wish
from booking.waitlist.usecases import NobodyToTell, NotWaiting, OfferOver, OffersUsedUp
from tests.booking.appointments.world import ANNA
from tests.booking.holds.world import SEALER
from tests.booking.waitlist.world import ANY, THURSDAY, WaitWorld, thursday, tuesday, wait_world

MORNING = Window(days=(2,), from_time=time(8), to_time=time(9))


@pytest.fixture
async def world(db: Database) -> AsyncIterator[WaitWorld]:
    async with wait_world(db) as made:
        yield made


class TestKept:
    async def test_with_the_commit_that_frees_it_and_never_public(self, world: WaitWorld) -> None:
        leaving = await world.booked("Ada", thursday(9))
        await world.waiting("Bo", thursday(11))
        await world.appointments.cancel(leaving)
        assert await world.rows(
            "SELECT status, hold_until FROM claim WHERE starts_at = $1 ORDER BY id", thursday(9)
        ) == [
            (9, None),
            (1, thursday(9)),
        ]
        assert not await world.is_public(thursday(9))
        with pytest.raises(SlotTaken):
            await world.hold(thursday(9))

    async def test_however_a_case_comes_to_its_end(self, world: WaitWorld) -> None:
        """Moved away from, run out unpaid, given back at the last step."""
        await world.waiting("Bo", thursday(11))
        moving = await world.booked("Ada", thursday(9))
        await world.move(moving, (await world.hold(thursday(11, 20))).id)
        await world.create(thursday(9, 20), Contact(name="Cy", email="cy@example.org", language="de"))
        given_back = await world.create(thursday(9, 40), Contact(name="Di", email="di@example.org", language="de"))
        await world.appointments.give_back(given_back.case.id)
        world.clock.advance(minutes=16)
        await world.appointments.expire_due()
        assert await world.rows(
            "SELECT starts_at, count(*) FILTER (WHERE status = 1) FROM claim WHERE starts_at < $1 AND kind = 0 GROUP BY 1 ORDER BY 1",
            thursday(11),
        ) == [
            (thursday(9), 1),
            (thursday(9, 20), 1),
            (thursday(9, 40), 1),
        ]

    async def test_a_hold_that_never_was_a_case_is_everybodys_at_once(self, world: WaitWorld) -> None:
        """Else a script that holds and lets go would take each time from the public for days."""
        await world.waiting("Bo", thursday(11))
        await world.holds.release((await world.hold(thursday(9))).id)
        await world.hold(thursday(9, 20))
        world.clock.advance(minutes=16)
        await world.appointments.expire_bare()
        assert await world.rows("SELECT FROM waitlist_slot") == []

    async def test_a_visit_of_several_parts_is_kept_part_by_part_and_once_each(self, world: WaitWorld) -> None:
        await world.rows("UPDATE service SET most = 2, further_min = 20")
        await world.waiting("Bo", thursday(11))
        key, city = uuid4(), world.city
        starts, ends = [thursday(9), thursday(9, 40)], [thursday(9, 40), thursday(10)]
        await world.rows(
            "SELECT hold_visit($1, $2, $3, $4, false, $5, $6, '{2,1}', $7, $8, $9, '{0,0}')",
            world.clock(),
            world.clock() + timedelta(minutes=15),
            key,
            city.office,
            [city.service_id] * 2,
            [city.fee_id] * 2,
            [city.counters[0]] * 2,
            starts,
            ends,
        )
        made = await world.appointments.create(key, ANNA, uuid4().hex)
        await world.appointments.cancel(made.case.id)
        assert await world.rows("SELECT starts_at, ends_at FROM claim WHERE status = 1 ORDER BY 1") == [
            (thursday(9), thursday(9, 20)),
            (thursday(9, 40), thursday(10)),
        ]
        assert await world.is_public(thursday(9, 20))

    @pytest.mark.parametrize("why", ["nobody waits", "later than theirs", "another office", "by need"])
    async def test_only_for_somebody(self, world: WaitWorld, why: str) -> None:
        leaving = await world.booked("Ada", thursday(11) if why == "later than theirs" else thursday(9))
        if why != "nobody waits":
            waiting = await world.waiting("Bo", thursday(10))
            if why == "another office":
                await world.rows("UPDATE waitlist_wish SET offices = '{4711}' WHERE appointment_id = $1", waiting)
            if why == "by need":
                await world.rows("INSERT INTO allocation_service (service_id) VALUES ($1)", world.city.service_id)
        await world.appointments.cancel(leaving)
        assert await world.rows("SELECT FROM waitlist_slot") == []
        assert await world.is_public(thursday(11) if why == "later than theirs" else thursday(9))

    @pytest.mark.parametrize("how", ["set_open", "close_leaving", "as a closure"])
    async def test_closing_the_counter_does_not_wait_for_the_list(self, world: WaitWorld, how: str) -> None:
        leaving = await world.booked("Ada", tuesday(9))
        waiting = await world.waiting("Bo", tuesday(11))
        await world.appointments.cancel(leaving)
        await world.work()
        offer = await world.offered(waiting)
        [(clerk,)] = await world.rows(
            "INSERT INTO account (login, name, password_hash) VALUES ('rosa', 'Rosa', '$argon2id$none') RETURNING id"
        )
        counter, span = world.city.counters[0], (tuesday(8), tuesday(10))
        if how == "set_open":
            await world.rows("SELECT set_open($1, tstzrange($2, $3), '{}')", counter, *span)
        elif how == "close_leaving":
            sql = "SELECT close_leaving(ARRAY[$1::int], tstzrange($2, $3), 'Pipe burst', $4)"
            await world.rows(sql, counter, *span, clerk)
        else:
            hours = [(weekday, time(8), time(12)) for weekday in range(1, 8)]
            for weekday, opens, closes in hours:
                sql = "INSERT INTO opening_hours (counter_id, weekday, opens, closes) VALUES ($1, $2, $3, $4)"
                await world.rows(sql, counter, weekday, opens, closes)
            changes = HoursChanges(world.db, world.clock, draw=SEALER.draw, horizon_days=3)
            change = ClosureChange(counter_id=counter, starts_at=span[0], ends_at=span[1], reason="Pipe burst")
            assert (await changes.preview(world.city.office, change)).affected == ()
            await changes.save(world.city.office, change, clerk)
        assert await world.rows(
            "SELECT s.status, o.status FROM waitlist_slot s JOIN waitlist_offer o USING (hold_id)"
        ) == [("closed", "lapsed")]
        with pytest.raises(OfferOver):
            await world.waitlist.accept(waiting, offer.id)
        assert (await world.appointments.case(waiting)).starts_at == tuesday(11)
        assert await world.rows("SELECT * FROM claim_audit") == []


class TestOffers:
    async def test_to_one_at_a_time_in_the_order_of_ranks(self, world: WaitWorld) -> None:
        leaving = await world.booked("Ada", thursday(9))
        first, second = await world.waiting("Bo", thursday(11)), await world.waiting("Cy", thursday(10))
        await world.appointments.cancel(leaving)
        await world.work()
        offer = await world.offered(first)
        assert (offer.starts_at, await world.offer(second)) == (thursday(9), None)
        assert offer.answer_until - world.clock() == (thursday(9) - world.clock()) / 4
        world.clock.set(offer.answer_until)
        await world.work()
        assert await world.offer(first) is None
        assert (await world.offered(second)).starts_at == thursday(9)
        await world.waitlist.decline(second, (await world.offered(second)).id)
        await world.work()
        assert await world.offer(first) is None  # seen already
        assert await world.rows("SELECT status FROM waitlist_slot") == [("returned",)]

    async def test_only_what_suits_the_wish(self, world: WaitWorld) -> None:
        early, late = await world.booked("Ada", tuesday(8, 40)), await world.booked("Eve", tuesday(10))
        picky = await world.waiting("Bo", thursday(11), Wish(offices=(world.city.office,), windows=(MORNING,)))
        for leaving in (late, early):
            await world.appointments.cancel(leaving)
        await world.work()
        assert (await world.offered(picky)).starts_at == tuesday(8, 40)
        assert await world.rows(
            "SELECT s.status FROM waitlist_slot s JOIN claim ON request_key = hold_id ORDER BY starts_at"
        ) == [
            ("kept",),
            ("returned",),
        ]

    @pytest.mark.parametrize("again", ["Bo", "Bo+2"])  # the same mailbox
    async def test_one_open_offer_each_also_of_a_person_with_two_cases(self, world: WaitWorld, again: str) -> None:
        leaving = [await world.booked("Ada", thursday(8)), await world.booked("Eve", thursday(8, 20))]
        cases = [await world.waiting("Bo", thursday(10)), await world.waiting(again, thursday(10, 20))]
        for one in leaving:
            await world.appointments.cancel(one)
        await world.work()
        assert [await world.offer(one) is not None for one in cases] == [True, False]
        assert await world.rows("SELECT status FROM waitlist_slot ORDER BY 1") == [("kept",), ("returned",)]

    async def test_no_more_than_ten(self, world: WaitWorld) -> None:
        waiting = await world.waiting("Bo", thursday(11, 40))
        for n in range(11):
            leaving = await world.booked(f"A{n}", thursday(8 + n // 3, 20 * (n % 3)))
            await world.appointments.cancel(leaving)
            await world.work()
            if n < 10:
                await world.waitlist.decline(waiting, (await world.offered(waiting)).id)
                await world.work()
            await world.poll()
        assert await world.offer(waiting) is None
        assert await world.rows("SELECT count(*), max(number) FROM waitlist_offer") == [(10, 10)]
        await world.waitlist.leave(waiting)
        with pytest.raises(OffersUsedUp):
            await world.waitlist.join(waiting, ANY)

    async def test_too_near_to_be_offered(self, world: WaitWorld) -> None:
        leaving = await world.booked("Ada", tuesday(8))
        await world.waiting("Bo", thursday(11))
        world.clock.advance(seconds=30)
        await world.appointments.cancel(leaving)
        await world.work()
        assert await world.rows(
            "SELECT s.status, back_at < starts_at FROM waitlist_slot s JOIN claim ON request_key = hold_id"
        ) == [("returned", True)]

    async def test_whoever_left_a_time_is_not_offered_it(self, world: WaitWorld) -> None:
        moving = await world.waiting("Bo", thursday(9))
        other = await world.waiting("Cy", thursday(11))
        await world.move(moving, (await world.hold(thursday(10))).id)
        await world.work()
        assert await world.offer(moving) is None
        assert (await world.offered(other)).starts_at == thursday(9)

    @pytest.mark.parametrize("how", ["cancelled", "left", "moved earlier by itself"])
    async def test_who_waits_no_more_makes_room_for_the_next(self, world: WaitWorld, how: str) -> None:
        leaving = await world.booked("Ada", thursday(9))
        first, second = await world.waiting("Bo", thursday(11)), await world.waiting("Cy", thursday(10))
        await world.appointments.cancel(leaving)
        await world.work()
        offer = await world.offered(first)
        if how == "cancelled":
            await world.appointments.cancel(first)
        elif how == "left":
            await world.waitlist.leave(first)
        else:
            await world.move(first, (await world.hold(thursday(8))).id)
        await world.work()
        assert (await world.offered(second)).starts_at == thursday(9)
        with pytest.raises(OfferOver):
            await world.waitlist.accept(first, offer.id)

    async def test_the_message_is_about_the_time_on_offer(self, world: WaitWorld) -> None:
        leaving = await world.booked("Ada", thursday(9))
        waiting = await world.waiting("Bo", thursday(11))
        await world.appointments.cancel(leaving)
        await world.work()
        [fields] = [fields for template, fields in await world.messages() if template == "waitlist_offered"]
        assert (fields["starts_at"], fields["instead_of"]) == (thursday(9).isoformat(), thursday(11).isoformat())
        assert fields["answer_until"] == (await world.offered(waiting)).answer_until.isoformat()
        token = fields["leave_url"].rsplit("/", 1)[1]
        assert fields["leave_url"] == f"http://localhost:8080/de/waitlist/{waiting}/leave/{token}"
        assert world.waitlist.may_leave(waiting, token)
        assert not world.waitlist.may_leave(leaving, token)
        assert not await world.appointments.authorise(waiting, token)  # it opens nothing


class TestSwap:
    async def test_one_transaction_and_the_old_time_goes_through_the_list_too(self, world: WaitWorld) -> None:
        leaving = await world.booked("Ada", thursday(9))
        first, second = await world.waiting("Bo", thursday(10)), await world.waiting("Cy", thursday(11))
        before = await world.appointments.case(first)
        await world.appointments.cancel(leaving)
        await world.work()
        offer = await world.offered(first)
        await world.waitlist.accept(first, offer.id)
        await world.waitlist.accept(first, offer.id)  # twice is no mistake
        after = await world.appointments.case(first)
        assert (after.starts_at, after.number, after.payment) == (thursday(9), before.number, before.payment)
        assert (await world.waitlist.standing(first)).wish is None
        await world.work()
        assert (await world.offered(second)).starts_at == thursday(10)
        await world.waitlist.accept(second, (await world.offered(second)).id)
        assert await world.is_public(thursday(11))  # nobody waits any more
        assert await world.rows("SELECT * FROM claim_audit") == []

    async def test_the_fee_is_carried_over_whatever_the_freed_one_cost(self, world: WaitWorld) -> None:
        leaving = await world.booked("Ada", thursday(9))
        waiting = await world.waiting("Bo", thursday(11))
        await world.rows("UPDATE fee SET valid = '[,2026-11-01)'")
        [(dearer,)] = await world.rows(
            """INSERT INTO fee (service_id, amount_cents, legal_basis, valid)
               SELECT service_id, 4000, legal_basis, '[2026-11-01,)' FROM fee RETURNING id"""
        )
        await world.rows("UPDATE claim SET fee_id = $1 WHERE appointment_id = $2", dearer, leaving)
        await world.appointments.cancel(leaving)
        await world.work()
        await world.waitlist.accept(waiting, (await world.offered(waiting)).id)
        [refund] = (await world.appointments.cancel(waiting)).refunds
        assert refund.amount_cents == 3700

    async def test_it_is_not_refused_for_having_moved_often(self, world: WaitWorld) -> None:
        leaving = await world.booked("Ada", thursday(8))
        waiting = await world.waiting("Bo", thursday(11))
        for n in range(5):
            await world.move(waiting, (await world.hold(thursday(10, 20 * (n % 2)))).id)
            await world.poll()
        await world.appointments.cancel(leaving)
        await world.work()
        await world.waitlist.accept(waiting, (await world.offered(waiting)).id)
        assert (await world.appointments.case(waiting)).starts_at == thursday(8)

    async def test_too_late_is_said_and_changes_nothing(self, world: WaitWorld) -> None:
        leaving = await world.booked("Ada", thursday(9))
        waiting = await world.waiting("Bo", thursday(11))
        await world.appointments.cancel(leaving)
        await world.work()
        offer = await world.offered(waiting)
        world.clock.set(offer.answer_until)
        with pytest.raises(OfferOver):
            await world.waitlist.accept(waiting, offer.id)
        assert (await world.appointments.case(waiting)).starts_at == thursday(11)


class TestBack:
    async def test_what_nobody_took_is_everybodys_at_the_moment_drawn(self, world: WaitWorld) -> None:
        leaving = await world.booked("Ada", thursday(9))
        waiting = await world.waiting("Bo", thursday(11))
        await world.appointments.cancel(leaving)
        await world.work()
        await world.waitlist.decline(waiting, (await world.offered(waiting)).id)
        await world.work()
        [(back,)] = await world.rows("SELECT back_at FROM waitlist_slot")
        assert back == world.clock() + timedelta(hours=6)  # half of twelve
        world.drawn = 0.9
        world.clock.set(back - timedelta(seconds=1))
        await world.work()
        assert not await world.is_public(thursday(9))
        world.clock.set(back)
        await world.work()
        assert await world.is_public(thursday(9))
        assert (await world.hold(thursday(9))).starts_at == thursday(9)

    async def test_without_a_worker_it_is_free_when_it_begins(self, world: WaitWorld) -> None:
        leaving = await world.booked("Ada", tuesday(9))
        await world.waiting("Bo", tuesday(11))
        await world.appointments.cancel(leaving)
        world.clock.set(tuesday(9))
        await world.appointments.expire_bare()
        assert await world.rows(
            "SELECT c.status, s.status FROM claim c JOIN waitlist_slot s ON hold_id = request_key"
        ) == [(8, "closed")]


class TestJoining:
    async def test_only_who_has_an_appointment_to_come(self, world: WaitWorld) -> None:
        held = (await world.create(thursday(9))).case.id
        with pytest.raises(NotWaiting):
            await world.waitlist.join(held, ANY)
        cancelled = await world.booked("Ada", thursday(10))
        await world.appointments.cancel(cancelled)
        with pytest.raises(NotWaiting):
            await world.waitlist.join(cancelled, ANY)
        assert (await world.waitlist.standing(cancelled)).may_join is False

    async def test_a_changed_wish_keeps_its_rank(self, world: WaitWorld) -> None:
        first, second = await world.waiting("Bo", thursday(11)), await world.waiting("Cy", thursday(10))
        wish = Wish(
            offices=(world.city.office,),
            windows=(Window(days=(4,), from_time=time(8), to_time=time(12), first=THURSDAY),),
        )
        assert (await world.waitlist.join(first, wish)).wish == wish
        assert [
            ident for (ident,) in await world.rows("SELECT appointment_id FROM waitlist_wish ORDER BY made_at")
        ] == [first, second]

    async def test_leaving_is_one_click_and_may_be_repeated(self, world: WaitWorld) -> None:
        ident = await world.waiting("Bo", thursday(11))
        for _time in range(2):
            assert (await world.waitlist.leave(ident)).wish is None

    async def test_somebody_whom_no_message_reaches(self, world: WaitWorld) -> None:
        hold = await world.hold(thursday(9))
        by_post = Contact(name="Bo", postal_address=("Weg 1", "70173 Stuttgart"), language="de")
        ident = (await world.appointments.create(hold.id, by_post, uuid4().hex)).case.id
        await world.paid(ident)
        with pytest.raises(NobodyToTell):
            await world.waitlist.join(ident, ANY)

    async def test_not_where_appointments_are_given_out_by_need(self, world: WaitWorld) -> None:
        ident = await world.booked("Bo", thursday(9))
        world.given_by_need.add(world.city.service_id)
        with pytest.raises(GivenOutByNeed):
            await world.waitlist.join(ident, ANY)

    async def test_an_office_that_does_not_offer_it(self, world: WaitWorld) -> None:
        ident = await world.booked("Bo", thursday(9))
        with pytest.raises(Invalid):
            await world.waitlist.join(ident, Wish(offices=(4711,)))

    async def test_the_wish_goes_with_its_person(self, world: WaitWorld) -> None:
        ident = await world.waiting("Bo", thursday(11))
        assert (await world.appointments.erase(ident)).status is AppointmentStatus.CANCELLED
        assert await world.rows("SELECT FROM waitlist_wish") == []


async def test_figures_of_an_office(world: WaitWorld) -> None:
    leaving = [await world.booked(f"A{n}", thursday(8, 20 * n)) for n in range(2)]
    first, second = await world.waiting("Bo", thursday(10)), await world.waiting("Cy", thursday(11))
    await world.appointments.cancel(leaving[0])
    await world.work()
    await world.waitlist.accept(first, (await world.offered(first)).id)
    await world.work()  # what the first has left is on offer to the second
    await world.waitlist.decline(second, (await world.offered(second)).id)
    figures, nowhere = await world.waitlist.figures([world.city.office, 4711])
    assert (figures.waiting, figures.accepted, figures.declined) == (1, 1, 1)
    assert nowhere == Figures(office_id=4711, waiting=0, kept=0, open=0, accepted=0, declined=0, lapsed=0, returned=0)
    await world.work()
    [kept] = await world.waitlist.kept([world.city.office])
    assert (kept.starts_at, kept.offered_until) == (thursday(10), None)
    assert kept.back_at is not None


async def test_an_offer_to_another_case_is_not_found(world: WaitWorld) -> None:
    leaving = await world.booked("Ada", thursday(9))
    waiting, other = await world.waiting("Bo", thursday(11)), await world.booked("Cy", thursday(10))
    await world.appointments.cancel(leaving)
    await world.work()
    offer: UUID = (await world.offered(waiting)).id
    for answer in (world.waitlist.accept, world.waitlist.decline):
        with pytest.raises(NotFound):
            await answer(other, offer)
