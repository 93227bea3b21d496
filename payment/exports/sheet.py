"""The day as a workbook (XLSX): a sheet of sums, a sheet of items. No formulas: a text stays a text, whatever it begins with. Pure.

The same day gives the same bytes: the workbook's dates are the closing's, and xlsxwriter stamps the parts of the archive with a fixed one.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, BinaryIO

from xlsxwriter import Workbook

from payment.exports.columns import ITEM_COLUMNS, TOTAL_COLUMNS, Cents, Column, Row, Value
from payment.exports.model import Day, Item, Total

_OPTIONS = {
    "in_memory": True,
    "constant_memory": False,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_WIDTH = 18


class Book:
    """A workbook that is being written. Amounts are numbers in euros, shown by the reader's language with two decimals; days are dates."""

    def __init__(self, out: BinaryIO, title: str, at: datetime) -> None:
        self._book = Workbook(out, _OPTIONS)
        self._book.set_properties({"title": title, "created": at.replace(tzinfo=None, microsecond=0)})
        self._formats = {
            "heading": self._book.add_format({"bold": True, "text_wrap": True, "valign": "top"}),
            "amount": self._book.add_format({"num_format": "#,##0.00"}),
            "day": self._book.add_format({"num_format": "dd.mm.yyyy"}),
        }

    def add(self, name: str, table: Mapping[str, Column[Row]], rows: Iterable[Row]) -> None:
        _sheet(self._book, name, table, rows, self._formats)

    def close(self) -> None:
        self._book.close()


@contextmanager
def workbook(out: BinaryIO, title: str, at: datetime) -> Iterator[Book]:
    """Whole in `out` after the block."""
    book = Book(out, title, at)
    yield book
    book.close()


def written(day: Day, totals: Iterable[Total], items: Iterable[Item]) -> bytes:
    out = io.BytesIO()
    with workbook(out, f"Stapel {day.batch}", day.closed_at) as book:
        book.add("Summen", TOTAL_COLUMNS, totals)
        book.add("Einzelposten", ITEM_COLUMNS, items)
    return out.getvalue()


def _sheet(
    book: Any, name: str, table: Mapping[str, Column[Row]], rows: Iterable[Row], formats: Mapping[str, Any]
) -> None:
    sheet = book.add_worksheet(name)
    sheet.set_column(0, len(table) - 1, _WIDTH)
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(table.values()):
        sheet.write_string(0, place, column.heading, formats["heading"])
    for line, row in enumerate(rows, start=1):
        for place, column in enumerate(table.values()):
            _write(sheet, line, place, column.value(row), formats)


def _write(sheet: Any, line: int, place: int, value: Value, formats: Mapping[str, Any]) -> None:
    if isinstance(value, Cents):
        sheet.write_number(line, place, value.cents / 100, formats["amount"])
    elif isinstance(value, int):
        sheet.write_number(line, place, value)
    elif isinstance(value, date):
        sheet.write_datetime(line, place, datetime(value.year, value.month, value.day), formats["day"])  # noqa: DTZ001 - a day
    else:
        sheet.write_string(line, place, value)
