from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from base.clock import SettableClock
from base.db import Database
from tests.booking.availability.city import TUESDAY, at, make_city
from tests.booking.holds.world import HoldWorld, hold_world


@pytest.fixture
async def world(db: Database) -> AsyncIterator[HoldWorld]:
    """One office with two counters, open from eight to twelve; it is seven."""
    clock = SettableClock(at(TUESDAY, 7))
    async with db.connection() as conn:
        city = await make_city(conn, fee_cents=3700)
    async with hold_world(db, city, clock) as made:
        yield made
