"""The whole product in one process over real sockets: web, worker, PostgreSQL, the sandboxes of all vendors, one clock for all.

A flow test acts over HTTP as a citizen, lets the sandboxes speak, runs the worker once, and looks at whole values.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from socket import socket
from typing import Any
from uuid import uuid4

import aiohttp
from aiohttp import CookieJar, web

from base.clock import Clock, SettableClock
from base.config import Settings
from base.db import Database
from base.i18n import zone
from booking.catalogue.importing import import_catalogue
from sandbox.smtp.server import MailSandbox, mail_sandbox
from sandbox.stripe.machine import Machine
from sandbox.stripe.wire import build as build_stripe
from sandbox.twilio import ACCOUNT_SID, AUTH_TOKEN, TextSandbox, text_sandbox
from server.app import build
from server.health import FEED
from server.product import Product, open_product
from server.worker import drain
from tests.invariants import faults

MORNING = datetime(
    2026, 12, 1, 9, 0, tzinfo=UTC
)  # a Tuesday, ten o'clock in Stuttgart, when the sample city is imported
HORIZON_DAYS = 60
SAMPLE_CITY = Path(__file__).parents[1] / "samples" / "stuttgart"
KIM = {"name": "Kim Mustermann", "email": "kim@example.org", "language": "de"}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    headers: Any = field(repr=False)


@dataclass(kw_only=True)
class Town:
    """`origin` and `stripe` are where web and payment sandbox answer;

    `worker` shares nothing with the web process but database and clock.
    """

    clock: SettableClock
    settings: Settings
    origin: str
    stripe: str
    http: aiohttp.ClientSession
    machine: Machine
    mail: MailSandbox
    texts: TextSandbox
    worker: Product
    app: web.Application

    async def call(
        self, method: str, path: str, token: str | None = None, key: str | None = None, **given: Any
    ) -> Answer:
        headers = {**given.pop("headers", {})}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        async with self.http.request(method, self.origin + path, headers=headers, **given) as response:
            is_json = response.content_type.endswith("json")
            return Answer(
                response.status, await response.json() if is_json else await response.text(), response.headers
            )

    async def good(self, method: str, path: str, token: str | None = None, **given: Any) -> Any:
        """The body of an answer that must be 2xx."""
        answer = await self.call(method, path, token, **given)
        assert 200 <= answer.status < 300, answer
        return answer.body

    async def service(self, words: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = (await self.good("GET", "/api/services", params={"q": words}))["services"]
        return found[0]

    async def slots(self, service: int, channel: str = "onsite", limit: int = 3) -> list[dict[str, Any]]:
        query = {"service": service, "channel": channel, "limit": limit}
        found: list[dict[str, Any]] = (await self.good("GET", "/api/slots/next", params=query))["slots"]
        return found

    async def hold(self, service: int, channel: str = "onsite", slot: dict[str, Any] | None = None) -> dict[str, Any]:
        slot = slot or (await self.slots(service, channel))[0]
        wanted = {"service": service, "channel": channel, "office": slot["office"], "starts_at": slot["starts_at"]}
        made: dict[str, Any] = await self.good("POST", "/api/holds", key=str(uuid4()), json=wanted)
        return made

    async def appointment(
        self, words: str, contact: dict[str, Any] | None = None, channel: str = "onsite"
    ) -> dict[str, Any]:
        """Held, with a contact, not yet booked."""
        hold = await self.hold((await self.service(words))["id"], channel)
        given = {"hold": hold["id"], "contact": contact or KIM}
        made: dict[str, Any] = await self.good("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)
        return made

    async def checkout(self, made: dict[str, Any]) -> dict[str, Any]:
        done: dict[str, Any] = await self.good(
            "POST", f"/api/appointments/{made['id']}/checkout", made["token"], key=str(uuid4())
        )
        return done

    async def look(self, made: dict[str, Any]) -> dict[str, Any]:
        seen: dict[str, Any] = await self.good("GET", f"/api/appointments/{made['id']}", made["token"])
        return seen

    async def cancel(self, made: dict[str, Any]) -> Answer:
        return await self.call("POST", f"/api/appointments/{made['id']}/cancel", made["token"], key=str(uuid4()))

    async def sandbox(self, method: str, path: str, given: dict[str, Any] | None = None) -> Any:
        async with self.http.request(method, f"{self.stripe}/_sandbox/{path}", json=given or {}) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def pay(self, checkout: dict[str, Any]) -> None:
        """As the payer does on the provider's page; nobody comes back from there."""
        session = checkout["pay_url"].rsplit("/", 1)[1]
        await self.sandbox("POST", f"sessions/{session}/pay")

    async def webhooks(self) -> None:
        await self.sandbox("POST", "webhooks/deliver")

    async def work(self) -> None:
        """The worker does what is due."""
        await drain(self.worker)

    async def fresh(self) -> None:
        """The web process has read all that was committed until now."""
        await self.app[FEED].poll_once()

    async def rows(self, sql: str, *args: object) -> list[dict[str, Any]]:
        async with self.worker.db.connection() as conn:
            return [dict(row) for row in await conn.fetch(sql, *args)]

    async def books(self) -> list[tuple[str, str, int]]:
        """(journal, account, cents) in the order posted."""
        found = await self.rows(
            "SELECT j.kind, e.account, e.amount_cents FROM journal j JOIN entry e ON e.journal_id = j.id ORDER BY e.id"
        )
        return [(row["kind"], row["account"], row["amount_cents"]) for row in found]

    def mails(self) -> list[tuple[str, str]]:
        """(to, subject), oldest first."""
        return [(mail.header("To"), mail.header("Subject")) for mail in self.mail.messages]

    async def assert_sound(self) -> None:
        """What must hold whatever has happened."""
        assert await self.rows("SELECT * FROM claim_audit") == []
        assert await self.rows("SELECT journal_id FROM entry GROUP BY 1 HAVING sum(amount_cents) <> 0") == []
        clearing = await self.rows(
            """SELECT coalesce(sum(amount_cents), 0)::int AS cents FROM entry
                WHERE account IN ('psp_clearing', 'psp_fees', 'bank_in_transit')"""  # its price, and what it has paid out
        )
        charged = sum(
            charge["amount_captured"] - charge["amount_refunded"]
            for _, charge in self.machine.state.items("charges")
            if charge["paid"] and charge["captured"]
        )
        disputed = sum(
            movement["amount"]
            for _, dispute in self.machine.state.items("disputes")
            for movement in dispute["balance_transactions"]
        )
        assert clearing[0]["cents"] == charged + disputed

    async def assert_without_faults(self) -> None:
        """What our own tables must say, where not all money is at the one provider of the sandbox."""
        async with self.worker.db.connection() as conn:
            assert await faults(conn) == {}


@contextlib.asynccontextmanager
async def town(dsn: str, clock: SettableClock, **settings_given: Any) -> AsyncIterator[Town]:
    listening, stripe_listening = loopback(), loopback()
    port, stripe_port = listening.getsockname()[1], stripe_listening.getsockname()[1]
    origin, stripe_origin = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{stripe_port}"
    async with contextlib.AsyncExitStack() as stack:
        mail = await stack.enter_async_context(mail_sandbox())
        texts = await stack.enter_async_context(text_sandbox())
        machine = Machine(clock, origin=stripe_origin, early_intents=False)
        stripe_app = build_stripe(machine, webhook_url=f"{origin}/api/webhooks/stripe", origin=stripe_origin)
        given: dict[str, Any] = {
            "database_url": dsn,
            "database_pool": 5,
            "secret_key": "test-" + "k" * 40,
            "horizon_days": HORIZON_DAYS,
            "public_url": origin,
            "port": port,
            "stripe_api_key": "sk_test_sandbox",
            "stripe_api_base": stripe_origin,
            "stripe_pay_origins": (stripe_origin,),
            "stripe_webhook_secrets": ("whsec_sandbox",),
            "smtp_url": mail.url,
            "twilio_account_sid": ACCOUNT_SID,
            "twilio_auth_token": AUTH_TOKEN,
            "twilio_from": "Stuttgart",
            "twilio_api_base": texts.url,
        }
        settings = Settings(**(given | settings_given))
        app = build(settings, clock)
        await stack.enter_async_context(served(stripe_app, stripe_listening))
        await stack.enter_async_context(served(app, listening))
        worker = await stack.enter_async_context(open_product(settings, clock))
        worker.catalogue._rolled_on = (
            MORNING.date()
        )  # by the import: a test that goes on to another day sees hours rolled
        http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=CookieJar(unsafe=True)))
        yield Town(
            clock=clock,
            settings=settings,
            origin=origin,
            stripe=stripe_origin,
            http=http,
            machine=machine,
            mail=mail,
            texts=texts,
            worker=worker,
            app=app,
        )


def loopback() -> socket:
    """Bound from now on: a free port that is only looked up may be somebody else's connection before it is used."""
    listening = socket()
    listening.bind(("127.0.0.1", 0))
    return listening


@contextlib.asynccontextmanager
async def served(app: web.Application, listening: socket) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def import_sample_city(dsn: str, clock: Clock, *, horizon_days: int = HORIZON_DAYS) -> None:
    async with Database(dsn, size=1) as db:
        await import_catalogue(db, SAMPLE_CITY, clock, horizon_days=horizon_days)
        async with db.connection() as conn:
            await conn.execute("ANALYZE")


def stuttgart_time(iso: str) -> str:
    return datetime.fromisoformat(iso).astimezone(zone("Europe/Berlin")).strftime("%d.%m.%Y %H:%M")


async def eventually(check: Callable[[], Awaitable[bool]], *, seconds: float = 15) -> None:
    """Wait for something observable; TimeoutError if it does not come."""
    async with asyncio.timeout(seconds):
        while not await check():  # noqa: ASYNC110 - another process changes it, so there is no event to wait for
            await asyncio.sleep(0.05)
