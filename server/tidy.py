"""What has served its time is forgotten, once an hour: answers to repeats, done jobs, sessions that are over, who worked where,
and who came or asked, some time after they did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from base.clock import Clock
from base.db import Database
from base.idempotency import forget_answers
from base.identity.usecases import Identity
from base.jobs import forget_done
from booking.allocation.usecases import Allocation
from booking.appointments.usecases import Appointments
from booking.catalogue.uploads import Uploads
from booking.guard.usecases import Guard
from booking.invitations.usecases import Invitations
from booking.overview.usecases import Overviews
from booking.queue.usecases import Queue

ANSWERS_KEPT = timedelta(days=2)
JOBS_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Tidy:
    db: Database
    clock: Clock
    identity: Identity
    queue: Queue
    appointments: Appointments
    allocation: Allocation
    overviews: Overviews
    invitations: Invitations
    guard: Guard
    uploads: Uploads

    async def run(self) -> int:
        """How many rows went."""
        now = self.clock()
        async with self.db.transaction() as conn:
            gone = await forget_answers(conn, now - ANSWERS_KEPT) + await forget_done(conn, now - JOBS_KEPT)
        gone += await self.identity.forget_over() + await self.queue.forget_clerks()
        gone += await self.overviews.forget_over() + await self.guard.forget_over()
        gone += await self.invitations.erase_due() + await self.uploads.forget_over()
        gone += await self.appointments.forget_answers() + await self.appointments.forget_said()
        return gone + await self.appointments.erase_due() + await self.allocation.erase_due()
