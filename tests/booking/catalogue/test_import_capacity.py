"""Rhythms, exceptions, rules, shares and pools from a folder: all or nothing, and a dry run that says what would change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from base.clock import SettableClock
from base.db import Database
from booking.catalogue.import_format import parse
from booking.catalogue.import_report import ImportRefused
from booking.catalogue.importing import import_catalogue
from tests.booking.catalogue.folders import MINI, MORNING, changed, folder, raw
from tests.booking.catalogue.test_import import book, content, counts, open_times

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
THURSDAY = datetime(2026, 11, 25, 23, tzinfo=UTC)  # midnight there

FULL: Mapping[str, str] = {
    **MINI,
    "hours.csv": """\
office,counter,weekdays,opens,closes,valid_from,valid_until,every_weeks,week_of_month,kind
rathaus,*,mo tu we th fr,08:00,12:00,,,,,
rathaus,*,th,14:00,18:00,2026-11-26,,2,,
rathaus,*,sa,09:00,12:00,,,,last,
rathaus,*,mo tu we th fr,10:00,10:15,,,,,break
""",
    "exceptions.csv": """\
office,counter,day,opens,closes,reason
rathaus,,2026-12-24,,,Heiligabend
rathaus,desk-2,2026-12-24,09:00,10:00,Notdienst
""",
    "rules.csv": """\
office,service,duration_min,buffer_min,lead_min,horizon_days,channels,public_percent,staff_percent,walk_in_percent,release
rathaus,*,,5,,,,60,30,10,50% 3d 08:00 30m | 50% 0d 07:00
rathaus,ausweis,20,,120,14,,60,30,10,50% 3d 08:00 30m | 50% 0d 07:00
""",
    "offices.csv": MINI["offices.csv"] + "aussen,Außenstelle,Weg 1,70001,Kleinstadt,48.7,9.1,no,test\n",
    "pools.csv": "office,counter,sold_by\nrathaus,video,aussen\n",
}


async def test_everything_reaches_its_table_and_again_changes_nothing(
    db: Database, clock: SettableClock, tmp_path: Path
) -> None:
    clock.set(MONDAY)
    await import_catalogue(db, folder(tmp_path / "full", FULL), clock, horizon_days=40)
    async with db.connection() as conn:
        rules = await conn.fetch(
            """SELECT s.key, r.duration_min, r.buffer_min, r.lead_min, r.staff_percent, jsonb_array_length(r.release_plan) AS parts
                 FROM service_office r JOIN service s ON s.id = r.service_id ORDER BY s.key"""
        )
        assert [tuple(row) for row in rules] == [("ausweis", 20, None, 120, 30, 2), ("beratung", None, 5, None, 30, 2)]
        rows = await conn.fetch(
            """SELECT c.key, o.key FROM counter_office p JOIN counter c ON c.id = p.counter_id
                 JOIN office o ON o.id = p.office_id"""
        )
        assert [tuple(row) for row in rows] == [("video-1", "aussen")]
    assert (await counts(db))["opening_hours"] == 12 * 3
    before = await content(db)
    await import_catalogue(db, folder(tmp_path / "full", FULL), clock, horizon_days=40)
    assert await content(db) == before


async def test_hours_come_as_written(db: Database, clock: SettableClock, tmp_path: Path) -> None:
    clock.set(MONDAY)
    files = {name: text for name, text in FULL.items() if name not in ("rules.csv",)}
    await import_catalogue(db, folder(tmp_path / "full", files), clock, horizon_days=40)

    async def opened(day: datetime, counter: str = "desk-1") -> list[str]:
        spans = await open_times(db, f"rathaus/{counter}", day, 1)
        return [f"{s + timedelta(hours=1):%H:%M}-{e + timedelta(hours=1):%H:%M}" for s, e in spans]

    assert await opened(THURSDAY) == ["08:00-10:00", "10:15-12:00", "14:00-18:00"]
    assert await opened(THURSDAY + timedelta(days=7)) == ["08:00-10:00", "10:15-12:00"]
    assert await opened(THURSDAY + timedelta(days=2)) == ["09:00-12:00"]
    assert await opened(THURSDAY + timedelta(days=9)) == []
    assert await opened(THURSDAY + timedelta(days=28)) == []
    assert await opened(THURSDAY + timedelta(days=28), "desk-2") == ["09:00-10:00"]


async def test_a_folder_without_the_new_files_leaves_them_alone(
    db: Database, clock: SettableClock, tmp_path: Path
) -> None:
    clock.set(MONDAY)
    await import_catalogue(db, folder(tmp_path / "full", FULL), clock, horizon_days=40)
    files = {n: t for n, t in FULL.items() if n not in ("rules.csv", "exceptions.csv", "pools.csv")}
    await import_catalogue(db, folder(tmp_path / "old", files), clock, horizon_days=40)
    async with db.connection() as conn:
        for table in ("service_office", "hours_exception", "counter_office"):
            assert await conn.fetchval(f"SELECT count(*) FROM {table}") > 0


@pytest.mark.parametrize(
    ("file", "old", "new", "where"),
    [
        ("hours.csv", "2026-11-26,,2,,", ",,2,,", ("hours.csv", 3, "weeks_without_first_day")),
        ("hours.csv", "2026-11-26,,2,,", "2026-11-26,,2,1,", ("hours.csv", 3, "two_rhythms")),
        ("hours.csv", "14:00,18:00", "11:00,18:00", ("hours.csv", 3, "overlap")),
        ("hours.csv", "10:00,10:15", "12:30,12:45", ("hours.csv", 5, "break_outside")),
        ("hours.csv", ",break", ",lunch", ("hours.csv", 5, "bad_choice")),
        ("hours.csv", ",last,", ",6,", ("hours.csv", 4, "bad_number")),
        ("exceptions.csv", "09:00,10:00", "09:00,09:00", ("exceptions.csv", 3, "closes_before_opening")),
        ("exceptions.csv", "desk-2", "desk-9", ("exceptions.csv", 3, "unknown_reference")),
        ("exceptions.csv", "desk-2", "", ("exceptions.csv", 3, "overlap")),
        ("exceptions.csv", "Notdienst", "", ("exceptions.csv", 3, "missing")),
        ("rules.csv", "ausweis,20", "ausweis,22", ("rules.csv", 3, "bad_duration")),
        ("rules.csv", "rathaus,ausweis", "rathaus,pass", ("rules.csv", 3, "unknown_reference")),
        ("rules.csv", "rathaus,ausweis", "rathaus,*", ("rules.csv", 3, "duplicate")),
        ("rules.csv", "14,,60,30,10", "14,,60,30,20", ("rules.csv", 3, "shares_wrong")),
        (
            "rules.csv",
            "| 50% 0d 07:00\nrathaus,ausweis",
            "\nrathaus,ausweis",
            ("rules.csv", 2, "shares_wrong"),
        ),
        ("rules.csv", "50% 3d 08:00 30m | 50%", "50% 3d 8:00 | 50%", ("rules.csv", 2, "bad_release")),
        ("pools.csv", "video", "fax", ("pools.csv", 2, "unknown_reference")),
        ("pools.csv", "aussen", "nirgends", ("pools.csv", 2, "unknown_reference")),
    ],
)
def test_what_is_wrong_is_named_by_its_line(file: str, old: str, new: str, where: tuple[str, int, str]) -> None:
    with pytest.raises(ImportRefused) as caught:
        parse(raw(changed(file, old, new, FULL)), MORNING)
    assert where in [(error.file, error.line, error.code) for error in caught.value.errors]


async def test_what_no_line_shows_is_refused_as_a_whole(db: Database, clock: SettableClock, tmp_path: Path) -> None:
    clock.set(MONDAY)
    await import_catalogue(db, folder(tmp_path / "full", FULL), clock, horizon_days=40)
    before = await content(db)
    differ = changed("rules.csv", "14,,60,30,10", "14,,50,40,10", FULL)
    long = changed("rules.csv", "ausweis,20", "ausweis,245", FULL)
    for name, files, code in (("differ", differ, "shares_differ"), ("long", long, "service_too_long")):
        with pytest.raises(ImportRefused) as caught:
            await import_catalogue(db, folder(tmp_path / name, files), clock, horizon_days=40)
        assert code in [error.code for error in caught.value.errors]
        assert await content(db) == before


async def test_a_dry_run_says_what_would_change_and_changes_nothing(
    db: Database, clock: SettableClock, tmp_path: Path
) -> None:
    clock.set(MONDAY)
    await import_catalogue(db, folder(tmp_path / "mini"), clock, horizon_days=40)
    assert await book(db, "rathaus/desk-1", THURSDAY + timedelta(hours=15))
    before = await content(db)
    files = changed("hours.csv", "rathaus,*,th,14:00,18:00,2026-11-26,,2,,\n", "", FULL)
    files = changed("services.csv", "Personalausweis,Identity card", "Ausweis,Identity card", files)
    files = changed("fees.csv", "§ 1,test\nausweis,4600", "§ 2,test\nausweis,4600", files)
    report = await import_catalogue(db, folder(tmp_path / "full", files), clock, horizon_days=40, is_dry=True)
    assert await content(db) == before
    lines = str(report).splitlines()
    for line in (
        "+ office aussen",
        "~ counter rathaus/video-1 sold_by:  -> aussen",
        "~ service ausweis name: de: Personalausweis, en: Identity card -> de: Ausweis, en: Identity card",
        "~ fee ausweis always legal_basis: de: § 1 -> de: § 2",
        "+ exception rathaus 2026-12-24",
        "+ rule rathaus ausweis",
        "! Counter rathaus/desk-1 would be closed while it has appointments: 2026-11-26 15:00.",
        "A dry run: nothing was changed.",
    ):
        assert line in lines
    [hours] = [line for line in lines if line.startswith("~ hours rathaus/desk-1 series: ")]
    assert ":00:00" not in hours  # as hours.csv writes it: th 14:00–18:00
    assert "th 14:00–18:00" in hours
    assert not any("desk-2 would be closed" in line for line in lines)
