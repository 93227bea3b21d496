"""Bank files: taken whole or refused whole, by hand or from a folder; statements with their gaps; entries with search."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from uuid import UUID, uuid4

from base.clock import Clock
from base.db import Connection, Database
from base.errors import NotFound
from base.failpoint import point
from payment.bank import store
from payment.bank.camt import euros, read
from payment.bank.chain import in_order, is_next
from payment.bank.model import FoundPayment, Refusal, Statement, StoredFile, StoredStatement
from payment.bank.refusing import BankFileRefused, DoesNotContinue, ReferenceKnown, StatementKnown

bank_file_stored = point("bank.file-stored")

MOST_BYTES = 32 * 2**20
MOST_SHOWN = 500
_LATEST_REFUSALS = 20


class Bank:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def take(self, name: str, raw: bytes, by: int | None) -> StoredFile:
        """The same bytes are stored once, whoever sends them again. Raises one of refusing.REFUSALS, and then nothing is stored."""
        digest = hashlib.sha256(raw).digest()
        found = await self._known(digest)
        if found is not None:
            return found
        statements = await asyncio.to_thread(read, raw)
        ident, now = uuid4(), self._clock()
        async with self._db.transaction() as conn:
            await store.lock(conn)
            found = await store.find_file(conn, digest)
            if found is None:
                await store.insert_file(conn, ident, _plain(name), raw, now, by)
                for one in in_order(statements):
                    await _store(conn, ident, one)
        bank_file_stored()
        return found or StoredFile(id=ident, name=_plain(name), read_at=now)

    async def refused(self, name: str, raw: bytes, refusal: BankFileRefused) -> None:
        """Remembers that a file of the folder was refused, for whoever looks at the page."""
        digest, fields = hashlib.sha256(raw).digest(), refusal.fields
        async with self._db.connection() as conn:
            await store.insert_refusal(conn, digest, _plain(name), self._clock(), refusal.code, fields)

    async def refusals(self) -> Sequence[Refusal]:
        """The latest ones of the folder."""
        async with self._db.connection() as conn:
            return await store.refusals(conn, _LATEST_REFUSALS)

    async def statements(self) -> Mapping[str, Sequence[StoredStatement]]:
        """By account, in the order of their numbers."""
        async with self._db.connection() as conn:
            rows = await store.statements(conn)
        by_account: dict[str, list[StoredStatement]] = {}
        for one in rows:
            by_account.setdefault(one.iban, []).append(one)
        return by_account

    async def of_file(self, file_id: UUID) -> Sequence[StoredStatement]:
        async with self._db.connection() as conn:
            return await store.of_file(conn, file_id)

    async def statement(self, statement_id: int) -> StoredStatement:
        """Raises NotFound."""
        async with self._db.connection() as conn:
            found = await store.find(conn, statement_id)
        if found is None:
            raise NotFound
        return found

    async def payments(
        self, statement_id: int | None, text: str = "", cents: int | None = None
    ) -> Sequence[FoundPayment]:
        """At most MOST_SHOWN of one statement, or of all."""
        async with self._db.connection() as conn:
            return await store.payments(conn, statement_id, text.strip(), cents, MOST_SHOWN)

    async def _known(self, digest: bytes) -> StoredFile | None:
        async with self._db.connection() as conn:
            return await store.find_file(conn, digest)


def _plain(name: str) -> str:
    """As PostgreSQL takes it: a file's name may hold anything."""
    return name[:200].replace("\0", "").encode(errors="replace").decode()


async def _store(conn: Connection, file_id: UUID, one: Statement) -> None:
    number = (one.iban, one.year, one.sequence)
    if await store.find_numbered(conn, *number) is not None:
        raise StatementKnown(one.line, "Stmt", sequence=one.sequence, year=one.year)
    await _check_references(conn, one)
    before, after = await store.before(conn, *number), await store.after(conn, *number)
    follows = before.id if before is not None and is_next(before, one) else None
    if before is not None and follows is not None and before.closing_cents != one.opening_cents:
        raise _broken(one, before.closing_cents, one.opening_cents)
    if after is not None and is_next(one, after) and one.closing_cents != after.opening_cents:
        raise _broken(one, one.closing_cents, after.opening_cents)
    ident = await store.insert_statement(conn, file_id, one, follows)
    await store.insert_entries(conn, ident, one)
    await store.insert_details(conn, ident, one)
    if after is not None and is_next(one, after):
        await store.set_follows(conn, after.id, ident)


async def _check_references(conn: Connection, one: Statement) -> None:
    given = [entry for entry in one.entries if entry.acct_svcr_ref]
    known = await store.known_references(conn, one.iban, [entry.acct_svcr_ref for entry in given])
    for entry in given:
        if entry.acct_svcr_ref in known:
            raise ReferenceKnown(entry.line, "Ntry", value=entry.acct_svcr_ref)
        known.add(entry.acct_svcr_ref)


def _broken(one: Statement, before_cents: int, after_cents: int) -> DoesNotContinue:
    return DoesNotContinue(one.opening_line, "Bal", before=euros(before_cents), after=euros(after_cents))
