"""What may never be of the question whether people come is refused by the schema, by name."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from base.db import Connection, Database
from tests.booking.appointments.world import case_world
from tests.races.test_constraints import refused

ASK = """
    INSERT INTO reconfirm (appointment_id, starts_at, releases, asked_at, answer_by)
    SELECT appointment_id, starts_at, {releases}, starts_at - interval '2 days', starts_at - interval '1 day' FROM claim WHERE status = 2"""


@pytest.fixture
async def conn(db: Database) -> AsyncIterator[Connection]:
    """One booked appointment."""
    async with case_world(db) as world:
        case = (await world.create()).case.id
        await world.paid(case)
        async with db.connection() as conn:
            yield conn


@pytest.mark.parametrize("values", ["3, NULL, true", "3, 61, true", "61, 24, true", "1, 13, false", "3, 0, false"])
async def test_what_a_service_may_ask(conn: Connection, values: str) -> None:
    await conn.execute("UPDATE service SET (reconfirm_days, reconfirm_hours, reconfirm_releases) = (3, 60, true)")
    with refused("service_reconfirm"):
        await conn.execute(f"UPDATE service SET (reconfirm_days, reconfirm_hours, reconfirm_releases) = ({values})")


@pytest.mark.parametrize(
    ("releases", "change", "constraint"),
    [
        ("true", "status = 'perhaps', decided_at = now()", "reconfirm_transition"),
        ("true", "status = 'kept'", "reconfirm_decided"),
        ("true", "decided_at = now()", "reconfirm_decided"),
        ("true", "status = 'released', decided_at = answer_by - interval '1 second'", "reconfirm_not_early"),
        ("false", "status = 'lapsed', decided_at = answer_by - interval '1 second'", "reconfirm_not_early"),
        ("false", "status = 'released', decided_at = answer_by", "reconfirm_released_as_said"),
        ("true", "status = 'released', decided_at = answer_by", "reconfirm_released_is_free"),
        ("true", "releases = false", "reconfirm_asked_stays"),
        ("true", "answer_by = answer_by - interval '1 hour'", "reconfirm_asked_stays"),
    ],
)
async def test_refused_by_name(conn: Connection, releases: str, change: str, constraint: str) -> None:
    await conn.execute(ASK.format(releases=releases))
    with refused(constraint):
        await conn.execute(f"UPDATE reconfirm SET {change}")


async def test_one_question_about_one_time_with_time_left_to_answer(conn: Connection) -> None:
    await conn.execute(ASK.format(releases="true"))
    with refused("reconfirm_once"):
        await conn.execute(ASK.format(releases="true"))
    await conn.execute("DELETE FROM reconfirm")
    said = ASK.replace("releases,", "releases, status, decided_at,").replace("{releases},", "true, 'perhaps', now(),")
    with refused("reconfirm_status"):
        await conn.execute(said)
    for short in (ASK.replace("- interval '2 days'", "- interval '1 day'"), ASK.replace("- interval '1 day'", "")):
        with refused("reconfirm_leaves_time"):
            await conn.execute(short.format(releases="true"))


async def test_what_was_said_is_not_taken_back(conn: Connection) -> None:
    await conn.execute(ASK.format(releases="false"))
    await conn.execute("UPDATE reconfirm SET status = 'lapsed', decided_at = answer_by")
    await conn.execute("UPDATE reconfirm SET status = 'kept', decided_at = answer_by")
    with refused("reconfirm_transition"):
        await conn.execute("UPDATE reconfirm SET status = 'lapsed'")
