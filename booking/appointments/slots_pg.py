"""Slots on PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from typing import cast
from uuid import UUID

import asyncpg

from base.db import Connection
from base.money import Money
from booking.appointments import move_store, reconfirm_store, reducing, store
from booking.appointments.model import CLAIM_OF, AppointmentStatus, CaseState, MoveState, ReconfirmStatus, sources
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

    async def move(self, tx: Tx, reference: UUID, to: AppointmentStatus, *, at_till: bool = False) -> bool:
        conn, held_by = _conn(tx), sources(to) - {AppointmentStatus.EXPIRED}
        if await store.move(conn, reference, held_by, to, CLAIM_OF[to], at_till=at_till):
            return True
        if AppointmentStatus.EXPIRED not in sources(to):
            return False
        try:
            async with (
                conn.transaction()
            ):  # a savepoint: that somebody else has the time by now is an answer, not the end of all
                return await store.take_again(conn, reference)
        except asyncpg.ExclusionViolationError:
            return False

    async def due(self, tx: Tx, now: datetime, limit: int) -> list[UUID]:
        return await store.due(_conn(tx), now, now - TRY_EVERY, limit)

    async def mark_tried(self, tx: Tx, reference: UUID, now: datetime) -> None:
        await store.mark_tried(_conn(tx), reference, now)

    async def expire_bare(self, tx: Tx, now: datetime, limit: int) -> int:
        return await store.expire_bare(_conn(tx), now, limit)

    async def lock_move(self, tx: Tx, hold_id: UUID) -> MoveState | None:
        found = await move_store.find_move(_conn(tx), hold_id)
        case = await self.lock(tx, found.case_id) if found is not None else None
        row = await reducing.waiting(
            _conn(tx), await move_store.find_move(_conn(tx), hold_id)
        )  # as it is under the lock
        if row is None or case is None:
            return None
        return MoveState(
            id=row.id,
            case=case,
            starts_at=row.starts_at,
            hold_until=row.hold_until,
            fee=Money(row.fee_cents, case.fee.currency),
            is_waiting=row.is_waiting,
        )

    async def end_move(self, tx: Tx, hold_id: UUID, taken_at: datetime | None) -> bool:
        conn = _conn(tx)
        if taken_at is None:
            return await move_store.free_waiting(conn, hold_id)
        hold = await store.lock_hold(conn, hold_id)
        if hold is None or hold.moves is None or hold.appointment_id is not None or not hold.status.occupies:
            return False
        case = await store.find_state(conn, hold.moves)
        assert case is not None
        told_as = move_store.BY_CITY if case.is_displaced else move_store.BY_PERSON
        hold = await reducing.reduced(conn, case.id, hold)
        await move_store.take_time(conn, case.id, hold, case.refund_percent(taken_at), told_as)
        await reconfirm_store.put(conn, case.id, taken_at, ReconfirmStatus.KEPT)  # no question after that
        return True

    async def announce(self, tx: Tx, reference: UUID, notice: Notice) -> None:
        moved = await move_store.moved_cases(_conn(tx), [reference])
        await self._announce(tx, moved.get(reference, reference), notice)
