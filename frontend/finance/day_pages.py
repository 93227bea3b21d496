"""Handlers of the day, of what waits for people, and of the search."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel

from base.web import STAFF, query
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.model import Brief
from frontend.citizen.rendering import words_of
from frontend.citizen.words import Words
from frontend.finance import wording
from frontend.finance.batch_pages import batches_url
from frontend.finance.days import EARLIEST, LATEST, asked_day
from frontend.finance.dispute_pages import dispute_line
from frontend.finance.drawer_pages import drawer_url
from frontend.finance.payout_pages import subject_link
from frontend.finance.shared import (
    about,
    day_link,
    difference_lines,
    entry_lines,
    journal_url,
    payment_url,
    service_of,
    today_of,
    zone_of,
)
from frontend.finance.trail import down
from frontend.finance.views import DayPage, EntryLine, Link, PaymentLine, Sum, WorkLine, WorkPage
from frontend.staff.frame import staff_frame, staff_page
from payment.endpoints import RECONCILIATION, REVERSALS
from payment.exports.endpoints import EXPORTS
from payment.model import Payment, Refund
from payment.reconciliation.model import Apart, Day, DayRow, People, Side, Sums

_DECIDED_WITHIN_DAYS = 2  # then a refund has waited too long for its approval


class DayQuery(BaseModel):
    day: str = ""


async def show_day(request: web.Request) -> web.Response:
    words = words_of(request)
    today = today_of(words)
    asked = query(request, DayQuery).day.strip()
    wanted = asked_day(asked) if asked else today
    problem = "" if wanted else words._("There are no books of this day. You see today instead.")
    wanted = wanted or today
    day = await request.app[RECONCILIATION].day(wanted, zone_of(words))
    waiting, reversals = await request.app[RECONCILIATION].worklist(), await request.app[REVERSALS].waiting()
    payments = {row.payment.id: row.payment for row in day.rows}
    briefs = await request.app[APPOINTMENTS].briefs([one.reference for one in payments.values()])
    view = _day_page(request, words, day, payments, briefs, waiting.length + len(reversals), problem)
    return staff_page(request, "finance/day", view, status=422 if problem else 200)


async def show_work(request: web.Request) -> web.Response:
    words, found = words_of(request), await request.app[RECONCILIATION].worklist()
    may_ask = request[STAFF].may("refund.request")
    payments = [*found.attention, *(payment for _, payment in (*found.requests, *found.failed, *found.disputes))]
    briefs = await request.app[APPOINTMENTS].briefs([one.reference for one in payments])
    place, today = str(zone_of(words)), today_of(words)
    requests = tuple(
        WorkLine(
            at=words.near(refund.attempt_at, place),
            about=about(words, payment, briefs),
            amount=wording.cents(words, refund.amount_cents, payment.currency),
            text=wording.note(words, refund),
            people=_who_asks(words, found.people, refund),
            late=_late(words, refund),
        )
        for refund, payment in found.requests
    )
    attention = tuple(
        WorkLine(
            at=words.near(payment.created_at, place),
            about=about(words, payment, briefs),
            amount=wording.money(words, payment.amount),
            text=wording.attention(words, payment.attention)
            if payment.attention
            else words._("The reservation ran out before the money was taken."),
            people="",
            settle_url=f"{payment_url(words, payment.id)}/settle" if may_ask else "",
        )
        for payment in found.attention
    )
    failed = tuple(
        WorkLine(
            at=words.near(refund.created_at, place),
            about=about(words, payment, briefs),
            amount=wording.cents(words, refund.amount_cents, payment.currency),
            text=wording.failure(words, refund.failure),
            people=words._("Tried anew by itself: {when}", when=words.near(refund.retry_at, place))
            if refund.retry_at
            else words._("Open the payment and ask for another refund, by two persons."),
        )
        for refund, payment in found.failed
    )
    overdue = tuple(
        WorkLine(
            at=words.near(one.closed_at, place),
            about=Link(
                label=words.day(one.day),
                url=batches_url(words) if one.batch is None else f"{batches_url(words)}/{one.batch}",
            ),
            amount="",
            text=words._("no batch made") if one.batch is None else words._("to be acknowledged"),
            people="",
        )
        for one in await request.app[EXPORTS].overdue()
    )
    reversals = tuple(
        WorkLine(
            at=words.near(one.requested_at, place),
            about=Link(
                label=words._("Journal {number}", number=one.journal_id), url=journal_url(words, one.journal_id)
            ),
            amount="",
            text=one.reason,
            people=one.asker,
        )
        for one in await request.app[REVERSALS].waiting()
    )
    view = WorkPage(
        frame=staff_frame(request, words, words._("Till: to be decided")),
        day=day_link(words, today),
        requests=requests,
        attention=attention,
        failed=failed,
        overdue=overdue,
        reversals=reversals,
        disputes=tuple(dispute_line(words, one, payment, briefs) for one, payment in found.disputes),
        open_fees=Link(label=words._("Fees that are open"), url=f"/{words.language}/finance/open-fees"),
    )
    return staff_page(request, "finance/work", view)


def _day_page(
    request: web.Request,
    words: Words,
    day: Day,
    payments: Mapping[UUID, Payment],
    briefs: Mapping[UUID, Brief],
    waiting: int,
    problem: str,
) -> DayPage:
    one = timedelta(days=1)
    links = {each.id: about(words, each, briefs) for each in payments.values()}
    odd = {each.payment_id for each in day.differences}
    path = f"/{words.language}/finance"
    return DayPage(
        frame=staff_frame(request, words, words._("Till: {day}", day=words.day(day.day))),
        day=day.day.isoformat(),
        day_url=f"{path}/",
        before=day_link(words, day.day - one, words._("Day before")) if day.day > EARLIEST else None,
        after=day_link(words, day.day + one, words._("Day after")) if day.day < LATEST else None,
        problem=problem,
        links=(
            Link(label=words._("To be decided ({n})", n=waiting), url=f"{path}/work"),
            Link(label=words._("Differences"), url=f"{path}/differences"),
            Link(label=words._("Figures"), url=f"{path}/figures"),
            Link(label=words._("Books"), url=f"{path}/books"),
            Link(label=words._("Payouts"), url=f"{path}/payouts"),
            Link(label=words._("Batches for the treasury"), url=batches_url(words)),
            Link(label=words._("Disputes"), url=f"{path}/disputes"),
        ),
        search_url=f"{path}/search",
        is_silent=day.is_silent,
        note=words._("Compared as of {when}; what is younger may still be on its way.", when=_until(words, day))
        if not day.is_silent and day.compared_until < day.span.end
        else "",
        sums=tuple(line for sums in day.sums for line in _sums(words, sums, is_only=len(day.sums) == 1)),
        differences=difference_lines(words, day.differences, payments, briefs),
        payments=tuple(_payment_line(words, row, links[row.payment.id], briefs, odd) for row in day.rows),
        accounts=tuple(
            EntryLine(
                time="",
                kind="",
                about=Link(label=""),
                account=wording.account(words, total.account),
                debit=wording.cents(words, total.debit_cents, total.currency),
                credit=wording.cents(words, total.credit_cents, total.currency),
            )
            for total in day.accounts
        ),
        entries=entry_lines(
            words, day.posted, payments, links, apart=[(each, _apart_link(words, each)) for each in day.apart]
        ),
    )


def _apart_link(words: Words, one: Apart) -> Link:
    """What a journal of no payment is about."""
    if one.drawer_id is not None:
        label = words._("Drawer: {till}", till=one.till)
        return Link(label=label, url=down(words, drawer_url(words, one.drawer_id)))
    return subject_link(words, one.subject)


def _who_asks(words: Words, people: People, refund: Refund) -> str:
    if refund.requested_by is not None:
        return people.name(refund.requested_by)
    return (
        words._("the rule")
        if refund.caused_by is None
        else words._("the rule, after {name}", name=people.name(refund.caused_by))
    )


def _late(words: Words, refund: Refund) -> str:
    waits = (words.now - refund.attempt_at).days
    return words.ngettext("waits {n} day", "waits {n} days", waits) if waits >= _DECIDED_WITHIN_DAYS else ""


def _until(words: Words, day: Day) -> str:
    return words.when(day.compared_until, str(zone_of(words)))


def _sums(words: Words, sums: Sums, *, is_only: bool) -> tuple[Sum, ...]:
    here, there, seen = sums.ours, sums.there, sums.there or Side()

    def line(label: str, ours: str, theirs: str) -> Sum:
        named = label if is_only else f"{label} ({sums.currency})"
        return Sum(label=named, here=ours, there="–" if there is None else theirs)

    def cents(amount: int) -> str:
        return wording.cents(words, amount, sums.currency)

    lines = [
        line(words._("Payments"), str(here.payments), str(seen.payments)),
        line(words._("Paid"), cents(here.paid_cents), cents(seen.paid_cents)),
        line(words._("Refunds"), str(here.refunds), str(seen.refunds)),
        line(words._("Refunded"), cents(here.refunded_cents), cents(seen.refunded_cents)),
    ]
    if here.disputed_cents or seen.disputed_cents:
        lines.append(line(words._("Taken back in disputes"), cents(here.disputed_cents), cents(seen.disputed_cents)))
    if seen.other_cents:
        lines.append(line(words._("Other movements"), "–", cents(seen.other_cents)))
    moved = (cents(here.moved_cents), cents(seen.moved_cents))
    lines.append(line(words._("Change of our money with the provider"), *moved))
    lines.append(line(words._("Provider's prices, booked at night"), "–", cents(seen.fee_cents)))
    lines.append(line(words._("Paid out to the bank, booked at night"), "–", cents(seen.paid_out_cents)))
    return tuple(lines)


def _payment_line(
    words: Words, row: DayRow, link: Link, briefs: Mapping[UUID, Brief], odd: set[UUID | None]
) -> PaymentLine:
    payment, brief = row.payment, briefs.get(row.payment.reference)
    silent = row.moved_there_cents is None
    there = (
        "–"
        if silent
        else words._("not asked for")
        if row.state_there is None
        else words._(wording.SESSION[row.state_there])
    )
    return PaymentLine(
        time=words.time(payment.created_at, str(zone_of(words))),
        about=link,
        service=service_of(words, payment, brief),
        amount=wording.money(words, payment.amount),
        here=words._(wording.PAYMENT[payment.status]),
        there=there,
        booked=wording.cents(words, row.moved_cents, payment.currency),
        moved="–" if silent else wording.cents(words, row.moved_there_cents or 0, payment.currency),
        is_odd=payment.id in odd,
    )
