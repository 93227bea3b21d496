from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from base.clock import SettableClock
from base.db import Database
from tests.booking.allocation.world import NeedWorld, need_world
from tests.booking.availability.city import TUESDAY, at


@pytest.fixture
async def world(db: Database) -> AsyncIterator[NeedWorld]:
    """Tuesday, seven o'clock; two counters are open on Thursday from eight to twelve."""
    async with need_world(db, SettableClock(at(TUESDAY, 7))) as made:
        yield made
