"""Receipts are numbered right after the payment: by the worker, or by whoever looks first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from base.clock import Clock
from base.db import Database
from base.errors import NotFound
from base.failpoint import point
from payment.receipts import store
from payment.receipts.model import Receipt

receipts_numbered = point("receipts.numbered")

_AT_ONCE = 200


class Receipts:
    """`year_of`: the year in which a moment falls where the city is."""

    def __init__(self, db: Database, clock: Clock, year_of: Callable[[datetime], int]) -> None:
        self._db = db
        self._clock = clock
        self._year_of = year_of

    async def issue_due(self) -> int:
        """How many got their number."""
        async with self._db.connection() as conn:
            if not await store.has_due(conn):
                return 0
        return await self._issue(_AT_ONCE)

    async def of(self, payment_id: UUID) -> Receipt:
        """Raises NotFound where nothing was paid."""
        for _try in range(2):
            async with self._db.connection() as conn:
                found = await store.find(conn, payment_id)
            if found is not None:
                return found
            await self._issue(1, payment_id)
        raise NotFound

    async def _issue(self, limit: int, only: UUID | None = None) -> int:
        now = self._clock()
        async with self._db.transaction() as conn:
            year = self._year_of(now)
            await store.lock(conn, year)
            issued = await store.issue(conn, year, now, limit, only)
        receipts_numbered()
        return issued
