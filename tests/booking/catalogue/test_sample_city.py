"""The sample city keeps its promises: real offices, real services, honest sources."""

import csv
import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from booking.catalogue.draft import Draft, DraftService
from booking.catalogue.import_format import parse
from booking.catalogue.importing import read_folder
from booking.catalogue.model import Channel
from booking.catalogue.words import fold
from tests.booking.catalogue.folders import MORNING, SAMPLE_CITY

_SOURCE = re.compile(r"((munich-2026:\d+|berlin-2016:\d+) ?)+(; duration: assumption)?(; split by age)?")


@pytest.fixture(scope="module")
def draft() -> Draft:
    return parse(read_folder(SAMPLE_CITY), MORNING)


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
    whole = [service for service in draft.services if not service.source.endswith("; split by age")]
    rows = [row for service in whole for row in re.findall(r"\S+-\d{4}:\d+", service.source)]
    assert len(rows) == len(set(rows))
    names = [fold(service.name["de"]) for service in draft.services]
    assert len(names) == len(set(names))


def cents(draft: Draft, key: str, day: date) -> int:
    (amount,) = [
        fee.amount_cents
        for fee in draft.fees
        if fee.service == key and (fee.valid_from or date.min) <= day <= (fee.valid_until or date.max)
    ]
    return amount


def test_every_bookable_service_has_a_fee_on_every_day_from_today_on(draft: Draft) -> None:
    today = date(2026, 2, 1)  # before the fees that changed in this year
    edges = {day + timedelta(1) for fee in draft.fees if (day := fee.valid_until)} | {
        day for fee in draft.fees if (day := fee.valid_from)
    }
    days = [today, *sorted(day for day in edges if day > today), date.max]
    assert all(cents(draft, service.key, day) >= 0 for service in draft.services if service.channels for day in days)
    assert all(fee.legal_basis.get("de") and fee.source for fee in draft.fees)


def test_a_fee_that_depends_on_age_is_two_services(draft: Draft) -> None:
    services = {service.key: service for service in draft.services}
    young = [service for service in draft.services if service.source.endswith("; split by age")]
    assert len(young) == 14
    for service in young:
        key, age = service.key.rsplit("-unter-", 1)
        old = services[key]
        for name in ("group", "duration_min", "channels", "leika_key"):
            assert getattr(service, name) == getattr(old, name), (service.key, name)
        assert service.source == f"{old.source}; split by age"
        for day in (date(2026, 2, 1), date(2026, 12, 1)):
            assert 0 < cents(draft, service.key, day) < cents(draft, key, day)
        assert old.name["de"].removesuffix(f" (ab {age} Jahren)") == service.name["de"].removesuffix(
            f" (unter {age} Jahren)"
        )
        assert old.name["en"].removesuffix(f" (aged {age} and over)") == service.name["en"].removesuffix(
            f" (under {age})"
        )


def test_no_summary_names_an_amount_that_is_not_asked_for(draft: Draft) -> None:
    """Amounts stand in fees.csv; a reduction that cannot be booked is said to be checked at the counter."""
    with_amount = [
        service.key
        for service in draft.services
        if service.channels
        and re.search(r"\d Euro", service.summary.get("de", ""))
        and "am Schalter geprüft" not in service.summary["de"]
    ]
    assert with_amount == ["beglaubigung-von-bis-zu-5-dokumenten", "beglaubigung-von-bis-zu-20-dokumenten"]


def test_every_bookable_service_has_everyday_words_in_both_languages(draft: Draft) -> None:
    few = [s.key for s in draft.services if s.channels and min(len(s.search_words[lang]) for lang in ("de", "en")) < 4]
    assert few == []


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
        assert service.leika_key in {given.get(row) for row in service.source.split(";")[0].split()}, service.key


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
