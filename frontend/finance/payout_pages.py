"""Handlers of payouts: the list, and one with what it is made of, what it booked and where the bank shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from aiohttp import web

from base.i18n import mark as _
from base.web import STAFF, query
from frontend.citizen.rendering import words_of
from frontend.citizen.words import Words
from frontend.finance import wording
from frontend.finance.books_views import BooksPage, Column, Table
from frontend.finance.days import medium_day
from frontend.finance.difference_words import SENT
from frontend.finance.periods import Period, period, period_fields
from frontend.finance.shared import at_bank_url, day_link, journal_url, payment_url, today_of, zone_of
from frontend.finance.trail import crumbs, down, kept
from frontend.finance.views import Fact, Link
from frontend.staff.frame import staff_frame, staff_page
from payment.bank.endpoints import BANK_PERMISSION
from payment.matching.model import SentKind
from payment.payouts.endpoints import PAYOUTS
from payment.payouts.model import Credit, Part, Payout, Told
from payment.receipts.kassenzeichen import spaced

STATUS: Mapping[str, str] = {
    "pending": _("Planned"),
    "in_transit": _("On its way"),
    "paid": _("Paid out"),
    "failed": _("Came back"),
    "canceled": _("Cancelled"),
    "unknown": _("Unknown to us"),
}
KIND: Mapping[str, str] = {
    "charge": _("Payment"),
    "refund": _("Refund"),
    "refund_failed": _("Refund came back"),
    "dispute": _("Payment disputed"),
    "dispute_reversed": _("Dispute won"),
    "payout": _("Payout"),
    "payout_failed": _("Payout came back"),
    "other": _("Other movement"),
}


def payouts_url(words: Words, payout_id: str = "") -> str:
    here = f"/{words.language}/finance/payouts"
    return f"{here}/{quote(payout_id, safe='')}" if payout_id else here


def subject_link(words: Words, subject: str) -> Link:
    """What a journal without a payment is about: a payout, what a till sent, or words of the provider or the bank as they are."""
    kind = subject.partition(":")[0]
    if kind in set(SentKind):
        return Link(label=words._(SENT[SentKind(kind)]), url=down(words, at_bank_url(words)))
    if subject.startswith("po_"):
        return Link(label=words._("Payout {id}", id=subject), url=down(words, payouts_url(words, subject)))
    return Link(label=subject)


async def show_payouts(request: web.Request) -> web.Response:
    words = words_of(request)
    first, last = period(words, query(request, Period))
    found = await request.app[PAYOUTS].between(first, last)
    view = BooksPage(
        frame=staff_frame(request, words, words._("Payouts of the payment provider")),
        back=day_link(words, today_of(words), words._("Till: the day")),
        trail=crumbs(words),
        url=payouts_url(words),
        fields=period_fields(words, first, last),
        kept=kept(words),
        intro=(words._("By the day on which they are to be at the bank, as the provider told last night."),),
        tables=(
            Table(
                heading=words._("Payouts"),
                columns=(
                    Column(words._("Payout")),
                    Column(words._("To arrive on")),
                    Column(words._("State there")),
                    Column(words._("At the bank")),
                    Column(words._("Parts"), is_number=True),
                    Column(words._("Credited"), is_number=True),
                    Column(words._("Amount"), is_number=True),
                ),
                rows=(*(_row(words, one) for one in found), *_sums(words, found)),
                empty=words._("None in these days."),
                has_sum=len({one.currency for one in found}) == 1,
            ),
        ),
    )
    return staff_page(request, "finance/books", view)


def _row(words: Words, one: Payout) -> tuple[Link, ...]:
    return (
        Link(label=one.id, url=down(words, payouts_url(words, one.id))),
        Link(label=medium_day(words, one.arrival_on)),
        _state(words, one),
        Link(label=medium_day(words, one.credited_on) if one.credited_on else words._("not yet")),
        Link(label=str(one.parts)),
        Link(label="–" if one.credited_cents is None else wording.cents(words, one.credited_cents, one.currency)),
        Link(label=wording.cents(words, one.amount_cents, one.currency)),
    )


def _state(words: Words, one: Payout) -> Link:
    badge = "danger" if one.status == "failed" else "success" if one.status == "paid" else "info"
    return Link(label=words._(STATUS.get(one.status, one.status)), badge=badge)


def _sums(words: Words, payouts: Sequence[Payout]) -> tuple[tuple[Link, ...], ...]:
    if len({one.currency for one in payouts}) != 1:
        return ()
    currency, empty = payouts[0].currency, Link(label="")
    credited, sent = sum(one.credited_cents or 0 for one in payouts), sum(one.amount_cents for one in payouts)
    amounts = (Link(label=wording.cents(words, cents, currency)) for cents in (credited, sent))
    return (
        (Link(label=words._("Sum")), empty, empty, empty, Link(label=str(sum(p.parts for p in payouts))), *amounts),
    )


async def show_payout(request: web.Request) -> web.Response:
    words = words_of(request)
    told = await request.app[PAYOUTS].get(request.match_info["payout"])
    view = BooksPage(
        frame=staff_frame(request, words, words._("Payout {id}", id=told.payout.id)),
        back=Link(label=words._("Payouts"), url=payouts_url(words)),
        trail=crumbs(words),
        facts=_facts(words, told),
        tables=(
            _parts(words, told),
            _credits(words, told, may_see_bank=request[STAFF].may(BANK_PERMISSION)),
            _journals(words, told),
        ),
    )
    return staff_page(request, "finance/books", view)


def _facts(words: Words, told: Told) -> tuple[Fact, ...]:
    one = told.payout
    facts = [
        Fact(label=words._("Amount"), value=wording.cents(words, one.amount_cents, one.currency)),
        Fact(label=words._("State there"), value=words._(STATUS.get(one.status, one.status))),
        Fact(label=words._("Made"), value=words.when(one.created_at, str(zone_of(words)))),
        Fact(label=words._("To arrive on"), value=words.day(one.arrival_on)),
        Fact(label=words._("Shown by the bank as"), value=one.trace or words._("not told yet")),
    ]
    if one.failure:
        facts.append(Fact(label=words._("Why it came back"), value=one.failure))
    return tuple(facts)


def _parts(words: Words, told: Told) -> Table:
    currency = told.payout.currency
    rows = [_part(words, one, currency) for one in told.parts]
    if rows:
        sums = (
            sum(one.amount_cents for one in told.parts),
            -sum(one.fee_cents for one in told.parts),
            sum(one.net_cents for one in told.parts),
        )
        amounts = (Link(label=wording.cents(words, cents, currency)) for cents in sums)
        rows.append((Link(label=words._("Sum")), Link(label=""), Link(label=""), *amounts))
    return Table(
        heading=words._("What it is made of"),
        columns=(
            Column(words._("Kassenzeichen")),
            Column(words._("What")),
            Column(words._("Day")),
            Column(words._("Amount"), is_number=True),
            Column(words._("Provider's price"), is_number=True),
            Column(words._("Net"), is_number=True),
        ),
        rows=tuple(rows),
        empty=words._("The provider has not told yet what it is made of."),
        has_sum=True,
    )


def _part(words: Words, one: Part, currency: str) -> tuple[Link, ...]:
    about = Link(label=one.transaction_id)
    if one.payment_id is not None:
        about = Link(label=spaced(one.kassenzeichen), url=down(words, payment_url(words, one.payment_id)))
    day = one.created_at.astimezone(zone_of(words)).date()
    cents = (one.amount_cents, -one.fee_cents, one.net_cents)
    return (
        about,
        Link(label=words._(KIND.get(one.kind, one.kind))),
        Link(label=medium_day(words, day)),
        *(Link(label=wording.cents(words, each, currency)) for each in cents),
    )


def _credits(words: Words, told: Told, *, may_see_bank: bool) -> Table:
    return Table(
        heading=words._("At the bank"),
        columns=(
            Column(words._("Bank statement")),
            Column(words._("Booked on")),
            Column(words._("Amount"), is_number=True),
        ),
        rows=tuple(_credit(words, one, told.payout.currency, may_see_bank=may_see_bank) for one in told.credits),
        empty=words._("No line of a bank statement has been put to it yet."),
    )


def _credit(words: Words, one: Credit, currency: str, *, may_see_bank: bool) -> tuple[Link, ...]:
    return (
        statement_link(words, one.statement_id, may_see_bank=may_see_bank),
        Link(label=medium_day(words, one.booked_on)),
        Link(label=wording.cents(words, one.cents, currency)),
    )


def statement_link(words: Words, statement_id: int, *, may_see_bank: bool) -> Link:
    label = words._("Statement {number}", number=statement_id)
    return Link(label=label, url=f"/{words.language}/bank/statements/{statement_id}" if may_see_bank else "")


def _journals(words: Words, told: Told) -> Table:
    return Table(
        heading=words._("Journals"),
        columns=(Column(words._("Journal number")), Column(words._("Journal"))),
        rows=tuple(
            (
                Link(label=str(number), url=down(words, journal_url(words, number))),
                Link(label=wording.journal(words, kind)),
            )
            for number, kind in told.journals
        ),
        empty=words._("None."),
    )
