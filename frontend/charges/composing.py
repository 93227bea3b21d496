"""From a charge and its payment to the page of its payer. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from base.money import Money
from booking.charges.model import Charge, ChargeStatus
from frontend.charges.views import ChargePage
from frontend.citizen.frame import frame
from frontend.citizen.giving_back import waits_for_bank
from frontend.citizen.refund_wording import line
from frontend.citizen.views import Row
from frontend.citizen.words import Words
from payment.model import Payment, PaymentStatus, Refund, RefundStatus
from payment.receipts.kassenzeichen import spaced
from payment.till.model import COUNTER
from payment.transfers.model import Order

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
    refunds: Sequence[Refund] = (),
    is_disputed: bool = False,
    transfers: Sequence[Order] = (),
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
    if payment is not None:
        lines += _given_back(words, charge, payment, refunds, is_disputed=is_disputed)
    for order in transfers:
        lines.append(line(words, order))
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
        kind="warning" if any(one.asks for one in transfers) else state(words, charge, payment)[1],
        lines=tuple(lines),
        rows=tuple(row for row in rows if row.value),
        pay_action=f"{here}/pay" if is_open and not under_way and not only_at_till else "",
        refresh_url=here if under_way or charge.status is _S.WITHDRAWING else "",
        receipt_url=f"{here}/receipt" if charge.status is _S.PAID else "",
        account_urls=tuple(f"/{words.language}{path}/transfers/{order.id}" for order in transfers if order.asks),
        request_key=request_key,
        problem=problem,
    )


def _given_back(
    words: Words, charge: Charge, payment: Payment, refunds: Sequence[Refund], *, is_disputed: bool
) -> list[str]:
    """How each refund stands; what goes by bank transfer is said by its order."""
    tried_anew, lines = {one.retry_of for one in refunds}, []
    for one in refunds:
        if one.is_of_people or one.id in tried_anew or one.is_transferred:
            continue
        amount = words.fee(Money(one.amount_cents, payment.currency))
        match one.status:
            case RefundStatus.SUCCEEDED | RefundStatus.OVERTAKEN:
                lines.append(words._("We have returned {amount} to you, the way you paid.", amount=amount))
            case RefundStatus.FAILED:
                lines.append(
                    words._(
                        "Returning {amount} did not work yet. We take care of it; you need not do anything.",
                        amount=amount,
                    )
                )
            case RefundStatus.APPROVED if is_disputed:
                lines.append(waits_for_bank(words, amount))
            case _ if payment.provider == COUNTER:
                lines.append(
                    words._(
                        "You get {amount} back at a till of the city: please fetch it there and say the number {number}. "
                        "If you cannot come, call us: then we transfer it.",
                        amount=amount,
                        number=charge.appointment_number or spaced(payment.kassenzeichen),
                    )
                )
            case _:
                lines.append(
                    words._(
                        "We are returning {amount} to you, the way you paid. This takes up to ten days.", amount=amount
                    )
                )
    return lines
