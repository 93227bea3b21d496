"""Into the database in one transaction, or not at all; again without a change; and hours as closed time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from base.clock import SettableClock
from base.db import Database
from booking.catalogue.hours import Rule, Span
from booking.catalogue.import_format import parse
from booking.catalogue.import_report import Counts, ImportRefused
from booking.catalogue.importing import import_catalogue
from booking.catalogue.projection import planned_openings
from booking.catalogue.rolling import roll
from booking.catalogue.shares import at_once
from booking.catalogue.usecases import Catalogue
from tests.booking.catalogue.folders import MINI, SAMPLE_CITY, changed, folder, raw
from tests.booking.catalogue.test_hours import by_the_wall_clock, steps

TABLES = [
    "city",
    "office",
    "counter",
    "service",
    "counter_service",
    "service_search",
    "place",
    "fee",
    "refund_policy",
    "opening_hours",
    "claim",
]


async def counts(db: Database) -> dict[str, int]:
    async with db.connection() as conn:
        return {table: await conn.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES}


async def content(db: Database) -> dict[str, list[str]]:
    """Everything but the version, as text."""
    async with db.connection() as conn:
        return {
            t: [str(r) for r in await conn.fetch(f"SELECT * FROM {t} ORDER BY 1, 2")] for t in TABLES if t != "city"
        }


async def open_times(db: Database, counter: str, start: datetime, days: int) -> list[Span]:
    """What the claims leave free, read from the table alone."""
    async with db.connection() as conn:
        rows = await conn.fetch(
            """
            SELECT lower(span) AS s, upper(span) AS e FROM unnest(
              tstzmultirange(tstzrange($2, $3)) - (SELECT range_agg(occupied) FROM claim k JOIN counter c ON c.id = k.counter_id
                                                    JOIN office o ON o.id = c.office_id
                                                   WHERE o.key || '/' || c.key = $1 AND k.kind > 0)) AS span
            """,
            counter,
            start,
            start + timedelta(days=days),
        )
    return [(row["s"], row["e"]) for row in rows]


async def book(db: Database, counter: str, start: datetime) -> list[object]:
    async with db.transaction() as conn:
        counter_id = await conn.fetchval(
            "SELECT c.id FROM counter c JOIN office o ON o.id = c.office_id WHERE o.key || '/' || c.key = $1", counter
        )
        service_id = await conn.fetchval("SELECT id FROM service WHERE channels <> '{}' ORDER BY id LIMIT 1")
        fee_id = await conn.fetchval("SELECT min(id) FROM fee WHERE service_id = $1", service_id)
        return list(
            await conn.fetch(
                "SELECT o_id FROM hold_set($1, $2, $3, $4, $5, $6, $7, $8)",
                start - timedelta(days=1),
                start + timedelta(minutes=15),
                [uuid4()],
                [service_id],
                [fee_id],
                [counter_id],
                [start],
                [start + timedelta(minutes=15)],
            )
        )


async def test_the_sample_city(db: Database, clock: SettableClock) -> None:
    report = await import_catalogue(db, SAMPLE_CITY, clock)
    found = await counts(db)
    assert found["office"] >= 14
    assert found["counter"] >= 60
    assert found["service"] >= 515
    assert report.counts["services"].added == found["service"]
    assert f"{found['service']} new, 0 changed, 0 withdrawn" in str(report)
    async with db.connection() as conn:
        assert await conn.fetch("SELECT * FROM claim_audit") == []
        assert await conn.fetchval("SELECT count(*) FROM service WHERE channels <> '{}'") >= 60


async def test_importing_again_changes_nothing(db: Database, clock: SettableClock) -> None:
    await import_catalogue(db, SAMPLE_CITY, clock)
    before = await content(db)
    report = await import_catalogue(db, SAMPLE_CITY, clock)
    assert [count for count in report.counts.values() if count != Counts(total=count.total)] == []
    assert await content(db) == before


async def test_a_broken_folder_changes_nothing(db: Database, clock: SettableClock, tmp_path: Path) -> None:
    await import_catalogue(db, folder(tmp_path / "good"), clock)
    before = await content(db)
    broken = changed("fees.csv", "gebührenfrei", "", changed("services.csv", "Beratung,", "Auskunft,"))
    with pytest.raises(ImportRefused):
        await import_catalogue(db, folder(tmp_path / "broken", broken), clock)
    assert await content(db) == before
    with pytest.raises(ImportRefused, match="missing_folder"):
        await import_catalogue(db, tmp_path / "nowhere", clock)


async def test_closing_over_an_appointment_is_refused_as_a_whole(
    db: Database, clock: SettableClock, tmp_path: Path
) -> None:
    clock.set(datetime(2026, 11, 23, 9, tzinfo=UTC))
    await import_catalogue(db, folder(tmp_path / "one"), clock)
    assert await book(db, "rathaus/desk-1", datetime(2026, 11, 26, 14, tzinfo=UTC))  # Thursday 15:00
    assert await book(db, "rathaus/desk-2", datetime(2026, 12, 3, 16, tzinfo=UTC))
    before = await content(db)
    shorter = changed("hours.csv", "14:00,18:00", "16:00,17:00", changed("services.csv", "Beratung,", "Auskunft,"))
    with pytest.raises(ImportRefused) as caught:
        await import_catalogue(db, folder(tmp_path / "two", shorter), clock)
    assert [(e.file, e.line, e.code, e.message) for e in caught.value.errors] == [
        (
            "hours.csv",
            2,
            "closes_over_appointments",
            f"Counter rathaus/{counter} would be closed while it has appointments: {when}.",
        )
        for counter, when in (("desk-1", "2026-11-26 15:00"), ("desk-2", "2026-12-03 17:00"))
    ]
    assert await content(db) == before


async def test_what_has_vanished_is_withdrawn_and_closed(db: Database, clock: SettableClock, tmp_path: Path) -> None:
    clock.set(datetime(2026, 11, 23, 9, tzinfo=UTC))
    await import_catalogue(db, folder(tmp_path / "one"), clock)
    fewer = changed("counters.csv", "citizen,2", "citizen,1")
    fewer = changed("services.csv", "info,,Nur zum Lesen,,reading,,,,,test\n", "", fewer)
    report = await import_catalogue(db, folder(tmp_path / "two", fewer), clock)
    assert report.counts["counters"].withdrawn == report.counts["services"].withdrawn == 1
    assert await open_times(db, "rathaus/desk-2", datetime(2026, 11, 22, 23, tzinfo=UTC), 90) == []
    async with db.connection() as conn:
        assert await conn.fetchval("SELECT count(*) FROM counter") == 3
        assert await conn.fetchval("SELECT key FROM service WHERE NOT is_active") == "info"
    report = await import_catalogue(db, folder(tmp_path / "three"), clock)
    assert report.counts["counters"].changed == report.counts["services"].changed == 1
    assert await open_times(db, "rathaus/desk-2", datetime(2026, 11, 22, 23, tzinfo=UTC), 90) != []


async def test_a_fee_that_appointments_point_to_keeps_its_amount(
    db: Database, clock: SettableClock, tmp_path: Path
) -> None:
    await import_catalogue(db, folder(tmp_path / "one"), clock)
    corrected = changed("fees.csv", "4600,2027-01-01,", "4800,2027-01-01,2027-06-30,§ 1,test\nausweis,5000,2027-07-01,")
    report = await import_catalogue(db, folder(tmp_path / "two", corrected), clock)
    assert (report.counts["fees"].added, report.counts["fees"].withdrawn) == (2, 1)
    later = changed(
        "fees.csv", "3700,,2026-12-31", "3700,,2027-01-31", changed("fees.csv", "4600,2027-01-01", "4600,2027-02-01")
    )
    report = await import_catalogue(db, folder(tmp_path / "three", later), clock)
    assert report.counts["fees"].changed == 1
    async with db.connection() as conn:
        rows = await conn.fetch(
            "SELECT amount_cents, valid::text FROM fee f JOIN service s ON s.id = f.service_id WHERE s.key = 'ausweis' ORDER BY f.id"
        )
    assert [tuple(row) for row in rows] == [
        (3700, "(,2027-02-01)"),
        (4600, "empty"),
        (4800, "empty"),
        (5000, "empty"),
        (4600, "[2027-02-01,)"),
    ]


async def test_terms_of_refund_in_use_are_never_changed(db: Database, clock: SettableClock, tmp_path: Path) -> None:
    await import_catalogue(db, folder(tmp_path / "one"), clock)
    with pytest.raises(ImportRefused) as caught:
        await import_catalogue(db, folder(tmp_path / "two", changed("city.toml", "= 100", "= 50")), clock)
    assert [error.code for error in caught.value.errors] == ["refund_policy_changed"]
    new = changed("city.toml", 'key = "full"', 'key = "half"', changed("city.toml", "= 100", "= 50"))
    await import_catalogue(db, folder(tmp_path / "three", new), clock)
    with pytest.raises(ImportRefused) as caught:
        await import_catalogue(db, folder(tmp_path / "four"), clock)
    assert [error.code for error in caught.value.errors] == ["refund_policy_order"]


async def test_steps_of_refund_are_stored_and_stand(db: Database, clock: SettableClock, tmp_path: Path) -> None:
    steps = "steps = [{ hours = 48, percent = 100 }, { hours = 24, percent = 50 }]"
    stepped = changed("city.toml", "share_percent = 100", steps)
    for _ in range(2):
        await import_catalogue(db, folder(tmp_path / "one", stepped), clock)
    async with db.connection() as conn:
        [row] = await conn.fetch("SELECT share_percent, step_hours, step_percent FROM refund_policy")
    assert tuple(row) == (100, [48, 24], [100, 50])
    with pytest.raises(ImportRefused) as caught:
        await import_catalogue(db, folder(tmp_path / "two", changed("city.toml", "24,", "12,", stepped)), clock)
    assert [error.code for error in caught.value.errors] == ["refund_policy_changed"]


@pytest.mark.parametrize("first", [date(2027, 3, 22), date(2026, 10, 19)])
async def test_the_week_of_an_odd_day_is_open_as_the_wall_clock_says(
    db: Database, clock: SettableClock, tmp_path: Path, first: date
) -> None:
    start = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(hours=2 if first.month == 10 else 1)
    clock.set(start + timedelta(hours=3))
    await import_catalogue(db, folder(tmp_path / "mini"), clock, horizon_days=10)
    draft = parse(raw(MINI), start)
    for counter in draft.counters:
        rules = [Rule(line.weekday, line.opens, line.closes) for line in draft.hours_of(counter)]
        expected = by_the_wall_clock(rules, first, 10, "Europe/Berlin")
        for easter in (date(2027, 3, 26), date(2027, 3, 29)):
            expected -= by_the_wall_clock(rules, easter, 1, "Europe/Berlin")
        found = await open_times(db, f"rathaus/{counter.key}", start, 40)
        assert steps(found) == expected
    async with db.connection() as conn:
        assert await conn.fetch("SELECT * FROM claim_audit") == []


async def test_rolling_the_horizon_opens_one_more_day(db: Database, clock: SettableClock, tmp_path: Path) -> None:
    clock.set(datetime(2026, 11, 23, 9, tzinfo=UTC))
    catalogue = Catalogue(db, clock, horizon_days=7)
    await catalogue.import_folder(folder(tmp_path / "mini"))
    start = datetime(2026, 11, 22, 23, tzinfo=UTC)
    before = await open_times(db, "rathaus/desk-1", start, 30)
    await roll(db, clock(), date(2026, 11, 30), 1, at_once)
    monday = (datetime(2026, 11, 30, 7, tzinfo=UTC), datetime(2026, 11, 30, 11, tzinfo=UTC))
    assert await open_times(db, "rathaus/desk-1", start, 30) == [*before, monday]


async def roll_world(db: Database, clock: SettableClock, folder_path: Path) -> Catalogue:
    """Monday; released until Sunday, the seventh day."""
    clock.set(datetime(2026, 11, 23, 9, tzinfo=UTC))
    catalogue = Catalogue(db, clock, horizon_days=7)
    await catalogue.import_folder(folder(folder_path))
    return catalogue


async def test_after_midnight_the_new_last_day_is_open(db: Database, clock: SettableClock, tmp_path: Path) -> None:
    catalogue = await roll_world(db, clock, tmp_path / "mini")
    start = datetime(2026, 11, 22, 23, tzinfo=UTC)
    before = await open_times(db, "rathaus/desk-1", start, 30)
    assert await catalogue.roll_hours() == 0  # all is as imported
    clock.set(datetime(2026, 11, 23, 22, 59, tzinfo=UTC))
    assert await catalogue.roll_hours() == 0
    clock.advance(minutes=1)  # midnight in Berlin
    assert await catalogue.roll_hours() == 2  # the video lane has no hours on Mondays
    monday = (datetime(2026, 11, 30, 7, tzinfo=UTC), datetime(2026, 11, 30, 11, tzinfo=UTC))
    assert await open_times(db, "rathaus/desk-1", start, 30) == [*before, monday]
    assert await catalogue.roll_hours() == 0


async def test_a_counter_that_is_blocked_leaves_the_others_rolled(
    db: Database, clock: SettableClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    catalogue = await roll_world(db, clock, tmp_path / "mini")
    for hour in (8, 9):
        assert await book(db, "rathaus/desk-1", datetime(2026, 11, 26, hour, tzinfo=UTC))
    async with db.connection() as conn:
        await conn.execute(
            "INSERT INTO closure (counter_id, during, reason) SELECT id, $1::text::tstzrange, 'Umbau' FROM counter "
            "WHERE key LIKE 'desk-%'",
            "[2026-11-26T06:00Z,2026-11-26T12:00Z)",
        )
        desk = await conn.fetchval("SELECT id FROM counter WHERE key = 'desk-1'")
    clock.advance(days=1)
    assert await catalogue.roll_hours() == 1
    logged = [record.__dict__ for record in caplog.records if record.message == "hours.blocked"]
    assert [(each["counter"], each["appointments"]) for each in logged] == [(desk, 2)]
    monday = datetime(2026, 11, 29, 23, tzinfo=UTC)
    open_on_monday = [len(await open_times(db, f"rathaus/{key}", monday, 1)) for key in ("desk-1", "desk-2")]
    assert open_on_monday == [0, 1]
    assert await catalogue.roll_hours() == 0  # still in the way
    async with db.connection() as conn:
        await conn.execute("UPDATE claim SET status = 9, hold_until = NULL WHERE kind = 0")
    assert await catalogue.roll_hours() == 1  # only what was left out
    assert len(await open_times(db, "rathaus/desk-1", monday, 1)) == 1
    assert await catalogue.roll_hours() == 0


async def test_an_import_while_the_horizon_rolls_has_the_last_word(
    db: Database, clock: SettableClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = await roll_world(db, clock, tmp_path / "mini")
    clock.advance(days=1)
    longer = folder(tmp_path / "two", changed("hours.csv", "08:00,12:00", "08:00,13:00"))
    plan = planned_openings

    async def planned_before_the_import(*given: Any, **named: Any) -> Any:
        openings = await plan(*given, **named)
        monkeypatch.undo()
        await import_catalogue(db, longer, clock, horizon_days=7)
        return openings

    monkeypatch.setattr("booking.catalogue.rolling.planned_openings", planned_before_the_import)
    await catalogue.roll_hours()
    wednesday = datetime(2026, 11, 24, 23, tzinfo=UTC)
    ((_, closes),) = await open_times(db, "rathaus/desk-1", wednesday, 1)
    assert closes == datetime(2026, 11, 25, 12, tzinfo=UTC)


async def test_closures_reach_the_counters_that_they_concern(
    db: Database, clock: SettableClock, tmp_path: Path
) -> None:
    clock.set(datetime(2026, 11, 23, 9, tzinfo=UTC))
    catalogue = Catalogue(db, clock, horizon_days=7)
    await catalogue.import_folder(folder(tmp_path / "mini"))
    tuesday = datetime(2026, 11, 24, tzinfo=UTC)
    async with db.transaction() as conn:
        await conn.execute(
            "INSERT INTO closure (counter_id, during, reason) SELECT id, tstzrange($1, $2), 'Personalversammlung' "
            "FROM counter WHERE key = 'desk-1'",
            tuesday + timedelta(hours=8),
            tuesday + timedelta(hours=9),
        )
    await roll(db, clock(), date(2026, 11, 24), 1, at_once)
    midnight = tuesday - timedelta(hours=1)
    morning = [(tuesday + timedelta(hours=a), tuesday + timedelta(hours=b)) for a, b in ((7, 8), (9, 11))]
    assert await open_times(db, "rathaus/desk-1", midnight, 1) == morning
    assert await open_times(db, "rathaus/desk-2", midnight, 1) == [(morning[0][0], morning[1][1])]


async def test_when_a_fee_is_taken_is_the_catalogue_s(db: Database, clock: SettableClock, tmp_path: Path) -> None:
    """Reserved first only where the provider can do that; else the file is refused, with the line."""
    header, *lines = MINI["services.csv"].splitlines()
    manual = "\n".join(
        [f"{header},capture", *(f"{line},manual" if not n else f"{line}," for n, line in enumerate(lines))]
    )
    files = {**MINI, "services.csv": f"{manual}\n"}
    with pytest.raises(ImportRefused) as caught:
        await import_catalogue(db, folder(tmp_path / "one", files), clock, can_reserve=False)
    assert [(error.line, error.column, error.code) for error in caught.value.errors] == [
        (2, "capture", "capture_not_supported")
    ]
    await import_catalogue(db, folder(tmp_path / "two", MINI), clock, can_reserve=False)
    dry = await import_catalogue(db, folder(tmp_path / "one", files), clock, is_dry=True)
    assert [(one.field, one.before, one.after) for one in dry.difference or ()] == [("capture", "automatic", "manual")]
    for _ in range(2):
        await import_catalogue(db, folder(tmp_path / "one", files), clock)
        async with db.connection() as conn:
            assert await conn.fetchval("SELECT count(*) FROM service WHERE capture = 'manual'") == 1
    wrong = {**MINI, "services.csv": files["services.csv"].replace(",manual", ",by hand")}
    with pytest.raises(ImportRefused) as caught:
        await import_catalogue(db, folder(tmp_path / "three", wrong), clock)
    assert [error.code for error in caught.value.errors] == ["bad_capture"]
