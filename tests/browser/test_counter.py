"""The counter's day in a real browser: sign in, give a number, call, start, finish; the board shows the call within a second."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Page, async_playwright

from tests.browser import axe
from tests.flows.test_counter import book_today, office_id
from tests.staff import PASSWORD, hire
from tests.town import Town

PICTURES = os.environ.get("PICTURES")
VIEWS: list[tuple[int, Literal["light", "dark"], bool]] = [
    (1280, "light", True),
    (360, "dark", True),
    (1280, "light", False),
]


@pytest.mark.parametrize(("width", "scheme", "scripts"), VIEWS)
async def test_the_day_of_a_clerk(
    town: Town, chromium: str, width: int, scheme: Literal["light", "dark"], scripts: bool
) -> None:
    office = await office_id(town)
    await book_today(town, office)
    await hire(town, "kim", "supervisor", "buergerbuero-mitte")
    found: dict[str, list[str]] = {}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = await browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts, locale="de"
        )
        said: list[str] = []
        context.on("console", lambda message: said.append(message.text) if message.type == "error" else None)

        async def stop(page: Page, place: str) -> None:
            if scripts:
                wrong = await axe.violations(page)
                if overflow := await axe.overflow_px(page):
                    wrong.append(f"scrolls sideways by {overflow} px")
                if wrong:
                    found[place] = wrong
            if PICTURES:
                name = f"counter-{width}-{'js' if scripts else 'plain'}-{place}.png"
                await page.screenshot(path=Path(PICTURES) / name, full_page=True)

        desk, board = await context.new_page(), await context.new_page()
        await board.goto(f"{town.origin}/de/board/{office}")
        await stop(board, "board-empty")
        await desk.goto(f"{town.origin}/de/counter/")
        await stop(desk, "sign-in")
        await desk.locator("input[name=login]").fill("kim")
        await desk.locator("input[name=password]").fill(PASSWORD)
        await _press(desk, "Anmelden")
        assert desk.url == f"{town.origin}/de/counter/{office}"
        await stop(desk, "choose")
        await _press(desk, "Schalter 1")
        await _press(desk, "Ankunft vermerken: ")
        await desk.locator("#service").select_option(index=1)
        await _press(desk, "Nummer vergeben")
        await stop(desk, "waiting")
        await _press(desk, "Nächste Person aufrufen")
        if not scripts:
            await board.reload()
        await board.locator(".calls__newest", has_text="001").wait_for(timeout=1000)
        await stop(desk, "called")
        await stop(board, "board-called")
        await _press(desk, "Ist da: beginnen")
        await _press(desk, "Abschließen")
        await stop(desk, "finished")
        await desk.goto(f"{town.origin}/de/staff/")
        await stop(desk, "start")
        await desk.goto(f"{town.origin}/de/staff/password")
        await stop(desk, "password")
        await _press(desk, "Abmelden")
        assert desk.url == f"{town.origin}/de/staff/sign-in"
        await browser.close()
    assert found == {}
    assert said == []
    [ticket, walk_in] = await town.rows("SELECT status FROM ticket ORDER BY number")
    assert (ticket["status"], walk_in["status"]) == ("done", "waiting")


async def test_what_is_said_of_a_step_is_of_its_moment_and_back_gives_no_second_number(
    town: Town, chromium: str
) -> None:
    office = await office_id(town)
    await hire(town, "kim", "clerk", "buergerbuero-mitte")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        desk = await browser.new_page(locale="de")
        await desk.goto(f"{town.origin}/de/counter/")
        await desk.locator("input[name=login]").fill("kim")
        await desk.locator("input[name=password]").fill(PASSWORD)
        await _press(desk, "Anmelden")
        await _press(desk, "Schalter 1")
        refused = desk.get_by_role("alert").get_by_text("Es wartet niemand")
        await _press(desk, "Nächste Person aufrufen")
        await refused.wait_for()
        assert desk.url == f"{town.origin}/de/counter/{office}"
        service = (await town.service("Wohnsitzanmeldung"))["id"]
        await town.worker.queue.add_walk_in(office, service, "one")
        await refused.wait_for(state="detached")  # what it said is no longer so
        await desk.reload()
        assert [row["status"] for row in await town.rows("SELECT status FROM ticket")] == ["waiting"]
        await desk.locator("#service").select_option(index=1)
        await _press(desk, "Nummer vergeben")
        await desk.get_by_text("Nummer 002 wartet jetzt.").wait_for()
        await desk.go_back()
        await _press(desk, "Nummer vergeben")  # the browser asks for a choice
        assert await desk.locator("#service:invalid").count() == 1
        assert len(await town.rows("SELECT FROM ticket")) == 2
        if PICTURES:
            await desk.set_viewport_size({"width": 360, "height": 900})
            await desk.locator("#number").fill("K7F")
            await _press(desk, "Ankunft vermerken")
            await desk.get_by_text("ist zu kurz").wait_for()
            await desk.screenshot(path=Path(PICTURES) / "counter-refused-360.png")
        await browser.close()


async def _press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=re.compile(f"^{name}")).first.click()
