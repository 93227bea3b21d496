"""What was paid is revenue on the day of the service, or when it is kept; never what goes back or is owed."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, timedelta
from uuid import UUID

import asyncpg
import pytest

from base.db import Database
from base.money import Money
from payment.books import Books
from payment.books_memory import MemoryBooks
from payment.books_pg import PgBooks
from payment.memory import MemoryDatabase
from payment.model import Line, Payment, RefundReason
from tests.payment.making import NOW
from tests.payment.world import World

DAY = NOW.date()
LINES = (Line(product="31000", amount_cents=1000), Line(product="32000", amount_cents=300))


@pytest.fixture(params=["postgres", "memory"])
def books(request: pytest.FixtureRequest, db: Database) -> Books:
    return PgBooks(db) if request.param == "postgres" else MemoryBooks(MemoryDatabase())


@pytest.fixture
def world(books: Books) -> World:
    return World(books=books)


async def paid(world: World, reference: int = 1001, day: date | None = DAY) -> Payment:
    async with world.books.transaction() as tx:
        asked = await world.payments.request(
            tx,
            reference=UUID(int=reference),
            amount=Money(1300),
            description="Gebühr",
            language="de",
            return_url="http://localhost:8080/de/case",
            lines=LINES,
            service_day=day,
        )
    opened = await world.payments.open(asked.id)
    world.pay(opened)
    return await world.payments.settle(opened.id)


async def balances(world: World, payment: Payment) -> dict[str, int]:
    sums: Counter[str] = Counter()
    async with world.books.transaction() as tx:
        for journal in await world.books.journals(tx, payment.id):
            for entry in journal.entries:
                sums[entry.account] += entry.amount_cents
    return {account: cents for account, cents in sums.items() if cents}


async def test_it_is_received_in_advance_until_its_day(world: World) -> None:
    payment = await paid(world)
    assert await world.payments.earn_due(DAY - timedelta(days=1)) == 0
    assert await balances(world, payment) == {"psp_clearing": 1300, "received_in_advance": -1300}
    assert await world.payments.earn_due(DAY) == 1
    assert await balances(world, payment) == {"psp_clearing": 1300, "revenue:31000": -1000, "revenue:32000": -300}
    assert await world.payments.earn_due(DAY) == 0


async def test_without_a_day_it_waits_to_be_told(world: World) -> None:
    payment = await paid(world, day=None)
    assert await world.payments.earn_due(DAY + timedelta(days=400)) == 0
    async with world.books.transaction() as tx:
        await world.payments.serve_on(tx, [payment.reference], DAY)
    assert await world.payments.earn_due(DAY) == 1


async def test_who_moves_is_earned_on_the_new_day(world: World) -> None:
    payment = await paid(world)
    async with world.books.transaction() as tx:
        await world.payments.serve_on(tx, [payment.reference], DAY + timedelta(days=7))
    assert await world.payments.earn_due(DAY + timedelta(days=6)) == 0
    assert await world.payments.earn_due(DAY + timedelta(days=7)) == 1


async def test_what_a_policy_keeps_is_earned_at_once(world: World) -> None:
    payment = await paid(world)
    async with world.books.transaction() as tx:
        refund = await world.payments.request_refund(tx, payment.id, Money(650), RefundReason.CANCELLED)
        assert await world.payments.earn(tx, payment.id) == 650
        assert await world.payments.earn(tx, payment.id) == 0
    await world.payments.submit_refund(refund.id)
    assert await balances(world, payment) == {"psp_clearing": 650, "revenue:31000": -500, "revenue:32000": -150}


async def test_what_goes_back_whole_is_never_revenue(world: World) -> None:
    payment = await paid(world)
    async with world.books.transaction() as tx:
        refund = await world.payments.request_refund(tx, payment.id, Money(1300), RefundReason.CANCELLED)
        assert await world.payments.earn(tx, payment.id) == 0
    assert await world.payments.earn_due(DAY) == 0
    await world.payments.submit_refund(refund.id)
    assert await balances(world, payment) == {}


async def test_what_is_owed_because_giving_it_back_failed_is_not_earned(world: World) -> None:
    payment = await paid(world)
    world.machine.refund_outcome = "failed"
    async with world.books.transaction() as tx:
        refund = await world.payments.request_refund(tx, payment.id, Money(1300), RefundReason.CANCELLED)
    await world.payments.submit_refund(refund.id)
    assert await world.payments.earn_due(DAY) == 0
    assert await balances(world, payment) == {"psp_clearing": 1300, "received_in_advance": -1300}


async def test_one_that_cannot_be_booked_keeps_no_other_waiting(db: Database) -> None:
    world = World(books=PgBooks(db))
    stuck, other = sorted([await paid(world), await paid(world, 1002)], key=lambda one: one.id)
    async with db.connection() as conn:
        await conn.execute(
            f"ALTER TABLE journal ADD CONSTRAINT stuck CHECK (kind <> 'earned' OR payment_id <> '{stuck.id}')"
        )
    assert await world.payments.earn_due(DAY) == 1
    assert await balances(world, other) == {"psp_clearing": 1300, "revenue:31000": -1000, "revenue:32000": -300}
    assert await balances(world, stuck) == {"psp_clearing": 1300, "received_in_advance": -1300}


async def test_what_is_not_paid_is_not_earned(world: World) -> None:
    await world.opened()
    async with world.books.transaction() as tx:
        await world.payments.serve_on(tx, [UUID(int=1001)], DAY)
    assert await world.payments.earn_due(DAY) == 0


@pytest.mark.parametrize("statement", ["advance_cents = 0", 'lines = \'[{"product": "x"}]\''])
async def test_the_schema_keeps_it_by_itself(db: Database, statement: str) -> None:
    payment = await paid(World(books=PgBooks(db)))
    async with db.connection() as conn:
        with pytest.raises(asyncpg.PostgresError) as caught:
            await conn.execute(f"UPDATE payment SET {statement} WHERE id = $1", payment.id)
    assert getattr(caught.value, "constraint_name", "") in ("payment_advance_by_entries", "payment_lines_fixed")


@pytest.mark.parametrize(
    ("lines", "constraint"),
    [
        ('[{"product": "a", "amount_cents": 1, "quantity": 1, "tax_percent": 0}]', "payment_lines_sum"),
        ('[{"product": "A!", "amount_cents": 1300, "quantity": 1, "tax_percent": 0}]', "payment_lines_form"),
        ('[{"product": "a", "amount_cents": 1300, "quantity": 0, "tax_percent": 0}]', "payment_lines_form"),
        (
            '[{"product": "a", "amount_cents": 1301, "quantity": 1, "tax_percent": 0},'
            ' {"product": "a", "amount_cents": -1, "quantity": 1, "tax_percent": 0}]',
            "payment_lines_form",
        ),
    ],
)
async def test_the_schema_refuses_lines_that_do_not_add_up(db: Database, lines: str, constraint: str) -> None:
    await paid(World(books=PgBooks(db)))
    copied = """
        INSERT INTO payment (id, reference, provider, amount_cents, currency, description, language, return_url, status, attempt,
                             attempt_at, created_at, lines)
        SELECT gen_random_uuid(), gen_random_uuid(), provider, amount_cents, currency, description, language, return_url, 'intended',
               1, attempt_at, created_at, $1 FROM payment"""
    async with db.connection() as conn:
        with pytest.raises(asyncpg.PostgresError) as caught:
            await conn.execute(copied, json.loads(lines))
    assert getattr(caught.value, "constraint_name", "") == constraint
