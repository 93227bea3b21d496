"""Asking before the day whether people come, where the service says so (docs/adr/0025). Who does not answer keeps the time, or gives it up.

Each question and each decision is one transaction under the case's lock, so an answer and the deadline that meet end as one of both.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import cast
from uuid import UUID

from base.clock import Clock
from base.db import Connection, Database
from base.errors import Conflict, NotFound
from base.failpoint import point
from base.i18n import mark as _
from base.rounds import each
from booking.appointments import reconfirm_store as store
from booking.appointments.lifecycle import Lifecycle
from booking.appointments.model import AppointmentStatus, Reconfirm, ReconfirmStatus
from booking.appointments.slots import IsCalled, Notice, Slots
from booking.appointments.store import touch
from notifications.usecases import Notifications
from payment.ports import Tx

log = logging.getLogger(__name__)
reconfirm_asked = point("reconfirm.asked")
reconfirm_kept = point("reconfirm.kept")
reconfirm_lapsed = point("reconfirm.lapsed")

_S = ReconfirmStatus
_PER_ROUND = 200


class NotAsked(Conflict):
    code = "not_asked"
    message = _("Nobody has asked yet whether this appointment is kept, or it is over.")


class Reconfirming:
    def __init__(
        self,
        db: Database,
        slots: Slots,
        lifecycle: Lifecycle,
        notifications: Notifications,
        clock: Clock,
        has_arrived: IsCalled,
    ) -> None:
        self._db = db
        self._slots = slots
        self._lifecycle = lifecycle
        self._notifications = notifications
        self._clock = clock
        self._has_arrived = has_arrived

    async def ask_due(self) -> int:
        async with self._db.connection() as conn:
            due = await store.to_ask(conn, self._clock(), _PER_ROUND)
        return await self._each(due, self._ask)

    async def decide_due(self) -> int:
        """Of those who have not answered in time."""
        async with self._db.connection() as conn:
            due = await store.unanswered(conn, self._clock(), _PER_ROUND)
        return await self._each(due, self._decide)

    async def keep(self, appointment_id: UUID) -> None:
        """ "I will come"; also after the deadline, where the time is still kept. Twice is no mistake. Raises NotFound, NotAsked."""
        async with self._db.transaction() as conn:
            case = await self._slots.lock(conn, appointment_id)
            if case is None:
                raise NotFound
            found = await store.find(conn, appointment_id)
            if found is None or case.status is not AppointmentStatus.CONFIRMED or case.starts_at <= self._clock():
                raise NotAsked
            if await store.decide(conn, appointment_id, _S.KEPT, self._clock()):
                await touch(conn, appointment_id)
        reconfirm_kept()

    async def _ask(self, appointment_id: UUID) -> bool:
        async with self._db.transaction() as conn:
            case = await self._slots.lock(conn, appointment_id)
            if case is None or case.status is not AppointmentStatus.CONFIRMED:
                return False
            asked = await store.put(conn, appointment_id, self._clock(), _S.ASKED)
            if asked is None:
                return False
            await touch(conn, appointment_id)
            await self._slots.announce(conn, appointment_id, _question(asked))
        reconfirm_asked()
        return True

    async def _decide(self, appointment_id: UUID) -> bool:
        async with self._db.connection() as conn:
            found = await store.find(conn, appointment_id)
            is_reached = await self._notifications.has_gone_out(conn, appointment_id, "appointment_reconfirm")
        if found is None:
            return False
        if found.releases and is_reached:  # nobody loses a time over a question that did not arrive
            return await self._lifecycle.release(appointment_id, found.answer_by, self._unanswered(appointment_id))
        async with self._db.transaction() as conn:
            await self._slots.lock(conn, appointment_id)
            if not await self._decided(conn, appointment_id, _S.LAPSED):
                return False
            await touch(conn, appointment_id)
        reconfirm_lapsed()
        return True

    def _unanswered(self, appointment_id: UUID) -> Callable[[Tx], Awaitable[bool]]:
        """Said in the transaction that frees the time, while it is still taken."""

        async def decided(tx: Tx) -> bool:
            return await self._decided(cast("Connection", tx), appointment_id, _S.RELEASED)

        return decided

    async def _decided(self, conn: Connection, appointment_id: UUID, to: ReconfirmStatus) -> bool:
        """Whoever is there already has answered by coming."""
        if await self._has_arrived(conn, appointment_id):
            await store.decide(conn, appointment_id, _S.KEPT, self._clock())
            return False
        return await store.decide(conn, appointment_id, to, self._clock())

    async def _each(self, due: list[UUID], work: Callable[[UUID], Awaitable[bool]]) -> int:
        return await each(
            due, work, log=log, failed="reconfirm.failed", named=lambda ident: {"appointment": str(ident)}
        )


def _question(asked: Reconfirm) -> Notice:
    return Notice(
        "appointment_reconfirm",
        fields={"answer_until": asked.answer_by.isoformat(), "is_released": asked.releases},
    )
