"""How a dispute comes to notice and into the books: a message says where to look, a look at open ones, a walk through the list.

The truth is fetched, never taken from a message. A dispute may come months after the payment, so the list is walked by when it was opened.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from uuid import UUID

from base.failpoint import point
from payment.context import Context
from payment.decide_dispute import after_loss, decide_dispute, first_seen, is_a_loss
from payment.model import Dispute, Payment, PaymentStatus, RefundStatus
from payment.ports import DisputeProvider, DisputeSnapshot, Tx
from payment.settling import Settling

log = logging.getLogger(__name__)
fetched = point("dispute.fetched")
applied = point("dispute.applied")
stored = point("dispute.stored")
listed = point("dispute.listed")

LOOK_EVERY = timedelta(minutes=15)  # the bank takes weeks, and a message mostly comes
FIRST_LISTING = timedelta(
    days=400
)  # a payment can be disputed for 13 months (SEPA) or 540 days at the very most (cards)
OVERLAP = timedelta(minutes=10)
HELD_BACK_AT_MOST = timedelta(days=3)
MARK = ":disputes"  # beside the mark of the sessions' list, which bears the provider's name alone


@dataclass(frozen=True, slots=True)
class Disputing:
    context: Context
    settling: Settling

    async def look(self, name: str, provider_id: str) -> Dispute | None:
        """None: it is about no payment of ours, or about one that is not known to be paid yet. May raise OutcomeUnknown."""
        provider = self._provider(name)
        if provider is None:
            return None
        seen = await provider.fetch_dispute(provider_id)
        fetched()
        return await self._take_in(name, seen)

    async def look_again(self, dispute: Dispute) -> Dispute | None:
        return await self.look((await self.context.payment(dispute.payment_id)).provider, dispute.provider_id)

    async def look_at_charge(self, payment: Payment) -> bool:
        """After a refund was refused because of a dispute: whether there is one. May raise OutcomeUnknown."""
        provider = self._provider(payment.provider)
        if provider is None or payment.charge_id is None:
            return False
        found = await provider.disputes_of(payment.charge_id)
        fetched()
        return bool([await self._take_in(payment.provider, seen) for seen in found])

    async def due(self) -> list[Dispute]:
        """Those that are not over and were not looked at for a while."""
        async with self.context.books.transaction() as tx:
            return await self.context.books.due_disputes(tx, self.context.clock() - LOOK_EVERY, _AT_ONCE)

    async def walk(self, name: str) -> None:
        """Through the provider's list. The mark moves when all of it is done with; what is not is listed again, but not for ever."""
        provider, now, books = self._provider(name), self.context.clock(), self.context.books
        if provider is None:
            return
        async with books.transaction() as tx:
            until = await books.listed_until(tx, name + MARK)
        since = now - FIRST_LISTING if until is None else until - OVERLAP
        found = await provider.disputes_since(since)
        listed()
        done = [await self._guarded(name, seen) for seen in found]
        mark = now if all(done) else max(until or since, now - HELD_BACK_AT_MOST)
        async with books.transaction() as tx:
            await books.set_listed_until(tx, name + MARK, mark)

    async def _guarded(self, name: str, seen: DisputeSnapshot) -> bool:
        """One that cannot be booked keeps no other from being seen; it is listed again."""
        try:
            return await self._take_listed(name, seen)
        except Exception:  # whatever it is
            log.exception("dispute.settle_failed", extra={"dispute": seen.provider_id})
            return False

    async def _take_listed(self, name: str, seen: DisputeSnapshot) -> bool:
        """Whether that is the end of it, as far as the list is concerned."""
        async with self.context.books.transaction() as tx:
            known = await self.context.books.dispute(tx, seen.provider_id)
            payment = await self._payment_of(tx, name, seen)
        if known is not None or payment is None:
            return known is not None or seen.payment_id is None or not await self._is_ours(seen.payment_id)
        return await self._take_in(name, seen) is not None

    async def _is_ours(self, payment_id: UUID) -> bool:
        async with self.context.books.transaction() as tx:
            return await self.context.books.payment(tx, payment_id) is not None

    async def _take_in(self, name: str, seen: DisputeSnapshot) -> Dispute | None:
        """What was seen, applied to the row as locked; the payment is locked before, as wherever money changes."""
        books, now = self.context.books, self.context.clock()
        async with books.transaction() as tx:
            payment = await self._payment_of(tx, name, seen)
        if payment is not None and payment.status is not PaymentStatus.PAID:
            payment = await self.settling.settle(payment.id)
        if payment is None or payment.status is not PaymentStatus.PAID:
            log.warning("dispute.of_nothing", extra={"dispute": seen.provider_id})
            return None
        async with books.transaction() as tx:
            payment = await self.context.locked(tx, payment.id)
            before = await books.dispute(tx, seen.provider_id, lock=True)
            row = before or first_seen(payment, seen, self.context.new_id(), now)
            decision = decide_dispute(row, payment, seen, now)
            if before is None:
                await books.insert_dispute(tx, decision.dispute)
            else:
                await books.store_dispute(tx, decision.dispute, before.status)
            for journal in decision.journals:
                await books.post(tx, journal, now)
            if before is None or before.status is not decision.dispute.status:
                await self.context.hooks.on_disputed(tx, payment, decision.dispute)
            if is_a_loss(decision.dispute) and not is_a_loss(row):
                await self._overtake(tx, payment.id)
            applied()
        _tell(row, decision.dispute, is_new=before is None)
        stored()
        return decision.dispute

    async def _overtake(self, tx: Tx, payment_id: UUID) -> None:
        """What had failed, or still waited for a person, is given back by the loss, as far as it reaches."""
        books, now = self.context.books, self.context.clock()
        disputes, refunds = await books.disputes(tx, payment_id), await books.refunds(tx, payment_id)
        tried_anew = {one.retry_of for one in refunds}
        for refund in refunds:
            has_failed = refund.status is RefundStatus.FAILED and refund.id not in tried_anew
            if not (has_failed or refund.is_promised) or refund.is_transferred:
                continue
            payment = await self.context.locked(tx, payment_id)  # what was called off has changed what is not earned
            decision = after_loss(refund, payment, disputes, await books.refunds(tx, payment_id), now)
            if decision.refund.status is not refund.status:
                await books.store_refund(tx, decision.refund, refund.status)
            if decision.journal is not None:
                await books.post(tx, decision.journal, now)

    async def _payment_of(self, tx: Tx, name: str, seen: DisputeSnapshot) -> Payment | None:
        """By the provider's id of the money; by the metadata only where we have stored no such id yet."""
        books = self.context.books
        payment = await books.payment_of_charge(tx, seen.charge_id)
        if payment is None and seen.payment_id is not None:
            named = await books.payment(tx, seen.payment_id)
            payment = named if named is not None and named.charge_id is None else None
        return payment if payment is not None and payment.provider == name else None

    def _provider(self, name: str) -> DisputeProvider | None:
        provider = self.context.providers.get(name)
        return cast("DisputeProvider", provider) if provider is not None and provider.abilities.disputes else None


_AT_ONCE = 20  # a provider that hangs costs ten seconds each


def _tell(before: Dispute, after: Dispute, *, is_new: bool) -> None:
    names = {"dispute": str(after.id), "payment": str(after.payment_id)}
    if is_new or before.status is not after.status:
        log.warning("dispute.changed", extra={**names, "status": after.status.value})
    if after.attention and after.attention != before.attention:
        log.error("dispute.contradiction", extra={**names, "detail": after.attention})
