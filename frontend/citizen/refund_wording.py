"""A refund by bank transfer in its payee's words: one line on the case's page, and the way it goes on its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from base.i18n import CITY_ZONE, zone
from frontend.citizen.frame import frame
from frontend.citizen.refund_views import RefundPage, TrackStep
from frontend.citizen.views import ShownError
from frontend.citizen.words import Words
from payment.transfers.model import Ground, Order
from payment.transfers.states import OPEN, TAKES_ACCOUNT, TransferStatus

HERE = "/refunds"
_S = TransferStatus
_WAITS = OPEN - {TransferStatus.EXPORTED}  # the bank does not have it yet


def line(words: Words, order: Order) -> str:
    """How it stands, in one sentence."""
    amount = words.fee(order.amount)
    if order.is_disputed and order.status in _WAITS:
        return words._(
            "You have asked your bank for this money back. Until that is decided we do not transfer {amount}: "
            "you would get it twice.",
            amount=amount,
        )
    match order.status:
        case _S.ASKED:
            return words._(
                "We could not return {amount} the way you paid. Please name your bank account, then we transfer it.",
                amount=amount,
            )
        case _S.RETURNED:
            return words._(
                "Our transfer of {amount} came back from the bank. Please name your bank account again.", amount=amount
            )
        case _S.EXPORTED:
            return words._(
                "Your {amount} are on their way to your bank. Sent on {day}.",
                amount=amount,
                day=_day(words, order.sent_at),
            )
        case _S.PAID:
            return words._(
                "We have transferred {amount} to your bank account on {day}.",
                amount=amount,
                day=_day(words, order.paid_at),
            )
        case _S.CANCELLED if order.is_lost:
            return words._(
                "Your bank has got the money back for you, so we do not transfer {amount} any more.", amount=amount
            )
        case _S.CANCELLED:
            return words._(
                "We do not transfer {amount}. You get the money another way, or have it already.", amount=amount
            )
        case _S.WAIVED if order.ground is Ground.BARRED:
            return words._(
                "We do not transfer {amount} any more: the period in which it could be claimed has passed. "
                "Please call us if you think otherwise.",
                amount=amount,
            )
        case _S.WAIVED:
            return words._(
                "We do not transfer {amount} any more: you have waived it. Please call us if that is not right.",
                amount=amount,
            )
        case _:
            return words._("We have your bank account and are preparing the transfer of {amount}.", amount=amount)


def refund_page(
    words: Words,
    order: Order,
    request_key: str,
    *,
    typed: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
    problem: str = "",
) -> RefundPage:
    """`wrong`: sentence by field, in the reader's language."""
    wrong = wrong or {}
    is_asked = order.status in TAKES_ACCOUNT and not order.is_disputed
    is_named = order.status is _S.IBAN_GIVEN
    return RefundPage(
        frame=frame(
            words,
            words._("Your refund of {amount}", amount=words.fee(order.amount)),
            f"{HERE}/{order.id}",
            errors=tuple(ShownError(field=name, message=text) for name, text in wrong.items()),
        ),
        kind=_kind(order),
        lines=(line(words, order),),
        track=_track(words, order),
        action=f"/{words.language}{HERE}/{order.id}" if is_asked else "",
        form_title=words._("Name another account") if is_named else words._("Your bank account"),
        is_folded=is_named,
        request_key=request_key,
        problem=problem,
        values=typed or {},
        messages=wrong,
    )


def _kind(order: Order) -> str:
    if order.is_disputed and order.status in _WAITS:
        return "info"
    if order.status in (_S.ASKED, _S.RETURNED):
        return "warning"
    return "success" if order.status is _S.PAID else "info"


def _track(words: Words, order: Order) -> tuple[TrackStep, ...]:
    """Four stations; the one that is waited for is `now`."""
    if order.status in (_S.CANCELLED, _S.WAIVED):
        return ()
    reached = {_S.ASKED: 1, _S.RETURNED: 1, _S.EXPORTED: 3, _S.PAID: 4}.get(order.status, 2)
    account = words._("ends in {end}", end=order.iban_end) if order.iban_end else ""
    texts = (
        (words._("Refund granted"), _day(words, order.created_at)),
        (words._("Bank account named"), account),
        (words._("Checked and sent to our bank"), _day(words, order.sent_at) if reached >= 3 else ""),
        (words._("Transferred to your account"), _day(words, order.paid_at)),
    )
    return tuple(
        TrackStep(label=label, text=text, state="done" if n < reached else "now" if n == reached else "later")
        for n, (label, text) in enumerate(texts)
    )


def _day(words: Words, moment: datetime | None) -> str:
    if moment is None:
        return ""
    place = zone(words.city.time_zone if words.city else CITY_ZONE)
    return words.day(moment.astimezone(place).date())
