"""Requests and runs on a real database: who counts, what is published when, who gets an offer."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from base.i18n import Translations
from booking.allocation.canonical import parse_list, parse_result, sha256
from booking.allocation.model import RequestStatus, RunStatus
from booking.allocation.runs import NothingSetAside, RunGoesOn, RunInOrder, WhyNeeded
from booking.allocation.seeds import NotNow, SeedByAnother, SeedNeeded, SeedTooEarly, SeedWhyNeeded
from booking.allocation.usecases import AskedAlready, EmailNeeded, NotAsking, PlacedAlready, ReasonNeeded
from booking.allocation.verifying import verify
from booking.appointments.contact import Contact
from booking.appointments.model import AppointmentStatus
from booking.holds.refusals import GivenOutByNeed
from tests.booking.allocation.world import SEED, SOURCE, NeedWorld, moment

SOON, LATER = date(2026, 12, 5), date(2026, 12, 18)


async def status(world: NeedWorld, ident: UUID) -> RequestStatus:
    return (await world.allocation.find(ident)).status


async def test_a_plain_hold_is_refused_and_says_why(world: NeedWorld) -> None:
    with pytest.raises(GivenOutByNeed):
        await world.hold(moment(9))
    assert await world.claims() == []


class TestRequests:
    async def test_it_counts_once_the_link_is_opened_and_a_document_was_seen(self, world: NeedWorld) -> None:
        contact = Contact(name="Anna Häberle", email="anna@example.org", language="en")
        key = uuid4()
        given = world.asked(contact, SOON, "My title runs out")
        ident = await world.allocation.ask(given, key)
        assert await world.allocation.ask(given, key) == ident  # the same form again
        [(template, fields)] = await world.messages()
        assert template == "allocation_request"
        assert f"/en/requests/{ident}/link/" in fields["manage_url"]
        assert await world.allocation.authorise(ident, fields["manage_url"].rsplit("/", 1)[1])
        assert not await world.allocation.authorise(uuid4(), fields["manage_url"].rsplit("/", 1)[1])
        assert await world.allocation.waiting() == []
        await world.allocation.verify(ident)
        await world.allocation.verify(ident)
        [row] = await world.allocation.waiting()
        assert (row.status, row.claimed_deadline, row.deadline) == (RequestStatus.ASKED, SOON, None)
        assert world.allocation.contact_of(row) == contact
        assert world.allocation.reason_of(row) == "My title runs out"
        assert world.allocation.birth_date_of(row) == date(1990, 1, 1)
        await world.allocation.confirm(ident, LATER, "Title says the 18th", world.clerk)
        await world.allocation.confirm(ident, SOON, "Looked at the wrong page", world.clerk)
        assert (await world.allocation.find(ident)).deadline == SOON

    async def test_a_person_and_a_contact_ask_once(self, world: NeedWorld) -> None:
        first = await world.ask("Anna Häberle")
        for name, email, born in (
            ("anna  HAEBERLE", "else@example.org", 1990),
            ("Ben Blau", "anna@example.org", 1980),
            ("Cem Can", "Anna+2@example.org", 1981),  # the same mailbox
        ):
            with pytest.raises(AskedAlready):
                await world.ask(name, email=email, born=born)
        await world.ask("Anna Häberle", email="younger@example.org", born=1991)  # of the same name
        await world.allocation.withdraw(first)
        assert await status(world, await world.ask("Anna Häberle")) is RequestStatus.ASKED

    async def test_what_nobody_verified_keeps_nobody_out(self, world: NeedWorld) -> None:
        stranger = Contact(name="Anna Häberle", email="stranger@example.org", language="de")
        await world.allocation.ask(world.asked(stranger), uuid4())
        assert await status(world, await world.ask("Anna Häberle")) is RequestStatus.ASKED

    async def test_what_is_over_stays_over(self, world: NeedWorld) -> None:
        ident = await world.ask("Anna Häberle")
        with pytest.raises(ReasonNeeded):
            await world.allocation.refuse(ident, " ", world.clerk)
        await world.allocation.refuse(ident, "No document", world.clerk)
        for again in (
            world.allocation.withdraw(ident),
            world.allocation.verify(ident),
            world.allocation.confirm(ident, None, "Seen", world.clerk),
        ):
            with pytest.raises(NotAsking):
                await again

    async def test_without_an_address_there_is_no_link(self, world: NeedWorld) -> None:
        contact = Contact(name="Anna Häberle", mobile="0151 23456789", language="de")
        with pytest.raises(EmailNeeded):
            await world.allocation.ask(world.asked(contact), uuid4())

    async def test_entered_by_staff_it_counts_at_once_and_a_household_may_share_a_telephone(
        self, world: NeedWorld
    ) -> None:
        key, mobile = uuid4(), "0151 23456789"
        anna, ben = [Contact(name=name, mobile=mobile, language="de") for name in ("Anna Häberle", "Ben Blau")]
        ident = await world.allocation.ask(world.asked(anna, SOON), key, entered_by=world.clerk)
        assert await world.allocation.ask(world.asked(anna, SOON), key, entered_by=world.clerk) == ident
        row = await world.allocation.find(ident)
        assert (row.status, row.is_called, row.entered_by) == (RequestStatus.ASKED, True, world.clerk)
        assert await world.messages() == []
        other = world.asked(ben, SOON)
        await world.allocation.ask(other, uuid4(), entered_by=world.clerk)
        with pytest.raises(AskedAlready):  # and nothing of it stays
            await world.allocation.ask(other, uuid4(), entered_by=world.clerk)
        assert await world.rows("SELECT count(*) FROM allocation_request") == [(2,)]
        found = await world.allocation.find_by_number(f" {row.public_id[:4]}-{row.public_id[4:].lower()}")
        assert found == row
        assert await world.allocation.find_by_number("K7F-3QM") is None

    async def test_entered_with_an_address_it_waits_for_the_link(self, world: NeedWorld) -> None:
        anna = Contact(name="Anna Häberle", email="anna@example.org", mobile="0151 23456789", language="de")
        ident = await world.allocation.ask(world.asked(anna, SOON), uuid4(), entered_by=world.clerk)
        row = await world.allocation.find(ident)
        assert (row.status, row.is_called) == (RequestStatus.UNVERIFIED, False)
        assert [template for template, _fields in await world.messages()] == ["allocation_request"]


class TestRun:
    async def test_times_of_a_guarded_service_are_set_aside_without_a_pass(self, world: NeedWorld) -> None:
        async with world.db.connection() as conn:
            await conn.execute("INSERT INTO guard SELECT $1, 1, $2, now()", world.city.service_id, world.clerk)
        await world.open(slots=2)
        assert [claim for claim, _ends in await world.claims()] == [1, 1]

    async def test_from_the_open_run_to_the_booked_appointment(self, world: NeedWorld) -> None:
        late, soon = await world.take_part("Ben Blau", LATER), await world.take_part("Anna Häberle", SOON)
        unseen = await world.ask("Cem Can", SOON)
        run = await world.open(slots=2)
        assert [claim for claim, _ends in await world.claims()] == [1, 1]
        world.clock.advance(minutes=59)
        assert await world.runs.close_due() == 0
        world.clock.advance(minutes=1)
        assert await world.runs.close_due() == 1
        listed, _nothing = await world.files(run)
        closed = await world.runs.run(run)
        assert closed.list_sha256 is not None
        assert closed.list_sha256.hex() == sha256(listed)
        [one, other] = [(await world.allocation.find(ident)).public_id for ident in (soon, late)]
        assert {r.id: r.deadline_class for r in parse_list(listed).requests} == {one: 1, other: 2}
        assert SOURCE in listed.decode()
        for secret in ("Häberle", "anna", "1990", "example.org"):
            assert secret not in listed.decode()
        with pytest.raises(SeedTooEarly):
            await world.runs.enter_seed(run, SEED, world.clerk)
        with pytest.raises(NotNow):
            await world.runs.release(run, world.clerk)
        world.clock.advance(hours=1)
        await world.runs.enter_seed(run, f" {SEED} ", world.clerk)
        await world.runs.enter_seed(run, SEED, world.clerk)
        with pytest.raises(NotNow):
            await world.runs.enter_seed(run, "1 2 3", world.clerk)
        ranked = await world.runs.run(run)
        listed, result = await world.files(run)
        assert [place.id for place in parse_result(result).places] == [one, other]
        verdict = verify(Translations.load(), "de", listed, result, seed=SEED, request_id=one)
        assert verdict.is_right
        assert await world.runs.explain(ranked, one, "de") == [
            line.replace("office-0", "Bürgerbüro") for line in verdict.lines[1:]
        ]
        assert await world.runs.explain(ranked, "NOBODY", "de") == []
        for _twice in range(2):
            await world.runs.release(run, world.clerk)
        placed = [await world.allocation.find(ident) for ident in (soon, late)]
        assert [row.status for row in placed] == [RequestStatus.PLACED] * 2
        assert await status(world, unseen) is RequestStatus.ASKED
        cases = [await world.appointments.case(row.appointment_id) for row in placed if row.appointment_id]
        assert [(case.starts_at, case.status) for case in cases] == [(moment(8), AppointmentStatus.HELD)] * 2
        assert [case.hold_until for case in cases] == [moment(8) - timedelta(hours=2)] * 2  # sooner than the 48 hours
        assert [template for template, _fields in await world.messages()].count("appointment_offered") == 2
        await world.appointments.pay(cases[0].id, "http://back")
        assert (await world.appointments.case(cases[0].id)).status is AppointmentStatus.CONFIRMED
        world.clock.advance(days=2)
        await world.appointments.expire_due()
        assert (await world.appointments.case(cases[1].id)).status is AppointmentStatus.EXPIRED
        assert sorted(world_claims(await world.claims())) == [2, 8]

    async def test_who_has_an_appointment_asks_for_no_second_one(self, world: NeedWorld) -> None:
        placed = await world.take_part("Anna Häberle", SOON)
        await world.runs.release(await world.ranked(), world.clerk)
        for again in (
            world.ask("Anna Häberle", email="else@example.org"),
            world.ask("Ben Blau", email="anna+2@example.org"),
        ):
            with pytest.raises(PlacedAlready):
                await again
        await world.ask("Cem Can")
        case = (await world.allocation.find(placed)).appointment_id
        assert case is not None
        await world.appointments.give_back(case)
        assert await status(world, await world.ask("Anna Häberle")) is RequestStatus.ASKED

    async def test_what_nobody_takes_is_free_again(self, world: NeedWorld) -> None:
        gone, _stays = await world.take_part("Anna Häberle", SOON), await world.take_part("Ben Blau", LATER)
        run = await world.ranked(slots=3)
        await world.allocation.withdraw(gone)  # after the list closed: the result stands, the offer does not go out
        await world.runs.release(run, world.clerk)
        assert await status(world, gone) is RequestStatus.WITHDRAWN
        assert sorted(world_claims(await world.claims())) == [1, 9, 9]

    async def test_a_run_that_nobody_releases_keeps_nothing(self, world: NeedWorld) -> None:
        asked = await world.take_part("Anna Häberle", SOON)
        run = await world.ranked()
        world.clock.advance(days=1)
        await world.appointments.expire_bare()
        await world.runs.release(run, world.clerk)
        assert await status(world, asked) is RequestStatus.CONFIRMED
        assert world_claims(await world.claims()) == [8, 8, 8]

    async def test_a_list_that_was_not_closed_in_time_never_closes(self, world: NeedWorld) -> None:
        run = await world.open()
        world.clock.advance(hours=2)
        assert await world.runs.close_due() == 0
        with pytest.raises(NotNow):
            await world.runs.close(run)
        with pytest.raises(WhyNeeded):
            await world.runs.give_up(run, " ", world.clerk)
        await world.runs.give_up(run, "The worker was away", world.clerk)
        assert (await world.runs.run(run)).status is RunStatus.GIVEN_UP
        assert world_claims(await world.claims()) == [9, 9, 9]

    async def test_the_plan_is_in_order_and_one_at_a_time(self, world: NeedWorld) -> None:
        now = world.clock()
        for wrong in ({"closes_at": now}, {"seed_at": now + timedelta(hours=1)}, {"seed_source": " "}):
            with pytest.raises(RunInOrder):
                await world.open(**wrong)
        with pytest.raises(NothingSetAside):
            await world.open(release_by=moment(20))
        key = uuid4()
        run = await world.open(key=key)
        assert await world.open(key=key) == run  # the same form again
        with pytest.raises(RunGoesOn):
            await world.open()

    async def test_a_mistyped_seed_is_set_right_by_another_person_and_both_stay_published(
        self, world: NeedWorld
    ) -> None:
        ident = await world.take_part("Anna Häberle", SOON)
        run, other = await world.ranked(), await world.second_clerk()
        right, why = "4 9 17 23 31 47", "The last number is 47"
        closed, wrong_result = await world.files(run)
        for typed, because, by, refusal in (
            (right, why, world.clerk, SeedByAnother),
            ("–", why, other, SeedNeeded),
            (right, " ", other, SeedWhyNeeded),
        ):
            with pytest.raises(refusal):
                await world.runs.set_right(run, SEED, typed, because, by)
        with pytest.raises(NotNow):  # seen before somebody else has set it right
            await world.runs.set_right(run, "1 2 3", right, why, other)
        world.clock.advance(minutes=5)
        for _twice in range(2):
            await world.runs.set_right(run, SEED, right, why, other)
        row = await world.runs.run(run)
        assert (row.status, row.seed, row.seeded_by) == (RunStatus.RANKED, right, other)
        [former] = (await world.runs.former_seeds([run]))[run]
        assert (former.seed, former.seeded_by, former.set_right_by, former.because) == (SEED, "Rosa", "Karl", why)
        assert former.set_right_at - former.seeded_at == timedelta(minutes=5)
        same_list, result = await world.files(run)
        assert (same_list == closed, result == wrong_result) == (True, False)
        number, words = (await world.allocation.find(ident)).public_id, Translations.load()
        assert verify(words, "en", closed, result, seed=right, request_id=number).is_right
        assert not verify(words, "en", closed, result, seed=SEED, request_id=number).is_right
        await world.runs.release(run, world.clerk)
        with pytest.raises(NotNow):
            await world.runs.set_right(run, right, SEED, "Another result, please", world.clerk)
        assert await status(world, ident) is RequestStatus.PLACED

    async def test_once_seeded_it_is_given_up_by_another_person_and_requests_go_on_to_the_next(
        self, world: NeedWorld
    ) -> None:
        ident = await world.take_part("Anna Häberle", SOON)
        run, other = await world.ranked(), await world.second_clerk()
        row = await world.allocation.find(ident)
        assert await world.runs.explain_newest(row, "en") != []
        with pytest.raises(SeedByAnother):
            await world.runs.give_up(run, "We do not like it", world.clerk)
        await world.runs.give_up(run, "The draw was annulled", other)
        assert (await world.runs.run(run)).seed == SEED
        assert (await world.files(run))[1] != b""  # what it would have been stays to be seen
        assert await world.runs.explain_newest(row, "en") == []
        assert world_claims(await world.claims()) == [9, 9, 9]
        with pytest.raises(NotNow):
            await world.runs.release(run, world.clerk)
        following = await world.open()
        world.clock.advance(hours=1)
        assert await world.runs.close_due() == 1
        listed = parse_list((await world.files(following))[0])
        assert [one.id for one in listed.requests] == [row.public_id]


def world_claims(found: list[tuple[int, bool]]) -> list[int]:
    return [claim for claim, _ends in found]
