"""The ways to pay that the sandbox plays, with what sets them apart. Prices are invented. Source: docs.stripe.com/payments,
pages of the payment methods."""

from dataclasses import dataclass

from sandbox.stripe.core import Core
from sandbox.stripe.errors import ApiError, Json


@dataclass(frozen=True, slots=True)
class Method:
    """`fee_per_mille` of the amount and `fee_fixed_cents`; the money is available `settlement_days` midnights later.
    `answer_days`: the payer's bank says yes or no only then."""

    name: str
    fee_per_mille: int
    fee_fixed_cents: int
    settlement_days: int
    is_capturable: bool = False
    is_disputable: bool = False
    answer_days: int = 0


METHODS = {
    "card": Method("Card", 15, 25, 3, is_capturable=True, is_disputable=True),
    "paypal": Method("PayPal", 29, 35, 3, is_capturable=True, is_disputable=True),
    "wero": Method("Wero", 8, 20, 2),
    "sepa_debit": Method("SEPA debit", 0, 35, 2, answer_days=3),
}


def enabled(core: Core) -> list[str]:
    """What the account's Dashboard has switched on."""
    return list((core.state.find("meta", "methods") or {"names": ["card"]})["names"])


def of_session(core: Core, params: Json) -> list[str]:
    """Those the hosted page offers: switched on, allowed by the call, and fit for the way of capturing."""
    names = enabled(core)
    if "allowed_payment_method_types" in params:
        names = [name for name in names if name in params["allowed_payment_method_types"]]
    if params.get("payment_intent_data", {}).get("capture_method") == "manual":
        names = [name for name in names if METHODS[name].is_capturable]
    if not names:
        raise ApiError(
            "No valid payment method types for this Checkout Session. Please ensure that you have activated payment methods "
            "compatible with your chosen currency in your dashboard.",
            param="allowed_payment_method_types",
        )
    return names


def details(name: str, email: str | None) -> Json:
    """`payment_method_details` of a charge that is no card's. The SDK has no field for Wero's."""
    match name:
        case "paypal":
            protection = {"dispute_categories": None, "status": "not_eligible"}
            payer = {"country": "DE", "payer_email": email, "payer_id": "SANDBOXPAYER1", "payer_name": "Test Payer"}
            return {"paypal": {**payer, "seller_protection": protection, "transaction_id": None}, "type": name}
        case "sepa_debit":
            account = {"bank_code": "37040044", "branch_code": "", "country": "DE", "expected_debit_date": None}
            return {"sepa_debit": {**account, "fingerprint": None, "last4": "3000", "mandate": None}, "type": name}
        case _:
            return {"type": name}
