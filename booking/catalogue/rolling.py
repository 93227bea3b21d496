"""The horizon moves on: hours are released counter by counter, so that one that cannot be changed holds up no other."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

import asyncpg

from base.db import Database, violates
from booking.catalogue import hours_store
from booking.catalogue.projection import Opening, blocked_openings, open_counter, planned_openings
from booking.catalogue.shares import Draw

log = logging.getLogger(__name__)
_TRIES = 3  # a hold may meet us the other way round; PostgreSQL then ends one of both


@dataclass(frozen=True, slots=True)
class Rolled:
    changed: int
    blocked: frozenset[int]


class _Imported(Exception):
    """The catalogue has changed since the openings were planned."""


async def roll(
    db: Database, now: datetime, first: date, days: int, draw: Draw, only: Collection[int] | None = None
) -> Rolled:
    """One transaction per counter, of all or `only` these. What an appointment stands in the way of is logged and left as it is."""
    while True:
        async with db.connection() as conn:
            version = await hours_store.version(conn)
            openings = await planned_openings(conn, now, first, days, draw, only=only)
        changed, blocked = 0, set()
        try:
            for opening in openings:
                is_changed = await _open(db, opening, version)
                changed += is_changed is True
                if is_changed is None:
                    blocked.add(opening.counter_id)
        except _Imported:
            continue
        return Rolled(changed, frozenset(blocked))


async def _open(db: Database, opening: Opening, version: int | None) -> bool | None:
    """Whether anything was to be changed; None: it could not be."""
    for _try in range(_TRIES):
        try:
            async with db.transaction() as conn:
                if await hours_store.hold_version(conn) != version:
                    raise _Imported  # an import knows better than what was planned before it
                return await open_counter(conn, opening)
        except asyncpg.DeadlockDetectedError:
            continue
        except asyncpg.ExclusionViolationError as error:
            if not violates(error, "claim_no_overlap"):
                raise
            break
    async with db.connection() as conn:
        in_the_way = await blocked_openings(conn, [opening])
    count = (
        len(in_the_way[0][1]) if in_the_way else 0
    )  # 0: they went away meanwhile, or came to time that is to be kept
    log.warning("hours.blocked", extra={"counter": opening.counter_id, "appointments": count})
    return None
