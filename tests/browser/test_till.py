"""The till in a real browser, with JavaScript and without: a day with differences, a payment, a refund by two persons; axe everywhere."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from base.clock import SettableClock
from tests.browser import axe
from tests.staff import PASSWORD, hire
from tests.town import Town
from tests.town import town as open_town

PICTURES = os.environ.get("PICTURES")  # a folder: every page is photographed there
WORDS = {
    "de": ("Erstattung beantragen", "Freigeben und erstatten", "Erstattet"),
    "en": ("Ask for the refund", "Approve and refund", "Refunded"),
}


@pytest.fixture
async def town(city_dsn: str, clock: SettableClock) -> AsyncIterator[Town]:
    async with open_town(city_dsn, clock) as opened:
        yield opened


@dataclass
class Desk:
    """A browser's page of one person, examined at every stop."""

    page: Page
    name: str
    scripts: bool
    faults: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    async def stop_at(self, place: str) -> None:
        if self.scripts:
            found = await axe.violations(self.page)
            if overflow := await axe.overflow_px(self.page):
                found.append(f"scrolls sideways by {overflow} px")
            if found:
                self.faults[place] = found
        if PICTURES:
            await self.page.screenshot(path=Path(PICTURES) / f"till-{self.name}-{place}.png", full_page=True)

    async def press(self, label: str) -> None:
        await self.page.get_by_role("button", name=label, exact=True).click()


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


async def sit_down(browser: Browser, town: Town, login: str, language: str, width: int, scripts: bool) -> Desk:
    context = await browser.new_context(
        viewport={"width": width, "height": 900}, java_script_enabled=scripts, locale=language
    )
    desk = Desk(await context.new_page(), f"{login}-{language}-{width}-{'js' if scripts else 'plain'}", scripts)
    context.on("console", lambda message: _keep(desk.said, message))
    await desk.page.goto(f"{town.origin}/{language}/finance/")
    await desk.page.locator("input[name=login]").fill(login)
    await desk.page.locator("input[name=password]").fill(PASSWORD)
    await desk.page.locator("main button[type=submit]").click()
    return desk


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
        assert luca.page.url == payment
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


def _keep(said: list[str], message: ConsoleMessage) -> None:
    if message.type in ("error", "warning") and "status of 422" not in message.text:  # sent empty on purpose
        said.append(message.text)
