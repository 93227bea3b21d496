"""Books on PostgreSQL. The schema decides; its constraint names come through as Refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import date, datetime
from typing import cast
from uuid import UUID

import asyncpg

from base.db import Connection, Database
from payment import dispute_store, store
from payment.books import REFUND_LOOK_LATEST, REFUND_LOOK_SOONEST, Overtaken, Refused
from payment.ledger import Journal
from payment.model import Dispute, DisputeStatus, Payment, PaymentStatus, Refund, RefundStatus, RefundStep, Troubles
from payment.ports import Tx, VendorEvent
from payment.transfers import store as transfers


def _conn(tx: Tx) -> Connection:
    return cast("Connection", tx)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (asyncpg.IntegrityConstraintViolationError, asyncpg.InsufficientPrivilegeError) as error:
        raise Refused(getattr(error, "constraint_name", None) or str(error)) from error


class PgBooks:
    """A `tx` is a connection with a transaction open, so callers with their own `Database.transaction()` just pass theirs."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        with _refusals():
            async with self._db.transaction() as conn:
                yield conn

    @asynccontextmanager
    async def apart(self) -> AsyncIterator[Tx]:
        with _refusals():
            async with self._db.connection() as conn:
                yield conn

    async def payment(self, tx: Tx, payment_id: UUID, *, lock: bool = False) -> Payment | None:
        return await (store.lock_payment if lock else store.find_payment)(_conn(tx), payment_id)

    async def living(self, tx: Tx, reference: UUID) -> Payment | None:
        return await store.find_living(_conn(tx), reference)

    async def latest(self, tx: Tx, reference: UUID) -> Payment | None:
        return await store.find_latest(_conn(tx), reference)

    async def payment_of_session(self, tx: Tx, session_id: str) -> Payment | None:
        return await store.find_payment_of_session(_conn(tx), session_id)

    async def insert_payment(self, tx: Tx, payment: Payment) -> bool:
        return await store.insert_payment(_conn(tx), payment)

    async def store_payment(self, tx: Tx, payment: Payment, was: PaymentStatus) -> None:
        if not await store.update_payment(_conn(tx), payment, was):
            raise Overtaken

    async def due_payments(
        self, tx: Tx, checked_before: datetime, attention_before: datetime, limit: int
    ) -> list[Payment]:
        return await store.due_payments(_conn(tx), checked_before, attention_before, limit)

    async def due_to_take(self, tx: Tx, end: datetime, today: date, limit: int) -> list[UUID]:
        return await store.due_to_take(_conn(tx), end, today, limit)

    async def uncovered(self, tx: Tx, reference: UUID) -> Payment | None:
        return await store.find_uncovered(_conn(tx), reference)

    async def serve_on(self, tx: Tx, references: Collection[UUID], day: date) -> None:
        await store.serve_on(_conn(tx), references, day)

    async def due_to_earn(self, tx: Tx, today: date, limit: int) -> list[UUID]:
        return await store.due_to_earn(_conn(tx), today, limit)

    async def refund(self, tx: Tx, refund_id: UUID, *, lock: bool = False) -> Refund | None:
        return await (store.lock_refund if lock else store.find_refund)(_conn(tx), refund_id)

    async def refunds(self, tx: Tx, payment_id: UUID) -> list[Refund]:
        return await store.refunds_of(_conn(tx), payment_id)

    async def refunds_for(self, tx: Tx, reference: UUID) -> list[Refund]:
        return await store.refunds_for(_conn(tx), reference)

    async def insert_refund(self, tx: Tx, refund: Refund) -> bool:
        return await store.insert_refund(_conn(tx), refund)

    async def store_refund(self, tx: Tx, refund: Refund, was: RefundStatus) -> None:
        if not await store.update_refund(_conn(tx), refund, was):
            raise Overtaken

    async def write_step(self, tx: Tx, step: RefundStep) -> None:
        await store.insert_step(_conn(tx), step)

    async def steps(self, tx: Tx, payment_id: UUID) -> list[RefundStep]:
        return await store.steps_of(_conn(tx), payment_id)

    async def erase_notes(self, tx: Tx, reference: UUID) -> bool:
        await store.lock_payments_of(_conn(tx), reference)
        await store.erase_notes(_conn(tx), reference)
        await store.erase_steps(_conn(tx), reference)
        await transfers.erase_of_reference(_conn(tx), reference)
        await transfers.erase_notes_of(_conn(tx), reference)
        return await store.has_request(_conn(tx), reference) or await transfers.is_open(_conn(tx), reference)

    async def due_refunds(self, tx: Tx, now: datetime, limit: int) -> list[Refund]:
        return await store.due_refunds(_conn(tx), now, REFUND_LOOK_SOONEST, REFUND_LOOK_LATEST, limit)

    async def payment_of_charge(self, tx: Tx, charge_id: str) -> Payment | None:
        return await dispute_store.payment_of_charge(_conn(tx), charge_id)

    async def dispute(self, tx: Tx, provider_id: str, *, lock: bool = False) -> Dispute | None:
        return await (dispute_store.lock if lock else dispute_store.find)(_conn(tx), provider_id)

    async def disputes(self, tx: Tx, payment_id: UUID) -> list[Dispute]:
        return await dispute_store.of_payment(_conn(tx), payment_id)

    async def insert_dispute(self, tx: Tx, dispute: Dispute) -> None:
        await dispute_store.insert(_conn(tx), dispute)

    async def store_dispute(self, tx: Tx, dispute: Dispute, was: DisputeStatus) -> None:
        if not await dispute_store.update(_conn(tx), dispute, was):
            raise Overtaken

    async def due_disputes(self, tx: Tx, checked_before: datetime, limit: int) -> list[Dispute]:
        return await dispute_store.due(_conn(tx), checked_before, limit)

    async def post(self, tx: Tx, journal: Journal, at: datetime) -> None:
        await store.insert_journal(_conn(tx), journal, at)

    async def journals(self, tx: Tx, payment_id: UUID) -> list[Journal]:
        return await store.journals_of(_conn(tx), payment_id)

    async def keep_event(self, tx: Tx, vendor: str, event: VendorEvent, at: datetime) -> bool:
        return await store.insert_event(_conn(tx), vendor, event, at)

    async def listed_until(self, tx: Tx, provider: str) -> datetime | None:
        return await store.listed_until(_conn(tx), provider)

    async def set_listed_until(self, tx: Tx, provider: str, until: datetime) -> None:
        await store.set_listed_until(_conn(tx), provider, until)

    async def troubles(self, tx: Tx) -> Troubles:
        return await store.troubles(_conn(tx))
