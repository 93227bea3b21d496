"""The mirror at the size of a city: 850 offices, 2,500 counters, 90 days, a million appointments. In a process of its own, for its memory.

python -m tests.bench.mirror URL    prints one JSON object
"""

from __future__ import annotations

import gc
import json
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import uvloop

from base.clock import utcnow
from base.db import Database
from booking.availability.book import CELLS_PER_DAY
from booking.availability.mirror import Mirror
from booking.availability.model import CounterTime, Offer, OfficeOffer, Window
from booking.availability.usecases import Availability

OFFICES, COUNTERS, DAYS, APPOINTMENTS = 850, 2500, 90, 1_000_000
TIMES = 10
ROUNDS = 5
_SERVICE = 1


async def make_city(url: str) -> None:
    """Written past the constraints and triggers, which take a minute and a half for a million rows: the mirror only reads."""
    conn = await asyncpg.connect(url)
    midnight = datetime.combine(datetime.now(UTC).date(), datetime.min.time(), UTC)
    async with conn.transaction():
        await conn.execute("ALTER TABLE claim DROP CONSTRAINT claim_no_overlap, DROP CONSTRAINT claim_no_overlap_extra")
        await conn.execute("SET LOCAL session_replication_role = replica")
        await conn.execute(
            "INSERT INTO office (key, name, street, postcode, place, latitude, longitude, is_step_free, time_zone) "
            "SELECT 'unit-' || n, '{\"de\": \"Amt\"}', 'Weg 1', '70173', 'Stuttgart', 48.8, 9.2, true, 'Europe/Berlin' "
            "FROM generate_series(1, $1) n",
            OFFICES,
        )
        await conn.execute(
            "INSERT INTO counter (office_id, key, channel) "
            "SELECT (SELECT min(id) FROM office) + n % $1, 'c' || n, 'onsite' FROM generate_series(0, $2 - 1) n",
            OFFICES,
            COUNTERS,
        )
        await conn.execute(
            """
            INSERT INTO claim (office_id, counter_id, starts_at, ends_at, kind, status)
            SELECT c.office_id, c.id, $1::timestamptz + t.first, $1::timestamptz + t.last, 1, 5
              FROM counter c, LATERAL (
                SELECT make_interval(days => d, hours => h.first) AS first, make_interval(days => d, hours => h.last) AS last
                  FROM generate_series(0, $2 - 1) d, (VALUES (0, 7), (11, 12), (17, 24)) h (first, last)) t""",
            midnight,
            DAYS,
        )
        await conn.execute(
            """
            INSERT INTO claim (office_id, counter_id, starts_at, ends_at, kind, status)
            SELECT office_id, id, $1::timestamptz + make_interval(days => $2), 'infinity', 5, 5 FROM counter""",
            midnight,
            DAYS,
        )
        await conn.execute(
            """
            INSERT INTO claim (office_id, counter_id, service_id, fee_id, starts_at, ends_at, status, appointment_id)
            SELECT c.office_id, c.id, 1, 1, s.at, s.at + interval '20 min', 2, gen_random_uuid()
              FROM counter c, LATERAL (
                SELECT $1::timestamptz + make_interval(days => d, hours => h, mins => m) AS at
                  FROM generate_series(0, $2 - 1) d, unnest('{7,8,9,10,12,13,14,15,16}'::int[]) h, unnest('{0,20,40}'::int[]) m
                 ORDER BY random() LIMIT $3) s""",
            midnight,
            DAYS,
            APPOINTMENTS // COUNTERS,
        )
    await conn.execute("ANALYZE claim")
    await conn.close()


class _Offers:
    """One service at every office."""

    state = None

    def __init__(self, offices: dict[int, tuple[int, ...]]) -> None:
        found = {office: OfficeOffer(office, "Europe/Berlin", counters) for office, counters in offices.items()}
        self._offer = Offer(_SERVICE, "onsite", 20, found)

    def offer(self, service_id: int, channel: str) -> Offer | None:
        return self._offer


async def measure(url: str) -> dict[str, list[float]]:
    samples: dict[str, list[float]] = {"rebuild_s": [], "mirror_mb": [], "answer_us": []}
    async with Database(url, size=1) as db, db.connection() as conn:
        rows = await conn.fetch("SELECT office_id, array_agg(id) AS counters FROM counter GROUP BY office_id")
        offices = {row["office_id"]: tuple(row["counters"]) for row in rows}
        await conn.fetchval("SELECT count(*) FROM claim")
        for _ in range(ROUNDS):
            gc.collect()
            before = _resident_mb()
            mirror = Mirror(utcnow, DAYS)
            began = time.perf_counter()
            await mirror.start(conn)
            samples["rebuild_s"].append(time.perf_counter() - began)
            gc.collect()
            samples["mirror_mb"].append(_resident_mb() - before)
            samples["answer_us"].append(_answer_us(mirror, offices))
            del mirror
    samples["mirror_mb"] = samples["mirror_mb"][:1]  # later rounds find the memory of the ones before
    return samples | _grown()


def _answer_us(mirror: Mirror, offices: dict[int, tuple[int, ...]]) -> float:
    """28 days of one office after another, each asked for the first time."""
    availability = Availability(mirror, _Offers(offices), utcnow, lead_minutes=30)
    today = date.today() + timedelta(days=1)  # noqa: DTZ011
    window = Window(today, today + timedelta(days=27))
    availability._window(_SERVICE, "onsite", [next(iter(offices))], window)  # the grid of these days is worked out once
    asked = list(offices)[1:501]
    began = time.perf_counter()
    for office in asked:
        availability._window(_SERVICE, "onsite", [office], window)
    return (time.perf_counter() - began) / len(asked) * 1e6


def _grown() -> dict[str, list[float]]:
    """Ten cities in one, from rows that are generated and not read."""
    gc.collect()
    before = _resident_mb()
    mirror = Mirror(utcnow, DAYS)
    for one in _generated(mirror.book.base):
        mirror.fill(one)
    mirror._publish(mirror._busy)
    return {"mirror10_mb": [_resident_mb() - before]}


def _generated(base: int) -> Iterator[CounterTime]:
    chance = random.Random(7)
    for counter in range(COUNTERS * TIMES):
        firsts, lasts = [], []
        for day in range(DAYS):
            start = base + day * CELLS_PER_DAY
            firsts += [start, start + 132, start + 204]
            lasts += [start + 84, start + 144, start + 288]
        for _ in range(APPOINTMENTS // COUNTERS):
            first = base + chance.randrange(DAYS) * CELLS_PER_DAY + chance.randrange(84, 200)
            firsts.append(first)
            lasts.append(first + 4)
        yield CounterTime(counter % (OFFICES * TIMES), counter, firsts, lasts)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    print(json.dumps(uvloop.run(measure(sys.argv[1]))))
