"""What a treasury can choose of a CSV file and of DATEV, what is refused, and that no text becomes a formula."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from payment.exports import batch, datev, delimited, sheet
from payment.exports.cells import amount, german_day, guarded
from payment.exports.columns import ITEM_COLUMNS, TOTAL_COLUMNS
from payment.exports.datev import AccountUnmapped, DatevFormat
from payment.exports.delimited import CsvFormat, DoesNotFit
from payment.exports.model import Day, Item, ItemKind, Voucher
from payment.exports.rows import items, postings, totals
from payment.ledger import JournalKind
from tests.golden import check_golden
from tests.payment.exports.days import CLOSED, ON, PROFILE, bare, day, looked_through

GOLDEN = Path(__file__).parent / "golden"
EVIL = ["=1+1", "+49", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1", "=cmd|' /C calc'!A0"]


def item(**fields: Any) -> Item:
    made: dict[str, Any] = {
        "voucher": "000000041",
        "kassenzeichen": "RF18539007547034",
        "day": ON,
        "kind": ItemKind.PAYMENT,
        "product": "122-01",
        "method": "stripe",
        "cents": 1301,
        "tax_percent": 0,
    }
    return Item(**(made | fields))


def text(form: CsvFormat, *rows: Item) -> str:
    encoding = "utf-8-sig" if form.encoding == "utf-8-sig" else form.encoding
    return delimited.written(ITEM_COLUMNS, rows, form).decode(encoding)


def test_columns_in_the_order_that_is_named_with_delimiter_and_decimal_point() -> None:
    form = CsvFormat(delimiter=",", decimal=".", columns=("cents", "kassenzeichen"), encoding="utf-8")
    assert text(form, item(cents=-1301)) == "Betrag,Kassenzeichen\r\n-13.01,RF18539007547034\r\n"


@pytest.mark.parametrize(
    ("quoting", "line"),
    [("minimal", "122-01;13,01"), ("all", '"122-01";"13,01"'), ("text", '"122-01";13,01'), ("none", "122-01;13,01")],
)
def test_quoting(quoting: str, line: str) -> None:
    form = CsvFormat(quoting=quoting, has_heading=False, columns=("product", "cents"))
    assert text(form, item()) == f"{line}\r\n"


def test_a_decimal_comma_beside_a_comma_as_delimiter_is_quoted() -> None:
    form = CsvFormat(delimiter=",", has_heading=False, quoting="text", columns=("product", "cents"))
    assert text(form, item()) == '"122-01","13,01"\r\n'


def test_fixed_columns() -> None:
    form = CsvFormat(
        has_heading=False, columns=("voucher", "day", "kind", "product", "cents"), widths=(10, 11, 26, 18, 14)
    )
    content = delimited.written(ITEM_COLUMNS, items(looked_through()), form).decode("cp1252")
    check_golden(GOLDEN / "fixed.txt", content)
    assert {len(line) for line in content.split("\r\n")} == {79, 0}


def test_what_is_longer_than_its_column_is_not_cut() -> None:
    with pytest.raises(DoesNotFit):
        text(CsvFormat(has_heading=False, columns=("cents",), widths=(4,)), item(cents=-1301))


def test_a_delimiter_that_may_not_be_quoted_is_not_written() -> None:
    with pytest.raises(DoesNotFit):
        text(CsvFormat(quoting="none"), item(product="a;b"))


def test_utf_8_with_a_mark_and_what_cp1252_does_not_know() -> None:
    form = CsvFormat(encoding="utf-8-sig", columns=("product",), has_heading=False)
    assert delimited.written(ITEM_COLUMNS, [item(product="Straße ł")], form) == "\ufeffStraße ł\r\n".encode()
    assert text(replace(form, encoding="cp1252"), item(product="Straße ł €")) == "Straße ? €\r\n"


@pytest.mark.parametrize(
    "fields",
    [
        {"delimiter": "a"},
        {"delimiter": ";;"},
        {"delimiter": "-"},
        {"decimal": "'"},
        {"encoding": "utf-16"},
        {"quoting": "some"},
        {"quoting": "none", "delimiter": ","},
        {"widths": (3,)},
        {"widths": (0,), "columns": ("cents",)},
    ],
)
def test_forms_that_cannot_be(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        CsvFormat(**fields)


@pytest.mark.parametrize("typed", EVIL)
def test_no_text_becomes_a_formula(typed: str) -> None:
    assert guarded(typed)[0] == "'"
    for form in (CsvFormat(columns=("product",)), CsvFormat(columns=("product",), quoting="all")):
        assert "'" in text(form, item(product=typed)).splitlines()[1][:2]
    bad = Day(
        batch=1,
        business_day=ON,
        closed_at=CLOSED,
        root_sha256=bytes(32),
        vouchers=(Voucher(number=1, kind=typed, method=typed, entries=(("bank", 1), ("psp_clearing", -1))),),
    )
    assert PROFILE.datev is not None
    booking = next(
        csv.reader(datev.written(bad, postings(bad), PROFILE.datev).decode("cp1252").splitlines()[2:], delimiter=";")
    )
    assert booking[13][0] == "'"
    listed = [item(product=typed, method=typed)]
    book = load_workbook(io.BytesIO(sheet.written(bad, totals(listed), listed)))
    assert all(cell.data_type != "f" for page in book for row in page for cell in row)
    assert book["Einzelposten"]["E2"].data_type == "s"


@given(st.text())
def test_a_guarded_text_is_one_line_and_none_to_be_computed(typed: str) -> None:
    cell = guarded(typed)
    assert len(cell.splitlines()) <= 1
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r"))


@given(cents=st.integers(-(10**14), 10**14))
def test_an_amount_is_read_back_to_the_cent(cents: int) -> None:
    whole, _, part = amount(cents).partition(",")
    assert len(part) == 2
    assert int(whole + part) == cents


def test_german_days() -> None:
    assert german_day(date(2026, 3, 9)) == "09.03.2026"


@pytest.mark.parametrize(
    ("cents", "percent", "tax"), [(1190, 19, 190), (-1190, 19, -190), (107, 7, 7), (1301, 0, 0), (8, 7, 1)]
)
def test_the_tax_that_is_contained(cents: int, percent: int, tax: int) -> None:
    assert item(cents=cents, tax_percent=percent).tax_cents == tax


def test_an_account_without_a_number_makes_no_file_at_all() -> None:
    assert PROFILE.datev is not None
    accounts = {name: number for name, number in PROFILE.datev.accounts.items() if name != "psp_fees"}
    with pytest.raises(AccountUnmapped, match="psp_fees"):
        batch.files(looked_through(), replace(PROFILE, datev=replace(PROFILE.datev, accounts=accounts)))


@pytest.mark.parametrize(
    "fields",
    [
        {"consultant": 1000},
        {"client": 0},
        {"account_length": 9},
        {"fiscal_year_month": 13},
        {"accounts": {"bank": 12000}},
    ],
)
def test_numbers_that_datev_refuses(fields: dict[str, Any]) -> None:
    made: dict[str, Any] = {"consultant": 1001, "client": 1, "accounts": {"bank": 1200}}
    with pytest.raises(ValueError, match=r"\w"):
        DatevFormat(**(made | fields))


def test_a_fiscal_year_that_begins_in_july() -> None:
    assert PROFILE.datev is not None
    form = replace(PROFILE.datev, fiscal_year_month=7)
    for on, begins in ((date(2026, 6, 30), "20250701"), (date(2026, 7, 1), "20260701")):
        header = datev.written(replace(looked_through(), business_day=on), [], form).decode("cp1252").split(";")
        assert header[12] == begins


def test_a_voucher_that_does_not_balance_is_no_day() -> None:
    wrong = Voucher(number=1, kind="fee", method="stripe", entries=(("bank", 1),))
    with pytest.raises(ValueError, match="balances"):
        Day(batch=1, business_day=ON, closed_at=CLOSED, root_sha256=bytes(32), vouchers=(wrong,))


def test_every_column_of_the_sums_has_its_own_heading() -> None:
    assert len({column.heading for column in TOTAL_COLUMNS.values()}) == len(TOTAL_COLUMNS)


@pytest.mark.parametrize("kind", JournalKind)
def test_datev_says_in_german_what_was_booked(kind: JournalKind) -> None:
    """Whatever the ledger books, also what belongs to no payment; with the longest Kassenzeichen nothing is cut off."""
    assert PROFILE.datev is not None
    booked = day(bare(kind.value, 100, "bank", "psp_clearing"))
    vouchers = tuple(replace(one, kassenzeichen="RF18" + "X" * 21) for one in booked.vouchers)
    lines = datev.written(booked, postings(replace(booked, vouchers=vouchers)), PROFILE.datev).decode("cp1252")
    [*_heading, line] = csv.DictReader(lines.splitlines()[1:], delimiter=";")
    text = line["Buchungstext"]
    assert text.endswith(" RF18" + "X" * 21)
    assert "_" not in text
    assert text[0].isupper()
