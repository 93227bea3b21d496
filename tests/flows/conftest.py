"""A town of its own for each test, with Stuttgart's sample catalogue."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from base.clock import SettableClock
from tests.town import Town
from tests.town import town as open_town


@pytest.fixture
async def town(city_dsn: str, clock: SettableClock) -> AsyncIterator[Town]:
    async with open_town(city_dsn, clock) as opened:
        yield opened
