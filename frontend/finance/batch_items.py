"""What is in a batch: its totals by product account and way of paying, and the items behind each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from aiohttp import web
from pydantic import BaseModel

from base.i18n import mark as _
from base.web import path_number, query
from frontend.citizen.rendering import words_of
from frontend.citizen.words import Words
from frontend.finance import wording
from frontend.finance.books_views import BooksPage, Column, Table
from frontend.finance.days import medium_day
from frontend.finance.shared import journal_url, payment_url
from frontend.finance.trail import crumbs, down
from frontend.finance.views import Link
from frontend.staff.frame import staff_frame, staff_page
from payment.exports.endpoints import EXPORTS
from payment.exports.model import Contents, Item, ItemKind, Total, Voucher
from payment.receipts.kassenzeichen import spaced

ITEM: Mapping[ItemKind, str] = {
    ItemKind.PAYMENT: _("Paid"),
    ItemKind.REFUND: _("Refunded"),
    ItemKind.PROVIDER_FEE: _("Provider's price"),
    ItemKind.OTHER: _("Other money"),
    ItemKind.REVENUE: _("Revenue"),
}


class Asked(BaseModel):
    """Left out: whatever it is; empty: of no product account, or paid in no way."""

    product: str | None = None
    method: str | None = None


async def show_items(request: web.Request) -> web.Response:
    words, asked, number = words_of(request), query(request, Asked), path_number(request, "batch")
    contents = await request.app[EXPORTS].contents(number)
    found = contents.of(asked.product, asked.method)
    title = words._("Batch {number}: single items", number=number)
    view = BooksPage(
        frame=staff_frame(request, words, title),
        back=Link(label=words._("Batch {number}", number=number), url=f"/{words.language}/finance/batches/{number}"),
        trail=crumbs(words),
        intro=(_which(words, contents, asked),),
        tables=(_items(words, contents, found),),
    )
    return staff_page(request, "finance/books", view)


def _which(words: Words, contents: Contents, asked: Asked) -> str:
    parts = [medium_day(words, contents.day)]
    parts += [product(words, asked.product)] if asked.product is not None else []
    parts += [wording.method(words, asked.method)] if asked.method is not None else []
    return ", ".join(parts)


def product(words: Words, name: str) -> str:
    return wording.account(words, f"revenue:{name}") if name else words._("Of no product account")


def totals_table(words: Words, contents: Contents, items_url: str) -> Table:
    """Each row leads to its items, the sum to all of them."""
    cells = tuple(_total(words, contents, one, items_url) for one in contents.totals)
    whole = _amounts(words, contents, contents.totals)
    count = Link(label=str(sum(one.count for one in contents.totals)))
    label = Link(label=words._("Sum"), url=down(words, items_url))
    rows = (*cells, (label, Link(label=""), count, *whole)) if cells else ()
    headings = (
        words._("Payments"),
        words._("Paid"),
        words._("Refunded"),
        words._("Provider's prices"),
        words._("Other money"),
        words._("Net"),
        words._("Revenue"),
    )
    return Table(
        heading=words._("What is in it"),
        columns=(
            Column(words._("Product account")),
            Column(words._("Way of paying")),
            *(Column(one, is_number=True) for one in headings),
        ),
        rows=rows,
        empty=words._("Nothing was booked on this day."),
        has_sum=True,
    )


def _total(words: Words, contents: Contents, one: Total, items_url: str) -> tuple[Link, ...]:
    asked = urlencode({"product": one.product, "method": one.method})
    return (
        Link(label=product(words, one.product), url=down(words, f"{items_url}?{asked}")),
        Link(label=wording.method(words, one.method)),
        Link(label=str(one.count)),
        *_amounts(words, contents, (one,)),
    )


def _amounts(words: Words, contents: Contents, some: Sequence[Total]) -> tuple[Link, ...]:
    sums = (
        sum(one.gross_cents for one in some),
        sum(one.refund_cents for one in some),
        sum(one.fee_cents for one in some),
        sum(one.other_cents for one in some),
        sum(one.net_cents for one in some),
        sum(one.revenue_cents for one in some),
    )
    return tuple(Link(label=wording.cents(words, cents, contents.currency)) for cents in sums)


def _items(words: Words, contents: Contents, found: Sequence[tuple[Item, Voucher]]) -> Table:
    rows: list[tuple[Link, ...]] = [_item(words, contents, item, voucher) for item, voucher in found]
    money = sum(item.cents for item, _voucher in found if item.kind is not ItemKind.REVENUE)
    revenue = sum(item.cents for item, _voucher in found if item.kind is ItemKind.REVENUE)
    sums = tuple(Link(label=wording.cents(words, cents, contents.currency)) for cents in (money, revenue))
    if rows:
        rows.append((Link(label=words._("Sum")), *(Link(label="") for _column in range(4)), *sums))
    return Table(
        heading=words._("Single items"),
        columns=(
            Column(words._("Voucher")),
            Column(words._("Kassenzeichen")),
            Column(words._("Kind")),
            Column(words._("Product account")),
            Column(words._("Way of paying")),
            Column(words._("Money"), is_number=True),
            Column(words._("Revenue"), is_number=True),
        ),
        rows=tuple(rows),
        empty=words._("None."),
        has_sum=True,
    )


def _item(words: Words, contents: Contents, item: Item, voucher: Voucher) -> tuple[Link, ...]:
    payment = Link(label="–")
    if voucher.payment_id is not None:
        payment = Link(label=spaced(item.kassenzeichen), url=down(words, payment_url(words, voucher.payment_id)))
    amount, is_revenue = Link(label=wording.cents(words, item.cents, contents.currency)), item.kind is ItemKind.REVENUE
    return (
        Link(label=item.voucher, url=down(words, journal_url(words, voucher.journal_id))),
        payment,
        Link(label=words._(ITEM[item.kind])),
        Link(label=product(words, item.product)),
        Link(label=wording.method(words, item.method)),
        Link(label="") if is_revenue else amount,
        amount if is_revenue else Link(label=""),
    )
