"""Postcodes and districts from places.csv: all or nothing, left alone where the file is left out, and what a dry run says of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from base.clock import SettableClock
from base.db import Database, violates
from booking.catalogue.import_format import parse
from booking.catalogue.import_report import ImportRefused
from booking.catalogue.importing import import_catalogue
from tests.booking.catalogue.folders import MINI, folder, raw

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
PLACES = "name,latitude,longitude\n70001,48.7,9.1\nSüd,48.6,9.2\n"
FULL = {**MINI, "places.csv": PLACES}


async def stored(db: Database) -> list[tuple[str, str, float]]:
    async with db.connection() as conn:
        return [tuple(row) for row in await conn.fetch("SELECT folded, name, latitude FROM place ORDER BY folded")]


async def test_they_are_replaced_by_the_file_and_left_alone_without_it(
    db: Database, clock: SettableClock, tmp_path: Path
) -> None:
    clock.set(NOW)
    await import_catalogue(db, folder(tmp_path / "full", FULL), clock)
    assert await stored(db) == [("70001", "70001", 48.7), ("sued", "Süd", 48.6)]
    await import_catalogue(db, folder(tmp_path / "without", MINI), clock)
    assert len(await stored(db)) == 2

    other = {**MINI, "places.csv": "name,latitude,longitude\nSüd,48.61,9.2\nNord,48.8,9.2\n"}
    dry = await import_catalogue(db, folder(tmp_path / "other", other), clock, is_dry=True)
    assert dry.difference is not None
    assert [str(change) for change in dry.difference if change.kind == "place"] == [
        "+ place Nord",
        "- place 70001",
        "~ place Süd latitude: 48.6 -> 48.61",
    ]
    assert len(await stored(db)) == 2
    await import_catalogue(db, folder(tmp_path / "other", other), clock)
    assert [name for _, name, _ in await stored(db)] == ["Nord", "Süd"]


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("Sued,48.6,9.2", (4, "name", "duplicate")),
        ("!,48.6,9.2", (4, "name", "bad_name")),
        (f"{'a' * 81},48.6,9.2", (4, "name", "bad_name")),
        (",48.6,9.2", (4, "name", "missing")),
        ("Nord,91,9.2", (4, "latitude", "bad_number")),
        ("Nord,48.6,", (4, "longitude", "missing")),
        ('Nord,"48,6",9.2', (4, "latitude", "bad_number")),
    ],
)
def test_what_is_wrong_is_named(line: str, where: tuple[int, str, str]) -> None:
    with pytest.raises(ImportRefused) as refused:
        parse(raw({**MINI, "places.csv": f"{PLACES}{line}\n"}), NOW)
    found = [(one.file, one.line, one.column, one.code) for one in refused.value.errors]
    assert ("places.csv", *where) in found
    assert {file for file, *_ in found} == {"places.csv"}


@pytest.mark.parametrize(
    ("row", "constraint"),
    [
        (("sued", "Süd", 48.6, 9.2), "place_once"),
        (("", "!", 48.6, 9.2), "place_has_name"),
        (("x", "", 48.6, 9.2), "place_has_name"),
        (("x", "X" * 81, 48.6, 9.2), "place_has_name"),
        (("x", "X", 91.0, 9.2), "place_latitude"),
        (("x", "X", 48.6, -181.0), "place_longitude"),
    ],
)
async def test_the_table_refuses_what_is_no_place(
    db: Database, row: tuple[str, str, float, float], constraint: str
) -> None:
    async with db.connection() as conn:
        await conn.execute("INSERT INTO place VALUES ('sued', 'Süd', 48.6, 9.2)")
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
            await conn.execute("INSERT INTO place VALUES ($1, $2, $3, $4)", *row)
    assert violates(refused.value, constraint)
