"""Double entry in integer cents: debit positive, credit negative, every journal sums to nothing.

Revenue is booked gross (municipal gross principle); the provider's fees are expenses of their own and come with reconciliation. What is
paid before the service is received in advance, and revenue on the day of the service, or when it is kept (docs/adr/0048).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from payment.model import Dispute, Line, Payment, Refund

PSP_CLEARING = "psp_clearing"
IN_ADVANCE = "received_in_advance"
REVENUE = "revenue:"  # followed by the product account
REFUND_PAYABLE = "refund_payable"
PSP_FEES = "psp_fees"
BANK_IN_TRANSIT = "bank_in_transit"
UNASSIGNED = "unassigned"
WRITE_OFF = "write_off"
DISPUTED = "dispute_receivable"
DISPUTE_LOSS = "dispute_loss"
CASH = "cash:"  # followed by the till's key
TERMINAL_CLEARING = "terminal_clearing"
CASH_IN_TRANSIT = "cash_in_transit"
CASH_DIFFERENCE = "cash_difference"
TRANSFER_PAYABLE = "transfer_payable"
WAIVED_REFUNDS = "waived_refunds"
BANK = "bank"


class JournalKind(StrEnum):
    FEE = "fee"
    EARNED = "earned"
    REFUND = "refund"
    REFUND_FAILED = "refund_failed"
    REVERSAL = "reversal"  # of any journal, by two persons
    # Of no payment: `subject` says what they are about.
    PSP_FEE = "psp_fee"
    PAYOUT = "payout"
    PAYOUT_FAILED = "payout_failed"
    PAYOUT_ARRIVED = "payout_arrived"
    TILL_ARRIVED = "till_arrived"
    DIFFERENCE_SETTLED = "difference_settled"
    REFUND_OVERTAKEN = "refund_overtaken"
    DISPUTE = "dispute"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    DRAWER_OPENED = "drawer_opened"
    DRAWER_CLOSED = "drawer_closed"
    TRANSFER_OWED = "transfer_owed"
    TRANSFER_CANCELLED = "transfer_cancelled"
    TRANSFER_PAID = "transfer_paid"
    TRANSFER_RETURNED = "transfer_returned"
    REFUND_WAIVED = "refund_waived"


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
    dispute_id: UUID | None = None

    def __post_init__(self) -> None:
        if len(self.entries) < 2 or sum(entry.amount_cents for entry in self.entries) != 0:
            raise ValueError("a journal balances")


def moved(cents: int, *, debit: str, credit: str) -> tuple[Entry, Entry]:
    return Entry(debit, cents), Entry(credit, -cents)


def fee_journal(payment: Payment, account: str = PSP_CLEARING) -> Journal:
    """The money lies on this account, with the provider or at a till, and nothing has been done for it yet. Of a reservation only what
    was taken of it."""
    cents = payment.captured_cents or payment.amount_cents
    return Journal(JournalKind.FEE, payment.id, None, moved(cents, debit=account, credit=IN_ADVANCE))


def earned_journal(payment: Payment, cents: int, refund_id: UUID | None = None) -> Journal:
    """So much of what was received in advance becomes the revenue of the products that it was paid for; `refund_id`: because that refund
    was rejected."""
    return Journal(
        JournalKind.EARNED, payment.id, refund_id, (Entry(IN_ADVANCE, cents), *_revenue(-cents, payment.lines))
    )


def refund_journal(refund: Refund, payment: Payment, account: str = PSP_CLEARING) -> Journal:
    """Paid from this account; out of what is not earned yet, and where that is not enough, out of revenue."""
    cents = refund.amount_cents
    entries = (*refunded(payment, cents), *moved(cents, debit=REFUND_PAYABLE, credit=account))
    return Journal(JournalKind.REFUND, refund.payment_id, refund.id, entries)


def refunded(payment: Payment, cents: int) -> tuple[Entry, ...]:
    """To refunds payable."""
    return (*_not_kept(cents, payment), Entry(REFUND_PAYABLE, -cents))


def taken_back(booked: Journal, kind: JournalKind) -> Journal:
    """The same entries with their signs turned. Nothing is ever edited."""
    entries = tuple(Entry(entry.account, -entry.amount_cents) for entry in booked.entries)
    return Journal(kind, booked.payment_id, booked.refund_id, entries)


def refund_failed_journal(booked: Journal) -> Journal:
    """Takes a booked refund back; the money lies with the provider again."""
    return taken_back(booked, JournalKind.REFUND_FAILED)


def refund_overtaken_journal(refund: Refund, payment: Payment) -> Journal:
    """What was to be given back anyhow is no loss: a lost dispute has given it back."""
    entries = (*_not_kept(refund.amount_cents, payment), Entry(DISPUTE_LOSS, -refund.amount_cents))
    return Journal(JournalKind.REFUND_OVERTAKEN, refund.payment_id, refund.id, entries)


def dispute_journal(dispute: Dispute) -> Journal:
    """The money has left our account at the provider, and is claimed."""
    return _of_dispute(JournalKind.DISPUTE, dispute, debit=DISPUTED, credit=PSP_CLEARING)


def dispute_won_journal(dispute: Dispute) -> Journal:
    return _of_dispute(JournalKind.DISPUTE_WON, dispute, debit=PSP_CLEARING, credit=DISPUTED)


def dispute_lost_journal(dispute: Dispute) -> Journal:
    """An expense of its own: the fee stays due and revenue gross, whatever the payer's bank says (docs/adr/0060)."""
    return _of_dispute(JournalKind.DISPUTE_LOST, dispute, debit=DISPUTE_LOSS, credit=DISPUTED)


def _of_dispute(kind: JournalKind, dispute: Dispute, *, debit: str, credit: str) -> Journal:
    entries = moved(dispute.taken_cents, debit=debit, credit=credit)
    return Journal(kind, dispute.payment_id, None, entries, dispute.id)


def _not_kept(cents: int, payment: Payment) -> tuple[Entry, ...]:
    in_advance = min(payment.advance_cents, cents)
    return (*((Entry(IN_ADVANCE, in_advance),) if in_advance else ()), *_revenue(cents - in_advance, payment.lines))


def _revenue(cents: int, lines: Sequence[Line]) -> tuple[Entry, ...]:
    shares = zip(lines, shared(abs(cents), [line.amount_cents for line in lines]), strict=True)
    sign = 1 if cents > 0 else -1
    return tuple(Entry(f"{REVENUE}{line.product}", sign * share) for line, share in shares if share)


def part_of(lines: Sequence[Line], cents: int) -> tuple[Line, ...]:
    """The same products for another amount, in proportion; what gets nothing is left out."""
    shares = zip(lines, shared(cents, [line.amount_cents for line in lines]), strict=True) if lines else ()
    return tuple(
        replace(line, amount_cents=share, quantity=1, reduced_cents=0, reduction="") for line, share in shares if share
    )


def shared(cents: int, weights: Sequence[int]) -> list[int]:
    """In proportion to the weights, to the cent: what is left over goes where most was cut off, of equals to the first."""
    whole = sum(weights)
    parts = [cents * weight // whole for weight in weights]
    cut_off = sorted(range(len(weights)), key=lambda n: (-(cents * weights[n] % whole), n))
    for n in cut_off[: cents - sum(parts)]:
        parts[n] += 1
    return parts
