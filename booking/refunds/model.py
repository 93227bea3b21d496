"""A case's refunds for its office, and print runs of the letters that ask for an account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from booking.appointments.model import Case
from payment.transfers.model import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRefunds:
    """`can_tell`: a message reaches its person; `can_write`: a letter does, and they are allowed to be written to."""

    case: Case
    orders: tuple[Order, ...]
    can_tell: bool
    can_write: bool


@dataclass(frozen=True, slots=True)
class Due:
    """An order whose payee is asked and has had no letter about it."""

    order_id: UUID
    round: int
    reference: UUID


@dataclass(frozen=True, slots=True)
class DueAt(Due):
    """At one office, with its case."""

    appointment_id: UUID


@dataclass(frozen=True, slots=True)
class LetterRun:
    id: UUID
    made_at: datetime
    letters: int


@dataclass(frozen=True, slots=True)
class LetterRuns:
    waiting: int
    runs: tuple[LetterRun, ...]
