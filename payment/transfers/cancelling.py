"""What calls an order off: people, a dispute that the payer has won, money that went back in another way."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from base.db import Connection
from base.failpoint import point
from payment.ledger import JournalKind
from payment.model import Dispute, DisputeStatus, Payment
from payment.ports import Tx
from payment.transfers import store
from payment.transfers.model import Order, Step
from payment.transfers.orders import Orders, checked_note
from payment.transfers.states import OPEN, TRANSITIONS, Occasion, TransferEvent, TransferStatus

_EVENT, _S = TransferEvent, TransferStatus
MAY_CANCEL = frozenset(status for status, event in TRANSITIONS if event is _EVENT.CANCEL)
cancelled = point("transfer.cancelled")
dispute_told = point("transfer.dispute-told")


class Cancelling(Orders):
    async def cancel(self, order_id: UUID, *, by: int | None, note: str) -> Order:
        """The refund is owed again, and may be asked for in another way. Raises NotFound, NoteWrong, TransferMovedOn."""
        note = checked_note(note)
        async with self.db.transaction() as conn:
            after = await self._cancel(conn, order_id, by, note)
        cancelled()
        return after

    async def cancel_for(self, tx: Tx, payment_id: UUID, note: str) -> int:
        """What the bank does not have yet, of this payment, which the caller has locked: its payer got the money otherwise. How many."""
        conn = cast("Connection", tx)
        orders = [one for one in await store.of_payment(conn, payment_id) if one.status in MAY_CANCEL]
        for one in orders:
            await self._cancel(conn, one.id, None, note)
        return len(orders)

    async def _cancel(self, conn: Connection, order_id: UUID, by: int | None, note: str) -> Order:
        before = await self._locked(conn, order_id)
        if before.status is _S.CANCELLED:
            return before
        self._after(before, _EVENT.CANCEL)
        await self._reverse(conn, before, JournalKind.TRANSFER_OWED, JournalKind.TRANSFER_CANCELLED)
        return await self._step(conn, before, before, _EVENT.CANCEL, by, note=note)

    async def given_back(self, tx: Tx, payment: Payment, provider_id: str) -> None:
        """For `payment.ports.Hooks.on_given_back`."""
        await self.cancel_for(tx, payment.id, provider_id)

    async def disputed(self, tx: Tx, payment: Payment, dispute: Dispute) -> None:
        """For `payment.ports.Hooks.on_disputed`: while it is open nothing goes on; won, it does; lost, the payer has the money."""
        conn = cast("Connection", tx)
        waiting = [
            one for one in await store.of_payment(conn, payment.id) if one.status not in (_S.CANCELLED, _S.WAIVED)
        ]
        if dispute.status is DisputeStatus.LOST:
            await self.cancel_for(conn, payment.id, f"{dispute.provider_id}: {dispute.taken_cents / 100:.2f}")
            late = [one for one in waiting if one.status not in MAY_CANCEL]
            await self._note(conn, late, Occasion.LOST_TOO_LATE, dispute)
        elif dispute.status in (DisputeStatus.WON, DisputeStatus.CLOSED):
            await self._note(conn, [one for one in waiting if one.status in OPEN], Occasion.RESUMED, dispute)
        elif dispute.status is not DisputeStatus.ANSWERED:  # known already, or told at once
            await self._note(conn, [one for one in waiting if one.status in OPEN], Occasion.SUSPENDED, dispute)
        dispute_told()

    async def _note(self, conn: Connection, orders: list[Order], what: Occasion, dispute: Dispute) -> None:
        for one in orders:
            await store.insert_step(conn, one.id, Step(event=what.value, at=self.clock(), note=dispute.provider_id))
