"""Changing hours and rules: first who would be in the way, then all at once with its commit, and a line in the history.

A preview is the change itself, rolled back, so it cannot say anything else than saving does. Slots are not generated, so there is nothing
to generate again: the source changes, and the closed time of the counters concerned with it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import asyncpg

from base.clock import Clock
from base.db import Connection, Database, violates
from base.errors import Conflict, NotFound
from booking.catalogue import changes_store as store
from booking.catalogue.capacity_checks import faults, series_faults
from booking.catalogue.changes import (
    Affected,
    Change,
    ClosureChange,
    Data,
    DayOver,
    Entry,
    ExceptionChange,
    HoursInTheWay,
    HoursMoved,
    NotOfThisOffice,
    OfficeHours,
    Preview,
    RuleChange,
    SeriesChange,
    TimesImpossible,
)
from booking.catalogue.hours import local_day
from booking.catalogue.importing import HORIZON_DAYS
from booking.catalogue.projection import Opening, apply_openings, planned_openings
from booking.catalogue.shares import Draw

_TRIES = 5  # a hold comes in between, or meets us the other way round


class _Undo(Exception):
    """Ends the transaction of a preview."""


class HoursChanges:
    def __init__(self, db: Database, clock: Clock, *, draw: Draw, horizon_days: int = HORIZON_DAYS) -> None:
        self._db = db
        self._clock = clock
        self._draw = draw
        self._horizon_days = horizon_days

    async def hours(self, office_id: int) -> OfficeHours:
        """As they are. Raises NotFound."""
        now = self._clock()
        async with self._db.transaction() as conn:
            zone = await self._zone(conn, office_id)
            counters = await store.counters(conn, office_id)
            return OfficeHours(
                counters=counters,
                series=await store.series(conn, list(counters)),
                exceptions=await store.exceptions(conn, office_id, local_day(now, zone)),
                closures=await store.closures(conn, office_id, now),
                rules=await store.rules(conn, office_id),
            )

    async def preview(self, office_id: int, change: Change) -> Preview:
        """What would change and who would be affected; nothing has changed. Raises as save() does, but for HoursInTheWay."""
        found: Preview | None = None
        try:
            async with self._db.transaction() as conn:
                found, _openings = await self._write(conn, office_id, change)
                raise _Undo
        except _Undo:
            assert found is not None
            return found

    async def save(self, office_id: int, change: Change, by: int, seen: str | None = None) -> Preview:
        """Visible with its commit; what was so already leaves no line. `seen`: of the preview that this was decided on.

        Raises NotFound, HoursMoved, HoursInTheWay and what says why it cannot be."""
        for _try in range(_TRIES):
            try:
                return await self._save(office_id, change, by, seen)
            except asyncpg.DeadlockDetectedError:
                continue
            except asyncpg.ExclusionViolationError as error:
                if not violates(error, "claim_no_overlap"):
                    raise  # else a hold came between the look and the deed: look again
        raise Conflict

    async def lock(self, conn: Connection) -> None:
        """Until the transaction ends nobody else changes hours. Raises NotFound."""
        if not await store.lock_city(conn):
            raise NotFound

    async def close_over(self, conn: Connection, office_id: int, change: ClosureChange, by: int) -> list[int]:
        """The closure and its line in the history, although people are in it: the caller closes these counters in the same transaction and
        looks after the people. Raises NotFound, NotOfThisOffice, TimesImpossible."""
        await self.lock(conn)
        await self._zone(conn, office_id)
        counters = await store.counters(conn, office_id)
        concerned = _counters(change, counters)
        if not concerned or not concerned <= counters.keys():
            raise NotOfThisOffice
        if not _is_forward(change):
            raise TimesImpossible
        before = await _read(conn, office_id, change)
        await _put(conn, office_id, change)
        after = await _read(conn, office_id, change)
        if before != after:
            kind, subject = subject_of(change)
            await store.add_entry(conn, office_id, by, self._clock(), kind, subject, before, after)
        return sorted(concerned)

    async def history(self, office_id: int, below: int | None = None, limit: int = 50) -> list[Entry]:
        async with self._db.connection() as conn:
            await self._zone(conn, office_id)
            return await store.entries(conn, office_id, below, limit)

    async def _save(self, office_id: int, change: Change, by: int, seen: str | None) -> Preview:
        async with self._db.transaction() as conn:
            done, openings = await self._write(conn, office_id, change)
            if seen not in (None, done.seen) and done.before != done.after:
                raise HoursMoved
            if done.affected:
                raise HoursInTheWay(done.affected)
            if done.before != done.after:
                await apply_openings(conn, openings)
                kind, subject = subject_of(change)
                now = self._clock()
                await store.add_entry(conn, office_id, by, now, kind, subject, done.before, done.after)
        return done

    async def _write(self, conn: Connection, office_id: int, change: Change) -> tuple[Preview, Sequence[Opening]]:
        """The source, and what it says now; not yet the closed time."""
        now = self._clock()
        if not await store.lock_city(conn):
            raise NotFound
        today = local_day(now, await self._zone(conn, office_id))
        counters = await store.counters(conn, office_id)
        concerned = _counters(change, counters)
        if not concerned <= counters.keys():
            raise NotOfThisOffice
        if isinstance(change, RuleChange) and not change.terms.keys() <= await store.services(conn, office_id):
            raise NotOfThisOffice
        if isinstance(change, SeriesChange):
            for fault in series_faults(change.rules, today):
                raise fault
        elif not _is_forward(change):
            raise TimesImpossible
        elif _is_over(change, today, now):
            raise DayOver
        before = await _read(conn, office_id, change)
        await _put(conn, office_id, change)
        after = await _read(conn, office_id, change)
        if before == after:
            return Preview(before=before, after=after, affected=()), ()
        for fault in await faults(conn, today, office_id):
            raise fault
        openings = await planned_openings(
            conn, now, None, self._horizon_days, self._draw, for_ever=True, only=concerned
        )
        openings = [_from_now(opening, now) for opening in openings]
        affected: list[Affected] = []
        for opening in openings:
            affected += await store.affected(conn, opening.counter_id, opening.start, opening.end, opening.spans)
        affected.sort(key=lambda one: (one.starts_at, one.counter_id))
        return Preview(before=before, after=after, affected=tuple(affected)), openings

    async def _zone(self, conn: Connection, office_id: int) -> str:
        zone = await store.time_zone(conn, office_id)
        if zone is None:
            raise NotFound
        return zone


def _from_now(opening: Opening, now: datetime) -> Opening:
    """What is over stays as it was: whoever has been served this morning is in nobody's way."""
    step = timedelta(minutes=5)
    begin = datetime.fromtimestamp(-(-now.timestamp() // step.total_seconds()) * step.total_seconds(), now.tzinfo)
    return replace(opening, start=max(opening.start, begin))


def _counters(change: Change, all_here: Collection[int]) -> set[int]:
    """Whose time may change with it."""
    if isinstance(change, SeriesChange):
        return set(change.counter_ids)
    if isinstance(change, RuleChange) or change.counter_id is None:
        return set(all_here)
    return {change.counter_id}


def subject_of(change: Change) -> tuple[str, Data]:
    """What it is about, as it stands in the history."""
    if isinstance(change, SeriesChange):
        return "series", {"counters": sorted(change.counter_ids)}
    if isinstance(change, ExceptionChange):
        return "exception", {"counter": change.counter_id, "day": change.day.isoformat()}
    if isinstance(change, ClosureChange):
        span = {"starts_at": change.starts_at.isoformat(), "ends_at": change.ends_at.isoformat()}
        return "closure", {"counter": change.counter_id, **span}
    return "rule", {"services": sorted(change.terms)}


def _is_forward(change: Change) -> bool:
    if isinstance(change, ClosureChange):
        return change.starts_at < change.ends_at
    if isinstance(change, ExceptionChange):
        times = [moment for span in change.spans or () for moment in span]
        return all(opens < closes for opens, closes in change.spans or ()) and times == sorted(times)
    return True


def _is_over(change: Change, today: date, now: datetime) -> bool:
    """Mostly a year typed wrong. What is over may still be taken back."""
    if isinstance(change, ClosureChange):
        return not change.is_lifted and change.ends_at <= now
    return isinstance(change, ExceptionChange) and change.spans is not None and change.day < today


def _place(office_id: int, counter_id: int | None) -> tuple[int | None, int | None]:
    return (office_id, None) if counter_id is None else (None, counter_id)


async def _read(conn: Connection, office_id: int, change: Change) -> Data | None:
    if isinstance(change, SeriesChange):
        return await store.series(conn, change.counter_ids)
    if isinstance(change, ExceptionChange):
        return await store.exception(conn, *_place(office_id, change.counter_id), change.day)
    if isinstance(change, ClosureChange):
        return await store.closure(conn, *_place(office_id, change.counter_id), (change.starts_at, change.ends_at))
    return await store.rules(conn, office_id, list(change.terms))


async def _put(conn: Connection, office_id: int, change: Change) -> None:
    if isinstance(change, SeriesChange):
        await store.put_series(conn, change.counter_ids, change.rules)
    elif isinstance(change, ExceptionChange):
        spans = () if change.spans is None else change.spans or ((None, None),)
        await store.put_exception(conn, *_place(office_id, change.counter_id), change.day, spans, change.reason)
    elif isinstance(change, ClosureChange):
        reason = None if change.is_lifted else change.reason
        await store.put_closure(conn, *_place(office_id, change.counter_id), (change.starts_at, change.ends_at), reason)
    else:
        for service_id, terms in change.terms.items():
            await store.put_rule(conn, office_id, service_id, terms)
