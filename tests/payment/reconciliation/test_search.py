"""The search by an amount: payments and refunds of just this amount, and however many payments there are, it reads a handful of rows."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from base.clock import SettableClock
from base.db import Connection, Database
from payment.reconciliation import store
from payment.reconciliation.usecases import MOST_FOUND, Reconciliation
from tests.payment.ledgers.booking import behind_the_back, give_back, pay
from tests.payment.making import NOW

MANY = 20_000


async def found(db: Database, cents: int) -> list[UUID]:
    return await Reconciliation(db, {}, SettableClock(NOW)).of_amount(cents)


async def test_payments_and_refunds_each_once_and_the_youngest_first(db: Database) -> None:
    for number in range(1, 5):
        payment = await pay(db, number, NOW + timedelta(hours=number))
        if number in (1, 3):
            await give_back(db, payment, NOW + timedelta(days=9), number=500 + number)
    same = await pay(db, 9, NOW, amount_cents=500)
    await give_back(db, same, number=509)
    assert await found(db, 1300) == [UUID(int=one) for one in (4, 3, 2, 1)]
    assert await found(db, 500) == [UUID(int=one) for one in (3, 1, 9)]
    assert await found(db, 501) == []


async def test_of_many_payments_only_those_shown_are_read(db: Database) -> None:
    """An amount that is frequent, one that only refunds have, and one that nobody paid."""
    await behind_the_back(
        db,
        f"""INSERT INTO payment (id, reference, provider, amount_cents, currency, description, language, return_url, status, attempt_at,
              captured_cents, created_at, lines)
            SELECT gen_random_uuid(), gen_random_uuid(), 'stripe', a, 'EUR', 'Gebühr', 'de', 'http://localhost/', 'paid', t, a, t,
                   jsonb_build_array(jsonb_build_object('product', 'fees', 'label', '', 'quantity', 1, 'tax_percent', 0, 'amount_cents', a))
              FROM (SELECT 1300 + n % 3 * 100 AS a, '{NOW}'::timestamptz - n * interval '1 minute' AS t
                      FROM generate_series(1, {MANY}) n) p""",
        """INSERT INTO refund (id, payment_id, amount_cents, reason, attempt_at, created_at, status)
            SELECT gen_random_uuid(), id, 650, 'cancelled', created_at, created_at, 'succeeded' FROM payment WHERE amount_cents = 1300""",
    )
    async with db.connection() as conn:
        await conn.execute("ANALYZE payment, refund")
        before = await rows_read(conn)
        counts = [len(await store.of_amount(conn, cents, MOST_FOUND)) for cents in (1300, 650, 777)]
        assert counts == [MOST_FOUND, MOST_FOUND, 0]
        assert await rows_read(conn) - before < 10 * MOST_FOUND


async def rows_read(conn: Connection) -> int:
    """Of both tables, however they were reached; what this connection did is told to the counters first."""
    await conn.execute("SELECT pg_stat_force_next_flush()")
    sql = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_user_tables WHERE relname IN ('payment', 'refund')"
    return int(await conn.fetchval(sql))
