"""Figures come from the books: by day and way of paying, a reversal lessens what it takes back, and no file computes a text."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from base.clock import SettableClock
from base.db import Database
from payment.figures.files import (
    as_csv,
    as_workbook,
    open_columns,
    reserved_as_csv,
    reserved_columns,
    taking_columns,
)
from payment.figures.model import Figures, OpenItem, Reserved, Side, Takings
from payment.figures.usecases import FigureBook
from payment.ledgers.reversals import Reversals
from payment.model import Capture, PaymentStatus
from payment.store import insert_payment
from tests.payment.ledgers.booking import give_back, pay, staff
from tests.payment.making import NOW, a_payment

BERLIN = ZoneInfo("Europe/Berlin")
FIRST, LAST = date(2026, 12, 1), date(2026, 12, 2)
HEADINGS = {
    key: key
    for key in (
        *("day", "method", "payments", "taken", "refunded", "net", "currency", "account", "amount"),
        *("reserved", "keep", "until"),
    )
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


async def test_a_day_has_a_row_for_each_way(db: Database) -> None:
    """Of what was paid before anybody told, one of its provider's."""
    await give_back(db, await pay(db, 1, method="paypal"))
    await pay(db, 2, method="card")
    await pay(db, 3)
    await pay(db, 4, provider="counter", method="cash")
    await pay(db, 5, provider="counter", method="terminal")
    found = await FigureBook(db).of(FIRST, FIRST)
    ways = {one.method: (one.taken_cents, one.refunded_cents) for one in found.takings}
    assert ways == {
        "card": (1300, 0),
        "cash": (1300, 0),
        "paypal": (1300, 500),
        "stripe": (1300, 0),
        "terminal": (1300, 0),
    }
    behind, _more = await FigureBook(db).behind(FIRST, FIRST, Side.TAKEN, method="paypal")
    assert [one.payment_id.int for one in behind] == [1]


async def test_a_reversal_lessens_what_it_takes_back(db: Database) -> None:
    await pay(db, 1)
    await pay(db, 2)
    reversals, kim, alex, key = Reversals(db, SettableClock(NOW)), await staff(db), await staff(db, "alex"), uuid4()
    await reversals.request(1, by=kim, reason="Zweimal gebucht", key=key)
    await reversals.approve(key, by=alex)
    found = await FigureBook(db).of(FIRST, FIRST)
    assert found.takings == (row(FIRST, "stripe", 2, 1300, 0),)


async def reserve(db: Database, number: int, days: int, **fields: object) -> None:
    payment = a_payment(
        id=UUID(int=number),
        reference=UUID(int=1000 + number),
        session_id=f"cs_{number}",
        charge_id=f"pi_{number}",
        authorised_until=NOW + timedelta(days=days),
        capture=Capture.MANUAL,
        **{"status": PaymentStatus.AUTHORISED, **fields},
    )
    async with db.transaction() as conn:
        assert await insert_payment(conn, payment)


async def test_what_is_reserved_is_no_taking_and_less_may_be_taken_of_it(db: Database) -> None:
    await reserve(db, 1, 6)
    await reserve(db, 2, 4, keep_cents=500, keep_reason="cancelled")
    await reserve(
        db, 3, 5, keep_cents=500, take_cents=0, take_attempt_at=NOW, keep_reason="cancelled"
    )  # let go, and the provider has not done it yet
    await reserve(db, 4, 3, status=PaymentStatus.ATTENTION, attention="amount: 1400 EUR")
    await reserve(db, 5, 2, status=PaymentStatus.FENCED)
    book = FigureBook(db)
    found = await book.of(FIRST, LAST)
    assert (found.takings, found.open_items) == ((), ())
    assert found.reserved == (
        Reserved(
            method="stripe", currency="EUR", payments=4, cents=5200, keep_cents=3100, until=NOW + timedelta(days=3)
        ),
    )
    parts, has_more = await book.reserved_parts(method="stripe")
    assert ([(one.payment_id.int, one.cents, one.keep_cents) for one in parts], has_more) == (
        [(4, 1300, 1300), (2, 1300, 500), (3, 1300, 0), (1, 1300, 1300)],
        False,
    )
    assert await book.reserved_parts(method="xbezahldienste") == ([], False)


async def test_nothing_is_nothing(db: Database) -> None:
    assert await FigureBook(db).of(FIRST, LAST) == Figures(first=FIRST, last=LAST, takings=(), open_items=())


@pytest.mark.parametrize("name", ["=1+1", "+49", "-2", "@x", "\t=1", "＝1"])
def test_no_file_computes_a_text(name: str) -> None:
    figures = Figures(
        first=FIRST,
        last=LAST,
        takings=(row(FIRST, name, 2, 123456, 500),),
        open_items=(OpenItem(account=name, currency="EUR", cents=-5),),
        reserved=(
            Reserved(
                method=name, currency="EUR", payments=1, cents=1300, keep_cents=1000, until=NOW + timedelta(days=6)
            ),
        ),
    )
    columns = taking_columns(HEADINGS, lambda text: text)
    content = as_csv(figures, columns)
    [_heading, line] = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";")
    assert line[1].startswith("'")
    assert [line[0], *line[2:]] == ["01.12.2026", "2", "1234,56", "5,00", "1229,56", "EUR"]
    waiting = open_columns(HEADINGS, lambda text: text)
    held = reserved_columns(HEADINGS, lambda text: text, BERLIN)
    [_heading, line] = csv.reader(
        io.StringIO(reserved_as_csv(figures.reserved, held).decode("utf-8-sig"), newline=""), delimiter=";"
    )
    assert line[0].startswith("'")
    assert line[1:] == ["1", "13,00", "10,00", "07.12.2026", "EUR"]
    book = load_workbook(io.BytesIO(as_workbook(figures, "x", NOW, ("a", columns), ("b", waiting), ("c", held))))
    cells = [cell for sheet in book for line in sheet.iter_rows(min_row=2) for cell in line]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert [cell.value for cell in book["a"][2]][3:6] == [1234.56, 5, 1229.56]
    assert book["b"][2][1].value == -0.05
    assert [cell.value for cell in book["c"][2]][1:] == [1, 13, 10, datetime(2026, 12, 7), "EUR"]
