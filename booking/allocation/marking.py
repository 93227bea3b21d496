"""Saying that a service is given out by need, from when and by which rule; and that it no longer is (docs/adr/0037)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from base.clock import Clock
from base.db import Connection, Database, violates
from base.errors import DomainError, NotFound
from base.failpoint import point
from base.i18n import mark as _
from base.rounds import each
from booking.allocation import marking_store, store, words_store
from booking.allocation.marking_store import MarkRow
from booking.allocation.model import RequestStatus, Rule
from booking.allocation.runs import RunGoesOn
from booking.allocation.store import Marked
from booking.allocation.telling import Teller

log = logging.getLogger(__name__)
service_marked = point("allocation.marked")
service_unmarked = point("allocation.unmarked")
requests_ended = point("allocation.ended")

_REQUESTS_PER_ROUND = 200


class MomentPast(DomainError):
    code = "moment_past"
    status = 422
    message = _("The moment from which it holds has passed. Leave it empty: from now on.")


class WhyNeeded(DomainError):
    code = "why_needed"
    status = 422
    message = _("Say why: it stays in the history.")


@dataclass(frozen=True, slots=True)
class Standing:
    """`history`: what was said, the newest first. `open_requests` would end if the service were no longer given out by need."""

    service_id: int
    rule: Rule | None  # what holds; None: booked like any other
    comes: MarkRow | None  # said, and its moment has not come
    open_requests: int
    history: tuple[MarkRow, ...]


class Marking:
    def __init__(self, db: Database, teller: Teller, clock: Clock) -> None:
        self._db = db
        self._teller = teller
        self._clock = clock

    async def standing(self, service_id: int) -> Standing:
        """Raises NotFound."""
        async with self._db.connection() as conn:
            if not await marking_store.is_service(conn, service_id):
                raise NotFound
            marked = {one.service_id: one for one in await store.marked(conn)}.get(service_id)
            history = await marking_store.marks(conn, service_id)
            waiting = await marking_store.open_requests(conn, service_id)
        rule = None
        if marked is not None and marked.is_on:
            rule = Rule(class_days=marked.class_days, offer_hours=marked.offer_hours, rhythm_days=marked.rhythm_days)
        comes = history[0] if history and history[0].from_at > self._clock() else None
        return Standing(service_id, rule, comes, waiting, tuple(history))

    async def mark(self, service_id: int, rule: Rule, from_at: datetime | None, by: int) -> None:
        """From now on or from that moment; also changes the rule, for runs that are opened then. What holds already is no news.

        Raises NotFound, MomentPast.
        """
        async with self._db.transaction() as conn:
            now, said = await self._now_and_last(conn, service_id)
            starts = from_at or now
            if starts < now:
                raise MomentPast
            if said is not None and said.rule == rule and (said.from_at == starts or max(said.from_at, starts) <= now):
                return
            await marking_store.insert_mark(conn, service_id, rule, starts, "", by, now)
            await marking_store.put_in_force(conn, now)
        service_marked()

    async def unmark(self, service_id: int, because: str, by: int) -> None:
        """From now on it is booked like any other; the worker ends the open requests. Offers that a run has made stay.

        Raises NotFound, WhyNeeded, RunGoesOn.
        """
        if not because.strip():
            raise WhyNeeded
        try:
            async with self._db.transaction() as conn:
                now, said = await self._now_and_last(conn, service_id)
                marked = {one.service_id for one in await store.marked(conn) if one.is_on}
                if service_id not in marked and (said is None or not said.is_on):
                    return
                await marking_store.insert_mark(conn, service_id, None, now, because.strip(), by, now)
                await marking_store.put_in_force(conn, now)
        except asyncpg.PostgresError as error:
            if violates(error, "allocation_service_run_goes_on"):
                raise RunGoesOn from None
            raise
        service_unmarked()

    async def keep_up(self) -> int:
        """The worker's turn: what was said holds from its moment on, and requests for what is no longer given out by need end."""
        async with self._db.transaction() as conn:
            changed = await marking_store.put_in_force(conn, self._clock())
        return changed + await self._end_stranded()

    async def _end_stranded(self) -> int:
        async with self._db.connection() as conn:
            services = {one.service_id: one for one in await store.marked(conn)}
            due = await marking_store.stranded(conn, _REQUESTS_PER_ROUND)
        return await each(
            due,
            lambda ident: self._end(ident, services),
            log=log,
            failed="allocation.not-ended",
            named=lambda ident: {"request": str(ident)},
        )

    async def _end(self, ident: UUID, services: Mapping[int, Marked]) -> bool:
        """Whoever has verified the request is told, by mail or by staff; whoever has not may be anybody."""
        async with self._db.transaction() as conn:
            if not await marking_store.lock_stranded(conn, ident):
                return False
            row = await store.find_request(conn, ident)
            await marking_store.end_request(conn, ident, self._clock())
            if row is not None and row.is_called:
                await words_store.at_end(conn, ident, self._clock())
            elif row is not None and row.status is not RequestStatus.UNVERIFIED:
                await self._teller.ended(conn, row, services[row.service_id])
        requests_ended()
        return True

    async def _now_and_last(self, conn: Connection, service_id: int) -> tuple[datetime, MarkRow | None]:
        """The moment is taken under the lock, so that what is said later is not older."""
        if not await marking_store.lock_service(conn, service_id):
            raise NotFound
        history = await marking_store.marks(conn, service_id)
        return self._clock(), history[0] if history else None
