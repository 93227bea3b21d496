"""Handlers of figures: takings by day and way of paying, refunds, open items, as chart, table, CSV and XLSX of the same sums."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from aiohttp import web

from base.web import NO_STORE, query
from frontend.citizen.rendering import words_of
from frontend.citizen.words import Words
from frontend.finance import wording
from frontend.finance.books_views import BooksPage, Column, Table
from frontend.finance.charts import Chart, stacked, ticks
from frontend.finance.days import medium_day
from frontend.finance.drill_pages import lines_url, open_url, reserved_url
from frontend.finance.periods import Period, days_of, period, period_fields
from frontend.finance.shared import day_link, today_of, zone_of
from frontend.finance.trail import down
from frontend.finance.views import Link
from frontend.staff.frame import staff_frame, staff_page
from payment.figures.endpoints import FIGURES
from payment.figures.files import (
    CSV,
    RESERVED_CSV,
    XLSX,
    as_csv,
    as_workbook,
    open_columns,
    reserved_as_csv,
    reserved_columns,
    taking_columns,
)
from payment.figures.model import Figures, Reserved, Side, Takings

_MOST_DAYS = 62  # as bars; more are drawn by the month
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def show_figures(request: web.Request) -> web.Response:
    words = words_of(request)
    first, last = period(words, query(request, Period))
    found = await request.app[FIGURES].of(first, last)
    here, asked = f"/{words.language}/finance/figures", days_of(first, last)
    currencies = sorted({one.currency for one in found.takings})
    charts = [chart for currency in currencies for chart in _charts(words, found, currency)]
    view = BooksPage(
        frame=staff_frame(request, words, words._("Figures")),
        back=day_link(words, last),
        url=here,
        fields=period_fields(words, first, last),
        links=(
            Link(label=words._("As CSV"), url=f"{here}/{CSV}?{asked}"),
            Link(label=words._("What is reserved, as CSV"), url=f"{here}/{RESERVED_CSV}"),
            Link(label=words._("As workbook (XLSX)"), url=f"{here}/{XLSX}?{asked}"),
        ),
        intro=(words._("By business day, from the books. Sums only: nothing here tells of one person."),),
        charts=tuple(charts),
        tables=(_takings(words, found), _open_items(words, found), _reserved(words, found)),
    )
    return staff_page(request, "finance/books", view)


async def csv_file(request: web.Request) -> web.Response:
    words = words_of(request)
    first, last = period(words, query(request, Period))
    found = await request.app[FIGURES].of(first, last)
    content = as_csv(found, taking_columns(headings(words), lambda name: wording.method(words, name)))
    return _file(content, "text/csv", f"{words._('Figures')}_{first:%Y%m%d}_{last:%Y%m%d}.csv")


async def reserved_csv(request: web.Request) -> web.Response:
    words = words_of(request)
    columns = reserved_columns(headings(words), lambda name: wording.method(words, name), zone_of(words))
    content = reserved_as_csv(await request.app[FIGURES].reserved(), columns)
    return _file(content, "text/csv", f"{words._('Reserved')}_{today_of(words):%Y%m%d}.csv")


async def workbook(request: web.Request) -> web.Response:
    words = words_of(request)
    first, last = period(words, query(request, Period))
    found = await request.app[FIGURES].of(first, last)
    labels = headings(words)
    content = await asyncio.to_thread(
        as_workbook,
        found,
        words._("Figures"),
        words.now,
        (words._("Takings"), taking_columns(labels, lambda name: wording.method(words, name))),
        (words._("Open items"), open_columns(labels, lambda name: wording.account(words, name))),
        (words._("Reserved"), reserved_columns(labels, lambda name: wording.method(words, name), zone_of(words))),
    )
    return _file(content, _XLSX, f"{words._('Figures')}_{first:%Y%m%d}_{last:%Y%m%d}.xlsx")


def _file(content: bytes, media: str, name: str) -> web.Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', **NO_STORE}
    return web.Response(body=content, content_type=media, headers=headers)


def headings(words: Words) -> Mapping[str, str]:
    return {
        "day": words._("Day"),
        "method": words._("Way of paying"),
        "payments": words._("Payments"),
        "taken": words._("Paid"),
        "refunded": words._("Refunded"),
        "net": words._("Net"),
        "currency": words._("Currency"),
        "account": words._("Account"),
        "amount": words._("Amount"),
        "reserved": words._("Reserved"),
        "keep": words._("Of it, may be taken"),
        "until": words._("First to run out"),
    }


def _charts(words: Words, found: Figures, currency: str) -> Iterable[Chart]:
    rows = [one for one in found.takings if one.currency == currency]
    columns, place_of = _columns(words, found)
    methods = sorted({one.method for one in rows})
    names = {name: wording.method(words, name) for name in methods}
    back = words._("Refunds")
    series = {name: [0] * len(columns) for name in methods} | {"-": [0] * len(columns)}
    for one in rows:
        series[one.method][place_of(one.day)] += one.taken_cents
        series["-"][place_of(one.day)] -= one.refunded_cents
    sums = [sum(one.taken_cents for one in rows), sum(one.refunded_cents for one in rows)]
    scale = {
        cents: wording.cents(words, cents, currency)
        for cents in ticks([[one[n] for one in series.values()] for n in range(len(columns))])
    }
    alt = words._(
        "From {first} to {last}: {taken} paid, {refunded} refunded. The table below has every figure.",
        first=medium_day(words, found.first),
        last=medium_day(words, found.last),
        taken=wording.cents(words, sums[0], currency),
        refunded=wording.cents(words, sums[1], currency),
    )
    made = stacked(
        id=f"chart-{currency.lower()}",
        title=words._("Takings and refunds in {currency}", currency=currency),
        alt=alt,
        columns=columns,
        series=series,
        label={**names, "-": back},
        amount=scale,
    )
    if made is not None:
        yield made


def _columns(words: Words, found: Figures) -> tuple[Sequence[str], Callable[[date], int]]:
    """Days, or months where there would be too many; and the place of a day among them."""
    if (found.last - found.first).days < _MOST_DAYS:
        days = [date.fromordinal(n) for n in range(found.first.toordinal(), found.last.toordinal() + 1)]
        return [f"{one.day}.{one.month}." if words.language == "de" else f"{one.day}/{one.month}" for one in days], (
            lambda day: (day - found.first).days
        )
    months = (found.last.year - found.first.year) * 12 + found.last.month - found.first.month + 1
    firsts = [_month(found.first, n) for n in range(months)]
    return [f"{one:%m/%Y}" for one in firsts], (
        lambda day: (day.year - found.first.year) * 12 + day.month - found.first.month
    )


def _month(first: date, n: int) -> date:
    years, month = divmod(first.month - 1 + n, 12)
    return first.replace(year=first.year + years, month=month + 1, day=1)


def _takings(words: Words, found: Figures) -> Table:
    labels = headings(words)
    rows = [_row(words, one) for one in found.takings]
    currencies = sorted({one.currency for one in found.takings})
    rows += [_sum(words, found, currency) for currency in currencies]
    return Table(
        heading=words._("Takings by day and way of paying"),
        intro=(words._("Each amount leads to the journals behind it."),) if rows else (),
        columns=(
            Column(labels["day"]),
            Column(labels["method"]),
            *(Column(labels[key], is_number=True) for key in ("payments", "taken", "refunded", "net")),
        ),
        rows=tuple(rows),
        empty=words._("Nothing was booked in these days."),
        has_sum=len(currencies) == 1,
    )


def _row(words: Words, one: Takings) -> tuple[Link, ...]:
    return (
        Link(label=medium_day(words, one.day), url=down(words, day_link(words, one.day).url)),
        Link(label=wording.method(words, one.method)),
        Link(label=str(one.payments)),
        _amount(words, one.day, one.day, Side.TAKEN, one.method, one.currency, one.taken_cents),
        _amount(words, one.day, one.day, Side.REFUNDED, one.method, one.currency, one.refunded_cents),
        Link(label=wording.cents(words, one.net_cents, one.currency)),
    )


def _sum(words: Words, found: Figures, currency: str) -> tuple[Link, ...]:
    some = [one for one in found.takings if one.currency == currency]
    taken, refunded = sum(one.taken_cents for one in some), sum(one.refunded_cents for one in some)
    return (
        Link(label=words._("Sum")),
        Link(label=currency),
        Link(label=str(sum(one.payments for one in some))),
        _amount(words, found.first, found.last, Side.TAKEN, None, currency, taken),
        _amount(words, found.first, found.last, Side.REFUNDED, None, currency, refunded),
        Link(label=wording.cents(words, taken - refunded, currency)),
    )


def _amount(words: Words, first: date, last: date, side: Side, method: str | None, currency: str, cents: int) -> Link:
    """Nothing has nothing behind it."""
    label = wording.cents(words, cents, currency)
    url = down(words, lines_url(words, first, last, side, method, currency)) if cents else ""
    return Link(label=label, url=url)


def _open_items(words: Words, found: Figures) -> Table:
    return Table(
        heading=words._("Open items at the end of {day}", day=medium_day(words, found.last)),
        intro=(words._("Positive: others owe it to the city, or it is on its way; negative: the city owes it."),),
        columns=(Column(words._("Account")), Column(words._("Amount"), is_number=True)),
        rows=tuple(
            (
                Link(
                    label=wording.account(words, one.account),
                    url=down(words, open_url(words, one, found.first, found.last)),
                ),
                Link(label=wording.cents(words, one.cents, one.currency)),
            )
            for one in found.open_items
        ),
        empty=words._("Nothing is open."),
    )


def _reserved(words: Words, found: Figures) -> Table:
    """Beside the takings, never in them: banks keep it for the city, and it is in no account until it is taken."""
    labels = headings(words)
    currencies = sorted({one.currency for one in found.reserved})
    rows = [_reserved_row(words, one) for one in found.reserved]
    return Table(
        heading=words._("Reserved now, not taken yet"),
        intro=(words._("As of now, whatever days are shown; in the books only when it is taken."),),
        columns=(
            Column(labels["method"]),
            Column(labels["payments"], is_number=True),
            Column(labels["reserved"], is_number=True),
            Column(labels["keep"], is_number=True),
            Column(labels["until"]),
        ),
        rows=(*rows, *(_reserved_sum(words, found, one) for one in currencies)) if len(rows) > 1 else tuple(rows),
        empty=words._("Nothing is reserved."),
        has_sum=len(currencies) == 1 and len(rows) > 1,
    )


def _reserved_row(words: Words, one: Reserved) -> tuple[Link, ...]:
    until = one.until.astimezone(zone_of(words)).date()
    url = down(words, reserved_url(words, one.method, one.currency))
    return (
        Link(label=wording.method(words, one.method)),
        Link(label=str(one.payments)),
        Link(label=wording.cents(words, one.cents, one.currency), url=url),
        Link(label=wording.cents(words, one.keep_cents, one.currency)),
        Link(label=medium_day(words, until)),
    )


def _reserved_sum(words: Words, found: Figures, currency: str) -> tuple[Link, ...]:
    some = [one for one in found.reserved if one.currency == currency]
    url = down(words, reserved_url(words, None, currency))
    return (
        Link(label=words._("Sum")),
        Link(label=str(sum(one.payments for one in some))),
        Link(label=wording.cents(words, sum(one.cents for one in some), currency), url=url),
        Link(label=wording.cents(words, sum(one.keep_cents for one in some), currency)),
        Link(label=medium_day(words, min(one.until for one in some).astimezone(zone_of(words)).date())),
    )
