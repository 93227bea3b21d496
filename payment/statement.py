"""What a provider says of a stretch of time: the port that reconciliation reads. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from base.money import Money
from payment.ports import Abilities, RefundSnapshot, RefundState, Snapshot


class MovementKind(StrEnum):
    CHARGE = "charge"
    REFUND = "refund"
    REFUND_FAILED = "refund_failed"  # the money of a refund lies with the provider again
    DISPUTE = "dispute"  # taken back by a payer's bank, or put back when it was won
    PAYOUT = "payout"  # to our bank, or back from there; booked and compared at night, with the bank (docs/adr/0066)
    OTHER = "other"  # corrections: nothing of it is booked here


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Money that came to our account at the provider (positive) or left it. `word` is the provider's own; the fee is its price."""

    id: str
    kind: MovementKind
    at: datetime
    amount: Money
    fee: Money
    word: str
    charge_id: str | None = None
    refund_provider_id: str | None = None
    refund_state: RefundState | None = None
    payment_id: UUID | None = None  # as the metadata say: what was made without us has none
    refund_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    sessions: tuple[Snapshot, ...]
    movements: tuple[Movement, ...]


class StatementProvider(Protocol):
    """Every call may raise OutcomeUnknown."""

    @property
    def abilities(self) -> Abilities: ...
    async def statement(self, start: datetime, end: datetime) -> Statement:
        """Where `abilities.statement`. Money moved, and sessions of ours made, from start until before end; all pages of it."""

    async def fetch(self, session_id: str) -> Snapshot: ...
    async def refunds_of(self, charge_id: str) -> Sequence[RefundSnapshot]:
        """Of one charge, whoever made them."""
