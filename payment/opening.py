"""From intention to a session with an address to pay at, and back: making sure that no money can come any more.

The key `create:{payment}:{attempt}` is in the database before the call. Whatever happens to the call, the same key finds the
same session; where the key may be forgotten or answers with a stored failure, the session is looked up by metadata first, and
only when there is none the attempt is raised.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from base.failpoint import point
from payment.context import KEY_LIFE, Context, PaymentUnavailable
from payment.model import Payment, PaymentStatus
from payment.ports import OutcomeUnknown, PaymentOrder, ProviderRefused, Snapshot
from payment.settling import Settling

log = logging.getLogger(__name__)
session_created = point("payment.session-created")
session_stored = point("payment.session-stored")
attempt_raised = point("payment.attempt-raised")
fence_asked = point("payment.fence-asked")

# Stripe wants at least 30 minutes from the call on. A call that comes later than a minute or two is therefore refused, never
# executed: an order cannot wake up long after it was given up.
SESSION_LIFE = timedelta(minutes=31)


def order_of(payment: Payment) -> PaymentOrder:
    """A function of the row alone, so that a repeated call has the same body."""
    return PaymentOrder(
        payment_id=payment.id,
        amount=payment.amount,
        description=payment.description,
        language=payment.language,
        return_url=payment.return_url,
        expires_at=session_ends(payment),
        purpose=payment.kassenzeichen,
        capture=payment.capture,
    )


def session_ends(payment: Payment) -> datetime:
    """Rounded up to the minute."""
    end = payment.attempt_at + SESSION_LIFE
    whole = end.replace(second=0, microsecond=0)
    return whole if whole == end else whole + timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Opening:
    context: Context
    settling: Settling

    async def open(self, payment_id: UUID) -> Payment:
        """The payment with `pay_url` if it is OPEN. Raises NotFound, PaymentUnavailable (nothing charged; try again)."""
        for _try in range(2):  # a second time under a new key
            payment = await self.context.payment(payment_id)
            if payment.status is PaymentStatus.INTENDED:
                try:
                    seen = await self._session(payment)
                except OutcomeUnknown as silence:
                    log.warning("payment.no_answer", extra={"payment": str(payment_id), "detail": str(silence)})
                    raise PaymentUnavailable from None
                if seen is None:
                    await self._raise_attempt(payment)
                    continue
                payment = await self._store(payment_id, seen)
            if payment.status is PaymentStatus.OPEN and self.context.clock() >= session_ends(payment):
                return await self.settling.settle(payment_id)  # the address leads nowhere any more
            return payment
        raise PaymentUnavailable

    async def fence(self, payment_id: UUID) -> Payment:
        """FENCED if the provider says that no money can come any more, PAID or AUTHORISED if it came; else as it stands, to be tried again.

        LAPSED where the provider cannot say the first, but did say that nothing has come so far.
        """
        for _try in range(2):
            payment = await self.context.payment(payment_id)
            if payment.is_secured or payment.status in (PaymentStatus.FENCED, PaymentStatus.LAPSED):
                return payment
            try:
                if payment.session_id is None:
                    seen = await self._session(payment)
                    if seen is None:
                        payment = await self.settling.give_up(payment)
                        if payment.status is PaymentStatus.INTENDED:
                            continue  # somebody has just raised the attempt
                        return payment
                    payment = await self._store(payment_id, seen)
                if payment.session_id is not None and not payment.is_secured:
                    provider = self.context.provider_of(payment)
                    if not provider.abilities.fence:
                        return await self._lapse(payment_id, await provider.fetch(payment.session_id))
                    await provider.fence(payment.session_id)
                    fence_asked()
            except ProviderRefused:
                fence_asked()  # complete or expired already: the look below sees which
            except OutcomeUnknown as silence:
                log.warning("payment.no_answer", extra={"payment": str(payment_id), "detail": str(silence)})
            return await self.settling.settle(payment_id)
        return await self.context.payment(payment_id)

    async def leave(self, payment_id: UUID) -> Payment:
        """fence(); where the provider is silent and nobody was ever given an address to pay at, the payment is not waited for any
        more (LAPSED): an address that comes after that is shown to nobody, and money all the same is late money."""
        payment = await self.fence(payment_id)
        if payment.status is PaymentStatus.INTENDED and payment.session_id is None:
            return await self.settling.lapse(payment_id)
        return payment

    async def _session(self, payment: Payment) -> Snapshot | None:
        """The session of an INTENDED payment, made if need be. None: there is none, and this key will not make one."""
        provider = self.context.provider_of(payment)
        if self.context.clock() - payment.attempt_at < KEY_LIFE:
            try:
                seen = await provider.create(order_of(payment), payment.key)
                session_created()
                return seen
            except ProviderRefused as refusal:
                log.warning("payment.refused", extra={"payment": str(payment.id), "code": refusal.code})
            except OutcomeUnknown as silence:
                if not silence.replayed:
                    raise
        return await provider.find(payment.id, payment.created_at)

    async def _lapse(self, payment_id: UUID, seen: Snapshot) -> Payment:
        """Given up after a look: whoever has paid in time is not left out because nobody asked."""
        fence_asked()
        payment = await self.settling.take_in(payment_id, seen)
        return await self.settling.lapse(payment_id) if payment.status is PaymentStatus.OPEN else payment

    async def _store(self, payment_id: UUID, seen: Snapshot) -> Payment:
        payment = await self.settling.take_in(payment_id, seen)
        session_stored()
        return payment

    async def _raise_attempt(self, seen: Payment) -> None:
        async with self.context.books.transaction() as tx:
            payment = await self.context.books.payment(tx, seen.id, lock=True)
            if payment is None or (payment.status, payment.attempt) != (PaymentStatus.INTENDED, seen.attempt):
                return  # somebody else did, or the payment has moved on
            raised = replace(payment, attempt=payment.attempt + 1, attempt_at=self.context.clock())
            await self.context.books.store_payment(tx, raised, payment.status)
        attempt_raised()
