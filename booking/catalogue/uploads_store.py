"""Catalogues that were sent and wait to be applied: one function, one statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from booking.catalogue.import_diff import Change
from booking.catalogue.import_report import Counts, InTheWay


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    counts: Mapping[str, Counts]
    changes: tuple[Change, ...]
    in_the_way: tuple[InTheWay, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    id: UUID
    digest: bytes  # SHA-256 of what was sent
    base_sha256: bytes
    report: Report
    made_at: datetime
    expires_at: datetime
    applied_at: datetime | None


async def add(
    conn: Connection,
    ident: UUID,
    content: bytes,
    base_sha256: bytes,
    report: Mapping[str, Any],
    by: int,
    now: datetime,
    expires_at: datetime,
) -> None:
    """The same of the same person against the same catalogue waits already: nothing."""
    await conn.execute(
        """
        INSERT INTO catalogue_upload (id, content, base_sha256, report, made_by, made_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (made_by, digest, base_sha256) WHERE applied_at IS NULL DO NOTHING""",
        ident,
        content,
        base_sha256,
        report,
        by,
        now,
        expires_at,
    )


async def waiting(conn: Connection, content: bytes, base_sha256: bytes, by: int) -> list[UUID]:
    return await fetch_all(
        conn,
        UUID,
        """
        SELECT id FROM catalogue_upload
         WHERE digest = sha256($1) AND base_sha256 = $2 AND made_by = $3 AND applied_at IS NULL""",
        content,
        base_sha256,
        by,
    )


async def find(conn: Connection, ident: UUID, now: datetime) -> Upload | None:
    """Not where its time is over."""
    return await find_one(
        conn,
        Upload,
        """
        SELECT id, digest, base_sha256, report, made_at, expires_at, applied_at
          FROM catalogue_upload WHERE id = $1 AND expires_at > $2""",
        ident,
        now,
    )


async def content(conn: Connection, ident: UUID) -> bytes:
    found: bytes = await conn.fetchval("SELECT content FROM catalogue_upload WHERE id = $1", ident)
    return found


async def mark_applied(conn: Connection, ident: UUID, by: int, now: datetime) -> bool:
    """False: somebody has, in this moment."""
    return (
        await conn.execute(
            """
            UPDATE catalogue_upload SET applied_by = $2, applied_at = $3
             WHERE id = $1 AND applied_at IS NULL AND expires_at > $3""",
            ident,
            by,
            now,
        )
        == "UPDATE 1"
    )


async def forget_over(conn: Connection, now: datetime) -> int:
    status: str = await conn.execute("DELETE FROM catalogue_upload WHERE expires_at <= $1", now)
    return int(status.split(" ")[1])
