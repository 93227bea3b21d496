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


async def is_latest_undelivered(conn: Connection, reference: UUID) -> bool:
    status = await conn.fetchval(
        "SELECT status FROM message WHERE reference = $1 ORDER BY created_at DESC, id LIMIT 1", reference
    )
    return status in ("dead", "undelivered")


async def erase(conn: Connection, reference: UUID) -> None:
    """What is not sent yet goes whole; of the rest the status stays."""
    await conn.execute(
        """
        WITH unsent AS (DELETE FROM message WHERE reference = $1 AND status = 'due')
        UPDATE message SET contents = NULL WHERE reference = $1 AND status <> 'due' AND contents IS NOT NULL""",
        reference,
    )


async def mark_sent(
    conn: Connection,
    message_id: UUID,
    leased_by: UUID,
    sent_at: datetime,
    *,
    status: str,
    provider_id: str | None,
    rank: int,
) -> bool:
    """Its contents are gone in the same statement. False where the lease has passed to another dispatcher, or a report was first."""
    done: str = await conn.execute(
        """
        UPDATE message SET status = $6, contents = NULL, sent_at = $3, last_error = NULL, provider_id = $4, provider_rank = $5,
                           lease_until = NULL, lease_by = NULL
         WHERE id = $1 AND lease_by = $2 AND status = 'due'""",
        message_id,
        leased_by,
        sent_at,
        provider_id,
        rank,
        status,
    )
    return done.endswith(" 1")


async def raise_rank(
    conn: Connection, message_id: UUID, now: datetime, *, status: str, rank: int, provider_id: str, reason: str | None
) -> bool:
    """What a provider has reported of a text. False where as much is known already, or there is no such text."""
    done: str = await conn.execute(
        """
        UPDATE message SET status = $3, provider_rank = $4, provider_id = $5, last_error = $6, contents = NULL,
                           sent_at = coalesce(sent_at, $2), lease_until = NULL, lease_by = NULL
         WHERE id = $1 AND channel = 'sms' AND provider_rank < $4""",
        message_id,
        now,
        status,
        rank,
        provider_id,
        reason,
    )
    return done.endswith(" 1")
