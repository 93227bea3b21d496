"""How a payee hears of a transfer order: as the person of the case that was paid for, with a link of the order's own."""

from __future__ import annotations

from booking.appointments.slots import Notice, Slots
from payment.ports import Tx
from payment.transfers.model import Order


class TransferTelling:
    def __init__(self, slots: Slots) -> None:
        self._slots = slots

    async def __call__(self, tx: Tx, order: Order, what: str, path: str, *, again: int = 0) -> None:
        """Each round of asking is a message of its own. `path`: of the order's link, without a language."""
        fields = {"refund_cents": order.amount_cents, "currency": order.amount.currency, "own_path": path}
        about = f"{order.id}:{order.round}" + (f":{again}" if again else "")
        notice = Notice(f"transfer_{what}", about, fields)
        await self._slots.announce(tx, order.reference, notice)
