"""From which payments of a case money goes back: whoever moved to a dearer time has paid more than once; and what is left to do then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from base.money import Money
from payment.model import Payment, PaymentStatus, Refund
from payment.ports import Tx
from payment.usecases import Payments


@dataclass(frozen=True, slots=True)
class Afterwards:
    """What is asked of the provider once the transaction is committed; the worker is the second try."""

    refunds: tuple[Refund, ...] = ()
    fence: UUID | None = None  # payment that nobody waits for any more

    async def carry_out(self, payments: Payments) -> Payment | None:
        """The payment that was to be fenced, as it is then."""
        for refund in self.refunds:
            await payments.submit_refund(refund.id)
        return await payments.fence(self.fence) if self.fence is not None else None


async def parts(payments: Payments, tx: Tx, references: Sequence[UUID], amount: Money) -> list[tuple[UUID, Money]]:
    """Payments and how much of each, in the order given. Less than the amount where staff have given money back already."""
    left, found = amount, []
    for reference in references:
        payment = await payments.living(tx, reference)
        if payment is None or payment.status is not PaymentStatus.PAID:
            continue
        part = min(left, await payments.refundable(tx, payment.id))
        if part:
            found.append((payment.id, part))
            left -= part
    return found
