"""Counters and who works at them today. Nothing is kept of a day that is over (docs/adr/0012)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from base.db import Connection, fetch_all, find_one
from booking.queue.model import Place


@dataclass(frozen=True, slots=True)
class OfficeDay:
    day: date
    time_zone: str


@dataclass(frozen=True, slots=True)
class WorkPlace:
    """Where a clerk works, or did on a former day."""

    counter_id: int
    day: date
    today: date  # there

    @property
    def is_of_today(self) -> bool:
        return self.day == self.today


async def office_day(conn: Connection, office_id: int, now: datetime) -> OfficeDay | None:
    """The day it is there now."""
    return await find_one(
        conn,
        OfficeDay,
        "SELECT ($2::timestamptz AT TIME ZONE time_zone)::date AS day, time_zone FROM office WHERE id = $1",
        office_id,
        now,
    )


async def counters(conn: Connection, office_id: int, day: date) -> list[Place]:
    return await fetch_all(
        conn,
        Place,
        """SELECT c.id, c.name, c.channel, k.account_id, c.resource IS NOT NULL AS is_resource FROM counter c
             LEFT JOIN counter_clerk k ON k.counter_id = c.id AND k.day = $2
            WHERE c.office_id = $1 AND c.is_active ORDER BY c.id""",
        office_id,
        day,
    )


async def lock_account(conn: Connection, account_id: int) -> None:
    await conn.execute("SELECT FROM account WHERE id = $1 FOR NO KEY UPDATE", account_id)


async def lock_counters(conn: Connection, counter_ids: Collection[int]) -> None:
    """Before any row of who works there: whoever takes or leaves one of them waits here, in one order."""
    await conn.execute("SELECT FROM counter WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE", sorted(counter_ids))


async def counter_of(conn: Connection, account_id: int) -> int | None:
    """Of any office and day."""
    return await find_one(conn, int, "SELECT counter_id FROM counter_clerk WHERE account_id = $1", account_id)


async def lock_place(conn: Connection, account_id: int, now: datetime) -> WorkPlace | None:
    return await find_one(
        conn,
        WorkPlace,
        """SELECT k.counter_id, ($2::timestamptz AT TIME ZONE o.time_zone)::date AS today, k.day FROM counter_clerk k
             JOIN office o ON o.id = k.office_id WHERE k.account_id = $1 FOR UPDATE OF k""",
        account_id,
        now,
    )


async def leave_counter(conn: Connection, account_id: int) -> None:
    await conn.execute("DELETE FROM counter_clerk WHERE account_id = $1", account_id)


async def forget_clerks(conn: Connection, now: datetime) -> int:
    """Of days that are over at their office. A counter that somebody is just taking is left to the next round."""
    rows = await conn.fetch(
        """
        SELECT c.id, ($1::timestamptz AT TIME ZONE o.time_zone)::date AS today
          FROM counter c JOIN office o ON o.id = c.office_id
         WHERE EXISTS (SELECT FROM counter_clerk k
                        WHERE k.counter_id = c.id AND k.day < ($1::timestamptz AT TIME ZONE o.time_zone)::date)
         ORDER BY c.id FOR NO KEY UPDATE OF c SKIP LOCKED""",
        now,
    )
    gone = await conn.fetch(
        """DELETE FROM counter_clerk k USING unnest($1::int[], $2::date[]) AS over (counter_id, today)
            WHERE k.counter_id = over.counter_id AND k.day < over.today RETURNING k.counter_id""",
        [row["id"] for row in rows],
        [row["today"] for row in rows],
    )
    return len(gone)


async def free_counter(conn: Connection, office_id: int, counter_id: int) -> None:
    await conn.execute("DELETE FROM counter_clerk WHERE office_id = $1 AND counter_id = $2", office_id, counter_id)


async def take_counter(conn: Connection, office_id: int, counter_id: int, account_id: int, day: date) -> bool:
    """False: no such counter there, or somebody else works at it today."""
    return (
        await conn.fetchval(
            """
            INSERT INTO counter_clerk AS k (counter_id, office_id, account_id, day)
            SELECT id, office_id, $3, $4 FROM counter WHERE id = $2 AND office_id = $1 AND is_active
            ON CONFLICT (counter_id) DO UPDATE SET account_id = $3, day = $4 WHERE k.day < $4 OR k.account_id = $3
            RETURNING true""",
            office_id,
            counter_id,
            account_id,
            day,
        )
        is True
    )


async def lock_counter_of(conn: Connection, office_id: int, account_id: int, day: date) -> int | None:
    """The counter at which this clerk works today; two steps of one clerk wait for each other here."""
    return await find_one(
        conn,
        int,
        "SELECT counter_id FROM counter_clerk WHERE office_id = $1 AND account_id = $2 AND day = $3 FOR UPDATE",
        office_id,
        account_id,
        day,
    )
