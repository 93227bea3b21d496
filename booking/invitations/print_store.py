"""Print runs: which letters went to the printer together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all
from booking.invitations.model import PrintRun
from booking.invitations.store import ROW, InvitationRow

# To be printed: a letter that still helps whoever gets it. By the office's clock.
_WAITS = """
    i.way = 'letter' AND i.print_id IS NULL AND i.withdrawn_at IS NULL AND i.erased_at IS NULL
    AND (i.answer_by + 1)::timestamp AT TIME ZONE o.time_zone > $2"""


async def waiting(conn: Connection, office_id: int, now: datetime) -> int:
    sql = f"SELECT count(*) FROM invitation i JOIN office o ON o.id = i.office_id WHERE i.office_id = $1 AND {_WAITS}"  # noqa: S608
    count: int = await conn.fetchval(sql, office_id, now)
    return count


async def insert_run(conn: Connection, ident: UUID, office_id: int, by: int, now: datetime) -> bool:
    """False: made already."""
    sql = "INSERT INTO invitation_print (id, office_id, made_by, made_at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING"
    return await conn.execute(sql, ident, office_id, by, now) == "INSERT 0 1"


async def to_print(conn: Connection, office_id: int, now: datetime, most: int) -> list[InvitationRow]:
    """What waits longest first."""
    sql = f"{ROW} WHERE i.office_id = $1 AND {_WAITS} ORDER BY i.made_at, i.id LIMIT $3"
    return await fetch_all(conn, InvitationRow, sql, office_id, now, most)


async def take(conn: Connection, office_id: int, now: datetime, ident: UUID, letters: Sequence[UUID]) -> int:
    """Those of these that wait still go into this run; how many that is. A run that is made at the same moment takes others."""
    done = await conn.execute(
        f"""
        UPDATE invitation SET print_id = $3 WHERE id IN (
          SELECT i.id FROM invitation i JOIN office o ON o.id = i.office_id
           WHERE i.office_id = $1 AND {_WAITS} AND i.id = ANY ($4) ORDER BY i.made_at, i.id FOR NO KEY UPDATE OF i SKIP LOCKED)""",  # noqa: S608
        office_id,
        now,
        ident,
        list(letters),
    )
    return int(done.split()[1])


async def runs(conn: Connection, office_id: int, most: int) -> list[PrintRun]:
    """The newest first."""
    return await fetch_all(
        conn,
        PrintRun,
        """
        SELECT p.id, p.made_at, (SELECT count(*) FROM invitation i WHERE i.print_id = p.id) AS letters
          FROM invitation_print p WHERE p.office_id = $1 ORDER BY p.made_at DESC, p.id LIMIT $2""",
        office_id,
        most,
    )


async def letters(conn: Connection, office_id: int, ident: UUID) -> list[InvitationRow]:
    """Of a run, without those that are withdrawn or erased since."""
    sql = f"{ROW} WHERE i.print_id = $2 AND i.office_id = $1 AND i.withdrawn_at IS NULL AND i.erased_at IS NULL ORDER BY i.made_at, i.id"
    return await fetch_all(conn, InvitationRow, sql, office_id, ident)
