"""The ways to pay that the sandbox plays, with what sets them apart. Prices are invented. Source: docs.stripe.com/payments."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Method:
    """`fee_per_mille` of the amount and `fee_fixed_cents`; the money is available `settlement_days` midnights later."""

    name: str
    fee_per_mille: int
    fee_fixed_cents: int
    settlement_days: int


METHODS = {
    "card": Method("Card", 15, 25, 3),
}
