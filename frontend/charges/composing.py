"""From a charge and its payment to the page of its payer. Pure."""

from __future__ import annotations

from booking.charges.model import Charge, ChargeStatus
from frontend.charges.views import ChargePage
from frontend.citizen.frame import frame
from frontend.citizen.views import Row
from frontend.citizen.words import Words
from payment.model import Payment, PaymentStatus
from payment.receipts.kassenzeichen import spaced

_S = ChargeStatus


def state(words: Words, charge: Charge, payment: Payment | None) -> tuple[str, str]:
    """In few words, and the kind of badge or panel."""
    match charge.status:
        case _S.PAID:
            return words._("paid"), "success"
        case _S.WITHDRAWN:
            return words._("not asked for any more"), "info"
        case _S.WITHDRAWING:
            return words._("being withdrawn"), "info"
        case _ if payment is not None and payment.status is PaymentStatus.PROCESSING:
            return words._("payment under way"), "info"
        case _:
            return words._("to be paid"), "warning"


def charge_page(
    words: Words,
    charge: Charge,
    payment: Payment | None,
    request_key: str,
    *,
    only_at_till: bool,
    problem: str = "",
) -> ChargePage:
    path = f"/charges/{charge.id}"
    here, amount = f"/{words.language}{path}", words.fee(charge.amount)
    is_open = charge.status is _S.OPEN
    under_way = is_open and payment is not None and payment.status is PaymentStatus.PROCESSING
    number = charge.appointment_number or f"{charge.number:03d}"
    title = {
        _S.PAID: words._("Paid: {amount}", amount=amount),
        _S.WITHDRAWN: words._("This fee is not asked for any more"),
        _S.WITHDRAWING: words._("This fee is not asked for any more"),
    }.get(charge.status, words._("A further fee of {amount}", amount=amount))
    lines = []
    if under_way:
        lines.append(words._("Your payment is being processed. You need not pay again."))
    elif is_open:
        till = words._(
            "You can pay it at a till, in cash or by card: please say the number {number} there.", number=number
        )
        if not only_at_till:
            lines.append(words._("You can pay it here, on this phone or computer."))
        lines.append(till)
    rows = (
        Row(label=words._("What for"), value=charge.label),
        Row(label=words._("How many"), value=str(charge.quantity) if charge.quantity > 1 else ""),
        Row(label=words._("Amount"), value=amount),
        Row(label=words._("Legal basis"), value=words.pick(charge.legal_basis)),
        Row(label=words._("Appointment") if charge.appointment_number else words._("Queue number"), value=number),
        Row(label="Kassenzeichen", value=spaced(payment.kassenzeichen) if payment and payment.kassenzeichen else ""),
    )
    return ChargePage(
        frame=frame(words, title, path),
        kind=state(words, charge, payment)[1],
        lines=tuple(lines),
        rows=tuple(row for row in rows if row.value),
        pay_action=f"{here}/pay" if is_open and not under_way and not only_at_till else "",
        refresh_url=here if under_way or charge.status is _S.WITHDRAWING else "",
        receipt_url=f"{here}/receipt" if charge.status is _S.PAID else "",
        request_key=request_key,
        problem=problem,
    )
