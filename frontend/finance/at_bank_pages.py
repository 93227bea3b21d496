"""Handler of what tills have sent to the bank and where it arrived, and of the account beside the bank's statements."""

from __future__ import annotations

from aiohttp import web

from base.web import query
from frontend.citizen.rendering import words_of
from frontend.citizen.words import Words
from frontend.finance import difference_words as told
from frontend.finance.books_views import BooksPage, Column, Table
from frontend.finance.days import medium_day
from frontend.finance.difference_pages import url_of
from frontend.finance.periods import Period, period, period_fields
from frontend.finance.shared import at_bank_url, journal_url
from frontend.finance.trail import crumbs, down, kept
from frontend.finance.views import Link
from frontend.staff.frame import staff_frame, staff_page
from payment.endpoints import DIFFERENCES
from payment.matching.balance import DayBalance
from payment.matching.worklist_model import AtBank


async def show(request: web.Request) -> web.Response:
    words = words_of(request)
    first, last = period(words, query(request, Period))
    found = await request.app[DIFFERENCES].at_bank(first, last)
    waiting = sum(one.cents for one in found.sent if one.arrived_on is None)
    view = BooksPage(
        frame=staff_frame(request, words, words._("Takings of the tills at the bank")),
        back=Link(label=words._("Differences"), url=url_of(words)),
        trail=crumbs(words),
        url=at_bank_url(words),
        fields=period_fields(words, first, last),
        kept=kept(words),
        intro=(
            words._("Not at the bank yet, of what was sent in these days: {amount}", amount=told.cents(words, waiting)),
        ),
        tables=(_sent(words, found.sent), _balances(words, found.balances)),
    )
    return staff_page(request, "finance/books", view)


def _sent(words: Words, sent: tuple[AtBank, ...]) -> Table:
    return Table(
        heading=words._("Sent to the bank"),
        empty=words._("None in these days."),
        columns=(
            Column(words._("Day")),
            Column(words._("Till")),
            Column(words._("What")),
            Column(words._("Bag or terminal")),
            Column(words._("At the bank")),
            Column(words._("Amount"), is_number=True),
        ),
        rows=tuple(
            (
                Link(label=medium_day(words, one.day)),
                Link(label=one.till_name),
                Link(label=words._(told.SENT[one.kind])),
                Link(label=one.reference or "–"),
                _arrived(words, one),
                Link(label=told.cents(words, one.cents)),
            )
            for one in sent
        ),
    )


def _arrived(words: Words, one: AtBank) -> Link:
    if one.arrived_on is None or one.journal_id is None:
        return Link(label=words._("not yet"))
    return Link(label=medium_day(words, one.arrived_on), url=down(words, journal_url(words, one.journal_id)))


def _balances(words: Words, days: tuple[DayBalance, ...]) -> Table:
    return Table(
        heading=words._("Our account and the bank's statements"),
        intro=(
            words._(
                "By the books: from the opening balance of the first statement. Lines that are put to nothing yet count on both sides: "
                "each of them is a difference of its own."
            ),
        ),
        empty=words._("No statement ends in these days."),
        columns=(
            Column(words._("Day")),
            Column(words._("By the statement"), is_number=True),
            Column(words._("By the books"), is_number=True),
            Column(words._("Gap"), is_number=True),
        ),
        rows=tuple(
            (
                Link(label=medium_day(words, one.day)),
                Link(label=told.cents(words, one.bank_cents)),
                Link(label=told.cents(words, one.books_cents)),
                Link(label=told.cents(words, one.gap_cents), badge="danger" if one.gap_cents else "")
                if one.gap_cents
                else Link(label="–"),
            )
            for one in days
        ),
    )
