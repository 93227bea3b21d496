"""A fresh city that lives today: the children of these tests have the real clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from base.clock import utcnow
from tests.conftest import cloned, name_of, run
from tests.faults.scene import HORIZON_DAYS
from tests.town import import_sample_city


@pytest.fixture(scope="session")
def today_template(database_url: str, template: str) -> Iterator[str]:
    """The sample city as imported now, open for the next fortnight."""
    with cloned(database_url, template) as address:
        run(import_sample_city(address, utcnow, horizon_days=HORIZON_DAYS))
        yield name_of(address)


@pytest.fixture
def today_dsn(database_url: str, today_template: str) -> Iterator[str]:
    with cloned(database_url, today_template) as address:
        yield address


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the children's logs go; pytest keeps it where a test fails."""
    return tmp_path
