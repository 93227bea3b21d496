"""A cashier's day in a real browser, with JavaScript and without: opened with a difference, a slip of the finger, counted and closed."""

from __future__ import annotations

import pytest
from playwright.async_api import async_playwright

from tests.browser.desk import sit_down
from tests.flows.test_cash_desk import MITTE, PAID, office
from tests.staff import hire, sign_in
from tests.town import Town

WORDS = {
    "de": ("Lade öffnen", "Die Gebühr hier annehmen", "Bar annehmen", "Rückgeld: 487,00 €", "Lade schließen"),
    "en": ("Open the drawer", "Take the fee here", "Take in cash", "Change: €487.00", "Close the drawer"),
}


@pytest.mark.parametrize(("language", "width", "scripts"), [("de", 1280, True), ("en", 360, True), ("de", 360, False)])
async def test_a_day_at_the_till(town: Town, chromium: str, language: str, width: int, scripts: bool) -> None:
    made = await town.appointment(PAID)
    await hire(town, "robin", "cashier", MITTE)
    async with await sign_in(town, "robin") as robin:
        till = (await robin.post(f"/de/till/{await office(town)}/tills", name="Kasse 1")).url.path
    here = f"{town.origin}{till.replace('/de/', f'/{language}/')}"
    opens, begins, takes, change, closes = WORDS[language]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        desk = await sit_down(browser, town, "robin", language, width, scripts, area="till")
        page = desk.page
        await page.goto(here)
        await page.locator("#float").fill("100")
        await desk.press(opens)
        assert await page.locator("[role=alert]").is_visible()
        await desk.stop_at("open-differs")
        await page.locator("#note").fill("Erster Tag")
        await desk.press(opens)
        await page.locator("#q").fill(made["number"])
        await page.locator("form[role=search] button").click()
        await desk.stop_at("found")
        await desk.press(begins)
        await page.locator("#given").fill("500")
        await page.keyboard.press("Enter")
        await page.locator("#sure").wait_for()
        assert await page.locator("#given").input_value() == "500"
        if scripts:
            assert await page.evaluate("document.activeElement.getAttribute('role')") == "alert"
        await desk.stop_at("unlikely")
        await page.locator("#sure").check()
        await desk.press(takes)
        assert (await page.locator(".till-change").inner_text()).replace("\xa0", " ") == change
        await desk.stop_at("taken")
        await page.goto(here)
        await page.locator("a[href*='/drawers/']").click()
        await page.locator("#counted").fill("112")
        await desk.press(closes)
        await desk.stop_at("closing-differs")
        await page.locator("#note").fill("Ein Euro fehlt")
        await page.locator("#deposit").fill("12")
        await desk.press(closes)
        assert await page.locator("form[action$='/close']").count() == 0
        await desk.stop_at("closed")
        await browser.close()
    assert [one for one in desk.said if "status of 409" not in one] == []  # the questions
    assert desk.faults == {}
    notes = await town.rows("SELECT opening_note, note, counted_cents - expected_cents AS difference FROM drawer")
    assert [dict(row) for row in notes] == [
        {"opening_note": "Erster Tag", "note": "Ein Euro fehlt", "difference": -100}
    ]
