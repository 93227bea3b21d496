"""Thousands of hostile histories without one broken guarantee, and mutants of the product that do not get through them."""

from __future__ import annotations

import os
from typing import Any

import pytest

from booking.appointments.model import AppointmentStatus
from payment.model import RefundStatus
from tests.payment.hunting import history, hunt
from tests.payment.mutants import MUTANTS, Mutate
from tests.payment.simulation import Simulation

SEEDS = 5000 if os.environ.get("SCALE") == "full" else 300
AT_ONCE = 50
MUTANT_SEEDS = 300


def guarded(seed: int, *, promises: bool = True) -> Simulation:
    try:
        return history(seed, promises=promises)
    except Exception as error:
        raise AssertionError(f"seed {seed}: {error}") from error


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_everything_comes_right(first: int) -> None:
    worlds = [guarded(seed) for seed in range(first, first + AT_ONCE)]
    # Nothing is proved where nothing happens.
    cases = [case.status for world in worlds for case in world.db.rows("case")]
    assert {AppointmentStatus.CONFIRMED, AppointmentStatus.CANCELLED, AppointmentStatus.EXPIRED} <= set(cases)
    assert sum(world.crashes for world in worlds) >= AT_ONCE // 2
    assert any(payment.attempt > 1 for world in worlds for payment in world.db.rows("payment"))
    assert any(world.db.rows("refund") for world in worlds)
    assert {"won", "lost"} <= {dispute.status for world in worlds for dispute in world.db.rows("dispute")}
    assert any(world.answered for world in worlds)  # banks that took days
    payments = [payment for world in worlds for payment in world.db.rows("payment")]
    assert any(payment.capture == "manual" and payment.status == "paid" for payment in payments)
    assert any(payment.capture == "manual" and payment.status == "fenced" for payment in payments)
    assert any(world.paid_out for world in worlds)
    assert any(world.came_back for world in worlds)
    by_people = {r.status for world in worlds for r in world.db.rows("refund") if r.requested_by is not None}
    waited = [refund for world in worlds for refund in world.db.rows("refund") if refund.needs_approval]
    assert RefundStatus.SUCCEEDED in by_people
    assert waited or RefundStatus.REJECTED in by_people  # two have looked, and one of them said no


def test_late_money_confirms_or_goes_back_where_nothing_is_promised() -> None:
    worlds = [guarded(seed, promises=False) for seed in range(SEEDS // 2)]
    refunds = [refund for world in worlds for refund in world.db.rows("refund")]
    assert {refund.reason for refund in refunds} == {"cancelled", "lost_slot"}
    assert {refund.status for refund in refunds if not refund.needs_approval} == {"succeeded", "failed"}
    assert any(world.had_again for world in worlds)


def test_the_same_seed_is_the_same_history() -> None:
    def dump() -> list[Any]:
        world = history(7)
        return [world.machine.dump(), *(world.db.rows(table) for table in ("case", "payment", "refund", "journal"))]

    assert dump() == dump()


@pytest.mark.parametrize("mutate", MUTANTS, ids=lambda mutate: mutate.__name__)
def test_a_mutant_does_not_get_through(mutate: Mutate) -> None:
    kill = hunt(mutate, MUTANT_SEEDS)
    assert kill is not None, f"{MUTANT_SEEDS} histories without a broken guarantee"
    print(f"{mutate.__name__}: seed {kill.seed}: {kill.by}")
