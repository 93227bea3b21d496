"""Handlers of a case's refunds for its office: how they stand, an account told at the counter, the link again, letters."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from aiohttp import web

from base.errors import DomainError, Invalid, NotFound
from base.money import Money
from base.web import STAFF, form, path_id, path_number
from booking.refunds.endpoints import REFUND_LETTERS, REFUNDS
from booking.refunds.model import CaseRefunds
from frontend.bookings.places import Place, place_of
from frontend.bookings.refund_views import LettersPage, OrderPart, RefundsPage
from frontend.citizen.refund_wording import line
from frontend.citizen.rendering import key_of, new_key, see, words_of
from frontend.citizen.views import Row, ShownError
from frontend.citizen.words import Words
from frontend.finance.wording import REFUND
from frontend.staff.frame import staff_frame, staff_page
from frontend.staff.views import PrintRun
from payment.transfers.model import Order
from payment.transfers.states import TAKES_ACCOUNT, TransferStatus

ENTER = "transfer.enter"
_MAY_REMIND = (TransferStatus.ASKED, TransferStatus.RETURNED)


async def show(request: web.Request) -> web.Response:
    return await _page(request)


async def enter(request: web.Request) -> web.Response:
    fields, ident = await form(request), path_id(request, "transfer")
    key_of(fields)
    typed = {name: fields.get(name, "")[:200] for name in ("holder", "iban")}
    try:
        await request.app[REFUNDS].enter(
            *_ids(request), ident, holder=typed["holder"], iban=typed["iban"], by=request[STAFF].account_id
        )
    except DomainError as refusal:
        if isinstance(refusal, NotFound):
            raise
        return await _page(request, refusal, typed, ident)
    return see(await _url(request))


async def remind(request: web.Request) -> web.Response:
    await form(request)
    ident = path_id(request, "transfer")
    try:
        await request.app[REFUNDS].remind(*_ids(request), ident, by=request[STAFF].account_id)
    except DomainError as refusal:
        if isinstance(refusal, NotFound):
            raise
        return await _page(request, refusal)
    return see(f"{await _url(request)}?sent=1")


async def print_one(request: web.Request) -> web.Response:
    key, ident, place = key_of(await form(request)), path_id(request, "transfer"), await place_of(request)
    try:
        made = await request.app[REFUND_LETTERS].print_one(
            *_ids(request), ident, by=request[STAFF].account_id, key=str(key)
        )
    except DomainError as refusal:
        if isinstance(refusal, NotFound):
            raise
        return await _page(request, refusal)
    return see(f"{place.base}/refund-letters#{made}")


def _ids(request: web.Request) -> tuple[int, UUID]:
    return path_number(request, "office"), path_id(request, "appointment")


async def _url(request: web.Request) -> str:
    return f"{(await place_of(request)).base}/cases/{path_id(request, 'appointment')}/refunds"


async def _page(
    request: web.Request,
    refusal: DomainError | None = None,
    typed: Mapping[str, str] | None = None,
    of: UUID | None = None,
) -> web.Response:
    """`typed` and what is wrong with it stand at the order that it was sent for."""
    words, place, here = words_of(request), await place_of(request), await _url(request)
    found = await request.app[REFUNDS].of_case(*_ids(request))
    fields = refusal.errors if isinstance(refusal, Invalid) else ()
    wrong = {one.pointer.lstrip("/"): words._(one.message) for one in fields}
    notice = words._(refusal.message) if refusal is not None and not wrong else ""
    errors = tuple(ShownError(field=name, message=text) for name, text in wrong.items())
    sent = request.query.get("sent") == "1"
    # One form on a page: its fields have names. The next one comes when this one has its account.
    first = next((one.id for one in found.orders if one.status in TAKES_ACCOUNT), None)
    given_to = of or first
    view = RefundsPage(
        frame=staff_frame(
            request,
            words,
            words._("Refunds of appointment {number}", number=found.case.number),
            errors=errors or ((ShownError(field="main", message=notice),) if notice else ()),
        ),
        case_url=f"{place.base}/cases/{found.case.id}",
        letters_url=f"{place.base}/refund-letters" if request[STAFF].may(ENTER, place.office.id) else "",
        notice=notice,
        told=words._("The link is on its way.") if sent and not notice else "",
        rows=_rows(words, found),
        orders=tuple(
            _part(request, words, place, found, one, here, (typed or {}, wrong) if one.id == given_to else None)
            for one in found.orders
        ),
        request_key=new_key(),
    )
    return staff_page(request, "bookings/refunds", view, status=refusal.status if refusal is not None else 200)


def _rows(words: Words, found: CaseRefunds) -> tuple[Row, ...]:
    """All refunds of the case that money moves by, in the words of finance."""
    currency = found.case.fee.currency
    return tuple(
        Row(label=words.fee(Money(one.amount_cents, currency)), value=words._(REFUND[one.status]))
        for one in found.case.refunds
    )


def _part(
    request: web.Request,
    words: Words,
    place: Place,
    found: CaseRefunds,
    order: Order,
    here: str,
    form_of_it: tuple[Mapping[str, str], Mapping[str, str]] | None,
) -> OrderPart:
    """`form_of_it`: what was typed and what is wrong with it; None: the form is another one's."""
    typed, wrong = form_of_it or ({}, {})
    may_enter = request[STAFF].may(ENTER, place.office.id)
    asks = order.status in _MAY_REMIND and not order.is_disputed
    can_write = asks and found.can_write and may_enter
    reach = words._("No message reaches the person: call them, or send a letter.") if not found.can_tell else ""
    return OrderPart(
        id=str(order.id),
        title=words._("Bank transfer of {amount}", amount=words.fee(order.amount)),
        line=words._("The payee reads: “{text}”", text=line(words, order)),
        kind="warning" if asks else "info",
        reach=reach if asks else "",
        remind_url=f"{here}/{order.id}/remind" if asks and found.can_tell else "",
        print_url=f"{here}/{order.id}/letter" if can_write else "",
        enter_url=f"{here}/{order.id}/account" if form_of_it and order.status in TAKES_ACCOUNT and may_enter else "",
        values=typed,
        messages=wrong,
    )


async def letters(request: web.Request) -> web.Response:
    return await _letters(request)


async def print_all(request: web.Request) -> web.Response:
    key, place = key_of(await form(request)), await place_of(request)
    try:
        await request.app[REFUND_LETTERS].print_all(place.office.id, by=request[STAFF].account_id, key=str(key))
    except DomainError as refusal:
        return await _letters(request, refusal)
    return see(f"{place.base}/refund-letters")


async def _letters(request: web.Request, refusal: DomainError | None = None) -> web.Response:
    words, place = words_of(request), await place_of(request)
    found, here = await request.app[REFUNDS].letter_runs(place.office.id), f"{place.base}/refund-letters"
    count = found.waiting
    view = LettersPage(
        frame=staff_frame(request, words, words._("Letters about refunds")),
        office=words.pick(place.office.name),
        problem=words._(refusal.message) if refusal is not None else "",
        print_label=words.ngettext("Print {n} letter", "Print {n} letters", count) if count else "",
        print_action=here,
        request_key=new_key(),
        runs=tuple(
            PrintRun(
                id=str(one.id),
                when=words.when(one.made_at, place.office.time_zone),
                letters=str(one.letters),
                url=f"{here}/{one.id}/letters.pdf",
            )
            for one in found.runs
        ),
    )
    return staff_page(request, "bookings/refund_letters", view, status=refusal.status if refusal is not None else 200)
