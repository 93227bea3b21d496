"""The pure machine: money is conserved, a session ends one way only, the same calls give the same state."""

import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sandbox.stripe.balance import DAY_S, fee_for
from sandbox.stripe.errors import ApiError
from sandbox.stripe.machine import Machine
from sandbox.stripe.state import State
from tests.sandbox.running import HandClock, attempt, session_body


class MoneyIsConserved(RuleBasedStateMachine):
    """Customers, merchant, bank and calendar in any order; what is refused must leave everything as it was."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.machine = Machine(self.clock)

    def some(self, collection: str, number: int) -> str:
        rows = self.machine.state.rows(collection)
        return str(rows[number % len(rows)]["id"]) if rows else "none"

    @rule(amount=st.integers(0, 5000), minutes=st.integers(20, 1500), early=st.booleans())
    def open_session(self, amount: int, minutes: int, early: bool) -> None:
        self.machine.early_intents = early
        body = session_body(amount, expires_at=self.machine.now() + 60 * minutes)
        attempt(self.machine, self.machine.create_session, body)

    @rule(number=st.integers(0, 99))
    def pay(self, number: int) -> None:
        attempt(self.machine, self.machine.pay, self.some("sessions", number))

    @rule(number=st.integers(0, 99), code=st.sampled_from(["generic_decline", "insufficient_funds", "expired_card"]))
    def decline(self, number: int, code: str) -> None:
        attempt(self.machine, self.machine.decline, self.some("sessions", number), code)

    @rule(number=st.integers(0, 99))
    def start_3ds(self, number: int) -> None:
        attempt(self.machine, self.machine.start_3ds, self.some("sessions", number))

    @rule(number=st.integers(0, 99), passed=st.booleans())
    def finish_3ds(self, number: int, passed: bool) -> None:
        attempt(self.machine, self.machine.finish_3ds, self.some("sessions", number), passed=passed)

    @rule(number=st.integers(0, 99))
    def expire(self, number: int) -> None:
        attempt(self.machine, self.machine.expire_session, self.some("sessions", number))

    @rule(
        number=st.integers(0, 99),
        amount=st.integers(1, 3000),
        outcome=st.sampled_from(["succeeded", "pending", "failed"]),
    )
    def refund(self, number: int, amount: int, outcome: str) -> None:
        self.machine.refund_outcome = outcome
        wanted = {"payment_intent": self.some("payment_intents", number), "amount": amount}
        attempt(self.machine, self.machine.create_refund, wanted)

    @rule(number=st.integers(0, 99), fails=st.booleans())
    def bank_answers(self, number: int, fails: bool) -> None:
        action = self.machine.fail_refund if fails else self.machine.settle_refund
        attempt(self.machine, action, self.some("refunds", number))

    @rule(minutes=st.integers(1, 600))
    def time_passes(self, minutes: int) -> None:
        self.clock.advance(minutes=minutes)

    @rule()
    def is_restarted(self) -> None:
        dumped = json.loads(json.dumps(self.machine.dump()))
        self.machine = Machine(self.clock, state=State.load(dumped))

    @invariant()
    def balance_is_what_came_less_what_went(self) -> None:
        state = self.machine.state
        charges = state.rows("charges")
        captured = sum(charge["amount_captured"] for charge in charges)
        fees = sum(fee_for(charge["amount"]) for charge in charges if charge["paid"])
        refunded = sum(refund["amount"] for refund in state.rows("refunds") if refund["status"] != "failed")
        assert self.machine.balance() == captured - fees - refunded
        for charge in charges:
            own = [refund for refund in state.rows("refunds") if refund["charge"] == charge["id"]]
            alive = sum(refund["amount"] for refund in own if refund["status"] != "failed")
            assert charge["amount_refunded"] == alive <= charge["amount_captured"]

    @invariant()
    def session_and_intent_end_together_and_once(self) -> None:
        state = self.machine.state
        for session in state.rows("sessions"):
            told = [row["type"] for row in state.rows("events") if row["data"]["object"]["id"] == session["id"]]
            ends = [name for name in told if name.startswith("checkout.session.")]
            wanted = {"open": [], "complete": ["checkout.session.completed"], "expired": ["checkout.session.expired"]}
            assert ends == wanted[session["status"]]
            intent = state.find("payment_intents", session["payment_intent"] or "")
            status = intent["status"] if intent else "none"
            assert (session["status"] == "complete") == (status == "succeeded")
            assert session["status"] != "expired" or status in ("canceled", "none")
            paid = [
                row
                for row in state.rows("charges")
                if row["payment_intent"] == session["payment_intent"] and row["paid"]
            ]
            assert len(paid) == (session["status"] == "complete")


TestMoneyIsConserved = MoneyIsConserved.TestCase
TestMoneyIsConserved.settings = settings(
    max_examples=2000 if os.environ.get("SCALE") == "full" else 60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def opened(machine: Machine, **more: Any) -> str:
    return str(machine.create_session(session_body(**more))["id"])


def refusal(action: Any, *arguments: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        action(*arguments)
    return caught.value


def test_the_same_seed_and_calls_give_the_same_state() -> None:
    clock = HandClock()

    def run(seed: str) -> dict[str, Any]:
        machine = Machine(clock, seed=seed)
        machine.pay(opened(machine))
        return machine.dump()

    assert run("a") == run("a")
    assert run("a") != run("b")


def test_paying_and_expiring_exclude_each_other() -> None:
    machine = Machine(HandClock())
    paid, expired = opened(machine), opened(machine)
    machine.pay(paid)
    machine.expire_session(expired)
    error = refusal(machine.expire_session, paid)
    assert (error.status, error.type) == (400, "invalid_request_error")
    assert "status of `complete`" in error.message
    assert "status of `expired`" in refusal(machine.expire_session, expired).message
    assert refusal(machine.pay, expired).status == 400
    assert refusal(machine.pay, paid).status == 400


def test_a_session_expires_at_its_time_before_anything_else_happens() -> None:
    clock = HandClock()
    machine = Machine(clock)
    late = opened(machine, expires_at=machine.now() + 1800)
    machine.start_3ds(late)
    clock.advance(minutes=30)
    assert refusal(machine.pay, late).status == 400
    assert machine.get("sessions", late)["status"] == "expired"
    intent = machine.state.rows("payment_intents")[0]
    assert (intent["status"], intent["next_action"]) == ("canceled", None)


@pytest.mark.parametrize(("seconds", "right"), [(1799, False), (1800, True), (86_400, True), (86_401, False)])
def test_expires_at_lies_between_30_minutes_and_24_hours(seconds: int, right: bool) -> None:
    machine = Machine(HandClock())
    body = session_body(expires_at=machine.now() + seconds)
    if right:
        assert machine.create_session(body)["expires_at"] == machine.now() + seconds
    else:
        assert refusal(machine.create_session, body).param == "expires_at"


def test_late_intents_come_with_the_first_attempt() -> None:
    machine = Machine(HandClock(), early_intents=False)
    session = opened(machine)
    assert machine.get("sessions", session)["payment_intent"] is None
    machine.decline(session)
    first = machine.get("sessions", session)["payment_intent"]
    assert machine.get("payment_intents", first)["last_payment_error"]["code"] == "card_declined"
    machine.pay(session)
    assert machine.get("sessions", session)["payment_intent"] == first
    assert machine.get("payment_intents", first)["last_payment_error"] is None


def test_over_refund_is_refused_and_a_failed_refund_can_be_asked_for_again() -> None:
    machine = Machine(HandClock())
    intent = machine.pay(opened(machine, amount=1000))["payment_intent"]
    machine.create_refund({"payment_intent": intent, "amount": 600})
    error = refusal(machine.create_refund, {"payment_intent": intent, "amount": 401})
    assert error.message == "Refund amount (€4.01) is greater than unrefunded amount on charge (€4.00)"
    rest = machine.create_refund({"payment_intent": intent})
    assert rest["amount"] == 400
    assert refusal(machine.create_refund, {"payment_intent": intent}).code == "charge_already_refunded"
    failed = machine.fail_refund(rest["id"], "declined")
    assert (failed["status"], failed["failure_reason"]) == ("failed", "declined")
    charge = machine.state.rows("charges")[0]
    assert (charge["amount_refunded"], charge["refunded"]) == (600, False)
    assert machine.create_refund({"payment_intent": intent})["amount"] == 400


def test_money_is_available_after_some_days() -> None:
    clock = HandClock()
    machine = Machine(clock)
    machine.pay(opened(machine, amount=10_000))
    (txn,) = machine.list("balance_transactions", {})["data"]
    assert (txn["amount"], txn["fee"], txn["net"], txn["status"]) == (10_000, 175, 9825, "pending")
    assert txn["available_on"] % DAY_S == 0
    clock.advance(days=3)
    assert machine.list("balance_transactions", {})["data"][0]["status"] == "available"


def test_an_event_keeps_its_object_as_it_was() -> None:
    machine = Machine(HandClock())
    session = opened(machine)
    machine.decline(session)
    machine.pay(session)
    told = [(row["type"], row["data"]["object"]["status"]) for row in machine.state.rows("events")]
    assert told == [
        ("payment_intent.created", "requires_payment_method"),
        ("charge.failed", "failed"),
        ("payment_intent.payment_failed", "requires_payment_method"),
        ("charge.succeeded", "succeeded"),
        ("payment_intent.succeeded", "succeeded"),
        ("checkout.session.completed", "complete"),
    ]
