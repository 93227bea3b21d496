"""From which payments of a case money goes back: whoever moved to a dearer time has paid more than once."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from base.money import Money
from payment.model import PaymentStatus
from payment.ports import Tx
from payment.usecases import Payments


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
