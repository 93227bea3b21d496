"""From the rules in the database to closed time in `claim`: which counter is open when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from base.db import Connection
from booking.catalogue import hours_store
from booking.catalogue.hours import Rule, Span, day_start, local_day, open_spans, public_holidays


@dataclass(frozen=True, slots=True)
class Opening:
    """When one counter shall be open from `start` until `end` (None: for ever); it is closed in the rest of that time."""

    counter_id: int
    counter: str  # "buergerbuero-mitte/desk-2"
    zone: str
    start: datetime
    end: datetime | None
    spans: Sequence[Span]

    @property
    def opens(self) -> list[datetime]:
        return [start for start, _ in self.spans]

    @property
    def closes(self) -> list[datetime]:
        return [end for _, end in self.spans]


async def planned_openings(
    conn: Connection, now: datetime, first: date | None, days: int, *, for_ever: bool = False
) -> list[Opening]:
    """For every counter, sorted by id as the locks of set_open() want it. `first` None: today where the office is.

    `for_ever`: what comes after the last day is closed too, so that nothing stays open that was released before.
    """
    rules: dict[int, list[Rule]] = defaultdict(list)
    for row in await hours_store.rules(conn):
        rules[row.counter_id].append(Rule(row.weekday, row.opens, row.closes, row.valid_from, row.valid_until))
    closures = await hours_store.closures(conn, now - timedelta(days=2))
    openings = []
    for lane in await hours_store.lanes(conn):
        day = first or local_day(now, lane.zone)
        spans = open_spans(
            rules[lane.id] if lane.is_active else (),
            day,
            days,
            lane.zone,
            public_holidays(lane.holidays, day, days),
            [(closure.starts_at, closure.ends_at) for closure in closures if _concerns(closure, lane)],
        )
        end = None if for_ever else day_start(day + timedelta(days=days), lane.zone)
        openings.append(Opening(lane.id, lane.label, lane.zone, day_start(day, lane.zone), end, spans))
    return openings


async def apply_openings(conn: Connection, openings: Sequence[Opening]) -> None:
    """Raises ExclusionViolationError of claim_no_overlap if an appointment lies in time to be closed."""
    for opening in openings:
        await open_counter(conn, opening)


async def open_counter(conn: Connection, opening: Opening) -> bool:
    """Whether anything was to be changed."""
    rows = await hours_store.set_open(
        conn, opening.counter_id, opening.start, opening.end, opening.opens, opening.closes
    )
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
