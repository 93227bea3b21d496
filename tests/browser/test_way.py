"""The citizen's whole way in a real browser, with JavaScript and without, from the first words to the refund; axe on every page of it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, ConsoleMessage, Page, async_playwright

from tests.browser import axe
from tests.town import KIM, Town, eventually

PICTURES = os.environ.get("PICTURES")  # a folder: every page of the way is photographed there
FIND = {"de": ("Suchen", "Freie Termine zeigen"), "en": ("Search", "Show free times")}


@dataclass
class Walk:
    """A browser's page that is examined at every stop."""

    page: Page
    name: str
    scripts: bool  # without JavaScript axe cannot run either; the same pages are examined in the other walks
    faults: dict[str, Any] = field(default_factory=dict)

    async def stop_at(self, place: str) -> None:
        if self.scripts:
            found = await axe.violations(self.page)
            if overflow := await axe.overflow_px(self.page):
                found.append(f"scrolls sideways by {overflow} px")
            if found:
                self.faults[place] = found
        if PICTURES:
            await self.page.screenshot(path=Path(PICTURES) / f"way-{self.name}-{place}.png", full_page=True)

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=re.compile(name)).first.click()


@pytest.mark.parametrize(("language", "width", "scripts"), [("de", 1280, True), ("en", 360, True), ("de", 360, False)])
async def test_from_the_first_words_to_the_refund(
    town: Town, chromium: str, language: str, width: int, scripts: bool
) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = await browser.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=scripts, locale=language
        )
        said: list[str] = []
        context.on("console", lambda message: _keep(said, message))
        walk = Walk(await context.new_page(), f"{language}-{width}-{'js' if scripts else 'plain'}", scripts)
        await _book(walk, town, language)
        await _pay(walk, town, language)
        link = await _mail(town)
        await _come_back_and_cancel(walk, context, town, language, link)
        await browser.close()
    assert said == []  # what the content security policy refuses is told there
    assert walk.faults == {}
    await town.assert_sound()


async def _book(walk: Walk, town: Town, language: str) -> None:
    page = walk.page
    await page.goto(f"{town.origin}/")
    assert page.url == f"{town.origin}/{language}/"
    await walk.stop_at("start")
    await page.get_by_role("searchbox").or_(page.locator("input[name=q]")).first.fill("Führungszeugnis")
    await walk.press(FIND[language][0])
    await walk.stop_at("found")
    await page.locator("a[href*='/services/']").first.click()
    await walk.stop_at("service")
    await walk.press(FIND[language][1])
    await walk.stop_at("times")
    await page.locator("button[name=slot]").first.click()
    await walk.stop_at("contact")
    await page.locator("form[method=post] button[type=submit]").last.click()  # nothing filled in: told, nothing lost
    assert await page.locator("[role=alert]").count() == 1
    await walk.stop_at("contact-wrong")
    await page.locator("input[name=name]").fill(KIM["name"])
    await page.locator("input[name=email]").fill(KIM["email"])
    await page.locator("form[method=post] button[type=submit]").last.click()
    assert re.search(r"/appointments/[0-9a-f-]{36}/check", page.url)
    await walk.stop_at("check")


async def _pay(walk: Walk, town: Town, language: str) -> None:
    page = walk.page
    await page.locator("form[method=post] button[type=submit]").last.click()
    assert page.url.startswith(town.stripe)
    await page.locator("button[value=decline]").click()
    await eventually(partial(_is_told, town))  # and the payer comes back in the same moment of the town's clock
    await page.locator("button[value=pay]").click()
    await page.wait_for_url(re.compile(rf"{town.origin}/{language}/appointments/[0-9a-f-]+$"))
    await walk.stop_at("confirmed")
    assert await page.locator(".panel--success").count() == 1
    await page.go_back()  # the back button does no harm
    await page.goto(f"{town.origin}/{language}/")
    [case] = await town.rows("SELECT status FROM appointment")
    assert case["status"] == "confirmed"


async def _is_told(town: Town) -> bool:
    """The webhook of the declined card has come."""
    return bool(await town.rows("SELECT FROM vendor_event WHERE kind = 'payment_intent.payment_failed'"))


async def _mail(town: Town) -> str:
    await town.work()
    [mail] = town.mail.messages
    found = re.search(rf"{town.origin}/\w+/case/\S+", mail.part("text/plain") or "")
    assert found is not None
    return found[0]


async def _come_back_and_cancel(walk: Walk, context: BrowserContext, town: Town, language: str, link: str) -> None:
    await context.clear_cookies()
    page = walk.page
    await page.goto(link)
    assert "/case/" not in page.url  # the token has left the address bar
    async with page.expect_download() as download:
        await page.locator("a[href$='calendar.ics']").click()
    assert b"BEGIN:VCALENDAR" in Path(await (await download.value).path()).read_bytes()
    await page.locator("a[href*='cancel=1'], a[href*='cancel=true']").click()
    await walk.stop_at("really")
    await page.locator("form[action$='/cancel'] button").click()
    await walk.stop_at("cancelled")
    await town.work()
    await page.reload()
    await walk.stop_at("refunded")
    seen = await town.rows("SELECT a.status, r.status AS refund FROM appointment a, refund r")
    assert seen == [{"status": "cancelled", "refund": "succeeded"}]


def _keep(said: list[str], message: ConsoleMessage) -> None:
    if message.type in ("error", "warning") and "status of 422" not in message.text:  # the form sent empty on purpose
        said.append(message.text)
