"""The check of a guarded service in a real browser: its script is small, solves what the server asks, and goes on by itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from base.templates import Assets
from tests.frontend.conftest import STATIC
from tests.staff import hire, sign_in
from tests.town import Town, eventually

PICTURES = os.environ.get("PICTURES")  # a folder: the check is photographed there
MOST_BYTES = 1024


def test_the_script_is_small() -> None:
    script = STATIC / Path(Assets(STATIC).url("proof.js")).name
    assert script.stat().st_size <= MOST_BYTES


@pytest.mark.parametrize(("language", "width"), [("de", 1280), ("en", 360)])
async def test_the_browser_proves_and_goes_on(town: Town, chromium: str, language: str, width: int) -> None:
    service = (await town.service("Wohnsitzanmeldung"))["id"]
    await hire(town, "boss", "admin")
    async with await sign_in(town, "boss") as boss:
        await boss.post(f"/de/guard/services/{service}", per_network="30")
    await town.fresh()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await (await browser.new_context(viewport={"width": width, "height": 900})).new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(f"{town.origin}/{language}/times?service={service}&channel=onsite")
        if PICTURES:  # the form waits for whoever types, so it can be looked at
            await page.add_init_script(
                "addEventListener('DOMContentLoaded', () => document.querySelector('#code_email')?.focus())"
            )
        await page.locator("button[name=slot]").first.click()
        if PICTURES:
            await page.locator("form[data-challenge] button:not([disabled])").wait_for()
            await page.screenshot(path=Path(PICTURES) / f"check-{language}-{width}.png", full_page=True)
            await page.locator("form[data-challenge] button").click()
        await page.wait_for_url(f"**/{language}/holds/*")
        await browser.close()
    assert errors == []

    async def is_used() -> bool:
        return [row["way"] for row in await town.rows("SELECT way FROM guard_pass WHERE hold_id IS NOT NULL")] == [
            "proof"
        ]

    await eventually(is_used)
