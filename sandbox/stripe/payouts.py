"""Payouts: what is available goes to the bank account, once each business day. Source: docs.stripe.com/payouts and /api/payouts.

At midnight UTC all available transactions that no payout holds yet become one automatic payout of the sum of their net
amounts: pending -> in_transit (6 hours later; now its transactions can be listed) -> paid at 6 in the morning of
`arrival_date`, the next business day, or failed. The payout's own transaction (type `payout`, -amount) belongs to it, too:
`balance_transactions?payout=po_...` lists it with the others, and they sum to zero. A sum of nothing or less is not paid out;
it waits for the next day. Bank holidays are left out.
"""

from datetime import UTC, datetime

from sandbox.stripe import balance
from sandbox.stripe.balance import DAY_S
from sandbox.stripe.core import Core, unexpected_state
from sandbox.stripe.errors import Json

SCHEDULES = ("manual", "daily")
HOUR_S = 3600
SENT_AFTER_S = 6 * HOUR_S
PAID_AT_S = 6 * HOUR_S  # after midnight of the day of arrival
STATEMENT_DESCRIPTOR = "STADT STUTTGART"
BANK_ACCOUNT = "ba_1SandboxStadtkasse0000000"
FAILURES = {  # docs.stripe.com/api/payouts/failures
    "account_closed": "The bank account has been closed.",
    "account_frozen": "The bank account has been frozen.",
    "could_not_process": "The bank could not process this payout.",
    "invalid_account_number": "The routing number seems correct, but the account number is invalid.",
    "no_account": "The bank account could not be located.",
}
_DAY_KEY = "day"


def is_business_day(at: int) -> bool:
    return datetime.fromtimestamp(at, UTC).weekday() < 5


def next_business_day(at: int) -> int:
    """Midnight UTC of the first business day after the day of `at`."""
    day = (at // DAY_S + 1) * DAY_S
    while not is_business_day(day):
        day += DAY_S
    return day


def start(core: Core) -> None:
    """Begin the daily schedule, unless it runs."""
    if core.state.find("agenda", f"payout_day:{_DAY_KEY}") is None:
        core.schedule(next_business_day(core.now()), "payout_day", _DAY_KEY)


def pay_out_daily(core: Core, _: str) -> Json | None:
    core.schedule(next_business_day(core.now()), "payout_day", _DAY_KEY)
    return pay_out(core) if schedule(core) == "daily" else None


def schedule(core: Core) -> str:
    return str((core.state.find("meta", "payouts") or {"schedule": "manual"})["schedule"])


def pay_out(core: Core) -> Json | None:
    """One automatic payout of everything available, None if that is nothing."""
    now = core.now()
    parts = [row for row in balance.not_paid_out(core) if row["available_on"] <= now]
    amount = sum(row["net"] for row in parts)
    if amount <= 0:
        return None
    payout = _newborn(core.new_id("po"), amount, now)
    own = balance.book(core, "payout", payout, amount=-amount)
    payout = core.state.put("payouts", payout["id"], {**payout, "balance_transaction": own["id"]})
    for row in (*parts, own):
        core.state.change("balance_transactions", row["id"], payout=payout["id"])
    core.emit("payout.created", payout)
    core.schedule(now + SENT_AFTER_S, "payout_sent", payout["id"])
    core.schedule(payout["arrival_date"] + PAID_AT_S, "payout_arrives", payout["id"])
    return payout


def _newborn(payout_id: str, amount: int, now: int) -> Json:
    return {
        "id": payout_id,
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": next_business_day(now),
        "automatic": True,
        "balance_transaction": None,
        "created": now,
        "currency": "eur",
        "description": "STRIPE PAYOUT",
        "destination": BANK_ACCOUNT,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "in_progress",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": STATEMENT_DESCRIPTOR,
        "status": "pending",
        "trace_id": None,
        "type": "bank_account",
    }


def send(core: Core, payout_id: str) -> Json | None:
    """On its way to the bank; from now on its transactions can be listed."""
    payout = core.get("payouts", payout_id)
    if payout["status"] != "pending":
        return None
    payout = core.state.change("payouts", payout_id, status="in_transit", reconciliation_status="completed")
    core.emit("payout.updated", payout)
    core.emit("payout.reconciliation_completed", payout)
    return payout


def arrive(core: Core, payout_id: str) -> Json | None:
    payout = core.get("payouts", payout_id)
    if payout["status"] not in ("pending", "in_transit"):
        return None
    trace = {"status": "supported", "value": trace_id(payout)}
    payout = core.state.change("payouts", payout_id, status="paid", trace_id=trace)
    core.emit("payout.paid", payout)
    return payout


def trace_id(payout: Json) -> str:
    """What the bank's statement shows as end-to-end id, too (docs.stripe.com/payouts/trace-id)."""
    return "STRIPE-" + str(payout["id"]).removeprefix("po_")[:12].upper()


def fail(core: Core, payout_id: str, code: str = "could_not_process") -> Json:
    """The bank refuses it, or sends it back within days after it was paid: the money returns to the balance at once, and the
    next payout holds it. docs.stripe.com/payouts#payout-failures"""
    payout = core.get("payouts", payout_id)
    if payout["status"] not in ("pending", "in_transit", "paid"):
        raise unexpected_state(f"This payout is {payout['status']}.", param="id")
    txn = balance.book(core, "payout_failure", payout, amount=payout["amount"], at_once=True)
    payout = core.state.change(
        "payouts",
        payout_id,
        status="failed",
        failure_code=code,
        failure_message=FAILURES[code],
        failure_balance_transaction=txn["id"],
    )
    core.emit("payout.failed", payout)
    return payout
