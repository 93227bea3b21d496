"""Handlers of one journal: what it books, what takes it back or is taken back by it, and the reversal by two persons."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from base.errors import Conflict, DomainError, Invalid
from base.i18n import mark as _
from base.identity.model import Principal
from base.web import STAFF, form, path_id, path_number
from frontend.citizen.rendering import key_of, new_key, see, words_of
from frontend.citizen.views import ShownError
from frontend.citizen.words import Words
from frontend.finance import wording
from frontend.finance.batch_pages import hexadecimal
from frontend.finance.books_views import BooksPage, Column, Field, Form, Table
from frontend.finance.drawer_pages import drawer_url
from frontend.finance.payout_pages import subject_link
from frontend.finance.shared import day_link, journal_url, payment_url, zone_of
from frontend.finance.trail import at, crumbs, down, with_way
from frontend.finance.views import Fact, Link
from frontend.staff.frame import staff_frame, staff_page
from payment.endpoints import REVERSALS
from payment.ledgers.model import Reversal, Told
from payment.ledgers.reversals import is_reversible
from payment.receipts.kassenzeichen import spaced

_REASON = "reason"
STATUS: Mapping[str, str] = {
    "requested": _("Waiting for approval"),
    "approved": _("Approved"),
    "rejected": _("Rejected"),
}


async def show_journal(request: web.Request) -> web.Response:
    return await _page(request, path_number(request, "journal", bits=63))


async def request_reversal(request: web.Request) -> web.Response:
    fields, journal_id = await form(request), path_number(request, "journal", bits=63)
    reason, staff = fields.get(_REASON, "").replace("\r\n", "\n"), request[STAFF]
    try:
        await request.app[REVERSALS].request(journal_id, by=staff.account_id, reason=reason, key=key_of(fields))
    except (Conflict, Invalid) as refusal:
        return await _page(request, journal_id, refusal, reason)
    return _back(request, journal_id)


async def approve(request: web.Request) -> web.Response:
    return await _decided(request, is_approval=True)


async def reject(request: web.Request) -> web.Response:
    return await _decided(request, is_approval=False)


async def _decided(request: web.Request, *, is_approval: bool) -> web.Response:
    await form(request)
    journal_id, reversal_id, by = (
        path_number(request, "journal", bits=63),
        path_id(request, "reversal"),
        request[STAFF].account_id,
    )
    reversals = request.app[REVERSALS]
    try:
        await (reversals.approve if is_approval else reversals.reject)(reversal_id, by=by)
    except Conflict as refusal:
        return await _page(request, journal_id, refusal)
    return _back(request, journal_id)


def _back(request: web.Request, journal_id: int) -> web.Response:
    words = words_of(request)
    url = journal_url(words, journal_id)
    return see(with_way(at(request, words, url), url))


async def _page(
    request: web.Request, journal_id: int, refusal: DomainError | None = None, typed: str = ""
) -> web.Response:
    words = at(request, words_of(request), journal_url(words_of(request), journal_id))
    told = await request.app[REVERSALS].journal(journal_id)
    messages = (
        {one.pointer.lstrip("/"): words._(one.message) for one in refusal.errors}
        if isinstance(refusal, Invalid)
        else {}
    )
    errors = tuple(ShownError(field=name, message=text) for name, text in messages.items())
    view = BooksPage(
        frame=staff_frame(request, words, words._("Journal {number}", number=journal_id), errors=errors),
        back=Link(label=words._("Trial balance"), url=f"/{words.language}/finance/books"),
        trail=crumbs(words),
        notice=words._(refusal.message) if refusal is not None and not messages else "",
        facts=_facts(words, told),
        tables=(_entries(words, told), *_reversals(words, told)),
        forms=_forms(words, told, request[STAFF], typed, messages),
    )
    return staff_page(request, "finance/books", view, status=refusal.status if refusal is not None else 200)


def _facts(words: Words, told: Told) -> tuple[Fact, ...]:
    one, place = told.booked, str(zone_of(words))
    facts = [
        Fact(label=words._("Kind"), value=wording.journal(words, one.kind)),
        Fact(
            label=words._("Business day"),
            value=words.day(one.business_day),
            url=down(words, day_link(words, one.business_day).url),
        ),
        Fact(label=words._("Booked at"), value=words.when(one.at, place)),
    ]
    if one.payment_id is not None:
        url = down(words, payment_url(words, one.payment_id))
        facts.append(Fact(label=words._("Payment"), value=spaced(one.kassenzeichen or ""), url=url))
    if one.drawer_id is not None:
        url = down(words, drawer_url(words, one.drawer_id))
        facts.append(Fact(label=words._("Drawer"), value=one.till, url=url))
    if one.subject:
        about = subject_link(words, one.subject)
        facts.append(Fact(label=words._("What for"), value=about.label, url=about.url))
    if one.reverses is not None:
        number = words._("Journal {number}", number=one.reverses)
        facts.append(Fact(label=words._("Takes back"), value=number, url=down(words, journal_url(words, one.reverses))))
    if one.reversed_by is not None:
        number = words._("Journal {number}", number=one.reversed_by)
        facts.append(
            Fact(label=words._("Taken back by"), value=number, url=down(words, journal_url(words, one.reversed_by)))
        )
    seal = f"{one.seq}: {hexadecimal(one.sha256)}" if one.sha256 is not None else words._("not yet")
    facts.append(Fact(label=words._("Seal"), value=seal))
    return tuple(facts)


def _entries(words: Words, told: Told) -> Table:
    currency = told.booked.currency or "EUR"
    return Table(
        heading=words._("Entries"),
        columns=(
            Column(words._("Account")),
            Column(words._("Debit"), is_number=True),
            Column(words._("Credit"), is_number=True),
        ),
        rows=tuple(
            (
                Link(label=wording.account(words, one.account)),
                Link(label=wording.cents(words, one.amount_cents, currency) if one.amount_cents > 0 else ""),
                Link(label=wording.cents(words, -one.amount_cents, currency) if one.amount_cents < 0 else ""),
            )
            for one in told.entries
        ),
    )


def _reversals(words: Words, told: Told) -> tuple[Table, ...]:
    if not told.reversals:
        return ()
    columns = (
        Column(words._("Reason")),
        Column(words._("Asked for by")),
        Column(words._("State")),
        Column(words._("Decided by")),
    )
    rows = tuple(_reversal_row(words, one) for one in told.reversals)
    return (Table(heading=words._("Reversals asked for"), columns=columns, rows=rows),)


def _reversal_row(words: Words, one: Reversal) -> tuple[Link, ...]:
    place = str(zone_of(words))
    asked = words._("{when}, by {name}", when=words.near(one.requested_at, place), name=one.asker)
    decided = "–"
    if one.decided_at is not None:
        decided = words._("{when}, by {name}", when=words.near(one.decided_at, place), name=one.decider)
    return (
        Link(label=wording.unless_erased(words, one.reason)),
        Link(label=asked),
        Link(label=words._(STATUS[one.status])),
        Link(label=decided),
    )


def _forms(words: Words, told: Told, staff: Principal, typed: str, messages: Mapping[str, str]) -> tuple[Form, ...]:
    here = journal_url(words, told.booked.id)
    open_one = next((one for one in told.reversals if one.status == "requested"), None)
    if open_one is not None:
        return _deciding(words, here, open_one, staff)
    if not is_reversible(told.booked) or not staff.may("reversal.request"):
        return ()
    hint = words._("Another person reads it before approving, and it stays in the books.")
    return (
        Form(
            heading=words._("Reverse this journal"),
            intro=(
                words._(
                    "All of it is taken back, on the day that is open when another person approves. Nothing is changed or deleted."
                ),
            ),
            action=with_way(words, f"{here}/reversals"),
            button=words._("Ask for the reversal"),
            fields=(Field(name=_REASON, label=words._("Reason"), kind="area", hint=hint),),
            key=new_key(),
            values={_REASON: typed},
            messages=messages,
            is_second=True,
        ),
    )


def _deciding(words: Words, here: str, one: Reversal, staff: Principal) -> tuple[Form, ...]:
    if not staff.may("reversal.approve"):
        return ()
    url, is_own = f"{here}/reversals/{one.id}", one.requested_by == staff.account_id
    own = words._("You asked for this reversal, so another person has to approve it.")
    reject_form = Form(
        action=with_way(words, f"{url}/reject"),
        button=words._("Withdraw") if is_own else words._("Reject"),
        intro=(own,) if is_own else (),
        is_second=True,
    )
    if is_own:
        return (reject_form,)
    return (
        Form(
            heading=words._("Decide"), action=with_way(words, f"{url}/approve"), button=words._("Approve the reversal")
        ),
        reject_form,
    )
