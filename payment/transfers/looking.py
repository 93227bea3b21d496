"""Looks at transfer orders, and what is forgotten of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from base.db import Connection
from base.identity import store as accounts
from payment.ports import Tx
from payment.transfers import store
from payment.transfers.model import Order, Story
from payment.transfers.orders import Orders, there
from payment.transfers.states import OPEN, TransferStatus

MOST_SHOWN = 500


class Looking(Orders):
    async def get(self, order_id: UUID) -> Order:
        """Raises NotFound."""
        async with self.db.connection() as conn:
            return there(await store.find(conn, order_id))

    async def story(self, order_id: UUID) -> Story:
        """Raises NotFound."""
        async with self.db.transaction() as conn:
            order = there(await store.find(conn, order_id))
            steps = await store.steps(conn, order_id)
            people = {one.by for one in steps if one.by is not None}
            return Story(
                order=order,
                account=self.account_of(order),
                steps=tuple(steps),
                names=await accounts.names(conn, people),
                waivers=tuple(await store.waivers(conn, order_id)),
                barred_from=await store.barred_from(conn, order_id),
            )

    async def listed(self, statuses: Collection[TransferStatus]) -> Sequence[Order]:
        """At most MOST_SHOWN; of those that have ended the youngest."""
        async with self.db.connection() as conn:
            if not set(statuses) & OPEN:
                return await store.latest_done(conn, MOST_SHOWN)
            return await store.of_status(conn, statuses, MOST_SHOWN)

    async def counts(self) -> Mapping[TransferStatus, int]:
        async with self.db.connection() as conn:
            return await store.counts(conn)

    async def of_references(self, references: Collection[UUID]) -> Sequence[Order]:
        async with self.db.connection() as conn:
            return await store.of_references(conn, references)

    async def of_payment(self, payment_id: UUID) -> Sequence[Order]:
        async with self.db.connection() as conn:
            return await store.of_payment(conn, payment_id)

    async def names(self, account_ids: Collection[int]) -> Mapping[int, str]:
        async with self.db.connection() as conn:
            return await accounts.names(conn, account_ids)

    async def erase_bank_data(self, tx: Tx, before: datetime) -> int:
        """Holder, IBAN, notes and files of what ended before this moment. How many of all."""
        conn = cast("Connection", tx)
        orders = await store.erase_accounts(conn, before) + await store.erase_notes(conn, before)
        return orders + await store.erase_files(conn, before)
