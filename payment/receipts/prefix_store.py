"""SQL of the city's prefix of Kassenzeichen. One function, one statement."""

from __future__ import annotations

from base.db import Connection


async def current(conn: Connection) -> str:
    return str(await conn.fetchval("SELECT prefix FROM kassenzeichen_prefix"))


async def change(conn: Connection, prefix: str) -> None:
    """From the next payment on."""
    await conn.execute("UPDATE kassenzeichen_prefix SET prefix = $1", prefix)
