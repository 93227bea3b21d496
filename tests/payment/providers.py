"""The providers as the contract suite sees them: the product's adapter over HTTP, and behind it a sandbox that a test can push."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol, cast

import aiohttp
from aiohttp.test_utils import TestServer

from payment.ports import PaymentProvider
from payment.psp_stripe import StripeProvider
from payment.psp_xbezahl import Access, XBezahlProvider
from payment.xbezahl_words import Version
from sandbox.xbezahldienste.checks import SUM_FIELDS
from sandbox.xbezahldienste.faults import Fault, Faults, Kind
from sandbox.xbezahldienste.machine import Machine
from sandbox.xbezahldienste.server import PASSWORD, USER, Server
from tests.sandbox.running import Sandbox, sandbox

HASTE = aiohttp.ClientTimeout(total=0.4)


class Side(Protocol):
    """`silence` and `garble` meet the next call with this method, once; `before`: without effect there."""

    name: str
    psp: PaymentProvider

    def now(self) -> datetime: ...
    def pay(self, session_id: str) -> None:
        """Raises what the sandbox raises where nothing can be paid."""

    def decline(self, session_id: str) -> None: ...
    def charge_less(self, session_id: str) -> None:
        """The provider shows another amount than was asked for."""

    def dispute(self, charge_id: str) -> None:
        """The payer's bank takes the money back; only where that can be."""

    def count(self) -> int:
        """Sessions there."""

    async def silence(self, method: str, *, before: bool) -> None: ...
    async def garble(self, method: str) -> None: ...


@dataclass
class StripeSide:
    box: Sandbox
    psp: PaymentProvider
    name: str = "stripe"

    def now(self) -> datetime:
        return self.box.clock()

    def pay(self, session_id: str) -> None:
        self.box.machine.pay(session_id)

    def decline(self, session_id: str) -> None:
        self.box.machine.decline(session_id)

    def charge_less(self, session_id: str) -> None:
        session = self.box.machine.get("sessions", session_id)
        self.box.machine.state.change("sessions", session_id, amount_total=1)
        self.box.machine.state.change("payment_intents", session["payment_intent"], amount_received=1)

    def dispute(self, charge_id: str) -> None:
        self.box.machine.dispute(self.box.machine.get("payment_intents", charge_id)["latest_charge"])

    def count(self) -> int:
        return self.box.machine.state.count("sessions")

    async def silence(self, method: str, *, before: bool) -> None:
        await self._fault("drop_before" if before else "drop_after", method)

    async def garble(self, method: str) -> None:
        await self._fault(
            "error_after", method
        )  # its SDK reads the body before we do: a 500 is what is left of a bad one

    async def _fault(self, kind: str, method: str) -> None:
        plan = {"faults": [{"kind": kind, "method": method, "path": "/v1/", "times": 1}]}
        await self.box.control("PUT", "faults", plan)


@dataclass
class XBezahlSide:
    machine: Machine
    faults: Faults
    psp: PaymentProvider
    url: str
    name: str

    def now(self) -> datetime:
        return self.machine.clock()

    def pay(self, session_id: str) -> None:
        self.machine.pay(session_id)

    def decline(self, session_id: str) -> None:
        self.machine.fail(session_id)

    def charge_less(self, session_id: str) -> None:
        self.machine.get(session_id).asked[SUM_FIELDS[self.machine.version]] = Decimal("0.01")

    def dispute(self, charge_id: str) -> None:
        raise AssertionError("nobody takes anything back here")

    def count(self) -> int:
        return len(self.machine.transactions)

    async def silence(self, method: str, *, before: bool) -> None:
        self.faults.plan(Fault("drop_before" if before else "silent", method=method))

    async def garble(self, method: str) -> None:
        self._plan("garble", method)

    def _plan(self, kind: Kind, method: str) -> None:
        self.faults.plan(Fault(kind, method=method))


@contextlib.asynccontextmanager
async def stripe_side() -> AsyncIterator[StripeSide]:
    async with sandbox(early_intents=False) as box:
        psp = StripeProvider(
            box.http,
            api_key="sk_test_payment",
            webhook_secrets=("whsec",),
            api_base=box.url,
            timeout=HASTE,
            retries=0,
        )
        yield StripeSide(box, psp)


@contextlib.asynccontextmanager
async def xbezahl_side(
    version: str = "1.2", *, own_ids: bool = True, by_token: bool = False, **wants: Any
) -> AsyncIterator[XBezahlSide]:
    moment = datetime(2026, 12, 1, 9, tzinfo=UTC)
    machine = Machine(lambda: moment, version=version, own_ids=own_ids, **wants)
    faults = Faults()
    server = TestServer(Server(machine, faults).app(), host="127.0.0.1", shutdown_timeout=0.1)
    await server.start_server()
    try:
        async with aiohttp.ClientSession() as http:
            url = str(server.make_url("")).rstrip("/")
            access = Access(
                base=url,
                originator=machine.originator,
                endpoint=machine.endpoint,
                user=USER,
                password=PASSWORD,
                token_url=f"{url}/oauth/token" if by_token else "",
            )
            psp = XBezahlProvider(
                http,
                access,
                version=Version(version),
                booking_data=dict.fromkeys(machine.booking_keys, "4711"),
                clock=machine.clock,
                timeout=HASTE,
            )
            yield XBezahlSide(machine, faults, psp, url, f"xbezahldienste {version}")
    finally:
        await server.close()


Make = Callable[[], contextlib.AbstractAsyncContextManager[Side]]
SIDES: dict[str, Make] = {
    "stripe": cast("Make", stripe_side),
    "xbezahldienste-1.0": cast("Make", lambda: xbezahl_side("1.0")),
    "xbezahldienste-1.2": cast("Make", lambda: xbezahl_side("1.2")),
    "xbezahldienste-1.2-request-ids-oauth": cast("Make", lambda: xbezahl_side("1.2", own_ids=False, by_token=True)),
}
