"""Languages: gettext catalogues read at start, texts from the database, dates and money as people write them.

The source language is English: a msgid is the English text. One file per language and package: base/locale/<language>/<package>.po.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import babel.dates
import babel.numbers
from babel.messages.pofile import read_po

from base.money import Money

Text = Mapping[str, str]
DateStyle = Literal["full", "long", "medium", "short"]

SOURCE_LANGUAGE = "en"
DEFAULT_LANGUAGE = "de"
LANGUAGES: Mapping[str, str] = {"de": "Deutsch", "en": "English"}
LOCALE_FOLDER = Path(__file__).parent / "locale"
_LOCALES = {"de": "de_DE", "en": "en_GB"}


_Catalogues = Mapping[str, Mapping[str | tuple[str, str], str | tuple[str, ...]]]


def mark(message: str) -> str:
    """Marks a msgid for extraction where it is translated only later."""
    return message


class Translations:
    """All catalogues in memory: (language, msgid) -> text."""

    def __init__(self, catalogues: _Catalogues) -> None:
        self._catalogues = catalogues

    @classmethod
    def load(cls, folder: Path = LOCALE_FOLDER) -> Translations:
        return cls(_read(folder))

    def gettext(self, language: str, message: str, **fields: object) -> str:
        found = self._catalogues.get(language, {}).get(message, message)
        text = found if isinstance(found, str) else found[0]
        return text.format(**fields) if fields else text

    def ngettext(self, language: str, one: str, many: str, n: int, **fields: object) -> str:
        """Plural forms; {n} is filled in."""
        found = self._catalogues.get(language, {}).get(one)
        if isinstance(found, tuple):
            text = found[0 if n == 1 else min(1, len(found) - 1)] if language in ("de", "en") else found[0]
        else:
            text = one if n == 1 else many
        return text.format(n=n, **fields)


@functools.cache
def _read(folder: Path) -> _Catalogues:
    """By language and msgid. Once a process: it takes a good part of a second."""
    catalogues: dict[str, dict[str | tuple[str, str], str | tuple[str, ...]]] = {}
    for language in LANGUAGES:
        messages = catalogues.setdefault(language, {})
        for file in sorted((folder / language).glob("*.po")):
            with file.open("rb") as stream:
                for message in read_po(stream, locale=language):
                    if message.id and message.string and not message.fuzzy:
                        key = message.id if isinstance(message.id, str) else message.id[0]
                        messages[key] = message.string if isinstance(message.string, str) else tuple(message.string)
    return catalogues


def pick(text: Text | None, language: str) -> str:
    """The text in this language, else English, else German, else nothing."""
    if not text:
        return ""
    return text.get(language) or text.get("en") or text.get(DEFAULT_LANGUAGE) or next(iter(text.values()))


def best_language(accept: str, default: str = DEFAULT_LANGUAGE) -> str:
    """The first of our languages in an Accept-Language header (RFC 9110), by weight."""
    wanted: list[tuple[float, str]] = []
    for part in accept.split(",")[:20]:
        tag, _, weight = part.strip().partition(";q=")
        try:
            quality = float(weight or 1)
        except ValueError:
            continue
        wanted.append((-quality, tag.strip().lower().split("-")[0]))
    for quality, tag in sorted(wanted, key=lambda pair: pair[0]):
        if tag in LANGUAGES and quality < 0:
            return tag
    return default


CITY_ZONE = "Europe/Berlin"  # where no catalogue says otherwise


@functools.lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def locale_of(language: str) -> str:
    return _LOCALES.get(language, _LOCALES[DEFAULT_LANGUAGE])


def format_date(moment: date | datetime, language: str, zone_name: str | None = None, style: DateStyle = "full") -> str:
    """ "Dienstag, 1. Dezember 2026". A datetime needs the zone in which people read it."""
    day = moment.astimezone(zone(zone_name)).date() if isinstance(moment, datetime) and zone_name else moment
    return babel.dates.format_date(day, style, locale=locale_of(language))


def format_weekday(weekday: int, language: str, *, in_full: bool = False) -> str:
    """ "Mo." or "Mon", "Montag" or "Monday"; ISO: 1 is Monday."""
    day = date(2024, 1, weekday)  # that month began on a Monday
    return babel.dates.format_date(day, "EEEE" if in_full else "EEE", locale=locale_of(language))


def format_short_day(moment: datetime, language: str, zone_name: str) -> str:
    """ "Di., 1.12." or "Tue 1 Dec": for a text message."""
    skeleton = "MEd" if language == "de" else "MMMEd"
    return babel.dates.format_skeleton(skeleton, moment, tzinfo=zone(zone_name), locale=locale_of(language))


def format_time(moment: datetime, language: str, zone_name: str) -> str:
    """ "09:40"."""
    return babel.dates.format_time(moment, "HH:mm", tzinfo=zone(zone_name), locale=locale_of(language))


def format_money(amount: Money, language: str) -> str:
    """ "37,00 €"."""
    return babel.numbers.format_currency(Decimal(amount.cents) / 100, amount.currency, locale=locale_of(language))
