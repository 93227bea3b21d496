"""What was said of whom a time is for, as rows of `hold_who`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all


@dataclass(frozen=True, slots=True)
class BookedRow:
    appointment_id: UUID
    hold_id: UUID | None  # for which it was said; None: nothing was
    sealed: bytes | None
    counters: list[int]


@dataclass(frozen=True, slots=True)
class PartRow:
    service_id: int
    channel: str
    counter_id: int
    sealed: bytes | None


async def say(conn: Connection, hold_id: UUID, sealed: bytes) -> None:
    await conn.execute("INSERT INTO hold_who (hold_id, sealed) VALUES ($1, $2)", hold_id, sealed)


async def adopt(conn: Connection, appointment_id: UUID, hold_id: UUID) -> None:
    """What was said for the hold holds for the case, unless something was said for that before."""
    await conn.execute(
        """
        UPDATE hold_who SET appointment_id = $1 WHERE hold_id = $2 AND appointment_id IS NULL
           AND NOT EXISTS (SELECT FROM hold_who WHERE appointment_id = $1)""",
        appointment_id,
        hold_id,
    )


async def booked(conn: Connection, appointment_ids: Collection[UUID]) -> list[BookedRow]:
    return await fetch_all(
        conn,
        BookedRow,
        """
        SELECT c.appointment_id, w.hold_id, w.sealed, array_agg(c.counter_id) AS counters
          FROM claim c LEFT JOIN hold_who w ON w.appointment_id = c.appointment_id
         WHERE c.appointment_id = ANY ($1) AND c.status < 8 AND c.quantity > 0 GROUP BY c.appointment_id, w.hold_id""",
        list(appointment_ids),
    )


async def parts(conn: Connection, hold_id: UUID) -> list[PartRow]:
    """Of a hold's visit; rooms and the like serve everybody."""
    return await fetch_all(
        conn,
        PartRow,
        """
        SELECT p.service_id, k.channel, p.counter_id, w.sealed
          FROM claim c JOIN claim p ON p.id = c.id OR p.lead_id = CASE WHEN c.parts > 1 THEN c.id END
          JOIN counter k ON k.id = p.counter_id LEFT JOIN hold_who w ON w.hold_id = c.request_key
         WHERE c.request_key = $1 AND p.quantity > 0""",
        hold_id,
    )


async def forget_over(conn: Connection, before: datetime) -> int:
    """Of holds until then of which no case was made, or whose case knew it already."""
    rows = await conn.fetch(
        """
        DELETE FROM hold_who w USING claim c
         WHERE w.appointment_id IS NULL AND c.request_key = w.hold_id AND (c.status >= 8 OR c.appointment_id IS NOT NULL)
           AND c.created_at <= $1
        RETURNING w.hold_id""",
        before,
    )
    return len(rows)
