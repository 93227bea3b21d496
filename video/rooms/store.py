"""SQL of rooms. Whoever changes a seat holds its room's row, so that changes of one room stand in a line."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one, get_one
from video.rooms.model import Link, Role, Room, Seat, SeatState, Window

_ROOM = "r.id, r.reference, r.opens_at, r.closes_at, r.status, r.worker, r.worker_instance, r.epoch, r.version"
_SEAT = (
    "s.id, s.room_id, s.number, s.role, s.label, s.state, s.sends, s.muted, s.session_sha256, s.session_until, "
    "s.is_released, s.connection"
)


async def put_room(conn: Connection, reference: UUID, window: Window) -> UUID:
    """Made, or given another window where it has one already."""
    return await get_one(
        conn,
        UUID,
        """
        INSERT INTO room AS r (reference, opens_at, closes_at) VALUES ($1, $2, $3)
        ON CONFLICT ON CONSTRAINT room_reference_once DO UPDATE SET opens_at = $2, closes_at = $3
        RETURNING r.id""",
        reference,
        window.starts_at,
        window.ends_at,
    )


async def lock_room(conn: Connection, room_id: UUID) -> Room | None:
    return await find_one(conn, Room, f"SELECT {_ROOM} FROM room r WHERE r.id = $1 FOR UPDATE", room_id)  # noqa: S608 - a constant


async def lock_room_of(conn: Connection, reference: UUID) -> Room | None:
    return await find_one(conn, Room, f"SELECT {_ROOM} FROM room r WHERE r.reference = $1 FOR UPDATE", reference)  # noqa: S608 - a constant


async def has_ended(conn: Connection, reference: UUID) -> bool:
    sql = "SELECT EXISTS (SELECT FROM room WHERE reference = $1 AND status = 'ended')"
    return bool(await conn.fetchval(sql, reference))


async def find_room(conn: Connection, room_id: UUID) -> Room | None:
    return await find_one(conn, Room, f"SELECT {_ROOM} FROM room r WHERE r.id = $1", room_id)  # noqa: S608 - a constant


async def seats(conn: Connection, room_id: UUID) -> list[Seat]:
    return await fetch_all(conn, Seat, f"SELECT {_SEAT} FROM seat s WHERE s.room_id = $1 ORDER BY s.number", room_id)  # noqa: S608 - a constant


async def find_seat(conn: Connection, room_id: UUID, number: int) -> Seat | None:
    return await find_one(
        conn,
        Seat,
        f"SELECT {_SEAT} FROM seat s WHERE s.room_id = $1 AND s.number = $2",  # noqa: S608 - a constant
        room_id,
        number,
    )


async def put_seat(conn: Connection, room_id: UUID, role: Role, label: str) -> Seat:
    """The person's seat, made with the next number where there is none. The caller holds the room."""
    return await get_one(
        conn,
        Seat,
        f"""
        INSERT INTO seat AS s (room_id, number, role, label)
        VALUES ($1, (SELECT coalesce(max(number), 0) + 1 FROM seat WHERE room_id = $1), $2, $3)
        ON CONFLICT ON CONSTRAINT seat_person_once DO UPDATE SET label = s.label
        RETURNING {_SEAT}""",  # noqa: S608 - a constant
        room_id,
        role.value,
        label,
    )


async def find_person(conn: Connection, reference: UUID, role: Role, label: str) -> Seat | None:
    """In a room that has not ended."""
    return await find_one(
        conn,
        Seat,
        f"""
        SELECT {_SEAT} FROM seat s JOIN room r ON r.id = s.room_id
         WHERE r.reference = $1 AND r.status = 'open' AND s.role = $2 AND s.label = $3""",  # noqa: S608 - a constant
        reference,
        role.value,
        label,
    )


async def put_token(conn: Connection, token_sha256: bytes, seat_id: UUID, window: Window) -> None:
    await conn.execute(
        """
        INSERT INTO join_token (token_sha256, seat_id, starts_at, ends_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT ON CONSTRAINT join_token_one_for_a_seat
        DO UPDATE SET token_sha256 = $1, starts_at = $3, ends_at = $4""",
        token_sha256,
        seat_id,
        window.starts_at,
        window.ends_at,
    )


async def find_link(conn: Connection, token_sha256: bytes) -> Link | None:
    row = await conn.fetchrow(
        """
        SELECT s.room_id, s.number, s.role, t.starts_at, t.ends_at
          FROM join_token t JOIN seat s ON s.id = t.seat_id WHERE t.token_sha256 = $1""",
        token_sha256,
    )
    if row is None:
        return None
    return Link(row["room_id"], row["number"], Role(row["role"]), Window(row["starts_at"], row["ends_at"]))


async def move(
    conn: Connection,
    seat_id: UUID,
    before: Collection[SeatState],
    to: SeatState,
    *,
    unless_kept_after: datetime | None = None,
) -> bool:
    """Compare-and-set. Who is admitted gets a free place: none left is refused as seat_admitted_has_place.

    `unless_kept_after`: only a seat whose session is over by then. Its socket keeps it without the room's lock.
    """
    moved: bool = await conn.fetchval(
        """
        WITH moved AS (
          UPDATE seat s SET state = $3,
                 place = CASE WHEN $3 = 'admitted' THEN
                   (SELECT min(p) FROM generate_series(1, 6) AS p
                     WHERE NOT EXISTS (SELECT FROM seat o WHERE o.room_id = s.room_id AND o.place = p)) END,
                 sends = CASE WHEN $3 = 'admitted' THEN sends ELSE '{}' END,
                 session_sha256 = CASE WHEN $3 = 'left' THEN NULL ELSE session_sha256 END,
                 session_until = CASE WHEN $3 = 'left' THEN NULL ELSE session_until END,
                 connection = CASE WHEN $3 = 'left' THEN NULL ELSE connection END
           WHERE s.id = $1 AND s.state = ANY ($2) AND ($4::timestamptz IS NULL OR s.session_until <= $4) RETURNING s.id
        ) SELECT EXISTS (SELECT FROM moved)""",
        seat_id,
        [state.value for state in before],
        to.value,
        unless_kept_after,
    )
    return moved


async def sit_down(
    conn: Connection, seat_id: UUID, to: SeatState, session_sha256: bytes, until: datetime, connection: UUID
) -> None:
    """A new session. The caller has moved who sat there before to `left`."""
    await conn.execute(
        """
        UPDATE seat s SET state = $2, session_sha256 = $3, session_until = $4, connection = $5, is_released = false,
               muted = '{}', place = CASE WHEN $2 = 'admitted' THEN
                 (SELECT min(p) FROM generate_series(1, 6) AS p
                   WHERE NOT EXISTS (SELECT FROM seat o WHERE o.room_id = s.room_id AND o.place = p)) END
         WHERE s.id = $1 AND s.state IN ('invited', 'left')""",
        seat_id,
        to.value,
        session_sha256,
        until,
        connection,
    )


async def resume(conn: Connection, seat_id: UUID, until: datetime, connection: UUID) -> None:
    await conn.execute(
        "UPDATE seat SET session_until = $2, connection = $3, is_released = false WHERE id = $1",
        seat_id,
        until,
        connection,
    )


async def keep(conn: Connection, connection: UUID, until: datetime) -> bool:
    """The socket lives. False: the seat is no longer its own."""
    status: str = await conn.execute("UPDATE seat SET session_until = $2 WHERE connection = $1", connection, until)
    return status != "UPDATE 0"


async def drop(conn: Connection, connection: UUID, until: datetime, *, is_released: bool) -> bool:
    """The socket is gone. False: another socket had the seat already."""
    status: str = await conn.execute(
        "UPDATE seat SET connection = NULL, session_until = $2, is_released = $3 WHERE connection = $1",
        connection,
        until,
        is_released,
    )
    return status != "UPDATE 0"


async def set_sends(conn: Connection, seat_id: UUID, sends: Collection[str]) -> None:
    await conn.execute("UPDATE seat SET sends = $2 WHERE id = $1", seat_id, sorted(sends))


async def set_muted(conn: Connection, seat_id: UUID, muted: Collection[str]) -> None:
    await conn.execute("UPDATE seat SET muted = $2 WHERE id = $1", seat_id, sorted(muted))


async def touch(conn: Connection, room_id: UUID) -> None:
    """Those inside see something new."""
    await conn.execute("UPDATE room SET version = version + 1 WHERE id = $1", room_id)


async def touch_of(conn: Connection, reference: UUID) -> None:
    await conn.execute("UPDATE room SET version = version + 1 WHERE reference = $1 AND status = 'open'", reference)


async def end(conn: Connection, room_id: UUID) -> bool:
    status: str = await conn.execute(
        "UPDATE room SET status = 'ended', version = version + 1 WHERE id = $1 AND status = 'open'", room_id
    )
    return status != "UPDATE 0"


async def forsaken(conn: Connection, now: datetime, after: UUID, limit: int) -> list[UUID]:
    """Rooms with a seat that is kept no longer, and open rooms whose time is over: those behind `after`, in order."""
    return await fetch_all(
        conn,
        UUID,
        """
        SELECT room_id FROM seat WHERE session_until <= $1 AND room_id > $2
        UNION SELECT id FROM room WHERE status = 'open' AND closes_at <= $1 AND id > $2
        ORDER BY 1 LIMIT $3""",
        now,
        after,
        limit,
    )


async def watermark(conn: Connection) -> int:
    """Every transaction below it is over."""
    found: int = await conn.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
    return found


async def changed_rooms(conn: Connection, since: int) -> tuple[int, list[UUID]]:
    """Rooms touched by a transaction at or above a watermark, and the next watermark, of one snapshot."""
    rows = await conn.fetch(
        """
        SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS next, r.id
          FROM (SELECT 1) AS one LEFT JOIN room r
            ON r.xid >= $1 AND r.xid < pg_snapshot_xmax(pg_current_snapshot())::text::bigint""",
        since,
    )
    return rows[0]["next"], [row["id"] for row in rows if row["id"] is not None]
