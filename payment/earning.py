"""When what was paid becomes revenue: on the day of the service, or at once where a policy lets the city keep it.

What is on its way back, or still owed because giving it back has failed, is not earned.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from base.failpoint import point
from base.rounds import each
from payment.context import Context
from payment.ledger import Journal, JournalKind, earned_journal
from payment.model import PaymentStatus, Refund, RefundReason, owed_cents
from payment.ports import Tx

log = logging.getLogger(__name__)
earned = point("payment.earned")

_AT_ONCE = 100


def _is_earning_of(journal: Journal, refund: Refund) -> bool:
    return journal.kind is JournalKind.EARNED and journal.refund_id == refund.id


@dataclass(frozen=True, slots=True)
class Earning:
    context: Context

    async def earn(self, tx: Tx, payment_id: UUID) -> int:
        """What is not given back, now. How many cents; 0 where there is nothing, or it was earned before."""
        books = self.context.books
        payment = await books.payment(tx, payment_id, lock=True)
        if payment is None or payment.status is not PaymentStatus.PAID or not payment.advance_cents:
            return 0
        cents = payment.advance_cents - owed_cents(await books.refunds(tx, payment_id))
        booked = await books.journals(tx, payment_id)
        if cents <= 0 or any(one.kind is JournalKind.EARNED for one in booked):
            return 0
        await books.post(tx, earned_journal(payment, cents), self.context.clock())
        return cents

    async def earn_rejected(self, tx: Tx, refund: Refund) -> int:
        """What the city keeps because a refund by rule was rejected, where no service follows to earn it with. How many cents."""
        books = self.context.books
        payment = await books.payment(tx, refund.payment_id, lock=True)
        booked = await books.journals(tx, refund.payment_id)
        is_over = refund.reason is RefundReason.CANCELLED or any(one.kind is JournalKind.EARNED for one in booked)
        if payment is None or not is_over or any(_is_earning_of(one, refund) for one in booked):
            return 0
        cents = min(refund.amount_cents, payment.advance_cents - owed_cents(await books.refunds(tx, payment.id)))
        if cents <= 0:
            return 0
        await books.post(tx, earned_journal(payment, cents, refund.id), self.context.clock())
        return cents

    async def earn_due(self, today: date) -> int:
        """Of all whose day has come, each in a transaction of its own. How many."""
        async with self.context.books.transaction() as tx:
            due = await self.context.books.due_to_earn(tx, today, _AT_ONCE)
        return await each(
            due, self._earn_one, log=log, failed="payment.not-earned", named=lambda one: {"payment": str(one)}
        )

    async def _earn_one(self, payment_id: UUID) -> bool:
        async with self.context.books.transaction() as tx:
            cents = await self.earn(tx, payment_id)
        earned()
        return bool(cents)
