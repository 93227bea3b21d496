"""Other ways to pay than a card, and money that is authorised first and captured later."""

from typing import Any

import pytest
import stripe

from sandbox.stripe.errors import ApiError, Json
from sandbox.stripe.machine import Machine
from tests.sandbox.running import HandClock, sandbox, session_body

EVERY = ("card", "paypal", "wero", "sepa_debit")
BY_HAND: dict[str, Any] = {"payment_intent_data": {"capture_method": "manual"}}


def machine_with(*methods: str) -> tuple[Machine, HandClock]:
    clock = HandClock()
    machine = Machine(clock)
    machine.methods = methods or EVERY
    return machine, clock


def opened(machine: Machine, **more: Any) -> Json:
    return machine.create_session(session_body(1000, **more))


def refusal(action: Any, *arguments: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        action(*arguments)
    return caught.value


def told(machine: Machine) -> list[str]:
    return [row["type"] for row in machine.state.rows("events")][1:]  # after payment_intent.created


def booked(machine: Machine) -> list[tuple[str, str, int, int]]:
    rows = machine.state.rows("balance_transactions")
    return [(row["type"], row["reporting_category"], row["amount"], row["fee"]) for row in rows]


def test_a_session_offers_what_is_switched_on_allowed_and_fit() -> None:
    machine, _ = machine_with()
    assert opened(machine)["payment_method_types"] == list(EVERY)
    allowed = opened(machine, allowed_payment_method_types=["paypal"])
    assert allowed["payment_method_types"] == ["paypal"]
    assert refusal(machine.pay, allowed["id"], "card").param == "payment_method_types"
    assert refusal(machine.start_3ds, allowed["id"]).param == "payment_method_types"
    assert opened(machine, **BY_HAND)["payment_method_types"] == ["card", "paypal"]
    machine.methods = ("wero",)
    assert refusal(machine.create_session, session_body(**BY_HAND)).param == "allowed_payment_method_types"
    with pytest.raises(ValueError, match="sepa_debit"):
        machine.methods = ("giropay",)


@pytest.mark.parametrize(("method", "fee"), [("paypal", 64), ("wero", 28)])
def test_other_methods_have_their_own_words_and_prices(method: str, fee: int) -> None:
    machine, _ = machine_with()
    paid = machine.pay(opened(machine)["id"], method)
    assert (paid["status"], paid["payment_status"]) == ("complete", "paid")
    charge = machine.get("payment_intents", paid["payment_intent"])["latest_charge"]
    assert charge.startswith("py_")
    refund = machine.create_refund({"charge": charge, "amount": 300})
    assert refund["id"].startswith("pyr_")
    assert booked(machine) == [("payment", "charge", 1000, fee), ("payment_refund", "refund", -300, 0)]


def test_wero_knows_no_disputes_and_does_not_wait_for_a_refunds_money() -> None:
    machine, _ = machine_with()
    paid = machine.pay(opened(machine)["id"], "wero")
    charge = machine.get("payment_intents", paid["payment_intent"])["latest_charge"]
    assert "cannot be disputed" in refusal(machine.dispute, charge).message
    machine.refunds_need_balance = True
    refund = machine.create_refund({"charge": charge})
    assert (refund["status"], refund["failure_reason"]) == ("failed", "insufficient_funds")
    assert machine.get("charges", charge)["amount_refunded"] == 0
    assert machine.balance() == 1000 - 28


@pytest.mark.parametrize("pays", [True, False])
@pytest.mark.parametrize("by_itself", [True, False])
def test_a_debit_is_processing_for_days(pays: bool, by_itself: bool) -> None:
    machine, clock = machine_with()
    session = opened(machine)["id"]
    row = machine.pay(session, "sepa_debit")
    assert (row["status"], row["payment_status"], machine.balance()) == ("complete", "unpaid", 0)
    assert told(machine) == ["charge.pending", "payment_intent.processing", "checkout.session.completed"]
    assert refusal(machine.create_refund, {"payment_intent": row["payment_intent"]}).status == 400
    clock.advance(days=2)
    assert machine.get("payment_intents", row["payment_intent"])["status"] == "processing"
    if by_itself:
        machine.bank_answers_yes = pays
        clock.advance(days=1)
        machine.sweep()
    else:
        machine.answer(session, paid=pays)
        clock.advance(days=1)
        machine.sweep()
    with pytest.raises(ApiError):
        machine.answer(session, paid=pays)
    intent = machine.get("payment_intents", row["payment_intent"])
    after = told(machine)[3:]
    if pays:
        assert (intent["status"], intent["amount_received"], machine.balance()) == ("succeeded", 1000, 965)
        assert after == ["charge.succeeded", "payment_intent.succeeded", "checkout.session.async_payment_succeeded"]
        assert machine.get("sessions", session)["payment_status"] == "paid"
    else:
        assert (intent["status"], intent["amount_received"], machine.balance()) == ("requires_payment_method", 0, 0)
        assert after == ["charge.failed", "payment_intent.payment_failed", "checkout.session.async_payment_failed"]
        assert machine.get("sessions", session)["payment_status"] == "unpaid"


def authorised() -> tuple[Machine, HandClock, str, str]:
    machine, clock = machine_with()
    row = machine.pay(opened(machine, **BY_HAND)["id"])
    return machine, clock, row["id"], row["payment_intent"]


def test_what_is_authorised_is_captured_once() -> None:
    machine, clock, session, intent = authorised()
    waits = machine.get("payment_intents", intent)
    assert (waits["status"], waits["amount_capturable"], waits["amount_received"]) == ("requires_capture", 1000, 0)
    assert (machine.get("sessions", session)["payment_status"], machine.balance()) == ("unpaid", 0)
    assert refusal(machine.capture, intent, {"amount_to_capture": 1001}).code == "amount_too_large"
    taken = machine.capture(intent, {})
    assert (taken["status"], taken["amount_capturable"], taken["amount_received"]) == ("succeeded", 0, 1000)
    assert (machine.get("sessions", session)["payment_status"], machine.balance()) == ("paid", 960)
    assert refusal(machine.capture, intent, {}).code == "payment_intent_unexpected_state"
    assert refusal(machine.cancel_intent, intent, {}).code == "payment_intent_unexpected_state"
    clock.advance(days=8)
    assert machine.get("payment_intents", intent)["status"] == "succeeded"
    assert told(machine) == [
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "checkout.session.completed",
        "charge.captured",
        "payment_intent.succeeded",
    ]


def test_a_part_that_is_captured_stands_in_two_transactions() -> None:
    machine, clock, _, intent = authorised()
    machine.capture(intent, {"amount_to_capture": 600})
    assert booked(machine) == [("charge", "charge", 1000, 34), ("refund", "partial_capture_reversal", -400, 0)]
    clock.advance(days=4)
    payout = machine.pay_out()
    assert payout is not None
    assert payout["amount"] == 600 - 34
    assert "€6.01" in refusal(machine.create_refund, {"payment_intent": intent, "amount": 601}).message


@pytest.mark.parametrize("ends_by", ["merchant", "time"])
def test_an_authorisation_is_let_go_or_runs_out_after_seven_days(ends_by: str) -> None:
    machine, clock, _, intent = authorised()
    if ends_by == "merchant":
        machine.cancel_intent(intent, {"cancellation_reason": "requested_by_customer"})
    else:
        clock.advance(days=7, seconds=-1)
        assert machine.get("payment_intents", intent)["status"] == "requires_capture"
        clock.advance(seconds=1)
    over = machine.get("payment_intents", intent)
    reason = "requested_by_customer" if ends_by == "merchant" else "automatic"
    assert (over["status"], over["cancellation_reason"], over["amount_capturable"]) == ("canceled", reason, 0)
    assert refusal(machine.capture, intent, {}).code == "payment_intent_unexpected_state"
    assert refusal(machine.create_refund, {"payment_intent": intent}).status == 400
    assert booked(machine) == []
    assert told(machine)[3:] == [
        "charge.refunded" if ends_by == "merchant" else "charge.expired",
        "payment_intent.canceled",
    ]


async def test_the_sdk_captures_and_the_page_offers_the_methods() -> None:
    async with sandbox() as box:
        assert (await box.control("PUT", "methods", {"methods": list(EVERY)}))["methods"] == list(EVERY)
        session = opened(box.machine)["id"]
        async with box.http.get(f"{box.url}/pay/{session}") as response:
            text = await response.text()
        assert all(f'value="{name}"' in text for name in EVERY[1:])
        async with box.http.post(
            f"{box.url}/pay/{session}", data={"action": "sepa_debit"}, allow_redirects=False
        ) as response:
            assert response.status == 303
        async with box.http.get(f"{box.url}/pay/{session}") as response:
            assert "under way" in await response.text()
        assert (await box.control("POST", f"sessions/{session}/bank-pays", {}))["payment_status"] == "paid"
        by_hand = opened(box.machine, **BY_HAND)["id"]
        intent = (await box.control("POST", f"sessions/{by_hand}/pay", {"method": "paypal"}))["payment_intent"]
        taken = await box.sdk.v1.payment_intents.capture_async(intent, {"amount_to_capture": 400})
        assert (taken.status, taken.amount_received) == ("succeeded", 400)
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await box.sdk.v1.payment_intents.cancel_async(intent)
        assert caught.value.code == "payment_intent_unexpected_state"
