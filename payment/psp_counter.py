"""The till as a provider among others: what it is asked for stands in a table of its own, and a cashier is who pays there.

A fence is a promise like Stripe's: the row that is given up cannot be taken any more. What is refunded waits until its payer comes to a
till, so a refund is under way for long; where nobody comes it fails, and is transferred.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import asyncpg

from base.clock import Clock
from base.db import Connection, Database
from base.money import Money
from payment.ledger import PSP_CLEARING
from payment.ports import (
    Abilities,
    OutcomeUnknown,
    PaymentOrder,
    ProviderRefused,
    RefundOrder,
    RefundSnapshot,
    RefundState,
    SessionState,
    SignatureRefused,
    Snapshot,
    VendorEvent,
)
from payment.statement import Movement, MovementKind, Statement
from payment.till import store
from payment.till.model import CounterPayment, CounterRefund, CounterStatus, GivingStatus, account_of

NOT_FETCHED = "not_fetched"  # its payer did not come for a refund
_STATES = {
    CounterStatus.OPEN: SessionState.OPEN,
    CounterStatus.PAID: SessionState.PAID,
    CounterStatus.DEAD: SessionState.DEAD,
}
_GIVEN = {
    GivingStatus.OPEN: RefundState.PENDING,
    GivingStatus.GIVEN: RefundState.SUCCEEDED,
    GivingStatus.TRANSFER: RefundState.FAILED,
}


class CounterProvider:
    """`currency`: euros only; a till has no other."""

    abilities = Abilities(online=False, refund_at_once=False)

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def create(self, order: PaymentOrder, key: str) -> Snapshot:
        """One for a payment, whatever the key; the page where one reads how to pay is the payer's own."""
        if order.amount.currency != "EUR":
            raise ProviderRefused(f"not possible here: {order.amount.currency}")
        ident = f"counter_{order.payment_id.hex}"
        async with self._transaction() as conn:
            await store.insert_session(
                conn,
                ident,
                order.payment_id,
                order.amount.cents,
                order.amount.currency,
                order.return_url,
                self._clock(),
            )
            found = await store.session_of(conn, order.payment_id)
        assert found is not None, "just written"
        return _snapshot(found)

    async def fetch(self, session_id: str) -> Snapshot:
        async with self._connection() as conn:
            found = await store.find_session(conn, session_id)
        if found is None:
            raise OutcomeUnknown("no such payment at a till")
        return _snapshot(found)

    async def find(self, payment_id: UUID, created_after: datetime) -> Snapshot | None:
        async with self._connection() as conn:
            found = await store.session_of(conn, payment_id)
        return None if found is None else _snapshot(found)

    async def fence(self, session_id: str) -> None:
        async with self._transaction() as conn:
            if not await store.end_session(conn, session_id):
                raise ProviderRefused("not_open")

    async def refund(self, order: RefundOrder, key: str) -> RefundSnapshot:
        try:
            async with self._transaction() as conn:
                await store.insert_refund(conn, order.refund_id, order.charge_id, order.amount.cents, self._clock())
                found = await store.find_refund(conn, order.refund_id)
        except asyncpg.IntegrityConstraintViolationError as error:
            raise ProviderRefused(getattr(error, "constraint_name", None) or "refused") from None
        assert found is not None, "just written"
        return _refund(found)

    async def fetch_refund(self, provider_id: str) -> RefundSnapshot:
        async with self._connection() as conn:
            found = await store.find_refund(conn, UUID(provider_id))
        if found is None:
            raise OutcomeUnknown("no such refund at a till")
        return _refund(found)

    async def find_refund(self, order: RefundOrder) -> RefundSnapshot | None:
        async with self._connection() as conn:
            found = await store.find_refund(conn, order.refund_id)
        return None if found is None else _refund(found)

    async def changed(self, since: datetime) -> Sequence[Snapshot]:
        async with self._connection() as conn:
            return [_snapshot(one) for one in await store.sessions(conn, since, None)]

    async def refunds_of(self, charge_id: str) -> Sequence[RefundSnapshot]:
        async with self._connection() as conn:
            return [_refund(one) for one in await store.refunds_of(conn, charge_id)]

    async def statement(self, start: datetime, end: datetime) -> Statement:
        async with self._connection() as conn:
            made = await store.sessions(conn, start, end)
            taken, given = await store.taken(conn, start, end), await store.given(conn, start, end)
            payers = {one.session_id: await store.find_session(conn, one.session_id) for one in given}
        came = [_charge(one) for one in taken]
        went = [_giving(one, payers[one.session_id]) for one in given]
        return Statement(tuple(_snapshot(one) for one in made), tuple(sorted((*came, *went), key=_order)))

    def parse_event(self, headers: Mapping[str, str], raw: bytes) -> VendorEvent:
        raise SignatureRefused  # nobody sends us any

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        with_silence = (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)
        try:
            async with self._db.connection() as conn:
                yield conn
        except with_silence as error:  # whether it was done is not known, as with any provider
            raise OutcomeUnknown(type(error).__name__) from error

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        async with self._connection() as conn, conn.transaction():
            yield conn


def _snapshot(one: CounterPayment) -> Snapshot:
    is_paid = one.status is CounterStatus.PAID
    return Snapshot(
        session_id=one.id,
        payment_id=one.payment_id,
        state=_STATES[one.status],
        amount=Money(one.amount_cents, one.currency),
        charge_id=one.id if is_paid else None,
        url=one.pay_url if one.status is CounterStatus.OPEN else None,
        word=one.status.value,
        account=account_of(one.till_key, one.method) if one.method and one.till_key else PSP_CLEARING,
        method=one.method if is_paid else None,
    )


def _refund(one: CounterRefund) -> RefundSnapshot:
    return RefundSnapshot(
        provider_id=str(one.refund_id),
        refund_id=one.refund_id,
        state=_GIVEN[one.status],
        amount=Money(one.amount_cents),
        failure=NOT_FETCHED if one.status is GivingStatus.TRANSFER else None,
        account=account_of(one.till_key, one.method) if one.method and one.till_key else PSP_CLEARING,
    )


def _charge(one: CounterPayment) -> Movement:
    assert one.taken_at is not None, "it was taken"
    return Movement(
        id=one.id,
        kind=MovementKind.CHARGE,
        at=one.taken_at,
        amount=Money(one.amount_cents, one.currency),
        fee=Money(0, one.currency),
        word=one.method or "",
        charge_id=one.id,
        payment_id=one.payment_id,
    )


def _giving(one: CounterRefund, paid: CounterPayment | None) -> Movement:
    assert one.given_at is not None, "it was given"
    return Movement(
        id=str(one.refund_id),
        kind=MovementKind.REFUND,
        at=one.given_at,
        amount=Money(-one.amount_cents),
        fee=Money(0),
        word=one.method or "",
        charge_id=one.session_id,
        refund_provider_id=str(one.refund_id),
        refund_state=RefundState.SUCCEEDED,
        payment_id=paid.payment_id if paid else None,
        refund_id=one.refund_id,
    )


def _order(one: Movement) -> tuple[datetime, str]:
    return one.at, one.id
