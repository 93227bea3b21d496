"""Sign in, be recognised, sign out, be locked out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from base.clock import Clock
from base.db import Database
from base.errors import Unauthenticated
from base.identity import store
from base.identity.model import ABSOLUTE_LIMIT, IDLE_LIMIT, Principal
from base.seal import new_token, token_sha256


class WrongPassword(Unauthenticated):
    code = "wrong_password"
    message = "Name or password is wrong."


@dataclass(frozen=True, slots=True)
class Identity:
    db: Database
    clock: Clock
    # RFC 9106, second recommended option: 64 MiB, 3 passes, 4 lanes
    hasher: PasswordHasher = field(
        default_factory=lambda: PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)
    )

    async def add_account(self, login: str, name: str, password: str) -> int:
        hashed = await asyncio.to_thread(self.hasher.hash, password)
        async with self.db.transaction() as conn:
            return await store.insert_account(conn, login, name, hashed)

    async def add_role(self, name: str, permissions: list[str]) -> int:
        async with self.db.transaction() as conn:
            return await store.upsert_role(conn, name, permissions)

    async def grant(self, account_id: int, role_id: int, office_id: int | None = None) -> None:
        async with self.db.transaction() as conn:
            await store.grant_role(conn, account_id, role_id, office_id)

    async def sign_in(self, login: str, password: str) -> str:
        """A session's token. An unknown name costs the same time and gets the same answer as a wrong password."""
        async with self.db.connection() as conn:
            account = await store.find_account(conn, login)
        hashed = account.password_hash if account is not None else await self._decoy()
        try:
            await asyncio.to_thread(self.hasher.verify, hashed, password)
        except VerificationError:
            raise WrongPassword from None
        if account is None or not account.is_active:
            raise WrongPassword
        token, now = new_token(), self.clock()
        async with self.db.transaction() as conn:
            await store.insert_session(conn, token_sha256(token), account.id, now, now + ABSOLUTE_LIMIT)
        return token

    async def find(self, token: str) -> Principal | None:
        now = self.clock()
        async with self.db.transaction() as conn:
            seen = await store.touch_session(conn, token_sha256(token), now, now - IDLE_LIMIT)
            if seen is None:
                return None
            account_id, name = seen
            return Principal(account_id, name, frozenset(await store.grants(conn, account_id)))

    async def sign_out(self, token: str) -> None:
        async with self.db.transaction() as conn:
            await store.delete_session(conn, token_sha256(token))

    async def sign_out_everywhere(self, account_id: int) -> None:
        async with self.db.transaction() as conn:
            await store.delete_sessions_of(conn, account_id)

    async def _decoy(self) -> str:
        return await asyncio.to_thread(self.hasher.hash, "nobody's password")
