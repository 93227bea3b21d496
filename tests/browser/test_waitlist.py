"""The earlier-time list for staff in a real browser, with JavaScript and without: figures, and a case that waits and is offered a time."""

from __future__ import annotations

import pytest
from playwright.async_api import async_playwright

from tests.browser.desk import sit_down
from tests.flows.test_waitlist import BO, LATER, SOONER, booked
from tests.staff import hire
from tests.town import KIM, Town

WORDS = {
    "de": ("Person auf die Liste setzen", "Früheren Termin annehmen"),
    "en": ("Put the person on the list", "Take the earlier time"),
}


@pytest.mark.parametrize(("language", "width", "scripts"), [("de", 1280, True), ("en", 360, True), ("de", 360, False)])
async def test_somebody_waits(town: Town, chromium: str, language: str, width: int, scripts: bool) -> None:
    await hire(town, "sam", "supervisor")
    freed, mine = await booked(town, KIM, SOONER), await booked(town, BO, LATER)
    join, accept = WORDS[language]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        sam = await sit_down(browser, town, "sam", language, width, scripts, "waitlist")
        await sam.stop_at("nothing")
        case = f"{town.origin}/{language}/bookings/{mine['office']}/cases/{mine['id']}"
        await sam.page.goto(case)
        await sam.stop_at("may-wait")
        await sam.press(join)
        await sam.stop_at("waits")
        await town.cancel(freed)
        await town.work()
        await sam.page.goto(f"{town.origin}/{language}/waitlist/")
        await sam.stop_at("figures")
        await sam.page.goto(case)
        await sam.stop_at("offered")
        await sam.press(accept)
        await sam.stop_at("taken")
        await browser.close()
    assert (await town.look(mine))["starts_at"] == freed["starts_at"]
    assert sam.said == []
    assert sam.faults == {}
