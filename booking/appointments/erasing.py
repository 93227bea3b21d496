"""Forgetting who came: the person, what was written to them, and what people wrote about their refunds. Time and money stay.

One transaction for each case, so whatever dies leaves a case whole or erased; again, nothing more happens. The order of locks is that of
cancelling: case, payment, refund; then the person, on which messages hold while they are written (0014_erasure.sql). The request by need
that the case came of is forgotten by the schema with it (0022_forgetting.sql).
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from base.clock import Clock
from base.db import Connection, Database
from base.errors import Conflict, NotFound
from base.failpoint import point
from base.i18n import mark as _
from base.idempotency import forget_about
from base.rounds import each
from booking.appointments import move_store, person_store, store
from booking.appointments.lifecycle import BeingServed
from booking.appointments.model import AppointmentStatus
from booking.appointments.slots import IsCalled
from booking.appointments.store import CaseRow
from notifications.usecases import Notifications
from payment.usecases import Payments

log = logging.getLogger(__name__)
appointment_erased = point("appointment.erased")

_S = AppointmentStatus
_ENDED = (_S.EXPIRED, _S.CANCELLED, _S.FINISHED)  # nothing else becomes of it
_CASES_PER_ROUND = 1000  # an hour's; what is left has time


class NotOver(Conflict):
    code = "not_over"
    message = _("This appointment is not over yet, so its data are still needed. Please try again later.")


class Erasing:
    def __init__(
        self,
        db: Database,
        payments: Payments,
        notifications: Notifications,
        clock: Clock,
        is_called: IsCalled,
        kept: timedelta,
    ) -> None:
        self._db = db
        self._payments = payments
        self._notifications = notifications
        self._clock = clock
        self._is_called = is_called
        self._kept = kept

    async def is_to_cancel(self, appointment_id: UUID) -> bool:
        """Whether its time is still to come, or kept."""
        async with self._db.connection() as conn:
            row = await store.find_case(conn, appointment_id)
        if row is None:
            raise NotFound
        return row.status is not _S.NO_SHOW and not _is_over(row, self._clock())

    async def erase(self, appointment_id: UUID) -> None:
        """Raises NotFound, NotOver, BeingServed."""
        async with self._db.transaction() as conn:
            await self._erase(conn, appointment_id)
        appointment_erased()

    async def erase_due(self) -> int:
        """How many went. Where money is on its way back, somebody may have to be asked or told: later."""
        async with self._db.connection() as conn:
            due = await person_store.due_for_erasure(conn, self._clock() - self._kept, _CASES_PER_ROUND)
        return await each(
            due, self._erase_one, log=log, failed="erasure.failed", named=lambda ident: {"appointment": str(ident)}
        )

    async def _erase_one(self, appointment_id: UUID) -> bool:
        async with self._db.transaction() as conn:
            if await self._is_giving_back(conn, appointment_id):
                return False
            return await self._erase(conn, appointment_id, of_today=False)

    async def _is_giving_back(self, conn: Connection, appointment_id: UUID) -> bool:
        references = await move_store.all_references(conn, appointment_id)
        return any([await self._payments.is_giving_back(conn, one) for one in references])

    async def _erase(self, conn: Connection, appointment_id: UUID, *, of_today: bool = True) -> bool:
        """Whether something went. `of_today`: somebody may be serving this person; long after, an open ticket was only forgotten."""
        if not await store.lock_appointment(conn, appointment_id):
            raise NotFound
        row = await store.find_case(conn, appointment_id)
        if row is None:
            raise NotFound
        if not _is_over(row, self._clock()):
            raise NotOver
        if of_today and row.status is _S.CONFIRMED and await self._is_called(conn, appointment_id):
            raise BeingServed
        references = await move_store.all_references(conn, appointment_id)
        is_left = any([await self._payments.erase_notes(conn, one) for one in references])  # each, not until the first
        if row.erased_at is None:
            await person_store.delete_person(conn, appointment_id)
            await self._notifications.erase(conn, appointment_id)
            await forget_about(conn, appointment_id)
        elif is_left:
            return False
        await person_store.mark_erased(conn, appointment_id, self._clock(), is_left=is_left)
        return True


def _is_over(row: CaseRow, now: datetime) -> bool:
    """What nobody closed, or was said not to have come and may yet, is over with its time."""
    return row.status in _ENDED or (row.status in (_S.CONFIRMED, _S.NO_SHOW) and row.ends_at <= now)
