"""Fees and the account's balance. One transaction for every movement; amounts are cents, net = amount - fee.

The fee is invented but shaped like Stripe's European card price: 1.5 % and 25 cents. Funds are pending until midnight UTC
after `SETTLEMENT_DAYS` days, then available (docs.stripe.com/payouts, "payout speed"). Refunds do not give the fee back.
"""

from sandbox.stripe import money_objects
from sandbox.stripe.core import Core
from sandbox.stripe.errors import Json

FEE_PER_MILLE = 15
FEE_FIXED_CENTS = 25
SETTLEMENT_DAYS = 3
DAY_S = 86_400


def fee_for(amount: int) -> int:
    """Half a cent is rounded up; never more than the amount itself."""
    return min(amount, (amount * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED_CENTS)


def book(core: Core, type: str, source: Json, *, amount: int, fee: int = 0) -> Json:
    now = core.now()
    available_on = (now // DAY_S + SETTLEMENT_DAYS) * DAY_S if amount > 0 else now
    row = money_objects.balance_transaction(
        core.new_id("txn"), type, source, amount=amount, fee=fee, now=now, available_on=available_on
    )
    return core.state.put("balance_transactions", row["id"], row)


def shown(row: Json, now: int) -> Json:
    """As the API gives it: whether the money is available is only a matter of the clock."""
    return {**row, "status": "available" if row["available_on"] <= now else "pending"}


def total(core: Core) -> int:
    """All money of the account in cents, pending and available."""
    return sum(row["net"] for row in core.state.rows("balance_transactions"))
