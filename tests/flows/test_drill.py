"""From a figure to one appointment and back: each step over HTTP by the links of the pages, with the filters still there on the way up."""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from uuid import uuid4

import pytest

from payment.endpoints import LEDGERS, MATCHING
from tests.flows.test_till import paid, payment_of
from tests.staff import Page, StaffBrowser, hire, sign_in, words
from tests.town import Town

DAYS = "from=2026-12-01&to=2026-12-03"
FIGURES = f"/de/finance/figures?{DAYS}"


def links(page: Page, part: str) -> list[str]:
    """Addresses of the page's own part with this in them (before any way up), in their order."""
    assert page.status == 200, page.url
    found = [unescape(one) for one in re.findall(r'href="([^"]+)"', page.text.partition("<main")[2])]
    return [one for one in found if part in one.split("up=")[0]]


def way(page: Page) -> list[tuple[str, str]]:
    """What stands above: label and address."""
    nav = re.search(r'<nav class="way.*?</nav>', page.text, re.S)
    found = re.findall(r'href="([^"]+)">([^<]+)<', nav[0]) if nav else []
    return [(label.replace("\xa0", " "), unescape(url)) for url, label in found]


async def test_from_a_figure_to_the_payment_and_back_with_the_days_kept(town: Town, toni: StaffBrowser) -> None:
    made = await paid(town)
    await town.cancel(await paid(town))
    figures = await toni.get(FIGURES)
    taken, refunded = [one for one in links(figures, "/figures/lines") if "method=card" in one]
    lines = await toni.get(taken)
    assert "Bezahlt: 01.12.2026, Mit Karte, online" in words(lines)
    assert "Summe 26,00 €" in words(lines)
    assert way(lines) == [("Auswertung: 01.12.2026–03.12.2026", FIGURES)]
    assert "Summe 13,00 €" in words(await toni.get(refunded))
    payment_id = await payment_of(town, made)
    payment = await toni.get(links(lines, f"/payments/{payment_id}")[0])
    assert [label for label, _url in way(payment)] == ["Auswertung: 01.12.2026–03.12.2026", "Bezahlt: 01.12.2026"]
    journal = await toni.get(links(payment, "/books/journals/")[0])
    assert [label for label, _url in way(journal)][-1] == "Zahlung"
    # From the journal back to the payment it is the same page again, not a level deeper.
    again = await toni.get(links(journal, f"/payments/{payment_id}")[0])
    assert way(again) == way(payment)
    assert str((await toni.get(way(again)[0][1])).url.query_string) == DAYS


async def test_the_way_up_outlives_a_form(town: Town, toni: StaffBrowser) -> None:
    payment_id = await payment_of(town, await paid(town))
    lines = await toni.get(links(await toni.get(FIGURES), "/figures/lines")[0])
    payment = await toni.get(links(lines, f"/payments/{payment_id}")[0])
    action = re.search(rf'action="(/de/finance/payments/{payment_id}/refunds[^"]*)"', payment.text)
    assert action
    refused = await toni.post(unescape(action[1]), note=" ", request_key=str(uuid4()))
    assert (refused.status, way(refused)) == (422, way(payment))
    done = await toni.post(unescape(action[1]), note="Doppelt gebucht", request_key=str(uuid4()))
    assert "Wartet auf Freigabe" in words(done)
    assert way(done) == way(payment)


async def test_open_items_and_accounts_lead_to_payments(town: Town, toni: StaffBrowser) -> None:
    payment_id = await payment_of(town, await paid(town))
    figures = await toni.get(FIGURES)
    advance = await toni.get(links(figures, "account=received_in_advance")[0])
    assert "Summe -13,00 €" in words(advance)
    assert links(advance, f"/payments/{payment_id}")
    clearing = await toni.get(links(figures, "name=psp_clearing")[0])
    assert "Endbestand: 13,00 €" in words(clearing)
    assert way(clearing) == [("Auswertung: 01.12.2026–03.12.2026", FIGURES)]
    balance = await toni.get(f"/de/finance/books?{DAYS}")
    statement = await toni.get(links(balance, "name=psp_clearing")[0])
    assert [label for label, _url in way(statement)] == ["Summen und Salden: 01.12.2026–03.12.2026"]
    assert links(statement, f"/payments/{payment_id}")


async def test_a_batch_leads_to_its_items_and_a_payment_to_its_batch(town: Town) -> None:
    payment_id = await payment_of(town, await paid(town))
    town.clock.advance(hours=20)
    closer = await hire(town, "noa", "treasury")
    await town.app[LEDGERS].close(date(2026, 12, 1), by=closer)
    async with await at_work(town) as toni:
        page = await toni.post("/de/finance/batches/days/2026-12-01")
        total, whole = links(page, "/1/items?")
        items = await toni.get(total)
        assert ("product=" in total, "product=" in whole) == (True, False)
        assert "Einzelposten" in words(items)
        assert words(items).count("13,00 €") == words(await toni.get(whole)).count("13,00 €") == 2
        payment = await toni.get(links(items, f"/payments/{payment_id}")[0])
        assert [label for label, _url in way(payment)] == ["Stapel 1", "Einzelposten"]
        assert "Bei der Stadtkasse" in words(payment)
        assert "noch nicht quittiert" in words(payment)
        assert links(payment, "/batches/1")[0] == page.url.path


async def test_a_payout_and_its_payments_know_each_other(town: Town) -> None:
    payment_id = await payment_of(town, await paid(town))
    town.clock.advance(days=4)
    payout = town.machine.pay_out()
    assert payout is not None
    town.machine.payout_arrives(payout["id"])
    town.clock.advance(minutes=1)
    await town.app[MATCHING].by_night()
    async with await at_work(town) as toni:
        listed = await toni.get("/de/finance/payouts?from=2026-12-01&to=2026-12-31")
        page = await toni.get(links(listed, f"/payouts/{payout['id']}")[0])
        assert "Kennung auf dem Kontoauszug" in words(page)
        payment = await toni.get(links(page, f"/payments/{payment_id}")[0])
        assert way(payment)[0][0] == "Auszahlungen: 01.12.2026–31.12.2026"
        assert "Weg zur Bank" in words(payment)
        assert "erwartet am" in words(payment)


async def at_work(town: Town) -> StaffBrowser:
    """Days later, when nobody of before is signed in any more."""
    await hire(town, "toni", "finance")
    return await sign_in(town, "toni")


async def test_the_appointment_is_for_those_who_may_see_it(town: Town, toni: StaffBrowser) -> None:
    made = await paid(town)
    payment_id = await payment_of(town, made)
    number = (await town.look(made))["number"]
    page = await toni.get(f"/de/finance/payments/{payment_id}")
    assert number in words(page)
    assert links(page, "/cases/") == []
    await town.rows("INSERT INTO role (name, permissions) VALUES ('both', ARRAY['finance.read', 'hold.staff'])")
    await hire(town, "sam", "both")
    async with await sign_in(town, "sam") as sam:
        page = await sam.get(f"/de/finance/payments/{payment_id}")
        case = await sam.get(links(page, f"/cases/{made['id']}")[0])
        assert number in words(case)


@pytest.mark.parametrize(
    "up",
    [
        "https://evil.example/de/finance/",
        "//evil.example/finance/",
        "/de/finance/../staff/",
        "/de/finance/nothing",
        "javascript:alert(1)",
        "/de/finance/ x",
        "/de/finance/figures?" + "x" * 3000,
    ],
)
async def test_only_pages_of_finance_stand_above(town: Town, toni: StaffBrowser, up: str) -> None:
    payment_id = await payment_of(town, await paid(town))
    page = await toni.get(f"/de/finance/payments/{payment_id}", params={"up": up})
    assert page.status == 200
    assert all(url.startswith("/de/finance/figures?") for _label, url in way(page))
    assert "evil" not in words(page)


async def test_nonsense_is_not_found_or_shows_nothing(town: Town, toni: StaffBrowser) -> None:
    assert (await toni.get("/de/finance/figures/lines?side=theft")).status == 404
    assert (await toni.get("/de/finance/payouts/po_none")).status == 404
    assert (await toni.get("/de/finance/batches/77/items")).status == 404
    assert "Nichts ist offen." in words(await toni.get("/de/finance/figures/open?account=%27&day=gestern"))
