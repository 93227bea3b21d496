"""Terms are read by whoever oversees, changed by an administrator, and carried out by the worker, each run written down (docs/adr/0069)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from typing import TypeAlias

import asyncpg

from base.clock import Clock
from base.db import Connection, Database, freeze, violates
from base.errors import DomainError, FieldError, Invalid, NotFound
from base.failpoint import point
from base.i18n import mark as _
from payment.retention import store
from payment.retention.model import Elsewhere, Overview, Run, Term

log = logging.getLogger(__name__)
executed = point("retention.executed")
Erase: TypeAlias = Callable[[Connection, datetime], Awaitable[int]]

MOST_MONTHS = 600
_SHOWN = 100
_LONGEST_REASON = 500


class ShorterNeedsReason(DomainError):
    code = "shorter_needs_reason"
    status = 422
    message = _("A term gets shorter only with a reason.")


class Retention:
    """`erasures`: kinds that another part of the product erases by itself, up to a moment; `elsewhere`: terms that are only shown here."""

    def __init__(
        self, db: Database, clock: Clock, erasures: Mapping[str, Erase], elsewhere: Sequence[Elsewhere] = ()
    ) -> None:
        self._db = db
        self._clock = clock
        self._erasures = erasures
        self._elsewhere = tuple(elsewhere)

    async def overview(self) -> Overview:
        now = self._clock()
        async with self._db.transaction() as conn:
            await freeze(conn)
            found = await store.terms(conn, now)
            changed, runs = await store.history(conn, now), await store.runs(conn, _SHOWN)
        return Overview(terms=tuple(found), history=tuple(changed), runs=tuple(runs), elsewhere=self._elsewhere)

    async def change(self, kind: str, *, months: str, legal_basis: str, reason: str, by: int) -> None:
        """Raises NotFound, Invalid, ShorterNeedsReason."""
        basis, why, errors = legal_basis.strip(), reason.strip() or None, []
        number = int(months) if months.isascii() and months.isdigit() and len(months) < 4 else 0
        if not 1 <= number <= MOST_MONTHS:
            errors.append(FieldError("/months", "months", _("Please give whole months, from 1 to 600.")))
        if not 5 <= len(basis) <= 300:
            errors.append(
                FieldError("/legal_basis", "legal_basis", _("Please name the legal basis, in 5 to 300 characters."))
            )
        if why is not None and not 5 <= len(why) <= _LONGEST_REASON:
            errors.append(FieldError("/reason", "reason", _("Please say why, in 5 to 500 characters.")))
        if errors:
            raise Invalid(errors)
        try:
            async with self._db.transaction() as conn:
                await store.insert_term(conn, kind, number, basis, why, by, self._clock())
        except asyncpg.IntegrityConstraintViolationError as error:
            if violates(error, "retention_term_shorter_with_reason"):
                raise ShorterNeedsReason from None
            if violates(error, "retention_term_of_known_kind"):
                raise NotFound from None
            raise

    async def run(self) -> int:
        """What is over its term goes, each kind in a transaction of its own; one that fails keeps no other from its turn. How many rows."""
        async with self._db.connection() as conn:
            due = [
                one
                for one in await store.terms(conn, self._clock())
                if not await store.has_run(conn, one.kind, one.until)
            ]
        gone = 0
        for term in due:
            try:
                gone += await self._run(term)
            except asyncpg.PostgresError as error:
                log.exception("retention.failed", extra={"kind": term.kind, "error": type(error).__name__})
        return gone

    async def _run(self, term: Term) -> int:
        now, is_counted = self._clock(), term.kind not in store.GONE and term.kind not in self._erasures
        if is_counted and term.kind not in store.COUNT:
            return 0  # nothing of this kind is kept by this installation
        try:
            async with self._db.transaction() as conn:
                rows = await self._gone(conn, term.kind, term.until, now, is_counted=is_counted)
        except asyncpg.UniqueViolationError as error:
            if violates(error, "retention_run_once"):
                return 0  # another worker was first
            raise
        executed()
        return 0 if is_counted else rows

    async def _gone(self, conn: Connection, kind: str, until: date, now: datetime, *, is_counted: bool) -> int:
        erase = self._erasures.get(kind)
        if erase is not None:
            rows = await erase(conn, await store.beginning_of(conn, until))
        else:
            rows = await store.count(conn, kind, until)
        await store.insert_run(conn, Run(kind=kind, until_day=until, rows=rows, is_counted=is_counted, at=now))
        if erase is None and not is_counted:
            await store.delete(conn, kind, until)
        return rows
