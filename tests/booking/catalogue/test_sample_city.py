"""The sample city keeps its promises: real offices, real services, honest sources."""

import csv
import re
from pathlib import Path

import pytest

from booking.catalogue.draft import Draft, DraftService
from booking.catalogue.import_format import parse
from booking.catalogue.importing import read_folder
from booking.catalogue.model import Channel
from booking.catalogue.words import fold
from tests.booking.catalogue.folders import SAMPLE_CITY

_SOURCE = re.compile(r"((munich-2026:\d+|berlin-2016:\d+) ?)+(; duration: assumption)?")


@pytest.fixture(scope="module")
def draft() -> Draft:
    return parse(read_folder(SAMPLE_CITY))


def is_complete(service: DraftService) -> bool:
    texts = (service.name, service.search_words, service.documents)
    return bool(service.duration_min and service.channels) and all(
        text.get(lang) for text in texts for lang in ("de", "en")
    )


def test_counts(draft: Draft) -> None:
    assert len(draft.offices) >= 14
    assert len(draft.services) >= 515
    with_fee = {fee.service for fee in draft.fees if fee.legal_basis.get("de") and fee.legal_basis.get("en")}
    assert len([service for service in draft.services if is_complete(service) and service.key in with_fee]) >= 60
    assert {counter.channel for counter in draft.counters} == set(Channel)


def test_every_bookable_service_is_complete(draft: Draft) -> None:
    assert [service.key for service in draft.services if service.channels and not is_complete(service)] == []


def test_no_service_is_invented_or_there_twice(draft: Draft) -> None:
    assert [service.key for service in draft.services if not _SOURCE.fullmatch(service.source)] == []
    rows = [row for service in draft.services for row in re.findall(r"\S+-\d{4}:\d+", service.source)]
    assert len(rows) == len(set(rows))
    names = [fold(service.name["de"]) for service in draft.services]
    assert len(names) == len(set(names))


def test_no_other_city_is_named(draft: Draft) -> None:
    other = re.compile(r"münch|bayer|berlin(?!er allee)|oktoberfest", re.IGNORECASE)
    texts = [
        text
        for service in draft.services
        for text in (*service.name.values(), *service.summary.values(), *service.search_words.get("de", ()))
    ]
    assert [text for text in texts if other.search(text)] == []


def test_leika_keys_are_those_that_the_source_gives(draft: Draft) -> None:
    with (Path(__file__).parent / "leika_keys_munich_2026.csv").open(encoding="utf-8") as stream:
        given = {f"munich-2026:{row['id']}": row["leika_key"] for row in csv.DictReader(stream)}
    keyed = [service for service in draft.services if service.leika_key]
    assert len(keyed) > 100
    for service in keyed:
        assert service.leika_key in {given.get(row) for row in service.source.split()}, service.key


def test_the_immigration_office_offers_a_rich_set(draft: Draft) -> None:
    counters = [counter for counter in draft.counters if counter.office == "auslaenderbehoerde"]
    services = [s for s in draft.services if s.channels and any(draft.serves(c, s) for c in counters)]
    assert len(services) >= 30
    assert {channel for service in services for channel in service.channels} == set(Channel)


def test_every_office_says_where_its_facts_are_from(draft: Draft) -> None:
    for office in draft.offices:
        assert "address" in office.source
        assert "approximate" in office.source
        assert 48.6 < office.latitude < 48.9
        assert 9.0 < office.longitude < 9.4
