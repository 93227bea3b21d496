"""Reading a provider's books into ours: each night and whenever finance asks. Never a call inside a transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from base.clock import Clock
from base.db import Database
from base.failpoint import point
from payment.ports import OutcomeUnknown
from payment.provider_records import store
from payment.provider_records.model import Read, RecordsProvider, followed
from payment.provider_records.rows import Rows

log = logging.getLogger(__name__)

records_stored = point("records.stored")
records_booked = point("records.booked")

# What was read is read again for so long: a payout changes its state for days, and somebody may edit.
LOOK_AGAIN = timedelta(days=10)
BEFORE_FIRST = timedelta(days=1)  # clocks differ, and an account may have been used before
_AT_ONCE = 1000
_MANY = 500
Row = TypeVar("Row")


class ProviderRecords:
    """`providers`: by name; those that keep no such records are passed over. `rows`: kept in that database, by PostgreSQL or in memory."""

    def __init__(
        self, db: Database, providers: Mapping[str, RecordsProvider], clock: Clock, rows: Rows = store
    ) -> None:
        self._db = db
        self._rows = rows
        self._providers = {name: one for name, one in providers.items() if one.abilities.records}
        self._clock = clock
        self._reading = asyncio.Lock()  # of this process; the database's lock is for the others

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._providers)

    async def read(self, since: datetime | None = None) -> Read:
        """All that is new, and what follows from it for our books; `since`: read again from then on, for what was edited. A provider
        that is silent is read next time."""
        transactions = payouts = 0
        silent = []
        async with self._reading:
            for name, provider in self._providers.items():
                try:
                    found = await self._read(name, provider, since)
                except OutcomeUnknown as silence:
                    log.warning("records.no_answer", extra={"provider": name, "detail": str(silence)})
                    silent.append(name)
                else:
                    transactions, payouts = transactions + found[0], payouts + found[1]
            return Read(transactions, payouts, await self._book(), tuple(silent))

    async def _read(self, name: str, provider: RecordsProvider, since: datetime | None) -> tuple[int, int]:
        now = self._clock()
        start = await self._start(name)
        if start is None:
            return 0, 0
        start = start if since is None else min(start, since)
        found = list(await provider.transactions(start, now))
        known = {one.id for one in found}
        payouts = list(await provider.payouts(start, now))
        async with self._db.transaction() as conn:
            await self._rows.lock(conn, name)
            new = 0
            for part in _by(found, _AT_ONCE):
                new += await self._rows.insert_transactions(conn, name, part, now)
            before = await self._rows.payout_statuses(conn, name, [one.id for one in payouts])
            payouts = [followed(before.get(one.id), one) for one in payouts]
            new_payouts = await self._rows.insert_payouts(conn, name, payouts, now)
            listed = await self._rows.payouts_to_list(conn, name)
        if new > _MANY:
            async with self._db.connection() as conn:
                await self._rows.analyze(conn, "provider_transaction")
        for payout_id in listed:
            parts = list(await provider.parts(payout_id))
            async with self._db.transaction() as conn:
                await self._rows.lock(conn, name)
                for part in _by([one for one in parts if one.id not in known], _AT_ONCE):
                    new += await self._rows.insert_transactions(conn, name, part, now)
                await self._rows.insert_parts(conn, name, payout_id, parts)
        async with self._db.connection() as conn:
            await self._rows.set_read_until(conn, name, now)
        records_stored()
        return new, new_payouts

    async def _start(self, name: str) -> datetime | None:
        """None where this provider has never had a payment of ours."""
        async with self._db.connection() as conn:
            until, first = await self._rows.read_until(conn, name), await self._rows.first_payment_at(conn, name)
        if until is not None:
            return until - LOOK_AGAIN
        return None if first is None else first - BEFORE_FIRST

    async def _book(self) -> int:
        """Prices, payouts, payouts that came back: each once, whoever runs it at the same time."""
        booked = 0
        async with self._db.connection() as conn:
            due = await self._rows.prices_to_book(conn)
        for some in _by(due, _AT_ONCE):
            async with self._db.transaction() as conn:
                await self._rows.lock(conn, "")
                booked += await self._rows.book_prices(conn, some)
        if booked > _MANY:
            async with self._db.connection() as conn:
                await self._rows.analyze(conn, "journal", "entry")
        async with self._db.transaction() as conn:
            await self._rows.lock(conn, "")
            booked += await self._rows.book_payouts(conn)
            booked += await self._rows.book_failed_payouts(conn)
        records_booked()
        return booked


def _by(rows: list[Row], size: int) -> list[list[Row]]:
    return [rows[n : n + size] for n in range(0, len(rows), size)]
