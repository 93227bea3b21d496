"""What cancelling gives back, in words, so that nobody finds out afterwards."""

from __future__ import annotations

from datetime import datetime

from base.money import Money
from booking.appointments.policy import Terms
from frontend.citizen.views import Row
from frontend.citizen.words import Words


def if_cancelled_now(
    words: Words,
    amount: Money,
    fee: Money,
    *,
    is_reserved: bool = False,
    is_disputed: bool = False,
    is_checked: bool = False,
) -> str:
    """`is_reserved`: the fee is not taken yet; `is_disputed`: its payer has asked their bank for it; `is_checked`: the amount is large, and
    a person has to approve it."""
    said = _if_cancelled(words, amount, fee, is_reserved=is_reserved, is_disputed=is_disputed)
    if not is_checked:
        return said
    return f"{said} {words._('Because the amount is large, one of our staff checks that first.')}"


def _if_cancelled(words: Words, amount: Money, fee: Money, *, is_reserved: bool, is_disputed: bool) -> str:
    paid = words.fee(fee)
    if is_reserved:
        if not amount:
            return words._("If you cancel now, the whole fee of {fee} is charged.", fee=paid)
        if amount == fee:
            return words._("If you cancel now, nothing is charged: the reservation of {fee} is let go.", fee=paid)
        return words._(
            "If you cancel now, we charge {amount} of the fee of {fee}.", amount=words.fee(fee - amount), fee=paid
        )
    if not amount:
        return words._("If you cancel now, nothing of the fee of {fee} is returned.", fee=paid)
    if is_disputed:
        return words._(
            "You have asked your bank to take this payment back. Until that is decided we return nothing: you would get it twice. "
            "If your bank does not give it to you, we return {amount}.",
            amount=words.fee(amount),
        )
    if amount == fee:
        return words._("If you cancel now, we return the whole fee of {fee}.", fee=paid)
    return words._("If you cancel now, we return {amount} of the fee of {fee}.", amount=words.fee(amount), fee=paid)


def waits_for_bank(words: Words, amount: str) -> str:
    """Of what is disputed nothing goes back before that is decided."""
    return words._(
        "You have asked your bank to take this payment back. Until that is decided we do not return {amount}: "
        "you would get it twice. If your bank does not give it to you, we do.",
        amount=amount,
    )


def steps_in_words(words: Words, terms: Terms, fee: Money, starts_at: datetime, zone_name: str) -> tuple[Row, ...]:
    """Only where it is not one share until the start: the city's own words say that well enough."""
    ends = terms.ends(starts_at)
    if not fee or [until for until, _ in ends] == [starts_at]:
        return ()
    steps = [
        Row(
            label=words._("Cancelled until {when}", when=words.when(until, zone_name)),
            value=words._("{amount} back", amount=words.fee(fee.percent(percent))),
        )
        for until, percent in ends
        if until >= words.now
    ]
    if not ends or ends[-1][0] < starts_at:
        steps.append(Row(label=words._("Cancelled later"), value=words._("nothing back")))
    return tuple(steps)
