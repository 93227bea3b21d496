"""Journals balance by construction, and mean what the accounts say."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment.ledger import (
    PSP_CLEARING,
    REVENUE,
    Entry,
    Journal,
    JournalKind,
    fee_journal,
    refund_failed_journal,
    refund_journal,
)
from tests.payment.making import a_payment, a_refund


def balances(*journals: Journal) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for journal in journals:
        for entry in journal.entries:
            sums[entry.account] += entry.amount_cents
    return {account: cents for account, cents in sums.items() if cents}


def test_a_fee_is_revenue_lying_with_the_provider() -> None:
    assert balances(fee_journal(a_payment(amount_cents=1300))) == {PSP_CLEARING: 1300, REVENUE: -1300}


def test_a_refund_takes_its_part_back() -> None:
    booked = fee_journal(a_payment(amount_cents=1300)), refund_journal(a_refund(amount_cents=300))
    assert balances(*booked) == {PSP_CLEARING: 1000, REVENUE: -1000}


@given(st.integers(min_value=1, max_value=2**31 - 1))
def test_a_failed_refund_leaves_no_trace_in_the_balances(cents: int) -> None:
    refund = a_refund(amount_cents=cents)
    assert balances(refund_journal(refund), refund_failed_journal(refund)) == {}


@given(st.lists(st.integers(min_value=-5, max_value=5).filter(bool), max_size=5))
def test_what_does_not_balance_cannot_be_made(cents: list[int]) -> None:
    entries = tuple(Entry(f"revenue:{n}", amount) for n, amount in enumerate(cents))
    if len(cents) >= 2 and sum(cents) == 0:
        assert Journal(JournalKind.FEE, UUID(int=1), None, entries).entries == entries
    else:
        with pytest.raises(ValueError, match="balances"):
            Journal(JournalKind.FEE, UUID(int=1), None, entries)


def test_an_entry_of_nothing_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="nothing"):
        Entry(REVENUE, 0)
