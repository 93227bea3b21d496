"""The answer written by hand is what the declared model would write."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter

from booking.availability.endpoints import SlotsOut, _as_json
from booking.availability.model import Slot

START = datetime(2026, 12, 1, 9, 5, tzinfo=UTC)


def test_times_by_hand_and_by_model_are_the_same_bytes() -> None:
    slots = [
        Slot(office, START + timedelta(minutes=5 * n), START + timedelta(minutes=5 * n + 20))
        for office in (1, 77)
        for n in range(3)
    ]
    in_groups = [replace(slot, places=n) for n, slot in enumerate(slots)]
    for some in (slots, in_groups, []):
        by_model = TypeAdapter(SlotsOut).dump_json(SlotsOut.of(some))
        assert _as_json(some) == by_model
