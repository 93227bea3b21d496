"""A balance transaction, a payout and what it is made of, in our words; and the port that reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from payment.graph import IllegalTransition
from payment.model import PayoutEvent, PayoutStatus, advance
from payment.ports import Abilities


class TransactionKind(StrEnum):
    CHARGE = "charge"
    REFUND = "refund"
    REFUND_FAILED = "refund_failed"  # the money lies with the provider again
    DISPUTE = "dispute"  # the payer's bank took it back
    DISPUTE_REVERSED = "dispute_reversed"
    PAYOUT = "payout"
    PAYOUT_FAILED = "payout_failed"
    OTHER = "other"  # a kind that our table does not have


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """Money that came to our account at the provider (positive cents) or left it; its price apart, net = amount - fee.

    `method`: how the payer paid, in the provider's word; `raw`: as it came, its source as an id only: a source names the payer.
    """

    id: str
    kind: TransactionKind
    word: str
    amount_cents: int
    fee_cents: int
    currency: str
    created_at: datetime
    available_at: datetime
    source_id: str = ""
    charge_id: str | None = None
    payment_id: UUID | None = None
    refund_id: UUID | None = None
    method: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def net_cents(self) -> int:
        return self.amount_cents - self.fee_cents


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """`trace`: the bank's statement shows it as end-to-end id; "" until the provider tells it. `can_be_listed`: it can be asked
    which transactions it is made of. `refused`: the provider's word, where it does not follow from the status before, which stays; ""
    where it does."""

    id: str
    status: PayoutStatus
    word: str
    amount_cents: int
    currency: str
    created_at: datetime
    arrival_on: date
    trace: str = ""
    descriptor: str = ""
    failure: str | None = None
    can_be_listed: bool = False
    refused: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict)


_TOLD_BY = {
    PayoutStatus.PENDING: PayoutEvent.WAIT,
    PayoutStatus.IN_TRANSIT: PayoutEvent.LEAVE,
    PayoutStatus.PAID: PayoutEvent.ARRIVE,
    PayoutStatus.FAILED: PayoutEvent.BOUNCE,
    PayoutStatus.CANCELED: PayoutEvent.CANCEL,
}


def followed(before: PayoutStatus | None, seen: Payout) -> Payout:
    """As it is stored after this one. Total: what the graph refuses is kept as a word, for people to look at."""
    if before in (None, seen.status):
        return replace(seen, refused=seen.word) if seen.status is PayoutStatus.UNKNOWN else seen
    assert before is not None
    event = _TOLD_BY.get(seen.status)
    try:
        return (
            replace(seen, status=advance(before, event)) if event else replace(seen, status=before, refused=seen.word)
        )
    except IllegalTransition:
        return replace(seen, status=before, refused=seen.word)


class RecordsProvider(Protocol):
    """Every call may raise OutcomeUnknown. Only asked where `abilities.records`."""

    @property
    def abilities(self) -> Abilities: ...

    async def transactions(self, start: datetime, end: datetime) -> Sequence[Transaction]:
        """Made from start until before end; all pages of it."""

    async def payouts(self, start: datetime, end: datetime) -> Sequence[Payout]:
        """Made from start until before end; all pages of it."""

    async def parts(self, payout_id: str) -> Sequence[Transaction]:
        """What the payout is made of, its own transaction left out."""


@dataclass(frozen=True, slots=True)
class Read:
    """What one reading brought: new versions of transactions and payouts, journals booked."""

    transactions: int = 0
    payouts: int = 0
    booked: int = 0
    silent: tuple[str, ...] = ()  # providers that did not answer
