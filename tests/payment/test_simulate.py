"""`make simulate` as a command: a seed is played again, and says what it shows."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.payment.mutants import MUTANTS
from tests.payment.simulate import main


@pytest.fixture(autouse=True)
def loud_again() -> Iterator[None]:
    yield
    logging.disable(logging.NOTSET)


def test_a_sound_product_gets_through(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "7"]) == 0
    assert "seed 7: nothing is broken after" in capsys.readouterr().out


def test_a_mutant_shows_what_it_breaks_and_is_gone_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "2", "--mutant", "a_refund_is_not_booked"]) == 1
    assert "seed 2: ledger " in capsys.readouterr().out
    assert main(["--seed", "2"]) == 0


def test_there_are_mutants_enough() -> None:
    assert len({one.__name__ for one in MUTANTS}) == len(MUTANTS) >= 12
