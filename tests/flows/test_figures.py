"""Figures on screen and as files: the same sums as the books, a picture with a table beside it, nothing that a spreadsheet computes."""

from __future__ import annotations

import io
import re

from openpyxl import load_workbook

from tests.flows.test_capture import reserved
from tests.flows.test_till import paid
from tests.staff import StaffBrowser, words
from tests.town import Town

HERE, DECEMBER = "/de/finance/figures", "from=2026-12-01&to=2026-12-03"


async def test_picture_table_and_files_say_the_same(town: Town, toni: StaffBrowser) -> None:
    await paid(town)
    await town.cancel(await paid(town))
    page = await toni.get(f"{HERE}?{DECEMBER}")
    text = words(page)
    assert "01.12.2026 Mit Karte, online 2 26,00 € 13,00 € 13,00 €" in text
    assert "Geld beim Zahlungsdienst 13,00 €" in text
    assert 'role="img" aria-label="Vom 01.12.2026 bis 03.12.2026: 26,00' in page.text.replace("\xa0", " ")
    assert "style=" not in page.text
    assert page.text.count('class="chart__bar chart__bar--1" x=') == 1
    async with toni.http.get(f"{town.origin}{HERE}/figures.csv?{DECEMBER}") as response:
        assert 'filename="Auswertung_20261201_20261203.csv"' in response.headers["Content-Disposition"]
        lines = (await response.read()).decode("utf-8-sig").splitlines()
    assert lines[0].startswith("Tag;Zahlungsweg;Zahlungen;")
    assert lines[1:] == ["01.12.2026;Mit Karte, online;2;26,00;13,00;13,00;EUR"]
    async with toni.http.get(f"{town.origin}{HERE}/figures.xlsx?{DECEMBER}") as response:
        book = load_workbook(io.BytesIO(await response.read()))
    assert [cell.value for cell in book["Einnahmen"][2]][1:] == ["Mit Karte, online", 2, 26, 13, 13, "EUR"]
    assert [cell.value for cell in book["Offene Posten"][3]][:2] == ["Geld beim Zahlungsdienst", 13]


async def test_many_days_are_drawn_by_the_month_and_none_is_said_so(town: Town, toni: StaffBrowser) -> None:
    await paid(town)
    page = await toni.get(f"{HERE}?from=2026-01-01&to=2026-12-31")
    assert "12/2026" in page.text
    empty = await toni.get(f"{HERE}?from=2025-01-01&to=2025-01-31")
    assert ("chart__picture" in empty.text, "In diesen Tagen wurde nichts gebucht." in words(empty)) == (False, True)
    assert (await toni.get(f"{HERE}?from=gestern&to=9999-99-99")).status == 200


async def test_what_is_reserved_is_a_sum_beside_the_takings(town: Town, toni: StaffBrowser) -> None:
    """Page, list and files say the same, none of it is a taking, and it is gone once it is let go."""
    made = await reserved(town)
    page = await toni.get(f"{HERE}?{DECEMBER}")
    text = words(page)
    assert "Jetzt vorgemerkt, noch nicht eingezogen" in text, text
    assert "Mit Karte, online 1 13,00 € 13,00 €" in text, text
    assert "In diesen Tagen wurde nichts gebucht." in text
    [url] = set(re.findall(r'href="(/de/finance/figures/reserved\?[^"]*)"', page.text))
    listed = words(await toni.get(url.replace("&amp;", "&")))
    assert made["number"] in listed, listed
    assert "Summe 13,00 € 13,00 €" in listed, listed
    async with toni.http.get(f"{town.origin}{HERE}/reserved.csv") as response:
        lines = (await response.read()).decode("utf-8-sig").splitlines()
    [until] = await town.rows(
        "SELECT to_char(authorised_until AT TIME ZONE 'Europe/Berlin', 'DD.MM.YYYY') AS day FROM payment"
    )
    assert lines[1:] == [f"Mit Karte, online;1;13,00;13,00;{until['day']};EUR"]
    async with toni.http.get(f"{town.origin}{HERE}/figures.xlsx?{DECEMBER}") as response:
        book = load_workbook(io.BytesIO(await response.read()))
    assert [cell.value for cell in book["Vorgemerkt"][2]][:4] == ["Mit Karte, online", 1, 13, 13]
    assert book["Einnahmen"].max_row == 1
    await town.cancel(made)
    await town.work()
    assert "Es ist nichts vorgemerkt." in words(await toni.get(HERE))
    [payment] = await town.rows("SELECT id FROM payment")
    story = words(await toni.get(f"/de/finance/payments/{payment['id']}"))
    assert "Davon einzuziehen Nichts: Die Vormerkung wurde aufgehoben" in story, story
