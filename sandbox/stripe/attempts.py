"""The customer's attempts to pay an open session. Source: docs.stripe.com/payments/paymentintents/lifecycle.

requires_payment_method -> (requires_action ->) succeeded, or requires_capture where the merchant captures by hand, or processing
where the bank answers days later; a refusal leads back to requires_payment_method.
"""

from sandbox.stripe import balance, captures, methods, money_objects, objects
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


def pay(core: Core, session_id: str, method: str = "card", *, three_d_secure: bool = False) -> Json:
    """The customer's payment succeeds, as far as the method can tell at once: charge, intent and session change together."""
    row = _open(core, session_id)
    if method not in row["payment_method_types"]:
        raise unexpected_state(f"This Checkout Session does not offer {method}.", param="payment_method_types")
    intent = intent_of(core, session_id)
    payer = objects.payer(row["customer_email"])
    method_id = core.new_id("pm")
    charge = money_objects.charge(
        core.new_id("ch" if method == "card" else "py"),
        method_id,
        intent,
        email=payer["email"],
        now=core.now(),
        three_d_secure=three_d_secure,
    )
    if method != "card":
        charge["payment_method_details"] = methods.details(method, payer["email"])
    fields: Json = {
        "latest_charge": charge["id"],
        "payment_method": method_id,
        "last_payment_error": None,
        "next_action": None,
    }
    core.state.put("charges", charge["id"], charge)
    core.state.change("payment_intents", intent["id"], **fields)
    core.state.change("sessions", session_id, status="complete", url=None, customer_details=payer)
    if intent["capture_method"] == "manual":
        _authorise(core, charge)
    elif methods.METHODS[method].answer_days:
        _process(core, session_id, charge)
    else:
        _succeed(core, session_id, charge)
    row = core.get("sessions", session_id)
    core.emit("checkout.session.completed", row)
    return row


def _succeed(core: Core, session_id: str, charge: Json) -> None:
    method, amount = charge["payment_method_details"]["type"], charge["amount"]
    kind = "charge" if method == "card" else "payment"
    txn = balance.book(core, kind, charge, amount=amount, fee=balance.fee_for(amount, method), method=method)
    charge = core.state.change("charges", charge["id"], balance_transaction=txn["id"])
    intent = core.state.change("payment_intents", charge["payment_intent"], status="succeeded", amount_received=amount)
    core.state.change("sessions", session_id, payment_status="paid")
    core.emit("charge.succeeded", charge)
    core.emit("payment_intent.succeeded", intent)


def _authorise(core: Core, charge: Json) -> None:
    intent_id = charge["payment_intent"]
    until = core.now() + captures.VALID_DAYS * balance.DAY_S
    details = charge["payment_method_details"]
    if details["type"] == "card":  # other methods do not say
        details = {**details, "card": {**details["card"], "capture_before": until}}
    charge = core.state.change(
        "charges", charge["id"], captured=False, amount_captured=0, payment_method_details=details
    )
    intent = core.state.change(
        "payment_intents", intent_id, status="requires_capture", amount_capturable=charge["amount"]
    )
    core.schedule(until, "authorisation_ends", intent_id)
    core.emit("charge.succeeded", charge)
    core.emit("payment_intent.amount_capturable_updated", intent)


def _process(core: Core, session_id: str, charge: Json) -> None:
    method = charge["payment_method_details"]["type"]
    charge = core.state.change("charges", charge["id"], status="pending", paid=False)
    intent = core.state.change("payment_intents", charge["payment_intent"], status="processing")
    days = methods.METHODS[method].answer_days
    core.schedule(core.now() + days * balance.DAY_S, "bank_answers", session_id)
    core.emit("charge.pending", charge)
    core.emit("payment_intent.processing", intent)


def answer(core: Core, session_id: str, *, paid: bool) -> Json:
    """The bank's word on a payment that is processing."""
    row = core.get("sessions", session_id)
    intent = core.state.find("payment_intents", row["payment_intent"] or "")
    if intent is None or intent["status"] != "processing":
        raise unexpected_state("No payment of this session is processing.", code="payment_intent_unexpected_state")
    charge = core.get("charges", intent["latest_charge"])
    if paid:
        _succeed(core, session_id, core.state.change("charges", charge["id"], status="succeeded", paid=True))
    else:
        message = "The customer's bank account could not be debited."
        charge = core.state.put(
            "charges", charge["id"], money_objects.declined(charge, "insufficient_funds", None, message)
        )
        core.emit("charge.failed", charge)
        _failed(core, intent, "insufficient_funds", message, charge_id=charge["id"], method="sepa_debit")
    row = core.get("sessions", session_id)
    core.emit(f"checkout.session.async_payment_{'succeeded' if paid else 'failed'}", row)
    return row


def answer_by_itself(core: Core, session_id: str) -> Json | None:
    intent = core.get("payment_intents", core.get("sessions", session_id)["payment_intent"])
    return answer(core, session_id, paid=answers_yes(core)) if intent["status"] == "processing" else None


def answers_yes(core: Core) -> bool:
    """What banks answer when nobody says otherwise."""
    return bool((core.state.find("meta", "bank_answers") or {"paid": True})["paid"])


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
    core: Core,
    intent: Json,
    code: str,
    message: str,
    *,
    charge_id: str | None = None,
    decline_code: str | None = None,
    method: str = "card",
) -> Json:
    error: Json = {"code": code, "message": message, "type": "card_error", "payment_method_type": method}
    if charge_id is not None:
        error |= {"charge": charge_id}
    if decline_code is not None:
        error |= {"decline_code": decline_code}
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
    if "card" not in row["payment_method_types"]:
        raise unexpected_state("This Checkout Session does not offer card.", param="payment_method_types")
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
