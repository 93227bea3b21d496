"""What the bank's statement says of an order: that the money has left our account, or that it came back."""

from __future__ import annotations

from dataclasses import replace
from typing import cast
from uuid import UUID

from base.db import Connection
from base.failpoint import point
from payment import dispute_store
from payment import store as payments_store
from payment.decide_dispute import CHARGE_DISPUTED, after_loss
from payment.ledger import JournalKind
from payment.ports import Tx
from payment.transfers import store
from payment.transfers.cancelling import Cancelling
from payment.transfers.journals import paid_journal
from payment.transfers.model import Order
from payment.transfers.orders import checked_note, nameless
from payment.transfers.states import TransferEvent, TransferStatus

_EVENT, _S = TransferEvent, TransferStatus
returned = point("transfer.returned")


class Arriving(Cancelling):
    async def find_sent(self, tx: Tx, end_to_end_id: str) -> UUID | None:
        """The order that went out under this EndToEndId of a bank statement."""
        try:
            ident = UUID(hex=end_to_end_id)
        except ValueError:
            return None
        return await store.find_by_end_to_end(cast("Connection", tx), ident)

    async def arrived(self, tx: Tx, order_id: UUID, bank_entry_ref: str) -> Order:
        """It has left our account. The same entry again: as it stands. Raises NotFound, TransferMovedOn."""
        conn = cast("Connection", tx)
        before = await self._locked(conn, order_id)
        if before.status is _S.PAID and before.bank_entry_ref == bank_entry_ref:
            return before
        self._after(before, _EVENT.ARRIVE)
        now = self.clock()
        await payments_store.insert_journal(conn, paid_journal(before), now)
        paid = replace(before, paid_at=now, bank_entry_ref=bank_entry_ref)
        after = await self._step(conn, before, paid, _EVENT.ARRIVE, None, note=bank_entry_ref)
        await self._tell(conn, after, "paid", self.link(after))
        return after

    async def returned(self, tx: Tx, order_id: UUID, reason: str, *, by: int | None = None) -> Order:
        """The bank sends it back: its payee is asked for another account. Raises NotFound, NoteWrong, TransferMovedOn."""
        conn, reason = cast("Connection", tx), checked_note(reason)
        before = await self._locked(conn, order_id)
        if before.status is _S.RETURNED:
            return before
        self._after(before, _EVENT.BOUNCE)
        if before.status is _S.PAID:
            await self._reverse(conn, before, JournalKind.TRANSFER_PAID, JournalKind.TRANSFER_RETURNED)
        after = await self._step(conn, before, nameless(before), _EVENT.BOUNCE, by, note=reason)
        if before.is_lost:  # its payer has the money by the dispute, so nobody is asked for another account
            called_off = await self._cancel(conn, order_id, None, CHARGE_DISPUTED)
            await self._overtake(conn, before)
            return called_off
        await self._tell(conn, after, "returned", self.link(after))
        return after

    async def _overtake(self, conn: Connection, order: Order) -> None:
        """The loss has given the refund back, as far as it reaches: it is owed no more, and no loss."""
        payment = await payments_store.lock_payment(conn, order.payment_id)  # as calling it off has left it
        refund = await payments_store.lock_refund(conn, order.refund_id)
        assert payment is not None
        assert refund is not None
        disputes = await dispute_store.of_payment(conn, payment.id)
        refunds, now = await payments_store.refunds_of(conn, payment.id), self.clock()
        decision = after_loss(refund, payment, disputes, refunds, now)
        if decision.journal is not None:
            await payments_store.update_refund(conn, decision.refund, refund.status)
            await payments_store.insert_journal(conn, decision.journal, now)

    async def returned_by_hand(self, order_id: UUID, *, by: int, note: str) -> Order:
        """Before the statement says so. Refusals as `returned`."""
        async with self.db.transaction() as conn:
            after = await self.returned(conn, order_id, note, by=by)
        returned()
        return after
