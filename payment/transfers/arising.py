"""How a transfer order comes into being: with a refund that failed for good, in its transaction."""

from __future__ import annotations

import logging
from typing import cast
from uuid import UUID, uuid5

from base.db import Connection
from base.failpoint import point
from base.rounds import each
from base.seal import token_sha256
from payment import dispute_store
from payment import store as payments_store
from payment.ledger import part_of
from payment.model import DisputeStatus, Payment, Refund
from payment.ports import Tx
from payment.transfers import store
from payment.transfers.journals import owed_journal
from payment.transfers.model import Order, Step
from payment.transfers.orders import Orders
from payment.transfers.states import Occasion

log = logging.getLogger(__name__)

_AT_ONCE = 100
arisen = point("transfer.arisen")


class Arising(Orders):
    async def arise(self, tx: Tx, payment: Payment, refund: Refund) -> None:
        """For `payment.ports.Hooks.on_refund_failed`: in its transaction, with the payment locked."""
        await self._arise(cast("Connection", tx), payment.id, refund.id)
        arisen()

    async def arise_due(self) -> int:
        """Of refunds that failed before there were orders, or in a process that knew none. How many."""
        async with self.db.connection() as conn:
            due = await store.without_order(conn, _AT_ONCE)
        return await each(
            due, self._arise_one, log=log, failed="transfer.not-arisen", named=lambda one: {"refund": str(one)}
        )

    async def _arise_one(self, refund_id: UUID) -> bool:
        async with self.db.transaction() as conn:
            refund = await payments_store.find_refund(conn, refund_id)
            return refund is not None and await self._arise(conn, refund.payment_id, refund_id)

    async def _arise(self, conn: Connection, payment_id: UUID, refund_id: UUID) -> bool:
        payment = await payments_store.lock_payment(conn, payment_id)
        refund = await payments_store.lock_refund(conn, refund_id)
        assert payment is not None
        assert refund is not None
        # What another refund has given back meanwhile is not owed twice; SEPA carries euros only.
        is_owed = refund.amount_cents <= payment.refundable.cents and not await store.is_tried_anew(conn, refund_id)
        disputes = await dispute_store.of_payment(conn, payment_id)
        if any(one.status is DisputeStatus.LOST for one in disputes):
            return False  # what the dispute has taken is with the payer; the rest of it, if any, is for people
        if not is_owed or payment.currency != "EUR" or refund.transfer_status:
            return False
        now, ident = self.clock(), uuid5(refund_id, "transfer")
        order = Order(
            id=ident,
            refund_id=refund_id,
            payment_id=payment_id,
            amount_cents=refund.amount_cents,
            purpose=f"{'Erstattung' if payment.language == 'de' else 'Refund'} {payment.kassenzeichen}",
            lines=part_of(payment.lines, refund.amount_cents),
            created_at=now,
            changed_at=now,
            token_sha256=token_sha256(self.token(ident)),
            reference=payment.reference,
        )
        if not await store.insert(conn, order):
            return False
        await payments_store.insert_journal(conn, owed_journal(refund, payment), now)
        await store.insert_step(conn, ident, Step(event=Occasion.ASKED.value, at=now))
        for one in disputes:
            if not one.is_settled:
                await store.insert_step(conn, ident, Step(event=Occasion.SUSPENDED.value, at=now, note=one.provider_id))
        await self._tell(conn, order, "asked", self.link(order))
        return True
