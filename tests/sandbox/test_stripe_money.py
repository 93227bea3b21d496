"""Every way the money can go, in any order: the balance is what came less what went, and each payout is its transactions."""

import json
import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sandbox.stripe.balance import fee_for
from sandbox.stripe.disputes import FEE_CENTS
from sandbox.stripe.machine import Machine
from sandbox.stripe.methods import METHODS
from sandbox.stripe.state import State
from tests.sandbox.running import HandClock, attempt, session_body

NUMBER = st.integers(0, 3)
"""Among the youngest, so that the same thing is met again and again."""


class MoneyGoesEveryWay(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.machine = Machine(self.clock, payout_schedule="daily")
        self.machine.methods = tuple(METHODS)

    def some(self, collection: str, number: int) -> str:
        rows = self.machine.state.rows(collection)
        return str(rows[-1 - number % len(rows)]["id"]) if rows else "none"

    @rule(amount=st.integers(50, 5000), method=st.sampled_from([*METHODS]), by_hand=st.booleans())
    def pay(self, amount: int, method: str, by_hand: bool) -> None:
        more: dict[str, Any] = {"payment_intent_data": {"capture_method": "manual"}} if by_hand else {}
        session = self.machine.create_session(session_body(amount, **more))["id"]
        attempt(self.machine, self.machine.pay, session, method)

    @rule(number=NUMBER, paid=st.booleans())
    def bank_answers(self, number: int, paid: bool) -> None:
        attempt(self.machine, self.machine.answer, self.some("sessions", number), paid=paid)

    @rule(number=NUMBER, amount=st.integers(1, 5000))
    def capture(self, number: int, amount: int) -> None:
        intent = self.some("payment_intents", number)
        attempt(self.machine, self.machine.capture, intent, {"amount_to_capture": amount})

    @rule(number=NUMBER)
    def let_go(self, number: int) -> None:
        attempt(self.machine, self.machine.cancel_intent, self.some("payment_intents", number), {})

    @rule(number=NUMBER, amount=st.integers(1, 3000), needs_balance=st.booleans())
    def refund(self, number: int, amount: int, needs_balance: bool) -> None:
        self.machine.refunds_need_balance = needs_balance
        attempt(self.machine, self.machine.create_refund, {"charge": self.some("charges", number), "amount": amount})

    @rule(number=NUMBER)
    def refund_fails(self, number: int) -> None:
        attempt(self.machine, self.machine.fail_refund, self.some("refunds", number))

    @rule(number=NUMBER, inquiry=st.booleans())
    def dispute(self, number: int, inquiry: bool) -> None:
        attempt(self.machine, self.machine.dispute, self.some("charges", number), inquiry=inquiry)

    @rule(number=NUMBER, won=st.booleans())
    def decide(self, number: int, won: bool) -> None:
        attempt(self.machine, self.machine.decide_dispute, self.some("disputes", number), won=won)

    @rule(number=NUMBER, submit=st.booleans())
    def defend(self, number: int, submit: bool) -> None:
        evidence = {"evidence": {"receipt": "file_1"}, "submit": submit}
        attempt(self.machine, self.machine.update_dispute, self.some("disputes", number), evidence)

    @rule(number=NUMBER)
    def payout_fails(self, number: int) -> None:
        attempt(self.machine, self.machine.fail_payout, self.some("payouts", number))

    @rule(hours=st.integers(1, 200))
    def time_passes(self, hours: int) -> None:
        self.clock.advance(hours=hours)
        self.machine.sweep()

    @rule()
    def is_restarted(self) -> None:
        self.machine = Machine(self.clock, state=State.load(json.loads(json.dumps(self.machine.dump()))))

    @invariant()
    def balance_is_what_came_less_what_went(self) -> None:
        state = self.machine.state
        came = sum(
            charge["amount_captured"] - fee_for(charge["amount_captured"], charge["payment_method_details"]["type"])
            for charge in state.rows("charges")
            if charge["balance_transaction"]
        )
        refunded = sum(
            row["amount"]
            for row in state.rows("refunds")
            if row["status"] != "failed" and row["balance_transaction"] is not None
        )
        withdrawn = [row for row in state.rows("disputes") if not row["status"].startswith("warning_")]
        lost = sum(row["amount"] for row in withdrawn if row["status"] != "won") + FEE_CENTS * len(withdrawn)
        paid_out = sum(row["amount"] for row in state.rows("payouts") if row["status"] != "failed")
        assert self.machine.balance() == came - refunded - lost - paid_out

    @invariant()
    def each_payout_is_its_transactions(self) -> None:
        for payout in self.machine.state.rows("payouts"):
            rows = self.machine.state.having("balance_transactions", "payout", payout["id"])
            assert sum(row["net"] for row in rows if row["type"] != "payout") == payout["amount"] > 0
            assert sum(row["net"] for row in rows) == 0

    @invariant()
    def no_charge_is_given_back_twice(self) -> None:
        state = self.machine.state
        for charge in state.rows("charges"):
            refunds = state.having("refunds", "charge", charge["id"])
            alive = sum(row["amount"] for row in refunds if row["status"] != "failed")
            disputes = state.having("disputes", "charge", charge["id"])
            taken = sum(
                row["amount"] for row in disputes if row["status"] in ("needs_response", "under_review", "lost")
            )
            assert alive + taken <= charge["amount_captured"]


TestMoneyGoesEveryWay = MoneyGoesEveryWay.TestCase
TestMoneyGoesEveryWay.settings = settings(
    max_examples=2000 if os.environ.get("SCALE") == "full" else 60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
