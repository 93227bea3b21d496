"""From an approved refund to money on its way back. The key `refund:{refund}:{attempt}` is in the database before the call.

A missing answer leaves the refund SUBMITTED: the same key is sent again, and once it may be forgotten the refund is looked up.
A failed refund stays FAILED; where the failure may pass, another one is made later, a few times (`decide.RETRIES`); else our caller
is told, who transfers the money.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from uuid import UUID

from base.errors import NotFound
from base.failpoint import point
from payment.context import KEY_LIFE, Context
from payment.decide import RETRIES, Effect, RefundDecision, bounced, decide_refund
from payment.decide_dispute import CHARGE_DISPUTED, after_loss, is_disputed
from payment.disputing import Disputing
from payment.ledger import Journal, JournalKind
from payment.model import UNREFUNDABLE, Payment, Refund, RefundEvent, RefundStatus, advance
from payment.ports import OutcomeUnknown, ProviderRefused, RefundOrder, RefundSnapshot, Tx
from payment.settling import refunds_of_rule

log = logging.getLogger(__name__)
submitted = point("refund.submitted")
answered = point("refund.answered")
applied = point("refund.applied")
stored = point("refund.stored")
attempt_raised = point("refund.attempt-raised")
postponed = point("refund.postponed")


@dataclass(frozen=True, slots=True)
class Refunding:
    context: Context
    disputing: Disputing

    async def submit(self, refund_id: UUID) -> Refund:
        """Ask the provider for it, or how it stands. As stored where the provider does not answer. Raises NotFound."""
        for _try in range(2):  # a second time under a new key
            refund, payment = await self._begin(refund_id)
            if refund.status is not RefundStatus.SUBMITTED:
                return refund
            submitted()
            try:
                seen = await self._ask(refund, payment)
            except OutcomeUnknown as silence:
                log.warning("refund.no_answer", extra={"refund": str(refund_id), "detail": str(silence)})
                return await self._looked_in_vain(refund_id)
            except ProviderRefused as refusal:
                if refusal.code == CHARGE_DISPUTED and await self._is_disputed(payment):
                    return await self._postpone(refund)
                return await self._refused(refund, refusal.code)
            answered()
            if seen is not None:
                return await self.take_in(refund_id, seen)
            await self._raise_attempt(refund)
        return await self._looked_in_vain(refund_id)

    async def try_anew(self, refund_id: UUID) -> Refund:
        """Another refund in place of a failed one whose time has come, if the money is still there to give back. Raises NotFound."""
        books, now = self.context.books, self.context.clock()
        async with books.transaction() as tx:
            failed, payment = await self._read(tx, refund_id, lock=True)
            if failed.retry_at is None or failed.retry_at > now:
                return failed
            disputes = await books.disputes(tx, payment.id)
            is_waiting = is_disputed(disputes)  # what was lost is paid back; the rest of it, if any, is for people
            failed = replace(failed, retry_at=now + RETRIES[0] if is_waiting else None)
            await books.store_refund(tx, failed, failed.status)
            anew = Refund(
                id=self.context.new_id(),
                payment_id=failed.payment_id,
                amount_cents=failed.amount_cents,
                reason=failed.reason,
                status=advance(RefundStatus.REQUESTED, RefundEvent.APPROVE),
                attempt_at=now,
                created_at=now,
                retry_of=failed.id,
                needs_approval=failed.needs_approval,  # what was approved of it holds for this one
                approved_by=failed.approved_by,
                decided_at=failed.decided_at,
                caused_by=failed.caused_by,
                asked_by=failed.asked_by,
            )
            if any(one.status in UNREFUNDABLE for one in disputes):
                return failed
            if failed.amount_cents > payment.refundable.cents or not await books.insert_refund(tx, anew):
                return failed
        attempt_raised()
        return await self.submit(anew.id)

    async def look_again(self, refund_id: UUID) -> Refund:
        """For a refund that the provider reports on: one that had arrived may have been sent back."""
        async with self.context.books.transaction() as tx:
            refund, payment = await self._read(tx, refund_id)
        if refund.status is not RefundStatus.SUCCEEDED or refund.provider_id is None:
            return await self.submit(refund_id)
        try:
            seen = await self.context.provider_of(payment).fetch_refund(refund.provider_id)
        except OutcomeUnknown:
            return await self._looked_in_vain(refund_id)
        return await self.take_in(refund_id, seen)

    async def _begin(self, refund_id: UUID) -> tuple[Refund, Payment]:
        """SUBMITTED, unless the payment is disputed: then it waits, or, once that is lost, is paid back already."""
        now = self.context.clock()
        async with self.context.books.transaction() as tx:
            refund, payment = await self._read(tx, refund_id, lock=True)
            if refund.status is RefundStatus.APPROVED:
                disputes = await self.context.books.disputes(tx, payment.id)
                if is_disputed(disputes):
                    return refund, payment
                if any(one.status in UNREFUNDABLE for one in disputes):
                    others = await self.context.books.refunds(tx, payment.id)
                    decision = after_loss(refund, payment, disputes, others, now)
                    await self._apply(tx, refund, payment, decision)
                    return decision.refund, payment
                status = advance(refund.status, RefundEvent.SUBMIT)
                begun = replace(refund, status=status, attempt_at=now, checked_at=now)
                await self.context.books.store_refund(tx, begun, refund.status)
                refund = begun
        return refund, payment

    async def _ask(self, refund: Refund, payment: Payment) -> RefundSnapshot | None:
        """None: there is no such refund, and this key will not make one."""
        provider = self.context.provider_of(payment)
        if refund.provider_id is not None:
            return await provider.fetch_refund(refund.provider_id)
        assert payment.charge_id is not None, "a paid payment has a charge"
        order = RefundOrder(
            refund_id=refund.id,
            payment_id=payment.id,
            charge_id=payment.charge_id,
            amount=replace(payment.amount, cents=refund.amount_cents),
        )
        refusal: ProviderRefused | None = None
        if self.context.clock() - refund.attempt_at < KEY_LIFE:
            try:
                return await provider.refund(order, refund.key)
            except ProviderRefused as error:
                refusal = error  # perhaps because an earlier call of ours has done it
            except OutcomeUnknown as silence:
                if not silence.replayed:
                    raise
        found = await provider.find_refund(order)
        if found is None and refusal is not None:
            raise refusal
        return found

    async def take_in(self, refund_id: UUID, seen: RefundSnapshot) -> Refund:
        """What was seen, applied to the row as locked. Raises NotFound."""
        async with self.context.books.transaction() as tx:
            before, payment = await self._read(tx, refund_id, lock=True)
            tries = refunds_of_rule(await self.context.books.refunds(tx, payment.id), before.reason)
            failed = sum(one.status is RefundStatus.FAILED for one in tries)
            booked = await self._booked(tx, before) if before.status is RefundStatus.SUCCEEDED else None
            decision = decide_refund(before, payment, seen, self.context.clock(), failed_before=failed, booked=booked)
            if decision.refund.failure and decision.refund.status is before.status:
                log.error("refund.contradiction", extra={"refund": str(refund_id), "detail": decision.refund.failure})
            await self._apply(tx, before, payment, decision)
            applied()
        _tell_failed(before, decision.refund)
        stored()
        return decision.refund

    async def _booked(self, tx: Tx, refund: Refund) -> Journal | None:
        journals = await self.context.books.journals(tx, refund.payment_id)
        return next((one for one in journals if (one.kind, one.refund_id) == (JournalKind.REFUND, refund.id)), None)

    async def _is_disputed(self, payment: Payment) -> bool:
        """Whether our books know, after a look. A silence leaves it open: the refund waits as well, and is sent again."""
        try:
            return await self.disputing.look_at_charge(payment)
        except OutcomeUnknown as silence:
            log.warning("refund.no_answer", extra={"payment": str(payment.id), "detail": str(silence)})
            return True

    async def _postpone(self, seen: Refund) -> Refund:
        """Back to waiting, under a new key: the provider would say the same under the old one for ever."""
        async with self.context.books.transaction() as tx:
            refund, _payment = await self._read(tx, seen.id, lock=True)
            if (refund.status, refund.attempt, refund.provider_id) != (RefundStatus.SUBMITTED, seen.attempt, None):
                return refund
            waiting = replace(
                refund,
                status=advance(refund.status, RefundEvent.WAIT),
                attempt=refund.attempt + 1,
                checked_at=self.context.clock(),
            )
            await self.context.books.store_refund(tx, waiting, refund.status)
        postponed()
        return waiting

    async def _refused(self, seen: Refund, code: str) -> Refund:
        async with self.context.books.transaction() as tx:
            before, payment = await self._read(tx, seen.id, lock=True)
            if (before.status, before.attempt, before.provider_id) != (RefundStatus.SUBMITTED, seen.attempt, None):
                return before  # another call has got an answer meanwhile
            decision = RefundDecision(bounced(replace(before, checked_at=self.context.clock()), code))
            await self._apply(tx, before, payment, decision)
        _tell_failed(before, decision.refund)
        stored()
        return decision.refund

    async def _apply(self, tx: Tx, before: Refund, payment: Payment, decision: RefundDecision) -> None:
        books, after = self.context.books, decision.refund
        await books.store_refund(tx, after, before.status)
        if decision.journal is not None:
            await books.post(tx, decision.journal, self.context.clock())
        if Effect.TELL_REFUNDED in decision.effects:
            await self.context.hooks.on_refunded(tx, payment, after)
        if after.status is RefundStatus.FAILED is not before.status and after.retry_at is None:
            await self.context.hooks.on_refund_failed(tx, payment, after)

    async def _looked_in_vain(self, refund_id: UUID) -> Refund:
        async with self.context.books.transaction() as tx:
            refund, _payment = await self._read(tx, refund_id, lock=True)
            refund = replace(refund, checked_at=self.context.clock())
            await self.context.books.store_refund(tx, refund, refund.status)
        return refund

    async def _raise_attempt(self, seen: Refund) -> None:
        async with self.context.books.transaction() as tx:
            refund, _payment = await self._read(tx, seen.id, lock=True)
            if (refund.status, refund.attempt, refund.provider_id) != (RefundStatus.SUBMITTED, seen.attempt, None):
                return
            raised = replace(refund, attempt=refund.attempt + 1, attempt_at=self.context.clock())
            await self.context.books.store_refund(tx, raised, refund.status)
        attempt_raised()

    async def _read(self, tx: Tx, refund_id: UUID, *, lock: bool = False) -> tuple[Refund, Payment]:
        """With `lock` the payment is locked before its refund, as in approving.py: a failing refund changes its payment's sum."""
        books = self.context.books
        refund = await books.refund(tx, refund_id)
        payment = None if refund is None else await books.payment(tx, refund.payment_id, lock=lock)
        if lock and payment is not None:
            refund = await books.refund(tx, refund_id, lock=True)
        if refund is None or payment is None:
            raise NotFound
        return refund, payment


def _tell_failed(before: Refund, after: Refund) -> None:
    if after.status is RefundStatus.FAILED is not before.status:
        log.error("refund.failed", extra={"refund": str(after.id), "payment": str(after.payment_id)})
