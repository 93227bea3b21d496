"""Handlers of terms: which are in force, what went by them, and changing one."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from base.errors import DomainError, Invalid, NotFound
from base.i18n import format_date
from base.i18n import mark as _
from base.web import STAFF, form
from frontend.citizen.rendering import see, words_of
from frontend.citizen.views import ShownError
from frontend.citizen.words import Words
from frontend.finance.books_views import BooksPage, Column, Field, Form, Table
from frontend.finance.shared import zone_of
from frontend.finance.views import Fact, Link
from frontend.staff.frame import staff_frame, staff_page
from payment.retention.endpoints import RETENTION
from payment.retention.model import Elsewhere, Overview, Run, Term
from payment.retention.usecases import ShorterNeedsReason

KINDS: Mapping[str, str] = {
    "books": _("Books: journals, seals and closed days (only counted, never deleted)"),
    "export_file": _("Files of batches for the treasury, and who fetched them"),
    "bank_statement": _("Bank statements: names, accounts and purposes of others, and the files"),
    "bank_refusal": _("Refused bank files (name and reason)"),
    "provider_message": _("Messages of payment providers"),
    "transfer_bank_data": _("Bank accounts of refunds by transfer, and notes about them"),
    "visit_note": _("What was typed at visits without an appointment"),
    "receipt_text": _("Text beside a further fee's name, as its receipt has it"),
    "finance_note": _("Reasons of journals, and notes about differences"),
}
# What other parts of the product keep, and what the time is counted from.
ELSEWHERE: Mapping[str, tuple[str, str]] = {
    "person": (
        _("Person of an appointment: name, contact, messages, what was typed about the case"),
        _("after the end of the case"),
    ),
    "request": (_("Request for an appointment by need, with its documents"), _("after the end of the case")),
    "invitation": (_("Invitation with name and address"), _("after its deadline")),
    "question": (_("Answers to a service's questions"), _("as each question says")),
    "clerk": (_("Who worked at which counter"), _("until the end of the day")),
    "overview": (_("Link to one's own appointments"), _("after it was asked for")),
    "repeat": (_("Answers kept for repeated requests"), _("after the request")),
    "job": (_("Done jobs of the worker"), _("after they were done")),
    "figure": (_("Figures of refused requests, without persons"), _("after the day")),
    "upload": (_("Uploaded catalogues that were not applied"), _("after the upload")),
    "session": (_("Sessions of staff"), _("some hours after the last use")),
}
_TYPED = ("months", "legal_basis", "reason")


def oversight_url(words: Words) -> str:
    return f"/{words.language}/oversight/"


async def show_terms(request: web.Request) -> web.Response:
    words = words_of(request)
    found = await request.app[RETENTION].overview()
    here = oversight_url(words)
    view = BooksPage(
        frame=staff_frame(request, words, words._("How long records are kept")),
        back=Link(label=words._("Start"), url=f"/{words.language}/staff/"),
        links=(Link(label=words._("Who may see and do what"), url=f"{here}access"),),
        intro=(
            words._(
                "The worker deletes what is over its term, and each run is written down. Before its term nothing can be deleted."
            ),
        ),
        tables=(
            _in_force(words, found, here),
            _elsewhere(words, found.elsewhere),
            _changes(words, found.history),
            _runs(words, found.runs),
        ),
    )
    return staff_page(request, "finance/books", view)


async def show_term(request: web.Request) -> web.Response:
    return await _term(request)


async def change_term(request: web.Request) -> web.Response:
    words, fields, kind = words_of(request), await form(request), request.match_info["kind"]
    typed = {name: fields.get(name, "").replace("\r\n", "\n").strip() for name in _TYPED}
    try:
        await request.app[RETENTION].change(
            kind,
            months=typed["months"],
            legal_basis=typed["legal_basis"],
            reason=typed["reason"],
            by=request[STAFF].account_id,
        )
    except (Invalid, ShorterNeedsReason) as refusal:
        return await _term(request, refusal, typed)
    return see(oversight_url(words))


async def _term(
    request: web.Request, refusal: DomainError | None = None, typed: Mapping[str, str] | None = None
) -> web.Response:
    words, kind = words_of(request), request.match_info["kind"]
    found = await request.app[RETENTION].overview()
    term = next((one for one in found.terms if one.kind == kind), None)
    if term is None:
        raise NotFound
    messages = {"reason": words._(refusal.message)} if isinstance(refusal, ShorterNeedsReason) else {}
    if isinstance(refusal, Invalid):
        messages = {one.pointer.lstrip("/"): words._(one.message) for one in refusal.errors}
    errors = tuple(ShownError(field=name, message=text) for name, text in messages.items())
    forms: tuple[Form, ...] = ()
    if request[STAFF].may("retention.change"):
        forms = (
            Form(
                heading=words._("Change the term"),
                action=f"{oversight_url(words)}terms/{kind}",
                button=words._("Save the term"),
                fields=(
                    Field(name="months", label=words._("Months"), kind="number"),
                    Field(name="legal_basis", label=words._("Legal basis")),
                    Field(
                        name="reason",
                        label=words._("Reason"),
                        kind="area",
                        hint=words._("Needed where the term gets shorter."),
                    ),
                ),
                values=typed or {"months": str(term.months), "legal_basis": term.legal_basis},
                messages=messages,
            ),
        )
    own = [one for one in found.history if one.kind == kind], [one for one in found.runs if one.kind == kind]
    view = BooksPage(
        frame=staff_frame(request, words, words._(KINDS.get(kind, kind)), errors=errors),
        back=Link(label=words._("How long records are kept"), url=oversight_url(words)),
        facts=(
            Fact(label=words._("Term"), value=_length(words, term)),
            Fact(label=words._("Legal basis"), value=term.legal_basis),
            Fact(label=words._("Kept from"), value=format_date(term.until, words.language, style="medium")),
        ),
        tables=(_changes(words, own[0]), _runs(words, own[1])),
        forms=forms,
    )
    return staff_page(request, "finance/books", view, status=refusal.status if refusal is not None else 200)


def _in_force(words: Words, found: Overview, here: str) -> Table:
    return Table(
        heading=words._("Terms"),
        columns=(
            Column(words._("Kind of record")),
            Column(words._("Term")),
            Column(words._("Legal basis")),
            Column(words._("Kept from"), is_number=True),
        ),
        rows=tuple(
            (
                Link(label=words._(KINDS.get(one.kind, one.kind)), url=f"{here}terms/{one.kind}"),
                Link(label=_length(words, one)),
                Link(label=one.legal_basis),
                Link(label=format_date(one.until, words.language, style="medium")),
            )
            for one in found.terms
        ),
    )


def _length(words: Words, one: Term) -> str:
    if one.months % 12 == 0:
        years = one.months // 12
        length = words.ngettext("{n} year", "{n} years", years)
    else:
        length = words.ngettext("{n} month", "{n} months", one.months)
    return words._("{length} from the end of the year", length=length) if one.from_year_end else length


def _elsewhere(words: Words, found: tuple[Elsewhere, ...]) -> Table:
    def length(one: Elsewhere) -> str:
        term = words._(ELSEWHERE[one.kind][1])
        return f"{words.ngettext('{n} day', '{n} days', one.days)} {term}" if one.days else term

    return Table(
        heading=words._("Personal data that go much earlier"),
        intro=(words._("Set by settings or by the product itself; the worker carries them out every hour."),),
        columns=(Column(words._("Kind of record")), Column(words._("Term")), Column(words._("Rule"))),
        rows=tuple(
            (Link(label=words._(ELSEWHERE[one.kind][0])), Link(label=length(one)), Link(label=one.rule))
            for one in found
        ),
    )


def _changes(words: Words, found: tuple[Term, ...] | list[Term]) -> Table:
    return Table(
        heading=words._("Changes"),
        columns=(
            Column(words._("Kind of record")),
            Column(words._("Term")),
            Column(words._("Reason")),
            Column(words._("By")),
        ),
        rows=tuple(
            (
                Link(label=words._(KINDS.get(one.kind, one.kind))),
                Link(label=_length(words, one)),
                Link(label=one.reason or "–"),
                Link(
                    label=words._(
                        "{when}, by {name}", when=words.near(one.set_at, str(zone_of(words))), name=one.setter
                    )
                ),
            )
            for one in found
        ),
        empty=words._("Nobody has changed a term."),
    )


def _runs(words: Words, found: tuple[Run, ...] | list[Run]) -> Table:
    return Table(
        heading=words._("What was deleted"),
        columns=(
            Column(words._("Kind of record")),
            Column(words._("Of days before")),
            Column(words._("Rows"), is_number=True),
            Column(words._("When")),
        ),
        rows=tuple(
            (
                Link(label=words._(KINDS.get(one.kind, one.kind))),
                Link(label=format_date(one.until_day, words.language, style="medium")),
                Link(label=words._("{n}, only counted", n=one.rows) if one.is_counted else str(one.rows)),
                Link(label=words.near(one.at, str(zone_of(words)))),
            )
            for one in found
        ),
        empty=words._("Nothing yet."),
    )
