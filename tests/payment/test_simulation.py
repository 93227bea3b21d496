"""Thousands of hostile histories without one broken guarantee, and mutants of the product that do not get through them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from booking.appointments.hooks import CaseHooks
from booking.appointments.lifecycle import Lifecycle
from booking.appointments.model import AppointmentStatus
from booking.appointments.slots import Notice
from payment.model import Payment, PaymentStatus, Refund
from payment.opening import Opening
from payment.ports import Outcome, OutcomeUnknown, ProviderRefused, Tx
from payment.settling import Settling
from payment.usecases import Payments
from tests.payment.machine_provider import MachineProvider
from tests.payment.simulation import Simulation, play

SEEDS = 5000 if os.environ.get("SCALE") == "full" else 300
AT_ONCE = 50
MUTANT_SEEDS = 300


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Silent providers are the subject here, not news."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def guarded(seed: int, *, promises: bool = True) -> Simulation:
    try:
        return play(seed, promises=promises)
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


def test_late_money_confirms_or_goes_back_where_nothing_is_promised() -> None:
    worlds = [guarded(seed, promises=False) for seed in range(SEEDS // 2)]
    refunds = [refund for world in worlds for refund in world.db.rows("refund")]
    assert {refund.reason for refund in refunds} == {"cancelled", "lost_slot"}
    assert {refund.status for refund in refunds} == {"succeeded", "failed"}
    assert any(world.had_again for world in worlds)


def test_the_same_seed_is_the_same_history() -> None:
    def history() -> list[Any]:
        world = play(7)
        return [world.machine.dump(), *(world.db.rows(table) for table in ("case", "payment", "refund", "journal"))]

    assert history() == history()


# Each mutant takes one idea out of the product. Not here, because they live, and why: other keys for `create`, or raising the attempt
# without looking up. A session whose answer was lost has never had a payer: nobody knows its address.

Mutate = Callable[[pytest.MonkeyPatch], None]


def a_new_key_for_each_refund_call(patch: pytest.MonkeyPatch) -> None:
    numbers = count()
    patch.setattr(Refund, "key", property(lambda refund: f"refund:{refund.id}:{next(numbers)}"))


def silence_is_a_failure(patch: pytest.MonkeyPatch) -> None:
    ask = MachineProvider.refund

    async def refund(self: MachineProvider, order: Any, key: str) -> Any:
        try:
            return await ask(self, order, key)
        except OutcomeUnknown:
            raise ProviderRefused("timeout") from None

    patch.setattr(MachineProvider, "refund", refund)


def time_is_freed_without_asking(patch: pytest.MonkeyPatch) -> None:
    async def expire_one(self: Any, reference: UUID) -> None:
        async with self._transaction() as tx:
            case = await self._slots.lock(tx, reference)
            if case is not None and case.status is AppointmentStatus.HELD and case.hold_until <= self._clock():
                await self._slots.move(tx, reference, AppointmentStatus.EXPIRED)

    patch.setattr(Lifecycle, "_expire_one", expire_one)


def and_late_money_confirms_blindly(patch: pytest.MonkeyPatch) -> None:
    time_is_freed_without_asking(patch)

    async def on_paid(self: CaseHooks, tx: Any, payment: Payment) -> Outcome:
        case = tx["case"][payment.reference]
        tx["case"][payment.reference] = replace(case, status=AppointmentStatus.CONFIRMED)
        await self._slots.announce(tx, payment.reference, Notice("appointment_confirmed"))
        return Outcome.KEPT

    patch.setattr(CaseHooks, "on_paid", on_paid)


def a_fence_believes_itself(patch: pytest.MonkeyPatch) -> None:
    async def fence(self: Opening, payment_id: UUID) -> Payment:
        payment = await self.context.payment(payment_id)
        if payment.status not in (PaymentStatus.INTENDED, PaymentStatus.OPEN):
            return payment
        async with self.context.books.transaction() as tx:
            fenced = replace(payment, status=PaymentStatus.FENCED, pay_url=None)
            await self.context.books.store_payment(tx, fenced, payment.status)
            await self.context.hooks.on_fenced(tx, fenced)
        return fenced

    patch.setattr(Opening, "fence", fence)


def nobody_sweeps(patch: pytest.MonkeyPatch) -> None:
    async def sweep(self: Payments) -> int:
        return 0

    patch.setattr(Payments, "sweep", sweep)


def nobody_is_told_of_money(patch: pytest.MonkeyPatch) -> None:
    async def on_paid(self: CaseHooks, tx: Tx, payment: Payment) -> Outcome:
        return Outcome.KEPT

    patch.setattr(CaseHooks, "on_paid", on_paid)


def the_hook_comes_after_the_commit(patch: pytest.MonkeyPatch) -> None:
    """A crash between the two loses it."""
    take_in, tell = Settling.take_in, CaseHooks.on_paid

    async def later(self: CaseHooks, tx: Tx, payment: Payment) -> Outcome:
        return Outcome.KEPT

    async def take_in_then_tell(self: Settling, payment_id: UUID, seen: Any) -> Payment:
        before = await self.context.payment(payment_id)
        after = await take_in(self, payment_id, seen)
        if before.status is not after.status and after.status is PaymentStatus.PAID:
            async with self.context.books.transaction() as tx:
                await tell(self.context.hooks, tx, after)  # type: ignore[arg-type]
        return after

    patch.setattr(CaseHooks, "on_paid", later)
    patch.setattr(Settling, "take_in", take_in_then_tell)


MUTANTS: list[Mutate] = [
    a_new_key_for_each_refund_call,
    silence_is_a_failure,
    time_is_freed_without_asking,
    and_late_money_confirms_blindly,
    a_fence_believes_itself,
    nobody_sweeps,
    nobody_is_told_of_money,
    the_hook_comes_after_the_commit,
]


@pytest.mark.parametrize("mutate", MUTANTS, ids=lambda mutate: mutate.__name__)
def test_a_mutant_does_not_get_through(mutate: Mutate, monkeypatch: pytest.MonkeyPatch) -> None:
    mutate(monkeypatch)
    for seed in range(MUTANT_SEEDS):
        try:
            play(seed)
        except Exception as broken:
            print(f"{mutate.__name__}: seed {seed}: {broken!r}")
            return
    pytest.fail(f"{MUTANT_SEEDS} histories without a broken guarantee")
