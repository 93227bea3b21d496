"""What transfer orders book. Pure."""

from __future__ import annotations

from payment.ledger import BANK, REFUND_PAYABLE, TRANSFER_PAYABLE, WAIVED_REFUNDS, Journal, JournalKind, moved, refunded
from payment.model import Payment, Refund
from payment.transfers.model import Order


def owed_journal(refund: Refund, payment: Payment) -> Journal:
    """As a refund out of what is not earned yet, else out of revenue; but it is owed by transfer, and no money has moved."""
    cents = refund.amount_cents
    entries = (*refunded(payment, cents), *moved(cents, debit=REFUND_PAYABLE, credit=TRANSFER_PAYABLE))
    return Journal(JournalKind.TRANSFER_OWED, payment.id, refund.id, entries)


def waived_journal(order: Order) -> Journal:
    """Nobody will have it: income of an account of its own, because it is no product's fee."""
    entries = moved(order.amount_cents, debit=TRANSFER_PAYABLE, credit=WAIVED_REFUNDS)
    return Journal(JournalKind.REFUND_WAIVED, order.payment_id, order.refund_id, entries)


def paid_journal(order: Order) -> Journal:
    entries = moved(order.amount_cents, debit=TRANSFER_PAYABLE, credit=BANK)
    return Journal(JournalKind.TRANSFER_PAID, order.payment_id, order.refund_id, entries)
