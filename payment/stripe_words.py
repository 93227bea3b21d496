"""Stripe's words and ours: what is sent, and what an answer means. Pure; JSON objects in, our values out, and back.

Source: docs.stripe.com/api at version 2026-10-28.endive, objects Checkout Session, Refund and Event.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from base.money import Money
from payment.model import Capture, DisputeStatus
from payment.ports import (
    CaptureOrder,
    DisputeSnapshot,
    PaymentOrder,
    RefundOrder,
    RefundSnapshot,
    RefundState,
    SessionState,
    Snapshot,
    VendorEvent,
)
from payment.statement import Movement, MovementKind

Json = Mapping[str, Any]

# A session that is complete but unpaid says nothing more; its payment intent does. After a complete session the payer cannot
# try again, so an intent that waits for another payment method is as dead as a cancelled one.
_INTENT_OF_COMPLETE: Mapping[str, SessionState] = {
    "processing": SessionState.PROCESSING,
    "requires_capture": SessionState.AUTHORISED,
    "succeeded": SessionState.PAID,
    "requires_payment_method": SessionState.DEAD,
    "canceled": SessionState.DEAD,
}
_REFUND: Mapping[str, RefundState] = {
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}
# Why a refund failed, where asking anew may help: our balance may be filled, a bank may think better of it. A lost card stays lost.
_MAY_PASS = frozenset({"insufficient_funds", "declined", "unknown", "failed"})
# Refusals that say something about the moment, not about the request.
TEMPORARY = frozenset({"balance_insufficient", "insufficient_funds", "lock_timeout", "idempotency_key_in_use"})
_LOCALES = {"de": "de", "en": "en"}
_NEAREST_TO_MONEY = (
    SessionState.PAID,
    SessionState.AUTHORISED,
    SessionState.PROCESSING,
    SessionState.UNKNOWN,
    SessionState.OPEN,
    SessionState.DEAD,
)
EXPANDED = "payment_intent"  # of a dispute
OF_SESSION = "payment_intent.latest_charge"


def session_params(order: PaymentOrder) -> dict[str, Any]:
    """Nothing but ids goes into the metadata: Stripe learns amount and fee text, not what the appointment is about."""
    metadata = {"payment_id": str(order.payment_id)}
    manual = {"capture_method": "manual"} if order.capture is Capture.MANUAL else {}
    price = {
        "currency": order.amount.currency.lower(),
        "unit_amount": order.amount.cents,
        "product_data": {"name": order.description},
    }
    return {
        "mode": "payment",
        "line_items": [{"price_data": price, "quantity": 1}],
        "client_reference_id": str(order.payment_id),
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata, "description": order.description, **manual},
        "locale": _LOCALES.get(order.language, "auto"),
        "success_url": order.return_url,
        "cancel_url": order.return_url,
        "expires_at": int(order.expires_at.timestamp()),
        "adaptive_pricing": {"enabled": False},  # a fee is due in its own currency
        "expand": [OF_SESSION],
    }


def refund_params(order: RefundOrder) -> dict[str, Any]:
    return {
        "payment_intent": order.charge_id,
        "amount": order.amount.cents,
        "metadata": {"refund_id": str(order.refund_id), "payment_id": str(order.payment_id)},
    }


def capture_params(order: CaptureOrder) -> dict[str, Any]:
    """What is left of the reservation is let go by the same call."""
    return {"amount_to_capture": order.amount.cents}


def snapshot(session: Json) -> Snapshot:
    """Of a session with its payment intent expanded, and its latest charge."""
    intent = session.get("payment_intent")
    intent = {"id": intent} if isinstance(intent, str) else intent or {}
    state, word = _state(session, intent)
    cents = intent.get(_CENTS_OF[state]) if state in _CENTS_OF else None
    amount = _money(session.get("amount_total") if cents is None else cents, session.get("currency"))
    return Snapshot(
        session_id=session["id"],
        payment_id=own_id(session, "payment_id"),
        state=SessionState.UNKNOWN if amount is None else state,
        amount=amount,
        charge_id=intent.get("id"),
        url=session.get("url"),
        word=word,
        reserved_until=_reserved_until(intent) if state is SessionState.AUTHORISED else None,
        method=_method(intent) if state in _CENTS_OF else None,
    )


_METHOD = re.compile(r"[a-z0-9_]{1,40}")
_CENTS_OF = {SessionState.PAID: "amount_received", SessionState.AUTHORISED: "amount_capturable"}


def _reserved_until(intent: Json) -> datetime | None:
    """`capture_before` of the card (docs.stripe.com/payments/place-a-hold-on-a-payment-method); other methods do not say."""
    details = _details(intent)
    until = (details.get(str(details.get("type"))) or {}).get("capture_before")
    return datetime.fromtimestamp(until, UTC) if isinstance(until, int) else None


def _method(intent: Json) -> str | None:
    """How the payer paid; a word that is none of a column's is not told."""
    found = str(_details(intent).get("type") or "")
    return found if _METHOD.fullmatch(found) else None


def _details(intent: Json) -> Json:
    charge = intent.get("latest_charge")
    return (charge.get("payment_method_details") or {}) if isinstance(charge, Mapping) else {}


def own_snapshots(sessions: Sequence[Json]) -> list[Snapshot]:
    """Of the sessions that name a payment of ours. Others may be of any kind: without amount, currency or status."""
    return [snapshot(session) for session in sessions if own_id(session, "payment_id") is not None]


def _state(session: Json, intent: Json) -> tuple[SessionState, str]:
    status, payment_status = session.get("status"), session.get("payment_status")
    word = f"{status}/{payment_status}/{intent.get('status')}"
    match status, payment_status:
        case "open", "unpaid":
            return SessionState.OPEN, word
        case "expired", "unpaid":
            return SessionState.DEAD, word
        case "complete", "paid":
            return SessionState.PAID, word
        case "complete", "unpaid":
            return _INTENT_OF_COMPLETE.get(str(intent.get("status")), SessionState.UNKNOWN), word
        case _:
            return SessionState.UNKNOWN, word


def nearest_to_money(sessions: Sequence[Json], payment_id: UUID) -> Snapshot | None:
    """Of several sessions of one payment the one that matters most."""
    own = [snapshot(session) for session in sessions if own_id(session, "payment_id") == payment_id]
    return min(own, key=lambda seen: _NEAREST_TO_MONEY.index(seen.state), default=None)


def refund_snapshot(refund: Json) -> RefundSnapshot:
    status = str(refund.get("status"))
    failure = refund.get("failure_reason") or (status if status in ("failed", "canceled") else None)
    amount = _money(refund.get("amount"), refund.get("currency"))
    state = RefundState.UNKNOWN if amount is None else _REFUND.get(status, RefundState.UNKNOWN)
    return RefundSnapshot(
        provider_id=refund["id"],
        refund_id=own_id(refund, "refund_id"),
        state=state,
        amount=amount,
        failure=failure,
        may_pass=state is RefundState.FAILED and failure in _MAY_PASS,
    )


def of_refund(refunds: Sequence[Json], refund_id: UUID) -> RefundSnapshot | None:
    return next((refund_snapshot(refund) for refund in refunds if own_id(refund, "refund_id") == refund_id), None)


# What is not here (a word of a later version, or "prevented") is for people to look at.
_DISPUTE: Mapping[str, DisputeStatus] = {
    "warning_needs_response": DisputeStatus.INQUIRY,
    "warning_under_review": DisputeStatus.INQUIRY,
    "warning_closed": DisputeStatus.CLOSED,
    "needs_response": DisputeStatus.OPEN,
    "under_review": DisputeStatus.ANSWERED,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}


def dispute_snapshot(dispute: Json) -> DisputeSnapshot:
    """Of a dispute with its payment intent expanded: its own metadata name nothing of ours."""
    intent = dispute.get("payment_intent") or {}
    intent = {"id": intent} if isinstance(intent, str) else intent
    currency, word = str(dispute["currency"]).upper(), str(dispute.get("status"))
    moved = [row for row in dispute.get("balance_transactions") or () if isinstance(row.get("amount"), int)]
    in_account = {str(row["currency"]).upper() for row in moved} or {currency}
    booked_in = in_account.pop() if len(in_account) == 1 else "several"
    due_by = (dispute.get("evidence_details") or {}).get("due_by")
    return DisputeSnapshot(
        provider_id=dispute["id"],
        charge_id=intent.get("id") or str(dispute.get("charge")),
        payment_id=own_id(intent, "payment_id"),
        status=_DISPUTE.get(word),
        amount=Money(dispute["amount"], currency),
        taken=Money(-sum(row["amount"] for row in moved if row["amount"] < 0), booked_in),
        returned=Money(sum(row["amount"] for row in moved if row["amount"] > 0), booked_in),
        reason=str(dispute.get("reason")),
        opened_at=datetime.fromtimestamp(dispute["created"], UTC),
        evidence_due_at=datetime.fromtimestamp(due_by, UTC) if isinstance(due_by, int) else None,
        word=word,
    )


# Balance transactions by reporting category (docs.stripe.com/reports/reporting-categories): it tells apart what `type` mixes.
_MOVEMENT: Mapping[str, MovementKind] = {
    "charge": MovementKind.CHARGE,
    "partial_capture_reversal": MovementKind.CHARGE,
    "refund": MovementKind.REFUND,
    "refund_failure": MovementKind.REFUND_FAILED,
    "dispute": MovementKind.DISPUTE,
    "dispute_reversal": MovementKind.DISPUTE,
    "payout": MovementKind.PAYOUT,
    "payout_reversal": MovementKind.PAYOUT,
}
_SOURCE: Mapping[MovementKind, str] = {
    MovementKind.CHARGE: "charge",
    MovementKind.REFUND: "refund",
    MovementKind.REFUND_FAILED: "refund",
    MovementKind.DISPUTE: "dispute",
    MovementKind.PAYOUT: "payout",
}


def movement(row: Json) -> Movement:
    """Of a balance transaction with its source expanded. A source that is not what the category says makes it an OTHER."""
    source, word = row.get("source") or {}, str(row.get("reporting_category"))
    if not isinstance(source, Mapping):
        source = {"id": source}
    kind, noun = _MOVEMENT.get(word, MovementKind.OTHER), source.get("object")
    if noun != _SOURCE.get(kind):
        kind = MovementKind.OTHER
    is_refund = noun == "refund"
    currency = str(row["currency"]).upper()
    return Movement(
        id=row["id"],
        kind=kind,
        at=datetime.fromtimestamp(row["created"], UTC),
        amount=Money(row["amount"], currency),
        fee=Money(row["fee"], currency),
        word=word,
        charge_id=source.get("payment_intent"),
        refund_provider_id=source.get("id") if is_refund else None,
        refund_state=_REFUND.get(str(source.get("status")), RefundState.UNKNOWN) if is_refund else None,
        payment_id=own_id(source, "payment_id"),
        refund_id=own_id(source, "refund_id"),
    )


def vendor_event(event: Json) -> VendorEvent:
    thing = event["data"]["object"]
    return VendorEvent(
        id=event["id"],
        kind=event["type"],
        payment_id=own_id(thing, "payment_id"),
        session_id=thing.get("id") if thing.get("object") == "checkout.session" else None,
        refund_id=own_id(thing, "refund_id"),
        dispute_id=thing.get("id") if thing.get("object") == "dispute" else None,
        charge_id=thing.get("payment_intent") if thing.get("object") == "refund" else None,
    )


def _money(cents: object, currency: object) -> Money | None:
    return Money(cents, currency.upper()) if isinstance(cents, int) and isinstance(currency, str) else None


def own_id(thing: Json, name: str) -> UUID | None:
    """An id of ours from the metadata; whoever else uses the account may have written anything there."""
    try:
        return UUID((thing.get("metadata") or {})[name])
    except (KeyError, ValueError, AttributeError, TypeError):
        return None
