"""Webhooks to be sent, and the faults on their way. Pure: the wall clock is an argument, chance comes from a seed.

Source: docs.stripe.com/webhooks ("event delivery behaviors"): no order, duplicates, retries with back-off. Times of
deliveries are Unix seconds of the wall clock, which the control plane's clock offset does not shift.
"""

import random
from collections.abc import Callable
from dataclasses import asdict, dataclass

from sandbox.stripe.errors import Json
from sandbox.stripe.state import State

DELIVERED_TYPES = (  # the endpoint's `enabled_events`; the machine records a few more
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "payment_intent.amount_capturable_updated",
    "payment_intent.processing",
    "charge.captured",
    "charge.expired",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "charge.succeeded",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
    "payout.created",
    "payout.updated",
    "payout.paid",
    "payout.failed",
    "payout.reconciliation_completed",
    "refund.created",
    "refund.updated",
    "refund.failed",
)
BACK_OFF_S = (1.0, 5.0, 30.0, 120.0, 600.0)  # then given up; Stripe: three days in live mode, three tries in a sandbox
_REORDER_STEP_S = 0.25


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """`lose`, `repeat`: probability 0...1 of each event. `reorder`: in groups of this many events the last is sent first.
    `delay_s`: seconds added to each. `parallel`: how many are sent at the same time. `types`: only these, all if empty."""

    lose: float = 0.0
    repeat: float = 0.0
    reorder: int = 0
    delay_s: float = 0.0
    parallel: int = 1
    types: tuple[str, ...] = ()
    seed: int = 0


class Outbox:
    def __init__(
        self, state: State, wall_clock: Callable[[], float], back_off_s: tuple[float, ...] = BACK_OFF_S
    ) -> None:
        self._state, self._wall_clock, self._back_off_s = state, wall_clock, back_off_s
        self._random = random.Random(self.plan.seed)
        self._number = max((int(row_id) for row_id, _ in state.items("deliveries")), default=0)
        self._taken = 0

    @property
    def plan(self) -> FaultPlan:
        row = self._state.find("meta", "webhook_faults") or {}
        return FaultPlan(**{**row, "types": tuple(row.get("types", ()))})

    @plan.setter
    def plan(self, plan: FaultPlan) -> None:
        self._state.put("meta", "webhook_faults", {**asdict(plan), "types": list(plan.types)})
        self._random = random.Random(plan.seed)
        self._taken = 0

    def take(self, event: Json) -> int:
        """Queue a new event; gives the number of deliveries."""
        if event["type"] not in DELIVERED_TYPES:
            return 0
        plan, due_at = self.plan, self._wall_clock()
        if plan.types and event["type"] not in plan.types:
            self._add(event["id"], "pending", due_at)
            return 1
        lost = self._random.random() < plan.lose
        copies = 2 if self._random.random() < plan.repeat else 1
        due_at += plan.delay_s
        if plan.reorder > 1:
            due_at += _REORDER_STEP_S * (plan.reorder - self._taken % plan.reorder)
            self._taken += 1
        if lost:
            self._add(event["id"], "lost", due_at)
            return 0
        for _ in range(copies):
            self._add(event["id"], "pending", due_at)
        return copies

    def _add(self, event_id: str, status: str, due_at: float) -> None:
        self._number += 1
        row = {"event": event_id, "status": status, "attempts": 0, "due_at": due_at, "answer": None}
        self._state.put("deliveries", str(self._number), row)

    def pending(self) -> list[tuple[str, Json]]:
        """By due time, then by age."""
        ids = self._state.holders("deliveries", "status", "pending")
        waiting = [(row_id, row) for row_id in ids if (row := self._state.find("deliveries", row_id))]
        return sorted(waiting, key=lambda item: (item[1]["due_at"], int(item[0])))

    def answered(self, delivery_id: str, status: int | None) -> None:
        """`status`: the endpoint's HTTP status, None where there was no answer."""
        row = self._state.find("deliveries", delivery_id)
        if row is None:
            return
        attempts = row["attempts"] + 1
        if status is not None and 200 <= status < 300:
            self._finish(delivery_id, "delivered", attempts, status)
        elif attempts > len(self._back_off_s):
            self._finish(delivery_id, "given_up", attempts, status)
        else:
            due_at = self._wall_clock() + self._back_off_s[attempts - 1]
            self._state.change("deliveries", delivery_id, attempts=attempts, due_at=due_at, answer=status)

    def _finish(self, delivery_id: str, status: str, attempts: int, answer: int | None) -> None:
        row = self._state.change("deliveries", delivery_id, status=status, attempts=attempts, answer=answer)
        event = self._state.find("events", row["event"])
        if event is not None and status == "delivered":
            self._state.change("events", event["id"], pending_webhooks=max(0, event["pending_webhooks"] - 1))
