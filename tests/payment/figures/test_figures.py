"""Figures come from the books: by day and way of paying, a reversal lessens what it takes back, and no file computes a text."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from uuid import uuid4

import pytest
from openpyxl import load_workbook

from base.clock import SettableClock
from base.db import Database
from payment.figures.files import as_csv, as_workbook, open_columns, taking_columns
from payment.figures.model import Figures, OpenItem, Takings
from payment.figures.usecases import FigureBook
from payment.ledgers.reversals import Reversals
from tests.payment.ledgers.booking import give_back, pay, staff
from tests.payment.making import NOW

FIRST, LAST = date(2026, 12, 1), date(2026, 12, 2)
HEADINGS = {
    key: key for key in ("day", "method", "payments", "taken", "refunded", "net", "currency", "account", "amount")
}


def row(day: date, method: str, payments: int, taken: int, refunded: int) -> Takings:
    return Takings(
        day=day, method=method, currency="EUR", payments=payments, taken_cents=taken, refunded_cents=refunded
    )


async def test_by_day_and_way_of_paying(db: Database) -> None:
    await give_back(db, await pay(db, 1))
    await pay(db, 2, provider="xbezahldienste")
    await pay(db, 3, NOW + timedelta(days=1))
    await pay(db, 4, NOW + timedelta(days=2))  # later than asked for
    found = await FigureBook(db).of(FIRST, LAST)
    assert found.takings == (
        row(FIRST, "stripe", 1, 1300, 500),
        row(FIRST, "xbezahldienste", 1, 1300, 0),
        row(LAST, "stripe", 1, 1300, 0),
    )
    assert {one.account: one.cents for one in found.open_items} == {"received_in_advance": -3900, "psp_clearing": 3400}


async def test_a_reversal_lessens_what_it_takes_back(db: Database) -> None:
    await pay(db, 1)
    await pay(db, 2)
    reversals, kim, alex, key = Reversals(db, SettableClock(NOW)), await staff(db), await staff(db, "alex"), uuid4()
    await reversals.request(1, by=kim, reason="Zweimal gebucht", key=key)
    await reversals.approve(key, by=alex)
    found = await FigureBook(db).of(FIRST, FIRST)
    assert found.takings == (row(FIRST, "stripe", 2, 1300, 0),)


async def test_nothing_is_nothing(db: Database) -> None:
    assert await FigureBook(db).of(FIRST, LAST) == Figures(first=FIRST, last=LAST, takings=(), open_items=())


@pytest.mark.parametrize("name", ["=1+1", "+49", "-2", "@x", "\t=1", "＝1"])
def test_no_file_computes_a_text(name: str) -> None:
    figures = Figures(
        first=FIRST,
        last=LAST,
        takings=(row(FIRST, name, 2, 123456, 500),),
        open_items=(OpenItem(account=name, currency="EUR", cents=-5),),
    )
    columns = taking_columns(HEADINGS, lambda text: text)
    content = as_csv(figures, columns)
    [_heading, line] = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";")
    assert line[1].startswith("'")
    assert [line[0], *line[2:]] == ["01.12.2026", "2", "1234,56", "5,00", "1229,56", "EUR"]
    waiting = open_columns(HEADINGS, lambda text: text)
    book = load_workbook(io.BytesIO(as_workbook(figures, "x", NOW, ("a", columns), ("b", waiting))))
    cells = [cell for sheet in book for line in sheet.iter_rows(min_row=2) for cell in line]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert [cell.value for cell in book["a"][2]][3:6] == [1234.56, 5, 1229.56]
    assert book["b"][2][1].value == -0.05
