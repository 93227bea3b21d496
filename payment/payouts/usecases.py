"""What finance reads of payouts. Nothing is asked of a provider: what it said at night is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from base.db import Database, freeze
from base.errors import NotFound
from payment.payouts import store
from payment.payouts.model import Payout, Told, Whereabouts


class Payouts:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def between(self, first: date, last: date) -> Sequence[Payout]:
        """Those that were to arrive in these days, the youngest first."""
        async with self._db.connection() as conn:
            return await store.between(conn, first, last)

    async def get(self, payout_id: str) -> Told:
        """Raises NotFound."""
        async with self._db.transaction() as conn:
            await freeze(conn)
            found = await store.find(conn, payout_id)
            if found is None:
                raise NotFound
            parts = await store.parts(conn, found.provider, payout_id)
            credits = await store.credits(conn, found.provider, payout_id)
            journals = await store.journals(conn, payout_id)
        return Told(payout=found, parts=tuple(parts), credits=tuple(credits), journals=tuple(journals))

    async def of_payment(self, payment_id: UUID) -> Whereabouts:
        """In which payouts its money is, what the bank shows of them, and with which batches its days went to the treasury."""
        async with self._db.transaction() as conn:
            await freeze(conn)
            arrivals, days = await store.arrivals(conn, payment_id), await store.exported_days(conn, payment_id)
        return Whereabouts(arrivals=tuple(arrivals), days=tuple(days))
