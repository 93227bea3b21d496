"""How changes at the provider come to notice: a signed message, a look at our open rows, and a walk through the provider's list.

The message may be lost, late, doubled or out of order: it only says where to look. The walk finds what no row of ours names.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from base.errors import NotFound
from base.failpoint import point
from payment.capturing import Capturing
from payment.context import Context
from payment.disputing import Disputing
from payment.model import Payment, PaymentStatus, RefundStatus
from payment.opening import SESSION_LIFE, Opening
from payment.ports import OutcomeUnknown, PaymentProvider, SessionState, Snapshot
from payment.recognising import Recognising
from payment.refunding import Refunding
from payment.sending import Sending
from payment.settling import Settling

log = logging.getLogger(__name__)
T = TypeVar("T")
event_kept = point("payment.event-kept")
listed = point("payment.listed")

LOOK_EVERY = timedelta(seconds=60)
ATTENTION_EVERY = timedelta(hours=1)  # what does not fit may be put right at the provider
ABANDONED_AFTER = timedelta(hours=1)  # an intention that nobody came back to
MOST_PER_ROUND = 20  # a provider that hangs costs ten seconds each
OVERLAP = SESSION_LIFE + timedelta(minutes=10)  # a session found payable may still be paid; and clocks differ
FIRST_LISTING = timedelta(hours=24)
HELD_BACK_AT_MOST = timedelta(
    days=3
)  # as long as the provider repeats its messages; else one bad session makes the walk ever longer

_AGREES = {
    PaymentStatus.PAID: frozenset(SessionState),
    PaymentStatus.AUTHORISED: frozenset({SessionState.AUTHORISED}),
    PaymentStatus.FENCED: frozenset({SessionState.DEAD}),
    PaymentStatus.LAPSED: frozenset({SessionState.OPEN}),
    PaymentStatus.OPEN: frozenset({SessionState.OPEN}),
    PaymentStatus.PROCESSING: frozenset({SessionState.PROCESSING}),
}


@dataclass(frozen=True, slots=True)
class Noticing:
    context: Context
    settling: Settling
    opening: Opening
    refunding: Refunding
    disputing: Disputing
    capturing: Capturing
    recognising: Recognising
    sending: Sending
    last_listing: dict[str, datetime] = field(default_factory=dict)  # only against listing too often

    async def take_event(self, name: str, headers: Mapping[str, str], raw: bytes) -> None:
        """Keep the message, then look. Raises NotFound (no such provider), SignatureRefused.

        A message known already is looked into again: we may have died between keeping and looking.
        """
        if name not in self.context.providers:
            raise NotFound
        provider = self.context.providers[name]
        event = provider.parse_event(headers, raw)
        about = event.payment_id if event.refund_id is None and event.dispute_id is None else None
        async with self.context.books.apart() as tx:
            await self.context.books.keep_event(tx, name, event, self.context.clock())
            payment = None if about is None else await self.context.books.payment(tx, about)
        event_kept()
        if event.dispute_id is not None:
            await self._guarded("dispute", event.dispute_id, self.disputing.look(name, event.dispute_id))
        elif event.refund_id is not None:
            await self._guarded("refund", event.refund_id, self.refunding.look_again(event.refund_id))
        elif event.charge_id is not None:
            await self._guarded("charge", event.charge_id, self.recognising.look(name, event.charge_id))
        elif event.payment_id is not None:
            await self._guarded("payment", event.payment_id, self._look_into(name, provider, payment, event.session_id))

    async def _look_into(
        self, name: str, provider: PaymentProvider, payment: Payment | None, session_id: str | None
    ) -> None:
        if payment is None:
            raise NotFound
        if payment.provider != name:
            return
        if session_id is None or payment.session_id in (None, session_id):
            await self.settling.settle_read(payment)
        else:
            await self.settling.take_stray(payment.id, await provider.fetch(session_id))

    async def sweep(self) -> int:
        """One round over everything that is due for a look; return how many rows were looked at."""
        now = self.context.clock()
        async with self.context.books.transaction() as tx:
            payments = await self.context.books.due_payments(
                tx, now - LOOK_EVERY, now - ATTENTION_EVERY, MOST_PER_ROUND
            )
            refunds = await self.context.books.due_refunds(tx, now, MOST_PER_ROUND)
        for payment in payments:
            await self._guarded("payment", payment.id, self._look_at(payment, now))
        for refund in refunds:
            is_over = refund.status is RefundStatus.FAILED
            work = self.refunding.try_anew(refund.id) if is_over else self.sending.send(refund.id)
            await self._guarded("refund", refund.id, work)
        disputes = await self.disputing.due()
        for dispute in disputes:
            await self._guarded("dispute", dispute.id, self.disputing.look_again(dispute))
        for name, provider in self.context.providers.items():
            if now - self.last_listing.get(name, now - LOOK_EVERY) >= LOOK_EVERY:
                self.last_listing[name] = now
                await self._guarded("provider", name, self._list(name, provider, now))
                await self._guarded("provider", name, self.disputing.walk(name))
        return len(payments) + len(refunds) + len(disputes)

    def _look_at(self, payment: Payment, now: datetime) -> Awaitable[Payment]:
        if payment.status is PaymentStatus.INTENDED and payment.created_at <= now - ABANDONED_AFTER:
            return self.opening.fence(payment.id)
        if payment.status is PaymentStatus.AUTHORISED:
            return self._look_at_reserved(payment)
        return self.settling.settle(payment.id)

    async def _look_at_reserved(self, payment: Payment) -> Payment:
        if payment.take_cents is None:
            return await self.settling.settle(payment.id)
        return await self.capturing.carry_out(payment.id)

    async def _list(self, name: str, provider: PaymentProvider, now: datetime) -> None:
        """The mark moves when everything listed is done with: what is not will be listed again, but not for ever."""
        books = self.context.books
        async with books.transaction() as tx:
            until = await books.listed_until(tx, name)
        since = (now - FIRST_LISTING if until is None else until) - OVERLAP
        try:
            sessions = await provider.changed(since)
        except OutcomeUnknown as silence:
            log.warning("payment.no_list", extra={"provider": name, "detail": str(silence)})
            return
        listed()
        done = [
            await self._guarded("payment", seen.payment_id, self._take_listed(name, seen.payment_id, seen)) is True
            for seen in sessions
            if seen.payment_id is not None
        ]
        mark = now if all(done) else max(until or now - FIRST_LISTING, now - HELD_BACK_AT_MOST)
        async with books.transaction() as tx:
            await books.set_listed_until(tx, name, mark)

    async def _take_listed(self, name: str, payment_id: UUID, seen: Snapshot) -> bool:
        async with self.context.books.transaction() as tx:
            payment = await self.context.books.payment(tx, payment_id)
            booked = await self.context.books.payment_of_session(tx, seen.session_id)
        if payment is None or payment.provider != name:
            return True
        known = booked or (payment if payment.session_id is None else None)
        if known is None:
            return await self.settling.take_stray(payment.id, seen)
        if seen.state not in _AGREES.get(known.status, ()):
            await self.settling.take_in(known.id, seen)
        return True

    async def _guarded(self, noun: str, row_id: UUID | str, work: Awaitable[T]) -> T | None:
        """One bad row, or one silence, must not keep the others from being looked at."""
        try:
            return await work
        except (OutcomeUnknown, NotFound) as error:
            log.warning(f"{noun}.not_settled", extra={"id": str(row_id), "detail": str(error)})
        except Exception:  # told in the log, with its id; the sweep goes on to the next row
            log.exception(f"{noun}.settle_failed", extra={"id": str(row_id)})
        return None
