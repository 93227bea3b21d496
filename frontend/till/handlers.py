"""Handlers of the till. Each form does one step and leads back to what it changed; a refusal is told on the page it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from aiohttp import web

from base.errors import Conflict, DomainError, FieldError, Gone, Invalid, NotFound, Unavailable
from base.web import SETTINGS, STAFF, form, path_id, path_number
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.model import AppointmentStatus, Brief
from booking.catalogue.endpoints import CATALOGUE
from booking.charges.endpoints import CHARGES, return_url
from booking.charges.model import Charge, ChargeStatus
from frontend.citizen.rendering import key_of, new_key, see, words_of
from frontend.citizen.views import ShownError
from frontend.citizen.words import Words
from frontend.finance.books_views import Table
from frontend.finance.views import Fact, Link
from frontend.staff.frame import staff_frame, staff_page
from frontend.staff.offices import choose_office
from frontend.till import typed, wording
from frontend.till.views import Begins, DeskPage, DrawerPage, Form, Giving, OfficePage, Piece, TakePage
from payment.endpoints import RECONCILIATION, TILLS
from payment.model import LIVING, PaymentStatus
from payment.till.model import COUNTER, DENOMINATIONS, CounterStatus, Method
from payment.till.usecases import Taking, TillState


@dataclass(frozen=True, slots=True)
class Said:
    """What a form could not do, beside what was typed into it."""

    error: DomainError | None = None
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return self.error.status if self.error else 200

    def messages(self, words: Words) -> dict[str, str]:
        return wording.messages(words, self.error)

    def notice(self, words: Words) -> str:
        return "" if self.error is None or isinstance(self.error, Invalid) else wording.refusal(words, self.error)


async def offices(request: web.Request) -> web.Response:
    return await choose_office(request, "till.work", "/till/", words_of(request)._("Which office's till?"))


async def show_office(request: web.Request) -> web.Response:
    return await _office_page(request, Said())


async def set_up(request: web.Request) -> web.Response:
    words, office, fields = words_of(request), path_number(request, "office"), await form(request)
    try:
        ident = await request.app[TILLS].set_up(office, fields.get("name", ""), fields.get("terminal", ""))
    except Invalid as refusal:
        return await _office_page(request, Said(refusal, dict(fields)))
    return see(f"{_base(words, office)}/{ident}")


async def _office_page(request: web.Request, said: Said) -> web.Response:
    words, office = words_of(request), path_number(request, "office")
    base, tills = _base(words, office), request.app[TILLS]
    name = await _office_name(request, words)
    messages = said.messages(words)
    may_set_up = request[STAFF].may("till.close", office)
    view = OfficePage(
        frame=staff_frame(request, words, words._("Till: {office}", office=name), errors=_shown(messages)),
        tills=wording.tills(words, base, await tills.at_office(office)),
        drawers=wording.drawers(words, base, await tills.drawers(office)),
        set_up=Form(action=f"{base}/tills", request_key=new_key(), values=said.values, messages=messages)
        if may_set_up
        else None,
    )
    return staff_page(request, "till/office", view, status=said.status)


async def show_desk(request: web.Request) -> web.Response:
    return await _desk_page(request, Said())


async def open_drawer(request: web.Request) -> web.Response:
    words, fields = words_of(request), await form(request)
    at = await _till(request)
    wrong: list[FieldError] = []
    counted = typed.amount(fields, "float", wrong, default=0)
    brought = typed.amount(fields, "brought", wrong, default=0)
    try:
        if wrong:
            raise Invalid(wrong)
        await request.app[TILLS].open_drawer(
            at.till,
            float_cents=counted or 0,
            brought_cents=brought or 0,
            note=fields.get("note", "").replace("\r\n", "\n"),
            by=request[STAFF].account_id,
            key=key_of(fields),
        )
    except (Conflict, Invalid) as refusal:
        return await _desk_page(request, Said(refusal, dict(fields)))
    return see(_desk(words, at))


async def _desk_page(request: web.Request, said: Said) -> web.Response:
    words, at = words_of(request), await _till(request)
    here, asked = _desk(words, at), request.query.get("q", "").strip() if request.method == "GET" else ""
    found, begins = await _search(request, words, here, asked) if asked else (None, ())
    messages = said.messages(words)
    opens = Form(action=f"{here}/drawer", request_key=new_key(), values=said.values, messages=messages)
    view = DeskPage(
        frame=staff_frame(request, words, at.till.name, errors=_shown(messages)),
        back=_up(words, at),
        notice=said.notice(words),
        facts=(Fact(label=words._("State"), value=wording.state(words, at)),),
        open_form=opens if at.drawer is None else None,
        search_url=here,
        asked=asked,
        found=found,
        begins=begins,
        drawer=Link(label=words._("Protocol and closing of the drawer"), url=_drawer(words, at)) if at.drawer else None,
    )
    return staff_page(request, "till/desk", view, status=said.status)


async def _search(request: web.Request, words: Words, here: str, asked: str) -> tuple[Table | None, tuple[Begins, ...]]:
    """By an appointment's number, today's number of the queue or a Kassenzeichen, however it was typed; and where a payment was not begun,
    a form that begins it."""
    appointments = request.app[APPOINTMENTS]
    case_id = await appointments.find_by_number(asked)
    charges = await request.app[CHARGES].at_till(path_number(request, "office"), asked)
    references = [
        *(await appointments.references(case_id) if case_id is not None else ()),
        *(one.id for one in charges),
    ]
    takings = await request.app[TILLS].payments(await request.app[RECONCILIATION].meant(asked, references))
    briefs = dict(await appointments.briefs([one.payment.reference for one in takings]))
    table, begins = wording.found(words, here, takings, briefs), []
    living = {one.payment.reference for one in takings if one.payment.status in LIVING}
    if case_id is not None and case_id not in living:
        case = await appointments.case(case_id)
        if case.begins_at_till:
            amount = words.fee(case.begins_at_till)
            text = words._("Booked without being paid: {amount}.", amount=amount)
            if case.owed_again:
                text = words._("What was reserved for it ran out, so it is to be paid again: {amount}.", amount=amount)
            if case.status is AppointmentStatus.HELD:
                text = words._(
                    "A time is reserved under this number, and nobody has begun to pay for it: {amount}.", amount=amount
                )
            form = Form(action=f"{here}/appointments/{case_id}", request_key=new_key())
            begins.append(Begins(text=text, form=form))
    for one in charges:
        if one.status is ChargeStatus.OPEN and one.id not in living:
            text = words._(
                "A further fee was asked for: {label}, {amount}.", label=one.label, amount=words.fee(one.amount)
            )
            begins.append(Begins(text=text, form=Form(action=f"{here}/charges/{one.id}", request_key=new_key())))
    return (table if table.rows or not begins else None), tuple(begins)


async def show_payment(request: web.Request) -> web.Response:
    return await _take_page(request, path_id(request, "payment"), Said())


async def take(request: web.Request) -> web.Response:
    words, fields, payment_id = words_of(request), await form(request), path_id(request, "payment")
    at = await _till(request)
    wrong: list[FieldError] = []
    method = Method.CASH if fields.get("method") == Method.CASH else Method.TERMINAL
    given = typed.amount(fields, "given", wrong) if method is Method.CASH else None
    try:
        if wrong:
            raise Invalid(wrong)
        await request.app[TILLS].take(
            at.till,
            payment_id,
            method,
            given_cents=given,
            is_sure=fields.get("sure") == str(given),  # of this amount, not of another one
            slip=fields.get("slip", ""),
            key=key_of(fields),
        )
    except (Conflict, Invalid) as refusal:
        return await _take_page(request, payment_id, Said(refusal, dict(fields)))
    return see(f"{_desk(words, at)}/payments/{payment_id}")


async def take_here(request: web.Request) -> web.Response:
    """The fee of a reserved time, at this till instead of online."""
    words, appointment_id = words_of(request), path_id(request, "appointment")
    await form(request)
    at = await _till(request)
    return_url = f"{request.app[SETTINGS].public_url}/{words.language}/appointments/{appointment_id}/paid"
    try:
        payment = await request.app[APPOINTMENTS].pay_at_till(appointment_id, return_url)
    except (Conflict, Gone, Unavailable) as refusal:
        return await _desk_page(request, Said(refusal))
    if payment is None:
        number = (await request.app[APPOINTMENTS].briefs([appointment_id]))[appointment_id].number
        return see(f"{_desk(words, at)}?q={number}")
    return see(f"{_desk(words, at)}/payments/{payment.id}")


async def take_charge_here(request: web.Request) -> web.Response:
    """A further fee, at this till instead of online."""
    words, charge_id = words_of(request), path_id(request, "charge")
    await form(request)
    at, charges = await _till(request), request.app[CHARGES]
    charge = await charges.get(charge_id)
    try:
        payment = await charges.pay_at_till(charge_id, return_url(request.app[SETTINGS].public_url, charge))
    except (Conflict, Unavailable) as refusal:
        return await _desk_page(request, Said(refusal))
    if payment is None:
        payment = await charges.payment(charge_id)
    return see(f"{_desk(words, at)}/payments/{payment.id}" if payment else _desk(words, at))


async def give_back(request: web.Request) -> web.Response:
    fields, at = await form(request), await _till(request)
    method = Method.CASH if fields.get("method") == Method.CASH else Method.TERMINAL
    refund_id, payment_id = path_id(request, "refund"), path_id(request, "payment")
    try:
        await request.app[TILLS].give_back(at.till, refund_id, method)
    except Conflict as refusal:
        return await _take_page(request, payment_id, Said(refusal))
    return see(f"{_desk(words_of(request), at)}/payments/{payment_id}")


async def leave_to_transfer(request: web.Request) -> web.Response:
    await form(request)
    at, payment_id = await _till(request), path_id(request, "payment")
    try:
        await request.app[TILLS].leave_to_transfer(path_id(request, "refund"))
    except Conflict as refusal:
        return await _take_page(request, payment_id, Said(refusal))
    return see(f"{_desk(words_of(request), at)}/payments/{payment_id}")


async def _take_page(request: web.Request, payment_id: UUID, said: Said) -> web.Response:
    words, at = words_of(request), await _till(request)
    one = await _taking(request, payment_id)
    briefs = dict(await request.app[APPOINTMENTS].briefs([one.payment.reference]))
    charge = await request.app[CHARGES].find(one.payment.reference)
    here, messages, key = f"{_desk(words, at)}/payments/{payment_id}", said.messages(words), new_key()
    is_due = one.session is not None and one.session.status is CounterStatus.OPEN and at.drawer is not None
    fields = Form(action=f"{here}/take", request_key=key, values=said.values, messages=messages)
    is_paid = one.payment.status is PaymentStatus.PAID
    notice = said.notice(words)
    if at.drawer is None and not notice:
        notice = words._("The drawer of this till is not open. Please count and open it first.")
    view = TakePage(
        frame=staff_frame(request, words, wording.about(words, one.payment, briefs), errors=_shown(messages)),
        back=Link(label=at.till.name, url=_desk(words, at)),
        notice=notice,
        done=wording.change(words, one),
        facts=wording.taking_facts(words, one, briefs),
        cash=fields if is_due else None,
        unlikely=wording.unlikely(words, one, said.error, said.values),
        terminal=fields if is_due else None,
        switch=_switch(words, at, one, briefs, is_charge=charge is not None),
        givings=tuple(
            Giving(
                amount=wording.euros(words, refund.amount_cents),
                form=Form(action=f"{here}/refunds/{refund.refund_id}/give", request_key=key),
                transfer=Form(action=f"{here}/refunds/{refund.refund_id}/transfer", request_key=key),
            )
            for refund in (one.refunds if at.drawer is not None else ())
        ),
        receipt_url=f"{here}/receipt" if is_paid else "",
        visit=_visit(words, at, charge, briefs.get(one.payment.reference)),
    )
    return staff_page(request, "till/payment", view, status=said.status)


def _visit(words: Words, at: TillState, charge: Charge | None, brief: Brief | None) -> Link | None:
    """Back to everything that is to be paid of the same visit."""
    number = brief.number if brief is not None else ""
    if charge is not None:
        number = charge.appointment_number or f"{charge.number:03d}"
    if not number or at.drawer is None:
        return None
    return Link(label=words._("All fees of number {number}", number=number), url=f"{_desk(words, at)}?q={number}")


def _switch(words: Words, at: TillState, one: Taking, briefs: Mapping[UUID, Brief], *, is_charge: bool) -> Form | None:
    """Begun online, and not ended."""
    is_online = one.payment.provider != COUNTER and one.payment.status in (PaymentStatus.INTENDED, PaymentStatus.OPEN)
    brief = briefs.get(one.payment.reference)
    if not is_online or at.drawer is None:
        return None
    if is_charge:
        return Form(action=f"{_desk(words, at)}/charges/{one.payment.reference}", request_key=new_key())
    if brief is None or brief.id != one.payment.reference:
        return None
    return Form(action=f"{_desk(words, at)}/appointments/{brief.id}", request_key=new_key())


async def show_drawer(request: web.Request) -> web.Response:
    return await _drawer_page(request, Said())


async def close_drawer(request: web.Request) -> web.Response:
    words, fields, drawer_id = words_of(request), await form(request), path_id(request, "drawer")
    office = path_number(request, "office")
    protocol = await request.app[TILLS].protocol(office, drawer_id)
    wrong: list[FieldError] = []
    counted, count = typed.amount(fields, "counted", wrong), typed.pieces(fields, wrong)
    deposit = typed.amount(fields, "deposit", wrong, default=0)
    try:
        if wrong:
            raise Invalid(wrong)
        await request.app[TILLS].close_drawer(
            protocol.till,
            drawer_id,
            counted_cents=counted,
            count=count,
            deposit_cents=deposit or 0,
            bag=fields.get("bag", ""),
            note=fields.get("note", "").replace("\r\n", "\n"),
            by=request[STAFF].account_id,
        )
    except (Conflict, Invalid) as refusal:
        return await _drawer_page(request, Said(refusal, dict(fields)))
    return see(f"{_base(words, office)}/drawers/{drawer_id}")


async def _drawer_page(request: web.Request, said: Said) -> web.Response:
    words, office, drawer_id = words_of(request), path_number(request, "office"), path_id(request, "drawer")
    protocol, base = await request.app[TILLS].protocol(office, drawer_id), _base(words, office)
    messages = said.messages(words)
    may_close = protocol.drawer.is_open and request[STAFF].may("till.close", office)
    title = words._("Drawer: {till}", till=protocol.till.name)
    view = DrawerPage(
        frame=staff_frame(request, words, title, errors=_shown(messages)),
        back=Link(label=protocol.till.name, url=f"{base}/{protocol.till.id}"),
        notice=said.notice(words),
        facts=wording.drawer_facts(words, protocol),
        moves=wording.moves(words, protocol),
        close=Form(action=f"{base}/drawers/{drawer_id}/close", request_key="", values=said.values, messages=messages)
        if may_close
        else None,
        pieces=tuple(
            Piece(
                name=f"pieces-{cents}",
                label=wording.euros(words, cents),
                value=said.values.get(f"pieces-{cents}", ""),
                error=messages.get(f"pieces-{cents}", ""),
            )
            for cents in DENOMINATIONS
        ),
    )
    return staff_page(request, "till/drawer", view, status=said.status)


async def _till(request: web.Request) -> TillState:
    return await request.app[TILLS].till(path_number(request, "office"), path_number(request, "till"))


async def _taking(request: web.Request, payment_id: UUID) -> Taking:
    found: Sequence[Taking] = await request.app[TILLS].payments([payment_id])
    if not found:
        raise NotFound
    return found[0]


async def _office_name(request: web.Request, words: Words) -> str:
    offices = (await request.app[CATALOGUE].snapshot()).offices
    office = offices.get(path_number(request, "office"))
    if office is None:
        raise NotFound
    return words.pick(office.name)


def _shown(messages: Mapping[str, str]) -> tuple[ShownError, ...]:
    return tuple(ShownError(field=name, message=text) for name, text in messages.items())


def _base(words: Words, office: int) -> str:
    return f"/{words.language}/till/{office}"


def _desk(words: Words, at: TillState) -> str:
    return f"{_base(words, at.till.office_id)}/{at.till.id}"


def _drawer(words: Words, at: TillState) -> str:
    assert at.drawer is not None, "asked for an open one"
    return f"{_base(words, at.till.office_id)}/drawers/{at.drawer.id}"


def _up(words: Words, at: TillState) -> Link:
    return Link(label=words._("All tills of the office"), url=_base(words, at.till.office_id))
