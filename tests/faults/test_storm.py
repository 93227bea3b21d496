"""Killed at random steps, more than once, and again while it recovers: the end is the same. A failure names its seed."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from tests.faults import stories as s
from tests.faults.scene import scene
from tests.faults.sound import assert_sound, copies, outcome
from tests.faults.test_killed import CASES

LIMIT_S = 180.0
SEEDS = 60 if os.environ.get("SCALE") == "full" else 3
STORIES = (
    s.FREE_BOOKED,
    s.BOOKED,
    s.BOOKED_BY_RETURN,
    s.BOOKED_UNHEARD,
    s.BOOKED_AFTER_BREAKDOWN,
    s.BOOKED_BESIDE_STRAY,
    s.PAID_BACK_AT_ONCE,
    s.CANCELLED_UNPAID,
    s.EXPIRED_OPEN,
    s.PAID_LATE,
)


def _steps(role: str, *stories: s.Story) -> list[str]:
    """Where processes of this role come by in these stories, as far as the single cases know."""
    return sorted(
        {
            spec.partition(":")[0]
            for cases in CASES.values()
            for case in cases
            if case.story in stories
            for spec in getattr(case, role)
        }
    )


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_killed_again_and_again(seed: int, today_dsn: str, folder: Path) -> None:
    dice = random.Random(seed)
    story = dice.choice(STORIES)
    steps = {"web": _steps("web", story, s.BOOKED), "drain": _steps("drain", story, s.FREE_BOOKED)}
    if story is s.PAID_BACK_AT_ONCE:
        steps["drain"] += _steps("drain", s.PAID_BACK_BY_WORKER)
    plan = {
        role: [f"{dice.choice(names)}:{dice.choice((1, 1, 1, 2, 3))}" for _ in range(dice.randint(1, 4))]
        for role, names in steps.items()
    }
    print(f"seed {seed}: {story.name} {plan}")
    async with asyncio.timeout(LIMIT_S), scene(today_dsn, folder, plan) as city:
        await story.tell(city)
        await city.finish()
        print(f"died: {city.deaths}")
        assert city.deaths, "nothing is shown where nothing dies"
        assert await outcome(city) == story.ends
        await assert_sound(city)
        # A mail comes twice only where a worker died between sending and marking.
        again = sum(role == "drain" and spec.startswith("message.") for role, spec in city.deaths)
        assert copies(city).total() - len(copies(city)) <= again * len(story.ends.mails)
