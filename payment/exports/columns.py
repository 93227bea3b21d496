"""The columns that a file of sums or of items can have: key, heading and value.

The headings are the treasury's, so German in whatever language the pages are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from payment.exports.model import Item, Total
from payment.ledger import JournalKind

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Cents:
    """An amount, to be told from a number of things."""

    cents: int


Value = str | int | date | Cents


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    heading: str
    value: Callable[[Row], Value]


KIND_WORDS = {
    "payment": "Zahlung",
    "refund": "Erstattung",
    "provider_fee": "Entgelt des Dienstleisters",
    "other": "Sonstiges",
    "revenue": "Ertrag",
}

ITEM_COLUMNS: Mapping[str, Column[Item]] = {
    "voucher": Column("Belegnummer", lambda item: item.voucher),
    "kassenzeichen": Column("Kassenzeichen", lambda item: item.kassenzeichen),
    "day": Column("Buchungstag", lambda item: item.day),
    "kind": Column("Art", lambda item: KIND_WORDS[item.kind]),
    "product": Column("Produktkonto", lambda item: item.product),
    "method": Column("Zahlungsweg", lambda item: item.method),
    "cents": Column("Betrag", lambda item: Cents(item.cents)),
    "tax_percent": Column("Steuersatz", lambda item: item.tax_percent),
    "tax_cents": Column("enthaltene Steuer", lambda item: Cents(item.tax_cents)),
}
TOTAL_COLUMNS: Mapping[str, Column[Total]] = {
    "day": Column("Buchungstag", lambda total: total.day),
    "product": Column("Produktkonto", lambda total: total.product),
    "method": Column("Zahlungsweg", lambda total: total.method),
    "count": Column("Anzahl Zahlungen", lambda total: total.count),
    "gross": Column("Zahlungen", lambda total: Cents(total.gross_cents)),
    "refunds": Column("Erstattungen", lambda total: Cents(total.refund_cents)),
    "fees": Column("Entgelte des Dienstleisters", lambda total: Cents(total.fee_cents)),
    "other": Column("Sonstiges", lambda total: Cents(total.other_cents)),
    "net": Column("Veränderung des Geldbestands", lambda total: Cents(total.net_cents)),
    "revenue": Column("Ertrag", lambda total: Cents(total.revenue_cents)),
}
POSTING_WORDS: Mapping[str, str] = {  # each kind has one: the treasury reads no words of the program
    JournalKind.FEE: "Gebühr",
    JournalKind.EARNED: "Ertrag",
    JournalKind.REFUND: "Erstattung",
    JournalKind.REFUND_FAILED: "Erstattung zurück",
    JournalKind.REFUND_OVERTAKEN: "Erstattung durch Rückbelastung",
    JournalKind.REVERSAL: "Storno",
    JournalKind.PSP_FEE: "Entgelt des Dienstleisters",
    JournalKind.PAYOUT: "Auszahlung unterwegs",
    JournalKind.PAYOUT_FAILED: "Auszahlung zurück",
    JournalKind.PAYOUT_ARRIVED: "Auszahlung bei der Bank",
    JournalKind.TILL_ARRIVED: "Kasseneinnahme bei der Bank",
    JournalKind.DIFFERENCE_SETTLED: "Differenz ausgebucht",
    JournalKind.DISPUTE: "Rückbelastung",
    JournalKind.DISPUTE_WON: "Rückbelastung gewonnen",
    JournalKind.DISPUTE_LOST: "Rückbelastung verloren",
    JournalKind.DRAWER_OPENED: "Kassenlade geöffnet",
    JournalKind.DRAWER_CLOSED: "Kassenlade abgeschlossen",
    JournalKind.TRANSFER_OWED: "Erstattung per Überweisung",
    JournalKind.TRANSFER_CANCELLED: "Überweisung storniert",
    JournalKind.TRANSFER_PAID: "Erstattung überwiesen",
    JournalKind.TRANSFER_RETURNED: "Überweisung zurück",
    JournalKind.REFUND_WAIVED: "Erstattung nicht mehr geschuldet",
}
