"""Fees and the account's balance. One transaction for every movement; amounts are cents, net = amount - fee.

The fees are invented but shaped like Stripe's European prices. Funds are pending until midnight UTC after the method's days,
then available (docs.stripe.com/payouts, "payout speed"). Refunds do not give the fee back.

A row's `payout` is ours and not shown: the payout that holds it, "" for none yet.
"""

from sandbox.stripe import money_objects
from sandbox.stripe.core import Core
from sandbox.stripe.errors import Json
from sandbox.stripe.methods import METHODS

DAY_S = 86_400
CATEGORIES = {  # type -> reporting_category, where they differ; docs.stripe.com/reports/reporting-categories
    "payment": "charge",
    "payment_refund": "refund",
    "payment_failure_refund": "charge_failure",
    "payout_failure": "payout_reversal",
}


def fee_for(amount: int, method: str = "card") -> int:
    """Half a cent is rounded up; never more than the amount itself."""
    price = METHODS[method]
    return min(amount, (amount * price.fee_per_mille + 500) // 1000 + price.fee_fixed_cents)


def book(
    core: Core,
    type: str,
    source: Json,
    *,
    amount: int,
    fee: int = 0,
    method: str = "card",
    at_once: bool = False,
    category: str | None = None,
) -> Json:
    """Money that comes waits for the method's days, unless `at_once`; money that goes is gone."""
    now = core.now()
    waits = amount > 0 and not at_once
    available_on = (now // DAY_S + METHODS[method].settlement_days) * DAY_S if waits else now
    row = money_objects.balance_transaction(
        core.new_id("txn"), type, source, amount=amount, fee=fee, now=now, available_on=available_on
    )
    row["reporting_category"] = category or CATEGORIES.get(type, type)
    return core.state.put("balance_transactions", row["id"], {**row, "payout": ""})


def shown(row: Json, now: int) -> Json:
    """As the API gives it: whether the money is available is only a matter of the clock."""
    seen = {**row, "status": "available" if row["available_on"] <= now else "pending"}
    seen.pop("payout", None)
    return seen


def not_paid_out(core: Core) -> list[Json]:
    return core.state.having("balance_transactions", "payout", "")


def total(core: Core) -> int:
    """All money of the account in cents, pending and available. What a payout holds has left with it."""
    return sum(row["net"] for row in not_paid_out(core))


def available(core: Core) -> int:
    now = core.now()
    return sum(row["net"] for row in not_paid_out(core) if row["available_on"] <= now)


def api_object(core: Core) -> Json:
    """`GET /v1/balance`."""
    free = available(core)
    return {
        "object": "balance",
        "available": [_sum(free)],
        "livemode": False,
        "pending": [_sum(total(core) - free)],
        "refund_and_dispute_prefunding": {"available": [_sum(0)], "pending": [_sum(0)]},
    }


def _sum(cents: int) -> Json:
    return {"amount": cents, "currency": "eur", "source_types": {"card": cents}}
