"""How a cell is written: German numbers and dates, and no text that a spreadsheet would take for a formula."""

from __future__ import annotations

import re
from datetime import date

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # also full-width ones, which spreadsheets fold


def guarded(text: str) -> str:
    """On one line, and with an apostrophe before what a spreadsheet would compute (OWASP, "CSV injection")."""
    flat = _CONTROL.sub(" ", text)
    return f"'{flat}" if flat.lstrip().startswith(_STARTS) or _CONTROL.match(text) else flat


def amount(cents: int, decimal: str = ",") -> str:
    """1234567 -> 12345,67: no thousands marks, which importing programs do not read."""
    whole, part = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole}{decimal}{part:02d}"


def german_day(day: date) -> str:
    return f"{day.day:02d}.{day.month:02d}.{day.year:04d}"
