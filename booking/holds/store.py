"""Holds as rows of `claim`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all
from booking.availability.model import ClaimStatus
from booking.holds.model import Entry, Wanted


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
    who: bytes | None  # sealed
    services: list[int]  # of a visit of several parts, or of one service more than once
    quantities: list[int]
    bases: list[dict[str, str]]  # the legal basis of each of several parts


async def also_by_need(conn: Connection) -> None:
    """This transaction may hold times of services that are given out by need, which nobody else can (the schema: claim_by_need)."""
    await conn.execute("SELECT set_config('schalter.allocation', 'on', true)")


async def also_guarded(conn: Connection) -> None:
    """This transaction may hold times of guarded services without a pass: not for whoever comes, but for people whose turn it is."""
    await conn.execute("SELECT set_config('schalter.unguarded', 'on', true)")


async def insert(conn: Connection, now: datetime, until: datetime, members: Sequence[Wanted]) -> set[UUID]:
    """The holds that were made. The caller sorts by (counter, start): two batches in different orders would deadlock."""
    rows = await conn.fetch(
        "SELECT o_request FROM hold_set($1, $2, $3, $4, $5, $6, $7, $8, $9::smallint[], $10)",
        now,
        until,
        *_columns(members),
    )
    return {row["o_request"] for row in rows}


async def insert_with_passes(
    conn: Connection, now: datetime, until: datetime, members: Sequence[Wanted]
) -> dict[UUID, str | None]:
    """The same where some show passes, or have said for whom: of each that was held None, of each refused the code
    (booking.holds.refusals)."""
    entries = [member.entry or Entry() for member in members]
    rows = await conn.fetch(
        """
        WITH held AS (
          SELECT o_request, o_refused FROM hold_set($1, $2, $3, $4, $5, $6, $7, $8, $9::smallint[], $10, $11::uuid[], $12::bytea[])
        ), said AS (
          INSERT INTO hold_who (hold_id, sealed)
          SELECT s.id, s.sealed FROM held JOIN unnest($3, $13::bytea[]) AS s (id, sealed) ON s.id = o_request
           WHERE o_refused IS NULL AND s.sealed IS NOT NULL
        )
        SELECT o_request, o_refused FROM held""",
        now,
        until,
        *_columns(members),
        [entry.pass_id for entry in entries],
        [entry.network for entry in entries],
        [member.who for member in members],
    )
    return {row["o_request"]: row["o_refused"] for row in rows}


async def insert_visit_with_pass(
    conn: Connection, now: datetime, until: datetime, parts: Sequence[Wanted], entry: Entry
) -> str | None:
    """'held', None (taken, or made before) or the code of the refusal."""
    made: str | None = await conn.fetchval(
        """
        WITH visit AS (
          SELECT hold_visit($1, $2, $3, $4, $5, $6, $7::smallint[], $8, $9, $10, $11::smallint[], $12::uuid, $13::bytea) AS made
        ), said AS (
          INSERT INTO hold_who (hold_id, sealed) SELECT $3, $14::bytea FROM visit WHERE made = 'held' AND $14::bytea IS NOT NULL
        )
        SELECT made FROM visit""",
        now,
        until,
        parts[0].hold_id,
        parts[0].office_id,
        *_parts(parts),
        entry.pass_id,
        entry.network,
        parts[0].who,
    )
    return made


async def insert_kept(conn: Connection, now: datetime, until: datetime, wanted: Wanted) -> bool:
    """By staff: what is kept for them gives way over exactly this time. False: taken, closed, or this request had made it before."""
    made = await conn.fetchval(
        """
        WITH held AS (
          SELECT hold_kept($1, $2, $3, $4, $5, $6, $7, $8, $9::smallint, $10) AS id
        ), said AS (
          INSERT INTO hold_who (hold_id, sealed) SELECT $3, $11::bytea FROM held WHERE id IS NOT NULL AND $11::bytea IS NOT NULL
        )
        SELECT id FROM held""",
        now,
        until,
        wanted.hold_id,
        *_place(wanted),
        wanted.who,
    )
    return made is not None


async def insert_visit(
    conn: Connection, now: datetime, until: datetime, parts: Sequence[Wanted], *, staff: bool
) -> bool:
    """All parts or none, in their order. False: one was taken or closed, or this request had made them before."""
    made: bool = await conn.fetchval(
        """
        WITH visit AS (
          SELECT hold_visit($1, $2, $3, $4, $5, $6, $7, $8::smallint[], $9, $10, $11, $12::smallint[]) AS made
        ), said AS (
          INSERT INTO hold_who (hold_id, sealed) SELECT $3, $13::bytea FROM visit WHERE made AND $13::bytea IS NOT NULL
        )
        SELECT made FROM visit""",
        now,
        until,
        parts[0].hold_id,
        parts[0].office_id,
        staff,
        *_parts(parts),
        parts[0].who,
    )
    return made


async def insert_override(
    conn: Connection, now: datetime, until: datetime, wanted: Wanted, reason: str, by: int
) -> bool:
    """Beside what is there, with its row in `override`. False: nothing is in the way, so it would be an ordinary hold."""
    made = await conn.fetchval(
        "SELECT o_id FROM book_override($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::smallint, $12)",
        now,
        until,
        wanted.hold_id,
        reason,
        by,
        *_place(wanted),
    )
    return made is not None


async def find_many(conn: Connection, hold_ids: Sequence[UUID]) -> list[HoldRow]:
    """Those that there are, with the version of the fee that was frozen with them, and the case that has it or waits for it."""
    return await fetch_all(
        conn,
        HoldRow,
        """
        SELECT c.request_key AS id, c.service_id, k.channel, coalesce(c.sold_by, c.office_id) AS office_id, c.starts_at,
               greatest(v.ends_at, c.ends_at - c.buffer_min * interval '1 minute') AS ends_at, c.hold_until, c.status,
               coalesce(c.appointment_id, CASE c.status WHEN 3 THEN c.moves END) AS appointment_id,
               f.amount_cents * c.quantity + coalesce(v.cents, 0) AS fee_cents, f.currency, f.legal_basis, w.sealed AS who,
               CASE WHEN c.quantity > 1 OR c.parts > 1 THEN c.service_id || v.services ELSE '{}' END AS services,
               CASE WHEN c.quantity > 1 OR c.parts > 1 THEN c.quantity || v.quantities ELSE '{}' END AS quantities,
               CASE WHEN c.parts > 1 THEN jsonb_build_array(f.legal_basis) || v.bases ELSE '[]' END AS bases
          FROM claim c JOIN counter k ON k.id = c.counter_id JOIN fee f ON f.id = c.fee_id
          LEFT JOIN hold_who w ON w.hold_id = c.request_key
          CROSS JOIN LATERAL (
            SELECT max(p.ends_at - p.buffer_min * interval '1 minute') AS ends_at, sum(g.amount_cents * p.quantity)::int AS cents,
                   array_agg(p.service_id ORDER BY p.starts_at, p.id) FILTER (WHERE p.quantity > 0) AS services,
                   array_agg(p.quantity ORDER BY p.starts_at, p.id) FILTER (WHERE p.quantity > 0) AS quantities,
                   coalesce(jsonb_agg(g.legal_basis ORDER BY p.starts_at, p.id) FILTER (WHERE p.quantity > 0), '[]') AS bases
              FROM claim p JOIN fee g ON g.id = p.fee_id WHERE p.lead_id = CASE WHEN c.parts > 1 THEN c.id END) v
         WHERE c.request_key = ANY ($1)""",
        hold_ids,
    )


async def release(conn: Connection, hold_id: UUID) -> bool:
    """Only while no case has been made of it. A free row has no end of hold: so the index of due holds stays small."""
    done = await conn.execute(
        "UPDATE claim SET status = 9, hold_until = NULL WHERE request_key = $1 AND status = 1 AND appointment_id IS NULL",
        hold_id,
    )
    return done == "UPDATE 1"


async def renew(conn: Connection, process: UUID, address: str, lease_s: float) -> dict[UUID, str]:
    """Our own lease, by the database's clock, and the addresses of all whose lease is alive, ours too."""
    await conn.execute(
        """
        INSERT INTO web_process (id, address, lease_until) VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
        ON CONFLICT (id) DO UPDATE SET lease_until = clock_timestamp() + make_interval(secs => $3)""",
        process,
        address,
        lease_s,
    )
    rows = await conn.fetch("SELECT id, address FROM web_process WHERE lease_until > clock_timestamp()")
    return {row["id"]: row["address"] for row in rows}


async def leave(conn: Connection, process: UUID) -> None:
    """With those that died without a word a day ago."""
    await conn.execute(
        "DELETE FROM web_process WHERE id = $1 OR lease_until < clock_timestamp() - interval '1 day'", process
    )


def _place(wanted: Wanted) -> tuple[object, ...]:
    """From the service on, as the functions of the schema take it."""
    return (
        wanted.service_id,
        wanted.fee_id,
        wanted.counter_id,
        wanted.starts_at,
        wanted.ends_at,
        wanted.buffer_min,
        wanted.office_id,
    )


def _columns(members: Sequence[Wanted]) -> tuple[list[object], ...]:
    """Of a batch, which may be empty, as hold_set takes them."""
    return (
        [member.hold_id for member in members],
        [member.service_id for member in members],
        [member.fee_id for member in members],
        [member.counter_id for member in members],
        [member.starts_at for member in members],
        [member.ends_at for member in members],
        [member.buffer_min for member in members],
        [member.office_id for member in members],
    )


def _parts(parts: Sequence[Wanted]) -> tuple[list[object], ...]:
    """Of a visit, as hold_visit takes them."""
    return (
        [part.service_id for part in parts],
        [part.fee_id for part in parts],
        [part.quantity for part in parts],
        [part.counter_id for part in parts],
        [part.starts_at for part in parts],
        [part.ends_at for part in parts],
        [part.buffer_min for part in parts],
    )
