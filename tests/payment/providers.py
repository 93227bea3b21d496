"""The providers as the contract suite sees them: the product's adapter over HTTP, and behind it a sandbox that a test can push."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol, cast
from uuid import UUID

import aiohttp
import asyncpg
from aiohttp.test_utils import TestServer

from base.db import Database
from base.money import Money
from payment.ports import OutcomeUnknown, PaymentOrder, PaymentProvider, Snapshot
from payment.psp_counter import CounterProvider
from payment.psp_stripe import StripeProvider
from payment.psp_xbezahl import Access, XBezahlProvider
from payment.xbezahl_words import Version
from sandbox.xbezahldienste.checks import SUM_FIELDS
from sandbox.xbezahldienste.faults import Fault, Faults, Kind
from sandbox.xbezahldienste.machine import Machine
from sandbox.xbezahldienste.server import PASSWORD, USER, Server
from tests.booking.availability.city import make_city
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


class _Weather:
    """In front of the till's provider: the database may not answer, or show another amount than was asked for, once."""

    def __init__(self, psp: CounterProvider, db: Database) -> None:
        self._psp, self._db = psp, db
        self.abilities = psp.abilities
        self.silent: dict[str, bool] = {}  # "POST" or "GET" -> before it is done, or after
        self.shown: dict[str, Money] = {}  # by session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._psp, name)

    async def create(self, order: PaymentOrder, key: str) -> Snapshot:
        before = self.silent.pop("POST", None)
        if before:
            raise OutcomeUnknown("silence")
        async with (
            self._db.connection() as conn
        ):  # where the books are in memory, the database needs the row all the same
            await conn.execute(OF_ORDER, order.payment_id, order.amount.cents, order.return_url)
        seen = await self._psp.create(order, key)
        if before is False:
            raise OutcomeUnknown("silence")
        return seen

    async def fetch(self, session_id: str) -> Snapshot:
        if self.silent.pop("GET", None) is not None:
            raise OutcomeUnknown("silence")
        seen = await self._psp.fetch(session_id)
        return replace(seen, amount=self.shown.get(session_id, seen.amount))


OF_ORDER = """
    INSERT INTO payment (id, reference, provider, amount_cents, currency, description, language, return_url, attempt_at, created_at)
    VALUES ($1, gen_random_uuid(), 'counter', $2, 'EUR', 'x', 'de', $3, '2026-12-01', '2026-12-01') ON CONFLICT DO NOTHING"""
TAKEN = """
    UPDATE counter_payment SET status = 'paid', drawer_id = $2, method = 'terminal', taken_at = '2026-12-01', request_key = $2
     WHERE id = $1"""
RELEASED = """
    WITH p AS (UPDATE payment SET status = 'paid', captured_cents = amount_cents
                WHERE id = (SELECT payment_id FROM counter_payment WHERE id = $2) RETURNING id)
    INSERT INTO refund (id, payment_id, amount_cents, reason, status, attempt_at, created_at)
    SELECT $1, p.id, $3, 'cancelled', 'approved', now(), now() FROM p"""


@dataclass
class CounterSide:
    """Beside the loop of the test: a test pushes without waiting, so by a connection of its own in a thread."""

    psp: PaymentProvider
    weather: _Weather
    dsn: str
    drawer: UUID
    name: str = "counter"

    def now(self) -> datetime:
        return datetime(2026, 12, 1, 9, tzinfo=UTC)

    def pay(self, session_id: str) -> None:
        self._sql(TAKEN, session_id, self.drawer)

    def decline(self, session_id: str) -> None:
        """The terminal says no: nothing is written."""

    def charge_less(self, session_id: str) -> None:
        self.weather.shown[session_id] = Money(1)

    def count(self) -> int:
        return int(self._sql("SELECT count(*) FROM counter_payment"))

    def give_out(self, refund_id: UUID, session_id: str, cents: int) -> None:
        """A cashier gives it back, once `payment` has released it."""
        self._sql(RELEASED, refund_id, session_id, cents)
        self._sql("UPDATE refund SET status = 'submitted' WHERE id = $1", refund_id)
        self._sql(
            "UPDATE counter_refund SET status = 'given', drawer_id = $2, method = 'cash', given_at = now() WHERE refund_id = $1",
            *(refund_id, self.drawer),
        )

    async def silence(self, method: str, *, before: bool) -> None:
        self.weather.silent[method] = before

    async def garble(self, method: str) -> None:
        self.weather.silent[method] = False

    def _sql(self, sql: str, *values: object) -> Any:
        async def work() -> Any:
            conn = await asyncpg.connect(self.dsn)
            try:
                return await conn.fetchval(sql, *values)
            finally:
                await conn.close()

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, work()).result()


@contextlib.asynccontextmanager
async def counter_side(dsn: str) -> AsyncIterator[CounterSide]:
    drawer = UUID(int=77)
    async with Database(dsn, size=2) as db:
        async with db.transaction() as conn:
            await make_city(conn, counters=1)
            await conn.execute("INSERT INTO account (login, name, password_hash) VALUES ('kim', 'Kim', '$argon2id$')")
            await conn.execute("INSERT INTO till (office_id, key, name) SELECT id, 'mitte-1', 'Till 1' FROM office")
            await conn.execute(
                "INSERT INTO drawer (id, till_id, opened_by, opened_at, float_cents, left_cents) "
                "SELECT $1, t.id, a.id, now(), 0, 0 FROM till t, account a",
                drawer,
            )
        weather = _Weather(CounterProvider(db, lambda: datetime(2026, 12, 1, 9, tzinfo=UTC)), db)
        yield CounterSide(cast("PaymentProvider", weather), weather, dsn, drawer)


Make = Callable[
    [str], contextlib.AbstractAsyncContextManager[Side]
]  # of the address of a database, where one is needed
COUNTER = "counter"
SIDES: dict[str, Make] = {
    "stripe": cast("Make", lambda _dsn: stripe_side()),
    "xbezahldienste-1.0": cast("Make", lambda _dsn: xbezahl_side("1.0")),
    "xbezahldienste-1.2": cast("Make", lambda _dsn: xbezahl_side("1.2")),
    "xbezahldienste-1.2-request-ids-oauth": cast(
        "Make", lambda _dsn: xbezahl_side("1.2", own_ids=False, by_token=True)
    ),
    COUNTER: cast("Make", counter_side),
}
UNFENCED = [name for name in SIDES if name not in ("stripe", COUNTER)]
