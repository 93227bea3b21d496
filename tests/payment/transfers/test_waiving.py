"""A refund that nobody fetches: waived or barred by limitation, said by two persons, income of an account of its own, and reversible."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from payment import store as payments
from payment.ledgers.reversals import Reversals
from payment.model import owed_cents
from payment.transfers.model import Ground, Order
from payment.transfers.refusals import (
    NotBarredYet,
    OwnWaiver,
    TransferMovedOn,
    WaiverDecided,
    WaiverWaits,
    WaiverWrong,
)
from payment.transfers.states import TransferStatus
from tests.payment.transfers.making import Desk

S = TransferStatus
WHY, WHERE = "Payee writes that she does not want it", "File 4/2026, sheet 12"


async def asked(desk: Desk, order: Order, ground: Ground = Ground.WAIVED, by: str = "ada") -> UUID:
    key = uuid4()
    await desk.transfers.ask_waiver(order.id, ground, reason=WHY, evidence=WHERE, by=desk.people[by], key=key)
    return key


async def waived(desk: Desk) -> Order:
    order = await desk.failed(700)
    return await desk.transfers.approve_waiver(order.id, await asked(desk, order), by=desk.people["toni"])


async def test_waived_it_is_income_and_owed_no_more(desk: Desk) -> None:
    order = await waived(desk)
    assert order.status is S.WAIVED
    assert await desk.balances() == {"psp_clearing": 1300, "received_in_advance": -600, "waived_refunds": -700}
    assert await desk.refunded() == 700  # so nobody refunds it beside that
    async with desk.db.connection() as conn:
        assert owed_cents(await payments.refunds_of(conn, order.payment_id)) == 0
        assert (await payments.troubles(conn)).failed_refunds == 0
    story = await desk.transfers.story(order.id)
    [found] = story.waivers
    assert (found.ground, found.reason, found.evidence, found.asker, found.decider) == (
        Ground.WAIVED, WHY, WHERE, "Ada", "Toni",
    )  # fmt: skip
    assert [one.event for one in story.steps] == ["ask", "waive"]
    again = await desk.transfers.approve_waiver(order.id, found.id, by=desk.people["toni"])  # clicked twice
    assert again.status is S.WAIVED
    with pytest.raises(TransferMovedOn):
        await desk.transfers.give_account(order.id, holder="Kim", iban="DE89370400440532013000")


async def test_nobody_approves_what_they_asked_for(desk: Desk) -> None:
    order = await desk.failed()
    key = await asked(desk, order)
    with pytest.raises(OwnWaiver):
        await desk.transfers.approve_waiver(order.id, key, by=desk.people["ada"])
    with pytest.raises(WaiverWaits):
        await asked(desk, order, by="luca")
    await desk.transfers.reject_waiver(order.id, key, by=desk.people["toni"])
    with pytest.raises(WaiverDecided):
        await desk.transfers.approve_waiver(order.id, key, by=desk.people["toni"])
    assert (await desk.transfers.get(order.id)).status is S.ASKED
    await asked(desk, order)  # it may be asked for once more


async def test_a_reason_and_evidence_are_needed(desk: Desk) -> None:
    order = await desk.failed()
    with pytest.raises(WaiverWrong) as wrong:
        await desk.transfers.ask_waiver(
            order.id, Ground.WAIVED, reason=" ", evidence="x" * 301, by=desk.people["ada"], key=uuid4()
        )
    assert [(one.pointer, one.code) for one in wrong.value.errors] == [
        ("/reason", "missing"),
        ("/evidence", "too_long"),
    ]


async def test_limitation_ends_three_years_after_the_end_of_the_year(desk: Desk) -> None:
    order = await desk.failed()  # of 1 December 2026
    desk.clock.set(datetime(2029, 12, 31, 22, 59, tzinfo=UTC))
    with pytest.raises(NotBarredYet):
        await asked(desk, order, Ground.BARRED)
    desk.clock.set(datetime(2029, 12, 31, 23, 0, tzinfo=UTC))  # midnight in Berlin
    key = await asked(desk, order, Ground.BARRED)
    assert (await desk.transfers.approve_waiver(order.id, key, by=desk.people["toni"])).status is S.WAIVED


async def test_what_the_bank_has_is_not_waived(desk: Desk) -> None:
    order = await desk.exported()
    with pytest.raises(TransferMovedOn):
        await asked(desk, order)


async def test_reversed_by_two_it_is_owed_again_and_may_be_waived_again(desk: Desk) -> None:
    order = await waived(desk)
    reversals = Reversals(desk.db, desk.clock)
    for _time in range(2):
        [last] = (await desk.transfers.story(order.id)).waivers[:1]
        assert last.journal_id is not None
        key = uuid4()
        await reversals.request(last.journal_id, by=desk.people["luca"], reason="She came after all", key=key)
        await reversals.approve(key, by=desk.people["toni"])
        back = await desk.transfers.get(order.id)
        assert (back.status, back.iban) == (S.ASKED, None)
        assert await desk.balances() == {"psp_clearing": 1300, "received_in_advance": -600, "transfer_payable": -700}
        desk.clock.advance(minutes=1)
        again = await asked(desk, order)
        await desk.transfers.approve_waiver(order.id, again, by=desk.people["toni"])
    assert await desk.balances() == {"psp_clearing": 1300, "received_in_advance": -600, "waived_refunds": -700}
    events = [one.event for one in (await desk.transfers.story(order.id)).steps]
    assert events == ["ask", "waive", "reopen", "waive", "reopen", "waive"]


async def test_around_the_code_nothing_is_waived(desk: Desk) -> None:
    order = await desk.failed()
    key = await asked(desk, order)
    refused = desk.refusal
    assert await refused("UPDATE transfer_order SET status = 'waived'") == "transfer_order_booked"
    mine = (
        "UPDATE transfer_waiver SET status = 'approved', decided_by = requested_by, decided_at = now(), journal_id = 1"
    )
    assert await refused(mine) == "transfer_waiver_by_two"
    assert await refused("UPDATE transfer_waiver SET reason = 'another one'") == "transfer_waiver_terms_fixed"
    assert await refused("UPDATE transfer_waiver SET reason = '[erased]'") == "transfer_waiver_words_kept"
    assert await refused("DELETE FROM transfer_waiver") == "transfer_waiver_never_deleted"
    journal = """
        WITH j AS (INSERT INTO journal (kind, payment_id, refund_id, at) VALUES ('refund_waived', $1, $2, now()) RETURNING id)
        INSERT INTO entry (journal_id, account, amount_cents)
        SELECT j.id, a, c FROM j, (VALUES ('transfer_payable', 1300), ('waived_refunds', -1300)) e (a, c)"""
    assert await refused(journal, order.payment_id, order.refund_id) == "journal_waived_by_two"
    await desk.transfers.approve_waiver(order.id, key, by=desk.people["toni"])
    assert await refused("UPDATE transfer_order SET status = 'asked'") == "transfer_order_booked"
