"""The figures as CSV and as a workbook, by the same writers as the treasury's files: no text becomes a formula. Pure."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from payment.exports import delimited, sheet
from payment.exports.columns import Cents, Column, Value
from payment.exports.delimited import CsvFormat
from payment.figures.model import Figures, OpenItem, Reserved, Takings

Translate = Callable[[str], str]
CSV, RESERVED_CSV, XLSX = "figures.csv", "reserved.csv", "figures.xlsx"
_FORM = CsvFormat(encoding="utf-8-sig")  # a spreadsheet then reads umlauts right


def taking_columns(headings: Mapping[str, str], method: Translate) -> Mapping[str, Column[Takings]]:
    """`headings`: in the reader's language, by the same keys."""
    values: Mapping[str, Callable[[Takings], Value]] = {
        "day": lambda one: one.day,
        "method": lambda one: method(one.method),
        "payments": lambda one: one.payments,
        "taken": lambda one: Cents(one.taken_cents),
        "refunded": lambda one: Cents(one.refunded_cents),
        "net": lambda one: Cents(one.net_cents),
        "currency": lambda one: one.currency,
    }
    return {key: Column(headings[key], value) for key, value in values.items()}


def open_columns(headings: Mapping[str, str], account: Translate) -> Mapping[str, Column[OpenItem]]:
    return {
        "account": Column(headings["account"], lambda one: account(one.account)),
        "amount": Column(headings["amount"], lambda one: Cents(one.cents)),
        "currency": Column(headings["currency"], lambda one: one.currency),
    }


def reserved_columns(headings: Mapping[str, str], method: Translate, place: ZoneInfo) -> Mapping[str, Column[Reserved]]:
    """`place`: where the day is counted on which the first of them runs out."""
    values: Mapping[str, Callable[[Reserved], Value]] = {
        "method": lambda one: method(one.method),
        "payments": lambda one: one.payments,
        "reserved": lambda one: Cents(one.cents),
        "keep": lambda one: Cents(one.keep_cents),
        "until": lambda one: one.until.astimezone(place).date(),
        "currency": lambda one: one.currency,
    }
    return {key: Column(headings[key], value) for key, value in values.items()}


def as_csv(figures: Figures, columns: Mapping[str, Column[Takings]]) -> bytes:
    return delimited.written(columns, figures.takings, _FORM)


def reserved_as_csv(found: Sequence[Reserved], columns: Mapping[str, Column[Reserved]]) -> bytes:
    """A file of its own: what is reserved is of no day, and never to be summed up with takings."""
    return delimited.written(columns, found, _FORM)


def as_workbook(
    figures: Figures,
    title: str,
    at: datetime,
    takings: tuple[str, Mapping[str, Column[Takings]]],
    waiting: tuple[str, Mapping[str, Column[OpenItem]]],
    reserved: tuple[str, Mapping[str, Column[Reserved]]],
) -> bytes:
    """`takings`, `waiting`, `reserved`: the name of the sheet and its columns."""
    out = io.BytesIO()
    with sheet.workbook(out, title, at) as book:
        book.add(takings[0], takings[1], figures.takings)
        book.add(waiting[0], waiting[1], figures.open_items)
        book.add(reserved[0], reserved[1], figures.reserved)
    return out.getvalue()
