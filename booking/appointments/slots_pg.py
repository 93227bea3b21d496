"""Slots on PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from typing import cast
from uuid import UUID

from base.db import Connection
from booking.appointments import store
from booking.appointments.model import CLAIM_OF, AppointmentStatus, CaseState, sources
from booking.appointments.slots import TRY_EVERY, Announce, Notice
from payment.ports import Tx


def _conn(tx: Tx) -> Connection:
    return cast("Connection", tx)


class PgSlots:
    def __init__(self, announce: Announce) -> None:
        self._announce = announce

    async def lock(self, tx: Tx, reference: UUID) -> CaseState | None:
        # Two statements: what is read beside a row that was waited for would be as old as the wait.
        if not await store.lock_appointment(_conn(tx), reference):
            return None
        return await store.find_state(_conn(tx), reference)

    async def move(self, tx: Tx, reference: UUID, to: AppointmentStatus) -> bool:
        return await store.move(_conn(tx), reference, sources(to), to, CLAIM_OF[to])

    async def due(self, tx: Tx, now: datetime, limit: int) -> list[UUID]:
        return await store.due(_conn(tx), now, now - TRY_EVERY, limit)

    async def mark_tried(self, tx: Tx, reference: UUID, now: datetime) -> None:
        await store.mark_tried(_conn(tx), reference, now)

    async def expire_bare(self, tx: Tx, now: datetime, limit: int) -> int:
        return await store.expire_bare(_conn(tx), now, limit)

    async def announce(self, tx: Tx, reference: UUID, notice: Notice) -> None:
        await self._announce(tx, reference, notice)
