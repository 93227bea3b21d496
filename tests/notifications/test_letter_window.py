"""What stands where on the sheet of a letter (DIN 5008, form B)."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from typing import Any

from pypdf import PdfReader, mult

from base.i18n import Translations
from notifications.fields import InvitationFields
from notifications.letters import InvitationLetter, Letters

MM = 72 / 25.4
WINDOW_FROM, WINDOW_TO, EDGE = 62.7, 90, 200  # mm
NAME = "Maximiliane-Charlotte Prinzessin von Hohenstaufen-Löwenstein-Wertheim-Freudenberg-Rosenberg"
STREET = "Straße des Gedenkens-an-den-Volksaufstand 135 a, Hinterhaus, 3. Obergeschoss links"
PLACE = "70173 Stuttgart-Bad Cannstatt (Ortsteil Steinhaldenfeld-Süd)"


def letter(*recipient: str, office: str = "Standesamt", reference: str = "") -> bytes:
    fields = InvitationFields(
        city="Stuttgart",
        service="Kirchenaustritt",
        channel="onsite",
        office=office,
        address="Eberhardstraße 6, 70173 Stuttgart",
        first_day=date(2026, 12, 2),
        last_day=date(2027, 1, 15),
        answer_by=date(2026, 12, 20),
        answer_until=datetime(2026, 12, 20, 23, tzinfo=UTC),
        manage_url="https://termine.stuttgart.example/de/invitation/link/x",
    )
    made = InvitationLetter(
        language="de",
        written_on=date(2026, 11, 27),
        recipient=recipient,
        fields=fields,
        phone="115",
        reference=reference,
        site="termine.stuttgart.example/de/invitation",
        code="K7F3-QM9X-TT2A",
    )
    return Letters(Translations.load()).pdf(made, datetime(2026, 11, 27, tzinfo=UTC))


def placed(pdf: bytes) -> list[tuple[str, float, float, float]]:
    """Text, from the left and from the top in mm, size in points; down to the subject."""
    [page] = PdfReader(io.BytesIO(pdf)).pages
    found = []

    def note(text: str, cm: list[float], tm: list[float], _font: Any, size: float) -> None:
        at = mult(tm, cm)
        left, top = at[4] / MM, (float(page.mediabox.height) - at[5]) / MM
        if text.strip() and 40 < top < 97:
            found.append((text.strip(), left, top, size))

    page.extract_text(visitor_text=note)
    return found


def tops(pdf: bytes, first: str, last: str) -> list[float]:
    """Of the address, from the line that begins with one text to the end of the one that has the other."""
    lines = [one for one in placed(pdf) if one[1] < 105]
    start = next(n for n, one in enumerate(lines) if one[0].startswith(first))
    end = max(n for n, one in enumerate(lines) if last in one[0])
    return [top for _text, _left, top, _size in lines[start : end + 1]]


def test_a_long_address_is_set_smaller_and_stands_in_the_window_whole() -> None:
    found = tops(letter(NAME, STREET, PLACE), "Maximiliane", "Süd")
    assert len(found) >= 3
    assert min(found) > WINDOW_FROM
    assert max(found) < WINDOW_TO


def test_a_long_sender_leaves_the_name_of_the_recipient_free() -> None:
    office = "Bürgerbüro mit einem sehr langen Namen, Abteilung Personenstand und Staatsangehörigkeit, Eingang Hofseite"
    pdf = letter("Kim Muster", "Hauptstraße 1", "70173 Stuttgart", office=office)
    [name] = tops(pdf, "Kim Muster", "Kim Muster")
    above = [top for text, left, top, _size in placed(pdf) if left < 105 and top < name and text != "Kim Muster"]
    assert above
    assert max(above) < WINDOW_FROM - 1


def test_a_long_reference_stays_on_the_sheet() -> None:
    pdf = letter("Kim Muster", "Hauptstraße 1", "70173 Stuttgart", reference="AZ 33.1-2026/" + "7" * 50)
    [(_text, left, _top, size)] = [one for one in placed(pdf) if "777" in one[0]]
    assert left + 63 * size * 0.45 / MM < EDGE  # its digits are not half as wide as high
