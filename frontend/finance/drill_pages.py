"""Handlers of what stands behind a figure: the journals of takings, and what payments leave open on an account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel

from base.errors import NotFound
from base.web import query
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.model import Brief
from frontend.citizen.rendering import words_of
from frontend.citizen.words import Words
from frontend.finance import wording
from frontend.finance.books_pages import account_url
from frontend.finance.books_views import BooksPage, Column, DateField, Table
from frontend.finance.days import asked_day, medium_day
from frontend.finance.payout_pages import subject_link
from frontend.finance.periods import Period, days_of, period, period_fields, span
from frontend.finance.shared import journal_url, payment_url, today_of, zone_of
from frontend.finance.trail import crumbs, down, kept
from frontend.finance.views import Link
from frontend.staff.frame import staff_frame, staff_page
from payment.figures.endpoints import FIGURES
from payment.figures.model import Behind, OpenItem, OpenPart, ReservedPart, Side
from payment.receipts.kassenzeichen import spaced

# Here what comes in is not cleared payment by payment: the account's own statement tells more.
_BY_STATEMENT = ("psp_clearing", "terminal_clearing", "cash_in_transit")


class Lines(Period):
    """`method`: left out for all of them."""

    side: str = Side.TAKEN.value
    method: str | None = None
    currency: str = "EUR"


class Held(BaseModel):
    """`method`: left out for all of them."""

    method: str | None = None
    currency: str = "EUR"


class Open(BaseModel):
    account: str = ""
    day: str = ""
    currency: str = "EUR"


def lines_url(words: Words, first: date, last: date, side: Side, method: str | None, currency: str) -> str:
    asked = {"side": side.value, "currency": currency} | ({} if method is None else {"method": method})
    return f"/{words.language}/finance/figures/lines?{days_of(first, last)}&{urlencode(asked)}"


def reserved_url(words: Words, method: str | None, currency: str) -> str:
    asked = {"currency": currency} | ({} if method is None else {"method": method})
    return f"/{words.language}/finance/figures/reserved?{urlencode(asked)}"


def open_url(words: Words, one: OpenItem, first: date, last: date) -> str:
    if one.account in _BY_STATEMENT:
        return account_url(words, one.account, first, last)
    asked = {"account": one.account, "day": last.isoformat(), "currency": one.currency}
    return f"/{words.language}/finance/figures/open?{urlencode(asked)}"


async def show_lines(request: web.Request) -> web.Response:
    words, asked = words_of(request), query(request, Lines)
    if asked.side not in set(Side):
        raise NotFound
    first, last = period(words, asked)
    side = Side(asked.side)
    found, has_more = await request.app[FIGURES].behind(first, last, side, method=asked.method, currency=asked.currency)
    briefs = await request.app[APPOINTMENTS].briefs([one.reference for one in found])
    what = words._("Paid") if side is Side.TAKEN else words._("Refunded")
    how = "" if asked.method is None else f", {wording.method(words, asked.method)}"
    fields = {"side": asked.side, "currency": asked.currency} | (
        {} if asked.method is None else {"method": asked.method}
    )
    view = BooksPage(
        frame=staff_frame(request, words, f"{what}: {span(words, first, last)}{how}"),
        back=Link(label=words._("Figures"), url=f"/{words.language}/finance/figures?{days_of(first, last)}"),
        trail=crumbs(words),
        url=f"/{words.language}/finance/figures/lines",
        fields=period_fields(words, first, last),
        kept={**fields, **kept(words)},
        intro=(words._("These are the first lines only. Please choose fewer days."),) if has_more else (),
        tables=(
            Table(
                heading=words._("Journals"),
                columns=(
                    Column(words._("Kassenzeichen")),
                    Column(words._("Business day")),
                    Column(words._("Journal")),
                    Column(words._("Way of paying")),
                    Column(words._("Appointment")),
                    Column(words._("Amount"), is_number=True),
                ),
                rows=(
                    *(_line(words, one, briefs, asked.currency) for one in found),
                    *_sum(words, [sum(one.cents for one in found)], asked.currency, 4, has_more or not found),
                ),
                empty=words._("Nothing was booked in these days."),
                has_sum=not has_more,
            ),
        ),
    )
    return staff_page(request, "finance/books", view)


def _line(words: Words, one: Behind, briefs: Mapping[UUID, Brief], currency: str) -> tuple[Link, ...]:
    brief = briefs.get(one.reference)
    return (
        Link(label=spaced(one.kassenzeichen), url=down(words, payment_url(words, one.payment_id))),
        Link(label=medium_day(words, one.day)),
        Link(label=wording.journal(words, one.kind), url=down(words, journal_url(words, one.journal_id))),
        Link(label=wording.method(words, one.method)),
        Link(label=brief.number if brief else "–"),
        Link(label=wording.cents(words, one.cents, currency)),
    )


def _sum(
    words: Words, sums: Sequence[int], currency: str, between: int, is_left_out: bool
) -> tuple[tuple[Link, ...], ...]:
    """`sums`: of the last columns; `between`: columns that have none."""
    if is_left_out:
        return ()
    empty = (Link(label=""),) * between
    return ((Link(label=words._("Sum")), *empty, *(Link(label=wording.cents(words, one, currency)) for one in sums)),)


async def show_open(request: web.Request) -> web.Response:
    words, asked = words_of(request), query(request, Open)
    day = asked_day(asked.day) or today_of(words)
    found, has_more = await request.app[FIGURES].open_parts(asked.account, day, currency=asked.currency)
    view = BooksPage(
        frame=staff_frame(request, words, words._("Open: {account}", account=wording.account(words, asked.account))),
        back=Link(label=words._("Figures"), url=f"/{words.language}/finance/figures"),
        trail=crumbs(words),
        url=f"/{words.language}/finance/figures/open",
        fields=(DateField(name="day", label=words._("At the end of"), value=day.isoformat()),),
        kept={"account": asked.account, "currency": asked.currency, **kept(words)},
        intro=(words._("These are the oldest only."),) if has_more else (),
        tables=(
            Table(
                heading=words._("Open at the end of {day}", day=medium_day(words, day)),
                columns=(
                    Column(words._("What for")),
                    Column(words._("Open since")),
                    Column(words._("Amount"), is_number=True),
                ),
                rows=(
                    *(_part(words, one, asked.currency) for one in found),
                    *_sum(words, [sum(one.cents for one in found)], asked.currency, 1, has_more or not found),
                ),
                empty=words._("Nothing is open."),
                has_sum=not has_more,
            ),
        ),
    )
    return staff_page(request, "finance/books", view)


def _part(words: Words, one: OpenPart, currency: str) -> tuple[Link, ...]:
    about = subject_link(words, one.subject)
    if one.payment_id is not None:
        about = Link(label=spaced(one.kassenzeichen), url=down(words, payment_url(words, one.payment_id)))
    return (
        about,
        Link(label=medium_day(words, one.since)),
        Link(label=wording.cents(words, one.cents, currency)),
    )


async def show_reserved(request: web.Request) -> web.Response:
    words, asked = words_of(request), query(request, Held)
    found, has_more = await request.app[FIGURES].reserved_parts(method=asked.method, currency=asked.currency)
    briefs = await request.app[APPOINTMENTS].briefs([one.reference for one in found])
    sums = (sum(one.cents for one in found), sum(one.keep_cents for one in found))
    how = "" if asked.method is None else f": {wording.method(words, asked.method)}"
    view = BooksPage(
        frame=staff_frame(request, words, words._("Reserved now, not taken yet") + how),
        back=Link(label=words._("Figures"), url=f"/{words.language}/finance/figures"),
        trail=crumbs(words),
        intro=(words._("These are only those that run out first."),) if has_more else (),
        tables=(
            Table(
                heading=words._("Payments"),
                columns=(
                    Column(words._("Kassenzeichen")),
                    Column(words._("Appointment")),
                    Column(words._("Day of the service")),
                    Column(words._("Runs out")),
                    Column(words._("Reserved"), is_number=True),
                    Column(words._("Of it, may be taken"), is_number=True),
                ),
                rows=(
                    *(_held(words, one, briefs, asked.currency) for one in found),
                    *_sum(words, sums, asked.currency, 3, has_more or not found),
                ),
                empty=words._("Nothing is reserved."),
                has_sum=not has_more,
            ),
        ),
    )
    return staff_page(request, "finance/books", view)


def _held(words: Words, one: ReservedPart, briefs: Mapping[UUID, Brief], currency: str) -> tuple[Link, ...]:
    brief = briefs.get(one.reference)
    return (
        Link(label=spaced(one.kassenzeichen), url=down(words, payment_url(words, one.payment_id))),
        Link(label=brief.number if brief else "–"),
        Link(label=medium_day(words, one.service_day) if one.service_day else "–"),
        Link(label=words.when(one.until, str(zone_of(words)))),
        Link(label=wording.cents(words, one.cents, currency)),
        Link(label=wording.cents(words, one.keep_cents, currency)),
    )
