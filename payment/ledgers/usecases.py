"""Sealing by the worker, closing by a person, and looking through the whole by anybody who doubts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import asyncpg

from base.clock import Clock
from base.db import Database, freeze, violates
from base.errors import Conflict, NotFound
from base.failpoint import point
from base.i18n import mark as _
from payment.ledgers import store
from payment.ledgers.chain import Walk
from payment.ledgers.documenting import facts_of
from payment.ledgers.model import (
    Advance,
    Balance,
    Broken,
    ClosedDay,
    Fault,
    OpenDay,
    StatementLine,
    Verified,
)
from payment.ledgers.procedure import Facts

sealed = point("ledger.sealed")

_AT_ONCE = 500
MOST_LINES = 1000  # of a statement on one page
_TRIES = 5  # a payment that came just before midnight may be committed while its day is closed


class DayNotOver(Conflict):
    code = "day_not_over"
    message = _("This day is not over yet.")


class NotNextDay(Conflict):
    code = "not_next_day"
    message = _("Days are closed one after another: an earlier one is still open, or this one is closed already.")


class StillBooking(Conflict):
    code = "still_booking"
    message = _("Something is still being booked on this day. Please try again in a moment.")


class Ledgers:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def seal_due(self) -> int:
        """What is committed and not sealed yet, in one batch. How many."""
        async with self._db.connection() as conn:
            if not await store.has_unsealed(conn):
                return 0
        async with self._db.transaction() as conn:
            await store.lock_chain(conn)
            count = await store.seal(conn, self._clock(), _AT_ONCE)
        sealed()
        return count

    async def close(self, day: date, *, by: int) -> None:
        """For ever: nothing is booked on it any more. Raises DayNotOver, NotNextDay, StillBooking."""
        for _try in range(_TRIES):
            while await self.seal_due():
                pass
            try:
                async with self._db.transaction() as conn:
                    await store.close(conn, day, self._clock(), by)
            except asyncpg.IntegrityConstraintViolationError as error:
                if violates(error, "ledger_day_over"):
                    raise DayNotOver from None
                if violates(error, "ledger_day_in_order"):
                    async with self._db.connection() as conn:
                        closed = await store.find_closed_day(conn, day)
                    if closed is not None and closed.closed_by == by:
                        return  # by the same person, who has clicked twice
                    raise NotNextDay from None
                if not violates(error, "ledger_day_sealed"):
                    raise
            else:
                return
        raise StillBooking

    async def days(self) -> tuple[Sequence[OpenDay], Sequence[ClosedDay]]:
        """Open ones, the oldest first; closed ones, the youngest first."""
        async with self._db.transaction() as conn:
            await freeze(conn)
            return await store.open_days(conn), await store.closed_days(conn)

    async def trial_balance(self, first: date, last: date) -> Sequence[Balance]:
        """Of each account and currency: what stood there before, the turnover of these days. By business day."""
        async with self._db.connection() as conn:
            return await store.balances(conn, first, last)

    async def statement(
        self, account: str, first: date, last: date
    ) -> tuple[Sequence[Balance], Sequence[StatementLine], bool]:
        """An account's balances (one for each currency; none before its first journal), its lines, and whether there are more than
        MOST_LINES. Raises NotFound where nothing was ever booked on it."""
        async with self._db.transaction() as conn:
            await freeze(conn)
            balances = await store.balances(conn, first, last, account)
            if not balances and not await store.is_account(conn, account):
                raise NotFound
            lines = await store.statement(conn, account, first, last, MOST_LINES + 1)
        return balances, lines[:MOST_LINES], len(lines) > MOST_LINES

    async def advances(self, day: date) -> Sequence[Advance]:
        """The accrual list: what was received and not earned at the end of the day, payment by payment."""
        async with self._db.connection() as conn:
            return await store.advances(conn, day)

    async def procedure(self) -> Facts:
        """What the procedure document says, as it is in force now."""
        return await facts_of(self._db)

    async def verify(self, known: Mapping[date, bytes] | None = None) -> Verified:
        """The whole chain and every closed day, worked out anew from what is stored now. `known`: roots that were kept elsewhere."""
        walk = Walk()
        async with self._db.transaction() as conn:
            await freeze(conn)
            waiting, days = await store.count_waiting(conn), await store.closed_days(conn)
            broken = None
            while broken is None and (seals := await store.seals_after(conn, walk.seq, _AT_ONCE)):
                broken = next(filter(None, map(walk.step, seals)), None)
            if broken is None and (forgotten := await store.first_forgotten(conn)) is not None:
                broken = Broken(fault=Fault.UNSEALED, journal_id=forgotten)
        if broken is None:
            broken = walk.days(reversed(days), known or {})
        return Verified(seals=walk.seq, days=len(days), waiting=waiting, head=walk.head, broken=broken)
