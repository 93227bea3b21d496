"""Shares and release as the worker makes them: over a real database, by a clock that is put forward."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from base.clock import SettableClock
from base.db import Database
from booking.catalogue.rolling import roll
from booking.catalogue.usecases import Catalogue
from tests.booking.catalogue.folders import folder
from tests.booking.catalogue.test_import import open_times
from tests.booking.holds.world import SEALER

PLAN = [
    {"percent": 50, "days_before": 3, "at": "08:00", "jitter_min": 30},
    {"percent": 50, "days_before": 0, "at": "07:00", "jitter_min": 10},
]
MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
FRIDAY = datetime(2026, 11, 27, tzinfo=UTC)
ALL_MORNING = timedelta(hours=4)


@pytest.fixture
async def catalogue(db: Database, clock: SettableClock, tmp_path: Path) -> Catalogue:
    clock.set(MONDAY)
    made = Catalogue(db, clock, horizon_days=7, poll_s=0, draw=SEALER.draw)
    await made.import_folder(folder(tmp_path / "mini"))
    await made.roll_hours()
    return made


async def rule(db: Database, **columns: object) -> None:
    """For both services of the desks."""
    async with db.connection() as conn:
        await conn.execute(
            "INSERT INTO service_office (service_id, office_id) SELECT s.id, o.id FROM service s, office o WHERE s.duration_min IS NOT NULL"
        )
        for column, value in columns.items():
            await conn.execute(f"UPDATE service_office SET {column} = $1", value)
        await conn.execute("UPDATE city SET version = version + 1")


async def open_on(db: Database, day: datetime, counter: str = "rathaus/desk-1") -> timedelta:
    return sum((end - start for start, end in await open_times(db, counter, day, 1)), timedelta())


async def open_hours(catalogue: Catalogue, first: date, days: int) -> int:
    """Make these days what rules, closures and holidays say; how many counters have changed."""
    return (await roll(catalogue._db, catalogue._clock(), first, days, catalogue._draw)).changed


async def audit(db: Database) -> int:
    async with db.connection() as conn:
        found: int = await conn.fetchval("SELECT count(*) FROM claim_audit")
    return found


async def test_shares_are_closed_time_by_kind(catalogue: Catalogue, db: Database) -> None:
    await rule(db, public_percent=None)
    async with db.connection() as conn:
        await conn.execute("UPDATE service_office SET (public_percent, staff_percent, walk_in_percent) = (50, 30, 20)")
        await open_hours(catalogue, MONDAY.date(), 7)
        rows = await conn.fetch(
            """SELECT kind, sum(ends_at - starts_at) AS time FROM claim JOIN counter c ON c.id = counter_id
                WHERE kind IN (6, 7) AND status = 5 AND c.key = 'desk-1' GROUP BY kind"""
        )
    kept = {row["kind"]: row["time"] for row in rows}
    hours = timedelta(hours=24)  # five mornings and an afternoon
    assert abs(kept[6] - hours * 0.3) < timedelta(hours=2)
    assert abs(kept[7] - hours * 0.2) < timedelta(hours=2)
    assert timedelta(hours=1) < await open_on(db, FRIDAY) < timedelta(hours=3)


async def test_parts_are_released_when_they_are_due_and_only_then(
    catalogue: Catalogue, db: Database, clock: SettableClock
) -> None:
    await rule(db, release_plan=PLAN)
    await open_hours(catalogue, MONDAY.date(), 7)
    assert await open_on(db, FRIDAY) == timedelta()
    assert await catalogue.release_due() == 0
    clock.set(datetime(2026, 11, 24, 6, 59, tzinfo=UTC))  # Tuesday's own parts come before
    await catalogue.release_due()
    assert await open_on(db, FRIDAY) == timedelta()
    seen = []
    for minute in range(35):
        clock.set(datetime(2026, 11, 24, 7, tzinfo=UTC) + timedelta(minutes=minute))
        await catalogue.release_due()
        seen.append(await open_on(db, FRIDAY))
    half = seen[-1]
    assert timedelta(hours=1.5) <= half <= timedelta(hours=2.5)
    assert len(set(seen)) > 2  # not all at one moment
    assert seen == sorted(seen)
    clock.set(datetime(2026, 11, 27, 6, 11, tzinfo=UTC))
    await catalogue.release_due()
    assert await open_on(db, FRIDAY) == ALL_MORNING
    assert await audit(db) == 0


async def test_who_has_nothing_due_is_not_looked_at(
    catalogue: Catalogue, db: Database, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rule(db, release_plan=PLAN)
    await open_hours(catalogue, MONDAY.date(), 7)
    planned: list[object] = []
    monkeypatch.setattr("booking.catalogue.usecases.roll", lambda *given: planned.append(given))
    assert await catalogue.release_due() == 0
    assert planned == []


async def test_a_release_is_the_same_after_a_restart_and_in_every_process(
    catalogue: Catalogue, db: Database, clock: SettableClock
) -> None:
    await rule(db, release_plan=PLAN)
    await open_hours(catalogue, MONDAY.date(), 7)
    clock.set(datetime(2026, 11, 24, 7, 13, tzinfo=UTC))
    await catalogue.release_due()
    other = Catalogue(db, clock, horizon_days=7, draw=SEALER.draw)
    assert await open_hours(other, clock().date(), 6) == 0


async def test_staffs_time_that_was_not_used_becomes_whole_blocks_again(
    catalogue: Catalogue, db: Database, clock: SettableClock
) -> None:
    async with db.connection() as conn:
        await rule(db, public_percent=None)
        await conn.execute("UPDATE service_office SET (public_percent, staff_percent, walk_in_percent) = (0, 100, 0)")
        await open_hours(catalogue, MONDAY.date(), 7)
        start = datetime(2026, 11, 27, 8, tzinfo=UTC)
        made = await conn.fetchval(
            """SELECT hold_kept($1, $1, gen_random_uuid(), s.id, f.id, c.id, $2, $2::timestamptz + interval '15 min',
                      0::smallint, c.office_id) FROM service s JOIN fee f ON f.service_id = s.id, counter c
                WHERE s.key = 'beratung' AND c.key = 'desk-1'""",
            clock(),
            start,
        )
        assert made
        await conn.execute("UPDATE claim SET status = 9, hold_until = NULL WHERE id = $1", made)
        blocks = "SELECT count(*) FROM claim WHERE kind = 6 AND status = 5 AND starts_at::date = $1 AND counter_id = 1"
        assert await conn.fetchval(blocks, FRIDAY.date()) == 3
        assert await catalogue.release_due() == 1
        assert await conn.fetchval(blocks, FRIDAY.date()) == 1
        assert await catalogue.release_due() == 0
