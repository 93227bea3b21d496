"""Handlers of disputes: the list with its deadlines, and one with what the city can say for itself.

The evidence names nobody: what the payer's bank needs is that the service was booked, told and given, and when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from aiohttp import web

from base.i18n import mark as _
from base.web import path_id
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.model import Brief
from booking.queue.model import Step
from frontend.citizen.rendering import words_of
from frontend.citizen.words import Words
from frontend.counter.keys import QUEUE
from frontend.finance import wording
from frontend.finance.further import further_facts
from frontend.finance.shared import about, day_link, today_of, zone_of
from frontend.finance.views import DisputeLine, DisputePage, DisputesPage, Fact, Link
from frontend.staff.frame import staff_frame, staff_page
from notifications.endpoints import NOTIFICATIONS
from notifications.model import Sent
from payment.endpoints import RECEIPTS, RECONCILIATION
from payment.model import Dispute, DisputeStatus, Payment
from payment.receipts.kassenzeichen import spaced

_LATE = timedelta(days=3)
_WAITS = (DisputeStatus.INQUIRY, DisputeStatus.OPEN)

# What of a case's history speaks for the city. The rest (held, expired, called again) says nothing to a bank.
_STEPS: Mapping[tuple[bool, str], str] = {
    (False, "confirmed"): _("Appointment confirmed"),
    (False, "moved"): _("Moved to another time by the payer"),
    (False, "cancelled"): _("Appointment cancelled"),
    (True, "waiting"): _("Came and was checked in"),
    (True, "serving"): _("Was served at the counter"),
    (True, "done"): _("Service finished"),
    (True, "no_show"): _("Did not come when called"),
}
_MESSAGES: Mapping[str, str] = {
    "appointment_confirmed": _("Confirmation of the appointment"),
    "appointment_moved": _("New time of the appointment"),
    "appointment_cancelled": _("Cancellation of the appointment"),
    "appointment_reserved": _("Reservation, to be paid"),
    "till_reserved": _("Reservation, to be paid"),
    "appointment_reconfirm": _("Question whether the payer comes"),
    "call_link": _("Link to the video consultation"),
    "refund_succeeded": _("Message of a refund"),
    "fee_taken": _("Message that the fee was charged"),
    "fee_due_again": _("Request to pay again"),
    "paid_too_late": _("Message of a payment that came too late"),
}
_CHANNELS: Mapping[str, str] = {"email": _("e-mail"), "sms": _("text message"), "letter": _("letter")}
_FATES: Mapping[str, str] = {
    "sent": _("sent"),
    "delivered": _("delivered"),
    "undelivered": _("not delivered"),
    "dead": _("could not be sent"),
}


async def show_disputes(request: web.Request) -> web.Response:
    words = words_of(request)
    found = await request.app[RECONCILIATION].disputes()
    briefs = await request.app[APPOINTMENTS].briefs([payment.reference for _dispute, payment in found])
    view = DisputesPage(
        frame=staff_frame(request, words, words._("Till: disputes")),
        day=day_link(words, today_of(words)),
        disputes=tuple(dispute_line(words, one, payment, briefs) for one, payment in found),
    )
    return staff_page(request, "finance/disputes", view)


async def show_dispute(request: web.Request) -> web.Response:
    words = words_of(request)
    dispute, payment = await request.app[RECONCILIATION].dispute(path_id(request, "dispute"))
    briefs = await request.app[APPOINTMENTS].briefs([payment.reference])
    brief = briefs.get(payment.reference)
    receipt = await request.app[RECEIPTS].of(payment.id)
    references = await request.app[APPOINTMENTS].references(brief.id) if brief else [payment.reference]
    steps = await request.app[QUEUE].steps_of(brief.id) if brief else []
    sent = await request.app[NOTIFICATIONS].sent_of({*references, *([brief.id] if brief else [])})
    title = about(words, payment, dict(briefs)).label
    further = await further_facts(request, words, payment)
    view = DisputePage(
        frame=staff_frame(request, words, words._("Dispute: {what}", what=title)),
        all=Link(label=words._("All disputes"), url=f"/{words.language}/finance/disputes"),
        dispute=dispute_line(words, dispute, payment, briefs),
        facts=_facts(words, dispute, payment),
        payment=(*_payment(words, payment, receipt.label, brief), *further[:-1]),
        visit=(*further[-1:], *_visit(words, steps, brief)),
        messages=_messages(words, sent),
        is_known=brief is not None or bool(further),
    )
    return staff_page(request, "finance/dispute", view)


def dispute_line(words: Words, dispute: Dispute, payment: Payment, briefs: Mapping[UUID, Brief]) -> DisputeLine:
    place, due = str(zone_of(words)), dispute.evidence_due_at
    waits = dispute.status in _WAITS
    return DisputeLine(
        about=about(words, payment, briefs),
        dispute=Link(
            label=words._("Dispute {id}", id=f"…{dispute.provider_id[-5:]}"),
            url=f"/{words.language}/finance/disputes/{dispute.id}",
        ),
        amount=wording.cents(words, dispute.amount_cents, payment.currency),
        status=words._(wording.DISPUTE[dispute.status]),
        reason=wording.dispute_reason(words, dispute.reason),
        opened=words.when(dispute.opened_at, place),
        due=words.when(due, place) if waits and due else "",
        is_open=waits,
        is_late=waits and due is not None and due - words.now < _LATE,
        attention=wording.attention(words, dispute.attention),
    )


def _facts(words: Words, dispute: Dispute, payment: Payment) -> tuple[Fact, ...]:
    place = str(zone_of(words))
    facts = [
        Fact(label=words._("Id at the provider"), value=dispute.provider_id),
        Fact(label=words._("Disputed"), value=wording.cents(words, dispute.amount_cents, payment.currency)),
        Fact(label=words._("Reason given"), value=wording.dispute_reason(words, dispute.reason)),
        Fact(label=words._("Opened"), value=words.when(dispute.opened_at, place)),
        Fact(label=words._("State"), value=words._(wording.DISPUTE[dispute.status])),
    ]
    if dispute.evidence_due_at:
        facts.append(Fact(label=words._("Evidence is taken until"), value=words.when(dispute.evidence_due_at, place)))
    if dispute.closed_at:
        facts.append(Fact(label=words._("Decided"), value=words.when(dispute.closed_at, place)))
    taken = wording.cents(words, dispute.taken_cents - dispute.returned_cents, payment.currency)
    facts.append(Fact(label=words._("Taken from our money with the provider"), value=taken))
    return tuple(facts)


def _payment(words: Words, payment: Payment, receipt: str, brief: Brief | None) -> tuple[Fact, ...]:
    facts = [
        Fact(label=words._("Paid"), value=wording.money(words, payment.amount)),
        Fact(label=words._("What for"), value=payment.description),
        Fact(label=words._("Receipt number"), value=receipt),
        Fact(label="Kassenzeichen", value=spaced(payment.kassenzeichen)),
        Fact(label=words._("Charge"), value=payment.charge_id or "–"),
    ]
    if payment.refunded_cents:
        value = wording.cents(words, payment.refunded_cents, payment.currency)
        facts.append(Fact(label=words._("Refunded or to be refunded"), value=value))
    if brief is not None:
        facts += [
            Fact(label=words._("Appointment"), value=brief.number),
            Fact(label=words._("Service"), value=words.pick(brief.service)),
            Fact(label=words._("Office"), value=words.pick(brief.office)),
            Fact(label=words._("Begins"), value=words.when(brief.starts_at, brief.time_zone)),
        ]
    return tuple(facts)


def _visit(words: Words, steps: Sequence[Step], brief: Brief | None) -> tuple[Fact, ...]:
    place = brief.time_zone if brief else str(zone_of(words))
    told = [(one, _STEPS[one.of_ticket, one.status]) for one in steps if (one.of_ticket, one.status) in _STEPS]
    return tuple(Fact(label=words.when(one.at, place), value=words._(text)) for one, text in told)


def _messages(words: Words, sent: Sequence[Sent]) -> tuple[Fact, ...]:
    place = str(zone_of(words))
    return tuple(
        Fact(
            label=words.when(one.sent_at or one.created_at, place),
            value=", ".join(
                (
                    words._(_MESSAGES[one.template]) if one.template in _MESSAGES else words._("Other message"),
                    words._(_CHANNELS[one.channel]) if one.channel in _CHANNELS else one.channel,
                    words._(_FATES[one.status]) if one.status in _FATES else one.status,
                )
            ),
        )
        for one in sent
    )
