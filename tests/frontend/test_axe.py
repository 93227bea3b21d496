"""axe-core, reflow and target size on every state of every page, under the real CSP. Needs a Chromium: `make test` sees to it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import ConsoleMessage, Page, Playwright, async_playwright

from base.config import Settings
from base.i18n import Translations
from base.templates import Assets, Templates
from base.web.guard import security_headers
from frontend.room.pages import DEVICES
from tests.browser import axe
from tests.frontend.samples import pages, staff_pages

ROOT = Path(__file__).parents[2]
SETTINGS = Settings(database_url="", secret_key="")
STATES = sorted({**pages(Translations.load(), "de"), **staff_pages(Translations.load(), "de")})
FEW = [
    "start",
    "service",
    "service-second",
    "start-add",
    "times",
    "times-wishes",
    "times-nowhere",
    "contact-wrong",
    "check",
    "case-cancel",
    "catalogue-in-the-way",
    "catalogue-upload-wrong",
    "case-asked",
    "case-keep-link",
    "case-video",
    "case-earlier",
    "waitlist-wrong",
    "need",
    "need-request",
    "need-runs",
    "overview-wrong",
    "invitation",
    "invitation-over",
    "invitation-code",
    "invitations",
    "invitations-new",
    "invitations-many",
    "overview-list",
    "rebooking-time",
    "closing-form",
    "closing-track",
    "desk-need",
    "desk-request",
    "desk-refunds",
    "refund-code",
    "allocation-calls",
    "allocation-services",
    "allocation-service",
    "twin",
    "room",
    "check-first-wrong",
    "check-reduced",
    "till-down",
    "till-code-wrong",
    "case-at-till",
    "counter-proof",
    "counter-further",
    "charge",
    "open-fees",
    "guard-service",
    "who-wrong",
    "finance-batch",
    "finance-figures",
    "finance-search",
    "error",
]  # a page takes a second or two
VIEWS = [("de", 1280, "light", STATES), ("en", 360, "light", FEW), ("de", 320, "dark", FEW)]
ONLY_LAYOUT = ("en", 360)  # the other two views have the same structure and colours


@pytest.fixture(scope="module")
def chromium() -> str:
    return subprocess.run(
        [str(ROOT / "tools" / "chromium.sh")], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
async def server(assets: Assets) -> AsyncIterator[TestServer]:
    translations = Translations.load()
    templates = Templates([ROOT / "frontend" / "templates"], translations, assets)

    async def show(request: web.Request) -> web.Response:
        language, state = request.match_info["language"], request.match_info["state"]
        if state == "broken":
            return web.Response(text='<!DOCTYPE html><title>x</title><img src="data:,">', content_type="text/html")
        template, view = {**pages(translations, language), **staff_pages(translations, language)}[state]
        if request.query.get("dir") == "rtl":  # until a language is spoken here that is written so
            page: Any = view
            view = replace(page, frame=replace(page.frame, direction="rtl"))
        text = templates.render(template, language, page=view)
        headers = {**security_headers(SETTINGS), **({"Permissions-Policy": DEVICES} if state == "room" else {})}
        return web.Response(text=text, content_type="text/html", headers=headers)

    app = web.Application()

    async def nothing_new(request: web.Request) -> web.Response:
        return web.Response(content_type="text/event-stream")

    app.router.add_get("/{language:de|en}/{state}", show)
    app.router.add_get("/live", nothing_new)  # of pages that change by themselves
    app.router.add_static("/static", assets.folder)
    running = TestServer(app)
    async with running:
        yield running


@pytest.mark.parametrize(("language", "width", "scheme", "states"), VIEWS)
async def test_every_page(
    server: TestServer, chromium: str, language: str, width: int, scheme: Literal["light", "dark"], states: list[str]
) -> None:
    found: dict[str, list[str]] = {}

    async def examine(playwright: Playwright, some: Sequence[str]) -> None:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = await browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        for state in some:
            page = await context.new_page()
            said: list[str] = []
            page.on("console", _into(said))  # what the CSP refuses is told here
            await page.goto(str(server.make_url(f"/{language}/{state}")))
            if wrong := said + await _wrong(page, only_layout=(language, width) == ONLY_LAYOUT):
                found[state] = wrong
            await page.close()
        await browser.close()

    async with async_playwright() as playwright:  # two browsers, as a machine has two cores at least
        await asyncio.gather(*(examine(playwright, states[first::2]) for first in range(2)))
    assert found == {}


async def test_from_right_to_left_nothing_is_cut_off(server: TestServer, chromium: str) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 360, "height": 900})
        found = {}
        for state in FEW:
            await page.goto(str(server.make_url(f"/de/{state}?dir=rtl")))
            found[state] = await page.evaluate(
                """() => [...document.querySelectorAll('main *')]
                  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().left < 0).length"""
            )
            await page.wait_for_load_state()
            found[state] += await axe.overflow_px(page)
        await page.goto(str(server.make_url("/de/service?dir=rtl")))
        tick = await page.locator("input:checked").first.evaluate(
            "(one) => ['borderRightWidth', 'borderLeftWidth'].map((side) => getComputedStyle(one, '::before')[side])"
        )
        await browser.close()
    assert found == dict.fromkeys(FEW, 0)
    assert tick == ["2px", "0px"]  # a tick is not mirrored


async def test_on_paper_everything_is_dark_on_white(server: TestServer, chromium: str) -> None:
    """Also for those who read the screen in the dark; and icons, which are backgrounds, are printed."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="dark")
        await page.emulate_media(media="print", color_scheme="dark")
        await page.goto(str(server.make_url("/de/case-confirmed")))
        light: Any = await page.evaluate(
            """() => [...document.querySelectorAll('body, header *, main *')]
              .filter((one) => one.checkVisibility())
              .filter((one) => Math.max(...getComputedStyle(one).color.match(/\\d+/g).slice(0, 3)) > 140)
              .map((one) => one.outerHTML.slice(0, 80))"""
        )
        assert light == []
        assert await page.locator("body").evaluate("(one) => getComputedStyle(one).backgroundColor") == (
            "rgb(255, 255, 255)"
        )
        icon = page.locator("main .kern-icon").first
        assert await icon.evaluate("(one) => getComputedStyle(one).printColorAdjust") == "exact"
        inks = [
            await page.locator(f"main {one}").first.evaluate("(one) => getComputedStyle(one).backgroundColor")
            for one in (".panel > .kern-icon", ".checklist .kern-icon")
        ]
        assert len(set(inks)) == 1, inks
        assert inks[0] not in ("rgba(0, 0, 0, 0)", "rgb(255, 255, 255)")
        assert not await page.locator(".buttons").first.is_visible()
        await browser.close()


async def test_axe_finds_what_is_wrong(server: TestServer, chromium: str) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page()
        await page.goto(str(server.make_url("/de/broken")))
        found: Any = await axe.violations(page)
        await browser.close()
    assert any(line.startswith("image-alt") for line in found)


def _into(said: list[str]) -> Callable[[ConsoleMessage], None]:
    def hear(message: ConsoleMessage) -> None:
        said.append(message.text)

    return hear


async def _wrong(page: Page, *, only_layout: bool) -> list[str]:
    overflow = await axe.overflow_px(page)
    return [
        *([] if only_layout else await axe.violations(page)),
        *await axe.small_targets(page),
        *([f"{overflow} px too wide"] if overflow else []),
    ]
