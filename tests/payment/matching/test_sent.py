"""What tills have sent beside the bank's lines: what goes together by itself, and what is a choice for people."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payment.ledger import CASH_DIFFERENCE, PSP_FEES, UNASSIGNED
from payment.matching.balance import balances, gaps
from payment.matching.model import BankLine, Cause, Choice, Proposal, Sent, SentKind, Stated, Unlike
from payment.matching.sent import due, put
from payment.matching.settling import NothingToBook, entries_of, entries_of_cleared
from tests.payment.matching.making import MONDAY, day, line, matched, statements, told


def deposit(cents: int = 20_000, name: str = "a", **more: Any) -> Sent:
    made: dict[str, Any] = {"subject": f"deposit:{name}", "kind": SentKind.DEPOSIT, "till_id": 1, "day": MONDAY}
    return Sent(cents=cents, **(made | more))


def terminal(cents: int = 5_000, till: int = 1, on: date = MONDAY, **more: Any) -> Sent:
    made: dict[str, Any] = {"subject": f"terminal:{till}:{on}", "kind": SentKind.TERMINAL, "till_id": till, "day": on}
    return Sent(cents=cents, **(made | more))


def came(cents: int, text: str = "Bargeldeinzahlung", place: int = 1, after: int = 1) -> BankLine:
    return line(cents, place, end_to_end_id="", text=text, booked_on=day(after))


def cleared(**sides: Any) -> list[tuple[int, tuple[str, ...]]]:
    return [(one.line.entry, tuple(each.subject for each in one.sent)) for one in matched(**sides).cleared]


A, B = deposit(20_000), deposit(20_000, "b", till_id=2)
TOGETHER: dict[str, tuple[list[Sent], list[BankLine], list[tuple[int, tuple[str, ...]]]]] = {
    "a deposit": ([A], [came(20_000)], [(1, ("deposit:a",))]),
    "a bag that is named, of two with the same sum": (
        [replace(A, reference="SB-1001"), replace(B, reference="SB-1002")],
        [came(20_000, "Einzahlung SB-1002"), came(20_000, "Einzahlung SB-1001", 2)],
        [(1, ("deposit:b",)), (2, ("deposit:a",))],
    ),
    "two in one line": ([A, deposit(5_555, "b")], [came(25_555)], [(1, ("deposit:a", "deposit:b"))]),
    "two in one line that names one": (
        [replace(A, reference="SB-1001"), deposit(5_555, "b"), deposit(5_555, "c")],
        [came(25_555, "SB-1001 u.a.")],
        [],  # which of the other two is not said
    ),
    "a terminal's day": ([terminal()], [came(5_000, "Kartenzahlungen")], [(1, (f"terminal:1:{MONDAY}",))]),
    "all terminals of a day": (
        [terminal(1_000 * n, n) for n in range(1, 9)],
        [came(36_000, "Kartenumsatz")],
        [(1, tuple(f"terminal:{n}:{MONDAY}" for n in range(1, 9)))],
    ),
    "a terminal's weekend": (
        [terminal(100 * n + n * n, 1, day(n)) for n in range(5)],
        [came(1_030, "TID 54001234 Karten", after=5)],
        [(1, tuple(f"terminal:1:{day(n)}" for n in range(1, 5)))],
    ),
    "what a terminal gave back": ([terminal(-700)], [came(-700, "Kartenzahlung")], [(1, (f"terminal:1:{MONDAY}",))]),
    "a Kassenzeichen": (
        [terminal(5_000, kassenzeichen=("RF18539007547034",)), terminal(5_000, 2)],
        [came(5_000, "RF18 5390 0754 7034")],
        [(1, (f"terminal:1:{MONDAY}",))],
    ),
    "change that was fetched": (
        [Sent(subject="change:a", kind=SentKind.CHANGE, till_id=1, day=day(2), cents=-10_000)],
        [came(-10_000, "Auszahlung Wechselgeld", after=0)],
        [(1, ("change:a",))],
    ),
    "the same sum on two days, each in its line with its bag": (
        [replace(A, reference="SB-1"), replace(B, day=day(1), reference="SB-2")],
        [came(20_000, "SB-2", 1, 2), came(20_000, "SB-1", 2, 2)],
        [(1, ("deposit:b",)), (2, ("deposit:a",))],
    ),
    "a terminal's day that is named, of two with the same sum": (
        [terminal(reference="54001234"), terminal(on=day(1), reference="54001234")],
        [came(5_000, "TID 54001234 vom 06.10.26", after=2), came(5_000, "TID 54001234 vom 05.10.2026", 2, 2)],
        [(1, (f"terminal:1:{day(1)}",)), (2, (f"terminal:1:{MONDAY}",))],
    ),
    "one thing before several": (
        [A, deposit(15_000, "b"), deposit(5_000, "c")],
        [came(20_000)],
        [(1, ("deposit:a",))],
    ),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_goes_together_by_itself(name: str) -> None:
    sent, lines, expected = TOGETHER[name]
    assert cleared(sent=sent, lines=lines) == expected


ALONE: dict[str, tuple[list[Sent], list[BankLine], list[tuple[str, str]]]] = {
    "ten euros short": ([A], [came(19_000)], [("till_amount", "bank:7.1.1")]),
    "a bag with much too little": (
        [replace(A, reference="SB-1001")],
        [came(11_000, "SB-1001")],
        [("till_amount", "bank:7.1.1")],
    ),
    "the operator's price": ([terminal()], [came(4_925, "Kartenzahlungen")], [("till_amount", "bank:7.1.1")]),
    "the price of a day that is named, though another day has exactly what came": (
        [terminal(reference="54001234"), terminal(4_925, on=day(1), reference="54001234")],
        [came(4_925, "TID 54001234 vom 05.10.2026", after=2)],
        [("till_amount", "bank:7.1.1")],
    ),
    "of two with the same sum": ([A, B], [came(20_000)], [("till_ambiguous", "bank:7.1.1")]),
    "two lines for one": (
        [A],
        [came(20_000), came(20_000, place=2)],
        [("till_ambiguous", "bank:7.1.1"), ("till_ambiguous", "bank:7.2.1")],
    ),
    "an amount by itself": (
        [A],
        [came(20_000, "Unbekannt GmbH")],
        [("unknown_credit", "bank:7.1.1"), ("till_not_at_bank", "deposit:a")],
    ),
    "before it was sent": ([replace(A, day=day(3))], [came(20_000)], [("unknown_credit", "bank:7.1.1")]),
    "before the terminal's day is over": (
        [terminal()],
        [came(5_000, "Kartenzahlung", after=0)],
        [("unknown_credit", "bank:7.1.1"), ("till_not_at_bank", f"terminal:1:{MONDAY}")],
    ),
    "two weeks later": (
        [A],
        [came(20_000, after=14)],
        [("till_not_at_bank", "deposit:a"), ("unknown_credit", "bank:7.1.1")],
    ),
    "the other way": ([A], [came(-20_000)], [("unknown_debit", "bank:7.1.1"), ("till_not_at_bank", "deposit:a")]),
    "late": ([A], [came(20_000, after=4)], [("till_late", "deposit:a")]),
    "late since an earlier run": ([replace(A, arrived_on=day(4))], [], [("till_late", "deposit:a")]),
    "not at all": ([A], [], [("till_not_at_bank", "deposit:a")]),
}


@pytest.mark.parametrize("name", ALONE)
def test_is_told_to_people(name: str) -> None:
    sent, lines, expected = ALONE[name]
    assert told(matched(sent=sent, lines=lines, statements=statements(1, 2, 3, 4, 5))) == expected


def test_a_line_that_could_be_one_thing_or_another_offers_both_the_likeliest_first() -> None:
    found = next(
        one for one in matched(sent=[A, B, deposit(18_000, "c")], lines=[came(20_000)]).differences if one.lines
    )
    assert (found.proposal, found.here_cents, found.there_cents) == (Proposal.CLEAR, None, 20_000)
    assert [(one.key, one.cents, one.rest) for one in found.choices] == [
        ("deposit:a", 20_000, CASH_DIFFERENCE),
        ("deposit:b", 20_000, CASH_DIFFERENCE),
        ("deposit:c", 18_000, CASH_DIFFERENCE),
    ]


def test_an_unknown_credit_offers_what_has_its_amount_beside_nothing_known() -> None:
    found = next(one for one in matched(sent=[A], lines=[came(20_000, "Unbekannt GmbH")]).differences if one.lines)
    assert (found.cause, found.proposal) == (Cause.UNKNOWN_CREDIT, Proposal.KEEP_UNASSIGNED)
    assert [one.key for one in found.choices] == ["deposit:a"]


def test_what_people_have_parted_is_not_put_together_without_them() -> None:
    (found,) = matched(sent=[A], lines=[came(20_000)], parted={((7, 1, 1), "deposit:a")}).differences
    assert (found.cause, [one.key for one in found.choices]) == (Cause.TILL_AMBIGUOUS, ["deposit:a"])
    assert cleared(sent=[A], lines=[came(20_000)], parted={((7, 2, 1), "deposit:a")}) != []


def test_it_is_missing_once_the_bank_has_told_of_the_third_day_and_the_next() -> None:
    assert due(MONDAY) == day(3)
    assert due(date(2026, 12, 23)) == date(2026, 12, 29)  # two holidays and a weekend
    for known, is_told in ((statements(1, 2, 3, 4), False), (statements(1, 2, 3, 4, 5), True)):
        assert bool(matched(sent=[A], statements=known).differences) is is_told
    assert told(matched(sent=[A], first=day(1))) == []  # its line may have come before the first day that is looked at


def choice(cents: int, rest: str, subject: str = "deposit:a") -> Choice:
    return Choice(subjects=(subject,), cents=cents, rest=rest)


def test_what_is_left_over_is_booked_as_what_it_is() -> None:
    short, dear, more = (
        next(iter(matched(sent=sent, lines=lines).differences))
        for sent, lines in (
            ([A], [came(19_000)]),
            ([terminal()], [came(4_925, "Karten")]),
            ([terminal()], [came(5_100, "Karten")]),
        )
    )
    booked = [
        [(each.account, each.amount_cents) for each in entries_of(one, Proposal.CLEAR, one.choices[0])]
        for one in (short, dear, more)
    ]
    assert booked == [
        [("bank", 19_000), (CASH_DIFFERENCE, 1_000), ("cash_in_transit", -20_000)],
        [("bank", 4_925), (PSP_FEES, 75), ("terminal_clearing", -5_000)],
        [("bank", 5_100), (UNASSIGNED, -100), ("terminal_clearing", -5_000)],
    ]
    with pytest.raises(NothingToBook):
        entries_of(short)
    assert [one.amount_cents for one in entries_of_cleared(20_000, [A])] == [20_000, -20_000]


sums = st.lists(st.integers(100, 3_000), min_size=1, max_size=7)


@settings(max_examples=120, deadline=None)
@given(
    sums=sums,
    cuts=st.sets(st.integers(1, 6)),
    seed=st.integers(0, 999),
    kinds=st.lists(st.booleans(), min_size=7, max_size=7),
)
def test_whatever_is_carried_together_no_cent_is_lost_and_none_counts_twice(
    sums: list[int], cuts: set[int], seed: int, kinds: list[bool]
) -> None:
    """Bundles of deposits or terminals' days, a line each; some of them a little short."""
    chance = Random(seed)
    sent = [
        deposit(cents, str(n), day=day(n % 3)) if kinds[n] else terminal(cents, n, day(n % 3))
        for n, cents in enumerate(sums)
    ]
    bundles, begin = [], 0
    for cut in sorted({*(one for one in cuts if one < len(sent)), len(sent)}):
        bundles.append(sent[begin:cut])
        begin = cut
    lines = [
        came(sum(one.cents for one in bundle) - chance.choice((0, 0, 0, 7)), "Einzahlung Karten", n + 1, 4)
        for n, bundle in enumerate(bundles)
    ]
    lines = [one for one in lines if one.cents > 0]
    found = put(lines, sent, frozenset(), lambda *_days: True)
    for one in found.cleared:
        assert sum(each.cents for each in one.sent) == one.line.cents
        assert len({each.kind for each in one.sent}) == 1
    put_to = [each.subject for one in found.cleared for each in one.sent]
    assert len(put_to) == len(set(put_to))
    of_lines = [place for one in found.differences for place in one.lines]
    assert sorted([*of_lines, *(one.line.place for one in found.cleared)]) == sorted(one.place for one in lines)
    for told_of in found.differences:
        for each in told_of.choices:
            assert sum(s.cents for s in sent if s.subject in each.subjects) == each.cents
            assert not set(each.subjects) & set(put_to)
    mixed = put(chance.sample(lines, len(lines)), chance.sample(sent, len(sent)), frozenset(), lambda *_days: True)
    assert mixed == found


def stated(number: int, closing: int, iban: str = "DE1") -> Stated:
    return Stated(iban=iban, from_on=day(number), to_on=day(number), closing_cents=closing)


def test_the_account_beside_each_closing_balance_from_a_known_opening() -> None:
    days = [stated(0, 700), stated(1, 650), stated(2, 900), stated(1, 20, "DE2")]
    assert gaps(balances(days, []), MONDAY) == []
    early, twice = Unlike(day(0) - timedelta(days=1), 99), Unlike(day(1), 1_000)
    found = gaps(balances(days, [twice, early]), MONDAY)
    assert [(one.subject, one.there_cents, one.here_cents, one.cents) for one in found] == [
        (f"balance:{day(1)}", 670, 1_670, -1_000)
    ]
    back = [twice, Unlike(day(2), -400)]
    assert [one.cents for one in gaps(balances(days, back), MONDAY)] == [-1_000, -600]
    assert gaps(balances(days, back), day(3)) == []
    assert balances([], back) == []
