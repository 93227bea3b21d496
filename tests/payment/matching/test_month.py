"""A month of trade with every kind of fault: each is reported under its cause, and nothing else is."""

from __future__ import annotations

import pytest

from base.db import Database
from payment.matching.model import Cause
from tests.payment.matching.month import FIRST, LAST, PAYOUTS, SMALL, Month, score

UNMATCHED = (Cause.MISSING_THERE, Cause.MISSING_HERE, Cause.AMOUNT, Cause.FEE)


async def count(db: Database, sql: str) -> int:
    async with db.connection() as conn:
        return int(await conn.fetchval(sql))


async def balances(db: Database) -> dict[str, int]:
    async with db.connection() as conn:
        rows = await conn.fetch("SELECT account, sum(amount_cents)::bigint FROM entry GROUP BY 1")
    return {row[0]: row[1] for row in rows}


async def assert_clean_rows_match(db: Database, month: Month) -> None:
    """All that nothing was done to has found its other side, in books, payouts and bank, and the money is where that says."""
    assert await month.unmatched() <= {subject for cause, subject in month.labels if cause in UNMATCHED}
    whole, back = month.payouts_at_bank(), month.sent_back()
    assert await month.arrived() == set(whole) | back
    books = await balances(db)
    sent = sum(row["amount"] for row in month.machine.state.rows("payouts") if row["status"] != "failed")
    assert len(whole) > PAYOUTS // 2
    of_tills = await count(db, "SELECT sum(cents) FROM bank_cleared")
    assert books["bank"] == sum(whole.values()) + of_tills
    on_its_way = sum(one.cents for one in month.tills.carried) - of_tills
    assert books["cash_in_transit"] + books["terminal_clearing"] == on_its_way
    assert books["bank_in_transit"] == sent - sum(whole.values())
    twice = {one for one in month.bank.labels if one.kind == "file_twice"}
    assert len(month.twice) == len(twice) == 1  # known again by its bytes, and stored once
    assert await count(db, "SELECT count(*) FROM bank_file WHERE name LIKE 'again%'") == 0


@pytest.mark.parametrize("seed", [1, 2])
async def test_all_that_was_planted_is_found_and_nothing_else(db: Database, seed: int) -> None:
    month = Month(db, seed=seed)
    await month.play()
    await month.label_bank()
    before = await month.matching.run(FIRST, LAST, by=month.staff)
    await month.change_prices()
    after = await month.matching.run(FIRST, LAST, by=month.staff)
    found = score(await month.reported(), month.labels)
    assert (found.missed, found.wrong) == (frozenset(), frozenset())
    assert (found.precision, found.recall) == (1.0, 1.0)
    assert (after.opened, after.closed) == (SMALL.faults, 0)  # the prices that were changed
    assert before.opened == len(month.labels) - SMALL.faults
    assert await count(db, "SELECT count(*) FROM provider_payout_now") == PAYOUTS
    await assert_clean_rows_match(db, month)
    again = await month.matching.run(FIRST, LAST, by=month.staff)
    assert (again.opened, again.closed, again.differences) == (0, 0, after.differences)


async def test_night_after_night_gives_the_same_money_is_where_the_books_say_and_batches_are_made_again_to_the_byte(
    db: Database,
) -> None:
    month = Month(db, nightly=True)
    await month.play()
    await month.label_bank()
    await month.matching.run(FIRST, LAST, by=month.staff)
    assert await month.reported() == month.labels
    assert await month.reported("closed") == set()  # nothing was reported too early
    books = await balances(db)
    sql = """
        SELECT coalesce(sum(coalesce(there_cents, 0) - coalesce(here_cents, 0)), 0) FROM difference
         WHERE cause IN ('missing_there', 'missing_here', 'amount', 'fee') AND subject !~ '^(payout|bank|price):'"""
    assert books["psp_clearing"] + await count(db, sql) == month.machine.balance()
    made = await month.made_again()
    assert len(made) > 25
    for day, (kept, again) in made.items():
        assert kept == again, day
