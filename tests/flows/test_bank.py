"""Finance sends a bank file by page and by API: stored whole or refused whole with its line, gaps shown, entries found."""

from __future__ import annotations

import html
import io
import re
from datetime import date
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from payment.bank.model import BankEntry, Party, Statement
from payment.bank.refusing import OtherFormat
from tests.payment.bank.writing import THEIRS, detail, entry, statement, written
from tests.staff import Page, StaffBrowser
from tests.town import Town

HERE = "/de/bank/"
DAY = date(2026, 12, 1)


def numbered(number: int, *entries: BankEntry, opening: int = 100_000) -> Statement:
    return statement(*entries, opening=opening, sequence=number, from_on=DAY, to_on=DAY)


PAYOUT = entry(
    123_450,
    acct_svcr_ref="B-1",
    details=(detail(123_450, debtor=Party(name="<b>Stripe</b>", iban=THEIRS), remittance="po_1"),),
)


async def send(toni: StaffBrowser, raw: bytes | None, language: str = "de") -> Page:
    data = aiohttp.FormData(default_to_multipart=True)
    data.add_field("request_key", str(uuid4()))
    if raw is not None:
        data.add_field("file", io.BytesIO(raw), filename="auszug.xml", content_type="text/xml")
    return await toni.ask("POST", f"/{language}/bank/", data=data)


def words(page: Page) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


async def api(town: Town, toni: StaffBrowser, method: str, path: str, **given: Any) -> tuple[int, Any]:
    headers = {"Cookie": f"staff={toni.cookies['staff']}", "Accept": "application/json", "Accept-Language": "de"}
    async with aiohttp.request(method, town.origin + path, headers=headers, **given) as response:
        return response.status, await response.json()


async def test_a_file_is_sent_its_gap_shown_and_its_entries_found(town: Town, toni: StaffBrowser) -> None:
    assert "Es liegt noch kein Kontoauszug vor." in words(await toni.get(HERE))
    assert "Gespeichert: Auszug 1 von 2026" in words(await send(toni, written(numbered(1, PAYOUT))))
    assert "war bereits vorhanden" in words(await send(toni, written(numbered(1, PAYOUT))))
    shown = await send(toni, written(numbered(4, entry(-500, info="Entgelt"), opening=5)))
    assert "Es fehlen: Auszüge 2 bis 3 des Jahres 2026" in words(shown)
    first = re.findall(r'href="(/de/bank/statements/\d+)"', shown.text)[-1]
    one = await toni.get(first)
    for part in (
        "Auszug 1 von 2026",
        "1.000,00 €",
        "2.234,50 €",
        "DE89 3704 0044 0532 0130 00",
        "<b>Stripe</b>",
        "po_1",
    ):
        assert part in words(await toni.get(first)) or part in html.unescape(one.text), part
    assert "<b>Stripe" not in one.text
    assert "po_1" in words(await toni.get(f"{first}?q=1.234,50"))
    assert "Es wurde kein Umsatz gefunden." in words(await toni.get(f"{first}?q=nobody"))
    assert "Entgelt" in words(await toni.get(f"{HERE}search?q=5,00"))
    assert (await toni.get(f"{HERE}statements/99")).status == 404


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de", "Zeile 13, Amt: Hier wird nur in Euro gebucht, nicht in USD."),
        ("en", "Line 13, Amt: only euros are booked here, not USD."),
    ],
)
async def test_a_broken_file_is_refused_whole_with_its_line(
    town: Town, toni: StaffBrowser, language: str, said: str
) -> None:
    raw = written(numbered(1, PAYOUT))
    line = next(n for n, one in enumerate(raw.split(b"\n"), 1) if b"1234.50" in one)
    wrong = raw.replace(b'"EUR">1234.50', b'"USD">1234.50', 1)
    shown = await send(toni, wrong, language)
    assert shown.status == 422
    assert said.replace("13", str(line)) in words(shown)
    assert await town.rows("SELECT id FROM bank_file") == []
    assert (await send(toni, None)).status == 422


async def test_a_program_sends_and_reads(town: Town, toni: StaffBrowser) -> None:
    raw = written(numbered(1, PAYOUT))
    status, made = await api(town, toni, "POST", "/api/bank/files", data={"file": io.BytesIO(raw)})
    assert (status, [one["sequence"] for one in made["statements"]]) == (201, [1])
    assert await api(town, toni, "POST", "/api/bank/files", data={"file": io.BytesIO(raw)}) == (200, made)
    assert await api(town, toni, "GET", "/api/bank/statements") == (200, {"statements": made["statements"]})
    status, one = await api(town, toni, "GET", f"/api/bank/statements/{made['statements'][0]['id']}?q=po_1")
    assert (status, [each["amount_cents"] for each in one["payments"]]) == (200, [123_450])
    status, problem = await api(town, toni, "POST", "/api/bank/files", data={"file": io.BytesIO(b"<a>\n<")})
    assert (status, problem["code"], problem["line"]) == (422, "bank_file_not_xml", 2)
    assert problem["title"].startswith("Zeile 2: ")


async def test_what_the_folder_refused_is_shown(town: Town, toni: StaffBrowser) -> None:
    shown = words(await toni.get(HERE))
    assert "Abgewiesene Dateien" not in shown
    bank = town.worker.bank
    raw = b"<a/>"
    with pytest.raises(OtherFormat) as caught:
        await bank.take("x.xml", raw, None)
    await bank.refused("x.xml\udc80\0", raw, caught.value)
    shown = words(await toni.get(HERE))
    assert "Abgewiesene Dateien aus dem Ordner" in shown
    assert "Zeile 1, a: Das ist kein Kontoauszug" in shown
