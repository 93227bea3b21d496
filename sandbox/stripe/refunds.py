"""Refunds: never more than was captured. Source: docs.stripe.com/refunds and docs.stripe.com/api/refunds.

pending -> succeeded -> failed and pending -> failed; a failed refund puts the money back and can be asked for again.
"""

from sandbox.stripe import balance, disputes, money_objects
from sandbox.stripe.core import Core, unexpected_state
from sandbox.stripe.errors import ApiError, Json, bad_parameter

OUTCOMES = ("succeeded", "pending", "failed")
FAILURE_REASONS = (
    "lost_or_stolen_card",
    "expired_or_canceled_card",
    "charge_for_pending_refund_disputed",
    "insufficient_funds",
    "declined",
    "merchant_request",
    "unknown",
)


def create(core: Core, params: Json, *, outcome: str = "succeeded") -> Json:
    """`outcome` is what becomes of it at once; a pending one waits for `settle` or `fail`."""
    charge = _charge_to_refund(core, params)
    disputes.forbid_refund(core, charge)
    left = charge["amount_captured"] - charge["amount_refunded"]
    if left == 0:
        raise ApiError(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    amount = params.get("amount", left)
    if amount > left:
        raise unexpected_state(
            f"Refund amount ({_money(amount)}) is greater than unrefunded amount on charge ({_money(left)})",
            param="amount",
        )
    method = charge["payment_method_details"]["type"]
    prefix = "re" if method == "card" else "pyr"
    refund = money_objects.refund(core.new_id(prefix), charge, params, amount=amount, now=core.now())
    if method != "card":
        refund["destination_details"] = {"type": method, **({"paypal": {}} if method == "paypal" else {})}
    covered = not needs_balance(core) or balance.available(core) >= amount
    if not covered:
        refund |= {"pending_reason": "insufficient_funds"}
        if method == "card":
            core.schedule(_midnight_after(core.now()), "refund_retried", refund["id"])
    refund = core.state.put("refunds", refund["id"], refund)
    charge = _add_refunded(core, charge["id"], amount)
    if covered:
        refund = _book(core, refund)
    if covered and outcome == "succeeded":
        refund = core.state.change("refunds", refund["id"], status="succeeded")
    core.emit("refund.created", refund)
    core.emit("charge.refunded", charge)
    if not covered and method != "card":  # other methods do not wait
        return fail(core, refund["id"], "insufficient_funds")
    return fail(core, refund["id"], "unknown") if outcome == "failed" else refund


def needs_balance(core: Core) -> bool:
    """Whether refunds wait for money in the account; off by default, so that a test can refund what was paid just now."""
    return bool((core.state.find("meta", "refunds_need_balance") or {"on": False})["on"])


def _book(core: Core, refund: Json) -> Json:
    kind = "refund" if refund["destination_details"]["type"] == "card" else "payment_refund"
    txn = balance.book(core, kind, refund, amount=-refund["amount"])
    return core.state.change("refunds", refund["id"], balance_transaction=txn["id"])


def _midnight_after(now: int) -> int:
    return (now // balance.DAY_S + 1) * balance.DAY_S


def retry(core: Core, refund_id: str) -> Json | None:
    """A card's refund that waits for money is done on the first midnight the account has it, before the day's payout.
    docs.stripe.com/refunds#insufficient-balance"""
    refund = core.get("refunds", refund_id)
    if refund["status"] != "pending" or refund["balance_transaction"] is not None:
        return None
    if balance.available(core) < refund["amount"]:
        core.schedule(_midnight_after(core.now()), "refund_retried", refund_id)
        return None
    return settle(core, refund_id)


def _charge_to_refund(core: Core, params: Json) -> Json:
    if "charge" in params:
        return core.get("charges", params["charge"], "charge")
    if "payment_intent" not in params:
        raise bad_parameter(
            "One of the following params should be provided for this request: payment_intent or charge.",
            "parameter_missing",
            "payment_intent",
        )
    intent = core.get("payment_intents", params["payment_intent"], "payment_intent")
    if intent["status"] != "succeeded":
        raise unexpected_state(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.")
    return core.get("charges", intent["latest_charge"])


def _add_refunded(core: Core, charge_id: str, amount: int) -> Json:
    charge = core.get("charges", charge_id)
    refunded = charge["amount_refunded"] + amount
    return core.state.change(
        "charges", charge_id, amount_refunded=refunded, refunded=refunded == charge["amount_captured"]
    )


def settle(core: Core, refund_id: str) -> Json:
    """The customer's bank has taken a pending refund."""
    refund = _expect(core, refund_id, "pending")
    if refund["balance_transaction"] is None:
        _book(core, refund)
    refund = core.state.change("refunds", refund_id, status="succeeded", pending_reason=None)
    core.emit("refund.updated", refund)
    return refund


def fail(core: Core, refund_id: str, reason: str) -> Json:
    """The customer's bank cannot take it: the money returns to the account (docs.stripe.com/refunds#failed-refunds)."""
    refund = _expect(core, refund_id, "pending", "succeeded")
    back = None  # what never left the account cannot come back
    if refund["balance_transaction"] is not None:
        back = balance.book(core, "refund_failure", refund, amount=refund["amount"], at_once=True)["id"]
    refund = core.state.change(
        "refunds", refund_id, status="failed", failure_reason=reason, failure_balance_transaction=back
    )
    _add_refunded(core, refund["charge"], -refund["amount"])
    core.emit("refund.updated", refund)
    core.emit("refund.failed", refund)
    return refund


def _expect(core: Core, refund_id: str, *statuses: str) -> Json:
    refund = core.get("refunds", refund_id)
    if refund["status"] not in statuses:
        raise unexpected_state(f"This refund is {refund['status']}.", param="id")
    return refund


def _money(cents: int) -> str:
    return f"€{cents // 100}.{cents % 100:02}"
