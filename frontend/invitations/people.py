"""A list of people as spreadsheets save it (CSV): separated by semicolon, comma or tab, in UTF-8 or Windows' own letters. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass

from multidict import MultiDict

from base.i18n import LANGUAGES
from base.i18n import mark as _
from booking.catalogue.model import Channel
from booking.invitations.model import LISTED_MOST, Invited
from frontend.citizen import contact_form
from frontend.invitations.reading import is_reference

# The heads that a column may have; the first is the one that we show.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "name": ("Name", "Vor- und Nachname"),
    "email": ("E-Mail", "Email", "E-Mail-Adresse"),
    "mobile": ("Mobil", "Mobile", "Mobilnummer", "Telefon"),
    "street": ("Straße", "Strasse", "Street"),
    "postcode": ("PLZ", "Postleitzahl", "Postcode"),
    "place": ("Ort", "Town"),
    "language": ("Sprache", "Language"),
    "reference": ("Aktenzeichen", "File number"),
}
_FIELDS = {head.casefold(): name for name, heads in COLUMNS.items() for head in (name, *heads)}

_SEPARATOR = re.compile(r"sep=([;,\t])\r?\n", re.IGNORECASE)

_NOTHING = _("The file has no people in it.")
_TOO_MANY = _("The file has more than 1,000 people. Please send it in parts.")
_NO_NAME = _("The first line must have the heads of the columns, with “Name” among them.")
_UNKNOWN = _("This column is not known: {column}")
_TWICE = _("This column stands there twice: {column}")
_TOO_LONG = _("There are more fields than columns.")
_LANGUAGE = _("The language is “de” or “en”.")
_REFERENCE = _("The file number has at most 120 characters that can be printed.")
_NO_TEXT = _("This is not a text that can be read. Please save the table as CSV.")


@dataclass(frozen=True, slots=True)
class WrongLine:
    number: int  # in the file, from 1; 0: the whole file
    message: str  # English msgid
    column: str = ""  # fills {column}


@dataclass(frozen=True, slots=True)
class People:
    lines: tuple[tuple[int, Invited], ...] = ()  # by their number in the file
    wrong: tuple[WrongLine, ...] = ()


def read_people(raw: bytes, language: str) -> People:
    """`language`: of those who have none in the file."""
    text = _decoded(raw)
    if text is None or "\0" in text:
        return People(wrong=(WrongLine(0, _NO_TEXT),))
    try:
        rows = [(number, row) for number, row in _rows(text) if any(cell.strip() for cell in row)]
    except csv.Error:
        return People(wrong=(WrongLine(0, _NO_TEXT),))
    if len(rows) < 2:
        return People(wrong=(WrongLine(0, _NOTHING),))
    (_first, head), *people = rows
    names, wrong = _names(head)
    if wrong:
        return People(wrong=wrong)
    if len(people) > LISTED_MOST:
        return People(wrong=(WrongLine(0, _TOO_MANY),))
    read = [
        _person(number, dict(zip(names, row, strict=False)), len(row) > len(names), language) for number, row in people
    ]
    found = tuple(bad for one in read if isinstance(one, tuple) for bad in one)
    if found:
        return People(wrong=found)
    return People(
        tuple((number, one) for (number, _row), one in zip(people, read, strict=True) if isinstance(one, Invited))
    )


def _decoded(raw: bytes) -> str | None:
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """With the number of the line in which each ends. Raises csv.Error."""
    said = _SEPARATOR.match(text)  # a line that some spreadsheets write before the heads
    separator = said[1] if said else max(";,\t", key=text.split("\n", 1)[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    return [(reader.line_num, row) for row in reader][1 if said else 0 :]


def _names(head: list[str]) -> tuple[list[str], tuple[WrongLine, ...]]:
    """The field of each column."""
    names: list[str] = []
    wrong: list[WrongLine] = []
    while head and not head[-1].strip():
        head = head[:-1]
    for written in head:
        name = _FIELDS.get(written.strip().casefold(), "")
        if not name:
            wrong.append(WrongLine(1, _UNKNOWN, written.strip()[:50]))
        elif name in names:
            wrong.append(WrongLine(1, _TWICE, written.strip()))
        names.append(name)
    if "name" not in names:
        wrong.append(WrongLine(1, _NO_NAME))
    return names, tuple(wrong)


def _person(number: int, values: dict[str, str], is_longer: bool, language: str) -> Invited | tuple[WrongLine, ...]:
    said, reference = values.get("language", "").strip().lower(), values.get("reference", "").strip()
    typed = contact_form.read(MultiDict(values | {"language": said}), language, Channel.ONSITE)
    wrong = [WrongLine(number, contact_form.to_staff(message)) for message in dict.fromkeys(typed.wrong.values())]
    if said and said not in LANGUAGES:
        wrong.append(WrongLine(number, _LANGUAGE))
    if not is_reference(reference):
        wrong.append(WrongLine(number, _REFERENCE))
    if is_longer:
        wrong.append(WrongLine(number, _TOO_LONG))
    if wrong or typed.contact is None:
        return tuple(wrong)
    return Invited(typed.contact, reference)
