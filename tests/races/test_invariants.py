"""What looks for faults finds them: each is made by hand, around the constraints that forbid it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from base.db import Database
from tests.booking.appointments.world import NINE, CaseWorld, case_world
from tests.invariants import faults


@pytest.fixture
async def world(db: Database) -> AsyncIterator[CaseWorld]:
    async with case_world(db) as made:
        ident = (await made.create(NINE)).case.id
        await made.paid(ident)
        yield made


_WITHOUT = {
    "UPDATE appointment SET status = 'cancelled'": "a living case without its time, or a dead one with some",
    "UPDATE claim SET status = 9 WHERE kind = 0": "a living case without its time, or a dead one with some",
    "UPDATE payment SET status = 'fenced', captured_cents = 0, advance_cents = 0": "confirmed and not paid",
    "UPDATE entry SET amount_cents = amount_cents + 1 WHERE account = 'psp_clearing'": "a journal that does not balance",
    "UPDATE payment SET refunded_cents = 1": "money at the provider that the journal does not know",
    """INSERT INTO refund (payment_id, amount_cents, reason, status, created_at, attempt_at)
       SELECT id, amount_cents + 1, 'cancelled', 'succeeded', created_at, created_at FROM payment""": "more given back than there was",
    """INSERT INTO claim (office_id, counter_id, service_id, fee_id, starts_at, ends_at, hold_until)
       SELECT office_id, counter_id, service_id, fee_id, starts_at, ends_at, ends_at FROM claim WHERE kind = 0""": (
        "two at the same counter, or somebody in closed time"
    ),
}


@pytest.mark.parametrize(("statement", "fault"), _WITHOUT.items(), ids=lambda text: text.split("\n")[0])
async def test_each_is_found(world: CaseWorld, statement: str, fault: str) -> None:
    async with world.db.connection() as conn:
        assert await faults(conn, at_rest=True) == {}
        for constraint in ("claim_no_overlap", "payment_captured", "payment_paid_is_captured"):
            table = constraint.partition("_")[0]
            await conn.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
        await conn.execute("SET session_replication_role = replica")  # no trigger
        try:
            await conn.execute(statement)
        finally:
            await conn.execute("RESET session_replication_role")
        assert fault in await faults(conn)


async def test_what_waits_is_no_fault_before_everything_is_at_rest(world: CaseWorld) -> None:
    await world.create(NINE)
    async with world.db.connection() as conn:
        assert await faults(conn) == {}
        assert set(await faults(conn, at_rest=True)) == {"a hold that has run out", "a case that waits for a payment"}
