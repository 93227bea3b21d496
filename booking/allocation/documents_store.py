"""Documents of requests. Their content stays sealed here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all, find_one
from booking.allocation.kinds import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRow:
    id: UUID
    request_id: UUID
    kind: Kind
    size_bytes: int
    sent_at: datetime


async def insert_document(conn: Connection, row: DocumentRow, content: bytes) -> None:
    """The same form sent again is the same document."""
    await conn.execute(
        """
        INSERT INTO allocation_document (id, request_id, kind, size_bytes, content, sent_at) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (id) DO NOTHING""",
        row.id,
        row.request_id,
        row.kind,
        row.size_bytes,
        content,
        row.sent_at,
    )


async def documents(conn: Connection, request_ids: Collection[UUID]) -> list[DocumentRow]:
    """In the order in which they were sent."""
    return await fetch_all(
        conn,
        DocumentRow,
        """
        SELECT id, request_id, kind, size_bytes, sent_at FROM allocation_document WHERE request_id = ANY ($1)
         ORDER BY sent_at, id""",
        list(request_ids),
    )


async def find_document(conn: Connection, ident: UUID) -> DocumentRow | None:
    sql = "SELECT id, request_id, kind, size_bytes, sent_at FROM allocation_document WHERE id = $1"
    return await find_one(conn, DocumentRow, sql, ident)


async def content(conn: Connection, ident: UUID) -> bytes | None:
    return await find_one(conn, bytes, "SELECT content FROM allocation_document WHERE id = $1", ident)


async def remove_document(conn: Connection, request_id: UUID, ident: UUID) -> None:
    await conn.execute("DELETE FROM allocation_document WHERE id = $1 AND request_id = $2", ident, request_id)
