"""SQL of the outbox table `message`. Claiming and marking are base.jobs.Queue's."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from base.db import Connection, fetch_all
from notifications.model import Sent, Untold


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


async def is_newest_out(conn: Connection, reference: UUID, template: str) -> bool:
    status = await conn.fetchval(
        "SELECT status FROM message WHERE reference = $1 AND template = $2 ORDER BY created_at DESC, id LIMIT 1",
        reference,
        template,
    )
    return status in ("sent", "delivered")


async def erase(conn: Connection, reference: UUID) -> None:
    """What is not sent yet goes whole; of the rest the status stays."""
    await conn.execute(
        """
        WITH unsent AS (DELETE FROM message WHERE reference = $1 AND status = 'due')
        UPDATE message SET contents = NULL WHERE reference = $1 AND status <> 'due' AND contents IS NOT NULL""",
        reference,
    )


# What nobody has confirmed within a day and the provider, asked for it, does not confirm either counts as not delivered.
_NOT_DELIVERED: LiteralString = (
    "(status IN ('undelivered', 'dead') OR channel = 'sms' AND status = 'sent' AND asked_at IS NOT NULL)"
)


async def undelivered_of(conn: Connection, references: Collection[UUID]) -> list[UUID]:
    """Those whose latest message did not arrive."""
    sql = f"""
        SELECT reference FROM (SELECT DISTINCT ON (reference) reference, status, channel, asked_at FROM message
                                WHERE reference = ANY ($1) ORDER BY reference, created_at DESC, id) m
         WHERE {_NOT_DELIVERED}"""  # noqa: S608
    return await fetch_all(conn, UUID, sql, list(references))


async def silent_texts(conn: Connection, sent_before: datetime, limit: int) -> list[tuple[UUID, str]]:
    """Of which nothing final was heard, with the provider's ids; asked for once."""
    sql = """
        SELECT id, provider_id FROM message
         WHERE channel = 'sms' AND status = 'sent' AND asked_at IS NULL AND provider_id IS NOT NULL AND sent_at <= $1
         ORDER BY sent_at, id LIMIT $2"""
    return [(row["id"], row["provider_id"]) for row in await conn.fetch(sql, sent_before, limit)]


async def mark_asked(conn: Connection, message_id: UUID, now: datetime) -> None:
    await conn.execute("UPDATE message SET asked_at = $2 WHERE id = $1 AND asked_at IS NULL", message_id, now)


async def untold_texts(conn: Connection, limit: int) -> list[Untold]:
    sql = f"""
        SELECT id, reference, template FROM message WHERE channel = 'sms' AND followed_at IS NULL AND {_NOT_DELIVERED}
         ORDER BY created_at, id LIMIT $1"""  # noqa: S608
    return await fetch_all(conn, Untold, sql, limit)


async def mark_followed(conn: Connection, message_id: UUID, now: datetime) -> bool:
    """False where another worker was first, or a late report says that it arrived."""
    sql = f"UPDATE message SET followed_at = $2 WHERE id = $1 AND followed_at IS NULL AND {_NOT_DELIVERED}"  # noqa: S608
    done: str = await conn.execute(sql, message_id, now)
    return done.endswith(" 1")


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


async def sent_of(conn: Connection, references: Collection[UUID]) -> list[Sent]:
    sql = """
        SELECT template, channel, status, created_at, sent_at FROM message WHERE reference = ANY ($1) AND status <> 'due'
         ORDER BY created_at, id"""
    return await fetch_all(conn, Sent, sql, list(references))
