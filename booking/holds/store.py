"""Holds as rows of `claim`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from base.db import Connection, find_one
from booking.availability.model import ClaimStatus
from booking.holds.model import Wanted


@dataclass(frozen=True, slots=True)
class HoldRow:
    id: UUID
    service_id: int
    channel: str
    office_id: int
    starts_at: datetime
    ends_at: datetime
    hold_until: datetime | None
    status: ClaimStatus
    appointment_id: UUID | None
    fee_cents: int
    currency: str
    legal_basis: dict[str, str]


async def insert(conn: Connection, now: datetime, until: datetime, members: Sequence[Wanted]) -> set[UUID]:
    """The holds that were made. The caller sorts by (counter, start): two batches in different orders would deadlock."""
    rows = await conn.fetch(
        "SELECT o_request FROM hold_set($1, $2, $3, $4, $5, $6, $7, $8)",
        now,
        until,
        [member.hold_id for member in members],
        [member.service_id for member in members],
        [member.fee_id for member in members],
        [member.counter_id for member in members],
        [member.starts_at for member in members],
        [member.ends_at for member in members],
    )
    return {row["o_request"] for row in rows}


async def find(conn: Connection, hold_id: UUID) -> HoldRow | None:
    """With the version of the fee that was frozen with it."""
    return await find_one(
        conn,
        HoldRow,
        """
        SELECT c.request_key AS id, c.service_id, k.channel, c.office_id, c.starts_at, c.ends_at, c.hold_until, c.status,
               c.appointment_id, f.amount_cents AS fee_cents, f.currency, f.legal_basis
          FROM claim c JOIN counter k ON k.id = c.counter_id JOIN fee f ON f.id = c.fee_id
         WHERE c.request_key = $1""",
        hold_id,
    )


async def release(conn: Connection, hold_id: UUID) -> bool:
    """Only while no case has been made of it. A free row has no end of hold: so the index of due holds stays small."""
    done = await conn.execute(
        "UPDATE claim SET status = 9, hold_until = NULL WHERE request_key = $1 AND status = 1 AND appointment_id IS NULL",
        hold_id,
    )
    return done == "UPDATE 1"


async def is_by_need(conn: Connection, service_id: int) -> bool:
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM allocation_service WHERE service_id = $1)", service_id
    )
    return found
