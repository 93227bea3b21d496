"""Counters of a service with their lines of responsibility."""

from __future__ import annotations

from base.db import Connection
from booking.allocation.teams import Teams
from booking.catalogue.responsibility import Lines


async def teams(conn: Connection, service_id: int) -> Teams:
    rows = await conn.fetch(
        """
        SELECT s.counter_id, r.id IS NOT NULL AS has_line, r.first, r.last, r.postcodes, r.kind
          FROM counter_service s JOIN counter k ON k.id = s.counter_id AND k.is_active
          LEFT JOIN responsibility r ON r.service_id = s.service_id AND r.counter_id = s.counter_id WHERE s.service_id = $1""",
        service_id,
    )
    found: dict[int, frozenset[Lines]] = {}
    for row in rows:
        line = Lines(row["first"], row["last"], frozenset(row["postcodes"]), row["kind"]) if row["has_line"] else None
        found[row["counter_id"]] = found.get(row["counter_id"], frozenset()) | ({line} if line else frozenset())
    return found
