"""What must never be true of hours and rules is refused by the database itself, by name."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from base.db import Connection, Database
from tests.booking.availability.city import City, make_city
from tests.races.test_constraints import refused

PLAN = (
    '[{"percent": 60, "days_before": 14, "at": "08:00", "jitter_min": 30},'
    ' {"percent": 40, "days_before": 0, "at": "07:30", "jitter_min": 0}]'
)


@pytest.fixture
async def city(db: Database) -> City:
    async with db.connection() as conn:
        return await make_city(conn, counters=2)


@pytest.fixture
async def conn(db: Database, city: City) -> AsyncIterator[Connection]:
    async with db.connection() as conn:
        yield conn


async def series(conn: Connection, **given: str) -> None:
    row = {"counter_id": "1", "weekday": "1", "opens": "'08:00'", "closes": "'12:00'", **given}
    await conn.execute(f"INSERT INTO opening_hours ({', '.join(row)}) VALUES ({', '.join(row.values())})")


@pytest.mark.parametrize(
    ("given", "constraint"),
    [
        ({"every_weeks": "0", "valid": "'[2026-01-01,)'"}, "opening_hours_every"),
        ({"every_weeks": "2"}, "opening_hours_anchored"),
        ({"every_weeks": "2", "valid": "'[2026-01-01,)'", "week_of_month": "1"}, "opening_hours_one_rhythm"),
        ({"week_of_month": "0"}, "opening_hours_week_of_month"),
        ({"week_of_month": "6"}, "opening_hours_week_of_month"),
        ({"kind": "'lunch'"}, "opening_hours_kind"),
        ({"closes": "'08:00'"}, "opening_hours_forward"),
        ({"closes": "'07:00'"}, "opening_hours_forward"),
        ({"valid": "'empty'"}, "opening_hours_some_day"),
    ],
)
async def test_a_series_is_possible(conn: Connection, given: dict[str, str], constraint: str) -> None:
    with refused(constraint):
        await series(conn, **given)


async def test_two_weekly_series_of_a_counter_never_meet(conn: Connection) -> None:
    await series(conn, valid="'[,2026-07-01)'")
    with refused("opening_hours_apart"):
        await series(conn, opens="'11:55'", closes="'13:00'", valid="'[2026-06-30,)'")
    await series(conn, opens="'11:55'", closes="'13:00'", valid="'[2026-07-01,)'")
    await series(conn, opens="'12:00'", closes="'13:00'", valid="'[,2026-07-01)'")
    await series(conn, counter_id="2")
    await series(conn, kind="'break'", opens="'10:00'", closes="'10:15'")


@pytest.mark.parametrize(
    ("columns", "values", "constraint"),
    [
        ("day, reason", "'2026-12-24', 'x'", "hours_exception_one_place"),
        ("office_id, counter_id, day, reason", "1, 1, '2026-12-24', 'x'", "hours_exception_one_place"),
        ("office_id, day, reason", "1, '2026-12-24', ' '", "hours_exception_reason"),
        ("office_id, day, opens, reason", "1, '2026-12-24', '08:00', 'x'", "hours_exception_forward"),
        ("office_id, day, opens, closes, reason", "1, '2026-12-24', '08:00', '08:00', 'x'", "hours_exception_forward"),
    ],
)
async def test_an_exception_is_possible(conn: Connection, columns: str, values: str, constraint: str) -> None:
    with refused(constraint):
        await conn.execute(f"INSERT INTO hours_exception ({columns}) VALUES ({values})")


async def test_an_exception_says_one_thing(conn: Connection) -> None:
    sql = """INSERT INTO hours_exception (office_id, day, opens, closes, reason)
             VALUES (1, '2026-12-24', $1::text::time, $2::text::time, 'x')"""
    await conn.execute(sql, "08:00", "10:00")
    await conn.execute(sql, "10:00", "12:00")
    with refused("hours_exception_apart"):
        await conn.execute(sql, "09:00", "11:00")
    with refused("hours_exception_apart"):  # closed on that day and yet open
        await conn.execute(sql, None, None)


@pytest.mark.parametrize(
    ("column", "value", "constraint"),
    [
        ("duration_min", "7", "service_office_duration"),
        ("duration_min", "485", "service_office_duration"),
        ("buffer_min", "3", "service_office_buffer"),
        ("lead_min", "-1", "service_office_lead"),
        ("horizon_days", "0", "service_office_horizon"),
        ("channels", "'{}'", "service_office_channels"),
        ("channels", "'{letter}'", "service_office_channels"),
        ("public_percent", "100", "service_office_shares"),
        ("(public_percent, staff_percent, walk_in_percent)", "(50, 30, 30)", "service_office_shares"),
        ("(public_percent, staff_percent, walk_in_percent)", "(110, -10, 0)", "service_office_shares"),
        ("release_plan", "'[]'", "service_office_release"),
        ("release_plan", "'{}'", "service_office_release"),
        ("release_plan", f"'{PLAN.replace('60', '50')}'", "service_office_release"),
        ("release_plan", f"'{PLAN.replace('08:00', '25:00')}'", "service_office_release"),
        ("release_plan", f"'{PLAN.replace('days_before', 'days')}'", "service_office_release"),
    ],
)
async def test_a_rule_is_possible(conn: Connection, city: City, column: str, value: str, constraint: str) -> None:
    await conn.execute(
        f"INSERT INTO service_office (service_id, office_id, release_plan) VALUES ($1, $2, '{PLAN}')",
        city.service_id,
        city.office,
    )
    with refused(constraint):
        await conn.execute(f"UPDATE service_office SET {column} = {value}")


async def test_the_history_of_hours_stands(conn: Connection, city: City) -> None:
    await conn.execute("INSERT INTO account (login, name, password_hash) VALUES ('alex', 'A', '$argon2id$x')")
    sql = "INSERT INTO hours_change (office_id, by_user, at, kind, subject, before, after) VALUES ($1, 1, now(), 'rule', '{}', $2, $3)"
    with refused("hours_change_is_one"):
        await conn.execute(sql, city.office, {"a": 1}, {"a": 1})
    await conn.execute(sql, city.office, None, {"a": 1})
    with refused("hours_change_append_only"):
        await conn.execute("DELETE FROM hours_change")
