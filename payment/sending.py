"""An approved refund on its way to the provider: first a look at what people have given back of the charge there (docs/adr/0072).

Where that leaves too little, the refund gives way while it is booked (recognising.py): nothing is asked of the provider that it would
refuse, and nobody is asked for an account.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from uuid import UUID

from base.errors import NotFound
from base.failpoint import point
from payment.context import Context
from payment.model import Refund, RefundStatus
from payment.ports import OutcomeUnknown
from payment.recognising import Recognising
from payment.refunding import Refunding

log = logging.getLogger(__name__)
looked_first = point("refund.looked-first")


@dataclass(frozen=True, slots=True)
class Sending:
    context: Context
    refunding: Refunding
    recognising: Recognising

    async def send(self, refund_id: UUID) -> Refund:
        """As Refunding.submit. A provider that is silent to the look is asked for the refund all the same: it refuses what is too much."""
        async with self.context.books.apart() as tx:
            refund = await self.context.books.refund(tx, refund_id)
            payment = None if refund is None else await self.context.books.payment(tx, refund.payment_id)
        if refund is None or payment is None:
            raise NotFound
        if refund.status is RefundStatus.APPROVED and payment.charge_id is not None:
            try:
                await self.recognising.look(payment.provider, payment.charge_id)
            except OutcomeUnknown as silence:
                log.warning("refund.no_look", extra={"refund": str(refund_id), "detail": str(silence)})
            looked_first()
        return await self.refunding.submit(refund_id)
