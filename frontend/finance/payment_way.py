"""Where a payment's money went: orders of transfers, payouts and the bank, and the batches that told the treasury."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from base.web import STAFF
from frontend.citizen.words import Words
from frontend.finance import wording
from frontend.finance.batch_pages import batches_url
from frontend.finance.books_views import Column, Table
from frontend.finance.days import medium_day
from frontend.finance.payout_pages import KIND, STATUS, payouts_url, statement_link
from frontend.finance.trail import down
from frontend.finance.views import Link
from frontend.transfers import wording as transfer_words
from payment.bank.endpoints import BANK_PERMISSION
from payment.model import Payment
from payment.payouts.endpoints import PAYOUTS
from payment.payouts.model import Arrival, ExportedDay
from payment.transfers.endpoints import TRANSFERS
from payment.transfers.model import Order


async def way(request: web.Request, words: Words, payment: Payment) -> tuple[Table, ...]:
    """Only what there is: nothing of it stands there before its time."""
    orders = await request.app[TRANSFERS].of_payment(payment.id)
    found = await request.app[PAYOUTS].of_payment(payment.id)
    may_see_bank = request[STAFF].may(BANK_PERMISSION)
    tables = (
        _transfers(words, orders, payment.currency),
        _payouts(words, found.arrivals, may_see_bank=may_see_bank),
        _treasury(words, found.days),
    )
    return tuple(one for one in tables if one.rows)


def _transfers(words: Words, orders: Sequence[Order], currency: str) -> Table:
    return Table(
        heading=words._("Refunds by bank transfer"),
        columns=(
            Column(words._("Transfer")),
            Column(words._("State")),
            Column(words._("Amount"), is_number=True),
        ),
        rows=tuple(
            (
                Link(label=transfer_words.title(words, one), url=transfer_words.url(words, one)),
                Link(label=words._(transfer_words.STATUS[one.status])),
                Link(label=wording.cents(words, one.amount_cents, currency)),
            )
            for one in orders
        ),
    )


def _payouts(words: Words, arrivals: Sequence[Arrival], *, may_see_bank: bool) -> Table:
    return Table(
        heading=words._("On its way to the bank"),
        columns=(
            Column(words._("Payout")),
            Column(words._("What")),
            Column(words._("State there")),
            Column(words._("At the bank")),
            Column(words._("Net"), is_number=True),
        ),
        rows=tuple(
            (
                Link(label=one.payout_id, url=down(words, payouts_url(words, one.payout_id))),
                Link(label=words._(KIND.get(one.kind, one.kind))),
                Link(label=words._(STATUS.get(one.status, one.status))),
                _at_bank(words, one, may_see_bank=may_see_bank),
                Link(label=wording.cents(words, one.net_cents, one.currency)),
            )
            for one in arrivals
        ),
    )


def _at_bank(words: Words, one: Arrival, *, may_see_bank: bool) -> Link:
    if one.statement_id is None or one.booked_on is None:
        return Link(label=words._("expected on {day}", day=medium_day(words, one.arrival_on)))
    link = statement_link(words, one.statement_id, may_see_bank=may_see_bank)
    return Link(label=f"{link.label}, {medium_day(words, one.booked_on)}", url=link.url)


def _treasury(words: Words, days: Sequence[ExportedDay]) -> Table:
    return Table(
        heading=words._("With the treasury"),
        columns=(Column(words._("Business day")), Column(words._("Batch")), Column(words._("Treasury's reference"))),
        rows=tuple(_day(words, one) for one in days),
    )


def _day(words: Words, one: ExportedDay) -> tuple[Link, ...]:
    batch = Link(label=words._("no batch made") if one.is_closed else words._("the day is not closed yet"))
    if one.batch is not None:
        label = words._("Batch {number}", number=one.batch)
        batch = Link(label=label, url=down(words, f"{batches_url(words)}/{one.batch}"))
    day = Link(label=medium_day(words, one.day))
    reference = one.reference or (words._("not acknowledged yet") if one.batch is not None else "–")
    return day, batch, Link(label=reference)
