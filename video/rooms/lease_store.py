"""SQL of the leases of media workers, and of what hangs on them: on which worker a room is, and that it begins a new epoch.

The database's clock counts here, not ours: web processes may disagree about the time, and a lease is real time that went by.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from video.rooms.model import Home, Lease

_LAPSED = "w.instance <> r.worker_instance OR ($1 AND w.lease_until <= clock_timestamp())"


async def take(conn: Connection, worker: str, instance: str, lease: timedelta, load: float) -> None:
    """The lease of a life that is new to us; what was heard of a former one comes too late."""
    await conn.execute(
        """
        INSERT INTO media_worker AS w (name, instance, lease_until, load) VALUES ($1, $2, clock_timestamp() + $3, $4)
        ON CONFLICT (name) DO UPDATE SET instance = $2, lease_until = clock_timestamp() + $3, load = $4
         WHERE w.instance <> $2 AND NOT $2 = ANY (w.former)""",
        worker,
        instance,
        lease,
        load,
    )


async def renew(conn: Connection, worker: str, instance: str, lease: timedelta, load: float, fresh: timedelta) -> bool:
    """Longer, unless another process did that just now. False: the name is not this life's."""
    status: str = await conn.execute(
        """
        UPDATE media_worker SET lease_until = greatest(lease_until, clock_timestamp() + $3), load = $4
         WHERE name = $1 AND instance = $2 AND renewed_at <= clock_timestamp() - $5::interval""",
        worker,
        instance,
        lease,
        load,
        fresh,
    )
    if status != "UPDATE 0":
        return True
    is_ours: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM media_worker WHERE name = $1 AND instance = $2)", worker, instance
    )
    return is_ours


async def living(conn: Connection) -> list[Lease]:
    """The least loaded first."""
    return await fetch_all(
        conn,
        Lease,
        "SELECT name, instance, load FROM media_worker WHERE lease_until > clock_timestamp() ORDER BY load, name",
    )


async def find_home(conn: Connection, room_id: UUID, epoch: int) -> Home | None:
    return await find_one(
        conn,
        Home,
        """
        SELECT worker, worker_instance AS instance FROM room
         WHERE id = $1 AND epoch = $2 AND status = 'open' AND worker IS NOT NULL""",
        room_id,
        epoch,
    )


async def bind(conn: Connection, room_id: UUID, epoch: int, home: Home) -> None:
    """Once in an epoch, and only to a worker that lives: its lease is what ends the epoch."""
    await conn.execute(
        """
        UPDATE room SET worker = $3, worker_instance = $4 WHERE id = $1 AND epoch = $2 AND status = 'open'
           AND worker IS NULL AND EXISTS (SELECT FROM media_worker w
             WHERE w.name = $3 AND w.instance = $4 AND w.lease_until > clock_timestamp())""",
        room_id,
        epoch,
        home.worker,
        home.instance,
    )


async def rooms_lost(conn: Connection, *, and_lapsed: bool) -> list[UUID]:
    """Open rooms on a life of a worker that another one has followed, or whose lease has run out."""
    return await fetch_all(
        conn,
        UUID,
        f"""
        SELECT r.id FROM room r JOIN media_worker w ON w.name = r.worker
         WHERE r.status = 'open' AND ({_LAPSED}) ORDER BY r.id""",  # noqa: S608 - a constant
        and_lapsed,
    )


async def lock_worker(conn: Connection, name: str) -> None:
    """A renewal under way is waited for, and none comes between."""
    await conn.execute("SELECT FROM media_worker WHERE name = $1 FOR SHARE", name)


async def begin_epoch(conn: Connection, room_id: UUID, *, and_lapsed: bool) -> bool:
    """Once, whoever notices: what was sent on the old worker is sent no more. The caller holds the room and its worker."""
    begun: bool = await conn.fetchval(
        f"""
        WITH begun AS (
          UPDATE room r SET epoch = epoch + 1, version = version + 1, worker = NULL, worker_instance = NULL
            FROM media_worker w
           WHERE r.id = $2 AND r.status = 'open' AND w.name = r.worker AND ({_LAPSED}) RETURNING r.id
        ), quiet AS (UPDATE seat SET sends = '{{}}' WHERE room_id IN (SELECT id FROM begun))
        SELECT EXISTS (SELECT FROM begun)""",  # noqa: S608 - a constant
        and_lapsed,
        room_id,
    )
    return begun
