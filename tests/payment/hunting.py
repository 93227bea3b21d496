"""Histories played against mutants of the product. A mutant is killed by a broken guarantee, and by nothing else.

A rule of the schema may stop one before it can break anything; which rule stops which mutant is written down beside it. Whatever
else is raised - also what a sweep of the product catches and only logs - is an error of the proof: it says nothing of guarantees.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from base.errors import DomainError
from payment.books import Overtaken, Refused
from tests.payment.mutants import DIED_AT, STOPPED_BY, Mutate
from tests.payment.simulation import Simulation, Violation, play

_HEARD = ("payment", "booking", "base")
_ORDINARY = (DomainError, Refused, Overtaken)  # what rows that others have changed answer to whoever comes second


class ProofError(Exception):
    """Neither a broken guarantee nor a rule of the schema: the proof itself is wrong."""


@dataclass(frozen=True, slots=True)
class Kill:
    seed: int
    by: str


def history(seed: int, *, promises: bool | None = None) -> Simulation:
    """Every fifth world's provider promises nothing: it can neither fence nor, at times, refund. Raises Violation, ProofError.

    A guarantee that is broken inside a sweep is broken, although the sweep goes on.
    """
    broken: Violation | None = None
    world: Simulation | None = None
    with listening() as swallowed:
        try:
            world = play(seed, promises=seed % 5 != 4 if promises is None else promises)
        except Violation as violation:
            broken = violation
    for error in swallowed:
        if not isinstance(error, Violation):  # whatever is broken after that says nothing
            raise ProofError(f"seed {seed}: {error!r} was swallowed") from error
        broken = error if broken is None else broken
    if broken is not None:
        raise broken
    assert world is not None
    return world


def hunt(mutate: Mutate, seeds: int) -> Kill | None:
    """A history of so many that the mutant does not get through; None: it lives. Raises ProofError."""
    stopped_by, first = STOPPED_BY.get(mutate.__name__), DIED_AT.get(mutate.__name__, 0)
    with mutated(mutate):
        for seed in (number % seeds for number in range(first, first + seeds)):
            try:
                history(seed)
            except Violation as broken:
                return Kill(seed, str(broken))
            except Refused as rule:
                if rule.constraint != stopped_by:
                    raise ProofError(f"{mutate.__name__}, seed {seed}: {rule!r}") from rule
                return Kill(seed, f"stopped by {rule.constraint}")
            except ProofError:
                raise
            except Exception as error:
                raise ProofError(f"{mutate.__name__}, seed {seed}: {error!r}") from error
    return None


@contextmanager
def mutated(mutate: Mutate | None) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if mutate is not None:
            mutate(patch)
        yield


@contextmanager
def listening() -> Iterator[list[BaseException]]:
    """What the product catches and only logs, apart from the ordinary; nothing of it is printed."""
    ear = _Ear()
    loggers = [logging.getLogger(name) for name in (*_HEARD, "asyncio")]
    before = [(one, one.propagate, one.level) for one in loggers]
    for one in loggers:
        one.addHandler(ear)
        one.propagate = False
        one.setLevel(logging.ERROR if one.name in _HEARD else logging.CRITICAL)
    try:
        yield ear.errors
    finally:
        for one, propagate, level in before:
            one.removeHandler(ear)
            one.propagate = propagate
            one.setLevel(level)


class _Ear(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.errors: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, _ORDINARY):
            self.errors.append(error)
