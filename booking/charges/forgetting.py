"""What was typed about visits goes: with the person by the schema itself, else by a term, each run written down (docs/adr/0069)."""

from __future__ import annotations

from datetime import datetime

from base.db import Connection
from booking.charges import words_store as store
from payment.usecases import Payments


class Forgetting:
    """Both are `payment.retention.usecases.Erase`: in the transaction of a run, up to this moment; how many texts."""

    def __init__(self, payments: Payments) -> None:
        self._payments = payments

    async def visit_notes(self, conn: Connection, before: datetime) -> int:
        """Of visits that no person takes along: nobody came by an appointment, or that was erased before the words were typed."""
        gone = 0
        for erase in (
            store.erase_open_fees,
            store.erase_withdrawals,
            store.erase_history,
            store.erase_withdrawn_texts,
            store.erase_overrides,
        ):
            gone += await erase(conn, before)
        refunds = await store.with_refund_notes(conn, before)
        for charge_id in refunds:
            await self._payments.erase_notes(conn, charge_id)
        return gone + len(refunds)

    async def receipt_texts(self, conn: Connection, before: datetime) -> int:
        """What stands beside a fee's name on its receipt is part of a voucher: after its term the name of the price list is left."""
        return await store.erase_receipt_texts(conn, before)
