"""Runs, the files that they publish, and the times set aside for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from booking.allocation.model import RunStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    id: UUID
    service_id: int
    class_days: tuple[int, ...]
    closes_at: datetime
    seed_source: str
    seed_at: datetime
    release_by: datetime
    opened_by: int
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    id: UUID
    service_id: int
    status: RunStatus
    class_days: tuple[int, ...]
    closes_at: datetime
    seed_source: str
    seed_at: datetime
    release_by: datetime
    opened_at: datetime
    closed_at: datetime | None
    list_sha256: bytes | None  # of the closed list; None: it is open
    seed: str | None  # the one that counts; None: not ranked yet
    seeded_by: int | None
    released_at: datetime | None
    given_up_because: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerSeed:
    """Entered, and set right by another person before the release."""

    run_id: UUID
    seed: str
    seeded_at: datetime
    seeded_by: str  # name, for staff
    because: str
    set_right_at: datetime
    set_right_by: str  # name, for staff


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRow:
    hold_id: UUID
    office: str  # key
    counter_id: int
    time_zone: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Files:
    """As they are published, byte for byte; None: not yet."""

    list: bytes | None
    result: bytes | None


_RUN = """
    SELECT id, service_id, status, class_days, closes_at, seed_source, seed_at, release_by, opened_at, closed_at,
           list_sha256, seed, seeded_by, released_at, given_up_because FROM allocation_run"""


async def insert(conn: Connection, new: NewRun) -> None:
    await conn.execute(
        """
        INSERT INTO allocation_run (id, service_id, class_days, closes_at, seed_source, seed_at, release_by, opened_by, opened_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        new.id,
        new.service_id,
        list(new.class_days),
        new.closes_at,
        new.seed_source,
        new.seed_at,
        new.release_by,
        new.opened_by,
        new.opened_at,
    )


async def set_aside(conn: Connection, run_id: UUID, hold_ids: Sequence[UUID]) -> None:
    await conn.executemany(
        "INSERT INTO allocation_slot (hold_id, run_id) VALUES ($1, $2)", [(hold_id, run_id) for hold_id in hold_ids]
    )


async def slots(conn: Connection, run_id: UUID) -> list[SlotRow]:
    """Those still held for it."""
    return await fetch_all(
        conn,
        SlotRow,
        """
        SELECT s.hold_id, o.key AS office, c.counter_id, o.time_zone, c.starts_at,
               c.ends_at - c.buffer_min * interval '1 minute' AS ends_at
          FROM allocation_slot s JOIN claim c ON c.request_key = s.hold_id
          JOIN office o ON o.id = coalesce(c.sold_by, c.office_id)
         WHERE s.run_id = $1 AND c.status = 1 AND c.appointment_id IS NULL ORDER BY c.starts_at, s.hold_id""",
        run_id,
    )


async def free_slots(conn: Connection, run_id: UUID) -> int:
    """What nobody got goes back."""
    rows = await conn.fetch(
        """
        UPDATE claim SET status = 9, hold_until = NULL
         WHERE status = 1 AND appointment_id IS NULL
           AND request_key IN (SELECT hold_id FROM allocation_slot WHERE run_id = $1) RETURNING id""",
        run_id,
    )
    return len(rows)


async def find(conn: Connection, ident: UUID) -> RunRow | None:
    return await find_one(conn, RunRow, f"{_RUN} WHERE id = $1", ident)


async def files(conn: Connection, ident: UUID) -> Files | None:
    return await find_one(conn, Files, "SELECT list, result FROM allocation_run WHERE id = $1", ident)


async def lock(conn: Connection, ident: UUID) -> RunRow | None:
    """Two statements: what is read beside a row that was waited for would be as old as the wait."""
    if await conn.fetchval("SELECT true FROM allocation_run WHERE id = $1 FOR NO KEY UPDATE", ident) is None:
        return None
    return await find(conn, ident)


async def newest(conn: Connection) -> list[RunRow]:
    return await fetch_all(conn, RunRow, f"{_RUN} ORDER BY opened_at DESC, id LIMIT 50")


async def services_due(conn: Connection, now: datetime) -> list[int]:
    """From the closing of one run to that of the next: the rhythm; a run given up has closed nothing."""
    return await fetch_all(
        conn,
        int,
        """
        SELECT s.service_id FROM allocation_service s
         WHERE s.is_on AND NOT EXISTS (
           SELECT FROM allocation_run r WHERE r.service_id = s.service_id
              AND (r.status IN ('open', 'closed', 'ranked')
                   OR r.status = 'released' AND r.closes_at + s.rhythm_days * interval '1 day' > $1))
         ORDER BY s.service_id""",
        now,
    )


async def next_closing(conn: Connection, service_id: int) -> datetime | None:
    """Of the open run; else of the newest that has closed, one rhythm on."""
    return await find_one(
        conn,
        datetime,
        """
        SELECT CASE r.status WHEN 'open' THEN r.closes_at ELSE r.closes_at + s.rhythm_days * interval '1 day' END
          FROM allocation_run r JOIN allocation_service s USING (service_id)
         WHERE r.service_id = $1 AND r.status <> 'given_up' ORDER BY r.status = 'open' DESC, r.closes_at DESC LIMIT 1""",
        service_id,
    )


async def to_close(conn: Connection, now: datetime) -> list[UUID]:
    sql = "SELECT id FROM allocation_run WHERE status = 'open' AND closes_at <= $1 AND seed_at > $1"
    return await fetch_all(conn, UUID, sql, now)


async def close(conn: Connection, ident: UUID, now: datetime, content: bytes) -> None:
    await conn.execute(
        "UPDATE allocation_run SET status = 'closed', closed_at = $2, list = $3, list_sha256 = sha256($3) WHERE id = $1",
        ident,
        now,
        content,
    )


async def rank(conn: Connection, ident: UUID, now: datetime, seed: str, result: bytes, by: int) -> None:
    await conn.execute(
        """
        UPDATE allocation_run SET status = 'ranked', seed = $3, seeded_at = $2, seeded_by = $5, result = $4 WHERE id = $1""",
        ident,
        now,
        seed,
        result,
        by,
    )


async def set_right(
    conn: Connection, ident: UUID, now: datetime, seed: str, result: bytes, because: str, by: int
) -> None:
    """The schema keeps what was entered before."""
    await conn.execute(
        """
        UPDATE allocation_run SET seed = $3, seeded_at = $2, seeded_by = $6, result = $4, seed_because = $5 WHERE id = $1""",
        ident,
        now,
        seed,
        result,
        because,
        by,
    )


async def former_seeds(conn: Connection, run_ids: Sequence[UUID]) -> list[FormerSeed]:
    """The first entered first."""
    return await fetch_all(
        conn,
        FormerSeed,
        """
        SELECT f.run_id, f.seed, f.seeded_at, a.name AS seeded_by, f.because, f.set_right_at, b.name AS set_right_by
          FROM allocation_former_seed f JOIN account a ON a.id = f.seeded_by JOIN account b ON b.id = f.set_right_by
         WHERE f.run_id = ANY($1) ORDER BY f.id""",
        list(run_ids),
    )


async def release(conn: Connection, ident: UUID, now: datetime, by: int) -> None:
    await conn.execute(
        "UPDATE allocation_run SET status = 'released', released_at = $2, released_by = $3 WHERE id = $1",
        ident,
        now,
        by,
    )


async def give_up(conn: Connection, ident: UUID, because: str, by: int) -> None:
    await conn.execute(
        "UPDATE allocation_run SET status = 'given_up', given_up_because = $2, given_up_by = $3 WHERE id = $1",
        ident,
        because,
        by,
    )
