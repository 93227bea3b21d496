"""The one road by which a payment changes: look outside the transaction, then decide, apply and tell inside one.

Return page, webhook, poller, expiry and fence all end here. Looks may come late, twice or in any order.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from base.errors import Conflict
from base.failpoint import point
from base.i18n import mark as _
from base.money import Money
from payment.books import with_second_try
from payment.context import Context
from payment.decide import Decision, Effect, begun, decide, lapsed, surplus, unborn
from payment.earning import Earning
from payment.model import (
    AT_ONCE,
    LIVING,
    Cause,
    Payment,
    PaymentStatus,
    Refund,
    RefundReason,
    RefundStatus,
)
from payment.ports import Outcome, OutcomeUnknown, ProviderRefused, SessionState, Snapshot, Tx

log = logging.getLogger(__name__)
fetched = point("payment.settle-fetched")
applied = point("payment.applied")
settled = point("payment.settled")
stray_fenced = point("payment.stray-fenced")


class RefundTooLarge(Conflict):
    code = "refund_too_large"
    message = _("More cannot be refunded than was paid.")


@dataclass(frozen=True, slots=True)
class Settling:
    context: Context

    async def settle(self, payment_id: UUID) -> Payment:
        """The payment after asking the provider. Where the provider does not answer: as it is stored. Raises NotFound.

        It is asked even where it was asked just now: a payer may come back in the same second as an earlier webhook.
        """
        return await self.settle_read(await self.context.payment(payment_id))

    async def settle_read(self, payment: Payment) -> Payment:
        """settle() by whoever has just read it."""
        payment_id = payment.id
        if payment.status is PaymentStatus.PAID:
            return payment
        try:
            seen = await self._look(payment)
        except OutcomeUnknown as silence:
            log.warning("payment.no_answer", extra={"payment": str(payment_id), "detail": str(silence)})
            return await self._looked_in_vain(payment_id)
        fetched()
        return await (self._looked_in_vain(payment_id) if seen is None else self.take_in(payment_id, seen))

    async def _look(self, payment: Payment) -> Snapshot | None:
        provider = self.context.provider_of(payment)
        if payment.session_id is not None:
            return await provider.fetch(payment.session_id)
        return await provider.find(payment.id, payment.created_at)

    async def _looked_in_vain(self, payment_id: UUID) -> Payment:
        async with self.context.books.transaction() as tx:
            payment = await self.context.locked(tx, payment_id)
            payment = replace(payment, checked_at=self.context.clock())
            await self.context.books.store_payment(tx, payment, payment.status)
        return payment

    async def take_in(self, payment_id: UUID, seen: Snapshot) -> Payment:
        """What was seen, applied to the row as locked. A look at another session than the row's own changes nothing."""

        async def work(tx: Tx) -> tuple[Payment, Payment, Decision | None]:
            before = await self.context.locked(tx, payment_id)
            if before.session_id not in (None, seen.session_id):
                return before, before, None
            decision = decide(before, seen, self.context.clock())
            after = await self._apply(tx, before, decision)
            applied()
            return before, after, decision

        before, after, decision = await with_second_try(self.context.books, work)
        if decision is None:
            return before
        if after.status is PaymentStatus.ATTENTION is not before.status:
            log.error("payment.attention", extra={"payment": str(payment_id)})
        settled()
        if Effect.EXPIRE_SESSION in decision.effects:
            await self._fence_stray(after, seen)
        return after

    async def give_up(self, seen: Payment) -> Payment:
        """Fence a payment that has no session and can get none; does nothing where the row moved on since it was seen."""

        def is_as_seen(found: Payment) -> bool:
            return (found.status, found.attempt) == (PaymentStatus.INTENDED, seen.attempt)

        return await self._end(seen.id, is_as_seen, unborn)

    async def lapse(self, payment_id: UUID) -> Payment:
        """No longer waited for, although money may still come; does nothing where the row has moved on."""

        def may_lapse(found: Payment) -> bool:
            """What has no session here was shown to nobody."""
            is_unseen = found.status is PaymentStatus.INTENDED and found.session_id is None
            return found.status is PaymentStatus.OPEN or is_unseen

        return await self._end(payment_id, may_lapse, lapsed)

    async def _end(
        self, payment_id: UUID, may_end: Callable[[Payment], bool], ended: Callable[[Payment, datetime], Decision]
    ) -> Payment:
        """Without a look at the provider, of the row as locked."""

        async def work(tx: Tx) -> Payment:
            before = await self.context.locked(tx, payment_id)
            if not may_end(before):
                return before
            after = await self._apply(tx, before, ended(before, self.context.clock()))
            applied()
            return after

        given_up = await with_second_try(self.context.books, work)
        settled()
        return given_up

    async def take_stray(self, payment_id: UUID, seen: Snapshot) -> bool:
        """A second session for a payment: made impossible to pay, or, if paid already, given back in full.

        Says whether that is the end of it; if not, it must be looked at again.
        """
        if seen.state in (SessionState.OPEN, SessionState.AUTHORISED):
            await self._fence_stray(await self.context.payment(payment_id), seen)
        elif seen.state is SessionState.PAID and seen.charge_id is not None:
            async with self.context.books.transaction() as tx:
                payment = await self.context.locked(tx, payment_id)
                await self._book_surplus(tx, surplus(payment, seen, self.context.new_id(), self.context.clock()))
            settled()
        return seen.state in (SessionState.PAID, SessionState.DEAD)

    async def refund_by_rule(
        self, tx: Tx, payment_id: UUID, amount: Money, reason: RefundReason, cause: Cause = AT_ONCE
    ) -> Refund:
        """Approved at once, or waiting for a person; the same rule asks once per payment. Raises RefundTooLarge.

        Where all its refunds failed, the last one: whether another is tried is the sweep's to say, or staff's.
        """
        books, now = self.context.books, self.context.clock()
        payment = await self.context.locked(tx, payment_id)
        if known := refunds_of_rule(await books.refunds(tx, payment_id), reason):
            return next((refund for refund in known if refund.status is not RefundStatus.FAILED), known[-1])
        if not 0 < amount.cents <= payment.refundable.cents or amount.currency != payment.currency:
            raise RefundTooLarge(refundable_cents=payment.refundable.cents)
        refund = Refund(
            id=self.context.new_id(),
            payment_id=payment_id,
            amount_cents=amount.cents,
            reason=reason,
            status=begun(needs_approval=cause.needs_approval),
            attempt_at=now,
            created_at=now,
            needs_approval=cause.needs_approval,
            caused_by=cause.by,
        )
        await books.insert_refund(tx, refund)
        return refund

    async def _apply(self, tx: Tx, before: Payment, decision: Decision) -> Payment:
        books, hooks, after = self.context.books, self.context.hooks, decision.payment
        if after == before:
            return after
        if before.status not in LIVING and after.status in LIVING:
            # Late money. If the reference has gone on with another payment, it owes nothing more.
            after = replace(after, surplus=await books.living(tx, after.reference) is not None)
        await books.store_payment(tx, after, before.status)
        if decision.journal is not None:
            await books.post(tx, decision.journal, self.context.clock())
        if Effect.TELL_PAID in decision.effects:
            is_lost = after.surplus or await hooks.on_paid(tx, after) is Outcome.LOST
            if is_lost:
                after = await self._give_back_lost(tx, after)
        if Effect.TELL_TAKEN in decision.effects:
            after = await self._taken(tx, after)
        if Effect.TELL_UNCOVERED in decision.effects:
            await hooks.on_uncovered(tx, after)
        if Effect.TELL_FENCED in decision.effects:
            await hooks.on_fenced(tx, after)
        return after

    async def _give_back_lost(self, tx: Tx, payment: Payment) -> Payment:
        """All of it. A reservation is let go by the next round."""
        if payment.status is PaymentStatus.PAID:
            await self.refund_by_rule(tx, payment.id, payment.amount, RefundReason.LOST_SLOT)
            return await self.context.locked(tx, payment.id)  # with what goes back
        lost = kept_less(payment, payment.amount_cents, RefundReason.LOST_SLOT)
        lost = ordered(lost, self.context.clock())
        await self.context.books.store_payment(tx, lost, payment.status)
        return lost

    async def _taken(self, tx: Tx, payment: Payment) -> Payment:
        """What was let go of it meanwhile, after more had been ordered, goes back now."""
        too_much = payment.captured_cents - (0 if payment.surplus else payment.kept_cents)
        if too_much > 0:
            reason = payment.keep_reason or RefundReason.LOST_SLOT
            await self.refund_by_rule(tx, payment.id, Money(too_much, payment.currency), reason)
        await self.context.hooks.on_taken(tx, payment)
        if payment.keep_reason is RefundReason.CANCELLED:  # no service follows: what is left is kept
            await Earning(self.context).earn(tx, payment.id)
        return await self.context.locked(tx, payment.id)

    async def _book_surplus(self, tx: Tx, decision: Decision) -> None:
        if not await self.context.books.insert_payment(tx, decision.payment):
            return  # this session is in the books
        if decision.journal is not None:
            await self.context.books.post(tx, decision.journal, self.context.clock())
        await self.refund_by_rule(tx, decision.payment.id, decision.payment.amount, RefundReason.LOST_SLOT)

    async def _fence_stray(self, payment: Payment, seen: Snapshot) -> None:
        try:
            if seen.state is SessionState.AUTHORISED and seen.charge_id is not None:
                await self.context.capturer_of(payment).let_go(seen.charge_id, f"stray:{seen.session_id}")
            else:
                await self.context.provider_of(payment).fence(seen.session_id)
        except (OutcomeUnknown, ProviderRefused) as error:
            log.warning(
                "payment.stray", extra={"payment": str(payment.id), "session": seen.session_id, "detail": str(error)}
            )
        stray_fenced()


def kept_less(payment: Payment, cents: int, reason: RefundReason) -> Payment:
    """So much of a reservation is not wanted any more."""
    return replace(payment, keep_cents=max(payment.kept_cents - cents, 0), keep_reason=reason)


def ordered(payment: Payment, now: datetime) -> Payment:
    """To be taken as far as it is kept, by the next round or whoever is faster; once only."""
    if payment.take_cents is not None:
        return payment
    return replace(payment, take_cents=payment.kept_cents, take_attempt_at=now, checked_at=None)


def refunds_of_rule(refunds: Sequence[Refund], reason: RefundReason) -> list[Refund]:
    """Oldest first. All but the last have failed."""
    return [refund for refund in refunds if refund.requested_by is None and refund.reason is reason]
