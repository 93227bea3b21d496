"""The case page: one page for the whole life of an appointment, from the open payment to the returned fee."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from base.i18n import Text
from base.money import Money
from booking.appointments.contact import Contact, readable
from booking.appointments.model import Answer, AppointmentStatus, Case, Reconfirm, ReconfirmStatus, Waiting
from booking.appointments.policy import NOTHING_BACK, Terms
from booking.catalogue.model import Channel
from frontend.citizen.finding import documents
from frontend.citizen.frame import frame
from frontend.citizen.giving_back import if_cancelled_now, steps_in_words, waits_for_bank
from frontend.citizen.holding import Chosen, appointment_rows, book_button, until
from frontend.citizen.questions import answer_rows
from frontend.citizen.reduction_views import proofs
from frontend.citizen.views import CasePage, Row
from frontend.citizen.words import Words
from payment.model import PaymentStatus, Refund, RefundStatus
from payment.receipts.kassenzeichen import spaced
from payment.till.model import COUNTER


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """What the page needs to know of a case, whatever the tables look like."""

    id: UUID
    number: str
    status: str  # held, expiring, confirmed, expired, cancelled, finished, no_show
    chosen: Chosen
    payment: str = ""  # "", open, processing, reserved, paid, failed
    owed_again: Money | None = None  # was reserved, and the reservation has run out
    to_charge: Money | None = None  # of what is reserved
    charged: Money | None = None  # less than the fee, of what was reserved
    due_at_till: Money | None = None  # of what was booked without being paid
    only_at_till: bool = False  # nothing is paid online
    at_till: str = ""  # the Kassenzeichen under which it is to be paid at a till; empty: online
    has_till_hold: bool = False  # its time stays held for that, so online is a change of mind
    refund: str = ""  # "", checking, rejected, under_way, at_till (to be fetched there), done, failed, transfer
    refund_amount: Money | None = None
    rejected_because: str = ""
    checked_if_cancelled: bool = False  # what is given back then is large, so a person looks at it first
    reach: str = ""  # the e-mail address or mobile number to which messages go; empty: nobody can be told
    is_erased: bool = False
    can_erase: bool = False
    is_told: bool = True  # False: the latest message could not be delivered
    call_number: str = ""  # whom the office calls
    hold_until: datetime | None = None
    waiting: Waiting | None = None
    can_cancel: bool = False
    can_move: bool = False
    moves_left: int = 0
    cancellation: Text | None = None
    terms: Terms = NOTHING_BACK
    refund_now: Money | None = None  # if it is cancelled now; None: nothing is paid
    is_disputed: bool = False  # the payer's bank is to decide first
    reconfirm: Reconfirm | None = None
    keep_url: str = ""
    has_call: bool = False
    is_displaced: bool = False  # its counter is closed, and no other time is settled yet
    told_place: tuple[Text, ...] = ()  # which room, where the catalogue says that it is told
    answers: tuple[Answer, ...] = ()  # to the service's questions
    paid: tuple[tuple[UUID, Money], ...] = ()  # what came, by payment
    transfers: tuple[tuple[str, str], ...] = ()  # refunds by bank transfer: how each stands, and its address


_PAYMENT = {
    PaymentStatus.INTENDED: "open",
    PaymentStatus.OPEN: "open",
    PaymentStatus.PROCESSING: "processing",
    PaymentStatus.AUTHORISED: "reserved",
    PaymentStatus.PAID: "paid",
    PaymentStatus.FENCED: "failed",
    PaymentStatus.LAPSED: "failed",
    PaymentStatus.ATTENTION: "processing",
}
_OPEN_QUESTION = (ReconfirmStatus.ASKED, ReconfirmStatus.LAPSED)
_REFUND = {
    RefundStatus.REQUESTED: "checking",
    RefundStatus.REJECTED: "rejected",
    RefundStatus.SUCCEEDED: "done",
    RefundStatus.OVERTAKEN: "done",
    RefundStatus.FAILED: "failed",
}
_STATES = ("rejected", "checking", "disputed", "failed", "under_way", "at_till", "done", "transfer")


def facts_of(
    case: Case,
    chosen: Chosen,
    now: datetime,
    keep_url: str,
    *,
    can_text: bool = False,
    has_call: bool = False,
    is_displaced: bool = False,
    transfers: tuple[tuple[str, str], ...] = (),
    only_at_till: bool = False,
    checked_if_cancelled: bool = False,
) -> CaseFacts:
    payment = _PAYMENT[case.payment.status] if case.payment else ""
    refund, refund_amount = _returned(case)
    status = case.status.value
    if case.status is AppointmentStatus.HELD and case.hold_until is not None and case.hold_until <= now:
        # the worker has not come by yet; what it will find is known already
        status = "expiring" if payment in ("open", "processing") else "expired"
    if was_given_back(case):
        status = "expired"
    return CaseFacts(
        id=case.id,
        number=case.number,
        status=status,
        chosen=chosen,
        payment=payment,
        owed_again=case.owed_again or None,
        to_charge=Money(case.reserved.kept_cents, case.fee.currency) if case.reserved else None,
        charged=_charged(case),
        at_till=_at_till(case),
        due_at_till=case.due_at_till or None,
        only_at_till=only_at_till,
        refund=refund,
        refund_amount=refund_amount,
        reach=_reach(case.contact, can_text=can_text),
        is_erased=case.is_erased,
        can_erase=not case.is_erased and status in ("confirmed", "expired", "cancelled", "finished", "no_show"),
        is_told=case.is_told,
        call_number=readable(case.contact.mobile) if chosen.channel is Channel.PHONE and case.contact.mobile else "",
        hold_until=case.hold_until,
        waiting=case.waiting,
        can_move=not case.is_erased and case.waiting is None and case.starts_at > now and status == "confirmed",
        moves_left=case.moves_left,
        can_cancel=not case.is_erased
        and case.starts_at > now
        and (status == "confirmed" or (status == "held" and payment != "processing")),
        cancellation=case.refund_policy,
        terms=case.terms,
        refund_now=case.refund_at(now),
        is_disputed=case.is_disputed,
        rejected_because=case.rejected_because,
        checked_if_cancelled=checked_if_cancelled,
        reconfirm=case.reconfirm,
        keep_url=keep_url,
        has_call=has_call,
        is_displaced=is_displaced,
        answers=case.answers,
        paid=tuple((one.id, Money(one.captured_cents, one.currency)) for one in case.paid),
        transfers=transfers,
    )


def _charged(case: Case) -> Money | None:
    one = case.payment
    is_part = one is not None and 0 < one.captured_cents < one.amount_cents
    return Money(one.captured_cents, one.currency) if one is not None and is_part else None


def _at_till(case: Case) -> str:
    one = case.payment
    is_due = one is not None and one.provider == COUNTER and _PAYMENT[one.status] == "open"
    return spaced(one.kassenzeichen) if one is not None and is_due else ""


def _returned(case: Case) -> tuple[str, Money | None]:
    """How what was given back last stands: for one reason it may come from several payments."""
    if not case.refunds:
        return "", None
    last = [refund for refund in case.refunds if refund.reason is case.refunds[-1].reason]
    states = {"transfer" if one.is_transferred else _refund_state(case, one) for one in last}
    state = next(one for one in _STATES if one in states)
    amount = sum(one.amount_cents for one in last if state == "transfer" or not one.is_transferred)
    return state, Money(amount, case.fee.currency)


def _refund_state(case: Case, refund: Refund) -> str:
    """What was paid at a till waits there until it is fetched; of what is disputed nothing goes back before that is decided."""
    if case.waits_for_dispute(refund):
        return "disputed"
    state = _REFUND.get(refund.status, "under_way")
    paid = {one.id: one.provider for one in (case.payment, *case.differences) if one is not None}
    return "at_till" if state == "under_way" and paid.get(refund.payment_id) == COUNTER else state


def was_given_back(case: Case) -> bool:
    """Cancelled before it was booked: its first step was its last. Nobody was told of it, so nobody is told of an appointment now."""
    return case.status is AppointmentStatus.CANCELLED and case.sequence <= 1


def _reach(contact: Contact, *, can_text: bool) -> str:
    return contact.email or (readable(contact.mobile) if can_text and contact.mobile else "")


@dataclass(frozen=True, slots=True)
class _Said:
    kind: str
    title: str
    lines: tuple[str, ...] = ()
    with_when: bool = True


def _late(words: Words, came_late: bool) -> tuple[str, ...]:
    if not came_late:
        return ()
    return (
        words._(
            "What you sent last was not taken over: this time was booked already, with the details sent before. "
            "Please ask the office if something has to be changed."
        ),
    )


def _moved(words: Words, was_moved: bool) -> tuple[str, ...]:
    return (words._("It has moved to this time. The time before is free for others."),) if was_moved else ()


def case_page(
    words: Words,
    facts: CaseFacts,
    request_key: str,
    *,
    asks_to_cancel: bool = False,
    asks_to_erase: bool = False,
    came_late: bool = False,
    was_moved: bool = False,
    problem: str = "",
) -> CasePage:
    """`came_late`: details were sent once more, from another tab, when the time was booked already. `was_moved`: just now."""
    said, chosen = _said(words, facts), facts.chosen
    path = f"/appointments/{facts.id}"
    here = f"/{words.language}{path}"
    is_held, is_booked = facts.status == "held", facts.status == "confirmed" and not facts.is_erased
    may_choose = _is_waiting(facts) and not _is_late(words, facts)
    is_asked = (
        is_booked and facts.can_cancel and facts.reconfirm is not None and facts.reconfirm.status in _OPEN_QUESTION
    )
    asks = asks_to_cancel and facts.can_cancel
    erases = asks_to_erase and facts.can_erase and not asks
    keep_text, is_lost = _keep(words, facts)
    return CasePage(
        frame=frame(words, said.title, path),
        kind=said.kind,
        lines=(*_late(words, came_late), *_moved(words, was_moved and is_booked), *said.lines),
        when=words.when(chosen.starts_at, chosen.office.time_zone) if said.with_when else "",
        number=facts.number,
        rows=()
        if facts.is_erased
        else (
            *appointment_rows(words, chosen),
            *_told_place(words, facts),
            *_call(words, facts),
            *answer_rows(words, facts.answers),
        ),
        documents=(
            *documents(words, *(service.documents for _, service in chosen.services)),
            *proofs(words, chosen.reductions),
        )
        if is_held or is_booked
        else (),
        calendar_url=f"{here}/calendar.ics" if is_booked and not facts.is_displaced else "",
        rebooking_url=f"{here}/rebooking" if is_booked and facts.is_displaced else "",
        receipts=tuple(
            (words._("Receipt for {amount}", amount=words.fee(amount)), f"{here}/receipts/{ident}")
            for ident, amount in facts.paid
        ),
        transfers=facts.transfers,
        call_url=f"{here}/call" if is_booked and facts.has_call else "",
        keep_url=facts.keep_url,
        keep_text=keep_text,
        is_lost=is_lost,
        reserved=_reserved(words, facts) if is_held and facts.payment != "processing" else "",
        pay_action=f"{here}/pay"
        if (is_held and facts.payment in ("", "open", "failed") and (facts.has_till_hold or not facts.at_till))
        or facts.owed_again
        else "",
        pay_button=_pay_button(words, facts),
        wait_text=_wait(words, facts),
        wait_url=f"{here}/move?hold={facts.waiting.hold_id}" if facts.waiting and may_choose else "",
        stay_action=f"{here}/stay" if may_choose else "",
        refresh_url=here if facts.status == "expiring" or (is_held and facts.payment == "processing") else "",
        keep_action=f"{here}/keep" if is_asked else "",
        keep_lines=_question(words, facts) if is_asked else (),
        move_url=chosen.times_url(words.language, moves=facts.id) if facts.can_move and facts.moves_left else "",
        move_text=words._("This appointment has been moved as often as is allowed.")
        if facts.can_move and not facts.moves_left
        else "",
        cancel_url=here if asks else _cancel_url(facts, here),
        cancel_label=words._("Give the time back") if is_held else words._("Cancel appointment"),
        cancel_action=f"{here}/cancel" if asks else "",
        cancel_question=words._("Really give this time back?")
        if is_held
        else words._("Really cancel this appointment?"),
        cancel_yes=words._("Yes, give it back") if is_held else words._("Yes, cancel the appointment"),
        cancel_text=_cancel_text(words, facts),
        cancel_amount=_amount(words, facts),
        cancel_steps=() if is_held or facts.due_at_till is not None or facts.is_disputed else _steps(words, facts),
        cancel_hidden=(("refund_cents", str(facts.refund_now.cents)),) if facts.refund_now is not None else (),
        again_action=f"{here}/refund-again" if facts.refund == "rejected" and not facts.is_erased else "",
        new_url=_new_url(words, facts),
        erase_url=here if erases else f"{here}?erase=1#erase-question" if facts.can_erase else "",
        erase_action=f"{here}/erase" if erases else "",
        erase_text=_erase_text(words, facts),
        problem=problem,
        request_key=request_key,
    )


def _question(words: Words, facts: CaseFacts) -> tuple[str, ...]:
    asked, place = facts.reconfirm, facts.chosen.office.time_zone
    if asked is None:
        return ()
    until = words.when(asked.answer_by, place)
    if asked.answer_by <= words.now:
        return (words._("We have waited for your answer until {until}. Please tell us still.", until=until),)
    if asked.releases:
        return (words._("Please answer until {until}: if we hear nothing, the time goes to others.", until=until),)
    return (words._("Please answer until {until}, so that nobody waits in vain.", until=until),)


def _amount(words: Words, facts: CaseFacts) -> str:
    if facts.refund_now is None:
        return ""
    return if_cancelled_now(
        words,
        facts.refund_now,
        facts.chosen.fee,
        is_reserved=facts.payment == "reserved",
        is_disputed=facts.is_disputed,
        is_checked=facts.checked_if_cancelled,
    )


def _steps(words: Words, facts: CaseFacts) -> tuple[Row, ...]:
    chosen = facts.chosen
    return steps_in_words(words, facts.terms, chosen.fee, chosen.starts_at, chosen.office.time_zone)


def _cancel_text(words: Words, facts: CaseFacts) -> str:
    free = words._("The time is then free for others.")
    if facts.due_at_till is not None:
        return f"{free} {words._('Nothing has been paid, and nothing is to be paid then.')}"
    return (facts.status != "held" and words.pick(facts.cancellation)) or free


def _cancel_url(facts: CaseFacts, here: str) -> str:
    """Where it is asked whether to cancel; what the city has closed is paid back whole, there."""
    if not facts.can_cancel:
        return ""
    return f"{here}/rebooking?answer=cancel#question" if facts.is_displaced else f"{here}?cancel=1#cancel-question"


def _is_late(words: Words, facts: CaseFacts) -> bool:
    return facts.waiting is not None and facts.waiting.hold_until <= words.now


def _is_waiting(facts: CaseFacts) -> bool:
    """A cancelled appointment moves nowhere, though the dearer time is kept until its payment is fenced."""
    return facts.waiting is not None and facts.status == "confirmed"


def _wait(words: Words, facts: CaseFacts) -> str:
    waiting, zone_name = facts.waiting, facts.chosen.office.time_zone
    if waiting is None or not _is_waiting(facts):
        return ""
    when = words.when(waiting.starts_at, zone_name)
    if _is_late(words, facts):
        return words._(
            "The reservation of {when} has run out. We are asking the payment provider whether you have paid; if not, your appointment "
            "stays as it is.",
            when=when,
        )
    return words._(
        "{when} is kept for you until {clock}. Your appointment moves there as soon as you have paid the difference of {difference}.",
        when=when,
        clock=words.clock(waiting.hold_until, zone_name),
        difference=words.fee(waiting.difference),
    )


def _erase_text(words: Words, facts: CaseFacts) -> str:
    cancelled = (
        words._("The appointment is cancelled first, and you get no message about it.") if facts.can_cancel else ""
    )
    gone = words._(
        "Name, address and number are deleted for good. What was paid or given back stays in the city's books."
    )
    amount = _amount(words, facts) if facts.can_cancel else ""
    return " ".join(part for part in (cancelled, amount, gone) if part)


def _said(words: Words, facts: CaseFacts) -> _Said:
    if facts.is_erased:
        over = (f"{words._('Your appointment is cancelled')}.",) if facts.status == "cancelled" else ()
        gone = words._("Who you are and how to reach you is not stored here any more.")
        return _Said(
            "info", words._("Your data have been deleted"), (gone, *over, *_refund(words, facts)), with_when=False
        )
    match facts.status:
        case "confirmed" | "finished" | "no_show" if facts.owed_again:
            return _Said("warning", words._("Please pay again"), _owed(words, facts.owed_again))
        case "confirmed" if facts.is_displaced:
            return _Said("warning", words._("Your appointment needs a new time"))
        case "confirmed":
            return _Said("success", words._("Your appointment is confirmed"), _confirmed(words, facts))
        case "held":
            return _held(words, facts)
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
                words._("The reservation is over"),
                _refund(words, facts)
                or (
                    words._("The time is free for others again.")
                    if facts.transfers
                    else words._("The time is free for others again. Nothing was charged."),
                ),
                with_when=False,
            )
        case "cancelled":
            kept = (
                (words._("By the rule that held when you booked, the fee is not returned."),)
                if facts.payment == "paid" and not facts.transfers
                else ()
            )
            lines = (*_released(words, facts), *(_refund(words, facts) or _of_reservation(words, facts) or kept))
            return _Said("info", words._("Your appointment is cancelled"), lines, with_when=False)
        case _:
            return _Said("info", words._("Your appointment is over"), _still_due(words, facts))


def _still_due(words: Words, facts: CaseFacts) -> tuple[str, ...]:
    if facts.due_at_till is None:
        return ()
    return (
        words._(
            "The fee of {fee} is still to be paid, at a till of the city. Please say the number of the appointment there.",
            fee=words.fee(facts.due_at_till),
        ),
    )


def _held(words: Words, facts: CaseFacts) -> _Said:
    if facts.payment == "processing":
        return _Said(
            "info",
            words._("Your payment is being processed"),
            (
                words._(
                    "This takes a moment, sometimes longer. Your appointment stays reserved; you need not pay again."
                ),
            ),
        )
    if facts.payment == "failed":
        return _Said(
            "warning",
            words._("The payment did not work"),
            (words._("Nothing was charged. You can try again, also with another means of payment."),),
        )
    if facts.at_till:
        return _Said(
            "warning",
            words._("To be paid at the till"),
            (
                words._(
                    "Your appointment is booked as soon as you have paid {fee} at a till of the city, in cash or by card.",
                    fee=words.fee(facts.chosen.fee),
                ),
                words._(
                    "Please say this Kassenzeichen there, or the number of the appointment: {number}",
                    number=facts.at_till,
                ),
            ),
        )
    if facts.chosen.fee and not facts.only_at_till:
        return _Said(
            "warning", words._("Not yet paid"), (words._("Your appointment is booked as soon as you have paid."),)
        )
    return _Said("warning", words._("Not yet booked"), (words._("One step is missing: book the appointment."),))


def _owed(words: Words, amount: Money) -> tuple[str, ...]:
    return (
        words._(
            "The reservation of {amount} ran out before we could charge it. Nothing was charged. Your appointment stays as it is.",
            amount=words.fee(amount),
        ),
    )


def _of_reservation(words: Words, facts: CaseFacts) -> tuple[str, ...]:
    """Of a cancelled case: what of the reserved fee is taken."""
    if facts.charged is not None:
        return (
            words._(
                "Of the reserved fee {amount} was charged, by the rule that held when you booked.",
                amount=words.fee(facts.charged),
            ),
        )
    if facts.payment != "reserved" or facts.to_charge is None:
        return ()
    if not facts.to_charge:
        return (words._("The fee was only reserved. The reservation is let go; nothing is charged."),)
    return (
        words._(
            "Of the reserved fee we charge {amount}, by the rule that held when you booked.",
            amount=words.fee(facts.to_charge),
        ),
    )


def _released(words: Words, facts: CaseFacts) -> tuple[str, ...]:
    if facts.reconfirm is None or facts.reconfirm.status is not ReconfirmStatus.RELEASED:
        return ()
    return (words._("We asked whether you come and heard nothing, so this time has gone to others."),)


def _confirmed(words: Words, facts: CaseFacts) -> tuple[str, ...]:
    lines = []
    if facts.due_at_till is not None:
        lines.append(
            words._(
                "The fee of {fee} is not paid yet: please pay it at a till of the city, at the latest on the day of your "
                "appointment, in cash or by card. Please say the number of the appointment there.",
                fee=words.fee(facts.due_at_till),
            )
        )
    elif facts.chosen.fee and facts.payment == "reserved":
        lines.append(
            words._(
                "The fee of {fee} is reserved with your means of payment. We charge it after your visit, or shortly before the "
                "reservation runs out.",
                fee=words.fee(facts.to_charge or facts.chosen.fee),
            )
        )
    elif facts.chosen.fee:
        lines.append(words._("The fee of {fee} is paid.", fee=words.fee(facts.chosen.fee)))
    if facts.reconfirm is not None and facts.reconfirm.status is ReconfirmStatus.KEPT:
        lines.append(words._("You have told us that you come."))
    if facts.has_call:
        lines.append(
            words._(
                "When it is time, go to the video call from this page. From half an hour before you can try camera and microphone."
            )
        )
    if facts.reach and facts.is_told:
        lines.append(words._("We send the confirmation to {reach}, with the link to this page.", reach=facts.reach))
    return (*lines, *_refund(words, facts))


def _keep(words: Words, facts: CaseFacts) -> tuple[str, bool]:
    """What is said about the link to this page, and whether nothing else carries it."""
    advice = words._(
        "With this link you come back to this page: write it down, save it or print it. Do not show it to others."
    )
    if facts.is_erased:
        return "", False
    if not facts.reach:
        return f"{words._('No message brings you back here.')} {advice}", True
    if not facts.is_told:
        return f"{words._('Our message to {reach} could not be delivered.', reach=facts.reach)} {advice}", True
    if facts.status in ("held", "expiring", "expired"):
        return words._(
            "With this link you come back to this page, on another device too. Do not show it to others."
        ), False
    return words._(
        "It is also in our message to {reach}. If nothing arrives there, save or print the link. Do not show it to others.",
        reach=facts.reach,
    ), False


def _reserved(words: Words, facts: CaseFacts) -> str:
    if facts.hold_until is None:
        return ""
    return words._("Reserved for you until {clock}.", clock=until(words, facts.hold_until, facts.chosen))


def _told_place(words: Words, facts: CaseFacts) -> tuple[Row, ...]:
    if not facts.told_place or facts.status != "confirmed":
        return ()
    first, *others = map(words.pick, facts.told_place)
    return (Row(label=words._("Room or counter"), value=first, lines=tuple(others)),)


def _call(words: Words, facts: CaseFacts) -> tuple[Row, ...]:
    return (Row(label=words._("We call you at"), value=facts.call_number),) if facts.call_number else ()


def _new_url(words: Words, facts: CaseFacts) -> str:
    """After a reservation that ran out unpaid: near times, with everything typed kept."""
    if facts.is_erased:
        return f"/{words.language}/services/{facts.chosen.service.id}"
    if facts.status == "expired" and facts.payment in ("", "failed"):
        return f"/{words.language}/appointments/{facts.id}/check"
    service = f"/{words.language}/services/{facts.chosen.service.id}"
    return service if facts.status in ("expired", "cancelled") else ""


def _refund(words: Words, facts: CaseFacts) -> tuple[str, ...]:
    """What goes by bank transfer has its own place on the page."""
    if facts.refund in ("", "transfer"):
        return ()
    amount = words.fee(facts.refund_amount or facts.chosen.fee)
    return {
        "disputed": (waits_for_bank(words, amount),),
        "checking": (
            words._(
                "{amount} are to go back to you. Because the amount is large, one of our staff checks that first. You need not do "
                "anything; this page shows how it stands.",
                amount=amount,
            ),
        ),
        "rejected": (
            words._("We have checked the refund of {amount} and do not pay it.", amount=amount),
            words._("Reason: {reason}", reason=facts.rejected_because),
            words._("Do you not agree? Then you can ask that it is checked again."),
        ),
        "under_way": (
            words._("We are returning {amount} to you, the way you paid. This takes up to ten days.", amount=amount),
        ),
        "at_till": (
            words._(
                "You get {amount} back at a till of the city: please fetch it there and say the number {number}. "
                "If you cannot come, call us: then we transfer it.",
                amount=amount,
                number=facts.number,
            ),
        ),
        "done": (words._("We have returned {amount} to you, the way you paid.", amount=amount),),
        "failed": (
            words._(
                "Returning {amount} did not work yet. We take care of it; you need not do anything.", amount=amount
            ),
        ),
    }[facts.refund]


def _pay_button(words: Words, facts: CaseFacts) -> str:
    if facts.owed_again:
        return words._("Pay {amount}", amount=words.fee(facts.owed_again))
    if facts.at_till:
        return words._("Pay online instead")
    if facts.payment == "failed":
        return words._("Pay again")
    if facts.payment == "open":
        return words._("Pay now")
    return book_button(words, facts.chosen.fee)
