"""Handlers of the books: trial balance, an account's statement, days to be closed, the accrual list, and whether the seals hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from urllib.parse import urlencode

from aiohttp import web
from pydantic import BaseModel

from base.errors import Conflict
from base.i18n import mark as _
from base.web import STAFF, form, query
from frontend.citizen.rendering import see, words_of
from frontend.citizen.words import Words
from frontend.finance import wording
from frontend.finance.batch_pages import batches_url
from frontend.finance.books_views import BooksPage, Column, DateField, Table
from frontend.finance.days import asked_day, medium_day
from frontend.finance.periods import Period, days_of, period, period_fields
from frontend.finance.shared import day_link, journal_url, path_day, payment_url, today_of, zone_of
from frontend.finance.trail import crumbs, down, kept
from frontend.finance.views import Link
from frontend.staff.frame import staff_frame, staff_page
from payment.endpoints import LEDGERS
from payment.ledgers.model import Balance, Broken, Fault, StatementLine
from payment.ledgers.procedure import TITLE, document
from payment.receipts.kassenzeichen import spaced

FAULT: Mapping[Fault, str] = {
    Fault.GAP: _("Seal {seq} is missing."),
    Fault.PREVIOUS: _("Seal {seq} (journal {journal}) does not follow the one before it."),
    Fault.JOURNAL_GONE: _("Seal {seq}: journal {journal} is gone."),
    Fault.CHANGED: _("Seal {seq}: journal {journal} is not what was sealed."),
    Fault.UNSEALED: _("Journal {journal} has no seal and waits for none."),
    Fault.DAY: _("The root of {day} is not that of its seals."),
    Fault.DAY_COUNT: _("{day} has another number of journals than when it was closed."),
    Fault.ROOT: _("The root of {day} is not the one given."),
}


class AccountPeriod(Period):
    name: str = ""


class AtDay(BaseModel):
    day: str = ""


async def show_balance(request: web.Request) -> web.Response:
    words = words_of(request)
    first, last = period(words, query(request, Period))
    found = await request.app[LEDGERS].trial_balance(first, last)
    here = _url(words)
    links = [Link(label=words._("Days"), url=f"{here}/days")]
    links.append(Link(label=words._("Batches for the treasury"), url=batches_url(words)))
    links.append(Link(label=words._("Received in advance, by payment"), url=f"{here}/advance?day={last}"))
    links.append(Link(label=words._("Procedure document"), url=f"{here}/procedure"))
    if request[STAFF].may("finance.audit"):
        links.append(Link(label=words._("Check the seals"), url=f"{here}/check"))
    view = BooksPage(
        frame=staff_frame(request, words, words._("Books: trial balance")),
        back=day_link(words, last),
        url=here,
        links=tuple(links),
        fields=period_fields(words, first, last),
        intro=(words._("By business day: what came late for a closed day stands on the next one."),),
        tables=tuple(
            Table(
                heading=words._("Accounts in {currency}", currency=currency),
                columns=_balance_columns(words),
                rows=(
                    *(_balance_row(words, one, first, last) for one in found if one.currency == currency),
                    _sum_row(words, [one for one in found if one.currency == currency], currency),
                ),
            )
            for currency in sorted({one.currency for one in found})
        )
        or (Table(heading=words._("Accounts"), empty=words._("Nothing is booked until then.")),),
    )
    return staff_page(request, "finance/books", view)


async def show_account(request: web.Request) -> web.Response:
    words, asked = words_of(request), query(request, AccountPeriod)
    first, last = period(words, asked)
    balances, lines, has_more = await request.app[LEDGERS].statement(asked.name, first, last)
    here = _url(words)
    tables = []
    for balance in balances:
        cents, rows = balance.opening_cents, []
        for one in lines:
            if one.currency != balance.currency:
                continue
            cents += one.amount_cents
            rows.append(
                (
                    Link(label=medium_day(words, one.business_day)),
                    Link(label=str(one.journal_id), url=down(words, journal_url(words, one.journal_id))),
                    Link(label=_journal_kind(words, one)),
                    Link(label=spaced(one.kassenzeichen), url=down(words, payment_url(words, one.payment_id)))
                    if one.payment_id is not None
                    else Link(label=one.subject),
                    *_sides(words, one.amount_cents, one.currency),
                    Link(label=wording.cents(words, cents, one.currency)),
                )
            )
        tables.append(
            Table(
                heading=words._("Statement in {currency}", currency=balance.currency),
                intro=(
                    words._(
                        "Opening balance: {cents}", cents=wording.cents(words, balance.opening_cents, balance.currency)
                    ),
                    words._(
                        "Closing balance: {cents}", cents=wording.cents(words, balance.closing_cents, balance.currency)
                    ),
                ),
                columns=(
                    Column(words._("Business day")),
                    Column(words._("No.")),
                    Column(words._("Journal")),
                    Column(words._("Kassenzeichen")),
                    Column(words._("Debit"), is_number=True),
                    Column(words._("Credit"), is_number=True),
                    Column(words._("Balance"), is_number=True),
                ),
                rows=tuple(rows),
                empty=words._("Nothing was booked in these days."),
            )
        )
    view = BooksPage(
        frame=staff_frame(request, words, words._("Account: {name}", name=wording.account(words, asked.name))),
        back=Link(label=words._("Trial balance"), url=f"{here}?{days_of(first, last)}"),
        trail=crumbs(words),
        url=f"{here}/account",
        fields=period_fields(words, first, last),
        kept={"name": asked.name, **kept(words)},
        intro=(words._("These are the first lines only. Please choose fewer days."),) if has_more else (),
        tables=tuple(tables)
        or (Table(heading=words._("Statement"), empty=words._("Nothing was booked in these days.")),),
    )
    return staff_page(request, "finance/books", view)


def _journal_kind(words: Words, one: StatementLine) -> str:
    """With the other journal where one takes the other back."""
    kind = wording.journal(words, one.kind)
    if one.reverses is not None:
        return words._("{kind}, takes back {number}", kind=kind, number=one.reverses)
    if one.reversed_by is not None:
        return words._("{kind}, taken back by {number}", kind=kind, number=one.reversed_by)
    return kind


async def show_days(request: web.Request) -> web.Response:
    return await _days(request)


async def close_day(request: web.Request) -> web.Response:
    words = words_of(request)
    await form(request)
    day = path_day(request)
    try:
        await request.app[LEDGERS].close(day, by=request[STAFF].account_id)
    except Conflict as refusal:
        return await _days(request, words._(refusal.message))
    return see(f"{_url(words)}/days")


async def _days(request: web.Request, notice: str = "") -> web.Response:
    words = words_of(request)
    waiting, closed = await request.app[LEDGERS].days()
    today, place, here = today_of(words), str(zone_of(words)), _url(words)
    following = next((one.day for one in waiting if one.day < today), None)
    close = None
    if following is not None and request[STAFF].may("ledger.close"):
        close = Link(
            label=words._("Close {day} for ever", day=words.short_day(following)), url=f"{here}/days/{following}/close"
        )
    view = BooksPage(
        frame=staff_frame(request, words, words._("Books: days")),
        back=Link(label=words._("Trial balance"), url=here),
        notice=notice,
        intro=(
            words._(
                "A closed day takes no journal any more. Its root tells whoever keeps it elsewhere if anything is changed later."
            ),
        ),
        close=close,
        tables=(
            Table(
                heading=words._("Open days"),
                columns=(Column(words._("Day")), Column(words._("Journals"), is_number=True)),
                rows=tuple((day_link(words, one.day), Link(label=str(one.journals))) for one in waiting),
                empty=words._("There is nothing to be closed."),
            ),
            Table(
                heading=words._("Closed days"),
                columns=(
                    Column(words._("Day")),
                    Column(words._("Journals"), is_number=True),
                    Column(words._("Closed")),
                    Column(words._("By")),
                    Column(words._("Root")),
                ),
                rows=tuple(
                    (
                        day_link(words, one.day),
                        Link(label=str(one.journals)),
                        Link(label=words.when(one.closed_at, place)),
                        Link(label=one.by),
                        Link(label=" ".join(one.root[n : n + 8] for n in range(0, 64, 8))),
                    )
                    for one in closed
                ),
                empty=words._("None yet."),
            ),
        ),
    )
    return staff_page(request, "finance/books", view, status=409 if notice else 200)


async def show_advance(request: web.Request) -> web.Response:
    """What a year-end needs: received until then and not earned, payment by payment and product by product."""
    words = words_of(request)
    day = asked_day(query(request, AtDay).day) or today_of(words)
    found, here = await request.app[LEDGERS].advances(day), _url(words)
    products: dict[tuple[str, str], int] = {}
    for one in found:
        for product, cents in one.by_product():
            products[product, one.currency] = products.get((product, one.currency), 0) + cents
    view = BooksPage(
        frame=staff_frame(request, words, words._("Received in advance until {day}", day=words.day(day))),
        back=Link(label=words._("Trial balance"), url=here),
        url=f"{here}/advance",
        fields=(DateField(name="day", label=words._("At the end of"), value=day.isoformat()),),
        tables=(
            Table(
                heading=words._("By product account"),
                columns=(Column(words._("Product account")), Column(words._("Amount"), is_number=True)),
                rows=tuple(
                    (
                        Link(label=wording.account(words, f"revenue:{product}")),
                        Link(label=wording.cents(words, cents, currency)),
                    )
                    for (product, currency), cents in sorted(products.items())
                ),
                empty=words._("Everything that was received is earned or given back."),
            ),
            Table(
                heading=words._("By payment"),
                columns=(
                    Column(words._("Kassenzeichen")),
                    Column(words._("Day of the service")),
                    Column(words._("Products")),
                    Column(words._("Amount"), is_number=True),
                ),
                rows=tuple(
                    (
                        Link(label=spaced(one.kassenzeichen), url=down(words, payment_url(words, one.payment_id))),
                        Link(label=words.day(one.service_day) if one.service_day else "–"),
                        Link(
                            label=", ".join(
                                wording.account(words, f"revenue:{name}") for name, _cents in one.by_product()
                            )
                        ),
                        Link(label=wording.cents(words, one.amount_cents, one.currency)),
                    )
                    for one in found
                ),
            ),
        ),
    )
    return staff_page(request, "finance/books", view)


async def check(request: web.Request) -> web.Response:
    words = words_of(request)
    found = await request.app[LEDGERS].verify()
    facts = (
        words._("{n} journals are sealed, {waiting} wait for the next sealing.", n=found.seals, waiting=found.waiting),
        words._("{n} days are closed.", n=found.days),
        words._("Last seal: {hash}", hash=found.head.hex()),
    )
    view = BooksPage(
        frame=staff_frame(request, words, words._("Books: seals")),
        back=Link(label=words._("Trial balance"), url=_url(words)),
        notice=fault(words, found.broken) if found.broken else words._("Every seal and every closed day holds."),
        tone="danger" if found.broken else "success",
        intro=facts,
    )
    return staff_page(request, "finance/books", view)


async def show_procedure(request: web.Request) -> web.Response:
    words = words_of(request)
    sections = document(await request.app[LEDGERS].procedure(), lambda text: words._(text))
    view = BooksPage(
        frame=staff_frame(request, words, words._(TITLE)),
        back=Link(label=words._("Trial balance"), url=_url(words)),
        tables=tuple(
            Table(
                heading=one.heading,
                intro=one.texts,
                columns=tuple(Column(label) for label in one.columns),
                rows=tuple(tuple(Link(label=cell) for cell in row) for row in one.rows),
            )
            for one in sections
        ),
    )
    return staff_page(request, "finance/books", view)


def fault(words: Words, broken: Broken) -> str:
    day = words.short_day(broken.day) if broken.day else ""
    return words._(FAULT[broken.fault], seq=broken.seq, journal=broken.journal_id, day=day)


def _url(words: Words) -> str:
    return f"/{words.language}/finance/books"


def account_url(words: Words, account: str, first: date, last: date) -> str:
    return f"{_url(words)}/account?{urlencode({'name': account})}&{days_of(first, last)}"


def _balance_columns(words: Words) -> tuple[Column, ...]:
    numbers = (words._("Opening"), words._("Debit"), words._("Credit"), words._("Closing"))
    return (Column(words._("Account")), *(Column(label, is_number=True) for label in numbers))


def _balance_row(words: Words, one: Balance, first: date, last: date) -> tuple[Link, ...]:
    url = account_url(words, one.account, first, last)
    return (
        Link(label=wording.account(words, one.account), url=down(words, url)),
        *_amounts(words, [one], one.currency),
    )


def _sum_row(words: Words, all_of_them: Sequence[Balance], currency: str) -> tuple[Link, ...]:
    return (Link(label=words._("Sum")), *_amounts(words, all_of_them, currency))


def _amounts(words: Words, some: Sequence[Balance], currency: str) -> tuple[Link, ...]:
    sums = (
        sum(one.opening_cents for one in some),
        sum(one.debit_cents for one in some),
        sum(one.credit_cents for one in some),
        sum(one.closing_cents for one in some),
    )
    return tuple(Link(label=wording.cents(words, cents, currency)) for cents in sums)


def _sides(words: Words, cents: int, currency: str) -> tuple[Link, Link]:
    text = Link(label=wording.cents(words, abs(cents), currency))
    return (text, Link(label="")) if cents > 0 else (Link(label=""), text)
