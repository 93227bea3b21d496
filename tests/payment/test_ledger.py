"""Journals balance by construction, and mean what the accounts say."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment.ledger import (
    IN_ADVANCE,
    PSP_CLEARING,
    Entry,
    Journal,
    JournalKind,
    earned_journal,
    fee_journal,
    refund_failed_journal,
    refund_journal,
    shared,
)
from payment.model import Line
from tests.payment.making import a_payment, a_refund


def balances(*journals: Journal) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for journal in journals:
        for entry in journal.entries:
            sums[entry.account] += entry.amount_cents
    return {account: cents for account, cents in sums.items() if cents}


def test_a_fee_lies_with_the_provider_and_is_not_earned_yet() -> None:
    assert balances(fee_journal(a_payment(amount_cents=1300))) == {PSP_CLEARING: 1300, IN_ADVANCE: -1300}


def test_on_the_day_of_the_service_it_becomes_the_revenue_of_its_products() -> None:
    lines = (Line(product="31000", amount_cents=1000), Line(product="32000", amount_cents=300))
    payment = a_payment(amount_cents=1300, lines=lines)
    booked = fee_journal(payment), earned_journal(payment, 1300)
    assert balances(*booked) == {PSP_CLEARING: 1300, "revenue:31000": -1000, "revenue:32000": -300}


def test_a_refund_before_it_takes_what_is_not_earned() -> None:
    payment = a_payment(amount_cents=1300, advance_cents=1300)
    booked = fee_journal(payment), refund_journal(a_refund(amount_cents=300), payment)
    assert balances(*booked) == {PSP_CLEARING: 1000, IN_ADVANCE: -1000}


def test_a_refund_after_it_takes_revenue_back() -> None:
    payment = a_payment(amount_cents=1300)
    booked = fee_journal(payment), earned_journal(payment, 1300), refund_journal(a_refund(amount_cents=300), payment)
    assert balances(*booked) == {PSP_CLEARING: 1000, "revenue:fees": -1000}


products = st.lists(st.integers(1, 10**6), min_size=1, max_size=5)


@given(cents=products, back=st.integers(1, 10**6), in_advance=st.integers(0, 10**6))
def test_a_failed_refund_leaves_no_trace_in_the_balances(cents: list[int], back: int, in_advance: int) -> None:
    lines = tuple(Line(product=f"p{n}", amount_cents=amount) for n, amount in enumerate(cents))
    payment = a_payment(amount_cents=sum(cents), lines=lines, advance_cents=min(in_advance, sum(cents)))
    booked = refund_journal(a_refund(amount_cents=min(back, sum(cents))), payment)
    assert balances(booked, refund_failed_journal(booked)) == {}


@given(cents=st.integers(0, 10**9), weights=products)
def test_shares_lose_no_cent_and_stray_by_less_than_one(cents: int, weights: list[int]) -> None:
    found = shared(cents, weights)
    assert sum(found) == cents
    for share, weight in zip(found, weights, strict=True):
        assert abs(share - cents * weight / sum(weights)) < 1 + 1e-6


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
        Entry(IN_ADVANCE, 0)
