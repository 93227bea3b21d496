"""From each total down to what it is made of: over a whole month of trade every level comes to the sum of the level below, to the cent."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import pytest

from base.db import Database
from base.errors import NotFound
from payment.exports.rows import sum_of, totals
from payment.figures.model import Side
from payment.figures.usecases import FigureBook
from payment.payouts.usecases import Payouts
from tests.payment.matching.month import FIRST, LAST, Month, Size

MONTH = Size(payments=150, refunds=40, disputes=9, faults=1)


@pytest.fixture(params=[1, 7])
async def month(db: Database, request: pytest.FixtureRequest) -> Month:
    month = Month(db, size=MONTH, seed=request.param, nightly=True)
    await month.play()
    await month.label_bank()
    await month.matching.run(FIRST, LAST, by=month.staff)
    return month


async def test_every_total_is_the_sum_of_the_level_below(month: Month) -> None:
    await takings_are_the_sum_of_their_journals(month)
    await open_items_are_the_sum_of_what_payments_leave_open(month)
    await balances_are_the_sum_of_their_statements(month)
    await batches_are_the_sum_of_their_items(month)
    await payouts_are_the_sum_of_their_parts_and_payments_know_them(month)


async def takings_are_the_sum_of_their_journals(month: Month) -> None:
    book = FigureBook(month.db)
    found = await book.of(FIRST, LAST)
    assert len(found.takings) > 25
    whole: dict[Side, int] = defaultdict(int)
    for row in found.takings:
        for side, cents in ((Side.TAKEN, row.taken_cents), (Side.REFUNDED, row.refunded_cents)):
            behind, has_more = await book.behind(row.day, row.day, side, method=row.method, currency=row.currency)
            assert (sum(one.cents for one in behind), has_more) == (cents, False), (row, side)
            assert all(one.day == row.day and one.method == row.method for one in behind)
            whole[side] += cents
    for side in Side:
        behind, _more = await book.behind(FIRST, LAST, side)
        assert sum(one.cents for one in behind) == whole[side] != 0
        assert len({one.journal_id for one in behind}) == len(behind)


async def open_items_are_the_sum_of_what_payments_leave_open(month: Month) -> None:
    book = FigureBook(month.db)
    for last in (LAST, FIRST + timedelta(days=14)):
        found = (await book.of(FIRST, last)).open_items
        assert {"received_in_advance", "psp_clearing", "dispute_receivable"} <= {one.account for one in found}
        for item in found:
            parts, has_more = await book.open_parts(item.account, last, currency=item.currency)
            assert sum(one.cents for one in parts) == item.cents or has_more, item
            assert all(one.cents and (one.payment_id is None) == (not one.kassenzeichen) for one in parts)


async def balances_are_the_sum_of_their_statements(month: Month) -> None:
    middle = FIRST + timedelta(days=17)
    for first, last in ((FIRST, LAST), (middle, middle)):
        for balance in await month.ledgers.trial_balance(first, last):
            _balances, lines, has_more = await month.ledgers.statement(balance.account, first, last)
            assert not has_more
            assert sum(one.amount_cents for one in lines) == balance.debit_cents - balance.credit_cents


async def batches_are_the_sum_of_their_items(month: Month) -> None:
    _waiting, batches = await month.exports.batches()
    assert len(batches) > 25
    for batch in batches:
        contents = await month.exports.contents(batch.number)
        for total in contents.totals:
            items = [item for item, _voucher in contents.of(total.product, total.method)]
            assert totals(items) == [total]
        kept = {one.format: one.sum_cents for one in (await month.exports.dispatch(batch.number)).files}
        assert sum(total.net_cents for total in contents.totals) == kept["totals-csv"] == kept["items-csv"]
        assert all(voucher.journal_id and voucher.label == item.voucher for item, voucher in contents.items)
        assert contents.of(None, None) == contents.items
        assert sum_of([item for item, _voucher in contents.items]) == 0
    with pytest.raises(NotFound):
        await month.exports.contents(len(batches) + 1)


async def payouts_are_the_sum_of_their_parts_and_payments_know_them(month: Month) -> None:
    payouts = Payouts(month.db)
    listed = await payouts.between(FIRST, LAST + timedelta(days=10))
    assert len(listed) > 10
    seen: dict[object, int] = defaultdict(int)
    for one in listed:
        told = await payouts.get(one.id)
        assert told.payout == one
        if one.status == "failed":
            continue
        assert sum(part.net_cents for part in told.parts) == one.parts_cents == one.amount_cents, one
        assert sum(line.cents for line in told.credits) == (one.credited_cents or 0)
        for part in told.parts:
            assert part.amount_cents - part.fee_cents == part.net_cents
            if part.payment_id is not None:
                seen[part.payment_id] += part.net_cents
    assert len(seen) > MONTH.payments // 2
    for payment_id, cents in seen.items():
        found = await payouts.of_payment(payment_id)  # type: ignore[arg-type]
        assert sum(one.net_cents for one in found.arrivals if one.status != "failed") == cents
        assert all(one.is_closed == (one.batch is not None) for one in found.days)
    with pytest.raises(NotFound):
        await payouts.get("po_none")
