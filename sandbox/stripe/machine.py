"""The sandbox as a pure state machine: no I/O, clock and ids injected, the same seed and calls give the same ids and state.

Used by the wire server, and by simulations through the product's payment port. Objects given are Stripe's JSON; read them,
do not alter them. Refusals are `ApiError`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.stripe import (
    attempts,
    balance,
    captures,
    checkout,
    disputes,
    faulty_books,
    methods,
    params,
    payouts,
    refunds,
)
from sandbox.stripe.agenda import Agenda
from sandbox.stripe.checks import check
from sandbox.stripe.core import Clock, Core, EventSink
from sandbox.stripe.errors import Json
from sandbox.stripe.lists import page
from sandbox.stripe.state import State

STEPS = {
    "session_expires": checkout.run_out,
    "authorisation_ends": captures.run_out,
    "bank_answers": attempts.answer_by_itself,
    "evidence_overdue": disputes.overdue,
    "refund_retried": refunds.retry,
    "payout_day": payouts.pay_out_daily,
    "payout_sent": payouts.send,
    "payout_arrives": payouts.arrive,
}


class Machine:
    def __init__(
        self,
        clock: Clock,
        *,
        seed: str = "0",
        origin: str = "http://127.0.0.1",
        early_intents: bool = True,
        payout_schedule: str = "manual",
        state: State | None = None,
    ) -> None:
        """`early_intents`: make the payment intent with the session. Stripe itself, since API version 2022-08-01, makes it
        at the first attempt to pay; False plays that. `payout_schedule`: "daily" pays out each business day; once set, the
        state remembers it."""
        self.core = Core(state or State(), clock, seed, origin)
        self.early_intents = early_intents
        self._agenda = Agenda(self.core, STEPS)
        self._adopt()
        if payout_schedule != "manual":
            self.payout_schedule = payout_schedule

    def _adopt(self) -> None:
        """What an older state lacks."""
        for row in self.state.rows("balance_transactions"):
            if "payout" not in row:
                self.state.change("balance_transactions", row["id"], payout="")
        for row in self.state.rows("sessions"):
            if row["status"] == "open" and self.state.find("agenda", f"session_expires:{row['id']}") is None:
                self.core.schedule(row["expires_at"], "session_expires", row["id"])

    @property
    def state(self) -> State:
        return self.core.state

    def now(self) -> int:
        return self.core.now()

    def on_event(self, sink: EventSink) -> None:
        self.core.event_sink = sink

    def sweep(self) -> int:
        """Do what is due. Every other method does it first, so no payment slips in after the time is over."""
        return self._agenda.run_due()

    # The merchant's calls; `arguments` as in the API, already of the right types, checked by the table all the same.

    def create_session(self, arguments: Mapping[str, Any]) -> Json:
        checked = check(params.SESSION_CREATE, arguments)
        self.sweep()
        return checkout.create(self.core, checked, early_intent=self.early_intents)

    def expire_session(self, session_id: str) -> Json:
        self.sweep()
        return checkout.expire(self.core, session_id)

    def create_refund(self, arguments: Mapping[str, Any]) -> Json:
        checked = check(params.REFUND_CREATE, arguments)
        self.sweep()
        return refunds.create(self.core, checked, outcome=self.refund_outcome)

    def capture(self, intent_id: str, arguments: Mapping[str, Any]) -> Json:
        checked = check(params.INTENT_CAPTURE, arguments)
        self.sweep()
        return captures.capture(self.core, intent_id, checked)

    def cancel_intent(self, intent_id: str, arguments: Mapping[str, Any]) -> Json:
        checked = check(params.INTENT_CANCEL, arguments)
        self.sweep()
        return captures.cancel(self.core, intent_id, checked.get("cancellation_reason"))

    def update_dispute(self, dispute_id: str, arguments: Mapping[str, Any]) -> Json:
        checked = check(params.DISPUTE_UPDATE, arguments)
        self.sweep()
        return disputes.update(self.core, dispute_id, checked)

    def close_dispute(self, dispute_id: str) -> Json:
        self.sweep()
        return disputes.concede(self.core, dispute_id)

    def get(self, collection: str, row_id: str) -> Json:
        self.sweep()
        return self._shown(collection, self.core.get(collection, row_id))

    def list(self, collection: str, filters: Mapping[str, Any]) -> Json:
        self.sweep()
        found = page(self.core, collection, check(params.LISTS[collection], filters))
        return {**found, "data": [self._shown(collection, row) for row in found["data"]]}

    def balance_object(self) -> Json:
        self.sweep()
        return balance.api_object(self.core)

    def _shown(self, collection: str, row: Json) -> Json:
        return balance.shown(row, self.now()) if collection == "balance_transactions" else row

    # The customer's and the bank's doings.

    def pay(self, session_id: str, method: str = "card") -> Json:
        self.sweep()
        return attempts.pay(self.core, session_id, method)

    def answer(self, session_id: str, *, paid: bool) -> Json:
        """The bank's word on a payment that is processing, before its time."""
        self.sweep()
        return attempts.answer(self.core, session_id, paid=paid)

    @property
    def bank_answers_yes(self) -> bool:
        return attempts.answers_yes(self.core)

    @bank_answers_yes.setter
    def bank_answers_yes(self, paid: bool) -> None:
        self.state.put("meta", "bank_answers", {"paid": paid})

    @property
    def methods(self) -> tuple[str, ...]:
        """The ways to pay that the account offers."""
        return tuple(methods.enabled(self.core))

    @methods.setter
    def methods(self, names: Iterable[str]) -> None:
        wanted = [*names]
        if not wanted or not set(wanted) <= set(methods.METHODS):
            raise ValueError(f"one or more of {', '.join(methods.METHODS)}")
        self.state.put("meta", "methods", {"names": wanted})

    def decline(self, session_id: str, decline_code: str = "generic_decline") -> Json:
        self.sweep()
        return attempts.decline(self.core, session_id, decline_code)

    def start_3ds(self, session_id: str) -> Json:
        self.sweep()
        return attempts.start_3ds(self.core, session_id)

    def finish_3ds(self, session_id: str, *, passed: bool) -> Json:
        self.sweep()
        return attempts.finish_3ds(self.core, session_id, passed=passed)

    def settle_refund(self, refund_id: str) -> Json:
        self.sweep()
        return refunds.settle(self.core, refund_id)

    def fail_refund(self, refund_id: str, reason: str = "unknown") -> Json:
        self.sweep()
        return refunds.fail(self.core, refund_id, reason)

    def dispute(
        self, charge_id: str, *, reason: str = "fraudulent", amount: int | None = None, inquiry: bool = False
    ) -> Json:
        self.sweep()
        return disputes.create(self.core, charge_id, reason=reason, amount=amount, inquiry=inquiry)

    def decide_dispute(self, dispute_id: str, *, won: bool) -> Json:
        self.sweep()
        return disputes.decide(self.core, dispute_id, won=won)

    def edit_charge(self, charge_id: str, amount: int) -> Json:
        """A fault: the provider's books say another amount than was paid. Raises for a charge that was paid out."""
        self.sweep()
        return faulty_books.edit_charge(self.core, charge_id, amount)

    def edit_fee(self, transaction_id: str, fee: int) -> Json:
        """A fault: the provider takes another price than it told."""
        self.sweep()
        return faulty_books.edit_fee(self.core, transaction_id, fee)

    @property
    def refunds_need_balance(self) -> bool:
        return refunds.needs_balance(self.core)

    @refunds_need_balance.setter
    def refunds_need_balance(self, on: bool) -> None:
        self.state.put("meta", "refunds_need_balance", {"on": on})

    def pay_out(self) -> Json | None:
        """The day's payout now, without waiting for midnight; None if nothing is available."""
        self.sweep()
        return payouts.pay_out(self.core)

    def payout_arrives(self, payout_id: str) -> Json | None:
        self.sweep()
        payouts.send(self.core, payout_id)
        return payouts.arrive(self.core, payout_id)

    def fail_payout(self, payout_id: str, code: str = "could_not_process") -> Json:
        self.sweep()
        return payouts.fail(self.core, payout_id, code)

    @property
    def payout_schedule(self) -> str:
        return payouts.schedule(self.core)

    @payout_schedule.setter
    def payout_schedule(self, schedule: str) -> None:
        if schedule not in payouts.SCHEDULES:
            raise ValueError(f"no schedule of payouts: {schedule}")
        self.state.put("meta", "payouts", {"schedule": schedule})
        payouts.start(self.core)

    @property
    def refund_outcome(self) -> str:
        """What becomes of a new refund at once: succeeded, pending or failed."""
        return str((self.state.find("meta", "refunds") or {"outcome": "succeeded"})["outcome"])

    @refund_outcome.setter
    def refund_outcome(self, outcome: str) -> None:
        self.state.put("meta", "refunds", {"outcome": outcome})

    def balance(self) -> int:
        """The account's money in cents: captured - fees - refunds that did not fail - what was paid out."""
        return balance.total(self.core)

    def dump(self) -> Json:
        """Everything as JSON; `State.load` reads it."""
        return self.state.dump()
