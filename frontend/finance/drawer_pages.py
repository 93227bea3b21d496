"""A drawer as the books see it: its protocol, with each payment and each journal of it one step away. For whoever reads the books."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from base.web import path_id
from frontend.citizen.rendering import words_of
from frontend.citizen.words import Words
from frontend.finance import wording
from frontend.finance.books_pages import account_url
from frontend.finance.books_views import BooksPage, Column, Table
from frontend.finance.days import medium_day
from frontend.finance.shared import day_link, journal_url, payment_url, today_of, zone_of
from frontend.finance.trail import crumbs, down
from frontend.finance.views import Link
from frontend.staff.frame import staff_frame, staff_page
from frontend.till import wording as till_words
from payment.endpoints import TILLS
from payment.till.model import DrawerJournal, DrawerProtocol


def drawer_url(words: Words, drawer_id: UUID) -> str:
    return f"/{words.language}/finance/drawers/{drawer_id}"


async def show_drawer(request: web.Request) -> web.Response:
    words, drawer_id = words_of(request), path_id(request, "drawer")
    found = await request.app[TILLS].told(drawer_id)
    view = BooksPage(
        frame=staff_frame(request, words, words._("Drawer: {till}", till=found.protocol.till.name)),
        back=day_link(words, today_of(words), words._("Till: the day")),
        trail=crumbs(words),
        links=(_account(words, found.protocol),),
        facts=till_words.drawer_facts(words, found.protocol),
        tables=(
            till_words.moves(words, found.protocol, lambda one: down(words, payment_url(words, one.payment_id))),
            Table(
                heading=words._("Journals of the drawer"),
                intro=(words._("Change that was brought, what was counted more or less, and what goes to the bank."),),
                columns=(
                    Column(words._("Journal")),
                    Column(words._("Business day")),
                    Column(words._("Booked at")),
                    Column(words._("Amount"), is_number=True),
                ),
                rows=tuple(_journal(words, one) for one in found.journals),
                empty=words._("Nothing was booked for the drawer itself."),
            ),
        ),
    )
    return staff_page(request, "finance/books", view)


def _account(words: Words, found: DrawerProtocol) -> Link:
    """The statement of its till's cash over the days on which it was open."""
    first, last = found.drawer.opened_at, found.drawer.closed_at or words.now
    days = [one.astimezone(zone_of(words)).date() for one in (first, last)]
    url = account_url(words, found.till.account, days[0], days[1])
    return Link(label=wording.account(words, found.till.account), url=down(words, url))


def _journal(words: Words, one: DrawerJournal) -> tuple[Link, ...]:
    return (
        Link(label=wording.journal(words, one.kind), url=down(words, journal_url(words, one.id))),
        Link(label=medium_day(words, one.business_day), url=down(words, day_link(words, one.business_day).url)),
        Link(label=words.when(one.at, str(zone_of(words)))),
        Link(label=till_words.euros(words, one.cash_cents)),
    )
