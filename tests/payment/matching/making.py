"""Rows of the four sides with everything defaulted: a test names only what it is about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from payment.matching.match import match
from payment.matching.model import BankLine, Booked, Covered, Matched, Moved, PayoutThere, Sides

MONDAY = date(2026, 10, 5)
AT = datetime(2026, 10, 5, 9, tzinfo=UTC)
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def day(number: int) -> date:
    return MONDAY + timedelta(days=number)


def booked(key: str, cents: int, journal: int = 1, **more: Any) -> Booked:
    return Booked(journal, key, cents, more.pop("at", AT), more.pop("day", MONDAY), **more)


def moved(key: str, cents: int, transaction: str = "txn_1", **more: Any) -> Moved:
    return Moved(transaction, key, cents, more.pop("at", AT), more.pop("day", MONDAY), **more)


def payout(**more: Any) -> PayoutThere:
    made: dict[str, Any] = {
        "id": "po_1",
        "cents": 1000,
        "arrival_on": MONDAY,
        "trace": "STRIPE-1",
        "descriptor": "STADT",
        "parts_cents": 1000,
    }
    return PayoutThere(**(made | more))


def line(cents: int = 1000, place: int = 1, **more: Any) -> BankLine:
    made: dict[str, Any] = {
        "statement_id": 7,
        "entry": place,
        "position": 1,
        "cents": cents,
        "booked_on": MONDAY,
        "end_to_end_id": "STRIPE-1",
        "text": "STRIPE TECHNOLOGY Stadt",
    }
    return BankLine(**(made | more))


def statements(*numbers: int) -> list[Covered]:
    """One a day: number 1 is Monday's."""
    return [Covered(iban="DE1", year=2026, sequence=n, from_on=day(n - 1), to_on=day(n - 1)) for n in numbers]


WEEK = statements(1, 2, 3, 4, 5)


def matched(**sides: Any) -> Matched:
    return match(Sides(**({"statements": WEEK} | sides)), moved_until=NOW, booked_until=NOW)


def told(found: Matched) -> list[tuple[str, str]]:
    return [(one.cause.value, one.subject) for one in found.differences]
