"""The customer's attempts to pay an open session. Source: docs.stripe.com/payments/paymentintents/lifecycle.

requires_payment_method -> (requires_action ->) succeeded; a refusal leads back to requires_payment_method.
"""

from sandbox.stripe import balance, money_objects, objects
from sandbox.stripe.checkout import intent_of
from sandbox.stripe.core import Core, unexpected_state
from sandbox.stripe.errors import Json

DECLINES = {  # decline_code -> (error code, message); docs.stripe.com/declines/codes
    "generic_decline": ("card_declined", "Your card was declined."),
    "insufficient_funds": ("card_declined", "Your card has insufficient funds."),
    "lost_card": ("card_declined", "Your card was declined."),
    "expired_card": ("expired_card", "Your card has expired."),
    "processing_error": (
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
    ),
}
AUTHENTICATION_FAILED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)


def _open(core: Core, session_id: str) -> Json:
    row = core.get("sessions", session_id)
    if row["status"] != "open":
        raise unexpected_state(f"This Checkout Session is {row['status']} and takes no payment.", param="session")
    return row


def pay(core: Core, session_id: str, *, three_d_secure: bool = False) -> Json:
    """The customer's payment succeeds: charge, intent and session change together."""
    row = _open(core, session_id)
    intent = intent_of(core, session_id)
    payer = objects.payer(row["customer_email"])
    method_id = core.new_id("pm")
    charge = money_objects.charge(
        core.new_id("ch"), method_id, intent, email=payer["email"], now=core.now(), three_d_secure=three_d_secure
    )
    txn = balance.book(core, "charge", charge, amount=charge["amount"], fee=balance.fee_for(charge["amount"]))
    charge = core.state.put("charges", charge["id"], {**charge, "balance_transaction": txn["id"]})
    intent = core.state.change(
        "payment_intents",
        intent["id"],
        status="succeeded",
        amount_received=intent["amount"],
        latest_charge=charge["id"],
        payment_method=method_id,
        last_payment_error=None,
        next_action=None,
    )
    row = core.state.change(
        "sessions", session_id, status="complete", payment_status="paid", url=None, customer_details=payer
    )
    core.emit("charge.succeeded", charge)
    core.emit("payment_intent.succeeded", intent)
    core.emit("checkout.session.completed", row)
    return row


def decline(core: Core, session_id: str, decline_code: str = "generic_decline") -> Json:
    """The card's issuer refuses: the session stays open, the intent asks for another way to pay."""
    row = _open(core, session_id)
    code, message = DECLINES[decline_code]
    intent = intent_of(core, session_id)
    method_id = core.new_id("pm")
    whole = money_objects.charge(
        core.new_id("ch"),
        method_id,
        intent,
        email=objects.payer(row["customer_email"])["email"],
        now=core.now(),
        three_d_secure=False,
    )
    charge = money_objects.declined(whole, code, decline_code, message)
    core.state.put("charges", charge["id"], charge)
    core.emit("charge.failed", charge)
    return _failed(core, intent, code, message, charge_id=charge["id"], decline_code=decline_code)


def _failed(
    core: Core, intent: Json, code: str, message: str, *, charge_id: str | None = None, decline_code: str | None = None
) -> Json:
    error: Json = {"code": code, "message": message, "type": "card_error", "payment_method_type": "card"}
    if charge_id is not None:
        error |= {"charge": charge_id, "decline_code": decline_code}
    intent = core.state.change(
        "payment_intents",
        intent["id"],
        status="requires_payment_method",
        last_payment_error=error,
        latest_charge=charge_id or intent["latest_charge"],
        payment_method=None,
        next_action=None,
    )
    core.emit("payment_intent.payment_failed", intent)
    return intent


def start_3ds(core: Core, session_id: str) -> Json:
    """The issuer wants to see the customer first (3-D Secure): the intent waits in `requires_action`."""
    row = _open(core, session_id)
    step = {"redirect_to_url": {"return_url": None, "url": f"{row['url']}/3ds"}, "type": "redirect_to_url"}
    intent = core.state.change(
        "payment_intents", intent_of(core, session_id)["id"], status="requires_action", next_action=step
    )
    core.emit("payment_intent.requires_action", intent)
    return intent


def finish_3ds(core: Core, session_id: str, *, passed: bool) -> Json:
    intent = core.state.find("payment_intents", _open(core, session_id)["payment_intent"] or "")
    if intent is None or intent["status"] != "requires_action":
        raise unexpected_state(
            "Nothing is waiting to be authenticated in this session.", code="payment_intent_unexpected_state"
        )
    if passed:
        return pay(core, session_id, three_d_secure=True)
    return _failed(core, intent, "payment_intent_authentication_failure", AUTHENTICATION_FAILED)
