"""What every use case of payments is built of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from uuid import UUID

from base.clock import Clock
from base.errors import NotFound, Unavailable
from base.i18n import mark as _
from payment.books import Books
from payment.model import Payment
from payment.ports import CaptureProvider, Hooks, OutcomeUnknown, PaymentProvider, Tx

# Stripe may forget a key after 24 h (docs.stripe.com/api/idempotent_requests); an hour for clocks that differ.
KEY_LIFE = timedelta(hours=23)


class PaymentUnavailable(Unavailable):
    code = "payment_unavailable"
    message = _("The payment service does not answer at the moment. Nothing was charged. Please try again.")


@dataclass(frozen=True, slots=True)
class Context:
    books: Books
    providers: Mapping[str, PaymentProvider]
    hooks: Hooks
    clock: Clock
    new_id: Callable[[], UUID]

    async def payment(self, payment_id: UUID) -> Payment:
        """As it stands now; raises NotFound."""
        async with self.books.apart() as tx:
            found = await self.books.payment(tx, payment_id)
        if found is None:
            raise NotFound
        return found

    async def locked(self, tx: Tx, payment_id: UUID) -> Payment:
        """Nobody else changes it before the transaction ends; raises NotFound."""
        found = await self.books.payment(tx, payment_id, lock=True)
        if found is None:
            raise NotFound
        return found

    def provider_of(self, payment: Payment) -> PaymentProvider:
        """Raises OutcomeUnknown where the provider is no longer configured: nothing can be learned of the payment."""
        try:
            return self.providers[payment.provider]
        except KeyError:
            raise OutcomeUnknown(f"provider {payment.provider} is not configured") from None

    def capturer_of(self, payment: Payment) -> CaptureProvider:
        """Raises OutcomeUnknown where the provider cannot (any more) reserve money."""
        provider = self.provider_of(payment)
        if not provider.abilities.capture:
            raise OutcomeUnknown(f"provider {payment.provider} cannot capture")
        return cast("CaptureProvider", provider)
