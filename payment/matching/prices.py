"""What the provider takes for a payment, compared with what it is to take. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from payment.matching.model import Cause, Difference, Proposal

PRICE = "price:"  # subject of such a difference, followed by the transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A row of `provider_price`: `percent_bp` in hundredths of a per cent. It holds from a day on, until a later one of the same method."""

    id: int
    provider: str
    method: str
    percent_bp: int
    fixed_cents: int
    tolerance_cents: int
    valid_from: date
    set_by: str
    set_at: datetime

    def of(self, cents: int) -> int:
        """Half a cent is rounded up."""
        return (cents * self.percent_bp + 5_000) // 10_000 + self.fixed_cents


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """A payment's transaction, and what was taken for it."""

    provider: str
    transaction: str
    method: str
    amount_cents: int
    fee_cents: int
    day: date
    charge_id: str = ""
    payment_id: UUID | None = None


def deviations(
    charged: Iterable[Charged], prices: Sequence[Price], told: Collection[str] = frozenset()
) -> list[Difference]:
    """Beyond its tolerance, too much or too little. Where no price is known for a method on a day, nothing can be said; nor where
    something nearer is `told` of it (its subject): its amount is another one, or its price has changed since it was booked."""
    by_method = _by_method(prices)
    found = []
    for one in charged:
        if f"charge:{one.charge_id}" in told or f"fee:{one.transaction}" in told:
            continue
        price = next((p for p in by_method.get((one.provider, one.method), ()) if p.valid_from <= one.day), None)
        if price is None or abs(one.fee_cents - price.of(one.amount_cents)) <= price.tolerance_cents:
            continue
        found.append(
            Difference(
                cause=Cause.FEE, subject=f"{PRICE}{one.transaction}", day=one.day, here_cents=-price.of(one.amount_cents),
                there_cents=-one.fee_cents, payment_id=one.payment_id, proposal=Proposal.ACCEPT,
            )
        )  # fmt: skip
    return found


def _by_method(prices: Sequence[Price]) -> Mapping[tuple[str, str], list[Price]]:
    """The one that holds comes first: the latest day, and of one day what was said last."""
    found: dict[tuple[str, str], list[Price]] = {}
    for one in sorted(prices, key=lambda price: (price.valid_from, price.id), reverse=True):
        found.setdefault((one.provider, one.method), []).append(one)
    return found
