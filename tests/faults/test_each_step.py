"""Stories of money, killed at each marked step that they pass - and again where they pass it anew, that is while they recover.

Which steps a story passes stands in `steps.json`, as it was seen in a run in which nothing died; `GOLDEN=1` looks again. The
hand-picked cases of test_killed say more of each step; these are all of them. In CI a part of them, drawn by lot, at full size every one.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from pathlib import Path

import pytest

from tests.faults import stories as s
from tests.faults.scene import scene
from tests.faults.sound import assert_sound, copies, outcome
from tests.golden import check_golden

LIMIT_S = 120.0
STEPS = Path(__file__).with_name("steps.json")
AT_ONCE = 3  # processes one after the other that die where they pass the step
IN_CI = 10
STORIES = (
    *(s.BOOKED, s.BOOKED_BY_RETURN, s.BOOKED_UNHEARD, s.BOOKED_AFTER_BREAKDOWN, s.BOOKED_BESIDE_STRAY, s.EARNED),
    *(s.MOVED_PAID, s.MOVED_DEARER, s.MOVED_DEARER_UNPAID, s.CANCELLED_UNPAID, s.EXPIRED_OPEN, s.PAID_LATE),
    *(s.PAID_BACK_AT_ONCE, s.PAID_BACK_AFTER_BREAKDOWN, s.REFUNDED_BY_TWO, s.REFUNDED_AT_PROVIDER, s.REVERSED),
    *(s.DISPUTED, s.DISPUTED_UNHEARD, s.CANCELLED_AND_DISPUTED),
    *(s.TRANSFERRED, s.TRANSFER_GIVEN_UP, s.TRANSFER_REMINDED, s.TRANSFER_LETTER, s.TRANSFER_DISPUTED),
    *(s.TAKEN, s.TAKEN_IN_BREAKDOWN, s.LET_GO, s.PAID_OUT, s.PAID_OUT_AND_BACK, s.NEVER_AT_TILL, s.LEFT_FOR_TILL),
)
BY_NAME = {story.name: story for story in STORIES}
Case = tuple[str, str, str]  # story, role, step


def _all() -> list[Case]:
    seen = json.loads(STEPS.read_text()) if STEPS.exists() else {}
    return [(name, role, step) for name, roles in seen.items() for role, steps in roles.items() for step in steps]


def _drawn() -> list[Case]:
    known = _all()
    if os.environ.get("SCALE") == "full":
        return known
    return sorted(random.Random(5).sample(known, min(IN_CI, len(known))))


def _looked_at() -> tuple[s.Story, ...]:
    is_all = os.environ.get("SCALE") == "full" or os.environ.get("GOLDEN") == "1"
    return STORIES if is_all else (s.PAID_BACK_AT_ONCE,)


async def _passed(story: s.Story, dsn: str, folder: Path) -> dict[str, list[str]]:
    """By role, in the order of their names."""
    file = folder / "steps"
    async with asyncio.timeout(LIMIT_S), scene(dsn, folder, {}) as city:
        city.env["STEPS"] = str(file)
        await story.tell(city)
        await city.finish()
        assert await outcome(city) == story.ends
    lines = sorted({tuple(line.split()) for line in file.read_text().splitlines()})
    roles = sorted({role for role, _step in lines})
    return {role: [step for one, step in lines if one == role] for role in roles}


@pytest.mark.parametrize("story", _looked_at(), ids=lambda story: story.name)
async def test_the_steps_are_those_that_a_story_passes(story: s.Story, today_dsn: str, folder: Path) -> None:
    passed = await _passed(story, today_dsn, folder)
    known = json.loads(STEPS.read_text()) if STEPS.exists() else {}
    check_golden(STEPS, json.dumps(dict(sorted({**known, story.name: passed}.items())), indent=1) + "\n")


@pytest.mark.parametrize("case", _drawn(), ids="-".join)
async def test_killed_there_and_again_while_it_recovers(case: Case, today_dsn: str, folder: Path) -> None:
    name, role, step = case
    story = BY_NAME[name]
    async with asyncio.timeout(LIMIT_S), scene(today_dsn, folder, {role: [step] * AT_ONCE}) as city:
        await story.tell(city)
        await city.finish()
        assert city.deaths, "nothing is shown where nothing dies"
        assert await outcome(city) == story.ends
        await assert_sound(city)
        again = sum(one == "drain" and spec.startswith("message.") for one, spec in city.deaths)
        sent = copies(city)
        assert sent.total() - len(sent) <= again * len(story.ends.mails)


def test_every_story_has_its_steps() -> None:
    assert {name for name, _role, _step in _all()} == set(BY_NAME)
