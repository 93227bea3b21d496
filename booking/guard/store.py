"""Guarded services, passes, allowances and figures. Holds ask for them within their own statement (0044_guard.sql)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from booking.guard.model import Allowance, Guarded, Pass, Refusals, Terms, Way


@dataclass(frozen=True, slots=True)
class CodeRow:
    code_sha256: bytes
    good_until: datetime
    tries: int


async def guarded(conn: Connection) -> frozenset[int]:
    return frozenset(await fetch_all(conn, int, "SELECT service_id FROM guard"))


async def insert_pass(conn: Connection, made: Pass, allowance_id: int | None = None) -> None:
    """Proven again, it stays as it was."""
    await conn.execute(
        """
        INSERT INTO guard_pass (id, service_id, way, allowance_id, good_until) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (id) DO NOTHING""",
        made.id,
        made.service_id,
        made.way,
        allowance_id,
        made.good_until,
    )


async def find_pass(conn: Connection, ident: UUID) -> Pass | None:
    """Used or not; not where its time is over."""
    row = await conn.fetchrow("SELECT id, service_id, way, good_until FROM guard_pass WHERE id = $1", ident)
    return None if row is None else Pass(row["id"], row["service_id"], Way(row["way"]), row["good_until"])


async def is_unused(conn: Connection, ident: UUID, service_id: int, now: datetime) -> bool:
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM guard_pass WHERE id = $1 AND service_id = $2 AND hold_id IS NULL AND good_until > $3)",
        ident,
        service_id,
        now,
    )
    return found


async def insert_code(conn: Connection, ident: UUID, service_id: int, code_sha256: bytes, good_until: datetime) -> bool:
    """False: the same request had made it before."""
    done: str = await conn.execute(
        """
        INSERT INTO guard_code (id, service_id, code_sha256, good_until) VALUES ($1, $2, $3, $4)
        ON CONFLICT (id) DO NOTHING""",
        ident,
        service_id,
        code_sha256,
        good_until,
    )
    return done == "INSERT 0 1"


async def find_code(conn: Connection, ident: UUID) -> CodeRow | None:
    return await find_one(conn, CodeRow, "SELECT code_sha256, good_until, tries FROM guard_code WHERE id = $1", ident)


async def try_code(conn: Connection, ident: UUID, service_id: int, now: datetime, most: int) -> bytes | None:
    """One more try, compared and set in one statement. None: unknown, over, or tried too often."""
    found: bytes | None = await conn.fetchval(
        """
        UPDATE guard_code SET tries = tries + 1
         WHERE id = $1 AND service_id = $2 AND good_until > $3 AND tries < $4 RETURNING code_sha256""",
        ident,
        service_id,
        now,
        most,
    )
    return found


async def find_allowance(conn: Connection, service_id: int, token_sha256: bytes) -> Allowance | None:
    return await find_one(
        conn,
        Allowance,
        """
        SELECT id, service_id, name, reason, quota, used, expires_at, ended_at
          FROM allowance WHERE token_sha256 = $2 AND service_id = $1""",
        service_id,
        token_sha256,
    )


async def service_of_allowance(conn: Connection, token_sha256: bytes) -> int | None:
    return await find_one(conn, int, "SELECT service_id FROM allowance WHERE token_sha256 = $1", token_sha256)


async def allowances(conn: Connection) -> list[Allowance]:
    """The newest first."""
    return await fetch_all(
        conn,
        Allowance,
        "SELECT id, service_id, name, reason, quota, used, expires_at, ended_at FROM allowance ORDER BY id DESC",
    )


async def insert_allowance(
    conn: Connection, service_id: int, token_sha256: bytes, terms: Terms, by: int, now: datetime
) -> int | None:
    """None: the same request had made it before."""
    made: int | None = await conn.fetchval(
        """
        INSERT INTO allowance (service_id, token_sha256, name, reason, quota, expires_at, made_by, made_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (token_sha256) DO NOTHING RETURNING id""",
        service_id,
        token_sha256,
        terms.name,
        terms.reason,
        terms.quota,
        terms.expires_at,
        by,
        now,
    )
    return made


async def end_allowance(conn: Connection, ident: int, by: int, now: datetime) -> bool:
    """False: there is none. One that has ended stays as it is."""
    found: bool | None = await conn.fetchval(
        """
        UPDATE allowance SET ended_by = coalesce(ended_by, $2), ended_at = coalesce(ended_at, $3)
         WHERE id = $1 RETURNING true""",
        ident,
        by,
        now,
    )
    return found is True


async def all_guarded(conn: Connection) -> list[Guarded]:
    return await fetch_all(
        conn,
        Guarded,
        """
        SELECT g.service_id, s.name, g.per_network, g.per_contact, g.set_at FROM guard g JOIN service s ON s.id = g.service_id
         ORDER BY s.name ->> 'de', s.id""",
    )


async def set_guard(
    conn: Connection, service_id: int, per_network: int, per_contact: int, by: int, now: datetime
) -> bool:
    """False: no such service."""
    done: bool | None = await conn.fetchval(
        """
        INSERT INTO guard (service_id, per_network, per_contact, set_by, set_at) SELECT id, $2, $3, $4, $5 FROM service WHERE id = $1
        ON CONFLICT (service_id) DO UPDATE SET (per_network, per_contact, set_by, set_at)
          = (excluded.per_network, excluded.per_contact, excluded.set_by, excluded.set_at)
        RETURNING true""",
        service_id,
        per_network,
        per_contact,
        by,
        now,
    )
    return done is True


async def lift_guard(conn: Connection, service_id: int) -> None:
    await conn.execute("DELETE FROM guard WHERE service_id = $1", service_id)


async def count_refused(conn: Connection, times: Mapping[tuple[int, date, str], int]) -> None:
    keys = sorted(times)
    await conn.execute(
        """
        INSERT INTO guard_refused AS r (service_id, day, why, times)
        SELECT u.s, u.d, u.w, u.n FROM unnest($1::int[], $2::date[], $3::text[], $4::bigint[]) AS u (s, d, w, n)
         JOIN service ON service.id = u.s ORDER BY 1, 2, 3
        ON CONFLICT (service_id, day, why) DO UPDATE SET times = r.times + excluded.times""",
        [service_id for service_id, _day, _why in keys],
        [day for _service, day, _why in keys],
        [why for _service, _day, why in keys],
        [times[key] for key in keys],
    )


async def refusals(conn: Connection, since: date) -> Sequence[Refusals]:
    rows = await conn.fetch(
        """
        SELECT service_id, jsonb_object_agg(why, times) AS times FROM (
          SELECT service_id, why, sum(times)::bigint AS times FROM guard_refused WHERE day >= $1 GROUP BY 1, 2) r
         GROUP BY 1 ORDER BY 1""",
        since,
    )
    return [Refusals(row["service_id"], since, row["times"]) for row in rows]


async def forget(conn: Connection, now: datetime, figures_before: date) -> Collection[UUID]:
    """Passes, codes and counts that are over; the ids of the codes."""
    await conn.execute("DELETE FROM guard_tally WHERE hour < $1::timestamptz - interval '1 hour'", now)
    await conn.execute("DELETE FROM guard_pass WHERE good_until < $1::timestamptz - interval '1 day'", now)
    await conn.execute("DELETE FROM guard_refused WHERE day < $1", figures_before)
    return await fetch_all(
        conn, UUID, "DELETE FROM guard_code WHERE good_until < $1::timestamptz - interval '1 day' RETURNING id", now
    )
