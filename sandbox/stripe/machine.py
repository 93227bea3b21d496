"""The sandbox as a pure state machine: no I/O, clock and ids injected, the same seed and calls give the same ids and state.

Used by the wire server, and by simulations through the product's payment port. Objects given are Stripe's JSON; read them,
do not alter them. Refusals are `ApiError`.
"""

from collections.abc import Mapping
from typing import Any

from sandbox.stripe import attempts, balance, checkout, params, refunds
from sandbox.stripe.checks import check
from sandbox.stripe.core import Clock, Core, EventSink
from sandbox.stripe.errors import Json
from sandbox.stripe.lists import page
from sandbox.stripe.state import State


class Machine:
    def __init__(
        self,
        clock: Clock,
        *,
        seed: str = "0",
        origin: str = "http://127.0.0.1",
        early_intents: bool = True,
        state: State | None = None,
    ) -> None:
        """`early_intents`: make the payment intent with the session. Stripe itself, since API version 2022-08-01, makes it
        at the first attempt to pay; False plays that."""
        self.core = Core(state or State(), clock, seed, origin)
        self.early_intents = early_intents

    @property
    def state(self) -> State:
        return self.core.state

    def now(self) -> int:
        return self.core.now()

    def on_event(self, sink: EventSink) -> None:
        self.core.event_sink = sink

    def sweep(self) -> int:
        """Expire what is due. Every other method does it first, so no payment slips in after the time is over."""
        return checkout.expire_due(self.core)

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

    def get(self, collection: str, row_id: str) -> Json:
        self.sweep()
        return self._shown(collection, self.core.get(collection, row_id))

    def list(self, collection: str, filters: Mapping[str, Any]) -> Json:
        self.sweep()
        rows = (self._shown(collection, row) for row in self.state.newest_first(collection))
        return page(self.core, collection, rows, check(params.LISTS[collection], filters))

    def _shown(self, collection: str, row: Json) -> Json:
        return balance.shown(row, self.now()) if collection == "balance_transactions" else row

    # The customer's and the bank's doings.

    def pay(self, session_id: str) -> Json:
        self.sweep()
        return attempts.pay(self.core, session_id)

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
        return refunds.settle(self.core, refund_id)

    def fail_refund(self, refund_id: str, reason: str = "unknown") -> Json:
        return refunds.fail(self.core, refund_id, reason)

    @property
    def refund_outcome(self) -> str:
        """What becomes of a new refund at once: succeeded, pending or failed."""
        return str((self.state.find("meta", "refunds") or {"outcome": "succeeded"})["outcome"])

    @refund_outcome.setter
    def refund_outcome(self, outcome: str) -> None:
        self.state.put("meta", "refunds", {"outcome": outcome})

    def balance(self) -> int:
        """The account's money in cents: captured - fees - refunds that did not fail."""
        return balance.total(self.core)

    def dump(self) -> Json:
        """Everything as JSON; `State.load` reads it."""
        return self.state.dump()
