"""Disputes move the money and its fee as the bank decides, and a refund is refused where it would be the second."""

from datetime import timedelta
from typing import Any

import pytest

from sandbox.stripe.errors import ApiError, Json
from sandbox.stripe.machine import Machine
from tests.sandbox.running import HandClock, Sandbox, sandbox, session_body


def paid(machine: Machine, amount: int = 1000) -> str:
    """The charge's id."""
    session = machine.pay(machine.create_session(session_body(amount))["id"])
    return str(machine.get("payment_intents", session["payment_intent"])["latest_charge"])


def refusal(action: Any, *arguments: Any, **named: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        action(*arguments, **named)
    return caught.value


def told(machine: Machine) -> list[str]:
    names = [row["type"] for row in machine.state.rows("events")]
    return [name.removeprefix("charge.dispute.") for name in names if name.startswith("charge.dispute.")]


def booked(machine: Machine, dispute: Json) -> list[tuple[str, str, int, int]]:
    rows = machine.list("balance_transactions", {"source": dispute["id"]})["data"]
    assert sorted(row["id"] for row in rows) == sorted(row["id"] for row in dispute["balance_transactions"])
    return [(row["type"], row["reporting_category"], row["amount"], row["fee"]) for row in rows]


def test_a_dispute_takes_amount_and_fee_and_winning_brings_the_amount_back() -> None:
    machine = Machine(HandClock())
    charge = paid(machine)
    before = machine.balance()
    dispute = machine.dispute(charge)
    assert (dispute["status"], dispute["amount"], dispute["is_charge_refundable"]) == ("needs_response", 1000, False)
    assert machine.balance() == before - 1000 - 2000
    assert machine.get("charges", charge)["disputed"]
    kept = machine.update_dispute(dispute["id"], {"evidence": {"receipt": "file_1"}, "submit": False})
    assert (kept["status"], kept["evidence_details"]["submission_count"]) == ("needs_response", 0)
    sent = machine.update_dispute(dispute["id"], {"evidence": {"uncategorized_text": "Erschienen um 9 Uhr"}})
    assert (sent["status"], sent["evidence_details"]["submission_count"]) == ("under_review", 1)
    assert sent["evidence"]["receipt"] == "file_1"
    assert "takes no evidence" in refusal(machine.update_dispute, dispute["id"], {"submit": True}).message
    won = machine.decide_dispute(dispute["id"], won=True)
    assert (won["status"], machine.balance()) == ("won", before - 2000)
    assert booked(machine, won) == [
        ("adjustment", "dispute_reversal", 1000, 0),
        ("adjustment", "dispute", -1000, 2000),
    ]
    assert told(machine) == ["created", "funds_withdrawn", "updated", "updated", "funds_reinstated", "closed"]
    assert machine.create_refund({"charge": charge})["amount"] == 1000


@pytest.mark.parametrize("lost_by", ["bank", "merchant", "time"])
def test_a_lost_dispute_keeps_the_money_and_can_never_be_refunded(lost_by: str) -> None:
    clock = HandClock()
    machine = Machine(clock)
    charge = paid(machine)
    dispute = machine.dispute(charge, reason="duplicate")
    error = refusal(machine.create_refund, {"charge": charge})
    assert (error.status, error.code) == (400, "charge_disputed")
    if lost_by == "bank":
        machine.decide_dispute(dispute["id"], won=False)
    elif lost_by == "merchant":
        machine.close_dispute(dispute["id"])
    else:
        clock.at += timedelta(seconds=dispute["evidence_details"]["due_by"] - machine.now())
        assert machine.get("disputes", dispute["id"])["status"] == "needs_response"
        clock.at += timedelta(seconds=1)
    lost = machine.get("disputes", dispute["id"])
    assert (lost["status"], lost["evidence_details"]["past_due"]) == ("lost", lost_by == "time")
    assert machine.balance() == 1000 - 40 - 1000 - 2000
    assert told(machine) == ["created", "funds_withdrawn", "closed"]
    assert refusal(machine.create_refund, {"charge": charge}).code == "charge_disputed"
    assert refusal(machine.dispute, charge).status == 400
    assert refusal(machine.decide_dispute, dispute["id"], won=True).status == 400


def test_an_inquiry_moves_no_money_until_it_becomes_a_dispute() -> None:
    machine = Machine(HandClock())
    charge = paid(machine)
    inquiry = machine.dispute(charge, inquiry=True)
    assert (inquiry["status"], machine.balance()) == ("warning_needs_response", 960)
    machine.create_refund({"charge": charge, "amount": 100})
    dispute = machine.decide_dispute(inquiry["id"], won=False)
    assert (dispute["status"], machine.balance()) == ("needs_response", 860 - 900 - 2000)
    assert refusal(machine.create_refund, {"charge": charge}).code == "charge_disputed"
    other = machine.dispute(paid(machine), inquiry=True)
    assert machine.decide_dispute(other["id"], won=True)["status"] == "warning_closed"
    given_back = machine.dispute(charge := paid(machine), inquiry=True)
    machine.create_refund({"charge": charge})
    assert machine.decide_dispute(given_back["id"], won=False)["status"] == "warning_closed"


def test_what_is_refunded_or_was_not_paid_cannot_be_disputed() -> None:
    machine = Machine(HandClock())
    charge = paid(machine)
    machine.create_refund({"charge": charge, "amount": 400})
    assert machine.dispute(charge)["amount"] == 600
    refunded = paid(machine)
    machine.create_refund({"charge": refunded})
    assert refusal(machine.dispute, refunded).param == "amount"
    session = machine.create_session(session_body())["id"]
    intent = machine.decline(session)
    assert refusal(machine.dispute, intent["latest_charge"]).param == "charge"


def test_a_refund_waits_for_money_in_the_account() -> None:
    clock = HandClock()
    machine = Machine(clock)
    machine.refunds_need_balance = True
    charge = paid(machine)
    refund = machine.create_refund({"charge": charge})
    assert (refund["status"], refund["pending_reason"], refund["balance_transaction"]) == (
        "pending",
        "insufficient_funds",
        None,
    )
    paid(machine, 5000)
    clock.advance(days=2)
    assert machine.get("refunds", refund["id"])["status"] == "pending"
    assert refusal(machine.create_refund, {"charge": charge}).code == "charge_already_refunded"
    clock.advance(days=2)
    done = machine.get("refunds", refund["id"])
    assert (done["status"], done["pending_reason"]) == ("succeeded", None)
    assert machine.get("balance_transactions", done["balance_transaction"])["amount"] == -1000


def test_a_refund_that_never_left_the_account_does_not_come_back() -> None:
    machine = Machine(HandClock())
    machine.refunds_need_balance = True
    refund = machine.create_refund({"charge": paid(machine)})
    before = machine.balance()
    failed = machine.fail_refund(refund["id"], "insufficient_funds")
    assert (failed["status"], failed["failure_balance_transaction"]) == ("failed", None)
    assert machine.balance() == before


def test_an_edited_amount_stands_in_the_books_until_it_is_paid_out() -> None:
    machine = Machine(HandClock())
    charge = paid(machine)
    machine.edit_charge(charge, 990)
    (txn,) = machine.list("balance_transactions", {"source": charge})["data"]
    assert (txn["amount"], txn["fee"], txn["net"]) == (990, 40, 950)
    clock = HandClock()
    later = Machine(clock)
    charge = paid(later)
    clock.advance(days=4)
    later.pay_out()
    assert refusal(later.edit_charge, charge, 990).status == 400


async def pressed(box: Sandbox, session: str, button: str) -> str:
    async with box.http.post(f"{box.url}/pay/{session}", data={"action": button}) as response:
        assert response.status == 200
        return await response.text()


async def test_the_page_disputes_a_payment_and_the_sdk_answers_it() -> None:
    async with sandbox() as box:
        session = box.machine.pay(box.machine.create_session(session_body())["id"])["id"]
        assert 'value="win"' in await pressed(box, session, "dispute")
        listed = await box.sdk.v1.disputes.list_async(
            {"payment_intent": box.machine.get("sessions", session)["payment_intent"]}
        )
        (dispute,) = listed.data
        answered = await box.sdk.v1.disputes.update_async(
            dispute.id, {"evidence": {"uncategorized_text": "Termin am 2. November"}, "submit": True}
        )
        assert answered.status == "under_review"
        assert "is won" in await pressed(box, session, "win")
        assert (await box.sdk.v1.disputes.retrieve_async(dispute.id)).status == "won"


async def test_the_control_plane_disputes_refunds_and_edits() -> None:
    async with sandbox() as box:
        charge = paid(box.machine)
        await box.control("POST", f"charges/{charge}/edit", {"amount": 1001})
        refund = await box.control("POST", f"charges/{charge}/refund", {"amount": 1})
        assert (refund["amount"], refund["metadata"]) == (1, {})
        dispute = await box.control("POST", f"charges/{charge}/dispute", {"reason": "general"})
        assert (dispute["amount"], dispute["reason"]) == (1000, "general")
        assert (await box.control("POST", f"disputes/{dispute['id']}/lose", {}))["status"] == "lost"
        assert await box.control("PUT", "refunds/need-balance", {"on": True}) == {"on": True}
