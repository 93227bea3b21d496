"""The columns that a file of sums or of items can have: key, heading and value.

The headings are the treasury's, so German in whatever language the pages are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from payment.exports.model import Item, Total

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
POSTING_WORDS = {
    "fee": "Gebühr",
    "earned": "Ertrag",
    "refund": "Erstattung",
    "refund_failed": "Erstattung zurück",
    "reversal": "Storno",
}
