"""Closing a counter or an office with people in it, and what they and the staff say to the times they are offered instead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID, uuid5

import asyncpg

from base.clock import Clock
from base.db import Connection, Database, violates
from base.errors import Conflict, DomainError, Gone, NotFound
from base.failpoint import point
from base.i18n import mark as _
from booking.appointments.model import Case
from booking.appointments.slots import ByCity, Slots
from booking.appointments.usecases import Appointments
from booking.availability.model import Offers
from booking.availability.offering import NotOffered
from booking.catalogue.changes import ClosureChange, TimesImpossible
from booking.catalogue.hours_changes import HoursChanges
from booking.holds.model import HoldStatus, Wanted
from booking.holds.store import also_by_need, find_many, insert_kept, release
from booking.rebooking import store
from booking.rebooking.model import Closing, Entry, Offered, Plan, Preview, Rebooking, RebookingStatus
from payment.ports import Tx

closed = point("rebooking.closed")
declined = point("rebooking.declined")
time_held = point("rebooking.time-held")

_CLOSINGS = UUID("5b1f4c0e-6a5e-4d0b-9a3c-8f2f6f1f7a61")
_TRIES = 5  # a hold comes in between, or meets us the other way round
_CELL = timedelta(minutes=5)
_HOLD = timedelta(minutes=15)  # between two transactions of one request
_GENERATIONS = 8  # a time that was held and given back may be held again
_S = RebookingStatus


class AnswerOver(Gone):
    """Also for whoever is second: the other answer stands."""

    code = "answer_over"
    message = _("This offer is over. Your appointment page shows what holds now.")


class TimeGone(Conflict):
    code = "time_gone"
    message = _("This time is no longer free. Please choose another one.")


class SeveralParts(Conflict):
    code = "several_parts"
    message = _("This visit has several parts, or needs a room: please find its new time on the page of the booking.")


@dataclass(frozen=True, slots=True)
class Tracked:
    closing: Closing
    rebookings: Sequence[Rebooking]
    offered: Mapping[UUID, Sequence[Offered]]  # by rebooking

    @property
    def asked(self) -> list[UUID]:
        """The cases that wait for an answer."""
        return [one.appointment_id for one in self.rebookings if one.status is _S.OFFERED]


class Rebookings:
    def __init__(
        self, db: Database, hours: HoursChanges, appointments: Appointments, slots: Slots, offers: Offers, clock: Clock
    ) -> None:
        self._db = db
        self._hours = hours
        self._appointments = appointments
        self._slots = slots
        self._offers = offers
        self._clock = clock

    async def preview(self, plan: Plan) -> Preview:
        """Who would be affected; nothing has changed. Raises NotFound, TimesImpossible."""
        now = self._clock()
        plan = _from_now(plan, now)
        async with self._db.connection() as conn:
            counters = await store.counters_of(conn, plan.office_id, plan.counter_id)
            if not counters:
                raise NotFound
            affected = await store.affected(conn, counters, plan, now)
            return Preview(tuple(affected), await store.waiting(conn, plan.office_id, now, plan.starts_at))

    async def close(self, plan: Plan, by: int, key: str) -> UUID:
        """Closed with the commit, and a rebooking for everybody booked in it. The same request again is the same closing; so is one from
        another tab that says the same, as long as that time is closed and nobody was booked into it since.

        Raises NotFound, NotOfThisOffice, TimesImpossible.
        """
        ident = uuid5(_CLOSINGS, f"{plan.office_id}:{by}:{key}")
        for _try in range(_TRIES):
            try:
                ident = await self._close(ident, plan, by)
            except asyncpg.DeadlockDetectedError:
                continue
            except asyncpg.ExclusionViolationError as error:
                if not violates(error, "claim_no_overlap"):
                    raise
                continue
            closed()
            return ident
        raise Conflict

    async def closings(self, office_id: int) -> list[Closing]:
        async with self._db.connection() as conn:
            return await store.closings(conn, office_id)

    async def track(self, office_id: int, ident: UUID) -> Tracked:
        async with self._db.connection() as conn:
            closing = await store.find_closing(conn, ident)
            if closing is None or closing.office_id != office_id:
                raise NotFound
            rows = await store.rebookings(conn, ident)
            return Tracked(closing, rows, _by_case(await store.offered(conn, [row.id for row in rows])))

    async def of_case(self, appointment_id: UUID) -> tuple[Rebooking, Sequence[Offered]] | None:
        """The open one, else the last; None where the case was never in the way."""
        async with self._db.connection() as conn:
            found = await store.latest_of(conn, appointment_id)
            return None if found is None else (found, await store.offered(conn, [found.id]))

    async def is_open(self, appointment_id: UUID) -> bool:
        """Whether its time is closed and no other is settled yet."""
        async with self._db.connection() as conn:
            return await store.is_open(conn, appointment_id)

    async def accept(self, appointment_id: UUID, n: int) -> Case:
        """The n-th time offered. Raises NotFound, AnswerOver, and what Moving.move raises."""
        found = await self._get(appointment_id)
        async with self._db.connection() as conn:
            one = next((one for one in await store.offered(conn, [found.id]) if one.n == n), None)
        if one is None:
            raise NotFound
        if found.status is _S.ACCEPTED and found.now_at == one.starts_at:
            return await self._appointments.case(appointment_id)
        return await self._appointments.rebook(appointment_id, one.hold_id, ByCity(self._still(found.id, _S.OFFERED)))

    async def decline(self, appointment_id: UUID) -> None:
        """None of the times suits: somebody will telephone. Said again: said already. Raises NotFound, AnswerOver."""
        found = await self._get(appointment_id)
        async with self._db.transaction() as conn:
            await self._slots.lock(conn, appointment_id)
            if not await store.move(conn, found.id, _S.OFFERED, _S.DECLINED):
                now = await store.find_rebooking(conn, found.id)
                if now is None or now.status is not _S.DECLINED:
                    raise AnswerOver
        declined()

    async def cancel(self, appointment_id: UUID) -> Case:
        """By its person: the whole fee goes back. Raises NotFound, AnswerOver, NotCancellable, BeingServed."""
        return await self._cancel(await self._get(appointment_id))

    async def cancel_for(self, entry: Entry) -> Case:
        """By staff for its person, who said so on the telephone. Raises as cancel() does."""
        return await self._cancel(await self._entry(entry))

    async def cancel_silent(self, row: Rebooking) -> Case:
        """By the city, only where there still is no answer. Raises as cancel() does."""
        return await self._cancel(row, _S.OFFERED)

    async def entry(self, entry: Entry) -> tuple[Rebooking, Sequence[Offered]]:
        """Raises NotFound."""
        found = await self._entry(entry)
        async with self._db.connection() as conn:
            return found, await store.offered(conn, [found.id])

    async def take(self, entry: Entry, office_id: int, starts_at: datetime) -> Case:
        """Another time, as staff have agreed it on the telephone; what is kept for staff is free for this. Again: done already.

        Raises NotFound, NotOffered, SeveralParts, TimeGone, AnswerOver, and what Moving.move raises.
        """
        found, appointment_id = await self._entry(entry), entry.appointment_id
        case = await self._appointments.case(appointment_id)
        if not found.status.is_open and (case.office_id, case.starts_at) == (office_id, starts_at):
            return case
        async with self._db.connection() as conn:
            kept = [one for one in await store.offered(conn, [found.id]) if one.is_held]
        hold = next((one.hold_id for one in kept if (one.office_id, one.starts_at) == (office_id, starts_at)), None)
        if hold is not None:
            return await self._appointments.rebook(appointment_id, hold, ByCity(self._still(found.id)))
        hold = await self._hold(found, office_id, starts_at)
        time_held()
        try:
            return await self._appointments.rebook(appointment_id, hold, ByCity(self._still(found.id)))
        except DomainError:
            async with self._db.connection() as conn:
                await release(conn, hold)
            raise

    async def _close(self, ident: UUID, plan: Plan, by: int) -> UUID:
        now = self._clock()
        plan = _from_now(plan, now)
        async with self._db.transaction() as conn:
            await self._hours.lock(conn)
            if (known := await store.find_same(conn, ident, plan)) is not None:
                return known
            change = ClosureChange(plan.counter_id, plan.starts_at, plan.ends_at, plan.reason)
            counters = await self._hours.close_over(conn, plan.office_id, change, by)
            override = await store.close_leaving(conn, counters, plan, by)
            await store.free_bare_holds(conn, counters, plan)
            await store.insert_closing(conn, ident, plan, counters, override, by, now)
            await store.insert_rebookings(conn, ident, counters, plan, now)
        return ident

    async def _hold(self, found: Rebooking, office_id: int, starts_at: datetime) -> UUID:
        """Where the same was asked for before, and nothing came of it, the time is held already."""
        offer = self._offers.offer(found.service_id, found.channel)
        office = offer.offices.get(office_id) if offer else None
        if offer is None or office is None or found.fee_id is None:
            raise NotOffered
        if found.times != 1:
            raise SeveralParts
        now = self._clock()
        async with self._db.transaction() as conn:
            await also_by_need(conn)
            them = (await self._appointments.served(conn, [found.appointment_id]))[found.appointment_id]
            theirs_first = sorted(office.counters, key=lambda one: not them.may_be_served(offer, one))
            for generation in range(_GENERATIONS):
                ident = uuid5(found.id, f"{office_id}:{starts_at.isoformat()}:{generation}")
                known = await find_many(conn, [ident])
                if known and HoldStatus.of(known[0].status, known[0].appointment_id) is not HoldStatus.OVER:
                    return ident
                if known:
                    continue
                for counter_id in theirs_first:  # few are at a telephone: the database says which is free
                    wanted = Wanted.at(offer, office, found.fee_id, counter_id, starts_at, ident)
                    if await insert_kept(conn, now, now + _HOLD, wanted):
                        return ident
                break
        raise TimeGone

    def _still(self, ident: UUID, *statuses: RebookingStatus) -> Callable[[Tx], Awaitable[None]]:
        """Asked with the case locked, so what it says holds until the end of the transaction."""

        async def check(tx: Tx) -> None:
            row = await store.find_rebooking(cast("Connection", tx), ident)
            if row is None or not row.status.is_open or (statuses and row.status not in statuses):
                raise AnswerOver

        return check

    async def _cancel(self, found: Rebooking, *only_in: RebookingStatus) -> Case:
        by_city = ByCity(self._still(found.id, *only_in), found.reason)
        return await self._appointments.cancel(found.appointment_id, by_city=by_city)

    async def _entry(self, entry: Entry) -> Rebooking:
        async with self._db.connection() as conn:
            found = await store.find_entry(conn, entry)
        if found is None:
            raise NotFound
        return found

    async def _get(self, appointment_id: UUID) -> Rebooking:
        async with self._db.connection() as conn:
            found = await store.latest_of(conn, appointment_id)
        if found is None:
            raise NotFound
        return found


def _from_now(plan: Plan, now: datetime) -> Plan:
    """What is over stays as it was."""
    begin = datetime.fromtimestamp(-(-now.timestamp() // _CELL.total_seconds()) * _CELL.total_seconds(), now.tzinfo)
    plan = replace(plan, starts_at=max(plan.starts_at, begin))
    if plan.starts_at >= plan.ends_at:
        raise TimesImpossible
    return plan


def _by_case(offered: Sequence[Offered]) -> Mapping[UUID, Sequence[Offered]]:
    found: dict[UUID, list[Offered]] = {}
    for one in offered:
        found.setdefault(one.rebooking_id, []).append(one)
    return found
