"""The till in a real browser, with JavaScript and without: a day with differences, a payment, a refund by two persons; axe everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from tests.browser.desk import PICTURES, Desk, sit_down
from tests.staff import hire
from tests.town import Town

WORDS = {
    "de": ("Erstattung beantragen", "Freigeben und erstatten", "Erstattet"),
    "en": ("Ask for the refund", "Approve and refund", "Refunded"),
}


async def a_day(town: Town) -> str:
    """Three payments: one as it should be, one given back, one paid without our knowledge. The first one's number."""
    first, second, third = [await town.appointment("Führungszeugnis") for _ in range(3)]
    for made in (first, second):
        await town.pay(await town.checkout(made))
    await town.webhooks()
    await town.cancel(second)
    await town.webhooks()
    await town.sandbox("PUT", "webhooks/faults", {"lose": 1.0})
    await town.pay(await town.checkout(third))
    town.clock.advance(minutes=5)
    return str(first["number"])


@pytest.mark.parametrize(("language", "width", "scripts"), [("de", 1280, True), ("en", 360, True), ("de", 360, False)])
async def test_a_day_and_a_refund_by_two_persons(
    town: Town, chromium: str, language: str, width: int, scripts: bool
) -> None:
    number = await a_day(town)
    for login in ("toni", "luca"):
        await hire(town, login, "finance")
    ask, approve, refunded = WORDS[language]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        toni = await sit_down(browser, town, "toni", language, width, scripts)
        assert toni.page.url == f"{town.origin}/{language}/finance/"
        await toni.stop_at("day")
        assert await toni.page.locator("tr[data-kind]").count() == 1
        await toni.page.locator("input[name=q]").fill(number)
        await toni.page.locator("form[role=search] button").click()
        await toni.stop_at("payment")
        await toni.press(ask)  # without a reason: told, nothing sent on
        await toni.stop_at("payment-wrong")
        assert await toni.page.locator("[role=alert] a[href='#note']").count() == 1
        await toni.page.locator("textarea[name=note]").fill("Zweimal bezahlt,\neinmal am Schalter")
        await toni.press(ask)
        await toni.stop_at("requested")
        payment = toni.page.url
        luca = await sit_down(browser, town, "luca", language, width, scripts)
        await luca.page.goto(f"{town.origin}/{language}/finance/work")
        await luca.stop_at("work")
        await luca.page.locator("main table a").first.click()
        assert luca.page.url.split("?")[0] == payment
        await luca.stop_at("to-approve")
        await luca.press(approve)
        assert await luca.page.locator(".refund .badge").inner_text() == refunded
        await luca.stop_at("approved")
        await luca.page.goto(f"{town.origin}/{language}/finance/search?q=nothing")
        await luca.stop_at("search")
        await town.sandbox("PUT", "faults", {"faults": [{"kind": "drop_before", "path": "/v1/", "times": 9}]})
        await luca.page.goto(f"{town.origin}/{language}/finance/")
        await luca.stop_at("silent")
        assert await luca.page.locator(".kern-alert--warning").count() == 1
        assert await luca.page.locator("tr[data-kind]").count() == 0
        await _on_paper(luca)
        await browser.close()
    assert toni.said + luca.said == []  # what the content security policy refuses is told there
    assert (toni.faults, luca.faults) == ({}, {})


async def test_german_on_a_telephone_with_long_words(town: Town, chromium: str) -> None:
    """A day that agrees, a day that there is not, and a reason without a space: nothing is wider than the screen."""
    await town.pay(await town.checkout(await town.appointment("Führungszeugnis")))
    await town.webhooks()
    await hire(town, "toni", "finance")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        toni = await sit_down(browser, town, "toni", "de", 360, True)
        await toni.stop_at("day-agrees")
        assert await toni.page.locator(".badge--success").is_visible()
        await toni.page.goto(f"{town.origin}/de/finance/?day=2019-12-31")
        await toni.stop_at("day-without-books")
        await toni.page.goto(f"{town.origin}/de/finance/")
        await toni.page.locator("tbody a[href*='/finance/payments/']").first.click()
        await toni.page.locator("textarea[name=note]").fill("x" * 500)
        await toni.press(WORDS["de"][0])
        assert await toni.page.locator(".refund__why").inner_text() == "x" * 500
        await toni.stop_at("long-reason")
        await toni.page.goto(f"{town.origin}/de/finance/work")
        await toni.stop_at("work-long-reason")
        await browser.close()
    assert toni.faults == {}


async def _on_paper(desk: Desk) -> None:
    """Sums and journal are there; what can be pressed is not."""
    await desk.page.emulate_media(media="print")
    assert await desk.page.locator("#journal").is_visible()
    for gone in (".till-forms", ".areas", ".languages", ".who"):
        assert not await desk.page.locator(gone).first.is_visible()
    if PICTURES:
        await desk.page.screenshot(path=Path(PICTURES) / f"till-{desk.name}-paper.png", full_page=True)


@pytest.mark.parametrize(("language", "width"), [("de", 1280), ("en", 360)])
async def test_a_dispute_and_what_the_city_can_say(town: Town, chromium: str, language: str, width: int) -> None:
    """An inquiry and a dispute: in the list, with evidence, among what waits, and at the payment."""
    for how in ("dispute", "inquire"):
        await town.pay(await town.checkout(await town.appointment("Führungszeugnis")))
        await town.webhooks()
        *_, charge = town.machine.state.rows("charges")
        await town.sandbox("POST", f"charges/{charge['id']}/{how}")
    await town.webhooks()
    await hire(town, "toni", "finance")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        toni = await sit_down(browser, town, "toni", language, width, scripts=False)
        await toni.page.goto(f"{town.origin}/{language}/finance/disputes")
        await toni.stop_at("disputes")
        assert await toni.page.locator("main tbody tr").count() == 2
        await toni.page.locator("main td a").first.click()
        await toni.stop_at("dispute")
        assert await toni.page.locator(".kern-alert--warning").count() == 1
        await toni.page.locator("section[aria-labelledby=payment] a").click()
        await toni.stop_at("payment")
        await toni.page.goto(f"{town.origin}/{language}/finance/work")
        await toni.stop_at("work")
        await browser.close()
    assert toni.said == []
    assert toni.faults == {}
