"""The days that a page of the books is about, as they are asked for and shown."""

from __future__ import annotations

from datetime import date
from urllib.parse import urlencode

from pydantic import BaseModel, Field

from frontend.citizen.words import Words
from frontend.finance.books_views import DateField
from frontend.finance.days import asked_day, medium_day
from frontend.finance.shared import today_of


class Period(BaseModel):
    first: str = Field("", alias="from")
    last: str = Field("", alias="to")


def period(words: Words, asked: Period) -> tuple[date, date]:
    """This month until today where nothing or nonsense was asked for."""
    last = asked_day(asked.last) or today_of(words)
    first = asked_day(asked.first) or last.replace(day=1)
    return min(first, last), last


def days_of(first: date, last: date) -> str:
    return urlencode({"from": first.isoformat(), "to": last.isoformat()})


def period_fields(words: Words, first: date, last: date) -> tuple[DateField, ...]:
    return (
        DateField(name="from", label=words._("First day"), value=first.isoformat()),
        DateField(name="to", label=words._("Last day"), value=last.isoformat()),
    )


def span(words: Words, first: date, last: date) -> str:
    """As people read it: one day, or from and to."""
    if first == last:
        return medium_day(words, first)
    return words._("{first} to {last}", first=medium_day(words, first), last=medium_day(words, last))
