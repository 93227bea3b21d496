"""A day as it is asked for in an address, and as columns show it."""

from __future__ import annotations

from datetime import date

from base.i18n import format_date
from frontend.citizen.words import Words

EARLIEST, LATEST = date(2020, 1, 1), date(2100, 1, 1)  # of which there may be books


def asked_day(text: str) -> date | None:
    """None: not a day, or one of which there are no books."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return day if EARLIEST <= day <= LATEST else None


def medium_day(words: Words, day: date) -> str:
    """ "14.10.2026", for columns and headings."""
    return format_date(day, words.language, style="medium")
