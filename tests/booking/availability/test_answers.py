"""The answer written by hand is what the declared model would write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter

from booking.availability.endpoints import SlotOut, SlotsOut, _as_json
from booking.availability.model import Slot

START = datetime(2026, 12, 1, 9, 5, tzinfo=UTC)


def test_times_by_hand_and_by_model_are_the_same_bytes() -> None:
    slots = [
        Slot(office, START + timedelta(minutes=5 * n), START + timedelta(minutes=5 * n + 20))
        for office in (1, 77)
        for n in range(3)
    ]
    for some in (slots, []):
        by_model = TypeAdapter(SlotsOut).dump_json(SlotsOut(slots=[SlotOut.of(slot) for slot in some]))
        assert _as_json(some) == by_model
