"""Letters to people whose names are written in any script, and what one letter that cannot be set does to the others."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import BytesIO

import pytest
from pypdf import PdfReader

from base.i18n import Translations
from base.typesetting.setting import Unsettable
from notifications.letters import Letters
from notifications.refund_letters import RefundLetter
from tests.base.typesetting.names import LOST, NAMES

AT = datetime(2026, 5, 4, 9, tzinfo=UTC)


def letter(name: str, link: str = "https://stadt.example/de/refunds/1") -> RefundLetter:
    return RefundLetter(
        language="de",
        written_on=date(2026, 5, 4),
        recipient=(name, "Hauptstraße 1", "70173 Stuttgart"),
        city="Stuttgart",
        office="Bürgerbüro Mitte",
        address="Marktplatz 1, 70173 Stuttgart",
        phone="115",
        number="K7H2QF",
        service="Führungszeugnis",
        amount="13,00 €",
        purpose="RF26 SCH0 0000 0001",
        link=link,
        site="stadt.example/de/refund",
        code="AAAA-BBBB-CCCC",
    )


TOO_MUCH = letter("Ada", link="https://stadt.example/" + "x" * 5000)  # for a square


def test_everybodys_letter_is_in_the_run() -> None:
    everybody = [letter(name) for name in (*NAMES.values(), *LOST)]
    made = Letters(Translations.load()).run(everybody, AT)
    assert made.letters == frozenset(range(len(everybody)))
    assert len(PdfReader(BytesIO(made.pdf)).pages) >= len(everybody)


def test_one_that_cannot_be_set_keeps_no_other_from_being_printed() -> None:
    made = Letters(Translations.load()).run([letter("Ada"), TOO_MUCH, letter("Bo")], AT)
    pages = [page.extract_text() for page in PdfReader(BytesIO(made.pdf)).pages]
    assert (made.letters, len(pages)) == (frozenset({0, 2}), 2)
    assert "Ada" in pages[0]
    assert "Bo" in pages[1]


def test_alone_it_is_refused() -> None:
    with pytest.raises(Unsettable):
        Letters(Translations.load()).pdf(TOO_MUCH, AT)
    with pytest.raises(Unsettable):
        Letters(Translations.load()).run([TOO_MUCH], AT)
