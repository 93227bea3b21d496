"""`make simulate` as a command: a seed is played again, and says what it shows."""

from __future__ import annotations

from typing import Any

import pytest

from payment import decide
from payment.books import Refused
from payment.ledger import Journal
from payment.noticing import Noticing
from payment.usecases import Payments
from tests.payment.hunting import ProofError, hunt
from tests.payment.mutants import DIED_AT, MUTANTS, STOPPED_BY
from tests.payment.simulate import main


def test_a_sound_product_gets_through(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "7"]) == 0
    assert "seed 7: nothing is broken after" in capsys.readouterr().out


def test_a_mutant_shows_what_it_breaks_and_is_gone_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "2", "--mutant", "a_refund_is_not_booked"]) == 1
    assert "seed 2: ledger " in capsys.readouterr().out
    assert main(["--seed", "2"]) == 0


def test_there_are_mutants_enough() -> None:
    assert len({one.__name__ for one in MUTANTS}) == len(MUTANTS) >= 12


def a_mutant_with_a_typing_error(patch: pytest.MonkeyPatch) -> None:
    def refund_journal(refund: Any) -> Journal:
        raise AssertionError("never reached: the product passes more than one argument")

    patch.setattr(decide, "refund_journal", refund_journal)


def a_mutant_that_a_sweep_swallows(patch: pytest.MonkeyPatch) -> None:
    async def listing(self: Noticing, *_: Any) -> None:
        raise KeyError("nothing of the kind")

    patch.setattr(Noticing, "_list", listing)


def a_mutant_that_an_unnamed_rule_stops(patch: pytest.MonkeyPatch) -> None:
    async def earn_due(self: Payments, today: Any) -> int:
        raise Refused("payment_captured")

    patch.setattr(Payments, "earn_due", earn_due)


@pytest.mark.parametrize(
    "mutate", [a_mutant_with_a_typing_error, a_mutant_that_a_sweep_swallows, a_mutant_that_an_unnamed_rule_stops]
)
def test_what_breaks_no_guarantee_kills_no_mutant(mutate: Any) -> None:
    with pytest.raises(ProofError):
        hunt(mutate, 8)


def test_what_is_said_of_mutants_is_of_one() -> None:
    assert {*STOPPED_BY, *DIED_AT} <= {one.__name__ for one in MUTANTS}
