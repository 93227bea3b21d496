"""Handlers of one payment: its story, asking the provider again, and the refund by two persons."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from uuid import UUID

from aiohttp import web

from base.errors import Conflict, DomainError, Invalid
from base.identity.model import Principal
from base.web import STAFF, form, path_id
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.model import Brief
from frontend.citizen.rendering import key_of, new_key, see, words_of
from frontend.citizen.views import ShownError
from frontend.citizen.words import Words
from frontend.finance import wording
from frontend.finance.dispute_pages import dispute_line
from frontend.finance.further import further_facts
from frontend.finance.payment_views import PaymentPage, RefundLine
from frontend.finance.payment_way import way
from frontend.finance.shared import about, day_link, difference_lines, entry_lines, payment_url, zone_of
from frontend.finance.trail import at, crumbs, down, with_way
from frontend.finance.views import Fact, Link
from frontend.staff.frame import staff_frame, staff_page
from payment.endpoints import PAYMENTS, RECEIPTS, RECONCILIATION
from payment.model import (
    ERASED_NOTE,
    UNREFUNDABLE,
    Payment,
    PaymentStatus,
    Refund,
    RefundStatus,
    RefundStep,
    StepEvent,
)
from payment.receipts.kassenzeichen import spaced
from payment.receipts.model import Receipt
from payment.reconciliation.model import Story

_BADGE = {RefundStatus.SUCCEEDED: "success", RefundStatus.FAILED: "warning"}


async def show_payment(request: web.Request) -> web.Response:
    return await _page(request, path_id(request, "payment"))


async def settle(request: web.Request) -> web.Response:
    """What the worker does by itself as well, now."""
    payment_id = path_id(request, "payment")
    await form(request)
    await request.app[PAYMENTS].settle(payment_id)
    return _back(request, payment_id)


async def request_refund(request: web.Request) -> web.Response:
    fields, payment_id = await form(request), path_id(request, "payment")
    note, staff = fields.get("note", "").replace("\r\n", "\n"), request[STAFF]
    work = request.app[PAYMENTS].propose_refund(payment_id, by=staff.account_id, note=note, key=key_of(fields))
    return await _decided(request, payment_id, work, note)


async def approve_refund(request: web.Request) -> web.Response:
    payment_id, refund_id = path_id(request, "payment"), path_id(request, "refund")
    await form(request)
    work = request.app[PAYMENTS].approve_refund(payment_id, refund_id, by=request[STAFF].account_id)
    return await _decided(request, payment_id, work)


async def reject_refund(request: web.Request) -> web.Response:
    """`why`: what its payee reads, where a rule gives it."""
    payment_id, refund_id = path_id(request, "payment"), path_id(request, "refund")
    why = (await form(request)).get("why", "").replace("\r\n", "\n")
    work = request.app[PAYMENTS].reject_refund(payment_id, refund_id, by=request[STAFF].account_id, note=why)
    return await _decided(request, payment_id, work, why, "why")


async def ask_anew(request: web.Request) -> web.Response:
    payment_id, refund_id = path_id(request, "payment"), path_id(request, "refund")
    await form(request)
    work = request.app[PAYMENTS].ask_refund_anew(payment_id, refund_id, by=request[STAFF].account_id)
    return await _decided(request, payment_id, work)


async def _decided(
    request: web.Request, payment_id: UUID, work: Awaitable[Refund], note: str = "", field: str = "note"
) -> web.Response:
    """Back to the payment; a refusal is told on its page. `field`: where the note was typed."""
    try:
        await work
    except (Conflict, Invalid) as refusal:
        return await _page(request, payment_id, refusal, {field: note})
    return _back(request, payment_id)


def _back(request: web.Request, payment_id: UUID) -> web.Response:
    words = words_of(request)
    url = payment_url(words, payment_id)
    return see(with_way(at(request, words, url), url))


async def _page(
    request: web.Request,
    payment_id: UUID,
    refusal: DomainError | None = None,
    typed: Mapping[str, str] = MappingProxyType({}),
) -> web.Response:
    """`typed`: of the one form that was sent, its field and what stood in it."""
    reconciliation = request.app[RECONCILIATION]
    words = at(request, words_of(request), payment_url(words_of(request), payment_id))
    story = await reconciliation.payment(payment_id)
    payment, staff = story.payment, request[STAFF]
    briefs = await request.app[APPOINTMENTS].briefs([payment.reference])
    brief = briefs.get(payment.reference)
    references = await request.app[APPOINTMENTS].references(brief.id) if brief else [payment.reference]
    others = [one for one in await reconciliation.of_references(references) if one != payment_id]
    wrong = (
        {next(iter(typed), "note"): words._(one.message) for one in refusal.errors}
        if isinstance(refusal, Invalid)
        else {}
    )
    errors = tuple(ShownError(field=name, message=text) for name, text in wrong.items())
    receipt = await request.app[RECEIPTS].of(payment_id) if payment.captured_cents else None
    here, place = payment_url(words, payment_id), str(zone_of(words))
    title = about(words, payment, briefs).label
    awaited = any(one.status is RefundStatus.REQUESTED and not one.needs_approval for one in story.refunds)
    is_disputed = any(one.status in UNREFUNDABLE for one in story.disputes)
    can_ask = not is_disputed and payment.status is PaymentStatus.PAID and bool(payment.refundable) and not awaited
    view = PaymentPage(
        frame=staff_frame(request, words, words._("Payment: {what}", what=title), errors=errors),
        notice=words._(refusal.message) if refusal is not None and not wrong else "",
        facts=_facts(words, story, receipt),
        provider_facts=_provider_facts(words, story),
        is_silent=story.look is None,
        appointment=_appointment(words, brief, staff),
        further=await further_facts(request, words, payment),
        others=tuple(
            Link(label=words._("Payment {number}", number=n), url=down(words, payment_url(words, one)))
            for n, one in enumerate(others, start=1)
        ),
        differences=difference_lines(words, story.differences, {payment_id: payment}, briefs),
        refunds=tuple(_refund_line(words, story, refund, staff, here) for refund in story.refunds),
        disputes=tuple(dispute_line(words, one, payment, briefs) for one in story.disputes),
        entries=entry_lines(words, story.posted, {payment_id: payment}, {}, with_day=True),
        told=tuple(Fact(label=words.when(one.received_at, place), value=one.kind) for one in story.messages),
        way=await way(request, words, payment),
        trail=crumbs(words),
        day=day_link(words, payment.created_at.astimezone(zone_of(words)).date()),
        settle_url=with_way(words, f"{here}/settle")
        if payment.status is not PaymentStatus.PAID and staff.may("refund.request")
        else "",
        request_url=with_way(words, f"{here}/refunds") if can_ask and staff.may("refund.request") else "",
        refundable=wording.money(words, payment.refundable),
        request_key=new_key(),
        values=typed,
        messages=wrong,
    )
    return staff_page(request, "finance/payment", view, status=refusal.status if refusal is not None else 200)


def _facts(words: Words, story: Story, receipt: Receipt | None) -> tuple[Fact, ...]:
    payment, place = story.payment, str(zone_of(words))
    facts = [
        Fact(label=words._("Amount"), value=wording.money(words, payment.amount)),
        Fact(label=words._("State here"), value=words._(wording.PAYMENT[payment.status])),
        Fact(label=words._("Made"), value=words.when(payment.created_at, place)),
        Fact(label=words._("Attempts to open it at the provider"), value=str(payment.attempt)),
    ]
    if payment.attention:
        facts.append(Fact(label=words._("What is wrong"), value=wording.attention(words, payment.attention)))
    if payment.surplus:
        facts.append(Fact(label=words._("Surplus"), value=words._("Paid a second time; goes back in full by itself")))
    facts += _reservation(words, payment)
    if payment.captured_cents:
        facts.append(Fact(label=words._("Can still be refunded"), value=wording.money(words, payment.refundable)))
    if payment.checked_at:
        facts.append(Fact(label=words._("Provider last asked"), value=words.when(payment.checked_at, place)))
    facts.append(Fact(label="Kassenzeichen", value=spaced(payment.kassenzeichen)))
    if receipt is not None:
        facts.append(Fact(label=words._("Receipt number"), value=receipt.label))
    facts.append(Fact(label=words._("Our number"), value=str(payment.id)))
    return tuple(facts)


def _reservation(words: Words, payment: Payment) -> Iterator[Fact]:
    """What was reserved is no taking: it stands beside, until it is taken."""
    until = payment.authorised_until
    if until is None:
        return
    yield Fact(label=words._("Reserved until"), value=words.when(until, str(zone_of(words))))
    if payment.captured_cents:
        taken = replace(payment.amount, cents=payment.captured_cents)
        yield Fact(label=words._("Taken of it"), value=wording.money(words, taken))
    elif payment.is_uncovered:
        yield Fact(label=words._("What is wrong"), value=words._("The reservation ran out before the money was taken."))
    elif payment.take_cents == 0 and payment.status is PaymentStatus.FENCED:
        yield Fact(label=words._("To be taken of it"), value=words._("Nothing: it was let go"))
    elif payment.take_cents == 0:
        yield Fact(label=words._("To be taken of it"), value=words._("Nothing: it is let go"))
    elif payment.take_cents:
        due = replace(payment.amount, cents=payment.take_cents)
        yield Fact(label=words._("To be taken of it"), value=wording.money(words, due))
    else:
        yield Fact(label=words._("To be taken of it"), value=words._("After the visit, or before it runs out"))


def _provider_facts(words: Words, story: Story) -> tuple[Fact, ...]:
    payment, session = story.payment, story.look.session if story.look else None
    facts = [Fact(label=words._("Provider"), value=payment.provider.capitalize())]
    if session is not None:
        facts.append(Fact(label=words._("State there"), value=words._(wording.SESSION[session.state])))
        facts.append(Fact(label=words._("Amount there"), value=wording.money(words, session.amount) or "–"))
    elif story.look is not None:
        facts.append(Fact(label=words._("State there"), value=words._("not asked for")))
    charge_id = payment.charge_id or (session.charge_id if session else None)
    if payment.session_id:
        facts.append(Fact(label=words._("Session"), value=payment.session_id))
    if charge_id:
        facts.append(Fact(label=words._("Charge"), value=charge_id))
    return tuple(facts)


def _appointment(words: Words, brief: Brief | None, staff: Principal) -> tuple[Fact, ...]:
    """Its number leads to the case for whoever books for its office."""
    if brief is None:
        return ()
    may_see = staff.may("hold.staff", brief.office_id)
    url = f"/{words.language}/bookings/{brief.office_id}/cases/{brief.id}" if may_see else ""
    return (
        Fact(label=words._("Number"), value=brief.number, url=url),
        Fact(label=words._("Service"), value=words.pick(brief.service)),
        Fact(label=words._("Office"), value=words.pick(brief.office)),
        Fact(label=words._("Begins"), value=words.when(brief.starts_at, brief.time_zone)),
    )


def _refund_line(words: Words, story: Story, refund: Refund, staff: Principal, here: str) -> RefundLine:
    is_open, is_own = refund.status is RefundStatus.REQUESTED, refund.is_own_of(staff.account_id)
    can_ask = refund.needs_approval and refund.status is RefundStatus.REJECTED and staff.may("refund.request")
    may_decide = is_open and staff.may("refund.approve")
    # One form on a page: its field has a name. The next one comes when this one is decided.
    is_first = refund == next((one for one in story.refunds if one.is_promised), refund)
    there = story.look.refunds if story.look else ()
    seen = next((one for one in there if refund.id == one.refund_id or refund.provider_id == one.provider_id), None)
    place = str(zone_of(words))
    return RefundLine(
        at=words.when(refund.created_at, place),
        reason=wording.note(words, refund),
        amount=wording.cents(words, refund.amount_cents, story.payment.currency),
        status=words._(wording.REFUND[refund.status]),
        there=words._(wording.REFUND_THERE[seen.state]) if seen else "–",
        people=_people(words, story, refund),
        failure=wording.failure(words, refund.failure),
        kind=_BADGE.get(refund.status, "info"),
        again=words._("Tried anew by itself: {when}", when=words.near(refund.retry_at, place))
        if refund.retry_at
        else "",
        is_request=is_open,
        approve_url=with_way(words, f"{here}/refunds/{refund.id}/approve") if may_decide and not is_own else "",
        reject_url=with_way(words, f"{here}/refunds/{refund.id}/reject") if may_decide and is_first else "",
        is_by_rule=refund.needs_approval,
        again_url=with_way(words, f"{here}/refunds/{refund.id}/again") if can_ask else "",
        hint=_hint(words, refund) if is_open and is_own else "",
        steps=tuple(_step(words, story, step) for step in story.steps if step.refund_id == refund.id),
    )


def _hint(words: Words, refund: Refund) -> str:
    if refund.needs_approval:
        return words._("This refund comes of what you have done or asked for, so another person has to approve it.")
    return words._("You asked for this refund, so another person has to approve it.")


def _step(words: Words, story: Story, step: RefundStep) -> str:
    when, name = words.when(step.at, str(zone_of(words))), story.people.name(step.by)
    if step.event is StepEvent.REJECTED:
        why = words._("(reason deleted with the personal data)") if step.note == ERASED_NOTE else step.note
        return words._("Rejected by {name}, {when}: {why}", name=name, when=when, why=why)
    if step.by is None:
        return words._("Asked for anew by the payee, {when}", when=when)
    return words._("Asked for anew by {name}, {when}", name=name, when=when)


def _people(words: Words, story: Story, refund: Refund) -> str:
    name = story.people.name
    if refund.requested_by is not None:
        parts = [words._("Asked for by {name}", name=name(refund.requested_by))]
    elif refund.caused_by is not None:
        parts = [words._("By rule, because of what {name} did for the payee", name=name(refund.caused_by))]
    else:
        parts = [words._("By rule")]
    if refund.approved_by is not None:
        parts.append(words._("approved by {name}", name=name(refund.approved_by)))
    if refund.rejected_by is not None and not refund.needs_approval:  # that has its own line, with the reason
        parts.append(words._("rejected by {name}", name=name(refund.rejected_by)))
    return ", ".join(parts)
