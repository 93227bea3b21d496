"""Migrations: numbered SQL files, each in one transaction, under one lock, never changed once applied."""

from __future__ import annotations

import hashlib
from pathlib import Path

import asyncpg

from base.db import Connection, connecting

FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_265_001
MINIMUM_SERVER = 150_000  # NULLS NOT DISTINCT


class MigrationError(Exception):
    """A migration cannot be applied; the sentence says why."""


async def migrate(url: str, folder: Path = FOLDER) -> list[str]:
    """Apply what is missing; return the names applied. Safe for several processes at once."""
    with connecting():
        conn = await asyncpg.connect(url)
    try:
        if int(await conn.fetchval("SHOW server_version_num")) < MINIMUM_SERVER:
            raise MigrationError("PostgreSQL 15 or newer is needed")
        await conn.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await conn.execute(
            "CREATE TABLE IF NOT EXISTS schema_migration "
            "(name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        done = {row["name"]: row["sha256"] for row in await conn.fetch("SELECT name, sha256 FROM schema_migration")}
        applied = []
        for name, sql in scripts(folder).items():
            sha256 = hashlib.sha256(sql.encode()).hexdigest()
            if name in done:
                if done[name] != sha256:
                    raise MigrationError(f"{name} was changed after it was applied")
                continue
            async with conn.transaction():
                await conn.execute(sql)
                await conn.execute("INSERT INTO schema_migration (name, sha256) VALUES ($1, $2)", name, sha256)
            applied.append(name)
        return applied
    finally:
        await conn.close()


def scripts(folder: Path = FOLDER) -> dict[str, str]:
    return {file.stem: file.read_text(encoding="utf-8") for file in sorted(folder.glob("[0-9]*.sql"))}


async def missing(conn: Connection, folder: Path = FOLDER) -> list[str]:
    """Names of migrations that this code needs and the database does not have."""
    if await conn.fetchval("SELECT to_regclass('schema_migration')") is None:
        return list(scripts(folder))
    done = {row["name"] for row in await conn.fetch("SELECT name FROM schema_migration")}
    return [name for name in scripts(folder) if name not in done]
