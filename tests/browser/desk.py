"""A browser's page of somebody who works here, examined at every stop."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Page

from tests.browser import axe
from tests.staff import PASSWORD
from tests.town import Town

PICTURES = os.environ.get("PICTURES")  # a folder: every page is photographed there


@dataclass
class Desk:
    page: Page
    area: str
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
            await self.page.screenshot(path=Path(PICTURES) / f"{self.area}-{self.name}-{place}.png", full_page=True)

    async def press(self, label: str) -> None:
        await self.page.get_by_role("button", name=label, exact=True).click()


async def sit_down(
    browser: Browser, town: Town, login: str, language: str, width: int, scripts: bool, area: str = "finance"
) -> Desk:
    context = await browser.new_context(
        viewport={"width": width, "height": 900}, java_script_enabled=scripts, locale=language
    )
    desk = Desk(await context.new_page(), area, f"{login}-{language}-{width}-{'js' if scripts else 'plain'}", scripts)
    context.on("console", lambda message: _keep(desk.said, message))
    await desk.page.goto(f"{town.origin}/{language}/{area}/")
    await desk.page.locator("input[name=login]").fill(login)
    await desk.page.locator("input[name=password]").fill(PASSWORD)
    await desk.page.locator("main button[type=submit]").click()
    return desk


def _keep(said: list[str], message: ConsoleMessage) -> None:
    if message.type in ("error", "warning") and "status of 422" not in message.text:  # sent empty on purpose
        said.append(message.text)
