"""Who is asked: a sandbox in this process, or the vendor's own test system where somebody has access to it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import async_playwright

from payment.ports import PaymentProvider, Snapshot
from payment.psp_stripe import LIVE_API, StripeProvider
from payment.psp_xbezahl import Access, XBezahlProvider
from payment.xbezahl_words import Version
from sandbox.xbezahldienste.server import PASSWORD, USER
from tests.payment.contract.recording import Recorder, recording
from tests.payment.contract.scenarios import STRIPE, XBEZAHL, Messages, Payer, Scenario
from tests.payment.providers import Side, xbezahl_side
from tests.sandbox.running import sandbox

ROOT = Path(__file__).resolve().parents[3]
GOOD_CARD, REFUSED_CARD = "4242424242424242", "4000000000000002"  # docs.stripe.com/testing
DISPUTED_CARD, CARD_AT_HAND = "4000000000000259", "4000000000000077"
_SECRET = "whsec"
_PAY_S, _PERSON_S = 60_000, 600


@dataclass(frozen=True, slots=True)
class Asked:
    psp: PaymentProvider
    payer: Payer
    recorder: Recorder
    messages: Messages | None = None


Ask = Callable[[], AbstractAsyncContextManager[Asked]]


@dataclass(frozen=True, slots=True)
class Vendor:
    """`itself` is None where nobody has given access."""

    name: str
    scenarios: tuple[Scenario, ...]
    sandbox: Ask
    itself: Ask | None
    wants: str


def vendors(environ: dict[str, str] | None = None) -> tuple[Vendor, ...]:
    given = dict(os.environ) if environ is None else environ
    key, base = given.get("STRIPE_TEST_KEY", ""), given.get("XBEZAHL_TEST_API_BASE", "")
    if key and not key.startswith(("sk_test_", "rk_test_")):
        raise ValueError("STRIPE_TEST_KEY is no test key: real money stays out of this")
    return (
        Vendor("stripe", STRIPE, stripe_sandbox, (lambda: _stripe(LIVE_API, key)) if key else None, "STRIPE_TEST_KEY"),
        Vendor(
            "xbezahldienste",
            XBEZAHL,
            xbezahl_sandbox,
            (lambda: _xbezahl(given)) if base else None,
            "XBEZAHL_TEST_API_BASE (and _ORIGINATOR, _ENDPOINT, _USER, _PASSWORD, _TOKEN_URL, _VERSION)",
        ),
    )


@contextlib.asynccontextmanager
async def stripe_sandbox() -> AsyncIterator[Asked]:
    async with sandbox(early_intents=False) as box, recording(box.url) as recorder, aiohttp.ClientSession() as http:
        psp = StripeProvider(
            http, api_key="sk_test_contract", webhook_secrets=(_SECRET,), api_base=recorder.url, retries=0
        )
        yield Asked(psp, _ByControl(box.machine), recorder, _events(http, recorder, "sk_test_contract"))


def _events(http: aiohttp.ClientSession, recorder: Recorder, key: str) -> Messages:
    """The bodies of messages are what the list of events shows: nobody need reach us from outside."""

    async def messages(kind: str) -> list[bytes]:
        query, headers = {"type": kind, "limit": "3"}, {"Authorization": f"Bearer {key}"}
        async with http.get(f"{recorder.url}/v1/events", params=query, headers=headers) as answer:
            found = (await answer.json())["data"]
        return [json.dumps(one).encode() for one in found]

    return messages


def signed(raw: bytes) -> dict[str, str]:
    """As the vendor signs what it sends. docs.stripe.com/webhooks#verify-manually"""
    at = int(time.time())
    code = hmac.new(_SECRET.encode(), f"{at}.".encode() + raw, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={at},v1={code}"}


@contextlib.asynccontextmanager
async def xbezahl_sandbox() -> AsyncIterator[Asked]:
    async with xbezahl_side("1.2") as side, recording(side.url) as recorder, aiohttp.ClientSession() as http:
        access = Access(
            base=recorder.url,
            originator=side.machine.originator,
            endpoint=side.machine.endpoint,
            user=USER,
            password=PASSWORD,
        )
        psp = XBezahlProvider(http, access, version=Version("1.2"), clock=side.machine.clock)
        yield Asked(psp, _BySide(side), recorder)


@contextlib.asynccontextmanager
async def _stripe(base: str, key: str) -> AsyncIterator[Asked]:
    async with recording(base) as recorder, aiohttp.ClientSession(trust_env=True) as http:
        psp = StripeProvider(http, api_key=key, webhook_secrets=(_SECRET,), api_base=recorder.url, retries=0)
        yield Asked(psp, _ByBrowser(http, base, key), recorder, _events(http, recorder, key))


@contextlib.asynccontextmanager
async def _xbezahl(given: dict[str, str]) -> AsyncIterator[Asked]:
    async with recording(given["XBEZAHL_TEST_API_BASE"]) as recorder, aiohttp.ClientSession(trust_env=True) as http:
        access = Access(
            base=recorder.url,
            originator=given["XBEZAHL_TEST_ORIGINATOR"],
            endpoint=given["XBEZAHL_TEST_ENDPOINT"],
            user=given["XBEZAHL_TEST_USER"],
            password=given["XBEZAHL_TEST_PASSWORD"],
            token_url=given.get("XBEZAHL_TEST_TOKEN_URL", ""),
        )
        version = Version(given.get("XBEZAHL_TEST_VERSION", "1.2"))
        yield Asked(XBezahlProvider(http, access, version=version), _ByPerson(), recorder)


class _ByControl:
    def __init__(self, machine: Any) -> None:
        self._machine = machine

    async def pay(self, session: Snapshot) -> None:
        self._machine.pay(session.session_id)

    async def decline(self, session: Snapshot) -> None:
        self._machine.decline(session.session_id)

    async def pay_and_dispute(self, session: Snapshot) -> None:
        self._machine.pay(session.session_id)
        [charge] = self._machine.state.rows("charges")
        self._machine.dispute(charge["id"])

    async def pay_at_hand(self, session: Snapshot) -> None:
        self._machine.pay(session.session_id)
        for row in self._machine.state.rows("balance_transactions"):
            self._machine.state.change("balance_transactions", row["id"], available_on=self._machine.now())

    async def pay_out(self) -> None:
        assert self._machine.pay_out() is not None


class _NoStripe:
    """What the scenarios of this vendor do not ask for."""

    async def pay_and_dispute(self, session: Snapshot) -> None:
        raise NotImplementedError

    async def pay_at_hand(self, session: Snapshot) -> None:
        raise NotImplementedError

    async def pay_out(self) -> None:
        raise NotImplementedError


class _BySide(_NoStripe):
    def __init__(self, side: Side) -> None:
        self._side = side

    async def pay(self, session: Snapshot) -> None:
        self._side.pay(session.session_id)

    async def decline(self, session: Snapshot) -> None:
        self._side.decline(session.session_id)


class _ByBrowser:
    """On Stripe's own page, with its test cards. Written from Stripe's documentation, and never run yet."""

    def __init__(self, http: aiohttp.ClientSession, base: str, key: str) -> None:
        self._http, self._base, self._key = http, base, key

    async def pay(self, session: Snapshot) -> None:
        await self._fill(session, GOOD_CARD, until="**/city.example/**")

    async def decline(self, session: Snapshot) -> None:
        await self._fill(session, REFUSED_CARD, until=None)

    async def pay_and_dispute(self, session: Snapshot) -> None:
        await self._fill(session, DISPUTED_CARD, until="**/city.example/**")

    async def pay_at_hand(self, session: Snapshot) -> None:
        await self._fill(session, CARD_AT_HAND, until="**/city.example/**")

    async def pay_out(self) -> None:
        headers = {"Authorization": f"Bearer {self._key}"}
        given = {"amount": "500", "currency": "eur"}
        async with self._http.post(f"{self._base}/v1/payouts", data=given, headers=headers) as answer:
            assert answer.status == 200, await answer.text()

    async def _fill(self, session: Snapshot, card: str, *, until: str | None) -> None:
        chromium = subprocess.run(
            [str(ROOT / "tools" / "chromium.sh")], capture_output=True, text=True, check=True
        ).stdout.strip()
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = await browser.new_page()
            page.set_default_timeout(_PAY_S)
            await page.route("https://city.example/**", lambda route: route.fulfill(body="back"))
            await page.goto(str(session.url))
            for field, typed in (
                ("#email", "payer@example.org"),
                ("#cardNumber", card),
                ("#cardExpiry", "12 / 40"),
                ("#cardCvc", "123"),
                ("#billingName", "Payer Example"),
            ):
                if await page.locator(field).count():
                    await page.fill(field, typed)
            await page.click("[data-testid=hosted-payment-submit-button]")
            if until is None:
                await page.wait_for_selector("[role=alert], .FieldError")
            else:
                await page.wait_for_url(until)
            await browser.close()


class _ByPerson(_NoStripe):
    """A payment service whose page nobody can know beforehand: somebody at the terminal pays there."""

    async def pay(self, session: Snapshot) -> None:
        await self._ask("pay", session)

    async def decline(self, session: Snapshot) -> None:
        await self._ask("break off the payment", session)

    async def _ask(self, what: str, session: Snapshot) -> None:
        print(f"Please {what} here, then press Enter: {session.url}", flush=True)
        await asyncio.wait_for(asyncio.to_thread(sys.stdin.readline), _PERSON_S)
