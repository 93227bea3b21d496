"""The database goes away: what was read answers on, and nothing waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from base.clock import SettableClock
from base.db import Connection, Database
from base.errors import Unavailable
from base.feed import Feed
from booking.catalogue.matching import matches
from booking.catalogue.model import Service
from booking.catalogue.usecases import Catalogue
from booking.catalogue.words import terms
from server.offers import CatalogueOffers, CatalogueSource
from tests.booking.catalogue.folders import changed, folder


class Wire(Database):
    """Of a database that can be cut off."""

    failure: Exception | None = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        if self.failure is not None:
            raise self.failure
        async with super().connection() as conn:
            yield conn


@pytest.fixture
async def wire(dsn: str) -> AsyncIterator[Wire]:
    database = Wire(dsn, size=1)
    async with database:
        yield database


@pytest.fixture
async def catalogue(wire: Wire, clock: SettableClock, tmp_path: Path) -> Catalogue:
    made = Catalogue(wire, clock, poll_s=0)
    await made.import_folder(folder(tmp_path / "mini"))
    await made.search("Perso", "de")
    return made


AWAY = [ConnectionRefusedError(), TimeoutError(), asyncpg.ConnectionDoesNotExistError("")]


@pytest.mark.parametrize("failure", AWAY)
async def test_reads_are_answered_from_memory(
    catalogue: Catalogue, wire: Wire, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    wire.failure = failure
    (ident,) = [hit.service.id for hit in await catalogue.search("perso", "de")]
    for _ in range(3):
        assert (await catalogue.service(ident)).fee is not None
    assert [office.key for office in await catalogue.offices(ident)] == ["rathaus"]
    assert [hit.service.key for hit in await catalogue.search("beratung", "de")] == [
        "beratung"
    ]  # nobody had asked before
    assert [hit.service.key for hit in await catalogue.search("", "de", 1)] == ["ausweis"]
    warned = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.message for record in warned] == ["catalogue.database-away"]


async def test_when_it_is_back_it_is_asked_again(catalogue: Catalogue, wire: Wire, tmp_path: Path) -> None:
    wire.failure = ConnectionRefusedError()
    assert await catalogue.search("Prso", "de") == []  # no tolerance in memory, and that is not kept
    wire.failure = None
    await catalogue.import_folder(folder(tmp_path / "two", changed("services.csv", "Perso,", "Persona,")))
    assert [hit.service.key for hit in await catalogue.search("Prsona", "de")] == ["ausweis"]


async def test_without_anything_read_before_it_is_503(wire: Wire, clock: SettableClock) -> None:
    wire.failure = ConnectionRefusedError()
    with pytest.raises(Unavailable):
        await Catalogue(wire, clock).search("Perso", "de")


async def test_a_fault_of_ours_is_not_hidden(catalogue: Catalogue, wire: Wire) -> None:
    wire.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await catalogue.city()


async def test_who_comes_while_one_waits_for_news_gets_the_last_version(
    catalogue: Catalogue, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("booking.catalogue.usecases._PATIENCE_S", 0.5)
    async with wire.connection():  # the only one of the pool
        first = asyncio.create_task(catalogue.city())
        await asyncio.sleep(0)
        assert (await asyncio.wait_for(catalogue.city(), 0.2)).name["de"] == "Kleinstadt"
        assert not first.done()
        assert (await asyncio.wait_for(first, 2)).name["de"] == "Kleinstadt"


async def test_the_feed_needs_one_connection_only(wire: Wire, clock: SettableClock, tmp_path: Path) -> None:
    catalogue = Catalogue(wire, clock, poll_s=0)
    feed = Feed(wire, [CatalogueSource(catalogue)])
    await asyncio.wait_for(feed.start(), 5)
    assert not catalogue.known
    await catalogue.import_folder(folder(tmp_path / "mini"))
    await asyncio.wait_for(feed.poll_once(), 5)
    assert catalogue.known
    await feed.stop()


async def test_a_service_without_a_fee_today_is_not_offered(
    catalogue: Catalogue, wire: Wire, clock: SettableClock
) -> None:
    """However it came about: an older import, or somebody's SQL."""
    offers = CatalogueOffers(catalogue)
    (ident,) = [hit.service.id for hit in await catalogue.search("Perso", "de")]
    assert offers.offer(ident, "onsite") is not None
    async with wire.connection() as conn:
        await conn.execute("UPDATE fee SET valid = daterange(NULL, '2026-12-01') WHERE valid @> date '2026-12-01'")
        await conn.execute("UPDATE city SET version = version + 1")
    await catalogue.city()
    assert offers.offer(ident, "onsite") is None
    assert offers.fee_on(ident, clock().date()) is None


class TestMatching:
    async def test_places_in_order(self, catalogue: Catalogue) -> None:
        service = (await catalogue.search("Perso", "de"))[0].service
        assert [key for key in _found(service, "Personalausweis", "Beratung") if key] == ["Personalausweis"]
        for words in ("Personal", "PERSO", "identity", "card", "ausweis", "personalausweis card"):
            assert _found(service, words) == [words], words
        for words in ("wei", "xyz", ""):
            assert _found(service, words) == [], words


def _found(service: Service, *texts: str) -> list[str]:
    return [text for text in texts if matches([service], terms(text))]
