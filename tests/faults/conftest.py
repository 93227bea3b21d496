"""A fresh city that lives today: the children of these tests have the real clock."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest

from base.clock import utcnow
from base.db import Database
from booking.catalogue.importing import import_catalogue
from tests.conftest import _administer, _run, _with_name
from tests.faults.scene import HORIZON_DAYS
from tests.town import SAMPLE_CITY

_numbers = count(1)


@pytest.fixture(scope="session")
def today_template(database_url: str, template: str) -> Iterator[str]:
    """The sample city as imported now, open for the next fortnight."""
    name = f"schalter_today_{os.getpid()}"
    _run(_administer(database_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"))
    _run(_import(_with_name(database_url, name)))
    yield name
    _run(_administer(database_url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def today_dsn(database_url: str, today_template: str) -> AsyncIterator[str]:
    name = f"schalter_fault_{os.getpid()}_{next(_numbers)}"
    await _administer(database_url, f"CREATE DATABASE {name} TEMPLATE {today_template} STRATEGY FILE_COPY")
    yield _with_name(database_url, name)
    await _administer(database_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the children's logs go; pytest keeps it where a test fails."""
    return tmp_path


async def _import(dsn: str) -> None:
    async with Database(dsn, size=1) as db:
        await import_catalogue(db, SAMPLE_CITY, utcnow, horizon_days=HORIZON_DAYS)
        async with db.connection() as conn:
            await conn.execute("ANALYZE")
