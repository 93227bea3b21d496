"""Faults in the provider's own books, for a month of trade to find. A refund made by hand in the Dashboard needs none of them:
it is a refund without metadata."""

from sandbox.stripe import balance
from sandbox.stripe.core import Core, unexpected_state
from sandbox.stripe.errors import Json


def edit_charge(core: Core, charge_id: str, amount: int) -> Json:
    """Charge and transaction say `amount` cents; intent, session and fee keep what they said."""
    charge = core.get("charges", charge_id)
    txn = core.state.find("balance_transactions", charge["balance_transaction"] or "")
    if txn is None or txn not in balance.not_paid_out(core):
        raise unexpected_state("Only the amount of a paid charge that no payout holds can be edited.", param="id")
    core.state.change("balance_transactions", txn["id"], amount=amount, net=amount - txn["fee"])
    return core.state.change("charges", charge_id, amount=amount, amount_captured=amount)


def edit_fee(core: Core, transaction_id: str, fee: int) -> Json:
    """The price of a movement is another one than was told, also where a payout holds it."""
    txn = core.get("balance_transactions", transaction_id)
    return core.state.change("balance_transactions", transaction_id, fee=fee, net=txn["amount"] - fee)
