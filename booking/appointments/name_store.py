"""Cases by the name of who comes, as rows."""

from __future__ import annotations

from uuid import UUID

from base.db import Connection, fetch_all


async def of_name(conn: Connection, name_hmac: bytes, limit: int) -> list[UUID]:
    """The youngest first."""
    sql = """
        SELECT a.id FROM appointment a JOIN person p ON p.appointment_id = a.id WHERE p.name_hmac = $1
         ORDER BY a.created_at DESC, a.id LIMIT $2"""
    return await fetch_all(conn, UUID, sql, name_hmac, limit)
