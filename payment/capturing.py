"""Taking what was reserved, or letting it go: decided in the transaction of the fact, done after it (docs/adr/0061).

The decision is one number, `take_cents`, and is made once: the call may have been executed although nobody answered. The key
`take:{payment}:{attempt}` is in the database before the call. What came of it is seen like everything else: settle() looks.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from base.failpoint import point
from base.money import Money
from base.rounds import each
from payment.context import KEY_LIFE, Context
from payment.model import Payment, PaymentStatus, RefundReason
from payment.ports import CaptureOrder, OutcomeUnknown, ProviderRefused, SessionState, Tx
from payment.settling import RefundTooLarge, Settling, kept_less, ordered

log = logging.getLogger(__name__)
take_ordered = point("payment.take-ordered")
take_asked = point("payment.take-asked")
take_raised = point("payment.take-attempt-raised")

TAKE_BEFORE_END = timedelta(
    hours=24
)  # a reservation that is about to run out is taken, although the service is still to come
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Capturing:
    context: Context
    settling: Settling

    async def keep_less(self, tx: Tx, payment_id: UUID, amount: Money, reason: RefundReason) -> None:
        """So much less of a reservation is wanted. Where more was ordered already, it goes back once it is taken. Raises RefundTooLarge."""
        payment = await self.context.locked(tx, payment_id)
        if not 0 < amount.cents <= payment.kept_cents or amount.currency != payment.currency:
            raise RefundTooLarge(refundable_cents=payment.kept_cents)
        await self.context.books.store_payment(tx, kept_less(payment, amount.cents, reason), payment.status)

    async def order(self, tx: Tx, references: Collection[UUID]) -> list[UUID]:
        """Take what is kept of the reservations of these; nothing new where that is ordered. The payments, to be carried out after
        commit."""
        found = []
        for reference in references:
            living = await self.context.books.living(tx, reference)
            payment = None if living is None else await self.context.locked(tx, living.id)
            if payment is None or not payment.is_reserved:
                continue
            if payment.take_cents is None:
                await self.context.books.store_payment(tx, ordered(payment, self.context.clock()), payment.status)
            found.append(payment.id)
        return found

    async def order_due(self, today: date) -> int:
        """Of reservations that run out soon, or whose service day is over: nobody has said otherwise. How many."""
        books, now = self.context.books, self.context.clock()
        async with books.transaction() as tx:
            due = await books.due_to_take(tx, now + TAKE_BEFORE_END, today, _AT_ONCE)
        return await each(
            due, self._order_one, log=log, failed="payment.not-ordered", named=lambda one: {"payment": str(one)}
        )

    async def _order_one(self, payment_id: UUID) -> bool:
        async with self.context.books.transaction() as tx:
            payment = await self.context.locked(tx, payment_id)
            if not payment.is_reserved or payment.take_cents is not None:
                return False
            await self.context.books.store_payment(tx, ordered(payment, self.context.clock()), payment.status)
        take_ordered()
        return True

    async def carry_out(self, payment_id: UUID) -> Payment:
        """Do what was ordered, and look. As it stands where nothing is, or nobody answers. Raises NotFound."""
        payment = await self.context.payment(payment_id)
        if payment.status is not PaymentStatus.AUTHORISED or payment.take_cents is None:
            return payment
        is_spent = self._is_old(payment, self.context.clock())
        if not is_spent:
            try:
                await self._ask(payment)
                take_asked()
            except ProviderRefused as refusal:  # done already, or run out: the look below sees which
                log.warning("payment.take_refused", extra={"payment": str(payment_id), "code": refusal.code})
            except OutcomeUnknown as silence:
                log.warning("payment.no_answer", extra={"payment": str(payment_id), "detail": str(silence)})
                is_spent = silence.replayed
        after = await self.settling.settle(payment_id)
        if is_spent and after.status is PaymentStatus.AUTHORISED:
            await self._raise_attempt(after)
        return after

    async def _ask(self, payment: Payment) -> None:
        assert payment.charge_id is not None, "a reservation has a charge"
        provider = self.context.capturer_of(payment)
        if not payment.take_cents:
            await provider.let_go(payment.charge_id, payment.take_key)
            return
        order = CaptureOrder(
            payment_id=payment.id,
            charge_id=payment.charge_id,
            amount=replace(payment.amount, cents=payment.take_cents),
        )
        await provider.take(order, payment.take_key)

    async def _raise_attempt(self, seen: Payment) -> None:
        """The key will not do it any more. Only after a look that still finds it reserved."""
        assert seen.session_id is not None
        try:
            found = await self.context.provider_of(seen).fetch(seen.session_id)
        except OutcomeUnknown:
            return
        if found.state is not SessionState.AUTHORISED:
            return
        async with self.context.books.transaction() as tx:
            payment = await self.context.locked(tx, seen.id)
            if (payment.status, payment.take_attempt) != (PaymentStatus.AUTHORISED, seen.take_attempt):
                return
            now = self.context.clock()
            raised = replace(payment, take_attempt=payment.take_attempt + 1, take_attempt_at=now, checked_at=None)
            await self.context.books.store_payment(tx, raised, payment.status)
        take_raised()

    @staticmethod
    def _is_old(payment: Payment, now: datetime) -> bool:
        assert payment.take_attempt_at is not None
        return now - payment.take_attempt_at >= KEY_LIFE
