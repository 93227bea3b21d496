"""Each payment that came has one receipt; the numbers of a year have no gap, whoever numbers and whatever fails."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest

from base.clock import SettableClock
from base.db import Database
from base.errors import NotFound
from payment.model import Payment, PaymentStatus
from payment.receipts.usecases import Receipts
from payment.store import insert_payment, update_payment
from tests.payment.making import NOW, a_payment

P = PaymentStatus


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW)


@pytest.fixture
def receipts(db: Database, clock: SettableClock) -> Receipts:
    return Receipts(db, clock, lambda moment: moment.year)


async def put(db: Database, number: int, status: PaymentStatus = P.PAID) -> Payment:
    payment = a_payment(
        id=UUID(int=number),
        reference=UUID(int=1000 + number),
        status=status,
        session_id=f"cs_{number}",
        charge_id=f"pi_{number}",
    )
    async with db.transaction() as conn:
        assert await insert_payment(conn, payment)
    return payment


async def numbered(db: Database) -> list[tuple[UUID, str]]:
    """All receipts in the order of their numbers."""
    async with db.connection() as conn:
        rows = await conn.fetch("SELECT payment_id, year, number FROM receipt ORDER BY year, number")
    return [(row["payment_id"], f"{row['year']}-{row['number']:06d}") for row in rows]


async def refusal(db: Database, sql: str, *values: object) -> str | None:
    with pytest.raises(asyncpg.PostgresError) as caught:
        async with db.transaction() as conn:
            await conn.execute(sql, *values)
    return getattr(caught.value, "constraint_name", None)


async def test_a_receipt_follows_the_payment(db: Database, receipts: Receipts) -> None:
    await put(db, 1)
    assert await receipts.issue_due() == 1
    found = await receipts.of(UUID(int=1))
    assert (found.label, found.amount_cents, found.refunded_cents) == ("2026-000001", 1300, 0)
    assert found.kassenzeichen == "RF26SCH000000001"
    assert await numbered(db) == [(UUID(int=1), "2026-000001")]
    assert await receipts.issue_due() == 0


async def test_whoever_looks_first_need_not_wait_for_the_worker(db: Database, receipts: Receipts) -> None:
    await put(db, 1)
    await put(db, 2)
    assert (await receipts.of(UUID(int=2))).number == 1
    assert await receipts.issue_due() == 1
    assert (await receipts.of(UUID(int=1))).number == 2


async def test_what_is_not_paid_has_none_until_it_is(db: Database, receipts: Receipts) -> None:
    payment = await put(db, 1, P.OPEN)
    assert await receipts.issue_due() == 0
    with pytest.raises(NotFound):
        await receipts.of(payment.id)
    async with db.transaction() as conn:
        paid = a_payment(
            id=payment.id,
            status=P.PAID,
            reference=payment.reference,
            session_id="cs_1",
            charge_id="pi_1",
            captured_cents=1300,
        )
        assert await update_payment(conn, paid, P.OPEN)
    assert (await receipts.of(payment.id)).number == 1


async def test_each_year_begins_with_one(db: Database, receipts: Receipts, clock: SettableClock) -> None:
    await put(db, 1)
    await receipts.issue_due()
    clock.set(datetime(2027, 1, 2, tzinfo=UTC))
    await put(db, 2)
    await receipts.issue_due()
    assert await numbered(db) == [(UUID(int=1), "2026-000001"), (UUID(int=2), "2027-000001")]


async def test_many_who_number_at_once_leave_no_gap_and_give_nothing_twice(db: Database, receipts: Receipts) -> None:
    await asyncio.gather(*(put(db, n) for n in range(1, 41)))
    looks = [receipts.of(UUID(int=n)) for n in range(1, 41)]
    await asyncio.gather(*looks, *(receipts.issue_due() for _ in range(4)))
    found = await numbered(db)
    assert [label for _, label in found] == [f"2026-{n:06d}" for n in range(1, 41)]
    assert {ident for ident, _ in found} == {UUID(int=n) for n in range(1, 41)}


async def test_a_transaction_that_fails_uses_no_number_up(db: Database, receipts: Receipts) -> None:
    await put(db, 1)
    async with db.connection() as conn:
        begun = conn.transaction()
        await begun.start()
        await conn.execute("INSERT INTO receipt VALUES ($1, 2026, 1, now())", UUID(int=1))
        await begun.rollback()
    assert await receipts.issue_due() == 1
    assert (await receipts.of(UUID(int=1))).number == 1


async def test_the_schema_itself_forbids_a_gap_a_repeat_and_a_change(db: Database, receipts: Receipts) -> None:
    await put(db, 1)
    await put(db, 2)
    await put(db, 3, P.OPEN)
    insert = "INSERT INTO receipt VALUES ($1, 2026, $2, now())"
    assert await refusal(db, insert, UUID(int=1), 2) == "receipt_gapless"
    await receipts.issue_due()
    assert await refusal(db, insert, UUID(int=3), 2) == "receipt_gapless"
    assert await refusal(db, insert, UUID(int=3), 3) == "receipt_of_paid"
    assert await refusal(db, insert, UUID(int=1), 3) == "receipt_pkey"
    assert await refusal(db, "UPDATE receipt SET number = 9 WHERE number = 2") == "receipt_append_only"
    assert await refusal(db, "DELETE FROM receipt") == "receipt_append_only"
    assert await refusal(db, "TRUNCATE receipt") == "receipt_append_only"


async def test_the_schema_itself_checks_the_kassenzeichen(db: Database) -> None:
    await put(db, 1)
    change = "UPDATE payment SET kassenzeichen = $1"
    assert await refusal(db, change, "RF27SCH000000001") == "payment_kassenzeichen_fixed"
    wrong = """
        INSERT INTO payment (id, reference, provider, amount_cents, currency, description, language, return_url, status, attempt,
                             attempt_at, created_at, kassenzeichen, lines)
        SELECT $1, $1, provider, amount_cents, currency, description, language, return_url, 'intended', 1, attempt_at, created_at, $2, lines
          FROM payment"""
    assert await refusal(db, wrong, UUID(int=5), "RF27SCH000000001") == "payment_kassenzeichen_checked"
    assert await refusal(db, wrong, UUID(int=5), "RF26SCH000000001") == "payment_kassenzeichen_once"
    assert await refusal(db, "UPDATE kassenzeichen_prefix SET prefix = 'zu klein'") == "kassenzeichen_prefix_form"
