"""The books on screen: balances that sum to nothing, a statement that ends where the balance does, a day closed by the treasury alone."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from datetime import date
from typing import Any

import pytest

from base.web import IDENTITY
from payment.endpoints import LEDGERS, PAYMENTS
from tests.flows.test_till import paid, payment_of
from tests.payment.ledgers.booking import behind_the_back
from tests.staff import Page, StaffBrowser, hire, sign_in, words
from tests.town import Town

BOOKS = "/de/finance/books"
DECEMBER = "from=2026-12-01&to=2026-12-31"


def field(page: Page, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    return found.group(1) if found else ""


@pytest.fixture
async def staff(town: Town) -> Any:
    async with AsyncExitStack() as stack:
        browsers = {}
        for role in ("finance", "treasury", "auditor"):
            await hire(town, role, role)
            browsers[role] = await stack.enter_async_context(await sign_in(town, role))
        yield browsers


async def test_balance_and_statement_say_the_same(town: Town, staff: dict[str, StaffBrowser]) -> None:
    await paid(town)
    await town.cancel(await paid(town))
    text = words(await staff["finance"].get(f"{BOOKS}?{DECEMBER}"))
    assert "Geld beim Zahlungsdienst 0,00 € 26,00 € 13,00 € 13,00 €" in text
    assert "Summe 0,00 € 52,00 € 52,00 € 0,00 €" in text  # two fees and a refund of two steps
    page = await staff["finance"].get(f"{BOOKS}/account?name=psp_clearing&{DECEMBER}")
    text = words(page)
    assert "Anfangsbestand: 0,00 €" in text
    assert "Endbestand: 13,00 €" in text
    assert re.search(r"Erstattung RF\d\d [\w ]+ 13,00 € 13,00 €", text)
    assert (await staff["finance"].get(f"{BOOKS}/account?name=nonsense&{DECEMBER}")).status == 404


async def test_an_account_before_its_first_journal_is_empty_and_keeps_its_form(
    town: Town, staff: dict[str, StaffBrowser]
) -> None:
    await paid(town)
    here = f"{BOOKS}/account"
    early = await staff["treasury"].get(f"{here}?name=psp_clearing&from=2026-10-01&to=2026-10-31")
    assert (early.status, "In diesen Tagen wurde nichts gebucht." in words(early)) == (200, True)
    assert 'name="from"' in early.text
    assert (await staff["treasury"].get(f"{here}?name=psp&from=2026-10-01&to=2026-10-31")).status == 404


async def test_what_is_not_earned_yet_is_listed_by_payment_and_product(
    town: Town, staff: dict[str, StaffBrowser]
) -> None:
    made = await paid(town)
    await town.cancel(await paid(town))
    text = words(await staff["auditor"].get(f"{BOOKS}/advance?day=2026-12-31"))
    assert "Erhaltene Vorauszahlungen bis Donnerstag, 31. Dezember 2026" in text
    assert text.count("13,00 €") == 2  # by product and by payment
    await town.rows("UPDATE payment SET service_day = '2026-12-01'")
    assert await town.app[PAYMENTS].earn_due(date(2026, 12, 1)) == 1
    text = words(await staff["auditor"].get(f"{BOOKS}/advance?day=2026-12-31"))
    assert "Alles Erhaltene ist vereinnahmt oder zurückgezahlt." in text
    assert await payment_of(town, made) not in text


async def test_a_day_is_closed_by_the_treasury_alone_and_once_it_is_over(
    town: Town, staff: dict[str, StaffBrowser]
) -> None:
    await paid(town)
    close = f"{BOOKS}/days/2026-12-01/close"
    refused = await staff["treasury"].post(close)
    assert (refused.status, "Dieser Tag ist noch nicht zu Ende." in words(refused)) == (409, True)
    town.clock.advance(hours=20)
    for role in ("finance", "auditor"):
        another = await sign_in(town, role)
        async with another:
            assert "endgültig abschließen" not in words(await another.get(f"{BOOKS}/days"))
            assert (await another.post(close)).status == 403
    async with await sign_in(town, "treasury") as noa:
        assert f'action="{close}"' in (await noa.get(f"{BOOKS}/days")).text
        done = await noa.post(close)
        assert (done.status, "Treasury" in words(done)) == (200, True)
        assert "Es ist nichts abzuschließen." in words(done)
        assert (await noa.post(close)).status == 200  # clicked twice
        assert (await noa.post(f"{BOOKS}/days/gestern/close")).status == 404
    await town.assert_sound()


async def test_the_auditor_sees_whether_the_seals_hold(town: Town, staff: dict[str, StaffBrowser]) -> None:
    await paid(town)
    assert await town.app[LEDGERS].seal_due() == 1
    assert "Alle Siegel und alle abgeschlossenen Tage stimmen." in words(await staff["auditor"].get(f"{BOOKS}/check"))
    await behind_the_back(
        town.app[IDENTITY].db, "UPDATE entry SET amount_cents = amount_cents * 2 WHERE journal_id = 1"
    )
    assert "Siegel 1: Buchung 1 ist nicht, was versiegelt wurde." in words(await staff["auditor"].get(f"{BOOKS}/check"))
    assert (await staff["finance"].get(f"{BOOKS}/check")).status == 403


async def test_a_journal_is_reversed_by_two_and_seen_from_both_sides(
    town: Town, staff: dict[str, StaffBrowser]
) -> None:
    await paid(town)
    toni, journal = staff["finance"], f"{BOOKS}/journals/1"
    await hire(town, "luca", "finance")
    assert f'href="{journal}?up=' in (await toni.get(f"{BOOKS}/account?name=psp_clearing&{DECEMBER}")).text
    page = await toni.get(journal)
    assert "Diese Buchung stornieren" in words(page)
    assert "Diese Buchung stornieren" not in words(await staff["auditor"].get(journal))
    key = field(page, "request_key")
    wrong = await toni.post(f"{journal}/reversals", request_key=key, reason="nö")
    assert (wrong.status, "5 bis 500 Zeichen" in words(wrong)) == (422, True)
    for _twice in range(2):
        page = await toni.post(f"{journal}/reversals", request_key=key, reason="Zweimal gebucht")
        assert "Sie haben dieses Storno beantragt" in words(page)
    [reversal] = await town.rows("SELECT id FROM reversal")
    decide = f"{journal}/reversals/{reversal['id']}"
    assert (await toni.post(f"{decide}/approve")).status == 409
    async with await sign_in(town, "luca") as luca:
        assert "Zweimal gebucht" in words(await luca.get("/de/finance/work"))
        assert f'action="{decide}/approve"' in (await luca.get(journal)).text
        page = await luca.post(f"{decide}/approve")
    assert "Storniert durch Buchung 2" in words(page)
    assert "Nimmt zurück Buchung 1" in words(await toni.get(f"{BOOKS}/journals/2"))
    text = words(await toni.get(f"{BOOKS}/account?name=psp_clearing&{DECEMBER}"))
    assert "storniert durch 2" in text
    assert "Storno, nimmt 1 zurück" in text
    assert "Endbestand: 0,00 €" in text
    again = await toni.post(f"{journal}/reversals", request_key=field(page, "nothing") or key, reason="Noch einmal")
    assert again.status in (400, 409)
    for wrong_path in ("journals/7", "journals/99999999999999999999", "journals/x"):
        assert (await toni.get(f"{BOOKS}/{wrong_path}")).status == 404
