"""Disputes: the payer asks their bank for the money back. Source: docs.stripe.com/disputes and docs.stripe.com/api/disputes.

needs_response -> under_review -> won | lost; without an answer by `due_by` it is lost. The amount and a fee leave the balance
with the dispute; winning brings the amount back, the fee stays. An inquiry (warning_needs_response -> warning_under_review ->
warning_closed) moves no money, unless the bank turns it into a dispute. Invented: fee, 14 days for the answer, and that an
inquiry is closed by the bank alone.
"""

from typing import Any

from sandbox.stripe import balance, money_objects
from sandbox.stripe.core import Core, unexpected_state
from sandbox.stripe.errors import ApiError, Json
from sandbox.stripe.methods import METHODS
from sandbox.stripe.params import EVIDENCE

FEE_CENTS = 2000
ANSWER_DAYS = 14
REASONS = (  # docs.stripe.com/disputes/categories
    "fraudulent",
    "bank_cannot_process",
    "credit_not_processed",
    "duplicate",
    "general",
    "product_not_received",
    "product_unacceptable",
    "unrecognized",
)
OPEN = ("needs_response", "under_review")
INQUIRY = ("warning_needs_response", "warning_under_review")


def create(
    core: Core, charge_id: str, *, reason: str = "fraudulent", amount: int | None = None, inquiry: bool = False
) -> Json:
    charge = core.get("charges", charge_id)
    if not charge["paid"] or not charge["captured"]:
        raise unexpected_state("Only a charge that was paid can be disputed.", param="charge")
    method = charge["payment_method_details"]["type"]
    if not METHODS[method].is_disputable:
        raise unexpected_state(f"A payment by {method} cannot be disputed.", param="charge")
    if any(row["status"] in (*OPEN, *INQUIRY, "lost") for row in of_charge(core, charge_id)):
        raise unexpected_state("This charge is disputed already.", param="charge")
    cents = charge["amount_captured"] - charge["amount_refunded"] if amount is None else amount
    if not 0 < cents <= charge["amount_captured"]:
        raise unexpected_state("There is nothing left of this charge to dispute.", param="amount")
    now = core.now()
    due_by = (now // balance.DAY_S + ANSWER_DAYS + 1) * balance.DAY_S - 1
    dispute = money_objects.dispute(
        core.new_id("dp"),
        charge,
        {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        amount=cents,
        reason=reason,
        now=now,
        due_by=due_by,
    )
    if method != "card":
        dispute["payment_method_details"] = {method: {"case_id": "PP-D-1", "reason_code": None}, "type": method}
    if inquiry:
        dispute |= {"status": "warning_needs_response", "is_charge_refundable": True}
        if method == "card":
            dispute["payment_method_details"]["card"]["case_type"] = "inquiry"
    dispute = core.state.put("disputes", dispute["id"], dispute)
    core.state.change("charges", charge_id, disputed=True)
    core.schedule(due_by + 1, "evidence_overdue", dispute["id"])
    core.emit("charge.dispute.created", dispute)
    return dispute if inquiry else _withdraw(core, dispute)


def _withdraw(core: Core, dispute: Json) -> Json:
    txn = balance.book(core, "adjustment", dispute, amount=-dispute["amount"], fee=FEE_CENTS, category="dispute")
    dispute = _with_transaction(core, dispute, txn)
    core.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def _with_transaction(core: Core, dispute: Json, txn: Json) -> Json:
    rows = [*dispute["balance_transactions"], balance.shown(txn, core.now())]
    return core.state.change("disputes", dispute["id"], balance_transactions=rows)


def of_charge(core: Core, charge_id: str) -> list[Json]:
    return core.state.having("disputes", "charge", charge_id)


def forbid_refund(core: Core, charge: Json) -> None:
    """Whoever disputes gets the money by the dispute, not twice. Raises Stripe's refusal."""
    if any(not row["is_charge_refundable"] for row in of_charge(core, charge["id"])):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise ApiError(message, code="charge_disputed")


def update(core: Core, dispute_id: str, params: Json) -> Json:
    """Evidence is kept, and sent to the bank unless `submit` is false; it is sent once."""
    dispute = core.get("disputes", dispute_id)
    if dispute["status"] not in ("needs_response", "warning_needs_response"):
        raise unexpected_state(f"This dispute is {dispute['status']} and takes no evidence.", param="dispute")
    fields: Json = {
        "evidence": {**dispute["evidence"], **params.get("evidence", {})},
        "metadata": {**dispute["metadata"], **params.get("metadata", {})},
    }
    has_evidence = any(fields["evidence"][name] for name in EVIDENCE)
    details = {**dispute["evidence_details"], "has_evidence": has_evidence}
    if params.get("submit", True) and has_evidence:
        details |= {"submission_count": 1, "submission_method": "manual"}
        fields["status"] = dispute["status"].replace("needs_response", "under_review")
    dispute = core.state.change("disputes", dispute_id, evidence_details=details, **fields)
    core.emit("charge.dispute.updated", dispute)
    return dispute


def concede(core: Core, dispute_id: str) -> Json:
    """`close`: the merchant gives in."""
    _expect(core, dispute_id, "needs_response")
    return _close(core, dispute_id, "lost")


def decide(core: Core, dispute_id: str, *, won: bool) -> Json:
    """The bank's word. An inquiry is closed, or becomes a dispute."""
    dispute = _expect(core, dispute_id, *OPEN, *INQUIRY)
    if dispute["status"] in INQUIRY:
        return (
            _close(core, dispute_id, "warning_closed", is_charge_refundable=True) if won else _escalate(core, dispute)
        )
    if won:
        txn = balance.book(
            core, "adjustment", dispute, amount=dispute["amount"], category="dispute_reversal", at_once=True
        )
        dispute = _with_transaction(core, dispute, txn)
        core.emit("charge.dispute.funds_reinstated", dispute)
        return _close(core, dispute_id, "won", is_charge_refundable=True)
    return _close(core, dispute_id, "lost")


def _escalate(core: Core, dispute: Json) -> Json:
    """What was refunded meanwhile is not disputed any more; if that is all, the inquiry is over."""
    charge = core.get("charges", dispute["charge"])
    amount = min(dispute["amount"], charge["amount_captured"] - charge["amount_refunded"])
    if amount == 0:
        return _close(core, dispute["id"], "warning_closed", is_charge_refundable=True)
    dispute = core.state.change(
        "disputes", dispute["id"], status="needs_response", amount=amount, is_charge_refundable=False
    )
    core.emit("charge.dispute.updated", dispute)
    return _withdraw(core, dispute)


def overdue(core: Core, dispute_id: str) -> Json | None:
    """Nobody answered in time."""
    dispute = core.get("disputes", dispute_id)
    details = {**dispute["evidence_details"], "past_due": True}
    if dispute["status"] == "needs_response":
        return _close(core, dispute_id, "lost", evidence_details=details)
    if dispute["status"] == "warning_needs_response":
        return _close(core, dispute_id, "warning_closed", evidence_details=details)
    return None


def _close(core: Core, dispute_id: str, status: str, **fields: Any) -> Json:
    dispute = core.state.change("disputes", dispute_id, status=status, **fields)
    core.emit("charge.dispute.closed", dispute)
    return dispute


def _expect(core: Core, dispute_id: str, *statuses: str) -> Json:
    dispute = core.get("disputes", dispute_id)
    if dispute["status"] not in statuses:
        raise unexpected_state(f"This dispute is {dispute['status']}.", param="dispute")
    return dispute
