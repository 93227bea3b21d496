"""Double entry in integer cents: debit positive, credit negative, every journal sums to nothing.

Revenue is booked gross (municipal gross principle); the provider's fees are expenses of their own and come with reconciliation.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from payment.model import Payment, Refund

RECEIVABLE = "receivable"
PSP_CLEARING = "psp_clearing"
REVENUE = "revenue:fees"
REFUND_PAYABLE = "refund_payable"


class JournalKind(StrEnum):
    FEE = "fee"
    REFUND = "refund"
    REFUND_FAILED = "refund_failed"


@dataclass(frozen=True, slots=True)
class Entry:
    account: str
    amount_cents: int

    def __post_init__(self) -> None:
        if self.amount_cents == 0:
            raise ValueError("an entry of nothing")


@dataclass(frozen=True, slots=True)
class Journal:
    """Raises ValueError where the entries do not balance: such a value cannot be made."""

    kind: JournalKind
    payment_id: UUID
    refund_id: UUID | None
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        if len(self.entries) < 2 or sum(entry.amount_cents for entry in self.entries) != 0:
            raise ValueError("a journal balances")


def moved(cents: int, *, debit: str, credit: str) -> tuple[Entry, Entry]:
    return Entry(debit, cents), Entry(credit, -cents)


def fee_journal(payment: Payment) -> Journal:
    """The fee falls due and is paid in the same moment: nothing is owed before."""
    cents = payment.amount_cents
    return Journal(
        JournalKind.FEE,
        payment.id,
        None,
        (*moved(cents, debit=RECEIVABLE, credit=REVENUE), *moved(cents, debit=PSP_CLEARING, credit=RECEIVABLE)),
    )


def refund_journal(refund: Refund) -> Journal:
    cents = refund.amount_cents
    return Journal(
        JournalKind.REFUND,
        refund.payment_id,
        refund.id,
        (*moved(cents, debit=REVENUE, credit=REFUND_PAYABLE), *moved(cents, debit=REFUND_PAYABLE, credit=PSP_CLEARING)),
    )


def refund_failed_journal(refund: Refund) -> Journal:
    """Takes a booked refund back; the money lies with the provider again. Nothing is ever edited."""
    booked = refund_journal(refund)
    entries = tuple(Entry(entry.account, -entry.amount_cents) for entry in booked.entries)
    return Journal(JournalKind.REFUND_FAILED, refund.payment_id, refund.id, entries)
