"""SQL of the outbox table `message`. Claiming and marking are base.jobs.Queue's."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from base.db import Connection


async def insert_message(
    conn: Connection,
    *,
    key: str,
    reference: UUID,
    template: str,
    channel: str,
    language: str,
    contents: bytes,
    due_at: datetime,
) -> None:
    await conn.execute(
        """
        INSERT INTO message (key, reference, template, channel, language, contents, due_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT ON CONSTRAINT message_once DO NOTHING""",
        key,
        reference,
        template,
        channel,
        language,
        contents,
        due_at,
    )


async def is_latest_dead(conn: Connection, reference: UUID) -> bool:
    status = await conn.fetchval(
        "SELECT status FROM message WHERE reference = $1 ORDER BY created_at DESC, id LIMIT 1", reference
    )
    return bool(status == "dead")


async def erase_contents(conn: Connection, message_id: UUID, sent_at: datetime) -> None:
    await conn.execute(
        "UPDATE message SET contents = NULL, sent_at = $2, last_error = NULL WHERE id = $1", message_id, sent_at
    )
