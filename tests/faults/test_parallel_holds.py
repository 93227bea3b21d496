"""kill -9 while thirty people reserve times at once: whoever repeats the request gets one answer, and no time is given twice."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from tests.faults.scene import Scene, scene
from tests.faults.sound import assert_sound
from tests.faults.stories import FREE

LIMIT_S = 120.0
PEOPLE = 30
SLOTS = 12  # fewer than people: some meet
FULL = os.environ.get("SCALE") == "full"
SPECS = ["hold.inserted", "hold.inserted:2", *(f"hold.inserted:{n}" for n in (range(3, 9) if FULL else ()))]


@pytest.mark.parametrize("spec", SPECS)
async def test_killed_at_a_batch(spec: str, today_dsn: str, folder: Path) -> None:
    async with asyncio.timeout(LIMIT_S), scene(today_dsn, folder, {"web": [spec]}) as city:
        crowd = await _crowd(city)
        alone = (
            int(spec.partition(":")[2] or 1) - 1
        )  # each of these is a batch, so that the deadly one is the crowd's first
        first = [await _ask(city, wanted, key) for key, wanted in crowd[:alone]]
        first += await asyncio.gather(*(_ask(city, wanted, key) for key, wanted in crowd[alone:]))
        await city.mourn()
        assert city.deaths == [("web", spec)]
        await _all_agree(city, crowd, first)


@pytest.mark.parametrize("answers", [1, 5, 15] if FULL else [1])
async def test_killed_from_outside(answers: int, today_dsn: str, folder: Path) -> None:
    """As soon as some have their answer and the others wait."""
    async with asyncio.timeout(LIMIT_S), scene(today_dsn, folder, {}) as city:
        crowd = await _crowd(city)
        got = 0

        async def ask(key: str, wanted: Any) -> Any:
            nonlocal got
            answer = await _ask(city, wanted, key)
            got += answer is not None
            if got == answers and city.web is not None:
                await city.web.kill()
            return answer

        first = await asyncio.gather(*(ask(key, wanted) for key, wanted in crowd))
        assert got >= answers
        city.web = None
        await _all_agree(city, crowd, first)


async def _crowd(city: Scene) -> list[tuple[str, dict[str, Any]]]:
    service = (await city.good("GET", f"/api/services?q={FREE}"))["services"][0]["id"]
    slots = (await city.good("GET", f"/api/slots/next?service={service}&channel=onsite&limit=20"))["slots"][-SLOTS:]
    places = [{"office": slot["office"], "starts_at": slot["starts_at"]} for slot in slots]
    return [(str(uuid4()), {"service": service, "channel": "onsite", **places[n % len(places)]}) for n in range(PEOPLE)]


async def _ask(city: Scene, wanted: dict[str, Any], key: str) -> tuple[int, Any] | None:
    """None: no answer came."""
    headers = {"Idempotency-Key": key}
    try:
        async with city.http.post(f"{city.origin}/api/holds", headers=headers, json=wanted) as response:
            return response.status, await response.json()
    except aiohttp.ClientError:
        return None


async def _all_agree(city: Scene, crowd: list[tuple[str, dict[str, Any]]], first: list[Any]) -> None:
    """Everybody asks twice more: at once all together, then one by one."""
    if city.web is not None:
        await city.web.kill()
    await city.start_web()
    second = await asyncio.gather(*(_ask(city, wanted, key) for key, wanted in crowd))
    third = [await _ask(city, wanted, key) for key, wanted in crowd]
    for before, now, again in zip(first, second, third, strict=True):
        assert now is not None
        assert now[0] in (201, 409), now
        if now[0] == 201:
            assert now == again
        if before is not None and before[0] == 201:
            assert before == now  # what was promised before the kill
    promised = Counter(str(answer[1]["id"]) for answer in third if answer is not None and answer[0] == 201)
    living = await city.rows("SELECT request_key::text FROM claim WHERE kind = 0 AND status = 1")
    assert promised == Counter(key for (key,) in living)
    await assert_sound(city)
