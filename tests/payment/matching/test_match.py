"""Four sides laid beside each other, fault by fault; in whatever order the rows come."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from random import Random
from uuid import UUID

import pytest

from payment.matching.days import bank_day_after, bank_day_from, easter, is_bank_day
from payment.matching.match import match
from payment.matching.model import PROPOSALS, Arrived, Cause, Proposal, Sides, Waiting
from tests.payment.matching.making import (
    AT,
    MONDAY,
    NOW,
    WEEK,
    booked,
    day,
    line,
    matched,
    moved,
    payout,
    statements,
    told,
)


def test_the_same_on_both_sides_is_linked_and_no_difference() -> None:
    found = matched(
        booked=[booked("charge:pi_1", 1300), booked("fee:txn_1", -45, 2), booked("refund:re_1", -600, 3)],
        moved=[moved("charge:pi_1", 1300), moved("fee:txn_1", -45), moved("refund:re_1", -600, "txn_2")],
    )
    assert told(found) == []
    assert found.links == ((1, "txn_1"), (2, "txn_1"), (3, "txn_2"))


BOOKS = {
    "booked here alone": ([booked("charge:pi_1", 1300)], [], [("missing_there", "charge:pi_1")]),
    "moved there alone": ([], [moved("charge:pi_1", 1300)], [("missing_here", "charge:pi_1")]),
    "another amount": ([booked("refund:re_1", -600)], [moved("refund:re_1", -599)], [("amount", "refund:re_1")]),
    "another price": ([booked("fee:txn_1", -45)], [moved("fee:txn_1", -56)], [("fee", "fee:txn_1")]),
    "a refund that never arrived there and is not booked here": (
        [],
        [moved("refund:re_1", -600), moved("refund:re_1", 600, "txn_2")],
        [],
    ),
    "a refund that came back, which we have not heard": (
        [booked("refund:re_1", -600)],
        [moved("refund:re_1", -600), moved("refund:re_1", 600, "txn_2")],
        [("amount", "refund:re_1")],
    ),
    "a charge that we could not take as it was": (
        [],
        [moved("charge:pi_1", 1200, payment_id=UUID(int=1), expected_cents=1300)],
        [("amount", "charge:pi_1")],
    ),
    "a charge that we have not heard of": (
        [],
        [moved("charge:pi_1", 1300, payment_id=UUID(int=1), expected_cents=1300)],
        [("missing_here", "charge:pi_1")],
    ),
    "written off": ([booked("charge:pi_1", 1300), booked("charge:pi_1", -1300, 2)], [], []),
}


@pytest.mark.parametrize("name", BOOKS)
def test_ledger_and_provider(name: str) -> None:
    ours, theirs, expected = BOOKS[name]
    assert told(matched(booked=ours, moved=theirs)) == expected


def test_what_may_be_on_its_way_is_not_missing() -> None:
    sides = Sides(booked=[booked("charge:pi_1", 1300)], moved=[moved("charge:pi_2", 1300)])
    assert told(match(sides, moved_until=AT, booked_until=AT)) == []
    assert len(match(sides, moved_until=NOW, booked_until=NOW).differences) == 2


def test_amounts_that_differ_are_told_however_young() -> None:
    sides = Sides(booked=[booked("charge:pi_1", 1300)], moved=[moved("charge:pi_1", 1200)])
    (found,) = match(sides, moved_until=AT, booked_until=AT).differences
    assert (found.here_cents, found.there_cents, found.cents) == (1300, 1200, -100)


def test_a_payout_and_its_credit() -> None:
    found = matched(payouts=[payout()], lines=[line()])
    assert (told(found), found.arrived) == ([], (Arrived("po_1", line()),))


def test_a_credit_without_the_trace_is_known_by_amount_and_text() -> None:
    nameless = line(end_to_end_id="NOTPROVIDED")
    assert matched(payouts=[payout()], lines=[nameless]).arrived == (Arrived("po_1", nameless),)
    assert matched(payouts=[payout(trace="")], lines=[nameless]).arrived == (Arrived("po_1", nameless),)
    strange = line(end_to_end_id="NOTPROVIDED", text="Unbekannt GmbH")
    assert told(matched(payouts=[payout()], lines=[strange])) == [
        ("payout_not_at_bank", "payout:po_1"),
        ("unknown_credit", "bank:7.1.1"),
    ]


BANK = {
    "late": ([line(booked_on=day(1))], [("payout_late", "payout:po_1")]),
    "a cent off": ([line(999)], [("amount", "payout:po_1")]),
    "in two credits": ([line(300), line(700, 2)], [("payout_split", "payout:po_1")]),
    "in two credits that are too little": ([line(300), line(600, 2)], [("amount", "payout:po_1")]),
    "not at all": ([], [("payout_not_at_bank", "payout:po_1")]),
    "twice": ([line(), line(place=2)], [("amount", "payout:po_1")]),
}


@pytest.mark.parametrize("name", BANK)
def test_a_payout_that_came_otherwise(name: str) -> None:
    lines, expected = BANK[name]
    assert told(matched(payouts=[payout()], lines=lines)) == expected


def test_a_payout_that_failed_before_it_came_and_after() -> None:
    failed = payout(has_failed=True, is_final=False)
    assert told(matched(payouts=[failed])) == [("payout_failed", "payout:po_1")]
    back = line(-1000, 2, booked_on=day(1))
    found = matched(payouts=[failed], lines=[line(), back])
    assert told(found) == [("payout_failed", "payout:po_1")]
    assert found.arrived == (Arrived("po_1", line()), Arrived("po_1", back))
    assert told(matched(payouts=[payout()], lines=[line(), back])) == [("unknown_debit", "bank:7.2.1")]


def test_a_payout_is_not_missing_before_the_bank_has_told_of_its_day_and_the_next() -> None:
    for known in (statements(), statements(1), statements(2), statements(1, 3)):
        assert "payout_not_at_bank" not in dict(told(matched(payouts=[payout()], statements=known)))
    assert told(matched(payouts=[payout()], statements=statements(1, 2))) == [("payout_not_at_bank", "payout:po_1")]
    assert told(matched(payouts=[payout(is_final=False)])) == []


def test_a_statement_that_is_missing_is_told_once_and_instead_of_what_it_would_show() -> None:
    gone = statements(1, 2, 4, 5)
    found = matched(payouts=[payout(arrival_on=day(2))], statements=gone)
    assert told(found) == [("statement_gap", "statement:DE1:2026:3")]


def test_banks_count_on_or_begin_anew_with_the_year() -> None:
    december = replace(WEEK[0], sequence=250, from_on=date(2026, 12, 30), to_on=date(2026, 12, 30))
    january = replace(december, year=2027, sequence=1, from_on=date(2027, 1, 4), to_on=date(2027, 1, 4))
    assert told(matched(statements=[january, december])) == []
    assert told(matched(statements=[december, replace(january, sequence=251)])) == []
    assert told(matched(statements=[december, replace(january, sequence=3)])) == [
        ("statement_gap", "statement:DE1:2027:2")
    ]


def test_a_payout_that_people_have_put_to_its_lines_is_done() -> None:
    done = {"settled": frozenset({"po_1"}), "late": {"po_1": MONDAY}}
    assert told(matched(payouts=[payout()], **done)) == []
    assert told(matched(payouts=[payout()], lines=[line()], **done)) == [("unknown_credit", "bank:7.1.1")]
    assert told(matched(payouts=[payout()], **(done | {"late": {"po_1": day(1)}}))) == [("payout_late", "payout:po_1")]


def test_a_payout_that_is_not_what_it_is_made_of() -> None:
    found = matched(payouts=[payout(parts_cents=990)], lines=[line()])
    assert told(found) == [("payout_sum", "parts:po_1")]
    assert found.arrived != ()


def test_transfers_of_ours_are_no_strangers() -> None:
    sent = UUID(int=7)
    order, back = line(-500, end_to_end_id=str(sent).upper()), line(500, 8, end_to_end_id=sent.hex)
    found = matched(lines=[back, order], orders={sent: {-500, 500}})
    assert (told(found), [one.order for one in found.transferred]) == ([], [sent, sent])
    assert told(matched(lines=[order], orders={sent: {-499, 499}})) == [
        ("unknown_debit", "bank:7.1.1")
    ]  # not what was ordered
    assert told(matched(lines=[order])) == [("unknown_debit", "bank:7.1.1")]


def test_a_transfer_that_the_bank_carries_out_twice_is_told_to_people() -> None:
    sent = UUID(int=7)
    once, again = line(-500, end_to_end_id=sent.hex), line(-500, 8, end_to_end_id=sent.hex)
    found = matched(lines=[once, again], orders={sent: {-500, 500}})
    assert (told(found), len(found.transferred)) == ([("unknown_debit", again.subject)], 1)
    later = matched(lines=[again], orders={sent: {500}})  # it has left our account already
    assert (told(later), later.transferred) == ([("unknown_debit", again.subject)], ())


def test_a_transfer_leaves_before_it_comes_back() -> None:
    sent = UUID(int=7)
    back, order = line(500, end_to_end_id=sent.hex), line(-500, 8, end_to_end_id=sent.hex)
    found = matched(lines=[back, order], orders={sent: {-500, 500}})
    assert [one.line.cents for one in found.transferred] == [-500, 500]


def test_what_waits_for_others_is_told_as_it_is() -> None:
    waits = Waiting(cause=Cause.EXPORT_NOT_ACKNOWLEDGED, subject="batch:7", day=MONDAY)
    (found,) = matched(waiting=[waits]).differences
    assert (found.cause, found.subject, found.proposal) == (waits.cause, "batch:7", Proposal.WAIT)


def test_each_cause_has_its_proposal() -> None:
    assert set(PROPOSALS) == set(Cause)


def test_the_order_of_the_rows_does_not_matter() -> None:
    chance = Random(3)
    sides = Sides(
        booked=[booked(f"charge:pi_{n}", 100 * n, n) for n in range(1, 40)],
        moved=[moved(f"charge:pi_{n}", 100 * n + (n % 7 == 0), f"txn_{n}") for n in range(5, 45)],
        payouts=[payout(id=f"po_{n}", trace=f"T-{n}", cents=n, parts_cents=n) for n in range(1, 20)],
        lines=[line(n, n, end_to_end_id=f"T-{n}") for n in range(3, 25)],
        statements=WEEK,
    )
    once = match(sides, moved_until=NOW, booked_until=NOW)
    for _try in range(5):
        mixed = Sides(
            booked=chance.sample(sides.booked, len(sides.booked)),
            moved=chance.sample(sides.moved, len(sides.moved)),
            payouts=chance.sample(sides.payouts, len(sides.payouts)),
            lines=chance.sample(sides.lines, len(sides.lines)),
            statements=chance.sample(sides.statements, len(sides.statements)),
        )
        assert match(mixed, moved_until=NOW, booked_until=NOW) == once


def test_days_on_which_banks_book() -> None:
    assert [easter(year) for year in (2024, 2026, 2027)] == [date(2024, 3, 31), date(2026, 4, 5), date(2027, 3, 28)]
    closed = [
        date(2026, 4, 3),
        date(2026, 4, 6),
        date(2026, 5, 1),
        date(2026, 12, 25),
        date(2027, 1, 1),
        day(5),
        day(6),
    ]
    assert [one for one in closed if is_bank_day(one)] == []
    assert bank_day_from(date(2026, 12, 25)) == date(2026, 12, 28)
    assert bank_day_after(MONDAY) == day(1)
