"""Transfer orders step by step: what is booked, what is refused, who is told, and what the payment counts as given back."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.errors import NotFound
from payment import store as payments
from payment.books_pg import PgBooks
from payment.graph import IllegalTransition
from payment.model import owed_cents
from payment.transfers.model import Order, understood
from payment.transfers.refusals import (
    AccountWrong,
    FileErased,
    NoteWrong,
    NothingToSend,
    OwnOrders,
    SamePerson,
    TransferMovedOn,
)
from payment.transfers.states import OPEN, TRANSITIONS, TransferEvent, TransferStatus, advance
from tests.golden import check_golden
from tests.payment.making import a_refund
from tests.payment.transfers.making import HOLDER, IBAN, Desk, fail

GOLDEN = Path(__file__).parent / "golden" / "transfers.xml"
S, E = TransferStatus, TransferEvent


class TestGraph:
    def test_every_other_edge_is_an_error(self) -> None:
        for status in S:
            for event in E:
                if (status, event) in TRANSITIONS:
                    assert advance(status, event) is TRANSITIONS[status, event]
                else:
                    with pytest.raises(IllegalTransition):
                        advance(status, event)

    @given(st.lists(st.sampled_from(E), max_size=30))
    def test_no_money_leaves_without_an_account_an_assessment_and_an_approval(
        self, events: list[TransferEvent]
    ) -> None:
        """Whatever is tried in whatever order: between two payments out lies a return, and before each all three steps."""
        status, done = S.ASKED, Counter[TransferEvent]()
        for event in events:
            if (status, event) not in TRANSITIONS:
                continue
            status = advance(status, event)
            if event in (E.ASK_AGAIN, E.BOUNCE, E.GIVE):
                done.clear()
            done[event] += 1
            if event is E.ARRIVE:
                assert (done[E.GIVE], done[E.ASSESS], done[E.APPROVE], done[E.EXPORT], done[E.ARRIVE]) == (
                    1,
                    1,
                    1,
                    1,
                    1,
                )
        assert (status in OPEN) is (status not in (S.PAID, S.CANCELLED, S.WAIVED))

    async def test_the_database_knows_the_same_graph(self, desk: Desk) -> None:
        async with desk.db.connection() as conn:
            sql = "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = 'transfer_order_graph'"
            text = str(await conn.fetchval(sql))
        ways = {f"{before}>{after}" for (before, _event), after in TRANSITIONS.items() if before is not after}
        assert {part for part in text.split("'") if ">" in part and part.strip(">") and " " not in part} == ways


class TestAccount:
    @pytest.mark.parametrize(
        ("holder", "iban", "wrong"),
        [
            ("Kim", " de89 3704 0044 0532 0130 00 ", {}),
            ("", "", {"holder": "missing", "iban": "missing"}),
            ("Kim", "DE88370400440532013000", {"iban": "wrong_iban"}),
            ("Kim", "DE8937040044053201300", {"iban": "wrong_iban"}),
            ("Kim", "12345", {"iban": "wrong_iban"}),
            ("Kim", "SA0380000000608010167519", {"iban": "not_sepa"}),
            ("x" * 71, IBAN, {"holder": "too_long"}),
            ("Ким", IBAN, {"holder": "no_letter"}),
            ("Łukasz Ünal", "NL91ABNA0417164300", {}),
        ],
    )
    def test_what_is_typed_is_checked_as_a_whole(self, holder: str, iban: str, wrong: dict[str, str]) -> None:
        account, found = understood(holder, iban)
        assert found == wrong
        assert (account is None) is bool(wrong)

    @given(st.text(max_size=40), st.text(max_size=40))
    def test_anything_typed_has_an_answer(self, holder: str, iban: str) -> None:
        account, wrong = understood(holder, iban)
        assert (account is None) is bool(wrong)


class TestArising:
    async def test_it_is_booked_told_and_counts_as_given_back(self, desk: Desk) -> None:
        order = await desk.failed(700)
        assert (order.status, order.amount_cents, order.purpose[:12]) == (S.ASKED, 700, "Erstattung R")
        assert desk.told.said == [("asked", order.id)]
        assert await desk.balances() == {"psp_clearing": 1300, "received_in_advance": -600, "transfer_payable": -700}
        assert await desk.refunded() == 700
        async with desk.db.connection() as conn:
            refunds = await payments.refunds_of(conn, UUID(int=1))
            assert owed_cents(refunds) == 0
            assert (await payments.troubles(conn)).failed_refunds == 0
            await payments.serve_on(conn, [UUID(int=1001)], desk.clock().date())
            assert await payments.due_to_earn(conn, desk.clock().date(), 9) == [
                UUID(int=1)
            ]  # the 6 euros that are kept

    async def test_once(self, desk: Desk) -> None:
        order = await desk.failed()
        async with desk.db.transaction() as conn:
            payment = await payments.find_payment(conn, order.payment_id)
            refund = await payments.find_refund(conn, order.refund_id)
            assert payment is not None
            assert refund is not None
            await desk.transfers.arise(conn, payment, refund)
        assert len(await desk.transfers.of_payment(order.payment_id)) == 1
        assert await desk.transfers.arise_due() == 0

    async def test_what_failed_before_there_were_orders_is_found(self, desk: Desk) -> None:
        payment = await desk.paid()
        async with desk.db.transaction() as conn:
            await fail(conn, a_refund())
        assert await desk.transfers.arise_due() == 1
        assert await desk.transfers.arise_due() == 0
        assert [one.amount_cents for one in await desk.transfers.of_payment(payment.id)] == [1300]

    async def test_money_that_went_back_otherwise_is_not_transferred(self, desk: Desk) -> None:
        await desk.paid()
        async with desk.db.transaction() as conn:
            await fail(conn, a_refund())
            await payments.insert_refund(conn, a_refund(id=UUID(int=777), amount_cents=1000))
        assert await desk.transfers.arise_due() == 0


class TestSteps:
    async def test_the_whole_way(self, desk: Desk) -> None:
        order = await desk.exported()
        assert (order.status, order.file, order.due_on, order.budget_year) == (
            S.EXPORTED, 1, desk.clock().date(), 2026,
        )  # fmt: skip
        paid = await desk.arrived(order)
        assert (paid.status, paid.bank_entry_ref) == (S.PAID, "CAMT-1")
        assert await desk.balances() == {"bank": -1300, "psp_clearing": 1300}
        assert await desk.arrived(paid) == paid  # the same statement again
        with pytest.raises(TransferMovedOn):
            await desk.arrived(paid, "CAMT-2")
        assert [what for what, _ in desk.told.said] == ["asked", "paid"]
        story = await desk.transfers.story(order.id)
        assert [one.event for one in story.steps] == ["ask", "give", "assess", "approve", "export", "arrive"]
        [record] = [one.record for one in story.steps if one.record is not None]
        assert len(record) == 11  # the ten fields, and who pays
        assert (record["amount"], record["accounts"], record["ordered_by"]) == ("13.00 EUR", "fees 13.00", "Toni")
        assert IBAN not in str(record)

    async def test_bank_data_rest_sealed(self, desk: Desk) -> None:
        order = await desk.given()
        assert order.iban is not None
        assert IBAN.encode() not in order.iban
        assert b"Kim" not in (order.holder or b"")
        account = desk.transfers.account_of(order)
        assert account is not None
        assert (account.holder, account.iban, order.iban_end) == (HOLDER, IBAN, "3000")
        moved = replace(order, id=uuid4())  # the sealed bytes are of this row
        with pytest.raises(Exception, match=r"transfer\.holder"):
            desk.transfers.account_of(moved)

    async def test_a_slip_is_put_right_until_it_is_assessed(self, desk: Desk) -> None:
        order = await desk.given()
        again = await desk.transfers.give_account(order.id, holder=HOLDER, iban="NL91ABNA0417164300")
        assert (again.status, again.iban_end) == (S.IBAN_GIVEN, "4300")
        await desk.transfers.assess(order.id, by=desk.people["ada"])
        same = await desk.transfers.give_account(order.id, holder=HOLDER, iban="NL91ABNA0417164300")
        assert same.status is S.ASSESSED  # sent twice
        with pytest.raises(TransferMovedOn):
            await desk.transfers.give_account(order.id, holder=HOLDER, iban=IBAN)
        with pytest.raises(AccountWrong):
            await desk.transfers.give_account(order.id, holder="", iban="")

    async def test_nobody_does_two_of_it(self, desk: Desk) -> None:
        ada, toni = desk.people["ada"], desk.people["toni"]
        order = await desk.failed()
        await desk.transfers.give_account(order.id, holder=HOLDER, iban=IBAN, by=toni)
        with pytest.raises(TransferMovedOn):
            await desk.transfers.approve(order.id, by=desk.people["luca"])  # not assessed yet
        await desk.transfers.assess(order.id, by=ada)
        for who in (ada, toni):
            with pytest.raises(SamePerson):
                await desk.transfers.approve(order.id, by=who)
        luca = desk.people["luca"]
        approved = await desk.transfers.approve(order.id, by=luca)
        assert await desk.transfers.approve(order.id, by=luca) == approved
        for who in (ada, toni, luca):
            with pytest.raises(OwnOrders):
                await desk.files.make(by=who, key=uuid4())

    async def test_a_return_forgets_the_account_and_asks_anew(self, desk: Desk) -> None:
        order = await desk.arrived(await desk.exported())
        back = await desk.returned(order)
        assert (back.status, back.round, back.iban, back.paid_at) == (S.RETURNED, 2, None, None)
        assert await desk.balances() == {"psp_clearing": 1300, "transfer_payable": -1300}
        assert (await desk.returned(back)).round == 2
        assert desk.told.said[-1] == ("returned", order.id)
        await desk.transfers.give_account(order.id, holder=HOLDER, iban="NL91ABNA0417164300")
        await desk.transfers.assess(order.id, by=desk.people["ada"])
        await desk.transfers.approve(order.id, by=desk.people["luca"])
        second = await desk.files.make(by=desk.people["noa"], key=uuid4())
        assert second.number == 2
        await desk.arrived(await desk.transfers.get(order.id), "CAMT-9")
        assert await desk.balances() == {"bank": -1300, "psp_clearing": 1300}
        async with desk.db.connection() as conn:
            ids = [row["end_to_end_id"] for row in await conn.fetch("SELECT end_to_end_id FROM transfer_file_item")]
            assert len(set(ids)) == 2
            assert {await desk.transfers.find_sent(conn, one.hex) for one in ids} == {order.id}
            assert await desk.transfers.find_sent(conn, "NOTPROVIDED") is None

    async def test_cancelled_it_is_owed_as_before(self, desk: Desk) -> None:
        order = await desk.approved()
        with pytest.raises(NoteWrong):
            await desk.transfers.cancel(order.id, by=desk.people["luca"], note=" ")
        gone = await desk.transfers.cancel(order.id, by=desk.people["luca"], note="Paid out at the counter")
        assert gone.status is S.CANCELLED
        assert await desk.balances() == {"psp_clearing": 1300, "received_in_advance": -1300}
        assert await desk.refunded() == 0
        async with desk.db.connection() as conn:
            assert owed_cents(await payments.refunds_of(conn, order.payment_id)) == 1300
            assert (await payments.troubles(conn)).failed_refunds == 1
        assert await desk.transfers.arise_due() == 0  # people have decided
        with pytest.raises(TransferMovedOn):
            await desk.transfers.give_account(order.id, holder=HOLDER, iban=IBAN)

    async def test_what_the_bank_has_is_not_cancelled(self, desk: Desk) -> None:
        order = await desk.exported()
        with pytest.raises(TransferMovedOn):
            await desk.transfers.cancel(order.id, by=desk.people["luca"], note="x")
        async with desk.db.transaction() as conn:
            assert await desk.transfers.cancel_for(conn, order.payment_id, "A dispute was lost") == 0

    async def test_asked_again_with_a_reason(self, desk: Desk) -> None:
        order = await desk.approved()
        again = await desk.transfers.ask_again(order.id, by=desk.people["ada"], note="Name of a company")
        assert (again.status, again.round, again.approved_by, again.iban) == (S.ASKED, 2, None, None)
        assert [what for what, _ in desk.told.said] == ["asked", "asked"]

    async def test_an_unknown_order(self, desk: Desk) -> None:
        for step in (desk.transfers.assess, desk.transfers.approve):
            with pytest.raises(NotFound):
                await step(uuid4(), by=desk.people["ada"])


class TestFiles:
    async def test_the_file_is_the_golden_one_and_stays_so(self, desk: Desk) -> None:
        for number in (1, 2):
            await desk.approved(number=number, cents=1300 - number)
        key = UUID(int=99)
        file = await desk.files.make(by=desk.people["noa"], key=key)
        assert (file.number, file.orders, file.sum_cents, file.execute_on.isoformat()) == (1, 2, 2597, "2026-12-01")
        assert await desk.files.make(by=desk.people["noa"], key=key) == file
        first, second = [await desk.files.fetch(1, by=desk.people["noa"]) for _ in range(2)]
        assert first == second
        check_golden(GOLDEN, first[1].decode("ascii"))
        _file, orders, fetched = await desk.files.one(1)
        assert ([one.amount_cents for one in orders], len(fetched)) == ([1299, 1298], 2)

    async def test_nothing_to_send(self, desk: Desk) -> None:
        await desk.given()
        with pytest.raises(NothingToSend):
            await desk.files.make(by=desk.people["noa"], key=uuid4())
        with pytest.raises(NotFound):
            await desk.files.fetch(1, by=desk.people["noa"])

    async def test_not_at_a_weekend(self, desk: Desk) -> None:
        await desk.approved()
        desk.clock.advance(days=4)  # Saturday
        file = await desk.files.make(by=desk.people["noa"], key=uuid4())
        assert file.execute_on.isoformat() == "2026-12-07"

    async def test_bank_data_go_when_all_has_ended(self, desk: Desk) -> None:
        first, second = [await desk.approved(number=number) for number in (1, 2)]
        await desk.files.make(by=desk.people["noa"], key=uuid4())
        await desk.arrived(first)
        desk.clock.advance(days=100)
        async with desk.db.transaction() as conn:
            assert await desk.transfers.erase_bank_data(conn, desk.clock() - timedelta(days=101)) == 0
            assert await desk.transfers.erase_bank_data(conn, desk.clock() - timedelta(days=1)) == 1
        assert (await desk.transfers.get(first.id)).iban is None
        assert (await desk.transfers.get(second.id)).iban is not None
        await desk.arrived(second, "CAMT-2")
        async with desk.db.transaction() as conn:
            desk.clock.advance(days=2)
            assert await desk.transfers.erase_bank_data(conn, desk.clock() - timedelta(days=1)) == 2
        with pytest.raises(FileErased):
            await desk.files.fetch(1, by=desk.people["noa"])
        assert (await desk.files.one(1))[0].sum_cents == 2600


class TestRaces:
    async def test_two_approve_at_once(self, desk: Desk) -> None:
        order = await desk.given()
        await desk.transfers.assess(order.id, by=desk.people["ada"])
        both = [desk.transfers.approve(order.id, by=desk.people[name]) for name in ("toni", "luca")]
        found = await asyncio.gather(*both, return_exceptions=True)
        assert sorted(type(one).__name__ for one in found) == ["Order", "TransferMovedOn"]
        [winner] = [one for one in found if isinstance(one, Order)]
        assert (await desk.transfers.get(order.id)).approved_by == winner.approved_by

    async def test_two_make_a_file_at_once(self, desk: Desk) -> None:
        await desk.approved()
        both = [desk.files.make(by=desk.people[name], key=uuid4()) for name in ("noa", "luca")]
        found = await asyncio.gather(*both, return_exceptions=True)
        assert sorted(type(one).__name__ for one in found) == ["NothingToSend", "SentFile"]
        assert len(await desk.files.all()) == 1

    async def test_an_approval_meets_a_cancellation(self, desk: Desk) -> None:
        order = await desk.given()
        await desk.transfers.assess(order.id, by=desk.people["ada"])
        await asyncio.gather(
            desk.transfers.approve(order.id, by=desk.people["toni"]),
            desk.transfers.cancel(order.id, by=desk.people["luca"], note="x"),
            return_exceptions=True,
        )
        assert (await desk.transfers.get(order.id)).status is S.CANCELLED
        assert await desk.balances() == {"psp_clearing": 1300, "received_in_advance": -1300}


class TestForgetting:
    async def test_why_an_order_was_cancelled_goes_with_its_person_or_after_some_months(self, desk: Desk) -> None:
        first, second = [await desk.given(number=number) for number in (1, 2)]
        for order in (first, second):
            await desk.transfers.cancel(order.id, by=desk.people["luca"], note="Kim has it already")
        third = await desk.given(number=3)
        await desk.transfers.ask_again(third.id, by=desk.people["ada"], note="Of Kim's firm")
        assert await desk.refusal("UPDATE transfer_step SET note = '[erased]' WHERE event = 'ask_again'") == (
            "transfer_step_words_kept"
        )
        async with desk.db.transaction() as conn:
            await PgBooks(desk.db).erase_notes(conn, UUID(int=1001))
        assert [await last_note(desk, one) for one in (first, second)] == ["[erased]", "Kim has it already"]
        desk.clock.advance(days=100)
        async with desk.db.transaction() as conn:
            await desk.transfers.erase_bank_data(conn, desk.clock() - timedelta(days=90))
        notes = [await last_note(desk, one) for one in (first, second, third)]
        assert notes == ["[erased]", "[erased]", "Of Kim's firm"]  # that one still goes on


async def last_note(desk: Desk, order: Order) -> str | None:
    return (await desk.transfers.story(order.id)).steps[-1].note
