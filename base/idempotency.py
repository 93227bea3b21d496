"""The same POST twice has one effect and one answer: the answer is stored in the transaction of the effect."""

from __future__ import annotations

import hashlib
from datetime import datetime
from uuid import UUID

from base.db import Connection
from base.errors import DomainError
from base.seal import Sealer, same


class KeyReused(DomainError):
    """The client used one key for two different requests."""

    code = "idempotency_key_reused"
    status = 422
    message = "This request was already sent with other contents. Please start again."


def request_hash(*parts: str) -> bytes:
    """SHA-256 over length-prefixed parts: e.g. principal, route and the client's key; or the body."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.digest()


async def recall(conn: Connection, sealer: Sealer, key: bytes, fingerprint: bytes) -> str | None:
    """The stored answer to this key, or None. Takes a lock on the key until the transaction ends, so that two at once queue up."""
    await conn.execute("SELECT pg_advisory_xact_lock($1)", int.from_bytes(key[:8], "big", signed=True))
    row = await conn.fetchrow("SELECT fingerprint, answer FROM idempotency WHERE key = $1", key)
    if row is None:
        return None
    if not same(row["fingerprint"], fingerprint):
        raise KeyReused
    return sealer.open(row["answer"], f"idempotency:{key.hex()}")


async def remember(
    conn: Connection, sealer: Sealer, key: bytes, fingerprint: bytes, answer: str, about: UUID | None = None
) -> None:
    """`about`: whose fact it is; the answer is forgotten with it."""
    await conn.execute(
        "INSERT INTO idempotency (key, fingerprint, answer, about) VALUES ($1, $2, $3, $4)",
        key,
        fingerprint,
        sealer.seal(answer, f"idempotency:{key.hex()}"),
        about,
    )


async def forget_about(conn: Connection, about: UUID) -> None:
    await conn.execute("DELETE FROM idempotency WHERE about = $1", about)


async def forget_answers(conn: Connection, before: datetime) -> int:
    """Nobody repeats a request after days."""
    status: str = await conn.execute("DELETE FROM idempotency WHERE created_at < $1", before)
    return int(status.split(" ")[1])
