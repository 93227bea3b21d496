"""Pages of transfer orders: what waits for whom, one order with its ten fields, and the files for the bank."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping, Sequence
from uuid import UUID, uuid5

from aiohttp import web
from pydantic import BaseModel

from base.errors import Conflict, DomainError, Gone, Invalid, Malformed, NotFound
from base.web import STAFF, can, form, path_id, path_number, query
from base.web.endpoint import page
from booking.charges.walk_in_endpoints import WALK_INS
from frontend.citizen.rendering import key_of, new_key, see, words_of
from frontend.citizen.words import Words
from frontend.finance.books_views import Column, Table
from frontend.finance.shared import zone_of
from frontend.finance.views import Fact, Link
from frontend.finance.wording import cents
from frontend.staff.frame import staff_frame, staff_page
from frontend.transfers import wording
from frontend.transfers.order_page import order_page
from frontend.transfers.views import ListPage
from payment.transfers.endpoints import TRANSFER_FILES, TRANSFERS, sent
from payment.transfers.model import Ground, Order, SentFile
from payment.transfers.refusals import FileErased, SamePerson, TransferMovedOn
from payment.transfers.states import ENDED, TransferStatus

_READS = can("finance.read")
_S = TransferStatus
# In the order in which somebody has to do something.
_LISTED = (_S.IBAN_GIVEN, _S.ASSESSED, _S.APPROVED, _S.EXPORTED, _S.RETURNED, _S.ASKED)
_ALL, _ONE, _FILES = "/{language}/transfers/", "/{language}/transfers/{transfer}", "/{language}/transfers/files"


class ListQuery(BaseModel):
    ended: bool = False


async def show_all(request: web.Request) -> web.Response:
    words, ended = words_of(request), query(request, ListQuery).ended
    transfers = request.app[TRANSFERS]
    here = _home(words)
    if ended:
        done = await transfers.listed(ENDED)
        tables: tuple[Table, ...] = (_table(words, words._("Transferred, cancelled or owed no more"), done),)
        links = (Link(label=words._("Open orders"), url=here),)
    else:
        found = await transfers.listed(_LISTED)
        unasked = frozenset(one.order.id for one in await request.app[WALK_INS].waiting())
        tables = tuple(
            _table(words, words._(wording.STATUS[status]), [one for one in found if one.status is status], unasked)
            for status in _LISTED
        )
        links = (Link(label=words._("Transferred, cancelled or owed no more"), url=f"{here}?ended=1"),)
    view = ListPage(
        frame=staff_frame(request, words, words._("Refunds by bank transfer")),
        links=(*links, Link(label=words._("Files for the bank"), url=f"{here}files")),
        tables=tables,
    )
    return staff_page(request, "transfers/list", view)


def _home(words: Words) -> str:
    return f"/{words.language}/transfers/"


def _table(words: Words, heading: str, listed: Sequence[Order], unasked: Collection[UUID] = ()) -> Table:
    """`unasked`: nobody can write to their payees."""
    columns = (
        Column("Kassenzeichen"),
        Column(words._("State")),
        Column(words._("Since")),
        Column(words._("Account")),
        Column(words._("Amount"), is_number=True),
    )
    total = sum(one.amount_cents for one in listed)
    return Table(
        heading=f"{heading} ({len(listed)})",
        columns=columns,
        rows=tuple(wording.row(words, one, is_unasked=one.id in unasked) for one in listed),
        intro=(words._("Together {amount}", amount=cents(words, total, "EUR")),) if len(listed) > 1 else (),
        empty=words._("None."),
    )


async def show_order(request: web.Request) -> web.Response:
    return await order_page(request)


async def give(request: web.Request) -> web.Response:
    fields = await form(request)
    key_of(fields)
    typed = {name: fields.get(name, "")[:200] for name in ("holder", "iban")}
    by = request[STAFF].account_id
    work = request.app[TRANSFERS].give_account(
        path_id(request, "transfer"), holder=typed["holder"], iban=typed["iban"], by=by
    )
    return await _done(request, work, typed)


async def assess(request: web.Request) -> web.Response:
    await form(request)
    by = request[STAFF].account_id
    return await _done(request, request.app[TRANSFERS].assess(path_id(request, "transfer"), by=by))


async def approve(request: web.Request) -> web.Response:
    await form(request)
    by = request[STAFF].account_id
    return await _done(request, request.app[TRANSFERS].approve(path_id(request, "transfer"), by=by))


async def ask_again(request: web.Request) -> web.Response:
    note, by = (await form(request)).get("note", ""), request[STAFF].account_id
    work = request.app[TRANSFERS].ask_again(path_id(request, "transfer"), by=by, note=note)
    return await _done(request, work, {"ask-again": note})


async def cancel(request: web.Request) -> web.Response:
    note, by = (await form(request)).get("note", ""), request[STAFF].account_id
    work = request.app[TRANSFERS].cancel(path_id(request, "transfer"), by=by, note=note)
    return await _done(request, work, {"cancel": note})


async def ask_waiver(request: web.Request) -> web.Response:
    fields = await form(request)
    typed = {name: fields.get(name, "")[:1000] for name in ("ground", "reason", "evidence")}
    ident = path_id(request, "transfer")
    work = request.app[TRANSFERS].ask_waiver(
        ident,
        Ground.BARRED if typed["ground"] == Ground.BARRED else Ground.WAIVED,
        reason=typed["reason"],
        evidence=typed["evidence"],
        by=request[STAFF].account_id,
        key=uuid5(ident, f"waiver {key_of(fields)}"),
    )
    return await _done(request, work, typed)


async def approve_waiver(request: web.Request) -> web.Response:
    await form(request)
    ident, waiver, by = path_id(request, "transfer"), path_id(request, "waiver"), request[STAFF].account_id
    return await _done(request, request.app[TRANSFERS].approve_waiver(ident, waiver, by=by))


async def reject_waiver(request: web.Request) -> web.Response:
    await form(request)
    ident, waiver, by = path_id(request, "transfer"), path_id(request, "waiver"), request[STAFF].account_id
    return await _done(request, request.app[TRANSFERS].reject_waiver(ident, waiver, by=by))


async def send_back(request: web.Request) -> web.Response:
    note, by = (await form(request)).get("note", ""), request[STAFF].account_id
    work = request.app[TRANSFERS].returned_by_hand(path_id(request, "transfer"), by=by, note=note)
    return await _done(request, work, {"returned": note})


async def _done(request: web.Request, work: Awaitable[Order], typed: Mapping[str, str] | None = None) -> web.Response:
    """Back to the order; a refusal is told on its page, with what was typed."""
    try:
        order = await work
    except (Conflict, Invalid) as refusal:
        return await order_page(request, refusal, typed or {})
    return see(wording.url(words_of(request), order))


async def show_files(request: web.Request) -> web.Response:
    return await _files(request)


async def make_file(request: web.Request) -> web.Response:
    words, key = words_of(request), key_of(await form(request))
    try:
        made = await request.app[TRANSFER_FILES].make(by=request[STAFF].account_id, key=key)
    except Conflict as refusal:
        return await _files(request, refusal)
    return see(wording.file_url(words, made.number))


async def _files(request: web.Request, refusal: DomainError | None = None) -> web.Response:
    words = words_of(request)
    found = await request.app[TRANSFER_FILES].all()
    waiting = (await request.app[TRANSFERS].counts()).get(_S.APPROVED, 0)
    columns = (
        Column(words._("File")),
        Column(words._("Made")),
        Column(words._("To be executed on")),
        Column(words._("Transfers"), is_number=True),
        Column(words._("Sum"), is_number=True),
    )
    may = request[STAFF].may("transfer.send") and waiting
    view = ListPage(
        frame=staff_frame(request, words, words._("Files for the bank")),
        back=Link(label=words._("Refunds by bank transfer"), url=_home(words)),
        links=(),
        notice=words._(refusal.message) if refusal else "",
        tables=(
            Table(
                heading=words._("Files"),
                columns=columns,
                rows=tuple(_file_row(words, one) for one in found),
                empty=words._("There is none yet."),
            ),
        ),
        make_url=f"{_home(words)}files" if may else "",
        make_text=words._("Approved orders that are in no file: {n}", n=waiting),
        request_key=new_key(),
    )
    return staff_page(request, "transfers/list", view, status=refusal.status if refusal else 200)


def _file_row(words: Words, one: SentFile) -> tuple[Link, ...]:
    return (
        Link(label=str(one.number), url=wording.file_url(words, one.number)),
        Link(label=words.when(one.made_at, str(zone_of(words)))),
        Link(label=words.day(one.execute_on)),
        Link(label=str(one.orders)),
        Link(label=cents(words, one.sum_cents, "EUR")),
    )


async def show_file(request: web.Request) -> web.Response:
    return await _file(request)


async def _file(request: web.Request, refusal: DomainError | None = None) -> web.Response:
    words, place = words_of(request), str(zone_of(words_of(request)))
    file, orders, fetched = await request.app[TRANSFER_FILES].one(path_number(request, "file"))
    names = await request.app[TRANSFERS].names({file.made_by, *(one.by for one in fetched)})
    facts = (
        Fact(label=words._("Name"), value=file.name),
        Fact(label=words._("Transfers"), value=str(file.orders)),
        Fact(label=words._("Control total"), value=cents(words, file.sum_cents, "EUR")),
        Fact(label=words._("To be executed on"), value=words.day(file.execute_on)),
        Fact(label=words._("Payer"), value=f"{file.account_name}, {file.account_iban}"),
        Fact(label=words._("Made"), value=f"{names.get(file.made_by, '')}, {words.when(file.made_at, place)}"),
        Fact(label="SHA-256", value=file.sha256.hex()),
    )
    downloads = Table(
        heading=words._("Fetched"),
        columns=(Column(words._("By")), Column(words._("When"))),
        rows=tuple((Link(label=names.get(one.by, "")), Link(label=words.when(one.at, place))) for one in fetched),
        empty=words._("By nobody yet."),
    )
    view = ListPage(
        frame=staff_frame(request, words, words._("File {number} for the bank", number=file.number)),
        back=Link(label=words._("Files for the bank"), url=f"{_home(words)}files"),
        links=(),
        notice=words._(refusal.message) if refusal else "",
        facts=facts,
        tables=(_table(words, words._("Orders in it"), orders), downloads),
        fetch_url=f"{wording.file_url(words, file.number)}/content"
        if file.is_readable and request[STAFF].may("transfer.send")
        else "",
        request_key=new_key(),
    )
    return staff_page(request, "transfers/list", view, status=refusal.status if refusal else 200)


async def fetch_file(request: web.Request) -> web.Response:
    """By POST: each fetch is written down."""
    await form(request)
    try:
        file, content = await request.app[TRANSFER_FILES].fetch(
            path_number(request, "file"), by=request[STAFF].account_id
        )
    except Gone as refusal:
        return await _file(request, refusal)
    return sent(file, content)


_STEP = (NotFound, TransferMovedOn)
ENDPOINTS = [
    page("GET", _ALL, show_all, _READS, "Refunds by bank transfer, by what has to be done"),
    page("GET", _FILES, show_files, _READS, "Files for the bank"),
    page("POST", _FILES, make_file, can("transfer.send"), "Make a file of all approved orders", Malformed, Conflict),
    page("GET", f"{_FILES}/{{file}}", show_file, _READS, "A file, its orders, and who fetched it", NotFound),
    page("POST", f"{_FILES}/{{file}}/content", fetch_file, can("transfer.send"), "The file", NotFound, FileErased),
    page("GET", _ONE, show_order, _READS, "A transfer order with its ten fields", NotFound),
    page("POST", f"{_ONE}/account", give, can("transfer.enter"), "Enter the account", Invalid, *_STEP),
    page("POST", f"{_ONE}/assess", assess, can("transfer.assess"), "Correct in substance and sum", *_STEP),
    page("POST", f"{_ONE}/approve", approve, can("transfer.approve"), "Order the payment", SamePerson, *_STEP),
    page("POST", f"{_ONE}/ask-again", ask_again, can("transfer.assess"), "Ask for another account", Invalid, *_STEP),
    page("POST", f"{_ONE}/cancel", cancel, can("transfer.approve"), "Cancel the order", Invalid, *_STEP),
    page(
        "POST", f"{_ONE}/waivers", ask_waiver, can("transfer.assess"), "It is owed no more", Invalid, Conflict, *_STEP
    ),
    page(
        "POST",
        f"{_ONE}/waivers/{{waiver}}/approve",
        approve_waiver,
        can("transfer.approve"),
        "Approve that it is owed no more",
        Conflict,
        *_STEP,
    ),
    page(
        "POST",
        f"{_ONE}/waivers/{{waiver}}/reject",
        reject_waiver,
        can("transfer.approve"),
        "Reject that it is owed no more",
        Conflict,
        *_STEP,
    ),
    page("POST", f"{_ONE}/returned", send_back, can("transfer.send"), "Returned by the bank", Invalid, *_STEP),
]
