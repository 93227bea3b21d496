"""Refunds by bank transfer to whoever came without an appointment: nobody can write to them, so they wait in a list of their office.

Their payer names the account by the link or by the receipt's code; or tells it at the counter or on the telephone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from base.db import Database
from base.errors import NotFound
from booking.charges import store
from booking.charges.model import Charge
from payment.transfers.model import Order
from payment.transfers.usecases import Transfers

MOST_LISTED = 500


@dataclass(frozen=True, slots=True)
class WalkInRefund:
    """What is owed of a further fee that was asked for without an appointment."""

    order: Order
    charge: Charge


class WalkIns:
    def __init__(self, db: Database, transfers: Transfers) -> None:
        self._db = db
        self._transfers = transfers

    async def waiting(self, office_id: int | None = None) -> Sequence[WalkInRefund]:
        """Those that wait for an account, of an office or of all; the longest waiting first."""
        async with self._db.connection() as conn:
            charges = {one.id: one for one in await store.asked_for_account(conn, office_id, MOST_LISTED)}
        orders = await self._transfers.of_references(charges)
        waits = [WalkInRefund(one, charges[one.reference]) for one in orders if one.asks]
        return sorted(waits, key=lambda one: (one.order.changed_at, one.order.id))

    async def get(self, office_id: int, order_id: UUID) -> WalkInRefund:
        """Raises NotFound, also for one of another office or with an appointment."""
        order = await self._transfers.get(order_id)
        async with self._db.connection() as conn:
            charge = await store.find(conn, order.reference)
        if charge is None or charge.office_id != office_id or charge.appointment_id is not None:
            raise NotFound
        return WalkInRefund(order, charge)

    async def enter(self, office_id: int, order_id: UUID, *, holder: str, iban: str, by: int) -> Order:
        """As its payee has told it. Raises NotFound, AccountWrong, TransferMovedOn."""
        await self.get(office_id, order_id)
        return await self._transfers.give_account(order_id, holder=holder, iban=iban, by=by)
