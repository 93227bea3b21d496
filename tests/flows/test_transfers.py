"""A refund that fails at the sandbox, over HTTP to the file for the bank: by its payee, by three duties, and back."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from base.clock import SettableClock
from payment.bank.elements import parsed
from tests.payment.bank.writing import detail, entry, statement, written
from tests.staff import StaffBrowser, hire, sign_in, words
from tests.town import Town
from tests.town import town as open_town

PAID = "Führungszeugnis"
IBAN, HOLDER = "DE89 3704 0044 0532 0130 00", "Kim Mustermann"
OURS = "DE02600501010002034304"


@pytest.fixture
async def town(city_dsn: str, clock: SettableClock) -> AsyncIterator[Town]:
    async with open_town(city_dsn, clock, transfer_name="Stadt Stuttgart", transfer_iban=OURS) as opened:
        yield opened


@pytest.fixture
async def staff(town: Town) -> AsyncIterator[dict[str, StaffBrowser]]:
    roles = {"ada": "assessor", "toni": "finance", "luca": "finance", "noa": "treasury"}
    async with AsyncExitStack() as stack:
        found = {}
        for login, role in roles.items():
            await hire(town, login, role)
            found[login] = await stack.enter_async_context(await sign_in(town, login))
        yield found


async def failed(town: Town, reason: str = "lost_or_stolen_card", **contact: Any) -> dict[str, Any]:
    """Paid, cancelled, and the provider cannot give it back."""
    made = await town.appointment(PAID, **contact)
    await town.pay(await town.checkout(made))
    await town.webhooks()
    await town.sandbox("PUT", "refunds/outcome", {"outcome": "pending"})
    await town.cancel(made)
    town.machine.fail_refund(town.machine.state.rows("refunds")[-1]["id"], reason)
    await town.webhooks()
    await town.work()
    return made


async def order_of(town: Town) -> dict[str, Any]:
    [row] = await town.rows("SELECT * FROM transfer_order")
    return dict(row)


def mails(town: Town, subject: str) -> list[Any]:
    return [one for one in town.mail.messages if subject in one.header("Subject")]


def link_in(mail: Any) -> str:
    found = re.search(r"(/de/refunds/link/[\w-]+)", mail.part("text/plain"))
    assert found is not None, mail
    return found[1]


async def payee(town: Town, link: str) -> StaffBrowser:
    """A browser without an account that has come by the link."""
    browser = StaffBrowser(town)
    page = await browser.get(link)
    assert page.status == 200, page
    return browser


async def balances(town: Town) -> dict[str, int]:
    rows = await town.rows(
        "SELECT account, sum(amount_cents)::int AS cents FROM entry GROUP BY account ORDER BY account"
    )
    return {row["account"]: row["cents"] for row in rows if row["cents"]}


async def test_from_a_failed_refund_to_the_file_and_the_bank(town: Town, staff: dict[str, StaffBrowser]) -> None:
    made = await failed(town)
    order = await order_of(town)
    here = f"/de/transfers/{order['id']}"
    assert (order["status"], order["amount_cents"]) == ("asked", 1300)
    assert await balances(town) == {"psp_clearing": 1300, "transfer_payable": -1300}

    [mail] = mails(town, "Bankverbindung")
    async with await payee(town, link_in(mail)) as kim:
        own = f"/de/refunds/{order['id']}"
        shown = words(await kim.get(own))
        assert "13,00 €" in shown
        assert "Kontoinhaber" in shown
        wrong = await kim.post(own, holder="", iban="DE88 3704 0044 0532 0130 00", request_key=str(uuid4()))
        assert wrong.status == 422
        assert "DE88 3704 0044 0532 0130 00" in wrong.text
        assert "Diese IBAN stimmt nicht" in words(wrong)
        given = await kim.post(own, holder=HOLDER, iban=IBAN.lower(), request_key=str(uuid4()))
        assert (given.status, "3000" in given.text, "DE893704" in given.text.replace(" ", "")) == (200, True, False)
    assert (await order_of(town))["status"] == "iban_given"

    assert "Zu prüfen (1)" in words(await staff["ada"].get("/de/transfers/"))
    assert (await staff["toni"].post(f"{here}/assess")).status == 403
    await staff["ada"].post(f"{here}/assess")
    assert (await staff["ada"].post(f"{here}/approve")).status == 403
    await staff["toni"].post(f"{here}/approve")
    assert (await staff["toni"].post("/de/transfers/files", request_key=str(uuid4()))).status == 403
    page = words(await staff["noa"].get(here))
    for field in (
        "13,00 €",
        "Kim Mustermann",
        "DE89 3704 0044 0532 0130 00",
        "fees: 13,00 €",
        "Haushaltsjahr 2026",
        "Ada",
        "Toni",
    ):
        assert field in page, field

    key = str(uuid4())
    file = await staff["noa"].post("/de/transfers/files", request_key=key)
    assert (file.status, file.url.path) == (200, "/de/transfers/files/1")
    again = await staff["noa"].post("/de/transfers/files", request_key=key)
    assert again.url.path == "/de/transfers/files/1"
    first = await staff["noa"].post("/de/transfers/files/1/content")
    second = await staff["noa"].post("/de/transfers/files/1/content")
    assert first.text == second.text
    _namespace, root = parsed(first.text.encode())
    out = root.get("CstmrCdtTrfInitn")
    assert (out.value("GrpHdr/NbOfTxs"), out.value("GrpHdr/CtrlSum")) == ("1", "13.00")
    assert out.value("PmtInf/CdtTrfTxInf/CdtrAcct/Id/IBAN") == IBAN.replace(" ", "")
    [kept] = await town.rows("SELECT sha256, content FROM transfer_file")
    assert kept["sha256"] == hashlib.sha256(first.text.encode()).digest()
    assert IBAN.replace(" ", "").encode() not in kept["content"]
    assert "Noa" in words(await staff["noa"].get("/de/transfers/files/1"))
    [fetched] = await town.rows("SELECT count(*) AS n FROM transfer_download")
    assert fetched["n"] == 2

    case = await town.http.get(
        f"{town.origin}/de/appointments/{made['id']}", headers={"Authorization": f"Bearer {made['token']}"}
    )
    assert "unterwegs" in words(await case.text())

    end_to_end = out.value("PmtInf/CdtTrfTxInf/PmtId/EndToEndId")
    await on_the_statement(town, 1, -1300, end_to_end)
    assert await balances(town) == {"bank": -1300, "psp_clearing": 1300}
    assert (await order_of(town))["status"] == "paid"
    await town.work()
    assert len(mails(town, "überwiesen")) == 1
    await town.assert_sound()

    await on_the_statement(town, 2, -1300, end_to_end, opening=98_700)  # the bank has carried it out a second time
    told = await town.rows("SELECT cause, there_cents FROM difference WHERE state = 'open' AND subject LIKE 'bank:%'")
    assert told == [{"cause": "unknown_debit", "there_cents": -1300}]
    assert (await order_of(town))["status"] == "paid"

    await on_the_statement(town, 3, 1300, end_to_end, opening=97_400)  # no such account there
    back = await order_of(town)
    assert (back["status"], back["iban"]) == ("returned", None)
    assert await balances(town) == {"psp_clearing": 1300, "transfer_payable": -1300}
    await town.work()
    assert mails(town, "Bitte prüfen Sie Ihre Bankverbindung")
    differences = await town.rows("SELECT cause FROM difference WHERE state = 'open'")
    assert {row["cause"] for row in differences} & {"unknown_debit", "unknown_credit", "failed_refund"} == {
        "unknown_debit"
    }


async def test_who_waives_it_in_writing_is_owed_nothing_and_two_persons_say_so(
    town: Town, staff: dict[str, StaffBrowser]
) -> None:
    made = await failed(town)
    here = f"/de/transfers/{(await order_of(town))['id']}"
    ada, toni, luca = staff["ada"], staff["toni"], staff["luca"]
    assert "frühestens am Dienstag, 1. Januar 2030" in words(await ada.get(here))
    assert f'action="{here}/waivers"' not in (await toni.get(here)).text
    empty = await ada.post(f"{here}/waivers", ground="waived", reason=" ", evidence="", request_key=str(uuid4()))
    assert (empty.status, words(empty).count("worauf es sich stützt")) == (422, 4), words(empty)
    early = await ada.post(
        f"{here}/waivers", ground="barred", reason="Niemand zu finden", evidence="Akte 4", request_key=str(uuid4())
    )
    assert "ist noch nicht abgelaufen" in words(early)
    done = await ada.post(
        f"{here}/waivers",
        ground="waived",
        reason="Verzicht vom 3. März",
        evidence="Akte 4, Blatt 12",
        request_key=str(uuid4()),
    )
    for said in ("Schriftlicher Verzicht der empfangenden Person", "Akte 4, Blatt 12", "Wartet auf eine andere Person"):
        assert said in words(done), words(done)
    [approve] = re.findall(r'action="([^"]*/approve)"', (await toni.get(here)).text)
    assert (await ada.post(approve)).status == 403
    assert "Nicht mehr geschuldet: als Ertrag gebucht" in words(await toni.post(approve))
    assert await balances(town) == {"psp_clearing": 1300, "waived_refunds": -1300}
    assert "Nicht mehr geschuldet" in words(await toni.get("/de/transfers/?ended=1"))
    async with StaffBrowser(town) as citizen:
        case = words(await citizen.get(f"/de/case/{made['token']}"))
        assert "Wir überweisen 13,00 € nicht mehr: Sie haben darauf verzichtet" in case, case
    await town.assert_sound()

    [journal] = await town.rows("SELECT id FROM journal WHERE kind = 'refund_waived'")
    books = f"/de/finance/books/journals/{journal['id']}"
    page = await luca.get(books)
    assert "Nicht beanspruchte Erstattungen" in words(page)
    assert "Erstattung nicht mehr geschuldet" in words(page)
    await luca.post(f"{books}/reversals", reason="Kam doch noch", request_key=str(uuid4()))
    [reversal] = await town.rows("SELECT id FROM reversal")
    await toni.post(f"{books}/reversals/{reversal['id']}/approve")
    assert (await order_of(town))["status"] == "asked"
    assert "wieder geschuldet" in words(await ada.get(here))
    assert await balances(town) == {"psp_clearing": 1300, "transfer_payable": -1300}
    await town.assert_sound()


async def on_the_statement(town: Town, number: int, cents: int, end_to_end: str, opening: int = 100_000) -> None:
    """The bank's file comes, and the sides are laid beside each other."""
    day = date(2026, 12, number)
    line = entry(cents, booked_on=day, value_on=day, details=(detail(cents, end_to_end_id=end_to_end),))
    made = statement(line, opening=opening, sequence=number, from_on=day, to_on=day, statement_id=f"STMT-{number}")
    await town.worker.bank.take(f"{number}.xml", written(made), by=None)
    await town.worker.matching.run(date(2026, 12, 1), date(2026, 12, 3), by=1)
