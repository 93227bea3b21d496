"""Pages for finance: bank files are sent, statements shown with their gaps, entries searched."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web
from pydantic import BaseModel

from base.errors import Malformed, NotFound
from base.i18n import mark as _
from base.web import STAFF, can, path_number, query, uploads
from base.web.endpoint import page
from frontend.bank import wording
from frontend.bank.views import PaymentsPage, StatementsPage
from frontend.citizen.rendering import key_of, new_key, words_of
from frontend.citizen.views import ShownError
from frontend.finance.wording import cents
from frontend.staff.frame import staff_frame, staff_page
from payment.bank.endpoints import BANK, BANK_PERMISSION, FILE
from payment.bank.model import FoundPayment
from payment.bank.refusing import BankFileRefused
from payment.bank.usecases import MOST_BYTES, MOST_SHOWN

_WHO = can(BANK_PERMISSION)
_NO_FILE = _("Choose a bank file")


class SearchQuery(BaseModel):
    q: str = ""


async def show(request: web.Request) -> web.Response:
    return await _statements(request)


async def send(request: web.Request) -> web.Response:
    words = words_of(request)
    fields, sent = await uploads(request, FILE, MOST_BYTES)
    key_of(fields)
    if not sent or not sent[0][1]:
        return await _statements(request, problem=words._(_NO_FILE))
    name, raw = sent[0]
    try:
        stored = await request.app[BANK].take(name, raw, request[STAFF].account_id)
    except BankFileRefused as refusal:
        return await _statements(request, problem=wording.refusal(words, refusal))
    rows = await request.app[BANK].of_file(stored.id)
    labels = ", ".join(wording.number(words, one) for one in rows)
    told = (
        _("Stored: {statements}")
        if stored.is_new
        else _("This file was here already, nothing was changed: {statements}")
    )
    return await _statements(request, notice=words._(told, statements=labels))


async def show_one(request: web.Request) -> web.Response:
    words, asked = words_of(request), query(request, SearchQuery).q.strip()
    bank = request.app[BANK]
    one = await bank.statement(path_number(request, "statement"))
    found = await bank.payments(one.id, asked, wording.asked_cents(asked))
    facts = (
        (words._("Account"), wording.spaced(one.iban)),
        (words._("Days"), wording.days(words, one)),
        (words._("Opening balance"), cents(words, one.opening_cents, "EUR")),
        (words._("Closing balance"), cents(words, one.closing_cents, "EUR")),
    )
    return _payments(request, wording.number(words, one), f"statements/{one.id}", asked, found, facts)


async def search(request: web.Request) -> web.Response:
    words, asked = words_of(request), query(request, SearchQuery).q.strip()
    found = await request.app[BANK].payments(None, asked, wording.asked_cents(asked)) if asked else ()
    return _payments(request, words._("Bank: search"), "search", asked, found, ())


def _payments(
    request: web.Request,
    title: str,
    path: str,
    asked: str,
    rows: Sequence[FoundPayment],
    facts: tuple[tuple[str, str], ...],
) -> web.Response:
    words = words_of(request)
    view = PaymentsPage(
        frame=staff_frame(request, words, title),
        back_url=f"/{words.language}/bank/",
        search_url=f"/{words.language}/bank/{path}",
        asked=asked,
        facts=facts,
        lines=tuple(wording.payment(words, one) for one in rows),
        more=words._("Only the first {n} are shown.", n=MOST_SHOWN) if len(rows) == MOST_SHOWN else "",
    )
    return staff_page(request, "bank/payments", view)


async def _statements(request: web.Request, *, notice: str = "", problem: str = "") -> web.Response:
    words, bank = words_of(request), request.app[BANK]
    accounts, refused = await bank.statements(), await bank.refusals()
    errors = (ShownError(field=FILE, message=problem),) if problem else ()
    view = StatementsPage(
        frame=staff_frame(request, words, words._("Bank statements"), errors=errors),
        action=f"/{words.language}/bank/",
        request_key=new_key(),
        notice=notice,
        messages={FILE: problem} if problem else {},
        refused=tuple(wording.refused_line(words, one) for one in refused),
        accounts=tuple(wording.account(words, iban, list(rows)) for iban, rows in accounts.items()),
        search_url=f"/{words.language}/bank/search",
    )
    return staff_page(request, "bank/statements", view, status=422 if problem else 200)


ENDPOINTS = [
    page("GET", "/{language}/bank/", show, _WHO, "Bank statements and their gaps"),
    page("POST", "/{language}/bank/", send, _WHO, "Send a bank file", Malformed),
    page("GET", "/{language}/bank/search", search, _WHO, "Search all bank entries"),
    page("GET", "/{language}/bank/statements/{statement}", show_one, _WHO, "The entries of a bank statement", NotFound),
]
