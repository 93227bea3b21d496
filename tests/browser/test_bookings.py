"""Bookings by staff in a real browser, with JavaScript and without: a caller's appointment is booked, found, moved and cancelled."""

from __future__ import annotations

import pytest
from playwright.async_api import async_playwright

from tests.browser.desk import sit_down
from tests.staff import hire
from tests.town import Town

WORDS = {
    "de": ("Zeiten anzeigen", "Termin verbindlich buchen", "Suchen", "Für die Person absagen", "Trotzdem reservieren"),
    "en": ("Show times", "Book the appointment", "Find", "Cancel for the person", "Reserve all the same"),
}


@pytest.mark.parametrize(("language", "width", "scripts"), [("de", 1280, True), ("en", 360, True), ("de", 360, False)])
async def test_somebody_calls(town: Town, chromium: str, language: str, width: int, scripts: bool) -> None:
    await hire(town, "rosa", "supervisor", "buergerbuero-mitte")
    service = (await town.service("Wohnsitzanmeldung"))["id"]
    show, book, find, cancel, override = WORDS[language]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        rosa = await sit_down(browser, town, "rosa", language, width, scripts, "bookings")
        page = rosa.page
        await rosa.stop_at("start")
        await page.locator("select[name=service]").select_option(str(service))
        await rosa.press(show)
        await rosa.stop_at("times")
        await rosa.press(override)  # with nothing in it: told, nothing reserved
        await rosa.stop_at("override-wrong")
        assert await page.locator("[role=alert] a[href='#starts_at']").count() == 1
        await page.locator("button.slot").first.click()
        await rosa.stop_at("contact")
        await rosa.press(book)
        await rosa.stop_at("contact-wrong")
        await page.locator("input[name=name]").fill("Alex Mustermann")
        await page.locator("input[name=mobile]").fill("0151 23456789")
        await rosa.press(book)
        await rosa.stop_at("booked")
        case, [row] = page.url, await town.rows("SELECT number FROM appointment")
        await page.goto(f"{town.origin}/{language}/bookings/")
        await page.locator("input[name=number]").fill("K7F")
        await rosa.press(find)
        await rosa.stop_at("not-found")
        await page.locator("input[name=number]").fill(str(row["number"]))
        await rosa.press(find)
        assert page.url == case
        await page.locator("a[href*='moves=']").click()
        await rosa.stop_at("move")
        await page.locator("button.slot").nth(5).click()
        assert page.url == case
        await page.locator("summary").click()
        await rosa.stop_at("asks-to-cancel")
        await rosa.press(cancel)
        await rosa.stop_at("cancelled")
        await browser.close()
    assert rosa.said == []
    assert rosa.faults == {}
