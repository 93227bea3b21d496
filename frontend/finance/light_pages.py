"""Handler of the days as traffic lights: ledger, provider, payout, bank, treasury."""

from __future__ import annotations

from datetime import date, timedelta

from aiohttp import web
from pydantic import BaseModel
from pydantic import Field as Param

from base.errors import DomainError
from base.i18n import mark as _
from base.web import query
from frontend.citizen.rendering import words_of
from frontend.citizen.words import Words
from frontend.finance import difference_words as told
from frontend.finance.batch_pages import batches_url
from frontend.finance.books_views import BooksPage, Column, DateField, Table
from frontend.finance.difference_pages import url_of
from frontend.finance.payout_pages import payouts_url
from frontend.finance.periods import days_of
from frontend.finance.shared import day_link, today_of
from frontend.finance.trail import crumbs, down
from frontend.finance.views import Link
from frontend.staff.frame import staff_frame, staff_page
from payment.endpoints import DIFFERENCES
from payment.matching.worklist_model import DayLights, Light

_LONGEST = timedelta(days=400)


class NoSuchDays(DomainError):
    code = "no_such_days"
    status = 422
    message = _("Please choose days of the past, at most 400 of them, the first before the last.")


class Days(BaseModel):
    first: str = Param("", alias="from")
    last: str = Param("", alias="to")


async def show_days(request: web.Request) -> web.Response:
    words, asked = words_of(request), query(request, Days)
    today = today_of(words)
    first, last = _days(asked, today)
    found = await request.app[DIFFERENCES].days(first, last)
    here = f"{url_of(words)}/days"
    view = BooksPage(
        frame=staff_frame(request, words, words._("Days as traffic lights")),
        back=Link(label=words._("Differences"), url=url_of(words)),
        trail=crumbs(words),
        url=here,
        fields=(
            DateField(name="from", label=words._("From"), value=first.isoformat()),
            DateField(name="to", label=words._("To"), value=last.isoformat()),
        ),
        tables=(
            Table(
                heading=words._("Days"),
                empty=words._("None."),
                columns=(
                    Column(words._("Day")),
                    Column(words._("Journals"), is_number=True),
                    Column(words._("Ledger closed")),
                    Column(words._("Provider")),
                    Column(words._("Payout")),
                    Column(words._("Bank")),
                    Column(words._("Treasury")),
                ),
                rows=tuple(_day_row(words, one) for one in found),
            ),
        ),
    )
    return staff_page(request, "finance/books", view)


def _day_row(words: Words, one: DayLights) -> tuple[Link, ...]:
    """Each light leads to what it is about; one that is red, to the differences of the day."""
    differences = f"{url_of(words)}?day={one.day}"
    days = days_of(one.day, one.day)
    books = f"/{words.language}/finance/books"
    lights = (
        (one.ledger, 0, f"{books}?{days}"),
        (one.provider, one.provider_open, day_link(words, one.day).url),
        (one.payout, one.payout_open, f"{payouts_url(words)}?{days}"),
        (one.bank, one.bank_open, f"{payouts_url(words)}?{days}"),
        (one.exported, 0, batches_url(words)),
    )
    return (
        Link(label=words.short_day(one.day), url=down(words, day_link(words, one.day).url)),
        Link(label=str(one.journals)),
        *(
            Link(
                label=told.light(words, light, number),
                badge=told.TONE[light],
                url=down(words, differences if light is Light.RED else url) if light is not Light.NONE else "",
            )
            for light, number, url in lights
        ),
    )


def _days(asked: Days, today: date) -> tuple[date, date]:
    """The last 31 where nothing is asked for. Raises NoSuchDays."""
    try:
        last = date.fromisoformat(asked.last) if asked.last else today
        first = date.fromisoformat(asked.first) if asked.first else last - timedelta(days=30)
    except ValueError:
        raise NoSuchDays from None
    if not first <= last <= today + _LONGEST or last - first > _LONGEST:
        raise NoSuchDays
    return first, last
