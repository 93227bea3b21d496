"""A run, step by step: times set aside and the source named, the list closed, the seed entered (seeds.py), the offers released."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Protocol
from uuid import UUID, uuid4, uuid5

import asyncpg

from base.clock import Clock
from base.db import Connection, Database, again_after_deadlock, violates
from base.errors import Conflict, DomainError
from base.failpoint import point
from base.i18n import Text, Translations, zone
from base.i18n import mark as _
from base.rounds import each
from base.seal import Sealer
from booking.allocation import runs_store, store, teams_store, words_store
from booking.allocation.canonical import list_bytes, parse_list, parse_result, window
from booking.allocation.explaining import explain
from booking.allocation.model import ClosedList, Request, RequestStatus, RunStatus, Slot, Terms
from booking.allocation.ranking import close
from booking.allocation.runs_store import NewRun, RunRow, SlotRow
from booking.allocation.seeds import NotNow, SeedByAnother, Seeds
from booking.allocation.store import Marked, RequestRow
from booking.allocation.teams import numbered, serving
from booking.allocation.telling import open_contact
from booking.allocation.usecases import Allocation, NotByNeed, local_day
from booking.appointments.contact import Contact
from booking.availability.model import Who
from booking.availability.model import Window as Days
from booking.availability.usecases import Availability
from booking.holds.model import FeeOn, Wanted
from booking.holds.said import open_who
from booking.holds.store import also_by_need, also_guarded
from booking.holds.store import insert as insert_holds

log = logging.getLogger(__name__)
run_opened = point("allocation.opened")
run_closed = point("allocation.closed")
run_offered = point("allocation.offered")  # one of many, not yet committed
run_released = point("allocation.released")

_ANSWER_BEFORE_START = timedelta(hours=2)
_RUNS = UUID("c2a5bb64-3a0f-4f4b-8f3d-2b6d4a7e9c11")
_TRIES = 3  # of a release that is ended by a deadlock, with whoever closes counters meanwhile
MOST_SLOTS = 500  # one transaction gives them out


class Cases(Protocol):
    """What a run needs of appointments: a case on a time that was set aside, told to its person."""

    async def offer(
        self, conn: Connection, hold_id: UUID, contact: Contact, until: datetime, who: Who
    ) -> UUID | None: ...


class RunInOrder(DomainError):
    code = "run_out_of_order"
    status = 422
    message = _(
        "A run closes in the future, its seed comes after that, and its appointments begin after the last day of release."
    )


class RunGoesOn(Conflict):
    code = "run_goes_on"
    message = _("Another run of this service is still under way.")


class NothingSetAside(Conflict):
    code = "nothing_set_aside"
    message = _("No time is free in these days.")


class WhyNeeded(DomainError):
    code = "why_needed"
    status = 422
    message = _("Please say why the run is given up: it is published with it.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is named before anything closes."""

    service_id: int
    channel: str
    offices: tuple[int, ...]  # none: all that offer it
    days: Days
    slots: int
    closes_at: datetime
    seed_source: str
    seed_at: datetime
    release_by: datetime


class Runs(Seeds):
    def __init__(
        self,
        db: Database,
        allocation: Allocation,
        availability: Availability,
        fee_on: FeeOn,
        cases: Cases,
        sealer: Sealer,
        translations: Translations,
        clock: Clock,
    ) -> None:
        super().__init__(db, clock)
        self._allocation = allocation
        self._availability = availability
        self._fee_on = fee_on
        self._cases = cases
        self._sealer = sealer
        self._translations = translations

    async def open(self, plan: Plan, by: int, key: UUID) -> UUID:
        """Sets the earliest free times aside; the same form again is the same run.

        Raises RunInOrder, RunGoesOn, NothingSetAside, NotOffered, NotByNeed, NotFound.
        """
        ident = uuid5(_RUNS, str(key))
        if await self._is_there(ident):
            return ident
        marked, now = await self._allocation.marked(plan.service_id), self._clock()
        over = datetime.combine(plan.days.to_day + timedelta(days=1), time(), zone(marked.time_zone))
        in_order = now < plan.closes_at < plan.seed_at < plan.release_by < over
        if not in_order or not plan.seed_source.strip():
            raise RunInOrder
        wanted = self._wanted(plan, marked.time_zone)
        run = NewRun(
            id=ident,
            service_id=plan.service_id,
            class_days=marked.class_days,
            closes_at=plan.closes_at,
            seed_source=plan.seed_source.strip(),
            seed_at=plan.seed_at,
            release_by=plan.release_by,
            opened_by=by,
            opened_at=now,
        )
        try:
            async with self._db.transaction() as conn:
                await runs_store.insert(conn, run)
                await also_by_need(conn)
                await also_guarded(conn)
                held = await insert_holds(conn, now, plan.release_by, wanted)
                if not held:
                    raise NothingSetAside
                await runs_store.set_aside(conn, run.id, sorted(held))
        except asyncpg.PostgresError as error:
            if violates(error, "allocation_run_of_marked"):
                raise NotByNeed from None
            if await self._is_there(ident):
                return ident
            if violates(error, "allocation_run_one_at_a_time"):
                raise RunGoesOn from None
            raise
        run_opened()
        return ident

    async def close_due(self) -> int:
        """The worker's turn: at the moment named, the list is what it is then."""
        async with self._db.connection() as conn:
            due = await runs_store.to_close(conn, self._clock())
        return await each(
            due, self.close, log=log, failed="allocation.not-closed", named=lambda ident: {"run": str(ident)}
        )

    async def close(self, ident: UUID) -> bool:
        """Not before the moment named, and never once the seed may be known. False: it was closed before. Raises NotFound, NotNow."""
        async with self._db.transaction() as conn:
            run, now = await self._locked(conn, ident), self._clock()
            if run.status is not RunStatus.OPEN:
                return False
            if not run.closes_at <= now < run.seed_at:
                raise NotNow
            await runs_store.close(conn, ident, now, list_bytes(await self._closed_list(conn, run)))
        run_closed()
        return True

    async def release(self, ident: UUID, by: int) -> None:
        """Everybody who has a place gets the offer of it; what nobody takes is free again. Raises NotFound, NotNow."""
        marked = await self._allocation.service((await self.run(ident)).service_id)
        kept = timedelta(hours=marked.offer_hours)
        await again_after_deadlock(lambda: self._release(ident, kept, by), _TRIES)
        run_released()

    async def give_up(self, ident: UUID, because: str, by: int) -> None:
        """Before the release; it stays published that and why, and once the seed is entered also that seed and its result, and another
        person than who entered it does it. Its requests go on to the next run.

        Raises NotFound, NotNow, WhyNeeded, SeedByAnother.
        """
        async with self._db.transaction() as conn:
            run = await self._locked(conn, ident)
            if run.status is RunStatus.GIVEN_UP:
                return
            if run.status not in (RunStatus.OPEN, RunStatus.CLOSED, RunStatus.RANKED):
                raise NotNow
            if run.seeded_by == by:
                raise SeedByAnother
            if not because.strip():
                raise WhyNeeded
            await runs_store.free_slots(conn, ident)
            await runs_store.give_up(conn, ident, because.strip(), by)

    async def runs(self) -> list[RunRow]:
        """The newest first, without their files."""
        async with self._db.connection() as conn:
            return await runs_store.newest(conn)

    async def next_closing(self, marked: Marked) -> date | None:
        """The local day on which the next list closes: as a run has named it, else by the rhythm. None: nobody knows."""
        if not marked.is_on:
            return None
        async with self._db.connection() as conn:
            closing = await runs_store.next_closing(conn, marked.service_id)
        return None if closing is None or closing < self._clock() else closing.astimezone(zone(marked.time_zone)).date()

    async def due(self) -> list[int]:
        """Services whose rhythm asks for the next run, and none is under way."""
        async with self._db.connection() as conn:
            return await runs_store.services_due(conn, self._clock())

    async def explain_newest(self, request: RequestRow, language: str) -> list[str]:
        """In the run that placed it, else in the newest result of its service."""
        if request.run_id is not None:
            return await self.explain(await self.run(request.run_id), request.public_id, language)
        ranked = (RunStatus.RANKED, RunStatus.RELEASED)  # what was given up says nothing of anybody's rank
        newest = next(
            (one for one in await self.runs() if one.service_id == request.service_id and one.status in ranked), None
        )
        return [] if newest is None else await self.explain(newest, request.public_id, language)

    async def explain(self, run: RunRow, public_id: str, language: str) -> list[str]:
        """Empty where the run has no result, or this request was not in its list."""
        files = await self.files(run.id)
        if files.list is None or files.result is None:
            return []
        closed, result = parse_list(files.list), parse_result(files.result)
        if public_id not in {request.id for request in closed.requests}:
            return []
        return explain(self._translations, language, closed, result, public_id, await self._names())

    async def _is_there(self, ident: UUID) -> bool:
        async with self._db.connection() as conn:
            return await runs_store.find(conn, ident) is not None

    async def _names(self) -> dict[str, Text]:
        async with self._db.connection() as conn:
            return await store.office_names(conn)

    def _wanted(self, plan: Plan, time_zone: str) -> list[Wanted]:
        """One free counter for each start, sorted as every batch of holds. What another takes meanwhile is simply not set aside."""
        offer, offices = self._availability.get_offer(plan.service_id, plan.channel, plan.offices or None)
        fee = self._fee_on(plan.service_id, self._clock().astimezone(zone(time_zone)).date())
        if fee is None:
            raise NothingSetAside
        by_id, found = {office.office_id: office for office in offices}, []
        for slot in self._availability.slots(plan.service_id, plan.channel, list(by_id), plan.days):
            if slot.starts_at <= plan.release_by + _ANSWER_BEFORE_START:
                continue
            office = by_id[slot.office_id]
            for counter_id in self._availability.candidates(offer, office, slot.starts_at):
                found.append(Wanted.at(offer, office, fee.id, counter_id, slot.starts_at, uuid4()))
        return sorted(_apart(found, min(plan.slots, MOST_SLOTS)), key=lambda one: (one.counter_id, one.starts_at))

    async def _closed_list(self, conn: Connection, run: RunRow) -> ClosedList:
        marked = next(one for one in await store.marked(conn) if one.service_id == run.service_id)
        keys = await store.office_keys(conn)
        terms = Terms(
            run=str(run.id),
            service=marked.key,
            closes_on=run.closes_at.astimezone(zone(marked.time_zone)).date(),
            class_days=run.class_days,
            seed_source=run.seed_source,
            seed_at=run.seed_at,
        )
        rows = await store.taking_part(conn, run.service_id)
        teams = await teams_store.teams(conn, run.service_id)
        numbers = numbered(teams)
        requests = [
            replace(
                _request(row, keys, marked.time_zone),
                teams=serving(teams, open_who(self._sealer, row.id, row.who)),
            )
            for row in rows
            if row.made_at < run.closes_at
        ]
        slots = [
            replace(_slot(row), team=numbers.get(teams.get(row.counter_id, frozenset()), ""))
            for row in await runs_store.slots(conn, run.id)
        ]
        return close(terms, slots, requests)

    async def _release(self, ident: UUID, kept: timedelta, by: int) -> None:
        async with self._db.transaction() as conn:
            run, now = await self._locked(conn, ident), self._clock()
            if run.status is RunStatus.RELEASED:
                return
            files = await runs_store.files(conn, ident)
            if run.status is not RunStatus.RANKED or files is None or files.result is None:
                raise NotNow
            places = parse_result(files.result).places
            starts = {str(slot.hold_id): slot.starts_at for slot in await runs_store.slots(conn, ident)}
            for place in places:
                if place.slot in starts:
                    until = min(now + kept, starts[place.slot] - _ANSWER_BEFORE_START)
                    await self._offer(conn, run, place.id, UUID(place.slot), until)
            await runs_store.free_slots(conn, ident)
            await runs_store.release(conn, ident, now, by)
            await words_store.after_run(conn, ident, [place.id for place in places], now)

    async def _offer(self, conn: Connection, run: RunRow, public_id: str, hold_id: UUID, until: datetime) -> None:
        """Whoever has withdrawn meanwhile, or was refused, gets none."""
        ident = await store.lock_request(conn, public_id)
        row = None if ident is None else await store.find_request(conn, ident)
        if row is None or row.status is not RequestStatus.CONFIRMED:
            return
        who = open_who(self._sealer, row.id, row.who)
        case = await self._cases.offer(conn, hold_id, open_contact(self._sealer, row), until, who)
        if case is not None:
            await store.place_request(conn, row.id, run.id, case)
            run_offered()


def _apart(found: Sequence[Wanted], most: int) -> list[Wanted]:
    """The earliest that do not overlap at their counter."""
    busy_until: dict[int, datetime] = {}
    chosen: list[Wanted] = []
    for one in sorted(found, key=lambda w: (w.starts_at, w.counter_id)):
        if len(chosen) < most and busy_until.get(one.counter_id, one.starts_at) <= one.starts_at:
            busy_until[one.counter_id] = one.ends_at
            chosen.append(one)
    return chosen


def _request(row: RequestRow, keys: dict[int, str], time_zone: str) -> Request:
    return Request(
        id=row.public_id,
        made_on=local_day(row, time_zone),
        deadline=row.deadline,
        offices=tuple(keys[office] for office in row.offices if office in keys),
        windows=tuple(window(one) for one in row.windows),
        persons=frozenset({b"p" + row.person_hmac, b"c" + row.contact_hmac}),
    )


def _slot(row: SlotRow) -> Slot:
    place = zone(row.time_zone)
    return Slot(
        id=str(row.hold_id),
        office=row.office,
        starts_at=row.starts_at.astimezone(place),
        ends_at=row.ends_at.astimezone(place),
    )
