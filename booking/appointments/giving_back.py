"""From which payments of a case money goes back: whoever moved to a dearer time has paid more than once; and what is left to do then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from base.money import Money
from payment.model import AT_ONCE, Payment, RefundReason
from payment.ports import Tx
from payment.usecases import GivenBack, Payments


@dataclass(frozen=True, slots=True)
class Afterwards:
    """What is asked of the provider once the transaction is committed; the worker is the second try."""

    given: tuple[GivenBack, ...] = ()
    takes: tuple[UUID, ...] = ()  # reservations to take, or to let go
    fence: UUID | None = None  # payment that nobody waits for any more

    async def carry_out(self, payments: Payments) -> Payment | None:
        """The payment that was to be fenced, as it is then."""
        for given in self.given:
            if given.refund is not None:
                await payments.submit_refund(given.refund)
        for payment_id in self.takes:
            await payments.take(payment_id)
        return await payments.fence(self.fence) if self.fence is not None else None


def in_mail(given: Sequence[GivenBack]) -> dict[str, int]:
    """What goes back, whether it is to be fetched at a till or waits for a person or a dispute, and what was never taken, as the messages'
    fields."""
    back = [one for one in given if one.refund is not None]
    sums = {
        "refund_cents": sum(one.cents for one in back),
        "refund_at_till": bool(back) and all(one.at_till for one in back),
        "refund_disputed": any(one.is_disputed for one in back),
        "refund_waits": any(one.waits for one in back),
        "released_cents": sum(one.cents for one in given if one.refund is None),
    }
    return {name: cents for name, cents in sums.items() if cents}


async def parts(payments: Payments, tx: Tx, references: Sequence[UUID], amount: Money) -> list[tuple[UUID, Money]]:
    """Payments and how much of each, in the order given, also of what is only reserved. Less than the amount where staff have given
    money back already."""
    left, found = amount, []
    for reference in references:
        payment = await payments.living(tx, reference)
        if payment is None or not (payment.is_secured or payment.is_reserved):
            continue
        part = min(left, await payments.refundable(tx, payment.id))
        if part:
            found.append((payment.id, part))
            left -= part
    return found


async def give(
    payments: Payments,
    tx: Tx,
    found: Sequence[tuple[UUID, Money]],
    reason: RefundReason,
    *,
    by: int | None,
    is_citys: bool,
) -> list[GivenBack]:
    """These parts. `is_citys`: at once, whatever it is; else what is large together waits for a person other than `by`."""
    cause = AT_ONCE if is_citys else payments.cause(sum(part.cents for _, part in found), by)
    return [await payments.give_back(tx, ident, part, reason, cause) for ident, part in found]
