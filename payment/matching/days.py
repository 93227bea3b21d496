"""Days on which banks book. Pure. Bank holidays are those of TARGET that have a fixed date, and Easter's."""

from __future__ import annotations

from datetime import date, timedelta

_FIXED = {(1, 1), (5, 1), (12, 25), (12, 26)}


def easter(year: int) -> date:
    """Gregorian, by the anonymous algorithm (Meeus/Jones/Butcher)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def is_bank_day(day: date) -> bool:
    if day.weekday() >= 5 or (day.month, day.day) in _FIXED:
        return False
    return day - easter(day.year) not in (timedelta(days=-2), timedelta(days=1))


def bank_day_from(day: date) -> date:
    """The day itself, or the next on which banks book."""
    while not is_bank_day(day):
        day += timedelta(days=1)
    return day


def bank_day_after(day: date) -> date:
    return bank_day_from(day + timedelta(days=1))
