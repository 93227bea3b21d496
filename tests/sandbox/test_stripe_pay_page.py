"""The hosted pay page as a browser without scripts would use it."""

import re
import subprocess
from typing import Any

import pytest
from playwright.async_api import async_playwright

from tests.sandbox.running import CANCEL_URL, Sandbox, sandbox, session_body
from tests.sandbox.test_stripe_process import PROJECT


async def opened(box: Sandbox, **more: Any) -> str:
    return str(box.machine.create_session(session_body(**more))["id"])


async def page(box: Sandbox, path: str) -> tuple[int, str]:
    async with box.http.get(box.url + path) as response:
        return response.status, await response.text()


async def press(box: Sandbox, path: str, button: str) -> tuple[int, str | None]:
    """Send the form; gives status and where it leads."""
    async with box.http.post(box.url + path, data={"action": button}, allow_redirects=False) as response:
        return response.status, response.headers.get("Location")


async def test_the_page_says_what_it_is_and_has_a_strict_policy() -> None:
    async with sandbox() as box:
        session = await opened(box)
        async with box.http.get(f"{box.url}/pay/{session}") as response:
            text, policy = await response.text(), response.headers["Content-Security-Policy"]
        assert "Sandbox – no real money" in text
        assert "12.90 EUR" in text
        assert "Meldebescheinigung" in text
        assert "<script" not in text
        assert '<html lang="en">' in text
        assert policy.startswith("default-src 'none'; style-src 'self';")
        assert "form-action 'self' http://127.0.0.1:9" in policy
        assert re.findall(r'value="(\w+)"', text) == ["pay", "3ds", "decline", "stay", "abandon"]
        assert (await page(box, "/pay/style.css"))[0] == 200
        assert f"/pay/{session}" in (await page(box, "/"))[1]


@pytest.mark.parametrize("width", [360, 1280])
async def test_the_amount_of_an_item_stands_on_one_line(width: int) -> None:
    name = "Aufenthaltserlaubnis – Familienangehörige von Deutschen (unter 18 Jahren), Ausländerbehörde"
    chromium = subprocess.run([str(PROJECT / "tools" / "chromium.sh")], capture_output=True, text=True, check=True)
    async with sandbox() as box, async_playwright() as playwright:
        body = session_body(10000)
        body["line_items"][0]["price_data"]["product_data"]["name"] = name
        browser = await playwright.chromium.launch(executable_path=chromium.stdout.strip(), args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": width, "height": 800})
        await page.goto(f"{box.url}/pay/{box.machine.create_session(body)['id']}")
        lines = await page.evaluate(
            """() => {
              const text = document.createRange()
              text.selectNodeContents(document.querySelector('dd'))
              return [text.getClientRects().length, document.documentElement.scrollWidth]
            }"""
        )
        await browser.close()
    assert lines == [1, width]


async def test_pay_redirects_with_the_session_id() -> None:
    async with sandbox() as box:
        session = await opened(box)
        assert await press(box, f"/pay/{session}", "pay") == (303, f"http://127.0.0.1:9/back?session={session}")
        assert box.machine.get("sessions", session)["status"] == "complete"
        text = (await page(box, f"/pay/{session}"))[1]
        assert "This payment is done." in text
        assert re.findall(r'value="(\w+)"', text) == ["dispute"]


async def test_decline_comes_back_with_the_reason_and_can_be_tried_again() -> None:
    async with sandbox() as box:
        session = await opened(box)
        assert await press(box, f"/pay/{session}", "decline") == (303, f"/pay/{session}")
        text = (await page(box, f"/pay/{session}"))[1]
        assert 'role="alert"' in text
        assert "Your card was declined." in text
        assert (await press(box, f"/pay/{session}", "pay"))[0] == 303
        assert box.machine.get("sessions", session)["payment_status"] == "paid"


@pytest.mark.parametrize(("button", "status"), [("confirm", "complete"), ("fail", "open")])
async def test_3d_secure(button: str, status: str) -> None:
    async with sandbox() as box:
        session = await opened(box)
        assert await press(box, f"/pay/{session}", "3ds") == (303, f"/pay/{session}/3ds")
        assert "is it you?" in (await page(box, f"/pay/{session}/3ds"))[1]
        _, target = await press(box, f"/pay/{session}/3ds", button)
        assert box.machine.get("sessions", session)["status"] == status
        assert target is not None
        assert target.startswith("http://127.0.0.1:9/back" if button == "confirm" else f"/pay/{session}")


async def test_abandon_goes_back_and_leaves_the_session_open() -> None:
    async with sandbox() as box:
        session = await opened(box)
        assert await press(box, f"/pay/{session}", "abandon") == (303, CANCEL_URL)
        assert box.machine.get("sessions", session)["status"] == "open"


async def test_pay_and_never_return_stays() -> None:
    async with sandbox() as box:
        session = await opened(box)
        assert await press(box, f"/pay/{session}", "stay") == (200, None)
        assert box.machine.get("sessions", session)["status"] == "complete"


async def test_an_expired_session_takes_no_payment() -> None:
    async with sandbox() as box:
        session = await opened(box, expires_at=box.machine.now() + 1800)
        await press(box, f"/pay/{session}", "3ds")
        box.clock.advance(minutes=31)
        assert await press(box, f"/pay/{session}/3ds", "confirm") == (303, f"/pay/{session}")
        assert await press(box, f"/pay/{session}", "pay") == (303, f"/pay/{session}")
        assert "Nothing was charged" in (await page(box, f"/pay/{session}"))[1]
        assert box.machine.balance() == 0


async def test_text_of_the_shop_is_escaped_and_unknown_sessions_are_404() -> None:
    async with sandbox() as box:
        price = {"currency": "eur", "unit_amount": 100, "product_data": {"name": "<script>alert(1)</script>"}}
        session = await opened(box, line_items=[{"price_data": price}])
        assert "<script" not in (await page(box, f"/pay/{session}"))[1]
        status, text = await page(box, "/pay/cs_nix")
        assert status == 404
        assert "no such payment" in text
        assert (await press(box, f"/pay/{session}", "nonsense"))[0] == 303
