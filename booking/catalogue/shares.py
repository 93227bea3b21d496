"""Who gets which part of a counter's day: everybody, staff, walk-ins; and when everybody's part is released. Pure.

A day's open time is cut into chunks, and the chunks are dealt in a fixed rhythm, so that every part has mornings and afternoons. A day
depends on nothing but itself: where its rhythm begins is drawn from the counter and the day.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from zoneinfo import ZoneInfo

from booking.catalogue.hours import Span

Draw = Callable[[str], float]  # from 0 to 1, by a secret: nobody outside can tell when a chunk is released


def at_once(_text: str) -> float:
    """For whoever has no secret to draw with."""
    return 0.0


class Share(IntEnum):
    """As in claim.kind, where it is closed time."""

    PUBLIC = 0
    UNRELEASED = 5
    STAFF = 6
    WALK_IN = 7


@dataclass(frozen=True, slots=True)
class ReleasePart:
    """`percent` of everybody's share comes `days_before` at a local time, each chunk up to `jitter_min` minutes later."""

    percent: int
    days_before: int
    at: time
    jitter_min: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """How a counter's time is shared out. The percents are 100 together, those of the release as well; no release: all at once."""

    public: int = 100
    staff: int = 0
    walk_in: int = 0
    release: tuple[ReleasePart, ...] = ()

    def release_data(self) -> list[dict[str, object]]:
        """As it is stored."""
        return [
            {"percent": p.percent, "days_before": p.days_before, "at": f"{p.at:%H:%M}", "jitter_min": p.jitter_min}
            for p in self.release
        ]


@dataclass(frozen=True, slots=True)
class Chunk:
    span: Span
    share: Share
    released_at: datetime | None = None  # of everybody's; None: always was

    def kind_at(self, now: datetime) -> Share:
        is_due = self.released_at is None or self.released_at <= now
        return self.share if is_due else Share.UNRELEASED


def deal(
    spans: Sequence[Span], chunk_min: int, plan: Plan, counter_id: int, day: date, zone: str, draw: Draw
) -> list[Chunk]:
    """One day of a counter."""
    parts = (Share.PUBLIC, Share.STAFF, Share.WALK_IN)
    rhythm = _rhythm((plan.public, plan.staff, plan.walk_in))
    stages = _rhythm(tuple(part.percent for part in plan.release)) if plan.release else ()
    turn = _beginning(counter_id, day, len(rhythm))
    stage = _beginning(counter_id, day, len(stages) or 1)
    dealt = []
    for place, span in enumerate(_chunks(spans, timedelta(minutes=chunk_min))):
        share = parts[rhythm[(turn + place) % len(rhythm)]]
        released_at = None
        if share is Share.PUBLIC and stages:
            part = plan.release[stages[stage % len(stages)]]
            stage += 1
            released_at = release_moment(part, day, zone, draw(f"{counter_id}:{day}:{place}"))
        dealt.append(Chunk(span, share, released_at))
    return dealt


def release_moment(part: ReleasePart, day: date, zone: str, drawn: float) -> datetime:
    local = datetime.combine(day - timedelta(days=part.days_before), part.at, ZoneInfo(zone))
    return local.astimezone(UTC) + timedelta(seconds=int(drawn * part.jitter_min * 60))


def _chunks(spans: Sequence[Span], length: timedelta) -> Iterator[Span]:
    """What is left at the end of a span goes to its last chunk: alone it would be of use to nobody."""
    for start, end in spans:
        while end - start >= 2 * length:
            yield start, start + length
            start += length
        yield start, end


@functools.lru_cache(maxsize=256)
def _rhythm(percents: tuple[int, ...]) -> tuple[int, ...]:
    """A hundred turns (or fewer, where that is a whole number of them): always to whom most is owed, so in any row of turns
    everybody has nearly their part."""
    given = [0] * len(percents)
    turns = []
    for turn in range(1, 101):
        owed = [percent * turn - 100 * had for percent, had in zip(percents, given, strict=True)]
        to = owed.index(max(owed))
        given[to] += 1
        turns.append(to)
        if all(percent * turn == 100 * had for percent, had in zip(percents, given, strict=True)):
            break
    return tuple(turns)


def _beginning(counter_id: int, day: date, turns: int) -> int:
    """Not always at the first turn: a part that is smaller than a chunk a day would never come, or always."""
    digest = hashlib.blake2b(f"{counter_id}:{day}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % turns
