"""A city of real processes around one database: web and worker are children that may be killed; sandboxes and citizen live on.

Everything runs by the real clock, as children do. Where minutes must pass, `later()` moves what the database says instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import unused_port

from base.clock import utcnow
from base.db import Database
from sandbox.smtp.server import MailSandbox, mail_sandbox
from sandbox.stripe.machine import Machine
from sandbox.stripe.wire import build as build_stripe
from tests.faults.child import Child

HORIZON_DAYS = 14
TRIES = 8
ROUNDS = 12
DEATH_S = 10.0
_NEVER_BY_ITSELF_S = (3600.0,) * 20  # webhooks go out when the story says so
_ARGUMENTS = {
    "web": ("-m", "server", "web"),
    "drain": ("-m", "server", "drain"),
    "jobs": ("-m", "tests.faults.jobs_process"),
}

_LATER = """
    UPDATE message SET lease_until = now() WHERE lease_until > now();
    UPDATE job SET lease_until = now() WHERE lease_until > now();
    UPDATE appointment SET fence_tried_at = now() - interval '2 minutes' WHERE status = 'expiring';
    UPDATE refund SET checked_at = now() - interval '2 minutes' WHERE status IN ('approved', 'submitted');
    UPDATE payment SET checked_at = now() - interval '2 minutes'
     WHERE status IN ('intended', 'open', 'processing') OR status = 'authorised' AND take_cents IS NOT NULL"""
_UNFINISHED = """
    SELECT 'message' AS what, id::text FROM message WHERE status = 'due'
    UNION ALL SELECT 'job', id::text FROM job WHERE status = 'due'
    UNION ALL SELECT 'refund', id::text FROM refund WHERE status IN ('requested', 'approved', 'submitted')
    UNION ALL SELECT 'payment', id::text FROM payment WHERE status = 'authorised' AND take_cents IS NOT NULL
    UNION ALL SELECT 'claim', id::text FROM claim WHERE kind = 0 AND (status = 3 OR status = 1 AND hold_until <= now())"""


@dataclass(kw_only=True)
class Scene:
    """`plan`: for each role the FAILPOINTs of its processes, in the order they are started; then they live."""

    db: Database
    env: dict[str, str]
    origin: str
    stripe: str
    http: aiohttp.ClientSession
    machine: Machine
    mail: MailSandbox
    folder: Path
    plan: dict[str, list[str]]
    deaths: list[tuple[str, str]] = field(default_factory=list)
    web: Child | None = None

    async def start(self, role: str, *, is_spared: bool = False) -> Child:
        planned = [] if is_spared else self.plan.get(role, [])
        spec = planned.pop(0) if planned else ""
        env = {name: value for name, value in self.env.items() if not (is_spared and name == "STEPS")}
        return await Child.start(role, _ARGUMENTS[role], env, spec, self.folder / f"{role}.log")

    async def start_web(self) -> None:
        self.web = await self.start("web")
        await self.web.ready(self.http, self.origin)

    async def run(self, role: str, *, is_spared: bool = False) -> bool:
        """To its end: True if its work is done, False if it was killed at its failpoint. `is_spared`: a later one is to die."""
        return await self._ended(await self.start(role, is_spared=is_spared))

    async def _ended(self, child: Child) -> bool:
        """Only what was armed may die, and only by SIGKILL; nobody here sends one while a story runs."""
        status = await child.end()
        if status == -signal.SIGKILL and child.spec:
            self.deaths.append((child.role, child.spec))
            return False
        assert (status, child.role != "web") == (0, True), f"{child} ended with {status}:\n{child.said()}"
        return True

    async def mourn(self) -> None:
        """The web process has died: wait until it is gone."""
        assert self.web is not None
        async with asyncio.timeout(DEATH_S):
            await self._ended(self.web)
        self.web = None

    async def once(
        self,
        method: str,
        path: str,
        token: str | None = None,
        key: str | None = None,
        json: Any = None,
        *,
        staff: str | None = None,
        form: Mapping[str, str] | None = None,
    ) -> tuple[int, Any] | None:
        """One request; None where the process died over it. `staff`: the cookie of somebody's session."""
        if self.web is None:
            await self.start_web()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if key:
            headers["Idempotency-Key"] = key
        if staff:
            headers["Cookie"] = f"staff={staff}"
        given: dict[str, Any] = {"json": json} if form is None else {"data": form}
        try:
            async with self.http.request(method, self.origin + path, headers=headers, **given) as response:
                is_json = response.content_type.endswith("json")
                return response.status, await response.json() if is_json else await response.text()
        except aiohttp.ClientError:
            await self.mourn()
            return None

    async def good(
        self,
        method: str,
        path: str,
        token: str | None = None,
        key: str | None = None,
        json: Any = None,
        *,
        staff: str | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Any:
        """As a patient client: the very same request again until there is an answer, which must be 2xx."""
        for _try in range(TRIES):
            answer = await self.once(method, path, token, key, json, staff=staff, form=form)
            if answer is not None:
                assert 200 <= answer[0] < 300, (method, path, answer)
                return answer[1]
        raise AssertionError(f"no answer to {method} {path} in {TRIES} tries")

    async def webhooks(self) -> None:
        """The provider sends what waits, again and again until it is taken."""
        for _try in range(TRIES):
            if not any(row["status"] == "pending" for _, row in self.machine.state.items("deliveries")):
                return
            if self.web is None:
                await self.start_web()
            sent = await self.control("webhooks/deliver")
            if sent["failed"]:
                await self.mourn()
        raise AssertionError("webhooks are not taken")

    async def control(self, path: str, given: dict[str, Any] | None = None, method: str = "POST") -> Any:
        async with self.http.request(method, f"{self.stripe}/_sandbox/{path}", json=given or {}) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def later(self) -> None:
        """Two minutes later. The children's clock cannot be moved, so leases end now and the last looks were long ago."""
        async with self.db.connection() as conn:
            await conn.execute(_LATER)

    async def run_out(self) -> None:
        """A quarter of an hour later, as far as holds are concerned."""
        async with self.db.connection() as conn:
            await conn.execute(
                "UPDATE claim SET hold_until = now() - interval '1 second' WHERE kind = 0 AND status IN (1, 3)"
            )

    async def drain(self, *, is_spared: bool = False) -> None:
        """The worker's turn, again after each death and each lease, until nothing is left to be done."""
        for _round in range(ROUNDS):
            if await self.run("drain", is_spared=is_spared) and not await self.rows(_UNFINISHED):
                return
            await self.later()
        raise AssertionError(f"never quiet: {await self.rows(_UNFINISHED)}")

    async def finish(self) -> None:
        """Drained; then the news that are still under way, which must leave nothing to do."""
        await self.drain()
        await self.webhooks()
        if await self.rows(_UNFINISHED):
            await self.drain()

    async def rows(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        async with self.db.connection() as conn:
            return [tuple(row) for row in await conn.fetch(sql, *args)]


@contextlib.asynccontextmanager
async def scene(dsn: str, folder: Path, plan: Mapping[str, Sequence[str]]) -> AsyncIterator[Scene]:
    port, stripe_port = unused_port(), unused_port()
    origin, stripe = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{stripe_port}"
    async with contextlib.AsyncExitStack() as stack:
        mail = await stack.enter_async_context(mail_sandbox())
        machine = Machine(utcnow, origin=stripe, early_intents=False)
        hook = f"{origin}/api/webhooks/stripe"
        sandbox = build_stripe(machine, webhook_url=hook, origin=stripe, back_off_s=_NEVER_BY_ITSELF_S)
        runner = web.AppRunner(sandbox, access_log=None, shutdown_timeout=2)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", stripe_port).start()
        connector = aiohttp.TCPConnector(force_close=True, limit=0)  # a new server meets no connection of the dead one
        timeout = aiohttp.ClientTimeout(total=30)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, timeout=timeout))
        made = Scene(
            db=await stack.enter_async_context(Database(dsn, size=1)),
            env={
                "DATABASE_URL": dsn,
                "DATABASE_POOL": "4",
                "SECRET_KEY": "test-" + "k" * 40,
                "PUBLIC_URL": origin,
                "PORT": str(port),
                "HORIZON_DAYS": str(HORIZON_DAYS),
                "STRIPE_API_KEY": "sk_test_sandbox",
                "STRIPE_API_BASE": stripe,
                "STRIPE_PAY_ORIGINS": stripe,
                "STRIPE_WEBHOOK_SECRETS": "whsec_sandbox",
                "SMTP_URL": mail.url,
                "TRANSFER_NAME": "Stadt Stuttgart",
                "TRANSFER_IBAN": "DE02600501010002034304",
            },
            origin=origin,
            stripe=stripe,
            http=http,
            machine=machine,
            mail=mail,
            folder=folder,
            plan={role: list(specs) for role, specs in plan.items()},
        )
        await made.control("webhooks/faults", {"delay_s": 3600.0}, "PUT")
        try:
            yield made
        finally:
            if made.web is not None:
                await made.web.kill()
