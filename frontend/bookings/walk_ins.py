"""Refunds that wait for an account of somebody whom nobody can write to: a list for their office, and the form for who tells it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from base.errors import DomainError, Invalid, NotFound
from base.web import STAFF, form, path_id
from booking.appointments.model import Case
from booking.charges.walk_in_endpoints import WALK_INS
from booking.charges.walk_ins import WalkInRefund
from booking.refunds.endpoints import REFUNDS
from frontend.bookings.places import Place, place_of
from frontend.citizen.refund_wording import line
from frontend.citizen.rendering import key_of, new_key, see, words_of
from frontend.citizen.views import ShownError
from frontend.citizen.words import Words
from frontend.finance.books_views import Column, Table
from frontend.finance.views import Fact, Link
from frontend.staff.frame import staff_frame, staff_page
from frontend.staff.views import StaffFrame
from payment.receipts.kassenzeichen import spaced
from payment.transfers.model import Order
from payment.transfers.states import TAKES_ACCOUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class UnaskedPage:
    frame: StaffFrame
    back: Link
    found: Table
    letters_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkInPage:
    """One of them. `enter_url`: empty where no account is wanted any more."""

    frame: StaffFrame
    back: Link
    notice: str
    line: str
    facts: tuple[Fact, ...]
    enter_url: str
    request_key: str
    values: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)


async def show_all(request: web.Request) -> web.Response:
    words, place = words_of(request), await place_of(request)
    walk_ins = await request.app[WALK_INS].waiting(place.office.id)
    unreached = await request.app[REFUNDS].unreached(place.office.id)
    rows = [(one.order, _of_visit(words, place, one)) for one in walk_ins]
    rows += [(order, _of_case(words, place, order, case)) for order, case in unreached]
    view = UnaskedPage(
        frame=staff_frame(request, words, words._("Refunds without an account")),
        back=Link(label=words.pick(place.office.name), url=place.base),
        found=table(words, tuple(row for _, row in sorted(rows, key=lambda pair: pair[0].changed_at))),
        letters_url=f"{place.base}/refund-letters",
    )
    return staff_page(request, "bookings/unasked", view)


def table(words: Words, rows: tuple[tuple[Link, ...], ...]) -> Table:
    return Table(
        heading=words._("They wait for a bank account"),
        columns=(
            Column(words._("Appointment or queue number")),
            Column(words._("What for")),
            Column(words._("Since")),
            Column("Kassenzeichen"),
            Column(words._("Amount"), is_number=True),
        ),
        rows=rows,
        intro=(
            words._(
                "Nobody can write to these people: they came without an appointment, or left no address. Whoever calls or comes by "
                "tells the account here; the receipt of a further fee has a code with which they can do so themselves."
            ),
        ),
        empty=words._("None."),
    )


def _of_visit(words: Words, place: Place, one: WalkInRefund) -> tuple[Link, ...]:
    label = f"{one.charge.number:03d}, {words.day(one.charge.day)}"
    url = f"{place.base}/walk-in-refunds/{one.order.id}"
    return (Link(label=label, url=url), Link(label=one.charge.label), *_money(words, place, one.order))


def _of_case(words: Words, place: Place, order: Order, case: Case) -> tuple[Link, ...]:
    service = words.pick(place.known.services[case.service_id].name)
    url = f"{place.base}/cases/{case.id}/refunds"
    return (Link(label=case.number, url=url), Link(label=service), *_money(words, place, order))


def _money(words: Words, place: Place, order: Order) -> tuple[Link, ...]:
    return (
        Link(label=words.when(order.changed_at, place.office.time_zone)),
        Link(label=spaced(order.kassenzeichen)),
        Link(label=words.fee(order.amount)),
    )


async def show(request: web.Request) -> web.Response:
    return await _page(request)


async def enter(request: web.Request) -> web.Response:
    fields, place = await form(request), await place_of(request)
    key_of(fields)
    ident, typed = path_id(request, "transfer"), {name: fields.get(name, "")[:200] for name in ("holder", "iban")}
    try:
        await request.app[WALK_INS].enter(
            place.office.id, ident, holder=typed["holder"], iban=typed["iban"], by=request[STAFF].account_id
        )
    except DomainError as refusal:
        if isinstance(refusal, NotFound):
            raise
        return await _page(request, refusal, typed)
    return see(f"{place.base}/walk-in-refunds/{ident}")


async def _page(
    request: web.Request, refusal: DomainError | None = None, typed: Mapping[str, str] | None = None
) -> web.Response:
    words, place = words_of(request), await place_of(request)
    found = await request.app[WALK_INS].get(place.office.id, path_id(request, "transfer"))
    wrong = {}
    if isinstance(refusal, Invalid):
        wrong = {one.pointer.lstrip("/"): words._(one.message) for one in refusal.errors}
    order, charge = found.order, found.charge
    view = WalkInPage(
        frame=staff_frame(
            request,
            words,
            words._("Refund of {amount}", amount=words.fee(order.amount)),
            errors=tuple(ShownError(field=name, message=text) for name, text in wrong.items()),
        ),
        back=Link(label=words._("Refunds without an account"), url=f"{place.base}/refunds"),
        notice=words._(refusal.message) if refusal is not None and not wrong else "",
        line=words._("The payee reads: “{text}”", text=line(words, order)),
        facts=(
            Fact(label=words._("Queue number"), value=f"{charge.number:03d}"),
            Fact(label=words._("Day"), value=words.day(charge.day)),
            Fact(label=words._("What for"), value=charge.label),
            Fact(label="Kassenzeichen", value=spaced(order.kassenzeichen)),
            Fact(label=words._("Account"), value=f"… {order.iban_end}" if order.iban_end else "–"),
        ),
        enter_url=f"{place.base}/walk-in-refunds/{order.id}/account"
        if order.status in TAKES_ACCOUNT and not order.is_disputed
        else "",
        request_key=new_key(),
        values=typed or {},
        messages=wrong,
    )
    return staff_page(request, "bookings/walk_in", view, status=refusal.status if refusal is not None else 200)
