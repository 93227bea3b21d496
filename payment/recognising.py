"""Refunds that people have made on the provider's own pages: booked as refunds of their payment (docs/adr/0072).

The money has moved, so nobody is asked: the payment has less to give back at once, and whoever it belongs to is told. Two persons
acknowledge it afterwards, in the worklist. The truth is fetched: a message, or the night's reading, only says which charge to look at.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import cast
from uuid import UUID, uuid5

from base.failpoint import point
from payment.context import Context
from payment.decide import begun, bounced
from payment.model import UNREFUNDABLE, Payment, PaymentStatus, Refund, RefundEvent, RefundReason, RefundStatus, advance
from payment.ports import RefundSnapshot, RefundsProvider, RefundState, Tx
from payment.refunding import Refunding

log = logging.getLogger(__name__)
listed = point("refund.listed-at-provider")
recognised = point("refund.recognised")

_NAMESPACE = UUID("0c6b2f5e-6a0e-4f0c-9a3f-5f0b6f5b7d10")

REFUNDED_THERE = "refunded_at_provider"  # why a refund that was not sent yet has given way; nobody has to see to it


class _TooMuch(Exception):
    """More than the payment has left, as far as we know: nothing is booked, and the matching shows it to people."""


@dataclass(frozen=True, slots=True)
class Recognising:
    context: Context
    refunding: Refunding

    async def look(self, name: str, charge_id: str) -> list[Refund]:
        """All of this charge that we did not ask for, as they are booked now. May raise OutcomeUnknown."""
        provider = self.context.providers.get(name)
        if provider is None or not provider.abilities.records:
            return []
        seen = await cast("RefundsProvider", provider).refunds_of(charge_id)
        listed()
        found = [await self._take_in(name, charge_id, one) for one in seen]
        return [one for one in found if one is not None]

    async def _take_in(self, name: str, charge_id: str, seen: RefundSnapshot) -> Refund | None:
        try:
            async with self.context.books.transaction() as tx:
                refund = await self._booked(tx, name, charge_id, seen)
        except _TooMuch:
            log.error("refund.at_provider_exceeds", extra={"refund": seen.provider_id})
            return None
        if refund is None:
            return None
        recognised()
        return await self.refunding.take_in(refund.id, seen)

    async def _booked(self, tx: Tx, name: str, charge_id: str, seen: RefundSnapshot) -> Refund | None:
        """The row of it, SUBMITTED where it is new; what becomes of it the refund's own road says. None: it is not for us to book."""
        books, ident = self.context.books, uuid5(_NAMESPACE, f"{name}:{seen.provider_id}")
        payment = await books.payment_of_charge(tx, charge_id)
        if payment is None or payment.provider != name:
            return None
        payment = await self.context.locked(tx, payment.id)
        if (known := await books.refund(tx, ident)) is not None:
            return known
        if seen.refund_id is not None and await books.refund(tx, seen.refund_id) is not None:
            return None  # ours
        if not await self._may_book(tx, payment, seen):
            return None
        given_way = await self._make_room(tx, payment, seen)
        booked = await self._insert(tx, ident, payment, seen)
        await self._owe_rest(tx, given_way, seen)
        return booked

    async def _may_book(self, tx: Tx, payment: Payment, seen: RefundSnapshot) -> bool:
        is_money = seen.state in (RefundState.PENDING, RefundState.SUCCEEDED) and seen.amount is not None
        if payment.status is not PaymentStatus.PAID or not is_money or not seen.amount:
            return False
        is_disputed = any(one.status in UNREFUNDABLE for one in await self.context.books.disputes(tx, payment.id))
        return seen.amount.currency == payment.currency and not is_disputed

    async def _make_room(self, tx: Tx, payment: Payment, seen: RefundSnapshot) -> list[Refund]:
        """What waits here, or to be transferred, is what has gone back now, if there is not enough for both. Those that waited here."""
        assert seen.amount is not None
        given_way: list[Refund] = []
        for refund in await self.context.books.refunds(tx, payment.id):
            if seen.amount.cents <= payment.refundable.cents:
                return given_way
            if refund.status is RefundStatus.APPROVED or refund.is_promised:
                failed = bounced(replace(refund, checked_at=self.context.clock()), REFUNDED_THERE)
                await self.context.books.store_refund(tx, failed, refund.status)
                given_way.append(failed)
                payment = await self.context.locked(tx, payment.id)
        if seen.amount.cents <= payment.refundable.cents:
            return given_way
        await self.context.hooks.on_given_back(tx, payment, seen.provider_id)
        payment = await self.context.locked(tx, payment.id)
        if seen.amount.cents > payment.refundable.cents:
            raise _TooMuch
        return given_way

    async def _owe_rest(self, tx: Tx, given_way: list[Refund], seen: RefundSnapshot) -> None:
        """A part of what a rule gives back has gone back by hand: the rest follows, and waits for a person where all of it did."""
        assert seen.amount is not None
        rest, now = sum(one.amount_cents for one in given_way) - seen.amount.cents, self.context.clock()
        last = given_way[-1] if given_way else None
        if last is None or last.requested_by is not None or not 0 < rest <= last.amount_cents:
            return
        follows = Refund(
            id=self.context.new_id(),
            payment_id=last.payment_id,
            amount_cents=rest,
            reason=last.reason,
            status=begun(needs_approval=last.needs_approval),
            attempt_at=now,
            created_at=now,
            retry_of=last.id,
            needs_approval=last.needs_approval,
            caused_by=last.caused_by,
            asked_by=last.asked_by,
        )
        await self.context.books.insert_refund(tx, follows)

    async def _insert(self, tx: Tx, ident: UUID, payment: Payment, seen: RefundSnapshot) -> Refund:
        assert seen.amount is not None
        now = self.context.clock()
        refund = Refund(
            id=ident,
            payment_id=payment.id,
            amount_cents=seen.amount.cents,
            reason=RefundReason.AT_PROVIDER,
            status=advance(RefundStatus.REQUESTED, RefundEvent.APPROVE),
            provider_id=seen.provider_id,
            attempt_at=now,
            created_at=now,
        )
        await self.context.books.insert_refund(tx, refund)
        begun = replace(refund, status=advance(refund.status, RefundEvent.SUBMIT), checked_at=now)
        await self.context.books.store_refund(tx, begun, refund.status)
        log.warning("refund.at_provider", extra={"refund": str(ident), "payment": str(payment.id)})
        return begun
