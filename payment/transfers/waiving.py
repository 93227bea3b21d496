"""A refund that nobody fetches, waived in writing or barred by limitation: said by two persons, booked as income (docs/adr/0064)."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from base.db import Connection, violates
from base.errors import NotFound
from base.failpoint import point
from payment import store as payments_store
from payment.transfers import store
from payment.transfers.journals import waived_journal
from payment.transfers.model import EVIDENCE_LENGTH, NOTE_LENGTH, Ground, Order, Waiver
from payment.transfers.orders import Orders
from payment.transfers.refusals import (
    NotBarredYet,
    OwnWaiver,
    PaymentDisputed,
    WaiverDecided,
    WaiverWaits,
    WaiverWrong,
)
from payment.transfers.states import TransferEvent

waiver_asked = point("transfer.waiver-asked")
waived = point("transfer.waived")
_SHORTEST, _SHORTEST_EVIDENCE = 5, 3


class Waiving(Orders):
    async def ask_waiver(
        self, order_id: UUID, ground: Ground, *, reason: str, evidence: str, by: int, key: UUID
    ) -> Order:
        """The same key again changes nothing. Raises NotFound, WaiverWrong, TransferMovedOn, WaiverWaits, NotBarredYet."""
        reason, evidence = " ".join(reason.split()), " ".join(evidence.split())
        wrong = {}
        if not _SHORTEST <= len(reason) <= NOTE_LENGTH:
            wrong["reason"] = "too_long" if len(reason) > NOTE_LENGTH else "missing"
        if not _SHORTEST_EVIDENCE <= len(evidence) <= EVIDENCE_LENGTH:
            wrong["evidence"] = "too_long" if len(evidence) > EVIDENCE_LENGTH else "missing"
        if wrong:
            raise WaiverWrong(wrong)
        asked = Waiver(
            id=key,
            order_id=order_id,
            ground=ground,
            reason=reason,
            evidence=evidence,
            requested_by=by,
            requested_at=self.clock(),
        )
        try:
            async with self.db.transaction() as conn:
                order = await self._locked(conn, order_id)
                if any(one.id == key for one in await store.waivers(conn, order_id)):
                    return order
                self._after(order, TransferEvent.WAIVE)
                if not await store.insert_waiver(conn, asked):
                    raise WaiverWaits
        except asyncpg.CheckViolationError as error:
            if violates(error, "transfer_waiver_limitation"):
                raise NotBarredYet from None
            raise
        waiver_asked()
        return order

    async def approve_waiver(self, order_id: UUID, waiver_id: UUID, *, by: int) -> Order:
        """Another person than who asked. Again by the same person: as it stands.

        Raises NotFound, OwnWaiver, WaiverDecided, PaymentDisputed, TransferMovedOn.
        """
        async with self.db.transaction() as conn:
            order = await self._locked(conn, order_id)
            asked = await _asked(conn, order_id, waiver_id)
            if (asked.status, asked.decided_by) == ("approved", by):
                return order
            if asked.status != "requested":
                raise WaiverDecided
            if asked.requested_by == by:
                raise OwnWaiver
            if await store.is_disputed(conn, order.payment_id):
                raise PaymentDisputed
            self._after(order, TransferEvent.WAIVE)
            now = self.clock()
            journal = await payments_store.insert_journal(conn, waived_journal(order), now)
            await store.decide_waiver(conn, waiver_id, "approved", by, now, journal)
            after = await self._step(conn, order, order, TransferEvent.WAIVE, by)
        waived()
        return after

    async def reject_waiver(self, order_id: UUID, waiver_id: UUID, *, by: int) -> Order:
        """It is still owed. Again by the same person: as it stands. Raises NotFound, WaiverDecided."""
        async with self.db.transaction() as conn:
            order = await self._locked(conn, order_id)
            asked = await _asked(conn, order_id, waiver_id)
            if asked.status == "requested":
                await store.decide_waiver(conn, waiver_id, "rejected", by, self.clock(), None)
            elif (asked.status, asked.decided_by) != ("rejected", by):
                raise WaiverDecided
        return order


async def _asked(conn: Connection, order_id: UUID, waiver_id: UUID) -> Waiver:
    """Locked. Raises NotFound."""
    found = await store.lock_waiver(conn, waiver_id)
    if found is None or found.order_id != order_id:
        raise NotFound
    return found
