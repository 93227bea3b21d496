"""Hours in a real browser: the overview, a change typed wrong and right, its preview and what it leaves; axe at every stop."""

from __future__ import annotations

import pytest
from playwright.async_api import async_playwright

from tests.browser.desk import sit_down
from tests.staff import hire
from tests.town import Town

PREVIEW, SAVE = {"de": "Vorschau", "en": "Preview"}, {"de": "Speichern", "en": "Save"}


@pytest.mark.parametrize(("language", "width", "scripts"), [("de", 1280, True), ("en", 360, True), ("de", 360, False)])
async def test_new_hours(town: Town, chromium: str, language: str, width: int, scripts: bool) -> None:
    await hire(town, "boss", "supervisor", "buergerbuero-mitte")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        boss = await sit_down(browser, town, "boss", language, width, scripts, "hours")
        page = boss.page
        await boss.stop_at("office")
        await page.locator("main a[href*='/series?counter=']").first.click()
        await boss.stop_at("series")
        await page.locator("textarea").fill("Mo 8")
        await boss.press(PREVIEW[language])
        await boss.stop_at("series-wrong")
        assert await page.locator("[role=alert] a[href='#series']").count() == 1
        await page.locator("textarea").fill("Mo-Fr 07:00-16:00\nBreak We 12:00-12:30")
        await boss.press(PREVIEW[language])
        await boss.stop_at("series-preview")
        await boss.press(SAVE[language])
        await page.locator("input[name=day]").fill("2026-12-08")
        await page.locator("input[name=reason]").fill("Personalversammlung")
        await boss.press(PREVIEW[language])
        await boss.press(SAVE[language])
        await boss.stop_at("changed")
        await page.locator("main a[href$='/rules']").click()
        await boss.stop_at("rules")
        await page.locator("main tbody a").first.click()
        await page.locator("input[name=duration_min]").fill("7")
        await boss.press(PREVIEW[language])
        await page.locator("details#services summary").click()
        await boss.stop_at("rule-wrong")
        await page.locator("main a[href*='/shares?service=']").click()
        await page.locator("input[name=public_percent]").fill("50")
        await boss.press(PREVIEW[language])
        await boss.stop_at("shares-wrong")
        await browser.close()
    assert boss.said == []
    assert boss.faults == {}
