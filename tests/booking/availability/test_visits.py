"""Where a visit of several parts can begin: the bits say what plain SQL says, and each of them can be placed."""

from __future__ import annotations

import random
from itertools import combinations

from base.db import Connection, Database
from booking.availability.book import Book, bits
from booking.availability.model import Item, Part, Step
from booking.availability.visits import placements, starts

CELLS, CITIES = 72, 60
COUNTERS = range(1, 5)
KINDS = ((5, 6), (7,))  # rooms, and one interpreter
# From counter to counter, at each of them within the gap; or everything at one.
ORACLE = """
    WITH RECURSIVE free AS (
      SELECT c, s, n FROM unnest($1::int[]) c, generate_series(0, $2) s, generate_series(1, $2) n
       WHERE s + n <= $2 AND NOT EXISTS (SELECT FROM busy b WHERE b.counter = c AND b.first < s + n AND b.last > s)
    ), step AS (
      SELECT *, sum(cells) OVER (ORDER BY n) - cells AS before
        FROM unnest($3::int[], $4::int[], $5::text[], $7::text[], $8::text[])
             WITH ORDINALITY AS d (cells, buffer, counters, rooms, others, n)
    ), equipped AS (
      SELECT d.n, at.s FROM step d CROSS JOIN generate_series(0, $2 - 1) AS at (s)
       WHERE (d.rooms = '{}' OR EXISTS (SELECT FROM free f WHERE f.c = ANY (d.rooms::int[]) AND f.s = at.s AND f.n = d.cells + d.buffer))
         AND (d.others = '{}' OR EXISTS (SELECT FROM free f WHERE f.c = ANY (d.others::int[]) AND f.s = at.s AND f.n = d.cells + d.buffer))
    ), reach (n, start, at) AS (
      SELECT 1::bigint, s, s FROM generate_series(0, $2 - 1) s
      UNION
      SELECT r.n + 1, r.start, r.at + d.cells + g
        FROM reach r JOIN step d ON d.n = r.n CROSS JOIN generate_series(0, $6) g
       WHERE EXISTS (SELECT FROM free f WHERE f.c = ANY (d.counters::int[]) AND f.s = r.at AND f.n = d.cells + d.buffer)
         AND EXISTS (SELECT FROM equipped h WHERE h.n = d.n AND h.s = r.at)
    )
    SELECT start FROM reach WHERE n > (SELECT count(*) FROM step)
    UNION
    SELECT f.s FROM free f WHERE f.n = (SELECT sum(cells) FROM step) + (SELECT buffer FROM step ORDER BY n DESC LIMIT 1)
       AND NOT EXISTS (SELECT FROM step d WHERE NOT f.c = ANY (d.counters::int[])
                          OR NOT EXISTS (SELECT FROM equipped h WHERE h.n = d.n AND h.s = f.s + d.before))
    ORDER BY 1"""


async def test_equal_to_sql_whatever_is_taken(db: Database) -> None:
    some = 0
    async with db.connection() as conn:
        await conn.execute("CREATE TEMPORARY TABLE busy (counter int, first int, last int)")
        for seed in range(CITIES):
            dice = random.Random(seed)
            steps, gap = _steps(dice), dice.randint(0, 3)
            book = await _book(conn, dice)
            found = list(bits(starts(book, steps, 0, CELLS, gap)))
            assert found == await _oracle(conn, steps, gap), (seed, steps, gap)
            for cell in range(CELLS):
                ways = list(placements(book, steps, cell, gap))
                assert bool(ways) == (cell in found), (seed, cell)
                assert all(_fits(book, steps, way, cell, gap) for way in ways), (seed, cell)
            some += len(found)
        await conn.execute("DROP TABLE busy")
    assert some > CITIES  # it is not all about nothing


def _steps(dice: random.Random) -> tuple[Step, ...]:
    return tuple(
        Step(
            Item(n, dice.randint(1, 3)),
            tuple(sorted(dice.sample(COUNTERS, dice.randint(1, 3)))),
            5 * dice.randint(1, 4),
            dice.choice((0, 0, 5, 15)),
            tuple(kind for kind in KINDS if dice.random() < 0.3),
        )
        for n in range(dice.randint(1, 3))
    )


async def _book(conn: Connection, dice: random.Random) -> Book:
    book = Book(0, CELLS)
    await conn.execute("TRUNCATE busy")
    for counter in (*COUNTERS, *(one for kind in KINDS for one in kind)):
        taken = 0
        for _ in range(dice.randint(2, 8)):
            first = dice.randrange(CELLS)
            last = min(CELLS, first + dice.randint(1, 8))
            taken |= book.span(first, last)
            await conn.execute("INSERT INTO busy VALUES ($1, $2, $3)", counter, first, last)
        book.publish(counter, taken)
    return book


async def _oracle(conn: Connection, steps: tuple[Step, ...], gap: int) -> list[int]:
    rows = await conn.fetch(
        ORACLE,
        [*COUNTERS, *(one for kind in KINDS for one in kind)],
        CELLS,
        [step.minutes // 5 for step in steps],
        [step.buffer_min // 5 for step in steps],
        [_array(step.counters) for step in steps],
        gap,
        *([_array(kind if kind in step.resources else ()) for step in steps] for kind in KINDS),
    )
    return [row["start"] for row in rows]


def _array(counters: tuple[int, ...]) -> str:
    return f"{{{','.join(map(str, counters))}}}"


def _fits(book: Book, steps: tuple[Step, ...], way: tuple[Part, ...], cell: int, gap: int) -> bool:
    """Everything in its order, at counters that can and are free, and no two parts at once."""
    at = cell
    wanted = [(step, part, kind) for step, part in zip(steps, way, strict=False) for kind in step.resources]
    for (step, part, kind), more in zip(wanted, way[len(steps) :], strict=True):
        if more.counter_id not in kind or more.first != part.first or more.item != Item(step.item.service_id, 0):
            return False
        if not book.is_free(more.counter_id, more.first, more.last - more.first):
            return False
    for step, part in zip(steps, way, strict=False):
        cells = (part.last - part.first) - part.buffer_min // 5
        if not (part.item == step.item and part.counter_id in step.counters and at <= part.first <= at + gap):
            return False
        if cells != step.minutes // 5 or not book.is_free(part.counter_id, part.first, part.last - part.first):
            return False
        at = part.first + cells
    return way[0].first == cell and all(
        one.counter_id != other.counter_id or one.last <= other.first or other.last <= one.first
        for one, other in combinations(way, 2)
    )
