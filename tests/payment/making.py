"""Payments, refunds and looks at the provider with everything defaulted: a test names only what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from base.money import Money
from payment.model import Capture, Dispute, Payment, PaymentStatus, Refund, RefundReason, RefundStatus
from payment.ports import (
    Outcome,
    RefundSnapshot,
    RefundState,
    SessionState,
    Snapshot,
    Tx,
)

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
AMOUNT = Money(1300)


class Ids:
    """The same ids in every run."""

    def __init__(self, start: int = 0) -> None:
        self._last = start

    def __call__(self) -> UUID:
        self._last += 1
        return UUID(int=self._last)


def a_payment(**fields: Any) -> Payment:
    """INTENDED; with another status, whatever the schema wants beside it."""
    status = fields.get("status", PaymentStatus.INTENDED)
    made: dict[str, Any] = {
        "id": UUID(int=1),
        "reference": UUID(int=1001),
        "provider": "stripe",
        "amount_cents": AMOUNT.cents,
        "currency": AMOUNT.currency,
        "description": "Gebühr 13,00 €",
        "language": "de",
        "return_url": "http://localhost:8080/de/case",
        "attempt_at": NOW,
        "created_at": NOW,
    }
    if status is not PaymentStatus.INTENDED:
        made |= {"session_id": f"cs_{fields.get('id', made['id'])}", "charge_id": "pi_1"}
    if status is PaymentStatus.PAID:
        made["captured_cents"] = fields.get("amount_cents", AMOUNT.cents)
    if status is PaymentStatus.AUTHORISED:
        made |= {"capture": Capture.MANUAL, "authorised_until": NOW + timedelta(days=7)}
    if status is PaymentStatus.ATTENTION:
        made["attention"] = "status: new"
    return Payment(**(made | fields))


def a_refund(**fields: Any) -> Refund:
    """By rule, approved."""
    made: dict[str, Any] = {
        "id": UUID(int=501),
        "payment_id": UUID(int=1),
        "amount_cents": AMOUNT.cents,
        "reason": RefundReason.CANCELLED,
        "status": RefundStatus.APPROVED,
        "attempt_at": NOW,
        "created_at": NOW,
    }
    return Refund(**(made | fields))


def seen(state: SessionState = SessionState.PAID, **fields: Any) -> Snapshot:
    """A look that fits `a_payment`."""
    made = Snapshot(
        session_id=f"cs_{UUID(int=1)}",
        payment_id=UUID(int=1),
        state=state,
        amount=AMOUNT,
        charge_id="pi_1",
        url="http://pay" if state is SessionState.OPEN else None,
    )
    return replace(made, **fields)


def refund_seen(state: RefundState = RefundState.SUCCEEDED, **fields: Any) -> RefundSnapshot:
    made = RefundSnapshot(provider_id="re_1", refund_id=UUID(int=501), state=state, amount=AMOUNT)
    return replace(made, **fields)


class RecordingHooks:
    """Writes down what it was told, and answers as it was set to."""

    def __init__(self, outcome: Outcome = Outcome.KEPT) -> None:
        self.outcome = outcome
        self.told: list[tuple[str, UUID]] = []

    async def on_paid(self, tx: Tx, payment: Payment) -> Outcome:
        assert payment.is_secured
        self.told.append(("paid" if payment.status is PaymentStatus.PAID else "reserved", payment.reference))
        return self.outcome

    async def on_taken(self, tx: Tx, payment: Payment) -> None:
        assert payment.status is PaymentStatus.PAID
        self.told.append(("taken", payment.reference))

    async def on_uncovered(self, tx: Tx, payment: Payment) -> None:
        assert payment.status is PaymentStatus.FENCED
        self.told.append(("uncovered", payment.reference))

    async def on_fenced(self, tx: Tx, payment: Payment) -> None:
        assert payment.status in (PaymentStatus.FENCED, PaymentStatus.LAPSED)
        self.told.append(("fenced", payment.reference))

    async def on_refunded(self, tx: Tx, payment: Payment, refund: Refund) -> None:
        assert refund.status is RefundStatus.SUCCEEDED
        self.told.append(("refunded", payment.reference))

    async def on_refund_rejected(self, tx: Tx, payment: Payment, refund: Refund, note: str) -> None:
        assert refund.status is RefundStatus.REJECTED
        self.told.append((f"refund rejected: {note}", payment.reference))

    async def on_disputed(self, tx: Tx, payment: Payment, dispute: Dispute) -> None:
        self.told.append((f"dispute {dispute.status.value}", payment.reference))

    async def on_given_back(self, tx: Tx, payment: Payment, provider_id: str) -> None:
        self.told.append(("given back", payment.reference))

    async def on_refund_failed(self, tx: Tx, payment: Payment, refund: Refund) -> None:
        assert refund.status is RefundStatus.FAILED
        self.told.append(("refund failed", payment.reference))
