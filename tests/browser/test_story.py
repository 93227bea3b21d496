"""One case through the whole house: booked, paid, mailed, met by video, finished at the counter, seen in the till. Three browsers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

import pytest
from playwright.async_api import Page, async_playwright

from base.clock import SettableClock
from tests.browser.test_call import FLAGS, WATCH, Person
from tests.staff import PASSWORD, hire
from tests.town import KIM, MORNING, Town
from tests.town import town as open_town
from tests.video.worker_process import media

OFFICE, SERVICE, FEE = "auslaenderbehoerde", "Aufenthaltserlaubnis Studium", "100,00\xa0€"


@pytest.fixture
async def town(city_dsn: str, clock: SettableClock) -> AsyncIterator[Town]:
    async with media() as (worker, _pool), open_town(city_dsn, clock, media_control=(worker.control,)) as opened:
        yield opened


async def test_from_the_first_click_to_the_journal_of_the_day(town: Town, chromium: str) -> None:
    async with async_playwright() as playwright, AsyncExitStack() as stack:

        async def somebody() -> Page:
            browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            stack.push_async_callback(browser.close)
            page = await (await browser.new_context(locale="de")).new_page()
            await page.add_init_script(WATCH)
            return page

        citizen, clerk, finance = await somebody(), await somebody(), await somebody()
        number = await _book_and_pay(town, citizen)
        await _follow_the_mail(town, citizen)
        kim, sam = Person(citizen), Person(clerk)
        await kim.goes_in()
        await citizen.get_by_role("heading", name="Warteraum").wait_for()
        await _go_to_the_counter(town, clerk)
        await sam.goes_in()
        await clerk.locator("[data-admit]").click()
        for one in (kim, sam):
            await one.sees_and_hears_more(15)
        await _finish(town, clerk)
        await citizen.get_by_role("heading", name="Das Gespräch ist beendet").wait_for()
        await _look_into_the_till(town, finance, number)
    assert await town.rows("SELECT status FROM appointment") == [{"status": "finished"}]
    assert await town.rows("SELECT status FROM ticket") == [{"status": "done"}]
    await town.assert_sound()


async def _book_and_pay(town: Town, page: Page) -> str:
    """The number of the confirmed case; its time begins in five minutes."""
    await page.goto(f"{town.origin}/de/")
    await page.get_by_role("searchbox").or_(page.locator("input[name=q]")).first.fill(SERVICE)
    await _press(page, "Suchen")
    await page.locator("a[href*='/services/']").first.click()
    await page.get_by_role("link", name="Per Video").click()
    await _press(page, "Freie Termine zeigen")
    await page.locator("button[name=slot]").first.click()
    await page.locator("input[name=name]").fill(KIM["name"])
    await page.locator("input[name=email]").fill(KIM["email"])
    await page.locator("main form[method=post] button[type=submit]").last.click()
    await _press(page, "Zahlungspflichtig buchen")
    assert page.url.startswith(town.stripe)
    await page.locator("button[value=pay]").click()
    await page.get_by_role("heading", name="Ihr Termin ist bestätigt").wait_for()
    number = await page.locator(".number strong").inner_text()
    [time] = await town.rows("SELECT starts_at FROM claim WHERE appointment_id IS NOT NULL")
    starts_at: datetime = time["starts_at"]
    town.clock.set(starts_at - timedelta(minutes=5))
    return number


async def _follow_the_mail(town: Town, page: Page) -> None:
    """On a device that knows nothing of the booking."""
    await town.work()
    [mail] = town.mail.messages
    assert mail.header("To") == KIM["email"]
    link = re.search(rf"{town.origin}/de/join/\S+", mail.part("text/plain") or "")
    assert link is not None
    await page.context.clear_cookies()
    await page.goto(link[0])
    assert "/join/" not in page.url  # the token has left the address bar


async def _go_to_the_counter(town: Town, page: Page) -> None:
    [office] = await town.rows("SELECT id FROM office WHERE key = $1", OFFICE)
    await hire(town, "sam", "clerk", OFFICE)
    await _sign_in(town, page, "sam", "counter/")
    assert page.url == f"{town.origin}/de/counter/{office['id']}"
    [lane] = await town.rows(
        "SELECT k.name->>'de' AS name FROM claim c JOIN counter k ON k.id = c.counter_id "
        "WHERE c.appointment_id IS NOT NULL"
    )
    await _press(page, lane["name"])
    await page.get_by_text(KIM["name"]).first.wait_for()  # who waits, by video
    await _press(page, "Nächste Person aufrufen")
    await _press(page, "Zum Videogespräch")
    await page.wait_for_url(re.compile("/de/room/"))


async def _finish(town: Town, page: Page) -> None:
    await page.goto(f"{town.origin}/de/counter/")
    await _press(page, "Abschließen")
    await page.get_by_role("button", name="Nächste Person aufrufen").wait_for()


async def _look_into_the_till(town: Town, page: Page, number: str) -> None:
    await hire(town, "toni", "finance")
    await _sign_in(town, page, "toni", "finance/")
    await page.goto(f"{town.origin}/de/finance/?day={MORNING.date()}")  # the day of the payment, not of the visit
    assert (
        await page.get_by_role("region", name="Journal").get_by_text(FEE).count() == 4
    )  # claimed, earned, received, settled
    assert await page.locator("tr[data-kind]").count() == 0  # here and at the provider it is the same
    await page.locator("input[name=q]").fill(number)
    await page.locator("form[role=search] button").click()
    assert re.search(r"/finance/payments/[0-9a-f-]{36}$", page.url)
    assert number in await page.locator("main").inner_text()


async def _sign_in(town: Town, page: Page, login: str, area: str) -> None:
    await page.goto(f"{town.origin}/de/{area}")
    await page.locator("input[name=login]").fill(login)
    await page.locator("input[name=password]").fill(PASSWORD)
    await _press(page, "Anmelden")


async def _press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=re.compile(re.escape(name))).first.click()
