"""What has served its time is forgotten, once an hour: answers to repeats, done jobs, sessions that are over, who worked where,
and who came or asked, some time after they did."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from base.clock import Clock
from base.db import Database
from base.idempotency import forget_answers
from base.identity.usecases import Identity
from base.jobs import forget_done
from base.rounds import each
from booking.allocation.usecases import Allocation
from booking.appointments.till_holds import TillHolds
from booking.appointments.usecases import Appointments
from booking.catalogue.uploads import Uploads
from booking.guard.usecases import Guard
from booking.invitations.usecases import Invitations
from booking.overview.usecases import Overviews
from booking.queue.usecases import Queue

log = logging.getLogger(__name__)
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
    till_holds: TillHolds

    async def run(self) -> int:
        """How many rows went."""
        steps: Mapping[str, Callable[[], Awaitable[int]]] = {
            "answers": self._forget_answers,
            "sessions": self.identity.forget_over,
            "clerks": self.queue.forget_clerks,
            "overviews": self.overviews.forget_over,
            "passes": self.guard.forget_over,
            "invitations": self.invitations.erase_due,
            "uploads": self.uploads.forget_over,
            "questions": self.appointments.forget_answers,
            "said": self.appointments.forget_said,
            "till": self.till_holds.forget_over,
            "persons": self.appointments.erase_due,
            "requests": self.allocation.erase_due,
        }
        return await each(
            steps, lambda name: steps[name](), log=log, failed="tidy.failed", named=lambda name: {"step": name}
        )

    async def _forget_answers(self) -> int:
        """To repeats, and of done jobs."""
        now = self.clock()
        async with self.db.transaction() as conn:
            return await forget_answers(conn, now - ANSWERS_KEPT) + await forget_done(conn, now - JOBS_KEPT)
