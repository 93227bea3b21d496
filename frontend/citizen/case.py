"""The case page: one page for the whole life of an appointment, from the open payment to the returned fee."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from base.i18n import Text
from base.money import Money
from booking.appointments.model import AppointmentStatus, Case
from frontend.citizen.finding import documents
from frontend.citizen.frame import frame
from frontend.citizen.holding import Chosen, appointment_rows, book_button
from frontend.citizen.views import CasePage
from frontend.citizen.words import Words
from payment.model import PaymentStatus, RefundStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """What the page needs to know of a case, whatever the tables look like."""

    id: UUID
    number: str
    status: str  # held, expiring, confirmed, expired, cancelled, finished, no_show
    chosen: Chosen
    payment: str = ""  # "", open, processing, paid, failed
    refund: str = ""  # "", under_way, done, failed
    refund_amount: Money | None = None
    has_email: bool = True
    can_cancel: bool = False
    cancellation: Text | None = None
    keep_url: str = ""
    has_call: bool = False


_PAYMENT = {
    PaymentStatus.INTENDED: "open",
    PaymentStatus.OPEN: "open",
    PaymentStatus.PROCESSING: "processing",
    PaymentStatus.PAID: "paid",
    PaymentStatus.FENCED: "failed",
    PaymentStatus.ATTENTION: "processing",
}
_REFUND = {RefundStatus.SUCCEEDED: "done", RefundStatus.FAILED: "failed"}


def facts_of(case: Case, chosen: Chosen, now: datetime, keep_url: str = "", *, has_call: bool = False) -> CaseFacts:
    payment = _PAYMENT[case.payment.status] if case.payment else ""
    refund = case.refunds[-1] if case.refunds else None
    status = case.status.value
    if case.status is AppointmentStatus.HELD and case.hold_until is not None and case.hold_until <= now:
        # the worker has not come by yet; what it will find is known already
        status = "expiring" if payment in ("open", "processing") else "expired"
    return CaseFacts(
        id=case.id,
        number=case.number,
        status=status,
        chosen=chosen,
        payment=payment,
        refund=_REFUND.get(refund.status, "under_way") if refund else "",
        refund_amount=Money(refund.amount_cents, case.fee.currency) if refund else None,
        has_email=case.contact.email is not None,
        can_cancel=case.status is AppointmentStatus.CONFIRMED and case.starts_at > now,
        cancellation=case.refund_policy,
        keep_url=keep_url,
        has_call=has_call,
    )


@dataclass(frozen=True, slots=True)
class _Said:
    kind: str
    title: str
    lines: tuple[str, ...] = ()
    with_when: bool = True


def case_page(words: Words, facts: CaseFacts, request_key: str, *, asks_to_cancel: bool = False) -> CasePage:
    said, chosen = _said(words, facts), facts.chosen
    path = f"/appointments/{facts.id}"
    here = f"/{words.language}{path}"
    is_open = facts.status in ("held", "expiring")
    asks = asks_to_cancel and facts.can_cancel
    return CasePage(
        frame=frame(words, said.title, path),
        kind=said.kind,
        lines=said.lines,
        when=words.when(chosen.starts_at, chosen.office.time_zone) if said.with_when else "",
        number=facts.number,
        rows=appointment_rows(words, chosen),
        documents=documents(words, chosen.service.documents) if facts.status in ("held", "confirmed") else (),
        calendar_url=f"{here}/calendar.ics" if facts.status == "confirmed" else "",
        call_url=f"{here}/call" if facts.status == "confirmed" and facts.has_call else "",
        keep_url="" if facts.has_email else facts.keep_url,
        pay_action=f"{here}/pay"
        if is_open and facts.payment in ("", "open", "failed") and facts.status == "held"
        else "",
        pay_button=_pay_button(words, facts),
        refresh_url=here if is_open and (facts.payment == "processing" or facts.status == "expiring") else "",
        cancel_url=here if asks else f"{here}?cancel=1#cancel-question" if facts.can_cancel else "",
        cancel_action=f"{here}/cancel" if asks else "",
        cancel_text=words.pick(facts.cancellation) or words._("The time is then free for others."),
        new_url=f"/{words.language}/services/{chosen.service.id}" if facts.status in ("expired", "cancelled") else "",
        request_key=request_key,
    )


def _said(words: Words, facts: CaseFacts) -> _Said:
    match facts.status:
        case "confirmed":
            return _Said("success", words._("Your appointment is confirmed"), _confirmed(words, facts))
        case "held" if facts.payment == "processing":
            return _Said(
                "info",
                words._("Your payment is being processed"),
                (
                    words._(
                        "This takes a moment, sometimes longer. Your appointment stays reserved; you need not pay again."
                    ),
                ),
            )
        case "held" if facts.payment == "failed":
            return _Said(
                "warning",
                words._("The payment did not work"),
                (words._("Nothing was charged. You can try again, also with another means of payment."),),
            )
        case "held" if facts.chosen.fee:
            return _Said(
                "warning", words._("Not yet paid"), (words._("Your appointment is booked as soon as you have paid."),)
            )
        case "held":
            return _Said("warning", words._("Not yet booked"), (words._("One step is missing: book the appointment."),))
        case "expiring":
            return _Said(
                "info",
                words._("We are asking the payment provider"),
                (
                    words._(
                        "The reservation has run out while a payment was open. If your money has arrived, the appointment is yours."
                    ),
                ),
            )
        case "expired":
            return _Said(
                "warning",
                words._("The reservation has run out"),
                _refund(words, facts) or (words._("The time is free for others again. Nothing was charged."),),
                with_when=False,
            )
        case "cancelled":
            return _Said("info", words._("Your appointment is cancelled"), _refund(words, facts), with_when=False)
        case _:
            return _Said("info", words._("Your appointment is over"), ())


def _confirmed(words: Words, facts: CaseFacts) -> tuple[str, ...]:
    lines = []
    if facts.chosen.fee:
        lines.append(words._("The fee of {fee} is paid.", fee=words.fee(facts.chosen.fee)))
    if facts.has_call:
        lines.append(
            words._(
                "When it is time, go to the video call from this page. From half an hour before you can try camera and microphone."
            )
        )
    if facts.has_email:
        lines.append(words._("We send the confirmation by e-mail, with the link to this page."))
    return tuple(lines)


def _refund(words: Words, facts: CaseFacts) -> tuple[str, ...]:
    if not facts.refund:
        return ()
    amount = words.fee(facts.refund_amount or facts.chosen.fee)
    return {
        "under_way": (
            words._("We are returning {amount} to you, the way you paid. This takes up to ten days.", amount=amount),
        ),
        "done": (words._("We have returned {amount} to you, the way you paid.", amount=amount),),
        "failed": (
            words._(
                "Returning {amount} did not work yet. We take care of it; you need not do anything.", amount=amount
            ),
        ),
    }[facts.refund]


def _pay_button(words: Words, facts: CaseFacts) -> str:
    if facts.payment == "failed":
        return words._("Pay again")
    if facts.payment == "open":
        return words._("Pay now")
    return book_button(words, facts.chosen.fee)
