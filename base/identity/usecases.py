"""Sign in, be recognised, sign out, be slowed down; accounts and what they may do."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network

import asyncpg

from base.clock import Clock
from base.db import Database, violates
from base.errors import Conflict, DomainError, NotFound, Unauthenticated
from base.identity import store
from base.identity.model import (
    ABSOLUTE_LIMIT,
    ADDRESS_LIMIT,
    IDLE_LIMIT,
    LEAST_PASSWORD,
    LOGIN_ANYWHERE_LIMIT,
    LOGIN_LIMIT,
    MOST_PASSWORD,
    SEEN_EVERY,
    Limit,
    Principal,
)
from base.identity.passwords import Passwords
from base.seal import Sealer, new_token, token_sha256

log = logging.getLogger(__name__)


class WrongPassword(Unauthenticated):
    code = "wrong_password"
    message = "Name or password is wrong."


class TooManySignIns(DomainError):
    code = "too_many_sign_ins"
    status = 429
    message = "Too many attempts to sign in. Please wait a minute and try again."


class WeakPassword(DomainError):
    code = "weak_password"
    status = 422
    message = "A password needs 12 to 200 characters."


class LoginTaken(Conflict):
    code = "login_taken"
    message = "There is an account of this name already."


class DutiesClash(Conflict):
    code = "duties_clash"
    message = "Assessing, ordering and cash are different people's duties, and who audits changes nothing. Take the other role away first."


class LoginMalformed(DomainError):
    code = "login_malformed"
    status = 422
    message = "A name to sign in with has 2 to 64 small letters, digits, dots, hyphens, underscores or @."


@dataclass(frozen=True, slots=True)
class Identity:
    """`allows_invented`: accounts made by the demo may sign in. Outside the demo they are as good as blocked."""

    db: Database
    clock: Clock
    sealer: Sealer
    allows_invented: bool = False
    passwords: Passwords = field(default_factory=Passwords)

    # Accounts

    async def add_account(self, login: str, name: str, password: str, *, is_invented: bool = False) -> int:
        """Raises LoginTaken, LoginMalformed, WeakPassword."""
        hashed = await self._hashed(password)
        try:
            async with self.db.transaction() as conn:
                ident = await store.insert_account(conn, _plain(login), name, hashed, is_invented)
        except asyncpg.IntegrityConstraintViolationError as error:
            if violates(error, "account_login_once"):
                raise LoginTaken from None
            if violates(error, "account_login_plain"):
                raise LoginMalformed from None
            raise
        log.info("account.added", extra={"account": ident})
        return ident

    async def set_password(self, login: str, password: str) -> None:
        """By whoever runs the service; ends every session of the account. Raises NotFound, WeakPassword."""
        hashed = await self._hashed(password)
        async with self.db.transaction() as conn:
            account = await store.find_account(conn, _plain(login))
            if account is None:
                raise NotFound
            await store.set_password(conn, account.id, hashed)
            await store.delete_sessions_of(conn, account.id)
        log.info("account.password-set", extra={"account": account.id})

    async def change_password(self, account_id: int, old: str, new: str) -> None:
        """By its owner; ends every session, this one too. Raises WrongPassword, WeakPassword, TooManySignIns."""
        await self._take_attempts((self._subject("account", str(account_id)), LOGIN_LIMIT))
        async with self.db.connection() as conn:
            hashed = await store.password_of(conn, account_id)
        if not await self.passwords.fits(old, hashed):
            raise WrongPassword
        new_hash = await self._hashed(new)
        async with self.db.transaction() as conn:
            if not await store.set_password(conn, account_id, new_hash, checked=hashed):
                raise WrongPassword  # somebody else has changed it meanwhile
            await store.delete_sessions_of(conn, account_id)
            await store.forget_attempts(conn, self._subject("account", str(account_id)))
        log.info("account.password-changed", extra={"account": account_id})

    async def give_role(
        self, login: str, role: str, office_key: str | None = None, *, takes_away: bool = False
    ) -> None:
        """A role for an office, or for the whole city. Holds from the next request on. Raises NotFound, DutiesClash."""
        try:
            await self._give_role(login, role, office_key, takes_away=takes_away)
        except asyncpg.IntegrityConstraintViolationError as error:
            if violates(error, "account_duties_disjoint") or violates(error, "account_auditor_reads_only"):
                raise DutiesClash from None
            raise

    async def _give_role(self, login: str, role: str, office_key: str | None, *, takes_away: bool) -> None:
        async with self.db.transaction() as conn:
            account = await store.find_account(conn, _plain(login))
            role_id = await store.find_role(conn, role)
            office_id = None if office_key is None else await store.find_office(conn, office_key)
            if account is None or role_id is None or (office_key is not None and office_id is None):
                raise NotFound
            if not takes_away:
                await store.grant_role(conn, account.id, role_id, office_id)
            elif not await store.revoke_role(conn, account.id, role_id, office_id):
                raise NotFound
        log.info("account.role", extra={"account": account.id, "role": role, "taken_away": takes_away})

    # Sessions

    async def sign_in(self, login: str, password: str, address: str = "") -> str:
        """The token of a new session. An unknown name costs the same time and gets the same answer as a wrong password.

        An attempt is counted before the password is looked at, so that a thousand at once are no way round: tightly for a name from
        one network, loosely for the name, so that nobody keeps its owner out by typing wrong passwords somewhere else.
        Raises WrongPassword, TooManySignIns.
        """
        by_address, by_login = self._subject("address", address), self._subject("login", _plain(login))
        by_both = self._subject("login-network", f"{_plain(login)} {network_of(address)}")
        await self._take_attempts((by_address, ADDRESS_LIMIT), (by_both, LOGIN_LIMIT), (by_login, LOGIN_ANYWHERE_LIMIT))
        async with self.db.connection() as conn:
            account = await store.find_account(conn, _plain(login))
        fits = await self.passwords.fits(password, account.password_hash if account else None)
        if account is None or not fits or not self._lets_in(account):
            # No name: people type their password into that field.
            log.info("staff.sign-in-refused", extra={"account": account.id if account else None})
            raise WrongPassword
        token, now = new_token(), self.clock()
        async with self.db.transaction() as conn:
            if not await store.insert_session(conn, token_sha256(token), account, now, now + ABSOLUTE_LIMIT):
                raise WrongPassword  # changed or blocked while it was looked at
            await store.give_attempt_back(conn, by_address, ADDRESS_LIMIT)  # in the order in which they are taken
            await store.forget_attempts(conn, by_both)
            await store.give_attempt_back(conn, by_login, LOGIN_ANYWHERE_LIMIT)
        log.info("staff.signed-in", extra={"account": account.id})
        return token

    async def find(self, token: str) -> Principal | None:
        """Whose session this is, with what they may do now: a role that was taken away is gone at once. Counts as use."""
        return await self._find(token, is_use=True)

    async def peek(self, token: str) -> Principal | None:
        """The same without keeping the session from idling out: for what an open page does by itself."""
        return await self._find(token, is_use=False)

    async def _find(self, token: str, *, is_use: bool) -> Principal | None:
        if not token.isascii():
            return None
        now, hashed = self.clock(), token_sha256(token)
        async with self.db.connection() as conn:
            session = await store.find_session(conn, hashed, now, now - IDLE_LIMIT, self.allows_invented)
            if session is None:
                return None
            if is_use and now - session.seen_at >= SEEN_EVERY:
                await store.touch_session(conn, hashed, now)
            return Principal(session.account_id, session.name, frozenset(await store.grants(conn, session.account_id)))

    async def named(self, login: str) -> Principal:
        """Who acts from the command line in this name, with what the account may do. Raises NotFound, also where it is blocked."""
        async with self.db.connection() as conn:
            account = await store.find_account(conn, _plain(login))
            if account is None or not account.is_active:
                raise NotFound
            return Principal(account.id, account.name, frozenset(await store.grants(conn, account.id)))

    async def sign_out(self, token: str) -> None:
        async with self.db.transaction() as conn:
            await store.delete_session(conn, token_sha256(token))

    async def sign_out_everywhere(self, login: str) -> None:
        """By whoever runs the service: a device is lost, somebody has left. Raises NotFound."""
        async with self.db.transaction() as conn:
            account = await store.find_account(conn, _plain(login))
            if account is None:
                raise NotFound
            await store.delete_sessions_of(conn, account.id)
        log.info("account.signed-out", extra={"account": account.id})

    async def roles(self) -> Mapping[str, tuple[str, ...]]:
        """All there are, with their permissions."""
        async with self.db.connection() as conn:
            return await store.roles(conn)

    async def forget_over(self) -> int:
        """Sessions and attempts that mean nothing any more; how many rows went."""
        now = self.clock()
        async with self.db.transaction() as conn:
            return await store.delete_over(conn, now, now - IDLE_LIMIT)

    async def _take_attempts(self, *subjects: tuple[bytes, Limit]) -> None:
        """In this order, everywhere. What is refused by one is not counted by the next."""
        now = self.clock()
        async with self.db.transaction() as conn:
            for subject, limit in subjects:
                if not await store.take_attempt(conn, subject, now, limit):
                    break
            else:
                return
        log.warning("staff.sign-in-slowed-down")
        raise TooManySignIns

    async def _hashed(self, password: str) -> str:
        if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
            raise WeakPassword
        return await self.passwords.hash(password)

    def _lets_in(self, account: store.Account) -> bool:
        return account.is_active and (self.allows_invented or not account.is_invented)

    def _subject(self, kind: str, text: str) -> bytes:
        return self.sealer.look_up(text, f"sign-in.{kind}")


def network_of(address: str) -> str:
    """Of IPv6 the half that one line of one house has; who has it has all the addresses in it."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or ip_network((found, 64), strict=False).network_address)
    return str(found)


def _plain(login: str) -> str:
    return login.strip().lower()
