"""Checkout sessions: open -> complete | expired, never both. Source: docs.stripe.com/api/checkout/sessions.

Every function reads and decides in one go, without I/O: whoever comes second meets the state the first one left.
"""

from sandbox.stripe import methods, objects
from sandbox.stripe.core import Core, unexpected_state
from sandbox.stripe.errors import ApiError, Json, bad_parameter

MIN_OPEN_S, MAX_OPEN_S = 30 * 60, 24 * 3600
MIN_AMOUNT, MAX_AMOUNT = 50, 99_999_999  # cents; docs.stripe.com/currencies#minimum-and-maximum-charge-amounts


def create(core: Core, params: Json, *, early_intent: bool) -> Json:
    now = core.now()
    items = params["line_items"]
    currency = items[0]["price_data"]["currency"]
    if any(item["price_data"]["currency"] != currency for item in items):
        raise ApiError("All prices on a Checkout session must be in the same currency.", param="line_items")
    amount = sum(item["price_data"]["unit_amount"] * item.get("quantity", 1) for item in items)
    if amount < MIN_AMOUNT:
        raise bad_parameter(
            f"The Checkout Session's total amount due must add up to at least {MIN_AMOUNT} cents.",
            "amount_too_small",
            "line_items",
        )
    if amount > MAX_AMOUNT:
        raise bad_parameter(
            f"The Checkout Session's total amount must be no more than {MAX_AMOUNT} cents.",
            "amount_too_large",
            "line_items",
        )
    expires_at = params.get("expires_at", now + MAX_OPEN_S)
    _check_expiry(expires_at, now)

    offered = methods.of_session(core, params)
    session_id = core.new_id("cs_test", 58)
    row = objects.session(
        session_id,
        params,
        amount=amount,
        currency=currency,
        now=now,
        expires_at=expires_at,
        url=f"{core.origin}/pay/{session_id}",
    )
    core.state.put("sessions", session_id, {**row, "payment_method_types": offered})
    core.state.put(
        "line_items",
        session_id,
        {
            "list": objects.line_items(
                [core.new_id("li") for _ in items], [core.new_id("price") for _ in items], items, now, session_id
            ),
            "payment_intent_data": params.get("payment_intent_data", {}),
        },
    )
    core.schedule(expires_at, "session_expires", session_id)
    if early_intent:
        intent_of(core, session_id)
    return core.get("sessions", session_id)


def _check_expiry(expires_at: int, now: int) -> None:
    if expires_at < now + MIN_OPEN_S:
        raise bad_parameter(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
            "parameter_invalid_integer",
            "expires_at",
        )
    if expires_at > now + MAX_OPEN_S:
        raise bad_parameter(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
            "parameter_invalid_integer",
            "expires_at",
        )


def intent_of(core: Core, session_id: str) -> Json:
    """The session's payment intent, made now if it has none yet."""
    row = core.get("sessions", session_id)
    if row["payment_intent"] is not None:
        return core.get("payment_intents", row["payment_intent"])
    intent_id = core.new_id("pi")
    data = (core.state.find("line_items", session_id) or {})["payment_intent_data"]
    intent = objects.payment_intent(
        intent_id,
        core.new_id(f"{intent_id}_secret", 25),
        data,
        amount=row["amount_total"],
        currency=row["currency"],
        now=core.now(),
    )
    intent["payment_method_types"] = row["payment_method_types"]
    core.state.put("payment_intents", intent_id, intent)
    core.state.change("sessions", session_id, payment_intent=intent_id)
    core.emit("payment_intent.created", intent)
    return intent


def expire(core: Core, session_id: str) -> Json:
    row = core.get("sessions", session_id)
    if row["status"] != "open":
        raise unexpected_state(
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of `{row['status']}`.",
            param="session",
        )
    if row["payment_intent"] is not None:
        intent = core.state.change(
            "payment_intents",
            row["payment_intent"],
            status="canceled",
            canceled_at=core.now(),
            cancellation_reason="expired",
            next_action=None,
        )
        core.emit("payment_intent.canceled", intent)
    row = core.state.change("sessions", session_id, status="expired", url=None)
    core.emit("checkout.session.expired", row)
    return row


def run_out(core: Core, session_id: str) -> Json | None:
    """Its time is over."""
    return expire(core, session_id) if core.get("sessions", session_id)["status"] == "open" else None
