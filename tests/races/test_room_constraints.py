"""What must never be true of a room is refused by the database itself, by name, whoever asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from base.db import Connection, Database
from tests.races.test_constraints import refused


@pytest.fixture
async def conn(db: Database) -> AsyncIterator[Connection]:
    async with db.connection() as conn:
        yield conn


async def room(conn: Connection, **columns: Any) -> Any:
    ident = await conn.fetchval(
        "INSERT INTO room (reference, opens_at, closes_at) VALUES (gen_random_uuid(), now(), now() + '1 hour') RETURNING id"
    )
    for name, value in columns.items():
        await conn.execute(f"UPDATE room SET {name} = $2 WHERE id = $1", ident, value)
    return ident


async def seat(conn: Connection, room_id: object, number: int = 1, /, **columns: str) -> Any:
    """Columns as SQL."""
    given = {"role": "'citizen'", "label": f"'{number}'", **columns}
    return await conn.fetchval(
        f"INSERT INTO seat (room_id, number, {', '.join(given)}) VALUES ($1, $2, {', '.join(given.values())}) RETURNING id",
        room_id,
        number,
    )


IN = {"session_sha256": "sha256('x')", "session_until": "now()"}


async def test_a_reference_has_one_room_with_a_window(conn: Connection) -> None:
    ident = await room(conn)
    with refused("room_reference_once"):
        await conn.execute(
            "INSERT INTO room (reference, opens_at, closes_at) SELECT reference, opens_at, closes_at FROM room WHERE id = $1",
            ident,
        )
    with refused("room_window"):
        await conn.execute("UPDATE room SET closes_at = opens_at WHERE id = $1", ident)


@pytest.mark.parametrize("change", ["epoch = 1", "version = 0", "status = 'open'"])
async def test_a_room_never_goes_back(conn: Connection, change: str) -> None:
    ident = await room(conn, epoch=2, status="ended")
    with refused("room_never_goes_back"):
        await conn.execute(f"UPDATE room SET {change} WHERE id = $1", ident)


@pytest.mark.parametrize(
    ("constraint", "name", "value"), [("room_status", "status", "'gone'"), ("room_epoch", "epoch", "0")]
)
async def test_a_room_is_one_of_the_possible(conn: Connection, constraint: str, name: str, value: str) -> None:
    with refused(constraint):
        await conn.execute(
            f"INSERT INTO room (reference, opens_at, closes_at, {name}) "
            f"VALUES (gen_random_uuid(), now(), now() + '1 hour', {value})"
        )


async def test_a_worker_is_named_with_its_life(conn: Connection) -> None:
    with refused("room_worker_whole"):
        await room(conn, worker="a")


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("seat_role", {"role": "'boss'"}),
        ("seat_state", {"state": "'dancing'"}),
        ("seat_admitted_has_place", {"state": "'admitted'", **IN}),
        ("seat_admitted_has_place", {"place": "1"}),
        ("seat_place", {"state": "'admitted'", "place": "7", **IN}),
        ("seat_inside_has_session", {"state": "'waiting'"}),
        ("seat_inside_has_session", {**IN}),
        ("seat_only_admitted_send", {"state": "'waiting'", "sends": "'{audio}'", **IN}),
        ("seat_sends", {"state": "'admitted'", "place": "1", "sends": "'{smell}'", **IN}),
        ("seat_muted", {"muted": "'{smell}'"}),
        ("seat_session_ends", {"session_until": "now()"}),
        ("seat_label", {"label": "''"}),
    ],
)
async def test_a_seat_is_one_of_the_possible(conn: Connection, constraint: str, columns: dict[str, str]) -> None:
    ident = await room(conn)
    with refused(constraint):
        await seat(conn, ident, 1, **columns)


async def test_a_place_number_and_person_are_there_once(conn: Connection) -> None:
    ident = await room(conn)
    inside = {"state": "'admitted'", "place": "1", **IN}
    await seat(conn, ident, 1, **inside)
    with refused("seat_place_once"):
        await seat(conn, ident, 2, **inside)
    with refused("seat_number_once"):
        await seat(conn, ident, 1, label="'other'")
    with refused("seat_person_once"):
        await seat(conn, ident, 2, label="'1'")


async def test_an_ended_room_is_empty_from_both_sides(conn: Connection) -> None:
    ident = await room(conn)
    sitting = await seat(conn, ident, 1, state="'waiting'", **IN)
    with refused("room_ended_is_empty"):
        await conn.execute("UPDATE room SET status = 'ended' WHERE id = $1", ident)
    await conn.execute(
        "UPDATE seat SET state = 'left', session_sha256 = NULL, session_until = NULL WHERE id = $1", sitting
    )
    await conn.execute("UPDATE room SET status = 'ended' WHERE id = $1", ident)
    with refused("room_ended_is_empty"):
        await seat(conn, ident, 2, state="'waiting'", **IN)


async def test_a_seat_has_one_token_that_is_a_hash(conn: Connection) -> None:
    ident = await seat(conn, await room(conn))
    insert = "INSERT INTO join_token (token_sha256, seat_id, starts_at, ends_at) VALUES ({}, $1, now(), now() + '{}')"
    with refused("join_token_is_sha256"):
        await conn.execute(insert.format("'the token itself'", "1 h"), ident)
    with refused("join_token_window"):
        await conn.execute(insert.format("sha256('a')", "0 h"), ident)
    await conn.execute(insert.format("sha256('a')", "1 h"), ident)
    with refused("join_token_one_for_a_seat"):
        await conn.execute(insert.format("sha256('b')", "1 h"), ident)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await conn.execute("DELETE FROM seat WHERE id = $1", ident)
