"""SQL of cases that get another time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from booking.appointments.store import HoldClaim
from booking.catalogue.reductions import Saving, saved

BY_PERSON, BY_CITY = "moved", "rebooked"  # in the history; what the city moves is not counted against its person


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A dearer time that waits for its money, or did."""

    id: UUID  # the hold's, and the reference of the payment
    case_id: UUID
    starts_at: datetime
    hold_until: datetime | None
    fee_cents: int
    is_waiting: bool


_WAITING = """
    SELECT c.request_key AS id, c.moves AS case_id, c.starts_at, c.hold_until, v.fee_cents,
           c.status = 3 AND c.appointment_id IS NULL AS is_waiting
      FROM claim c
      CROSS JOIN LATERAL (
        SELECT sum(f.amount_cents * p.quantity)::int AS fee_cents FROM claim p JOIN fee f ON f.id = p.fee_id
         WHERE p.id = c.id OR p.lead_id = CASE WHEN c.parts > 1 THEN c.id END) v"""


async def moves(conn: Connection, appointment_id: UUID) -> int:
    """How often its person has given it another time."""
    count: int = await conn.fetchval(
        "SELECT count(*) FROM appointment_history WHERE appointment_id = $1 AND status = 'moved'", appointment_id
    )
    return count


async def is_invited_to(conn: Connection, appointment_id: UUID, hold_id: UUID, *, by_city: bool) -> bool:
    """Whether the case may have this time: one that is held by an invitation only by its own, and a case that was booked by one only
    within that, unless the city moves it."""
    found: bool = await conn.fetchval(
        """
        SELECT coalesce(h.invitation_id = a.invitation_id, h.invitation_id IS NULL)
               AND ($3 OR i.id IS NULL OR coalesce(c.sold_by, c.office_id) = i.office_id
                          AND (c.starts_at AT TIME ZONE o.time_zone)::date BETWEEN i.first_day AND i.last_day)
          FROM appointment a CROSS JOIN claim c
          LEFT JOIN invitation i ON i.id = a.invitation_id LEFT JOIN office o ON o.id = i.office_id
          LEFT JOIN invitation_hold h ON h.hold_id = c.request_key
         WHERE a.id = $1 AND c.request_key = $2""",
        appointment_id,
        hold_id,
        by_city,
    )
    return found


def columns(savings: Sequence[Saving]) -> tuple[list[int], ...]:
    """As statements take them: reduction, service, units, cents."""
    return (
        [one.reduction_id for one in savings],
        [one.service_id for one in savings],
        [one.units for one in savings],
        [one.cents for one in savings],
    )


async def take_time(
    conn: Connection, appointment_id: UUID, hold: HoldClaim, refund_most_percent: int, told_as: str
) -> None:
    """The hold's time instead of what the case has. The old rows stay, as moved: they tell where it has been."""
    await conn.execute(
        """
        WITH freed AS (
          UPDATE claim SET status = 10 WHERE appointment_id = $1 AND status < 8
        ), taken AS (
          UPDATE claim SET appointment_id = $1, status = 2, hold_until = NULL WHERE id = $2
        ), told AS (
          INSERT INTO appointment_history (appointment_id, status) VALUES ($1, $8)
        ), reduced AS (
          INSERT INTO reduction_part (appointment_id, reduction_id, service_id, units, cents)
          SELECT $1, * FROM unnest($9::int[], $10::int[], $11::int[], $12::int[])
          ON CONFLICT (appointment_id, reduction_id, service_id) DO UPDATE SET units = excluded.units, cents = excluded.cents
        ), no_more AS (
          DELETE FROM reduction_part
           WHERE appointment_id = $1 AND (reduction_id, service_id) NOT IN (SELECT * FROM unnest($9::int[], $10::int[]))
        )
        UPDATE appointment SET office_id = $3, channel = $4, fee_id = $5, fee_cents = $6, reduction_cents = $13, sequence = sequence + 1,
                               refund_most_percent = least(refund_most_percent, $7) WHERE id = $1""",
        appointment_id,
        hold.id,
        hold.office_id,
        hold.channel,
        hold.fee_id,
        hold.fee_cents,
        refund_most_percent,
        told_as,
        *columns(hold.savings),
        saved(hold.savings),
    )


async def wait_for_money(conn: Connection, claim_id: int, appointment_id: UUID) -> None:
    await conn.execute("UPDATE claim SET status = 3, moves = $2 WHERE id = $1", claim_id, appointment_id)


async def find_waiting(conn: Connection, appointment_id: UUID) -> WaitingRow | None:
    return await find_one(
        conn, WaitingRow, f"{_WAITING} WHERE c.moves = $1 AND c.status = 3 AND c.appointment_id IS NULL", appointment_id
    )


async def find_move(conn: Connection, hold_id: UUID) -> WaitingRow | None:
    return await find_one(conn, WaitingRow, f"{_WAITING} WHERE c.request_key = $1 AND c.moves IS NOT NULL", hold_id)


async def free_waiting(conn: Connection, hold_id: UUID) -> bool:
    freed: bool | None = await conn.fetchval(
        """
        UPDATE claim SET status = 8, hold_until = NULL
         WHERE request_key = $1 AND moves IS NOT NULL AND status = 3 AND appointment_id IS NULL RETURNING true""",
        hold_id,
    )
    return bool(freed)


async def moved_cases(conn: Connection, references: Collection[UUID]) -> dict[UUID, UUID]:
    """Reference of a payment -> the case: of holds that wait for one or waited, and of further fees."""
    sql = """
        SELECT request_key AS id, moves AS case_id FROM claim WHERE request_key = ANY ($1) AND moves IS NOT NULL
        UNION ALL SELECT id, appointment_id FROM charge WHERE id = ANY ($1) AND appointment_id IS NOT NULL"""
    return {row["id"]: row["case_id"] for row in await conn.fetch(sql, list(references))}


async def all_references(conn: Connection, appointment_id: UUID) -> list[UUID]:
    """Those of its time, and of further fees that were asked for."""
    sql = "SELECT id FROM charge WHERE appointment_id = $1 ORDER BY requested_at, id"
    return [*await references(conn, appointment_id), *await fetch_all(conn, UUID, sql, appointment_id)]


async def references(conn: Connection, appointment_id: UUID) -> list[UUID]:
    """Under which ids a case may have been paid: its own, and those of the dearer times it was moved to or was to be; newest first."""
    return await fetch_all(
        conn,
        UUID,
        """
        SELECT id FROM (SELECT request_key AS id, c.id AS n FROM claim c WHERE moves = $1 UNION ALL SELECT $1, 0) r
         ORDER BY n DESC""",
        appointment_id,
    )
