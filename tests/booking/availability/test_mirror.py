"""The mirror is the database, whatever order transactions commit in."""

from __future__ import annotations

import asyncio
import os
import random
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from uuid import uuid4

import asyncpg
import pytest

from base.clock import SettableClock
from base.db import Connection, Database
from booking.availability import store
from booking.availability.book import cell_of, span
from booking.availability.mirror import Mirror
from booking.availability.model import ClaimRow, ClaimStatus
from tests.booking.availability.city import TUESDAY, City, at, make_city

SCALE = 5 if os.environ.get("SCALE") == "full" else 1
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
CELL = cell_of(NOON)
NINE = at(TUESDAY, 9)
HELD, CANCELLED = int(ClaimStatus.HELD), int(ClaimStatus.CANCELLED)


def mirror_at(now: datetime = NOON) -> Mirror:
    return Mirror(SettableClock(now), horizon_days=3)


def row(first: int, count: int = 4, *, counter: int = 1, status: int = HELD) -> ClaimRow:
    return ClaimRow(7, counter, CELL + first, CELL + first + count, status)


class TestApplying:
    def test_a_row_takes_its_cells_and_gives_them_back(self) -> None:
        mirror = mirror_at()
        assert mirror.apply([row(2)]) == {7}
        assert mirror.book.free(1, CELL, 8) == 0b1100_0011
        assert mirror.apply([row(2, status=CANCELLED)]) == {7}
        assert mirror.book.free(1, CELL, 8) == span(0, 8)

    def test_a_repeat_changes_nothing(self) -> None:
        mirror = mirror_at()
        mirror.apply([row(0)])
        version = dict(mirror.versions)
        assert mirror.apply([row(0)]) == set()
        assert mirror.versions == version

    def test_a_freed_row_gives_back_only_what_no_other_takes(self) -> None:
        mirror = mirror_at()
        mirror.apply([row(0), row(2)])
        mirror.apply([row(0, status=CANCELLED), row(2)])  # the store sends what overlaps a freed row
        assert mirror.book.free(1, CELL, 8) == 0b1100_0011

    def test_the_order_of_rows_does_not_matter(self) -> None:
        for rows in permutations([row(0, status=CANCELLED), row(0, 2), row(3, 1, status=CANCELLED), row(3, 2)]):
            mirror = mirror_at()
            mirror.apply([row(0)])
            mirror.apply(rows)
            assert mirror.book.free(1, CELL, 8) == 0b1110_0100

    def test_rows_of_one_poll_are_seen_together(self) -> None:
        mirror = mirror_at()
        mirror.apply([row(0, 8, status=5)])
        version = mirror.versions[7]
        mirror.apply([row(0, 8, status=11), row(0, 8, status=5)])  # lifted and closed anew, as set_open() does
        assert mirror.versions[7] == version


class TestOwnClaims:
    def test_what_is_taken_is_taken_at_once(self) -> None:
        mirror = mirror_at()
        mirror.apply([row(20)])
        assert mirror.take(1, CELL, 4)
        assert not mirror.take(1, CELL + 2, 4)
        mirror.give_back(1, CELL)
        assert mirror.take(1, CELL + 2, 4)

    def test_what_is_taken_is_what_would_be_published(self) -> None:
        """For staff too, who have more."""
        mirror = mirror_at()
        mirror.apply([row(0, 2), row(6, 3)._replace(is_kept=True)])
        for first, staff, is_free in ((3, False, True), (6, True, True), (7, False, False)):
            assert mirror.take(1, CELL + first, 1, staff=staff) is is_free
            seen = [mirror.book.free(1, CELL, 12, staff=one) for one in (False, True)]
            assert not mirror._publish((1,))
            assert [mirror.book.free(1, CELL, 12, staff=one) for one in (False, True)] == seen
        assert mirror.versions[7] == 3

    def test_giving_back_what_was_not_taken_is_nothing(self) -> None:
        mirror = mirror_at()
        mirror.apply([row(0)])
        mirror.give_back(1, CELL)
        assert not mirror.take(1, CELL, 4)

    async def test_a_kept_claim_stays_until_a_poll_that_began_after_it(
        self, db: Database, clock: SettableClock
    ) -> None:
        async with db.connection() as conn:
            city = await make_city(conn, counters=1)
            mirror = Mirror(clock, 3)
            watermark = await mirror.start(conn)
            counter, first = city.counters[0], cell_of(at(TUESDAY, 9))
            assert mirror.take(counter, first, 4)
            mirror.keep(counter, first)  # but no row was made: the next poll shows the truth
            assert not mirror.book.is_free(counter, first, 4)
            await mirror.poll(conn, watermark)
            assert mirror.book.is_free(counter, first, 4)


@pytest.mark.parametrize("days", [1, 2, 30], ids=["a day", "two days", "longer than the horizon"])
async def test_at_midnight_the_horizon_rolls(db: Database, clock: SettableClock, days: int) -> None:
    """What lies in the days that come into sight was never told by the feed: it is read then."""
    async with db.connection() as conn:
        city = await make_city(conn, counters=2, days=[TUESDAY + timedelta(days=n) for n in range(40)])
        mirror = Mirror(clock, 3)
        watermark = await mirror.start(conn)
        before = mirror.book.base
        for n in range(0, 40, 3):
            await _hold(conn, city, city.counters[n % 2], at(TUESDAY + timedelta(days=n), 9))
        watermark, _topics = await mirror.poll(conn, watermark)
        clock.advance(days=days)
        _watermark, topics = await mirror.poll(conn, watermark)
        assert topics == {f"office:{city.office}"}
        assert mirror.book.base == before + days * 288
        await _assert_equal(conn, mirror, city, TUESDAY + timedelta(days=days), 3)


@pytest.mark.parametrize("days", [1, 30], ids=["a day", "longer than the horizon"])
async def test_a_reading_that_fails_at_midnight_changes_nothing(db: Database, clock: SettableClock, days: int) -> None:
    """Until the database answers again, what was known is known; the poll after that moves the horizon on."""
    async with db.connection() as conn:
        city = await make_city(conn, counters=2, days=[TUESDAY + timedelta(days=n) for n in range(40)])
        mirror = Mirror(clock, 3)
        watermark = await mirror.start(conn)
        clock.advance(days=days)
        await conn.execute("ALTER TABLE claim RENAME TO away")
        with pytest.raises(asyncpg.UndefinedTableError):
            await mirror.poll(conn, watermark)
        assert mirror.book.is_free(city.counters[0], cell_of(at(TUESDAY, 9)), 4)
        await conn.execute("ALTER TABLE away RENAME TO claim")
        await mirror.poll(conn, watermark)
        await _assert_equal(conn, mirror, city, TUESDAY + timedelta(days=days), 3)


async def test_a_claim_never_changes_its_place(db: Database) -> None:
    """Who has read it once knows for ever which cells it takes or gave back; a move is a new claim."""
    async with db.connection() as conn:
        city = await make_city(conn, counters=2)
        await _hold(conn, city, city.counters[0])
        for change in (
            "counter_id = counter_id + 1",
            "starts_at = starts_at + interval '5 min'",
            "ends_at = 'infinity'",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError) as refused:
                await conn.execute(f"UPDATE claim SET {change} WHERE kind = 0")
            assert refused.value.constraint_name == "claim_never_moves"


async def test_equals_plain_sql_on_random_data(db: Database, clock: SettableClock) -> None:
    """Free cells by the mirror against a NOT EXISTS over claim for each cell."""
    chance = random.Random(1)
    async with db.connection() as conn:
        city = await make_city(conn, counters=3, days=[TUESDAY, TUESDAY + timedelta(days=1)])
        mirror = Mirror(clock, 3)
        watermark = await mirror.start(conn)
        for _ in range(10 * SCALE):
            for _ in range(12):
                await _change(conn, city, chance)
            watermark, _topics = await mirror.poll(conn, watermark)
            await _assert_equal(conn, mirror, city, TUESDAY, 2)
        fresh = Mirror(clock, 3)
        await fresh.start(conn)
        await _assert_equal(conn, fresh, city, TUESDAY, 2)


async def test_misses_nothing_when_transactions_commit_out_of_order(db: Database, clock: SettableClock) -> None:
    async with db.connection() as conn:
        city = await make_city(conn, counters=4)
    mirror = Mirror(clock, 3)
    over = asyncio.Event()

    async def writer(seed: int) -> None:
        chance = random.Random(seed)
        while not over.is_set():
            try:
                async with db.transaction() as conn:
                    for _ in range(chance.randrange(1, 4)):
                        await _change(conn, city, chance)
                        await asyncio.sleep(chance.random() * 0.02)
                    if chance.random() < 0.1:
                        raise _RollBack
            except (_RollBack, asyncpg.ExclusionViolationError, asyncpg.DeadlockDetectedError):
                pass

    async with db.connection() as conn:
        watermark = await mirror.start(conn)
        writers = [asyncio.create_task(writer(seed)) for seed in range(6)]
        for _ in range(60 * SCALE):
            await asyncio.sleep(0.02)
            watermark, _topics = await mirror.poll(conn, watermark)
        over.set()
        await asyncio.gather(*writers)
        await mirror.poll(conn, watermark)
        await _assert_equal(conn, mirror, city, TUESDAY, 1)


async def test_rows_of_another_clusters_future_are_not_repeated(db: Database, clock: SettableClock) -> None:
    """As after a dump is restored: their transaction ids lie ahead of this cluster's counter."""
    async with db.connection() as conn:
        city = await make_city(conn, counters=1)
        await conn.execute(
            """
            INSERT INTO claim (office_id, counter_id, service_id, fee_id, starts_at, ends_at, hold_until, xid)
            VALUES ($1, $2, $3, $4, $5, $6, $6, 1::bigint << 50)""",
            city.office,
            city.counters[0],
            city.service_id,
            city.fee_id,
            at(TUESDAY, 9),
            at(TUESDAY, 10),
        )
        mirror = Mirror(clock, 3)
        watermark = await mirror.start(conn)  # the whole state is read once, so the row is known
        assert not mirror.book.is_free(city.counters[0], cell_of(at(TUESDAY, 9)), 1)
        watermark, _topics = await mirror.poll(conn, watermark)
        assert (await store.changed_claims(conn, watermark, mirror.book.base))[1] == []
        await conn.execute("UPDATE claim SET status = 9, hold_until = NULL WHERE kind = 0")  # now it is one of ours
        await mirror.poll(conn, watermark)
        assert mirror.book.is_free(city.counters[0], cell_of(at(TUESDAY, 9)), 12)


async def test_a_running_transactions_rows_come_when_it_has_committed(db: Database, clock: SettableClock) -> None:
    """Above the snapshot's xmax or below it: the watermark waits for whoever is still running."""
    async with db.connection() as conn, db.connection() as early, db.connection() as late:
        city = await make_city(conn, counters=2)
        mirror = Mirror(clock, 3)
        watermark = await mirror.start(conn)
        first, second = city.counters
        one, two = early.transaction(), late.transaction()
        await one.start()
        await _hold(early, city, first)
        await two.start()
        await _hold(late, city, second)
        await two.commit()  # the younger one is first, and lifts xmax above the older one
        watermark, _topics = await mirror.poll(conn, watermark)
        nine = cell_of(at(TUESDAY, 9))
        assert (mirror.book.is_free(first, nine, 4), mirror.book.is_free(second, nine, 4)) == (True, False)
        await one.commit()
        await mirror.poll(conn, watermark)
        assert not mirror.book.is_free(first, nine, 4)


async def _hold(conn: Connection, city: City, counter: int, start: datetime = NINE) -> None:
    await conn.fetch(
        "SELECT * FROM hold_set($1, $2, $3, $4, $5, $6, $7, $8)",
        at(TUESDAY, 0),
        at(TUESDAY, 1),
        [uuid4()],
        [city.service_id],
        [city.fee_id],
        [counter],
        [start],
        [start + timedelta(minutes=20)],
    )


class _RollBack(Exception):
    pass


async def _change(conn: Connection, city: City, chance: random.Random) -> None:
    counter = chance.choice(city.counters)
    start = at(TUESDAY, chance.choice([7, 8, 9, 10, 11, 12]), chance.choice([0, 3, 20, 40]))
    match chance.randrange(5):
        case 0:
            await conn.execute(
                "UPDATE claim SET status = 9, hold_until = NULL WHERE id = (SELECT id FROM claim WHERE status = 1 "
                "ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED)"
            )
        case 1:
            opened = (at(TUESDAY, 8), at(TUESDAY, chance.choice([11, 12, 13])))
            try:
                async with conn.transaction():
                    await conn.execute(
                        "SELECT set_open($1, tstzrange($2, $3), tstzmultirange(tstzrange($4, $5)))",
                        counter,
                        at(TUESDAY, 0),
                        at(TUESDAY + timedelta(days=1), 0),
                        *opened,
                    )
            except asyncpg.ExclusionViolationError:
                pass
        case _:
            await _hold(conn, city, counter, start)


async def _assert_equal(conn: Connection, mirror: Mirror, city: City, first_day: date, days: int) -> None:
    first, count = cell_of(at(first_day, 0)), days * 288
    rows = await conn.fetch(
        """
        SELECT counter.id AS counter, array_agg(g.cell ORDER BY g.cell) AS free
          FROM counter, generate_series($1::int, $1::int + $2::int - 1) g (cell)
         WHERE NOT EXISTS (SELECT FROM claim c WHERE c.counter_id = counter.id AND c.status < 8
                              AND c.starts_at < to_timestamp((g.cell + 1) * 300.0) AND c.ends_at > to_timestamp(g.cell * 300.0))
         GROUP BY counter.id""",
        first,
        count,
    )
    expected = {row["counter"]: sum(1 << cell - first for cell in row["free"]) for row in rows}
    assert {counter: mirror.book.free(counter, first, count) for counter in city.counters} == {
        counter: expected.get(counter, 0) for counter in city.counters
    }
