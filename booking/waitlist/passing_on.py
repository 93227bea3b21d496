"""The worker's turn: a kept time is offered to one after the other, and what nobody takes goes back at a moment that nobody can tell."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from typing import Protocol
from uuid import UUID, uuid4

from base.clock import Clock
from base.db import Connection, Database
from base.failpoint import point
from base.rounds import each
from booking.availability.model import Offers
from booking.availability.responsible import Served
from booking.waitlist import store
from booking.waitlist.telling import Teller
from booking.waitlist.turns import Candidate, KeptTime, answer_until, back_at, suited

log = logging.getLogger(__name__)
time_offered = point("waitlist.offered")
time_returned = point("waitlist.returned")

_TIMES_PER_ROUND = 100


class Cases(Protocol):
    """What passing on needs of appointments."""

    async def served(self, conn: Connection, appointment_ids: Collection[UUID]) -> Mapping[UUID, Served]: ...


class PassingOn:
    def __init__(
        self, db: Database, cases: Cases, offers: Offers, teller: Teller, clock: Clock, draw: Callable[[], float]
    ) -> None:
        """`draw`: a random number from 0 up to 1, other each time."""
        self._db = db
        self._cases = cases
        self._offers = offers
        self._teller = teller
        self._clock = clock
        self._draw = draw

    async def pass_on(self) -> int:
        """How many kept times were offered, or go back."""
        async with self._db.connection() as conn:
            due = await store.due(conn, self._clock(), _TIMES_PER_ROUND)
        return await each(
            due, self._pass_on, log=log, failed="waitlist.not-passed-on", named=lambda hold_id: {"hold": str(hold_id)}
        )

    async def _pass_on(self, hold_id: UUID) -> bool:
        async with self._db.transaction() as conn:
            time, now = await store.lock_time(conn, hold_id), self._clock()
            if time is None:
                return False
            await store.lapse(conn, hold_id, now)
            if await store.is_offered(conn, hold_id):
                return False
            is_offered = await self._offer(conn, time)
            if not is_offered:
                await store.give_back(conn, hold_id, back_at(now, time.starts_at, self._draw()))
        if is_offered:
            time_offered()
        else:
            time_returned()
        return True

    async def _offer(self, conn: Connection, time: KeptTime) -> bool:
        now = self._clock()
        until = answer_until(now, time.starts_at)
        if until is None:
            return False
        for candidate in suited(time, await self._served(conn, time)):
            ident = uuid4()
            if await store.insert_offer(conn, ident, time.hold_id, candidate, now, until):
                await self._teller.offer(conn, candidate.appointment_id, ident, time, until)
                return True
        return False

    async def _served(self, conn: Connection, time: KeptTime) -> list[Candidate]:
        """Whom this counter may serve, in rank order."""
        found = await store.candidates(conn, time.hold_id)
        offer = self._offers.offer(time.service_id, time.channel)
        if offer is None:
            return found
        them = await self._cases.served(conn, [one.appointment_id for one in found])
        return [one for one in found if them[one.appointment_id].may_be_served(offer, time.counter_id)]
