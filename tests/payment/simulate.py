"""`make simulate`: thousands of hostile histories of payments, and mutants that must not get through.

python -m tests.payment.simulate --seeds 10000 [--first 0]      ends with one line of JSON
python -m tests.payment.simulate --seed 883 [--mutant NAME]     plays one history again
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.payment.hunting import ProofError, history, hunt, mutated
from tests.payment.mutants import MUTANTS, Mutate
from tests.payment.simulation import Violation

MUTANT_SEEDS = 600  # a mutant that lives through so many is told as living
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Played:
    seeds: int
    crashes: int = 0
    faults: int = 0
    violations: tuple[tuple[int, str], ...] = ()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="simulate")
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, help="play this one again")
    parser.add_argument("--mutant", choices=[one.__name__ for one in MUTANTS], help="with this mutant of the product")
    asked = parser.parse_args(arguments)
    if asked.seed is not None:
        return _replay(asked.seed, asked.mutant)
    began = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        starts = range(asked.first, asked.first + asked.seeds, _AT_ONCE)
        spans = [(start, min(_AT_ONCE, asked.first + asked.seeds - start)) for start in starts]
        crashes = faults = done = 0
        violations: list[tuple[int, str]] = []
        for played in pool.imap_unordered(_play_many, spans):
            done, crashes, faults = done + played.seeds, crashes + played.crashes, faults + played.faults
            for seed, broken in played.violations:
                print(f"seed {seed}: {broken}; again: python -m tests.payment.simulate --seed {seed}", flush=True)
            violations += played.violations
            if done % 1000 < played.seeds:
                print(f"{done} of {asked.seeds} seeds, {len(violations)} violations", file=sys.stderr, flush=True)
        killed = 0
        for is_killed, said in pool.imap_unordered(_hunt, [one.__name__ for one in MUTANTS]):
            killed += is_killed
            print(said, flush=True)
    figures = {
        "seeds": done,
        "crashes": crashes,
        "faults": faults,
        "violations": len(violations),
        "mutants_planted": len(MUTANTS),
        "mutants_killed": killed,
        "seconds": round(time.monotonic() - began),
    }
    print(json.dumps(figures))
    return 1 if violations or killed < len(MUTANTS) else 0


def _play_many(span: tuple[int, int]) -> Played:
    first, count = span
    crashes = faults = 0
    violations = []
    for seed in range(first, first + count):
        try:
            world = history(seed)
        except Exception as error:  # whatever it is, the seed that shows it is what is wanted
            violations.append((seed, repr(error)))
        else:
            crashes, faults = crashes + world.crashes, faults + world.faults
    return Played(count, crashes, faults, tuple(violations))


def _hunt(name: str) -> tuple[bool, str]:
    """Whether the mutant is killed, and what is to be said of it."""
    try:
        kill = hunt(_named(name), MUTANT_SEEDS)
    except ProofError as error:
        return False, f"mutant {name}: PROOF IS WRONG: {error}"
    return kill is not None, f"mutant {name}: {f'killed by seed {kill.seed}: {kill.by}' if kill else 'lives'}"


def _named(name: str) -> Mutate:
    return next(one for one in MUTANTS if one.__name__ == name)


def _replay(seed: int, mutant: str | None) -> int:
    with mutated(None if mutant is None else _named(mutant)):
        try:
            world = history(seed)
        except Violation as broken:
            print(f"seed {seed}: {broken}")
            return 1
    print(f"seed {seed}: nothing is broken after {world.faults} faults and {world.crashes} crashes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
