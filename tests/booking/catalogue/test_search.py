"""People find what they mean, and see what it costs and where it is offered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from base.clock import SettableClock
from base.db import Database
from base.errors import NotFound
from base.money import Money
from booking.catalogue.model import Channel
from booking.catalogue.usecases import Catalogue, CatalogueEmpty
from tests.booking.catalogue.folders import SAMPLE_CITY, changed, folder


@pytest_asyncio.fixture
async def catalogue(db: Database, clock: SettableClock) -> AsyncIterator[Catalogue]:
    made = Catalogue(db, clock)
    await made.import_folder(SAMPLE_CITY)
    yield made


FIRST_HITS = [
    ("Perso", "de", "Personalausweis (ab 24 Jahren)"),
    ("perso verloren", "de", "Verlust oder Diebstahl Personalausweis"),
    ("Pass", "de", "Reisepass (ab 24 Jahren)"),
    ("ich möchte einen neuen Pass", "de", "Reisepass (ab 24 Jahren)"),
    ("Fuehrerschein", "de", "Ersterteilung einer Fahrerlaubnis"),
    ("FÜHRERSCHEIN", "de", "Ersterteilung einer Fahrerlaubnis"),
    ("fuhrerschien", "de", "Ersterteilung einer Fahrerlaubnis"),
    ("Führerschein verloren", "de", "Ersatzführerschein nach Verlust/Diebstahl"),
    ("anmelden wohnung", "de", "Wohnsitzanmeldung"),
    ("Anmeldung", "de", "Wohnsitzanmeldung"),
    ("umgezogen", "de", "Wohnsitzanmeldung"),
    ("Auto anmelden", "de", "Anmeldung fabrikneues Fahrzeug oder Tageszulassung"),
    ("heiraten", "de", "Anmeldung einer Eheschließung ohne Auslandsbezug"),
    ("Blaue Karte EU", "de", "Blaue Karte EU"),
    ("blue card", "en", "Blaue Karte EU"),
    ("residence permit", "en", "Aufenthalts- und Arbeitserlaubnis – Nicht-EU-Bürger"),
    ("driving licence", "en", "Ersterteilung einer Fahrerlaubnis"),
    ("Anmeldung", "en", "Wohnsitzanmeldung"),
    ("Niederlassungserlaubnis", "de", "Niederlassungserlaubnis (ab 18 Jahren)"),
]


async def test_the_first_hit(catalogue: Catalogue) -> None:
    found = [
        (words, lang, (await catalogue.search(words, lang, 5))[0].service.name["de"]) for words, lang, _ in FIRST_HITS
    ]
    assert found == FIRST_HITS


# What people type, and the service that must be among the first three, in either language of the page.
EVERYDAY = [
    ("I moved", "wohnsitzanmeldung"),
    ("move house", "wohnsitzanmeldung"),
    ("new address", "wohnsitzanmeldung"),
    ("register", "wohnsitzanmeldung"),
    ("register my address", "wohnsitzanmeldung"),
    ("umgezogen", "wohnsitzanmeldung"),
    ("Umzug", "wohnsitzanmeldung"),
    ("Wohnsitzanmeldung", "wohnsitzanmeldung"),
    ("dog", "hund-anmelden"),
    ("Hund", "hund-anmelden"),
    ("passport", "reisepass"),
    ("passport", "reisepass-unter-24"),
    ("I want to renew my passport", "reisepass"),
    ("passport child", "reisepass-unter-24"),
    ("Reisepass Kind", "reisepass-unter-24"),
    ("Reisepass", "reisepass"),
    ("lost passport", "verlust-oder-diebstahl-reisepass"),
    ("Pass weg", "verlust-oder-diebstahl-reisepass"),
    ("ID card", "personalausweis"),
    ("ID", "personalausweis"),
    ("Personalausweis", "personalausweis"),
    ("Personalausweis", "personalausweis-unter-24"),
    ("Personalausweis unter 24", "personalausweis-unter-24"),
    ("Perso weg", "verlust-oder-diebstahl-personalausweis"),
    ("driving license", "ersterteilung-einer-fahrerlaubnis"),
    ("driving licence", "ersterteilung-einer-fahrerlaubnis"),
    ("Führerschein", "ersterteilung-einer-fahrerlaubnis"),
    ("lost driving license", "ersatzfuehrerschein-nach-verlust-diebstahl"),
    ("Führerschein umtauschen", "umstellung-der-fahrerlaubnis"),
    ("marry", "anmeldung-einer-eheschliessung-ohne-auslandsbezug"),
    ("get married", "anmeldung-einer-eheschliessung-ohne-auslandsbezug"),
    ("heiraten", "anmeldung-einer-eheschliessung-ohne-auslandsbezug"),
    ("birth certificate", "geburtsurkunde-ausstellung"),
    ("Geburtsurkunde", "geburtsurkunde-ausstellung"),
    ("residence permit", "aufenthalts-und-arbeitserlaubnis-nicht-eu-buerger"),
    ("work permit", "aufenthalts-und-arbeitserlaubnis-nicht-eu-buerger"),
    ("visa extension", "aufenthalts-und-arbeitserlaubnis-nicht-eu-buerger"),
    ("Visum", "aufenthalts-und-arbeitserlaubnis-nicht-eu-buerger"),
    ("Aufenthaltstitel verlängern", "aufenthalts-und-arbeitserlaubnis-nicht-eu-buerger"),
    ("blue card", "blaue-karte-eu"),
    ("citizenship", "einbuergerung"),
    ("Einbürgerung", "einbuergerung"),
    ("car", "anmeldung-fabrikneues-fahrzeug-oder-tageszulassung"),
    ("Auto", "anmeldung-fabrikneues-fahrzeug-oder-tageszulassung"),
    ("car registration", "anmeldung-fabrikneues-fahrzeug-oder-tageszulassung"),
    ("Auto ummelden", "umschreibung-fahrzeug-innerhalb-stuttgarts"),
    ("parking permit", "bewohnerparkausweis"),
    ("Parkausweis", "bewohnerparkausweis"),
    ("business registration", "gewerbe-anmeldung"),
    ("start a business", "gewerbe-anmeldung"),
    ("Gewerbe anmelden", "gewerbe-anmeldung"),
    ("certificate of conduct", "fuehrungszeugnis"),
    ("Führungszeugnis", "fuehrungszeugnis"),
    ("pension", "altersrente-vor-ort-termin"),
    ("lost wallet", "fundsache-abholen"),
    ("gun license", "kleiner-waffenschein"),
    ("church", "kirchenaustritt"),
]


@pytest.mark.parametrize("language", ["de", "en"])
async def test_everyday_words_find_the_right_service_among_the_first_three(catalogue: Catalogue, language: str) -> None:
    missed = []
    for words, key in EVERYDAY:
        found = [hit.service.key for hit in await catalogue.search(words, language, 3)]
        if key not in found:
            missed.append((words, key, found))
    assert missed == []


async def test_the_young_pay_less_for_a_passport_and_an_identity_card(
    catalogue: Catalogue, clock: SettableClock
) -> None:
    clock.set(datetime(2026, 12, 1, 9, tzinfo=UTC))
    fees = {hit.service.key: hit.fee.amount for hit in await catalogue.search("", "de", 4) if hit.fee}
    assert fees == {
        "personalausweis": Money(4600),
        "personalausweis-unter-24": Money(2760),
        "reisepass": Money(7000),
        "reisepass-unter-24": Money(3750),
    }


async def test_a_typing_error_finds_what_the_right_word_finds(catalogue: Catalogue) -> None:
    right = [hit.service.key for hit in await catalogue.search("aufenthaltstitel", "de", 5)]
    assert [hit.service.key for hit in await catalogue.search("aufenthaltstitl", "de", 5)] == right
    assert "aufenthalts-und-arbeitserlaubnis-nicht-eu-buerger" in right


async def test_no_words_show_what_most_people_come_for(catalogue: Catalogue) -> None:
    hits = await catalogue.search("  ", "de", 3)
    assert [hit.service.top for hit in hits] == [1, 2, 3]
    assert [hit.service.name["de"] for hit in hits] == [
        "Personalausweis (ab 24 Jahren)",
        "Personalausweis (unter 24 Jahren)",
        "Reisepass (ab 24 Jahren)",
    ]


async def test_wildcards_and_nonsense(catalogue: Catalogue) -> None:
    assert await catalogue.search("xqzvwk", "de", 5) == []
    for words in ("'; DROP TABLE service; --", "x" * 5000):
        assert len(await catalogue.search(words, "de", 5)) <= 5


@pytest.mark.parametrize("junk", ["%", "_", "'", "\\", "\0", "🛂", "?!", " - ", "%%%%", "“”", "!" * 300])
async def test_what_has_no_word_finds_nothing(catalogue: Catalogue, junk: str) -> None:
    assert await catalogue.search(junk, "de") == []


@pytest.mark.parametrize("blank", ["", "  ", "\n\t", "\u00a0"])
async def test_an_empty_question_shows_the_most_wanted(catalogue: Catalogue, blank: str) -> None:
    assert [hit.service.top for hit in await catalogue.search(blank, "de", 5)] == [1, 2, 3, 4, 5]


async def test_the_fee_is_the_one_valid_today(catalogue: Catalogue, clock: SettableClock) -> None:
    clock.set(datetime(2026, 2, 6, 22, 59, tzinfo=UTC))  # 23:59 in Stuttgart
    (hit,) = await catalogue.search("Perso", "de", 1)
    assert hit.fee is not None
    assert hit.fee.amount == Money(3700)
    clock.advance(minutes=1)
    detail = await catalogue.service(hit.service.id)
    assert detail.fee is not None
    assert detail.fee.amount == Money(4600)
    assert detail.fee.legal_basis["de"].startswith("§ 1 Personalausweisgebührenverordnung")
    assert await catalogue.fee(hit.service.id, date(2026, 1, 1)) != detail.fee


async def test_where_a_service_is_offered(catalogue: Catalogue) -> None:
    (hit,) = await catalogue.search("Beratung zum Baurecht", "de", 1)
    detail = await catalogue.service(hit.service.id)
    assert {channel: [o.key for o in found] for channel, found in detail.offices.items()} == {
        channel: ["baurechtsamt"] for channel in Channel
    }
    assert len(await catalogue.counters(hit.service.id, Channel.ONSITE)) == 3
    (perso,) = await catalogue.search("Perso", "de", 1)
    offices = await catalogue.offices(perso.service.id, Channel.ONSITE)
    assert len(offices) >= 10
    assert await catalogue.offices(perso.service.id, Channel.VIDEO) == []
    assert len(await catalogue.offices()) > len(offices)
    with pytest.raises(NotFound):
        await catalogue.service(2**31 - 1)


async def test_another_process_sees_an_import(db: Database, clock: SettableClock, tmp_path: Path) -> None:
    reader, importer = Catalogue(db, clock, poll_s=0), Catalogue(db, clock)
    with pytest.raises(CatalogueEmpty):
        await reader.search("Perso", "de")
    await importer.import_folder(folder(tmp_path / "one"))
    assert [hit.service.key for hit in await reader.search("Perso", "de")] == ["ausweis"]
    await importer.import_folder(folder(tmp_path / "two", changed("services.csv", "Perso,", "Kennkarte,")))
    assert [hit.service.key for hit in await reader.search("Kennkarte", "de")] == ["ausweis"]
    assert (
        await reader.search("Perso xyz", "de") == [] or (await reader.search("Perso", "de"))[0].service.key == "ausweis"
    )
