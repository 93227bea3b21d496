"""From a drawer to the bank over HTTP: a bag that is counted short there, an account beside its statement, a reversal."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest

from payment.bank.endpoints import BANK
from sandbox.bank.account import Account
from sandbox.bank.bank import Bank
from sandbox.bank.model import Booking, Payment
from tests.flows.test_cash_desk import MITTE, a_till, close, office, words
from tests.staff import StaffBrowser, hire, sign_in
from tests.town import Town

LIST = "/de/finance/differences"


@pytest.fixture
async def staff(town: Town) -> Any:
    async with AsyncExitStack() as stack:
        await hire(town, "robin", "cashier", MITTE)
        for name in ("kim", "lou"):
            await hire(town, name, "finance")
        yield {name: await stack.enter_async_context(await sign_in(town, name)) for name in ("robin", "kim", "lou")}


async def stated(town: Town, *lines: tuple[int, str]) -> None:
    """Today's statement of the bank, and the next one."""
    account, today = Account(opening_cents=500_000), town.clock().date()
    for cents, text in lines:
        account.book(today, Booking(payments=(Payment(amount_cents=cents, remittance=text),), info="KASSE"))
    for file in Bank(account).close(today):
        await town.app[BANK].take(file.name, file.content, None)


async def test_a_bag_that_was_counted_short_is_settled_by_two_and_a_reversal_frees_its_line(
    town: Town, staff: dict[str, StaffBrowser]
) -> None:
    while town.clock().weekday() > 4:
        town.clock.advance(days=1)
    robin, kim, lou = staff["robin"], staff["kim"], staff["lou"]
    till = await a_till(town, robin)
    closed = await close(robin, await robin.get(till), counted="100", deposit="60", bag="SB 7")
    assert (closed.status, "Nur Buchstaben, Ziffern und Bindestriche" in words(closed)) == (422, True)
    closed = await close(robin, await robin.get(till), counted="100", deposit="60", bag="SB-7001")
    drawer = closed.url.path
    assert "60,00 € in Beutel SB-7001, noch nicht bei der Bank" in words(closed), words(closed)
    await stated(town, (5_000, "Bargeldeinzahlung SB-7001"), (-10_000, "Auszahlung Wechselgeld"))
    listed = await kim.post(f"{LIST}/runs")
    assert "Offene Differenzen: 1" in words(listed), words(listed)
    found = re.search(rf'href="({LIST}/\d+)[?"]', listed.text)
    assert found
    one = found.group(1)
    page = await kim.get(one)
    assert "10,00 € als Kassendifferenz" in words(page), words(page)
    (choice,) = re.findall(r'value="(deposit:[^"]+)" checked', page.text)
    wrong = await kim.post(f"{one}/requests", note="Nachgezählt.", choice="deposit:x", request_key=str(uuid4()))
    assert (wrong.status, "Bitte wählen Sie, was dieser Umsatz ist." in words(wrong)) == (422, True)
    await kim.post(f"{one}/requests", note="Nachgezählt.", choice=choice, request_key=str(uuid4()))
    asked = await lou.get(one)
    assert "10,00 € als Kassendifferenz" in words(asked)
    (approve,) = re.findall(r'action="([^"]+/approve)"', asked.text)
    assert "Erledigt" in words(await lou.post(approve))
    assert "60,00 € in Beutel SB-7001, bei der Bank am" in words(await robin.get(drawer))
    told = words(await kim.get("/de/finance/at-bank"))
    assert "noch nicht dort: 0,00 €" in told, told
    assert told.count("4.950,00 €") == 2, told  # by the statement and by the books

    [row] = await town.rows("SELECT journal_id FROM difference_request WHERE approved")
    journal = f"/de/finance/books/journals/{row['journal_id']}"
    await kim.post(f"{journal}/reversals", reason="Falscher Beutel gewählt.", request_key=str(uuid4()))
    (approve,) = re.findall(r'action="([^"]+/approve)"', (await lou.get(journal)).text)
    await lou.post(approve)
    assert "wieder offen: Buchungssatz storniert" in words(await kim.get(one))
    assert "noch nicht bei der Bank" in words(await robin.get(drawer))
    town.clock.advance(minutes=5)
    assert "Offene Differenzen: 1" in words(await kim.post(f"{LIST}/runs"))
    await town.assert_sound()


async def test_a_till_knows_its_terminal_and_the_api_its_bag(town: Town, staff: dict[str, StaffBrowser]) -> None:
    robin = staff["robin"]
    base = f"/de/till/{await office(town)}"
    refused = await robin.post(f"{base}/tills", name="Kasse 1", terminal="x")
    assert (refused.status, "4 bis 30 Zeichen" in words(refused)) == (422, True)
    await robin.post(f"{base}/tills", name="Kasse 1", terminal="54001234")
    twice = await robin.post(f"{base}/tills", name="Kasse 2", terminal="54001234")
    assert (twice.status, "gehört zu einer anderen Kasse" in words(twice)) == (422, True)
    till = await a_till(town, robin, "Kasse 3")
    none = await close(robin, await robin.get(till), counted="100", bag="SB-7001")
    assert (none.status, "also gibt es keinen Beutel" in words(none)) == (422, True)
    town.clock.advance(minutes=1)
    await close(robin, await robin.get(till), counted="100", deposit="10", bag="SB-7002")
    [row] = await town.rows(
        "SELECT t.terminal, d.bag FROM till t LEFT JOIN drawer d ON d.till_id = t.id ORDER BY t.id DESC LIMIT 1"
    )
    assert (row["terminal"], row["bag"]) == (None, "SB-7002")
