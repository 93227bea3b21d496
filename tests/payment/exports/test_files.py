"""The files of one day as a person has found them good, and what holds of every day."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from openpyxl import load_workbook

from payment.exports import manifest
from payment.exports.batch import files
from payment.exports.columns import ITEM_COLUMNS, TOTAL_COLUMNS
from payment.exports.model import MONEY_KINDS, Day, File
from payment.exports.rows import accounts, is_money, items, postings, sum_of, totals
from tests.golden import check_golden
from tests.payment.exports.days import ACCOUNTS, PROFILE, any_day, empty, looked_through

GOLDEN = Path(__file__).parent / "golden"


def by_format(one: Day) -> dict[str, File]:
    return {file.format: file for file in files(one, PROFILE)}


def read(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("cp1252"), newline=""), delimiter=";"))


def in_cents(text: str) -> int:
    return int(Decimal(text.replace(",", ".")) * 100)


def column(content: bytes, heading: str, above: int = 0) -> list[int]:
    rows = read(content)[above:]
    place = rows[0].index(heading)
    return [in_cents(row[place]) for row in rows[1:]]


@pytest.mark.parametrize("form", ["totals-csv", "items-csv", "datev-extf"])
def test_the_files_as_looked_through(form: str) -> None:
    check_golden(GOLDEN / f"{form}.csv", by_format(looked_through())[form].content.decode("cp1252"))


def test_the_manifest_as_looked_through_but_for_the_workbook_which_zlib_may_pack_otherwise() -> None:
    content = json.loads(by_format(looked_through())["manifest"].content)
    for file in content["files"]:
        if file["format"] == "xlsx":
            del file["bytes"], file["sha256"]
    check_golden(GOLDEN / "manifest.json", json.dumps(content, ensure_ascii=False, indent=1) + "\n")


@given(one=any_day)
@settings(max_examples=60)
def test_items_totals_and_manifest_come_to_what_the_ledger_says(one: Day) -> None:
    listed = items(one)
    summed = totals(listed)
    said = json.loads(by_format(one)["manifest"].content)
    grown = sum(debit - credit for account, debit, credit in accounts(one) if is_money(account))
    earned = {name: credit - debit for name, debit, credit in accounts(one) if name.startswith("revenue:")}
    assert (
        sum_of(listed, *MONEY_KINDS) == sum(total.net_cents for total in summed) == said["sums"]["net_cents"] == grown
    )
    for name, cents in earned.items():
        assert sum(total.revenue_cents for total in summed if f"revenue:{total.product}" == name) == cents
    assert sum(entry["debit_cents"] - entry["credit_cents"] for entry in said["accounts"]) == 0
    assert said["sums"]["payment_cents"] == sum(total.gross_cents for total in summed)
    assert said["sums"]["refund_cents"] == sum(total.refund_cents for total in summed)
    assert said["sums"]["provider_fee_cents"] == sum(total.fee_cents for total in summed)


@given(one=any_day)
@settings(max_examples=40)
def test_what_is_read_back_from_each_file_is_the_same_cents(one: Day) -> None:
    made = by_format(one)
    net = json.loads(made["manifest"].content)["sums"]["net_cents"]
    assert sum(column(made["totals-csv"].content, TOTAL_COLUMNS["net"].heading)) == net
    assert column(made["items-csv"].content, "Betrag") == [item.cents for item in items(one)]
    assert column(made["datev-extf"].content, "Umsatz (ohne Soll/Haben-Kz)", above=1) == [
        p.cents for p in postings(one)
    ]
    book = load_workbook(io.BytesIO(made["xlsx"].content), read_only=True)
    rows = list(book["Einzelposten"].iter_rows(values_only=True))[1:]
    place = list(ITEM_COLUMNS).index("cents")
    assert [round(Decimal(repr(row[place])) * 100) for row in rows] == [item.cents for item in items(one)]
    nets = [row[list(TOTAL_COLUMNS).index("net")] for row in list(book["Summen"].iter_rows(values_only=True))[1:]]
    assert sum(round(Decimal(repr(value)) * 100) for value in nets) == net


@given(one=any_day)
@settings(max_examples=40)
def test_bookings_for_datev_change_each_account_as_the_ledger_did(one: Day) -> None:
    number = {f"{number:04d}": name for name, number in ACCOUNTS.items()}
    changed = dict.fromkeys(ACCOUNTS, 0)
    rows = read(by_format(one)["datev-extf"].content)
    assert {len(rows[0])} == {31}
    assert {len(row) for row in rows[1:]} == {125}
    for row in rows[2:]:
        assert row[1] == "S"
        changed[number[row[6]]] += in_cents(row[0])
        changed[number[row[7]]] -= in_cents(row[0])
    assert {name: cents for name, cents in changed.items() if cents} == {
        name: debit - credit for name, debit, credit in accounts(one) if debit != credit
    }


@given(one=any_day)
@settings(max_examples=20)
def test_the_same_day_gives_the_same_bytes_and_the_manifest_names_them(one: Day) -> None:
    first, again = files(one, PROFILE), files(one, PROFILE)
    assert first == again
    named = json.loads(first[-1].content)["files"]
    assert first[-1].name == manifest.NAME
    assert [(n["name"], n["bytes"], n["sha256"]) for n in named] == [
        (file.name, len(file.content), sha256(file.content).hexdigest()) for file in first[:-1]
    ]


def test_another_cent_gives_another_manifest() -> None:
    one = looked_through()
    *others, last = one.vouchers
    entries = tuple((account, cents + (1 if cents > 0 else -1)) for account, cents in last.entries)
    other = replace(one, vouchers=(*others, replace(last, entries=entries)))
    assert by_format(one)["manifest"].content != by_format(other)["manifest"].content


def test_a_day_without_anything_has_headings_and_a_manifest() -> None:
    made = by_format(empty())
    assert [len(read(made[form].content)) for form in ("totals-csv", "items-csv", "datev-extf")] == [1, 1, 2]
    said = json.loads(made["manifest"].content)
    assert (said["vouchers"], said["first_voucher"], said["sums"]["net_cents"]) == (0, None, 0)


def test_the_workbook_has_dates_amounts_and_no_formula() -> None:
    book = load_workbook(io.BytesIO(by_format(looked_through())["xlsx"].content))
    sheet = book["Einzelposten"]
    assert [cell.value for cell in sheet[1]] == [column.heading for column in ITEM_COLUMNS.values()]
    assert [cell.value for cell in sheet[2]] == [
        *("000000041", "RF18539007547034", datetime(2026, 11, 26), "Zahlung", "122-02.pass", "stripe", 37, 0, 0),
    ]
    assert (sheet["C2"].number_format, sheet["G2"].number_format) == ("dd.mm.yyyy", "#,##0.00")
    assert book.properties.created == datetime(2026, 11, 27, 3, 5, 9)
    assert all(cell.data_type != "f" for page in book for row in page for cell in row)
