"""The transition table, and that the schema knows the same statuses."""

from __future__ import annotations

import re

import pytest

from base.db import Database
from booking.appointments.model import (
    CLAIM_OF,
    TRANSITIONS,
    AppointmentStatus,
    IllegalTransition,
    advance,
    sources,
)
from booking.availability.model import ClaimStatus


def test_every_status_is_in_the_tables() -> None:
    assert set(TRANSITIONS) == set(AppointmentStatus) == set(CLAIM_OF)


@pytest.mark.parametrize("status", AppointmentStatus)
@pytest.mark.parametrize("to", AppointmentStatus)
def test_advance_follows_the_table_and_nothing_else(status: AppointmentStatus, to: AppointmentStatus) -> None:
    if to in TRANSITIONS[status]:
        assert advance(status, to) is to
        assert status in sources(to)
    else:
        assert status not in sources(to)
        with pytest.raises(IllegalTransition):
            advance(status, to)


async def test_the_schema_knows_the_same_statuses(db: Database) -> None:
    assert set(re.findall("'([a-z_]+)'::text", await _check(db, "appointment_status"))) == set(AppointmentStatus)
    assert {int(number) for number in re.findall(r"\b\d+\b", await _check(db, "claim_status"))} == set(ClaimStatus)


async def test_the_schema_frees_time_of_the_same_statuses(db: Database) -> None:
    """`occupied` is generated from the status; the code says `occupies`."""
    async with db.connection() as conn:
        sql = await conn.fetchval(
            "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef JOIN pg_attribute a ON (adrelid, adnum) = (attrelid, attnum) "
            "WHERE adrelid = 'claim'::regclass AND attname = 'occupied'"
        )
    assert "status < 8" in sql
    assert all(status.occupies == (status < 8) for status in ClaimStatus)


async def _check(db: Database, name: str) -> str:
    async with db.connection() as conn:
        text: str = await conn.fetchval("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1", name)
    return text
