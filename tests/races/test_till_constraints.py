"""Two cashiers and one fee, a drawer that closes while money comes, and what the schema forbids whoever goes round the code."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg
import pytest

from base.clock import SettableClock
from base.db import Database
from base.errors import Conflict
from base.money import Money
from payment.books_pg import PgBooks
from payment.model import Payment, PaymentStatus
from payment.psp_counter import CounterProvider
from payment.till.model import COUNTER, Drawer, Method, Till
from payment.till.usecases import Tills
from payment.usecases import Payments
from tests.booking.availability.city import make_city
from tests.payment.making import NOW, Ids, RecordingHooks


@dataclass
class Desk:
    db: Database
    payments: Payments
    tills: Tills
    till: Till
    drawer: Drawer
    by: int

    async def due(self, cents: int = 1300) -> Payment:
        async with self.db.transaction() as conn:
            payment = await self.payments.request(
                conn,
                reference=uuid4(),
                amount=Money(cents),
                description="Gebühr",
                language="de",
                return_url="http://localhost/de",
                at_till=True,
            )
        return await self.payments.open(payment.id)

    async def take(self, payment: Payment) -> str:
        """What came of it, for whoever tried."""
        try:
            taken = await self.tills.take(
                self.till, payment.id, Method.CASH, given_cents=payment.amount_cents, key=uuid4()
            )
        except Conflict as refusal:
            return refusal.code
        return taken.payment.status.value

    async def cash(self) -> int:
        async with self.db.connection() as conn:
            return int(await conn.fetchval("SELECT till_balance($1)", self.till.id))

    async def refusal(self, sql: str, *values: object) -> str | None:
        try:
            async with self.db.transaction() as conn:
                await conn.execute(sql, *values)
        except asyncpg.PostgresError as error:
            return getattr(error, "constraint_name", None)
        return "done"


@pytest.fixture
async def desk(db: Database) -> Desk:
    clock, ids = SettableClock(NOW), Ids(10_000)
    payments = Payments(PgBooks(db), {COUNTER: CounterProvider(db, clock)}, RecordingHooks(), clock, ids)
    tills = Tills(db, payments.settle, payments.submit_refund, clock)
    async with db.transaction() as conn:
        await make_city(conn, counters=1)
        office = await conn.fetchval("SELECT id FROM office")
        sql = "INSERT INTO account (login, name, password_hash) VALUES ('kim', 'Kim', '$argon2id$') RETURNING id"
        by = int(await conn.fetchval(sql))
    till = (await tills.till(office, await tills.set_up(office, "Kasse 1"))).till
    drawer = await tills.open_drawer(till, float_cents=5000, brought_cents=5000, by=by, key=uuid4())
    return Desk(db, payments, tills, till, drawer, by)


async def test_two_cashiers_take_one_fee_once(desk: Desk) -> None:
    payment = await desk.due()
    said = await asyncio.gather(*(desk.take(payment) for _ in range(4)))
    assert sorted(said) == ["paid", "taken_already", "taken_already", "taken_already"]
    assert await desk.cash() == 6300


async def test_one_till_of_a_name_however_often_it_is_set_up(desk: Desk) -> None:
    office = desk.till.office_id
    made = await asyncio.gather(
        *(desk.tills.set_up(office, name) for name in ("Kasse 2", "Kasse 2", " Kasse 2 ", "Kasse 1"))
    )
    assert len(set(made)) == 2
    assert made[3] == desk.till.id
    assert [one.till.name for one in await desk.tills.at_office(office)] == ["Kasse 1", "Kasse 2"]


async def test_two_open_one_drawer(desk: Desk) -> None:
    office = desk.till.office_id
    till = (await desk.tills.till(office, await desk.tills.set_up(office, "Kasse 2"))).till

    async def open_it() -> str:
        try:
            await desk.tills.open_drawer(till, float_cents=100, brought_cents=100, by=desk.by, key=uuid4())
        except Conflict as refusal:
            return refusal.code
        return "open"

    assert sorted(await asyncio.gather(open_it(), open_it(), open_it())) == ["drawer_open", "drawer_open", "open"]


async def test_whether_it_was_given_up_or_taken_is_decided_once(desk: Desk) -> None:
    due = [await desk.due() for _ in range(8)]

    async def give_up(payment: Payment) -> PaymentStatus:
        return (await desk.payments.fence(payment.id)).status

    async def both(payment: Payment) -> tuple[str, PaymentStatus]:
        said, ended = await asyncio.gather(desk.take(payment), give_up(payment))
        return said, ended

    for said, ended in await asyncio.gather(*(both(payment) for payment in due)):
        assert (said, ended) in (("paid", PaymentStatus.PAID), ("not_at_till", PaymentStatus.FENCED)), (said, ended)


async def test_what_comes_while_the_drawer_closes_is_in_its_sum_or_refused(desk: Desk) -> None:
    due = [await desk.due(100) for _ in range(6)]

    async def close() -> str:
        try:
            await desk.tills.close_drawer(
                desk.till, desk.drawer.id, counted_cents=5000, count={}, deposit_cents=0, note="Inventur", by=desk.by
            )
        except Conflict as refusal:
            return refusal.code
        return "closed"

    *said, closed = await asyncio.gather(*(desk.take(payment) for payment in due), close())
    if closed == "not_booked_yet":  # taken in this moment, and not in the books yet
        closed = await close()
    assert closed == "closed"
    assert set(said) <= {"paid", "drawer_closed"}
    protocol = await desk.tills.protocol(desk.till.office_id, desk.drawer.id)
    assert protocol.drawer.expected_cents == 5000 + 100 * said.count("paid")
    assert (await desk.cash(), len(protocol.moves)) == (5000, said.count("paid"))


async def test_a_process_that_dies_before_booking_loses_nothing(desk: Desk) -> None:
    payment = await desk.due()

    async def dies(_payment_id: UUID) -> Payment:
        raise ConnectionError

    dying = Tills(desk.db, dies, desk.payments.submit_refund, SettableClock(NOW))
    with pytest.raises(ConnectionError):
        await dying.take(desk.till, payment.id, Method.CASH, given_cents=1300, key=uuid4())
    assert await desk.cash() == 5000
    closing = {"counted_cents": 6300, "count": {}, "deposit_cents": 1300, "note": "", "by": desk.by}
    with pytest.raises(ConnectionError):  # it cannot be booked now, so the drawer does not close either
        await dying.close_drawer(desk.till, desk.drawer.id, **closing)  # type: ignore[arg-type]
    sql = """
        UPDATE drawer SET closed_at = now(), closed_by = $2, counted_cents = 0, deposit_cents = 0, expected_cents = 0, note = 'x'
         WHERE id = $1"""
    assert await desk.refusal(sql, desk.drawer.id, desk.by) == "drawer_closes_booked"
    closed = await desk.tills.close_drawer(desk.till, desk.drawer.id, **closing)  # type: ignore[arg-type]
    assert (closed.difference_cents, await desk.cash()) == (0, 5000)


async def test_how_a_drawer_is_opened_is_held_by_the_schema(desk: Desk) -> None:
    await desk.tills.close_drawer(
        desk.till, desk.drawer.id, counted_cents=5000, count={}, deposit_cents=0, note="", by=desk.by
    )
    opened = """
        INSERT INTO drawer (id, till_id, opened_by, opened_at, float_cents, brought_cents, left_cents, opening_note)
        VALUES (gen_random_uuid(), $1, $2, now(), $3, $4, 0, $5)"""
    till, by = desk.till.id, desk.by
    assert await desk.refusal(opened, till, by, 5000, 5001, "Wechselgeld") == "drawer_brought_counted"
    assert await desk.refusal(opened, till, by, 4999, 0, None) == "drawer_opening_explained"
    assert await desk.refusal(opened, till, by, 4999, 0, " ") == "drawer_opening_note"
    assert await desk.refusal(opened, till, by, 5000, 0, None) == "done"
    assert await desk.refusal("UPDATE drawer SET opening_note = 'x' WHERE closed_at IS NULL") == "drawer_opening_fixed"


async def test_round_the_code_the_schema_says_no(desk: Desk) -> None:
    payment, taken = await desk.due(), await desk.due()
    await desk.take(taken)
    session, paid = f"counter_{payment.id.hex}", f"counter_{taken.id.hex}"
    drawer, till, by = desk.drawer.id, desk.till.id, desk.by
    take = """
        UPDATE counter_payment SET status = 'paid', drawer_id = $2, method = 'cash', given_cents = $3, taken_at = now(),
                                   request_key = payment_id WHERE id = $1"""
    opened = """
        INSERT INTO drawer (id, till_id, opened_by, opened_at, float_cents, left_cents, opening_note)
        VALUES (gen_random_uuid(), $1, $2, now(), $3, 0, 'x')"""
    assert await desk.refusal(take, session, drawer, 1299) == "counter_payment_given"
    assert await desk.refusal(take, paid, drawer, 1300) == "counter_payment_final"
    assert await desk.refusal(take, session, uuid4(), 1300) == "counter_payment_drawer_open"
    assert (
        await desk.refusal("UPDATE counter_payment SET status = 'paid' WHERE id = $1", session)
        == "counter_payment_taken_whole"
    )
    assert (
        await desk.refusal("UPDATE counter_payment SET amount_cents = 1 WHERE id = $1", session)
        == "counter_payment_terms_fixed"
    )
    assert await desk.refusal("DELETE FROM counter_payment") == "counter_payment_never_deleted"
    assert await desk.refusal(opened, till, by, 0) == "drawer_one_open"
    assert await desk.refusal("UPDATE drawer SET float_cents = 1 WHERE id = $1", drawer) == "drawer_opening_fixed"
    assert await desk.refusal("DELETE FROM drawer") == "drawer_never_deleted"
    assert await desk.refusal("UPDATE till SET key = 'other'") == "till_place_fixed"
    close = "UPDATE drawer SET closed_at = now(), closed_by = $2, counted_cents = $3, deposit_cents = 0, expected_cents = 0 WHERE id = $1"
    assert await desk.refusal(close, drawer, by, 6200) == "drawer_difference_explained"
    assert (
        await desk.refusal(close.replace("deposit_cents = 0", "deposit_cents = 100"), drawer, by, 6300)
        == "drawer_in_the_books"
    )
    refund = "INSERT INTO counter_refund (refund_id, session_id, amount_cents, created_at) VALUES ($1, $2, $3, now())"
    assert await desk.refusal(refund, uuid4(), paid, 1301) == "counter_refund_within"
    assert await desk.refusal(refund, uuid4(), session, 1) == "counter_refund_within"
    stolen = uuid4()
    assert await desk.refusal(refund, stolen, paid, 1300) == "done"
    give = "UPDATE counter_refund SET status = 'given', drawer_id = $2, method = 'cash', given_at = now() WHERE refund_id = $1"
    assert await desk.refusal(give, stolen, drawer) == "counter_refund_released"
    journal = "INSERT INTO journal (kind, payment_id, drawer_id, at) VALUES ($1, $2, $3, now())"
    assert await desk.refusal(journal, "drawer_closed", None, None) == "journal_drawer_named"
    assert await desk.refusal(journal, "fee", None, None) == "journal_payment_named"
    assert await desk.refusal(journal, "drawer_opened", None, drawer) == "journal_once"
    await desk.tills.close_drawer(desk.till, drawer, counted_cents=6300, count={}, deposit_cents=0, note="", by=by)
    assert (
        await desk.refusal("UPDATE drawer SET counted_cents = 1, note = 'x' WHERE id = $1", drawer)
        == "drawer_closed_stays"
    )
    assert await desk.refusal(take, session, drawer, 1300) == "counter_payment_drawer_open"
    assert await desk.refusal(opened, till, by, 6200) == "drawer_in_the_books"
