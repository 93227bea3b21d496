"""What every test may ask for: a fresh migrated database, a clock that stands still, a browser."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Coroutine, Generator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from hypothesis import settings

from base.clock import SettableClock
from base.db import Database
from base.migrate import migrate
from server.postgres import EmbeddedPostgres
from tests.memory import folder_in_memory
from tests.town import MORNING, Town, import_sample_city
from tests.town import town as open_town

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


_numbers = count(1)

# How long an example takes says how busy the machine is; speed is measured by `make bench`.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


# What is timed by the ear or the eye (calls), measures or counts seconds, or takes the machine's ports and both cores for itself.
ALONE = (
    *("tests/server/", "tests/video/", "tests/bench/", "tests/frontend/test_axe.py", "tests/contract/test_house.py"),
    *(f"tests/browser/test_{name}.py" for name in ("call", "check", "relay", "story")),
    *(f"tests/faults/test_{name}.py" for name in ("calls_killed", "parallel_holds", "storm")),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` runs all others two at a time, and these one after the other."""
    for item in items:
        if item.nodeid.startswith(ALONE):
            item.add_marker(pytest.mark.alone)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With CI=true nothing may be skipped unnoticed."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which is a failure with CI=true: {reason}"
    return report


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server: the one of DATABASE_URL, else our own. Tests use `db` or `dsn`, which are theirs alone."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    # What survives a power cut is not what these tests ask, and memory is not to fill with the log.
    options = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "256MB"}
    with (
        folder_in_memory(otherwise=tmp_path_factory.mktemp("postgres")) as folder,
        EmbeddedPostgres(folder, options=options) as url,
    ):
        yield url


@pytest.fixture(scope="session")
def template(database_url: str) -> Iterator[str]:
    """The name of a migrated database to clone, instead of all migrations for each test."""
    name = f"schalter_template_{os.getpid()}"
    run(_administer(database_url, f"CREATE DATABASE {name}"))
    run(migrate(_with_name(database_url, name)))
    yield name
    run(_administer(database_url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def dsn(database_url: str, template: str) -> Iterator[str]:
    """The address of a fresh migrated database, dropped after the test."""
    with cloned(database_url, template) as address:
        yield address


@pytest.fixture(scope="session")
def city_template(database_url: str, template: str) -> Iterator[str]:
    """Like `template`, with Stuttgart's sample catalogue as imported at the time of `clock`."""
    with cloned(database_url, template) as address:
        run(import_sample_city(address, SettableClock(MORNING)))
        yield name_of(address)


@pytest.fixture
def city_dsn(database_url: str, city_template: str) -> Iterator[str]:
    """The address of a fresh database with the sample city, dropped after the test."""
    with cloned(database_url, city_template) as address:
        yield address


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Database]:
    async with Database(dsn, size=5) as database:
        yield database


@pytest.fixture
def clock() -> SettableClock:
    """A Tuesday morning, ten o'clock in Stuttgart."""
    return SettableClock(MORNING)


@pytest.fixture
async def town(city_dsn: str, clock: SettableClock) -> AsyncIterator[Town]:
    """A town of its own for each test, with Stuttgart's sample catalogue."""
    async with open_town(city_dsn, clock) as opened:
        yield opened


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a browser for Playwright's `executable_path`; `make test` hands it over in CHROMIUM."""
    from_npm = Path(__file__).parents[1] / "build" / "chromium" / "chrome"
    for name in (os.environ.get("CHROMIUM"), *CHROMIUM_NAMES, str(from_npm)):
        if name and (path := shutil.which(name)):
            return path
    pytest.skip("no Chromium: `make test` installs one, or set CHROMIUM")


@contextmanager
def cloned(url: str, template: str) -> Iterator[str]:
    """The address of a copy of the database `template`, dropped in the end."""
    name = f"schalter_test_{os.getpid()}_{next(_numbers)}"
    run(_administer(url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"))
    yield _with_name(url, name)
    run(_administer(url, f"DROP DATABASE {name} WITH (FORCE)"))


def name_of(address: str) -> str:
    return urlsplit(address).path.lstrip("/")


def _with_name(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


async def _administer(url: str, statement: str) -> None:
    conn = await asyncpg.connect(url)
    try:
        await conn.execute(statement)
    finally:
        await conn.close()


def run(work: Coroutine[Any, Any, object]) -> None:
    """Not asyncio.run(): it would take away the event loop that pytest-asyncio has set."""
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(work)
    finally:
        loop.close()
