"""What must never be true is refused by the database itself, by name, whoever asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import asyncpg
import pytest

from base.db import Connection, Database, violates
from tests.booking.availability.city import TUESDAY, City, at, make_city, open_counter

NINE = at(TUESDAY, 9)


@pytest.fixture
async def city(db: Database) -> City:
    async with db.connection() as conn:
        return await make_city(conn, counters=1)


@pytest.fixture
async def conn(db: Database, city: City) -> AsyncIterator[Connection]:
    async with db.connection() as conn:
        yield conn


async def claim(conn: Connection, city: City, start: datetime, minutes: int = 20, *, case: object = None) -> int:
    ident: int = await conn.fetchval(
        """
        INSERT INTO claim (office_id, counter_id, service_id, fee_id, starts_at, ends_at, hold_until, appointment_id)
        VALUES ($1, $2, $3, $4, $5, $6, $5, $7) RETURNING id""",
        city.office,
        city.counters[0],
        city.service_id,
        city.fee_id,
        start,
        start + timedelta(minutes=minutes),
        case,
    )
    return ident


class refused:
    """Reads as a sentence: with refused("name")."""

    def __init__(self, constraint: str) -> None:
        self.constraint = constraint

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        assert error is not None, f"{self.constraint} did not refuse"
        return violates(error, self.constraint)


async def test_two_claims_of_a_counter_never_overlap(conn: Connection, city: City) -> None:
    await claim(conn, city, NINE)
    with refused("claim_no_overlap"):
        await claim(conn, city, NINE + timedelta(minutes=10))
    await claim(conn, city, NINE + timedelta(minutes=20))


async def test_no_claim_lies_outside_open_time(conn: Connection, city: City) -> None:
    for start in (at(TUESDAY, 7, 50), at(TUESDAY, 11, 50), at(TUESDAY, 20), NINE + timedelta(days=400)):
        with refused("claim_no_overlap"):
            await claim(conn, city, start)


async def test_a_new_counter_is_closed(conn: Connection, city: City) -> None:
    await conn.execute("INSERT INTO counter (office_id, key, channel) VALUES ($1, 'new', 'onsite')", city.office)
    held = await claim(conn, city, NINE)
    await conn.execute("ALTER TABLE claim DISABLE TRIGGER claim_never_moves")
    with refused("claim_no_overlap"):
        await conn.execute("UPDATE claim SET counter_id = (SELECT max(id) FROM counter) WHERE id = $1", held)


async def test_closing_over_an_appointment(conn: Connection, city: City) -> None:
    await claim(conn, city, NINE)
    with refused("claim_no_overlap"):
        await open_counter(conn, city.counters[0], [TUESDAY], 10, 12)
    assert await conn.fetchval("SELECT count(*) FROM claim_audit") == 0
    await open_counter(conn, city.counters[0], [TUESDAY], 9, 10)


async def test_a_claim_is_never_deleted(conn: Connection, city: City) -> None:
    await claim(conn, city, NINE)
    with refused("claim_never_deleted"):
        await conn.execute("DELETE FROM claim")


async def test_closed_time_changes_only_through_set_open(conn: Connection, city: City) -> None:
    with refused("claim_closed_only_by_set_open"):
        await conn.execute("UPDATE claim SET status = 11 WHERE kind > 0")
    with refused("claim_closed_only_by_set_open"):
        await conn.execute(
            "INSERT INTO claim (office_id, counter_id, starts_at, ends_at, kind, status) VALUES ($1, $2, $3, $4, 3, 5)",
            city.office,
            city.counters[0],
            NINE,
            at(TUESDAY, 10),
        )
    held = await claim(conn, city, NINE)
    with refused("claim_closed_only_by_set_open"):
        await conn.execute("UPDATE claim SET kind = 3, status = 5 WHERE id = $1", held)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("ends_at = starts_at", "claim_forward"),
        ("status = 4", "claim_status"),
        ("hold_until = NULL", "claim_held_ends"),
        ("status = 2", "claim_booked_is_a_case"),
        ("service_id = NULL", "claim_has_service"),
        ("starts_at = '-infinity'", "claim_finite"),
        ("office_id = office_id + 1", "claim_counter_in_office"),
    ],
)
async def test_a_claim_is_whole(conn: Connection, city: City, change: str, constraint: str) -> None:
    held = await claim(conn, city, NINE)
    await conn.execute("ALTER TABLE claim DISABLE TRIGGER claim_never_moves")  # it would be first to refuse
    with refused(constraint):
        await conn.execute(f"UPDATE claim SET {change} WHERE id = $1", held)


async def test_one_request_is_one_row(conn: Connection, city: City) -> None:
    first, second = await claim(conn, city, NINE), await claim(conn, city, NINE + timedelta(minutes=20))
    set_key = "UPDATE claim SET request_key = '00000000-0000-0000-0000-000000000001' WHERE id = $1"
    await conn.execute(set_key, first)
    with refused("claim_request_once"):
        await conn.execute(set_key, second)


async def test_a_living_case_has_living_time_at_commit(db: Database, city: City) -> None:
    with refused("appointment_has_time"):
        async with db.transaction() as conn:
            await _case(conn, city)
    async with db.transaction() as conn:
        held = await claim(conn, city, NINE)
        await conn.execute("UPDATE claim SET appointment_id = $2 WHERE id = $1", held, await _case(conn, city))
    for change in (
        "claim SET status = 9 WHERE kind = 0",
        "appointment SET status = 'cancelled'",
        "appointment SET status = 'confirmed'",
    ):
        with refused("appointment_has_time"):
            async with db.transaction() as conn:
                await conn.execute(f"UPDATE {change}")


async def test_a_living_case_keeps_its_own_time(db: Database, city: City) -> None:
    """Neither taken away, nor given to another case, nor brought to a dead one."""
    async with db.transaction() as conn:
        held, other = await claim(conn, city, NINE), await claim(conn, city, at(TUESDAY, 10))
        set_case = "UPDATE claim SET appointment_id = $2 WHERE id = $1"
        await conn.execute(set_case, held, await _case(conn, city))
        second = await _case(conn, city, "Y")
        await conn.execute(set_case, other, second)
    for wrong in (None, second):
        with refused("appointment_has_time"):
            async with db.transaction() as conn:
                await conn.execute(set_case, held, wrong)
    async with db.transaction() as conn:
        await conn.execute("UPDATE appointment SET status = 'expired' WHERE id = $1", second)
        await conn.execute("UPDATE claim SET status = 8, hold_until = NULL WHERE id = $1", other)
    with refused("appointment_has_time"):
        async with db.transaction() as conn:
            await claim(conn, city, at(TUESDAY, 11), case=second)


async def test_what_is_held_has_the_version_of_its_fee(conn: Connection, city: City) -> None:
    with refused("claim_has_fee"):
        await claim(conn, replace(city, fee_id=None), NINE)
    held = await claim(conn, city, NINE)
    with refused("claim_has_fee"):
        await conn.execute("UPDATE claim SET fee_id = NULL WHERE id = $1", held)


@pytest.mark.parametrize("change", ["amount_cents = 1", "currency = 'CHF'", "legal_basis = '{}'"])
async def test_the_terms_of_a_fee_stand(conn: Connection, city: City, change: str) -> None:
    await conn.execute("UPDATE fee SET valid = 'empty'")
    with refused("fee_append_only"):
        await conn.execute(f"UPDATE fee SET {change}")
    with refused("fee_append_only"):
        await conn.execute("DELETE FROM fee")


async def test_a_booked_claim_cannot_be_overbooked_by_reviving_a_free_one(conn: Connection, city: City) -> None:
    gone = await claim(conn, city, NINE)
    await conn.execute("UPDATE claim SET status = 8 WHERE id = $1", gone)
    await claim(conn, city, NINE)
    with refused("claim_no_overlap"):
        await conn.execute("UPDATE claim SET status = 1 WHERE id = $1", gone)


async def test_an_override_needs_its_reason(conn: Connection, city: City) -> None:
    await conn.execute("INSERT INTO account (login, name, password_hash) VALUES ('alex', 'A', '$argon2id$x')")
    with refused("override_reason"):
        await conn.execute("INSERT INTO override (kind, reason, by_user) VALUES (1, ' ', 1)")
    await conn.execute("INSERT INTO override (kind, reason, by_user) VALUES (1, 'emergency', 1)")
    with refused("override_append_only"):
        await conn.execute("UPDATE override SET reason = 'other'")


async def _case(conn: Connection, city: City, number: str = "X") -> object:
    return await conn.fetchval(
        """
        INSERT INTO appointment (number, office_id, service_id, channel, language, fee_cents, refund_policy_id, token_sha256,
                                 token_sealed, created_at)
        VALUES ($3, $1, $2, 'onsite', 'de', 0, (SELECT id FROM refund_policy), sha256($3::text::bytea), '', now()) RETURNING id""",
        city.office,
        city.service_id,
        number,
    )


@pytest.mark.parametrize(
    ("hours", "percents", "by"),
    [
        ([48], [100, 50], "refund_policy_falls"),
        ([24, 48], [100, 50], "refund_policy_falls"),
        ([48, 48], [100, 50], "refund_policy_falls"),
        ([48, 24], [100, 100], "refund_policy_falls"),
        ([48, 24], [100, 0], "refund_policy_falls"),
        ([48, -1], [100, 50], "refund_policy_falls"),
        ([48], [101], "refund_policy_falls"),
        ([None], [100], "refund_policy_falls"),
        ([48], [50], "refund_policy_share_of_first_step"),
    ],
)
async def test_what_is_given_back_falls_in_steps(
    conn: Connection, hours: list[int], percents: list[int], by: str
) -> None:
    sql = "INSERT INTO refund_policy (key, text, step_hours, step_percent) VALUES ('steps', '{\"de\": \"…\"}', $1, $2)"
    with refused(by):
        await conn.execute(sql, hours, percents)
    await conn.execute(sql, [48, 24], [100, 50])
    with refused("refund_policy_append_only"):
        await conn.execute("UPDATE refund_policy SET step_percent = '{100,60}' WHERE key = 'steps'")


async def test_a_move_brings_no_share_back(conn: Connection, city: City) -> None:
    async with conn.transaction():
        case = await _case(conn, city)
        await claim(conn, city, NINE, case=case)
    await conn.execute("UPDATE appointment SET refund_most_percent = 50 WHERE id = $1", case)
    for more, by in ((51, "appointment_refund_most_never_rises"), (-1, "appointment_refund_most")):
        with refused(by):
            await conn.execute("UPDATE appointment SET refund_most_percent = $2 WHERE id = $1", case, more)


async def test_a_dearer_time_waits_for_one_case_and_that_one_for_one_time(conn: Connection, city: City) -> None:
    cases = []
    for n in range(2):
        async with conn.transaction():
            cases.append(await _case(conn, city, str(n)))
            ident = await claim(conn, city, NINE + timedelta(hours=n), case=cases[n])
            await conn.execute("UPDATE claim SET status = 2 WHERE id = $1", ident)
            await conn.execute("UPDATE appointment SET status = 'confirmed' WHERE id = $1", cases[n])
    waits, other = [await claim(conn, city, NINE + timedelta(minutes=20 + 60 * n)) for n in range(2)]
    wait = (
        "UPDATE claim SET status = 3, moves = $2, request_key = coalesce(request_key, gen_random_uuid()) WHERE id = $1"
    )
    with refused("claim_moves_waits_or_is_taken"):  # held, it would be freed by the clock
        await conn.execute(wait.replace("status = 3, ", ""), waits, cases[0])
    with refused("claim_moves_waits_or_is_taken"):  # nothing would find its payment
        await conn.execute("UPDATE claim SET status = 3, moves = $2 WHERE id = $1", waits, cases[0])
    await conn.execute(wait, waits, cases[0])
    with refused("claim_one_waits_for_a_case"):
        await conn.execute(wait, other, cases[0])
    with refused("claim_moves_one_case"):
        await conn.execute("UPDATE claim SET moves = $2 WHERE id = $1", waits, cases[1])
    with refused("claim_moves_waits_or_is_taken"):  # another case takes it
        await conn.execute("UPDATE claim SET status = 2, appointment_id = $2 WHERE id = $1", waits, cases[1])
    with refused("claim_moves_case"):
        await conn.execute(wait, other, "00000000-0000-4000-8000-000000000000")
    await conn.execute("UPDATE claim SET status = 8, hold_until = NULL WHERE id = $1", waits)
    await conn.execute(wait, other, cases[0])


def test_violates_names_the_constraint() -> None:
    assert not violates(asyncpg.UniqueViolationError(""), "claim_request_once")
    assert not violates(ValueError(), "claim_request_once")
