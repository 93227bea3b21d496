"""The case over PostgreSQL: made, paid, cancelled, run out; and what lies in the tables then."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from base.db import Database
from base.errors import NotFound
from base.idempotency import KeyReused
from base.money import Money
from booking.appointments import lifecycle, making
from booking.appointments.contact import Contact
from booking.appointments.lifecycle import HoldOver
from booking.appointments.model import AppointmentStatus
from booking.appointments.policy import Terms
from booking.appointments.reading import NotConfirmed
from booking.holds.refusals import HoldInUse, SlotTaken
from notifications.fields import case_fields
from payment.model import PaymentStatus, RefundStatus
from payment.ports import SessionState
from tests.booking.appointments.world import ANNA, NINE, CaseWorld, NobodyListens, case_world
from tests.booking.availability.city import TUESDAY, at
from tests.booking.holds.world import SEALER
from tests.locks import waits_for
from video.rooms.model import Window
from video.rooms.usecases import Rooms

_S = AppointmentStatus
KEY = "the key of one request"


@pytest.fixture
async def world(db: Database) -> AsyncIterator[CaseWorld]:
    async with case_world(db) as made:
        yield made


class TestCreate:
    async def test_a_hold_becomes_a_case(self, world: CaseWorld) -> None:
        created = await world.create()
        case = created.case
        assert (case.status, case.starts_at, case.fee) == (_S.HELD, NINE, Money(3700))
        assert (case.contact, case.terms, case.payment) == (ANNA, Terms.of(100, (), ()), None)
        assert await world.appointments.case(case.id) == case
        assert await world.appointments.find_by_token(created.token) == case.id
        assert await world.appointments.authorise(case.id, created.token)
        for wrong in (created.token[:-1], "", "\udcff"):
            assert not await world.appointments.authorise(case.id, wrong)
            assert await world.appointments.find_by_token(wrong) is None
        assert not await world.appointments.authorise(uuid4(), created.token)

    async def test_nothing_personal_lies_open(self, world: CaseWorld, db: Database) -> None:
        created = await world.create()
        async with db.connection() as conn:
            for table in ("appointment", "person", "claim", "idempotency", "message"):
                text = str(await conn.fetch(f"SELECT t::text FROM {table} t"))
                for secret in ("Anna", "anna@", created.token, b"anna@example.org".hex(), created.token.encode().hex()):
                    assert secret not in text, table
            stored = await conn.fetchval("SELECT token_sha256 FROM appointment")
        assert stored == hashlib.sha256(created.token.encode()).digest()

    async def test_the_same_request_gets_the_same_answer(self, world: CaseWorld) -> None:
        hold = await world.hold(NINE)
        answers = await asyncio.gather(*(world.appointments.create(hold.id, ANNA, KEY) for _ in range(5)))
        assert all(answer == answers[0] for answer in answers)
        with pytest.raises(KeyReused):
            await world.appointments.create(hold.id, ANNA.model_copy(update={"name": "B"}), KEY)

    async def test_going_back_corrects_the_contact(self, world: CaseWorld) -> None:
        hold = await world.hold(NINE)
        first = await world.appointments.create(hold.id, ANNA, KEY)
        berta = Contact(name="Berta", mobile="0151 23456789", note="Hund", language="en")
        second = await world.appointments.create(hold.id, berta, KEY + "2")
        assert (second.case.id, second.token) == (first.case.id, first.token)
        assert (second.case.contact, second.case.language) == (berta, "en")

    async def test_not_of_a_hold_that_is_over(self, world: CaseWorld) -> None:
        hold = await world.hold(NINE)
        world.clock.advance(minutes=15)
        with pytest.raises(HoldOver):
            await world.appointments.create(hold.id, ANNA, KEY)
        with pytest.raises(NotFound):
            await world.appointments.create(uuid4(), ANNA, KEY)

    async def test_not_of_a_hold_that_is_booked(self, world: CaseWorld) -> None:
        hold = await world.hold(NINE)
        created = await world.appointments.create(hold.id, ANNA, KEY)
        await world.paid(created.case.id)
        with pytest.raises(HoldInUse):
            await world.appointments.create(hold.id, ANNA, KEY + "2")
        assert (await world.appointments.create(hold.id, ANNA, KEY)).token == created.token

    async def test_a_number_in_use_is_drawn_again(self, world: CaseWorld, monkeypatch: pytest.MonkeyPatch) -> None:
        drawn = iter(["CCC-CCC", "CCC-CCC", "CCC-CCC", "DDD-DDD"])
        monkeypatch.setattr(making, "new_number", lambda: next(drawn))
        numbers = [(await world.create(at(TUESDAY, hour))).case.number for hour in (9, 10)]
        assert numbers == ["CCC-CCC", "DDD-DDD"]

    async def test_the_fee_is_the_one_that_was_shown_at_the_hold(self, world: CaseWorld, db: Database) -> None:
        hold = await world.hold(NINE)
        async with db.connection() as conn:
            # An import comes in between and says that it has been another amount all the time.
            await conn.execute("UPDATE fee SET valid = 'empty'")
            await conn.execute(
                'INSERT INTO fee (service_id, amount_cents, legal_basis) VALUES ($1, 9900, \'{"de": "§ 2"}\')',
                world.city.service_id,
            )
        created = await world.appointments.create(hold.id, ANNA, KEY)
        assert created.case.fee == Money(3700) == hold.fee == (await world.holds.find(hold.id)).fee
        assert created.case.legal_basis == hold.legal_basis == {"de": "§ 1"}


class TestPay:
    async def test_paid_is_confirmed_and_told(self, world: CaseWorld) -> None:
        created = await world.create()
        await world.paid(created.case.id)
        case = await world.appointments.case(created.case.id)
        assert case.payment is not None
        assert (case.status, case.payment.status, case.hold_until) == (_S.CONFIRMED, PaymentStatus.PAID, None)
        assert await world.claims() == [(2, False)]
        ((template, fields),) = await world.messages()
        assert template == "appointment_confirmed"
        checked = case_fields(fields)
        assert checked.manage_url == f"http://localhost:8080/de/case/{created.token}"
        assert (checked.service, checked.documents, checked.sequence) == ("Reisepass", ("Foto",), 1)
        assert (checked.address, checked.starts_at) == ("Bürgerbüro, Eberhardstr. 39, 70173 Stuttgart", NINE)
        assert await world.appointments.link(case.id) == checked.manage_url

    async def test_without_a_fee_it_is_confirmed_at_once(self, db: Database) -> None:
        async with case_world(db, fee_cents=0) as world:
            ident = (await world.create()).case.id
            assert await world.appointments.pay(ident, "http://back") is None
            assert (await world.appointments.case(ident)).status is _S.CONFIRMED
            assert await world.claims() == [(2, False)]

    async def test_who_has_no_mail_gets_none(self, db: Database) -> None:
        async with case_world(db, fee_cents=0) as world:
            contact = Contact(name="B", mobile="0151 23456789", language="de")
            await world.appointments.pay((await world.create(contact=contact)).case.id, "")
            assert await world.messages() == []

    async def test_five_tabs_meet_one_payment(self, world: CaseWorld, db: Database) -> None:
        ident = (await world.create()).case.id
        urls = await asyncio.gather(*(world.appointments.pay(ident, "http://back") for _ in range(5)))
        assert len(set(urls)) == 1
        async with db.connection() as conn:
            assert await conn.fetchval("SELECT count(*) FROM payment") == 1


class TestTill:
    """What finance may know of a case, and what the citizen need not know of finance."""

    async def test_a_brief_has_neither_name_nor_contact(self, world: CaseWorld) -> None:
        case = (await world.create()).case
        briefs = await world.appointments.briefs([case.id, UUID(int=404)])
        assert set(briefs) == {case.id}
        brief = briefs[case.id]
        assert (brief.number, brief.status, brief.starts_at) == (case.number, _S.HELD, NINE)
        assert set(brief.__slots__) == {
            "id",
            "number",
            "status",
            "service",
            "office_id",
            "office",
            "starts_at",
            "time_zone",
        }

    async def test_a_moved_case_was_cancelled_at_its_last_time(self, world: CaseWorld) -> None:
        ident = (await world.create()).case.id
        await world.paid(ident)
        await world.move(ident, (await world.hold(at(TUESDAY, 11))).id)
        await world.appointments.cancel(ident)
        assert (await world.appointments.briefs([ident]))[ident].starts_at == at(TUESDAY, 11)

    async def test_a_number_is_found_however_it_was_typed(self, world: CaseWorld) -> None:
        case = (await world.create()).case
        for typed in (case.number, case.number.lower().replace("-", " "), f" {case.number.replace('-', '')} "):
            assert await world.appointments.find_by_number(typed) == case.id
        assert await world.appointments.find_by_number("CCC-CCC") is None
        assert await world.appointments.find_by_number("nothing") is None

    async def test_a_request_among_staff_is_no_promise(self, world: CaseWorld, db: Database) -> None:
        ident = (await world.create()).case.id
        await world.paid(ident)
        async with db.transaction() as conn:
            await conn.execute(
                "INSERT INTO account (login, name, password_hash) SELECT n, n, '$argon2id$' FROM unnest('{ann,bob}'::text[]) n"
            )
        payment = (await world.appointments.case(ident)).payment
        assert payment is not None
        asked = await world.payments.propose_refund(payment.id, by=1, note="Paid twice", key=UUID(int=7))
        assert (await world.appointments.case(ident)).refunds == ()
        await world.payments.approve_refund(payment.id, asked.id, by=2)
        case = await world.appointments.case(ident)
        assert (case.status, [one.status for one in case.refunds]) == (_S.CONFIRMED, [RefundStatus.SUCCEEDED])


class TestCancel:
    async def test_time_is_free_money_returns_and_people_are_told(self, world: CaseWorld) -> None:
        ident = (await world.create()).case.id
        await world.paid(ident)
        case = await world.appointments.cancel(ident)
        assert case.status is _S.CANCELLED
        assert [(refund.amount_cents, refund.status) for refund in case.refunds] == [(3700, RefundStatus.SUCCEEDED)]
        assert await world.claims() == [(9, False)]
        told = dict(await world.messages())
        assert set(told) == {"appointment_confirmed", "appointment_cancelled", "refund_succeeded"}
        assert told["appointment_cancelled"]["sequence"] > told["appointment_confirmed"]["sequence"]
        assert told["refund_succeeded"]["refund_cents"] == told["appointment_cancelled"]["refund_cents"] == 3700
        await world.poll()
        assert (await world.hold(NINE)).starts_at == NINE

    async def test_ten_times_at_once_is_once(self, world: CaseWorld, db: Database) -> None:
        ident = (await world.create()).case.id
        await world.paid(ident)
        await asyncio.gather(*(world.appointments.cancel(ident) for _ in range(10)))
        async with db.connection() as conn:
            assert await conn.fetchval("SELECT count(*) FROM refund") == 1
            assert await conn.fetchval("SELECT count(*) FROM message WHERE template = 'appointment_cancelled'") == 1


class TestCall:
    async def test_a_call_ends_with_its_case_though_the_person_is_erased(self, world: CaseWorld, db: Database) -> None:
        ident = (await world.create()).case.id
        await world.paid(ident)
        async with db.transaction() as conn:
            await conn.execute("UPDATE appointment SET channel = 'video' WHERE id = $1", ident)
            await Rooms(db, NobodyListens(), SEALER, world.clock).open(conn, ident, Window(NINE, at(TUESDAY, 10)))
            await conn.execute("DELETE FROM person WHERE appointment_id = $1", ident)
        assert (await world.appointments.cancel(ident)).is_erased
        async with db.connection() as conn:
            assert await conn.fetchval("SELECT status FROM room WHERE reference = $1", ident) == "ended"


class TestDeadlock:
    """Payment's hooks lock payment, then case; pay() and cancel() the other way round."""

    async def test_paying_while_late_money_revives_an_older_payment(self, world: CaseWorld, db: Database) -> None:
        ident = (await world.create()).case.id
        await world.appointments.pay(ident, "http://back")
        payment = (await world.appointments.case(ident)).payment
        assert payment is not None
        await world.payments.fence(payment.id)
        async with db.connection() as conn:
            settling = conn.transaction()
            await settling.start()
            await conn.execute("SET LOCAL deadlock_timeout = '10s'")  # so that the other one is ended
            await conn.execute("UPDATE payment SET status = 'attention', attention = 'test' WHERE id = $1", payment.id)
            paying = asyncio.create_task(world.appointments.pay(ident, "http://back"))
            assert await waits_for(conn, paying)  # it has locked the case, and waits for the index of living payments
            await conn.execute("SELECT FROM appointment WHERE id = $1 FOR UPDATE", ident)
            await settling.rollback()
        assert await asyncio.wait_for(paying, 10) == f"https://pay.example/{await _living(db)}"

    async def test_cancelling_while_the_payment_is_looked_at(self, world: CaseWorld, db: Database) -> None:
        ident = (await world.create()).case.id
        await world.paid(ident)
        async with db.connection() as conn:
            settling = conn.transaction()
            await settling.start()
            await conn.execute("SET LOCAL deadlock_timeout = '10s'")  # so that the other one is ended
            await conn.execute("SELECT FROM payment FOR UPDATE")
            cancelling = asyncio.create_task(world.appointments.cancel(ident))
            assert await waits_for(conn, cancelling)
            await conn.execute("SELECT FROM appointment WHERE id = $1 FOR UPDATE", ident)
            await settling.rollback()
        assert (await asyncio.wait_for(cancelling, 10)).status is _S.CANCELLED


async def _living(db: Database) -> object:
    async with db.connection() as conn:
        return await conn.fetchval("SELECT id FROM payment WHERE status <> 'fenced'")


class TestExpiry:
    async def test_what_nobody_pays_is_free_again(self, world: CaseWorld) -> None:
        created, bare = await world.create(), await world.hold(NINE)
        with pytest.raises(SlotTaken):
            await world.hold(NINE)
        world.clock.advance(minutes=15)
        assert await world.appointments.expire_bare() == await world.appointments.expire_due() == 1
        assert await world.claims() == [(8, False), (8, False)]
        assert (await world.appointments.case(created.case.id)).status is _S.EXPIRED
        await world.poll()
        assert (await world.hold(NINE)).id != bare.id
        assert await world.appointments.expire_bare() == await world.appointments.expire_due() == 0

    async def test_time_stays_taken_until_the_provider_says_no(self, world: CaseWorld) -> None:
        ident = (await world.create()).case.id
        await world.appointments.pay(ident, "http://back")
        world.clock.advance(minutes=15)
        world.provider.silent = True
        await world.appointments.expire_due()
        assert await world.claims() == [(3, True)]
        world.provider.silent = False
        world.clock.advance(minutes=1)
        await world.appointments.expire_due()
        assert await world.claims() == [(8, False)]
        payment = (await world.appointments.case(ident)).payment
        assert payment is not None
        assert world.provider.state(payment.id) is SessionState.DEAD

    async def test_stuck_cases_are_tried_in_turn_and_once_a_minute(
        self, world: CaseWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lifecycle, "_CASES_PER_ROUND", 2)
        idents = [(await world.create(at(TUESDAY, hour))).case.id for hour in (8, 9, 10)]
        for ident in idents:
            await world.appointments.pay(ident, "http://back")
        world.clock.advance(minutes=15)
        world.provider.silent = True
        assert [await world.appointments.expire_due() for _ in range(3)] == [2, 1, 0]
        world.provider.silent = False
        world.clock.advance(minutes=1)
        assert [await world.appointments.expire_due() for _ in range(3)] == [2, 1, 0]
        assert await world.claims() == [(8, False)] * 3

    async def test_paying_and_running_out_at_the_same_moment(self, world: CaseWorld, db: Database) -> None:
        """Whoever is first: never free time with living money, never money without time that is not given back."""
        idents = [(await world.create(at(TUESDAY, 8 + n // 3, 20 * (n % 3)))).case.id for n in range(9)]
        world.clock.advance(minutes=14, seconds=59)

        async def payer(ident: object) -> None:
            try:
                await world.appointments.pay(ident, "http://back")  # type: ignore[arg-type]
                payment = (await world.appointments.case(ident)).payment  # type: ignore[arg-type]
                assert payment is not None
                world.provider.pay(payment.id)
            except HoldOver:
                pass

        async def sweeper() -> None:
            world.clock.advance(seconds=1)
            for _ in range(3):
                await world.appointments.expire_due()

        await asyncio.gather(*map(payer, idents), sweeper(), *map(world.appointments.settle, idents))
        for ident in idents:
            await world.appointments.settle(ident)
        world.clock.advance(minutes=1)
        await world.appointments.expire_due()
        for ident in idents:
            case = await world.appointments.case(ident)
            is_paid = case.payment is not None and case.payment.status is PaymentStatus.PAID
            assert case.status is (_S.CONFIRMED if is_paid else _S.EXPIRED)
        async with db.connection() as conn:
            assert await conn.fetch("SELECT * FROM claim_audit") == []


class TestCalendar:
    async def test_a_confirmed_case_is_a_file(self, world: CaseWorld) -> None:
        ident = (await world.create()).case.id
        with pytest.raises(NotConfirmed):
            await world.appointments.calendar(ident)
        with pytest.raises(NotFound):
            await world.appointments.calendar(uuid4())
        await world.paid(ident)
        raw = await world.appointments.calendar(ident)
        assert raw.startswith(b"BEGIN:VCALENDAR")
        assert b"METHOD:PUBLISH" in raw
        assert str(ident).encode() in raw
