"""Manual capture: authorised first, taken or let go later. Source: docs.stripe.com/payments/place-a-hold-on-a-payment-method.

requires_capture -> succeeded | canceled; after 7 days the authorisation is gone. Of a part that is captured the books tell in two
transactions: the whole, and the rest back (reporting category `partial_capture_reversal`).
"""

from sandbox.stripe import balance
from sandbox.stripe.core import Core, unexpected_state
from sandbox.stripe.errors import Json

VALID_DAYS = 7


def capture(core: Core, intent_id: str, params: Json) -> Json:
    intent = core.get("payment_intents", intent_id)
    if intent["status"] != "requires_capture":
        raise unexpected_state(
            f"This PaymentIntent could not be captured because it has a status of {intent['status']}. Only a PaymentIntent "
            "with one of the following statuses may be captured: requires_capture.",
            code="payment_intent_unexpected_state",
        )
    whole: int = intent["amount_capturable"]
    amount: int = params.get("amount_to_capture", whole)
    if amount > whole:
        raise unexpected_state(
            "The requested capture amount is greater than the amount you can capture for this charge.",
            code="amount_too_large",
            param="amount_to_capture",
        )
    charge = core.get("charges", intent["latest_charge"])
    method = charge["payment_method_details"]["type"]
    kind = "charge" if method == "card" else "payment"
    txn = balance.book(core, kind, charge, amount=whole, fee=balance.fee_for(amount, method), method=method)
    if amount < whole:
        rest = balance.book(
            core, "refund", charge, amount=amount - whole, category="partial_capture_reversal", method=method
        )
        core.state.change("balance_transactions", rest["id"], available_on=txn["available_on"])
    charge = core.state.change(
        "charges", charge["id"], captured=True, amount_captured=amount, balance_transaction=txn["id"]
    )
    intent = core.state.change(
        "payment_intents", intent_id, status="succeeded", amount_capturable=0, amount_received=amount
    )
    for row in core.state.having("sessions", "payment_intent", intent_id):
        core.state.change("sessions", row["id"], payment_status="paid")
    core.emit("charge.captured", charge)
    core.emit("payment_intent.succeeded", intent)
    return intent


def cancel(core: Core, intent_id: str, reason: str | None) -> Json:
    """The intent of a session is cancelled by expiring the session, unless it waits for its capture."""
    intent = core.get("payment_intents", intent_id)
    if intent["status"] != "requires_capture":
        raise unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.",
            code="payment_intent_unexpected_state",
        )
    charge = core.get("charges", intent["latest_charge"])
    charge = core.state.change("charges", charge["id"], refunded=True, amount_refunded=charge["amount"])
    intent = core.state.change(
        "payment_intents",
        intent_id,
        status="canceled",
        amount_capturable=0,
        canceled_at=core.now(),
        cancellation_reason=reason,
    )
    core.emit("charge.expired" if reason == "automatic" else "charge.refunded", charge)
    core.emit("payment_intent.canceled", intent)
    return intent


def run_out(core: Core, intent_id: str) -> Json | None:
    if core.get("payment_intents", intent_id)["status"] != "requires_capture":
        return None
    return cancel(core, intent_id, "automatic")
