"""Argon2id, away from the event loop and never more than two at once: each takes 64 MiB and a tenth of a second."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


@dataclass(frozen=True, slots=True)
class Passwords:
    # RFC 9106, second recommended option: 64 MiB, 3 passes, 4 lanes
    hasher: PasswordHasher = field(
        default_factory=lambda: PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)
    )
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))

    async def hash(self, password: str) -> str:
        async with self._turn:
            return await asyncio.to_thread(self.hasher.hash, password)

    async def fits(self, password: str, hashed: str | None) -> bool:
        """None, where there is no such account, takes as long as a wrong password."""
        async with self._turn:
            try:
                return await asyncio.to_thread(self.hasher.verify, hashed or self._nobodys, password)
            except (VerificationError, InvalidHashError):
                return False

    @property
    def _nobodys(self) -> str:
        """Of the right form and cost, and no password has it."""
        salt, digest = (base64.b64encode(bytes(n)).rstrip(b"=").decode() for n in (16, 32))
        one = self.hasher
        return f"$argon2id$v=19$m={one.memory_cost},t={one.time_cost},p={one.parallelism}${salt}${digest}"
