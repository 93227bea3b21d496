"""The rule: what decides, what cannot, and that the same input gives the same bytes."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.allocation.canonical import NotCanonical, list_bytes, parse_list, parse_result, result_bytes
from booking.allocation.model import ClosedList, Listed, Request, Slot, Window
from booking.allocation.ranking import close, count_once, deadline_class, fits, normal_seed, rank
from tests.booking.allocation.making import (
    BERLIN,
    CLOSES_ON,
    MORNINGS,
    OFFICES,
    listed,
    lists,
    request,
    requests,
    seeds,
    slot,
    slots,
    terms,
)


def order(closed: ClosedList, seed: str = "3 7 12") -> list[str]:
    return [place.id for place in rank(closed, seed).places]


@pytest.mark.parametrize(
    ("days_left", "expected"),
    [(-30, 1), (0, 1), (7, 1), (8, 2), (21, 2), (22, 3), (42, 3), (43, 4), (900, 4), (None, 4)],
)
def test_the_class_is_of_the_days_left_at_closing(days_left: int | None, expected: int) -> None:
    deadline = None if days_left is None else CLOSES_ON + timedelta(days=days_left)
    assert deadline_class(deadline, terms()) == expected


def test_urgency_before_waiting_before_lot() -> None:
    closed = close(
        terms(),
        [],
        [
            request("LONG", waited=90),
            request("SOON", days_left=3),
            request("NEXT", days_left=20, waited=2),
            request("LAST", days_left=19, waited=1),
        ],
    )
    assert order(closed) == ["SOON", "NEXT", "LAST", "LONG"]


def test_the_lot_is_of_the_run_and_the_seed() -> None:
    equals = close(terms(), [], [request(f"R{n}") for n in range(8)])
    assert order(equals, "1") != order(equals, "2")
    assert order(equals, "1") == order(equals, " 1\n")
    assert order(equals, "1") != order(replace(equals, terms=terms(run="another")), "1")


def test_a_person_counts_once_however_the_requests_are_linked() -> None:
    first = request("AAAA", waited=5, persons=frozenset({b"mail"}))
    other = request("BBBB", waited=4, persons=frozenset({b"name"}))
    bridge = request("CCCC", waited=3, persons=frozenset({b"mail", b"name"}))
    alone = request("DDDD", waited=1)
    assert count_once([bridge, other, alone, first]) == [first, alone]
    assert count_once([other, first]) == [first, other]


def test_a_request_made_anew_waits_anew() -> None:
    waiting = [request("KEPT", waited=9), request("ANEW", waited=10)]
    assert order(close(terms(), [], waiting)) == ["ANEW", "KEPT"]
    assert order(close(terms(), [], [waiting[0], replace(waiting[1], made_on=CLOSES_ON)])) == ["KEPT", "ANEW"]


def test_each_gets_the_earliest_that_fits_and_the_rest_is_said() -> None:
    closed = close(
        terms(),
        [slot("S1", 1, 14), slot("S2", 2, 9), slot("S3", 2, 9, office=OFFICES[1])],
        [
            request("AAAA", days_left=1, windows=(MORNINGS,), offices=(OFFICES[1], OFFICES[0])),
            request("BBBB", days_left=10),
            request("CCCC", days_left=30, offices=(OFFICES[1],)),
            request("DDDD", waited=2),
            request("EEEE", waited=1),
        ],
    )
    places = [(place.id, place.slot, place.free) for place in rank(closed, "x").places]
    assert places == [("AAAA", "S3", 3), ("BBBB", "S1", 2), ("CCCC", None, 1), ("DDDD", "S2", 1), ("EEEE", None, 0)]


def test_a_window_holds_an_appointment_whole() -> None:
    asked = Listed(id="A", deadline_class=1, waited_days=0, offices=(), windows=(MORNINGS,))
    late = datetime(2026, 12, 1, 11, 50, tzinfo=BERLIN)
    assert fits(asked, slot("S", 1, 11, 40))
    assert not fits(asked, Slot(id="S", office="o", starts_at=late, ends_at=late + timedelta(minutes=20)))
    assert not fits(asked, slot("S", 5, 9))  # a Saturday


@pytest.mark.parametrize(
    ("days", "begins", "ends"),
    [((), time(8), time(9)), ((2, 1), time(8), time(9)), ((0,), time(8), time(9)), ((1,), time(9), time(9))],
)
def test_an_impossible_window_is_none(days: tuple[int, ...], begins: time, ends: time) -> None:
    with pytest.raises(ValueError, match=r"week|ends"):
        Window(days, begins, ends)


@pytest.mark.parametrize("limits", [(), (7, 7), (21, 7), (-1, 7)])
def test_limits_of_classes_rise(limits: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="rise"):
        terms(class_days=limits)


@given(requests, slots, seeds, st.randoms())
def test_the_order_of_the_input_changes_no_byte(
    asked: list[Request], times: list[Slot], seed: str, dice: random.Random
) -> None:
    closed = close(terms(), times, asked)
    dice.shuffle(asked)
    dice.shuffle(times)
    again = close(terms(), times, asked)
    assert list_bytes(again) == list_bytes(closed)
    assert result_bytes(rank(again, seed)) == result_bytes(rank(closed, seed))


@given(lists, seeds)
def test_reading_and_writing_is_the_same(closed: ClosedList, seed: str) -> None:
    assert parse_list(list_bytes(closed)) == closed
    result = rank(closed, seed)
    assert parse_result(result_bytes(result)) == result


@given(lists, listed, seeds)
def test_one_more_request_changes_nothing_between_the_others(closed: ClosedList, more: Listed, seed: str) -> None:
    with_it = replace(closed, requests=(*(r for r in closed.requests if r.id != more.id), more))
    without = replace(closed, requests=tuple(r for r in closed.requests if r.id != more.id))
    assert [ident for ident in order(with_it, seed) if ident != more.id] == order(without, seed)


@given(requests.filter(bool), seeds, st.integers(0, 60))
def test_an_earlier_deadline_never_ranks_worse(asked: list[Request], seed: str, days: int) -> None:
    asked = [replace(one, persons=frozenset()) for one in asked]
    first = asked[0]
    sooner = (first.deadline or date(2027, 6, 1)) - timedelta(days=days)
    before = order(close(terms(), [], asked), seed).index(first.id)
    after = order(close(terms(), [], [replace(first, deadline=sooner), *asked[1:]]), seed).index(first.id)
    assert after <= before


@given(lists, seeds, seeds)
def test_no_seed_moves_anybody_across_urgency_or_waiting(closed: ClosedList, one: str, other: str) -> None:
    turn = {r.id: (r.deadline_class, -r.waited_days) for r in closed.requests}
    assert [turn[i] for i in order(closed, one)] == [turn[i] for i in order(closed, other)] == sorted(turn.values())


@given(lists, seeds)
def test_no_slot_twice_and_nobody_passed_over(closed: ClosedList, seed: str) -> None:
    """Whoever got nothing would have taken none of what was left at the turn."""
    by_id, asked = {s.id: s for s in closed.slots}, {r.id: r for r in closed.requests}
    left = set(by_id)
    for place in rank(closed, seed).places:
        fitting = {ident for ident in left if fits(asked[place.id], by_id[ident])}
        assert place.free == len(left)
        assert (place.slot in fitting) if fitting else (place.slot is None)
        left.discard(place.slot or "")


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.replace(b'"waited_days":2', b'"waited_days":3 '),
        lambda content: content + b"\n",
        lambda content: b"\n".join(content.split(b"\n")[::-1]),
        lambda content: content.replace(b"list/1", b"list/2"),
        lambda content: content[:40],
        lambda content: b"",
        lambda content: b"[]\n",
        lambda content: b"\xff",
    ],
)
def test_a_list_has_one_form(change: object) -> None:
    content = list_bytes(close(terms(), [slot("S", 1, 9)], [request("AAAA", waited=2), request("BBBB")]))
    parse_list(content)
    with pytest.raises(NotCanonical):
        parse_list(change(content))  # type: ignore[operator]


def test_a_seed_has_one_form() -> None:
    assert normal_seed("  3 7\n12\t u\u0308 ") == "3 7 12 \u00fc"
    for typed in ("03, 07, 12 / 00", "3-7-12_0", "3 7 12 0."):  # the form is no second chance
        assert normal_seed(typed) == "3 7 12 0"
    assert normal_seed("\U0001d468 7") == normal_seed("A 7") == "a 7"
    assert normal_seed("0xA1 00B7") == normal_seed("0XA1 00b7") == "0xa1 00b7"


@given(st.text())
def test_a_seed_in_its_form_stays(typed: str) -> None:
    assert normal_seed(normal_seed(typed)) == normal_seed(typed)
