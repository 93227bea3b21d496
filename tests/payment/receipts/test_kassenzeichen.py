"""A Kassenzeichen carries check digits: what is typed wrong is told at once, and not looked up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.db import Database
from payment.receipts.kassenzeichen import spaced, understood

MADE = "RF18539007547034"  # the example of ISO 11649's Wikipedia article, and of the Finnish banks' guide


@pytest.mark.parametrize("typed", [MADE, "RF18 5390 0754 7034", "rf18 5390 0754 7034", f" {MADE}\n"])
def test_it_is_understood_however_it_is_typed(typed: str) -> None:
    assert understood(typed) == MADE


@pytest.mark.parametrize("typed", ["", "RF", "RF18", "RF19539007547034", "K7F-3QM", "RF18" + "9" * 22, "RF18ß"])
def test_what_is_none_is_none(typed: str) -> None:
    assert understood(typed) is None


def test_on_paper_it_stands_in_groups_of_four() -> None:
    assert spaced(MADE) == "RF18 5390 0754 7034"
    assert understood(spaced(MADE)) == MADE


@given(place=st.integers(2, len(MADE) - 1), digit=st.sampled_from("0123456789"))
def test_one_wrong_digit_is_always_found(place: int, digit: str) -> None:
    typed = MADE[:place] + digit + MADE[place + 1 :]
    assert (understood(typed) is None) == (typed != MADE)


@given(place=st.integers(2, len(MADE) - 2))
def test_two_digits_in_the_wrong_order_are_always_found(place: int) -> None:
    typed = MADE[:place] + MADE[place + 1] + MADE[place] + MADE[place + 2 :]
    assert (understood(typed) is None) == (typed != MADE)


async def test_the_database_makes_and_checks_the_same(db: Database) -> None:
    async with db.connection() as conn:
        made = [await conn.fetchval("SELECT next_kassenzeichen()") for _ in range(200)]
        for one in made:
            assert understood(one) == one
            assert len(one) <= 27
            assert await conn.fetchval("SELECT mod97($1)", one) == 1
    assert len(set(made)) == 200
    assert made[0].endswith("SCH000000001")
