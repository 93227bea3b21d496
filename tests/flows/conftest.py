"""People of a test's town who are asked for again and again, each signed in with a browser of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.flows.test_counter import MITTE, clerk_at, counters_of, office_id
from tests.staff import StaffBrowser, hire, sign_in
from tests.town import Town


@pytest.fixture
async def kim(town: Town) -> AsyncIterator[StaffBrowser]:
    """A clerk at the first counter."""
    office = await office_id(town)
    async with await clerk_at(town, "kim", office, (await counters_of(town, office))[0]) as browser:
        yield browser


@pytest.fixture
async def robin(town: Town) -> AsyncIterator[StaffBrowser]:
    await hire(town, "robin", "cashier", MITTE)
    async with await sign_in(town, "robin") as browser:
        yield browser


@pytest.fixture
async def toni(town: Town) -> AsyncIterator[StaffBrowser]:
    await hire(town, "toni", "finance")
    async with await sign_in(town, "toni") as browser:
        yield browser


@pytest.fixture
async def luca(town: Town) -> AsyncIterator[StaffBrowser]:
    """The second one of finance."""
    await hire(town, "luca", "finance")
    async with await sign_in(town, "luca") as browser:
        yield browser


@pytest.fixture
async def phone(town: Town) -> AsyncIterator[StaffBrowser]:
    """A payer's: nobody signs in."""
    async with StaffBrowser(town) as browser:
        yield browser
