"""A month behind a till and among transfer orders: what finance's pages of drawers and of transfers look like when they are full."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from base.clock import SettableClock
from base.db import Database
from base.money import Money
from payment.books_pg import PgBooks
from payment.psp_counter import CounterProvider
from payment.till.model import COUNTER, Method, Till
from payment.till.usecases import Tills
from payment.transfers.model import Order
from payment.usecases import Payments
from tests.payment.making import Ids, RecordingHooks
from tests.payment.transfers.making import HOLDER, IBAN, Desk, open_desk

NOVEMBER = datetime(2026, 11, 5, 8, tzinfo=UTC)
_FIRST_ID = 9_000_000  # beyond those of the month at the provider
_FULL = 25  # taken by the fullest drawer
_OF_EACH = 4


@dataclass(frozen=True, slots=True)
class Tilled:
    office: int
    drawer: UUID  # the fullest one
    journal: int  # of its closing


async def a_month_at_a_till(db: Database, by: int) -> Tilled:
    """A drawer each working day of November, one of them full, some with a difference, the last one open."""
    clock = SettableClock(NOVEMBER)
    payments = Payments(
        PgBooks(db), {COUNTER: CounterProvider(db, clock)}, RecordingHooks(), clock, Ids(_FIRST_ID + 500_000)
    )
    tills = Tills(db, payments.settle, payments.submit_refund, clock)
    async with db.connection() as conn:
        office = int(await conn.fetchval("SELECT id FROM office ORDER BY id LIMIT 1"))
    till = (await tills.till(office, await tills.set_up(office, "Kasse im Erdgeschoss"))).till
    full = None
    for n in range(16):
        clock.set(NOVEMBER + timedelta(days=n + n // 5 * 2))
        change = 0 if n else 10_000
        left = await _cash(db, till)
        drawer = await tills.open_drawer(till, float_cents=left + change, brought_cents=change, by=by, key=uuid4())
        for m in range(_FULL if n == 3 else 2):
            clock.advance(minutes=9)
            await _take(db, payments, tills, till, m)
        if n == 3:
            full = drawer.id
        if n < 15:
            missing = 50 if n in (3, 7) else 0
            counted = await _cash(db, till) - missing
            await tills.close_drawer(
                till, drawer.id, counted_cents=counted, count={}, deposit_cents=counted - 10_000, by=by,
                note="Beim Wechseln verzählt" if missing else "",
            )  # fmt: skip
    assert full is not None
    async with db.connection() as conn:
        sql = "SELECT id FROM journal WHERE drawer_id = $1 AND kind = 'drawer_closed'"
        return Tilled(office, full, int(await conn.fetchval(sql, full)))


async def _cash(db: Database, till: Till) -> int:
    async with db.connection() as conn:
        return int(await conn.fetchval("SELECT till_balance($1)", till.id))


async def _take(db: Database, payments: Payments, tills: Tills, till: Till, n: int) -> None:
    amount = Money((600, 1300, 3700, 10_200)[n % 4])
    async with db.transaction() as conn:
        payment = await payments.request(
            conn, reference=uuid4(), amount=amount, description="Gebühr", language="de",
            return_url="http://localhost/de", at_till=True,
        )  # fmt: skip
    await payments.open(payment.id)
    if n % 3:
        given = -(-amount.cents // 2000) * 2000
        await tills.take(till, payment.id, Method.CASH, given_cents=given, key=uuid4())
    else:
        await tills.take(till, payment.id, Method.TERMINAL, slip=f"TA{4711 + n}", key=uuid4())


async def a_month_of_transfers(db: Database) -> dict[str, UUID]:
    """Some orders in each state; one of each, by it."""
    desk, found = await open_desk(db), {}
    for n, state in enumerate(
        ("paid", "returned", "exported", "approved", "assessed", "iban_given", "cancelled", "asked")
    ):
        orders = [await _due(desk, state, _FIRST_ID + 100 * n + m, 1300 + 700 * m) for m in range(_OF_EACH)]
        if state in ("paid", "returned", "exported"):
            await desk.files.make(by=desk.people["noa"], key=uuid4())
        for order in orders:
            if state == "paid":
                await desk.arrived(order, f"CAMT-{order.id}")
            if state == "returned":
                await desk.returned(order)
        found[state] = orders[0].id
    return found


async def _due(desk: Desk, state: str, number: int, cents: int) -> Order:
    """Brought as far as people bring it, towards this state."""
    order = await desk.failed(cents=cents, number=number, paid=cents)
    if state == "cancelled":
        return await desk.transfers.cancel(order.id, by=desk.people["toni"], note="Bar an der Kasse ausgezahlt")
    if state == "asked":
        return order
    order = await desk.transfers.give_account(order.id, holder=HOLDER, iban=IBAN)
    if state == "iban_given":
        return order
    order = await desk.transfers.assess(order.id, by=desk.people["ada"])
    return order if state == "assessed" else await desk.transfers.approve(order.id, by=desk.people["toni"])
