"""From the rules in the database to closed time in `claim`: which counter is open when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from base.db import Connection
from booking.catalogue import hours_store
from booking.catalogue.hours import (
    Exceptions,
    Rule,
    Span,
    day_start,
    local_day,
    merged,
    open_on,
    open_spans,
    public_holidays,
    without,
)
from booking.catalogue.shares import Draw, Share, deal


@dataclass(frozen=True, slots=True)
class Opening:
    """When one counter shall be open from `start` until `end` (None: for ever); it is closed in the rest of that time.

    `spans` is all of it, `parts` who it is for. `due_at`: when the next of it is released.
    """

    counter_id: int
    counter: str  # "buergerbuero-mitte/desk-2"
    zone: str
    start: datetime
    end: datetime | None
    spans: Sequence[Span]
    parts: Mapping[Share, Sequence[Span]] = field(hash=False)
    due_at: datetime | None = None

    @property
    def opens(self) -> list[datetime]:
        return [start for start, _ in self.spans]

    @property
    def closes(self) -> list[datetime]:
        return [end for _, end in self.spans]


async def planned_openings(
    conn: Connection,
    now: datetime,
    first: date | None,
    days: int,
    draw: Draw,
    *,
    for_ever: bool = False,
    only: Collection[int] | None = None,
) -> list[Opening]:
    """For every counter or `only` these, sorted by id as the locks of set_hours() want it. `first` None: today where the office is.

    `for_ever`: what comes after the last day is closed too, so that nothing stays open that was released before.
    """
    rules: dict[int, list[Rule]] = defaultdict(list)
    for row in await hours_store.rules(conn, only):
        rules[row.counter_id].append(row.rule)
    closures = await hours_store.closures(conn, now - timedelta(days=2))
    exceptions = await hours_store.exceptions(conn, (now - timedelta(days=2)).date())
    plans = {row.counter_id: row for row in await hours_store.plans(conn, only)}
    openings = []
    for lane in await hours_store.lanes(conn, only):
        day = first or local_day(now, lane.zone)
        shut = [(closure.starts_at, closure.ends_at) for closure in closures if _concerns(closure, lane)]
        instead = _exceptions_of(exceptions, lane) if lane.is_active else {}
        series = rules[lane.id] if lane.is_active else ()
        holidays = public_holidays(lane.holidays, day, days)
        spans = open_spans(series, day, days, lane.zone, holidays, shut, instead)
        parts: Mapping[Share, Sequence[Span]] = {Share.PUBLIC: spans}
        due_at = None
        plan = plans.get(lane.id)
        if plan is not None and spans:
            # Dealt before closures are cut out: closing an hour moves nobody's part of the rest of the day.
            opened = {each: open_on(series, each, lane.zone, holidays, instead) for each in _days(day, days)}
            parts, due_at = _dealt(plan, opened, shut, lane, now, draw)
        end = None if for_ever else day_start(day + timedelta(days=days), lane.zone)
        openings.append(Opening(lane.id, lane.label, lane.zone, day_start(day, lane.zone), end, spans, parts, due_at))
    return openings


async def apply_openings(conn: Connection, openings: Sequence[Opening]) -> None:
    """Raises ExclusionViolationError of claim_no_overlap if an appointment lies in time to be closed."""
    for opening in openings:
        await open_counter(conn, opening)


async def open_counter(conn: Connection, opening: Opening) -> bool:
    """Whether anything was to be changed."""
    rows = await hours_store.set_hours(conn, opening.counter_id, opening.start, opening.end, opening.parts)
    await hours_store.readmit(conn, opening.counter_id, opening.start, opening.end)
    await hours_store.set_due(conn, opening.counter_id, opening.due_at)
    return rows > 0


async def blocked_openings(conn: Connection, openings: Sequence[Opening]) -> list[tuple[Opening, list[datetime]]]:
    """Which of them appointments stand in the way of, with their starts."""
    found = []
    for opening in openings:
        starts = await hours_store.blocking_times(
            conn, opening.counter_id, opening.start, opening.end, opening.opens, opening.closes
        )
        if starts:
            found.append((opening, starts))
    return found


def _concerns(closure: hours_store.ClosureRow, lane: hours_store.LaneRow) -> bool:
    if closure.counter_id is not None:
        return closure.counter_id == lane.id
    return closure.office_id is None or closure.office_id == lane.office_id


def _exceptions_of(rows: Iterable[hours_store.ExceptionRow], lane: hours_store.LaneRow) -> Exceptions:
    """A counter's own stand for its office's."""
    found: dict[bool, dict[date, list[tuple[time, time]]]] = {True: {}, False: {}}
    for row in rows:
        if row.counter_id == lane.id or row.office_id == lane.office_id:
            opened = found[row.counter_id is None].setdefault(row.day, [])
            if row.opens is not None and row.closes is not None:
                opened.append((row.opens, row.closes))
    return {**found[True], **found[False]}


def _dealt(
    row: hours_store.PlanRow,
    opened: Mapping[date, Sequence[Span]],
    shut: Sequence[Span],
    lane: hours_store.LaneRow,
    now: datetime,
    draw: Draw,
) -> tuple[Mapping[Share, Sequence[Span]], datetime | None]:
    """The parts as they are now, and when the next of them is released."""
    plan = row.plan
    chunks = [
        chunk
        for day, spans in opened.items()
        for chunk in deal(spans, row.chunk_min, plan, lane.id, day, lane.zone, draw)
    ]
    parts: dict[Share, list[Span]] = defaultdict(list)
    for chunk in chunks:
        parts[chunk.kind_at(now)].append(chunk.span)
    moments = [chunk.released_at for chunk in chunks if chunk.released_at is not None and chunk.released_at > now]
    return {share: without(merged(spans), shut) for share, spans in parts.items()}, min(moments, default=None)


def _days(first: date, days: int) -> list[date]:
    return [first + timedelta(days=offset) for offset in range(days)]
