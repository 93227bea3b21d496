"""Handlers of batches: closed days on their way to the treasury, their files, and the treasury's word that it has them."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from base.errors import DomainError
from base.i18n import mark as _
from base.web import STAFF, form, path_number
from frontend.citizen.rendering import see, words_of
from frontend.citizen.views import ShownError
from frontend.citizen.words import Words
from frontend.finance import wording
from frontend.finance.batch_items import totals_table
from frontend.finance.books_views import BooksPage, Column, Field, Form, Table
from frontend.finance.days import medium_day
from frontend.finance.shared import day_link, path_day, today_of, zone_of
from frontend.finance.trail import crumbs, down
from frontend.finance.views import Fact, Link
from frontend.staff.frame import staff_frame, staff_page
from payment.exports.endpoints import EXPORTS
from payment.exports.model import Batch, Dispatch, Unacknowledged
from payment.exports.usecases import Acknowledged, DayNotClosed, NotExportable, ReferenceWrong

FORMAT: Mapping[str, str] = {
    "totals-csv": _("Sums by product account and method (CSV)"),
    "items-csv": _("Single items (CSV)"),
    "datev-extf": _("Postings in the DATEV format (EXTF)"),
    "xlsx": _("Sums and single items (XLSX)"),
    "manifest": _("Manifest with control totals (JSON)"),
}
_REFERENCE = "reference"


def batches_url(words: Words) -> str:
    return f"/{words.language}/finance/batches"


async def show_batches(request: web.Request) -> web.Response:
    return await _batches(request)


async def make(request: web.Request) -> web.Response:
    words = words_of(request)
    await form(request)
    day = path_day(request)
    try:
        made = await request.app[EXPORTS].make(day, by=request[STAFF].account_id)
    except (DayNotClosed, NotExportable) as refusal:
        return await _batches(request, refusal)
    return see(f"{batches_url(words)}/{made.number}")


async def show_batch(request: web.Request) -> web.Response:
    return await _batch(request)


async def acknowledge(request: web.Request) -> web.Response:
    words, number = words_of(request), path_number(request, "batch")
    typed = (await form(request)).get(_REFERENCE, "")
    try:
        await request.app[EXPORTS].acknowledge(number, by=request[STAFF].account_id, reference=typed)
    except (Acknowledged, ReferenceWrong) as refusal:
        return await _batch(request, refusal, typed)
    return see(f"{batches_url(words)}/{number}")


async def _batches(request: web.Request, refusal: DomainError | None = None) -> web.Response:
    words = words_of(request)
    waiting, made = await request.app[EXPORTS].batches()
    may_make, today = request[STAFF].may("export.send"), today_of(words)
    view = BooksPage(
        frame=staff_frame(request, words, words._("Batches for the treasury")),
        back=day_link(words, today),
        notice=words._(refusal.message, **refusal.fields) if refusal is not None else "",
        links=(Link(label=words._("Books: days"), url=f"/{words.language}/finance/books/days"),),
        intro=(
            words._(
                "A closed day goes to the treasury as one batch of files. What was sent once is never sent differently."
            ),
        ),
        tables=(
            Table(
                heading=words._("Not acknowledged yet"),
                columns=(
                    Column(words._("Day")),
                    Column(words._("Closed")),
                    Column(words._("State")),
                    Column(words._("Batch")),
                ),
                rows=tuple(_waiting_row(words, one, may_make=may_make) for one in waiting),
                empty=words._("The treasury has acknowledged every closed day."),
            ),
            Table(
                heading=words._("Batches"),
                columns=(
                    Column(words._("Batch")),
                    Column(words._("Day")),
                    Column(words._("Made")),
                    Column(words._("By")),
                    Column(words._("Treasury's reference")),
                ),
                rows=tuple(_batch_row(words, one) for one in made),
                empty=words._("None yet."),
            ),
        ),
    )
    return staff_page(request, "finance/books", view, status=refusal.status if refusal is not None else 200)


def _waiting_row(words: Words, one: Unacknowledged, *, may_make: bool) -> tuple[Link, ...]:
    state = words._("to be acknowledged") if one.batch else words._("no batch made")
    if one.is_overdue:
        state = words._("overdue: {state}", state=state)
    batch = Link(label="–")
    if one.batch is not None:
        batch = _batch_link(words, one.batch)
    elif may_make:
        label = words._("Make batch of {day}", day=medium_day(words, one.day))
        batch = Link(label=label, post=f"{batches_url(words)}/days/{one.day}")
    return (
        Link(label=words.day(one.day)),
        Link(label=words.near(one.closed_at, str(zone_of(words)))),
        Link(label=state, badge="warning" if one.is_overdue else "info"),
        batch,
    )


def _batch_row(words: Words, one: Batch) -> tuple[Link, ...]:
    return (
        _batch_link(words, one.number),
        Link(label=words.day(one.day)),
        Link(label=words.near(one.made_at, str(zone_of(words)))),
        Link(label=one.maker),
        Link(label=one.reference or "–"),
    )


def _batch_link(words: Words, number: int) -> Link:
    return Link(label=words._("Batch {number}", number=number), url=down(words, f"{batches_url(words)}/{number}"))


async def _batch(request: web.Request, refusal: DomainError | None = None, typed: str = "") -> web.Response:
    words = words_of(request)
    found = await request.app[EXPORTS].dispatch(path_number(request, "batch"))
    contents = await request.app[EXPORTS].contents(found.batch.number)
    batch, here = found.batch, f"{batches_url(words)}/{found.batch.number}"
    messages = {_REFERENCE: words._(refusal.message)} if isinstance(refusal, ReferenceWrong) else {}
    errors = tuple(ShownError(field=name, message=text) for name, text in messages.items())
    forms: tuple[Form, ...] = ()
    if batch.acknowledged_at is None and request[STAFF].may("export.take"):
        label = words._("Treasury's reference")
        hint = words._("The number under which the treasury has taken the batch in. It is written down once.")
        forms = (
            Form(
                heading=words._("Acknowledge"),
                action=f"{here}/acknowledge",
                button=words._("Acknowledge batch"),
                fields=(Field(name=_REFERENCE, label=label, hint=hint),),
                values={_REFERENCE: typed},
                messages=messages,
            ),
        )
    view = BooksPage(
        frame=staff_frame(request, words, words._("Batch {number}", number=batch.number), errors=errors),
        back=Link(label=words._("Batches for the treasury"), url=batches_url(words)),
        notice=words._(refusal.message) if refusal is not None and not messages else "",
        trail=crumbs(words),
        facts=_facts(words, batch),
        tables=(totals_table(words, contents, f"{here}/items"), _files(words, found, here), _fetched(words, found)),
        forms=forms,
    )
    return staff_page(request, "finance/books", view, status=refusal.status if refusal is not None else 200)


def _facts(words: Words, batch: Batch) -> tuple[Fact, ...]:
    place = str(zone_of(words))
    made = words._("{when}, by {name}", when=words.when(batch.made_at, place), name=batch.maker)
    facts = [
        Fact(label=words._("Day"), value=words.day(batch.day), url=down(words, day_link(words, batch.day).url)),
        Fact(label=words._("Made"), value=made),
        Fact(label=words._("SHA-256 of the manifest"), value=hexadecimal(batch.manifest_sha256)),
    ]
    if batch.acknowledged_at is not None:
        when = words.when(batch.acknowledged_at, place)
        told = words._("{when}, by {name}", when=when, name=batch.acknowledger)
        facts += [
            Fact(label=words._("Acknowledged"), value=told),
            Fact(label=words._("Treasury's reference"), value=batch.reference or ""),
        ]
    else:
        facts.append(Fact(label=words._("Acknowledged"), value=words._("not yet")))
    return tuple(facts)


def _files(words: Words, found: Dispatch, here: str) -> Table:
    return Table(
        heading=words._("Files"),
        intro=(words._("Each file comes to the byte as it was made. Who fetches one is written down."),),
        columns=(
            Column(words._("File")),
            Column(words._("What it is")),
            Column(words._("Rows"), is_number=True),
            Column(words._("Control total"), is_number=True),
            Column("SHA-256"),
        ),
        rows=tuple(
            (
                Link(label=one.name, url=f"{here}/files/{one.format}"),
                Link(label=words._(FORMAT[one.format])),
                Link(label=str(one.rows)),
                Link(label=wording.cents(words, one.sum_cents, "EUR")),
                Link(label=hexadecimal(one.sha256)),
            )
            for one in found.files
        ),
    )


def _fetched(words: Words, found: Dispatch) -> Table:
    names = {one.format: one.name for one in found.files}
    place = str(zone_of(words))
    return Table(
        heading=words._("Fetched"),
        columns=(Column(words._("File")), Column(words._("By")), Column(words._("When"))),
        rows=tuple(
            (Link(label=names[one.format]), Link(label=one.by), Link(label=words.when(one.at, place)))
            for one in found.downloads
        ),
        empty=words._("Nobody has fetched a file yet."),
    )


def hexadecimal(digest: bytes) -> str:
    """In groups, which people can compare."""
    text = digest.hex()
    return " ".join(text[n : n + 8] for n in range(0, len(text), 8))
