"""Connections between processes of ours: one JSON object a line, over a unix socket or TCP, with a proof that both know a secret.

The proof is all: the connection is not encrypted and belongs on one machine or into a private network.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

Message = Mapping[str, Any]
Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def encoded(message: Message) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decoded(line: bytes) -> Message:
    """Raises ValueError."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("not an object")
    return message


def proof(secret: str, nonce: str, speaker: str) -> str:
    """Of one speaker: an answer is no use to the other side."""
    return hmac.new(secret.encode(), f"{speaker}:{nonce}".encode(), hashlib.sha256).hexdigest()


class Sender:
    """What is sent in one moment leaves together: one system call instead of a hundred."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._waiting: list[bytes] = []

    def send(self, message: Message) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append(encoded(message))

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not self._writer.is_closing():
            self._writer.write(b"".join(waiting))


async def connect(address: str, line_bytes_most: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To a unix path or host:port. Raises OSError."""
    place = host_and_port(address)
    if place is None:
        return await asyncio.open_unix_connection(address, limit=line_bytes_most)
    return await asyncio.open_connection(*place, limit=line_bytes_most)


async def listen(address: str, connected: Connected, line_bytes_most: int) -> asyncio.Server:
    """On a unix path, which is its owner's from the first moment, or on host:port. Raises OSError."""
    place = host_and_port(address)
    if place is not None:
        return await asyncio.start_server(connected, *place, limit=line_bytes_most)
    path = Path(address)
    path.unlink(missing_ok=True)  # noqa: ASYNC240  # once, at start; of a process that was killed
    before = os.umask(0o177)
    try:
        return await asyncio.start_unix_server(connected, path, limit=line_bytes_most)
    finally:
        os.umask(before)


def host_and_port(address: str) -> tuple[str, int] | None:
    """None: a path."""
    host, colon, port = address.rpartition(":")
    return (host, int(port)) if colon and "/" not in address else None
