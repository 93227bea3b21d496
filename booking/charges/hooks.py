"""What payment tells, where its reference is a charge; everything else goes on to the cases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast
from uuid import UUID

from base.clock import Clock
from base.db import Connection
from base.failpoint import point
from booking.appointments.store import touch
from booking.charges import store
from booking.charges.model import ChargeStatus
from payment.model import Dispute, Payment, Refund
from payment.ports import Hooks, Outcome, Tx

charge_paid = point("charge.paid")

Earn = Callable[[Tx, UUID], Awaitable[int]]  # see payment.usecases.Payments.earn


class ChargeHooks:
    """`earn`: a fee asked for during a visit is revenue of that day, not received in advance: the service is being done."""

    def __init__(self, cases: Hooks, earn: Earn, clock: Clock) -> None:
        self._cases = cases
        self._earn = earn
        self._clock = clock

    async def on_paid(self, tx: Tx, payment: Payment) -> Outcome:
        conn = cast("Connection", tx)
        if not await store.lock(conn, payment.reference):
            outcome = await self._cases.on_paid(tx, payment)
            if outcome is Outcome.KEPT:
                await touch(conn, payment.reference)  # a clerk who has the case before them sees that it is paid
            return outcome
        charge = await store.find(conn, payment.reference)
        if charge is None or not charge.is_unpaid or charge.amount != payment.amount:
            return Outcome.LOST
        await store.move(conn, charge.id, ChargeStatus.PAID, self._clock())
        await self._earn(tx, payment.id)
        charge_paid()
        return Outcome.KEPT

    async def on_fenced(self, tx: Tx, payment: Payment) -> None:
        conn = cast("Connection", tx)
        if not await store.lock(conn, payment.reference):
            await self._cases.on_fenced(tx, payment)
            return
        charge = await store.find(conn, payment.reference)
        if charge is not None and charge.status is ChargeStatus.WITHDRAWING:
            await store.move(conn, charge.id, ChargeStatus.WITHDRAWN, self._clock())

    async def on_taken(self, tx: Tx, payment: Payment) -> None:
        await self._cases.on_taken(tx, payment)

    async def on_uncovered(self, tx: Tx, payment: Payment) -> None:
        await self._cases.on_uncovered(tx, payment)

    async def on_disputed(self, tx: Tx, payment: Payment, dispute: Dispute) -> None:
        await self._cases.on_disputed(tx, payment, dispute)

    async def on_given_back(self, tx: Tx, payment: Payment, provider_id: str) -> None:
        await self._cases.on_given_back(tx, payment, provider_id)

    async def on_refunded(self, tx: Tx, payment: Payment, refund: Refund) -> None:
        await self._cases.on_refunded(tx, payment, refund)

    async def on_refund_rejected(self, tx: Tx, payment: Payment, refund: Refund, note: str) -> None:
        await self._cases.on_refund_rejected(tx, payment, refund, note)

    async def on_refund_failed(self, tx: Tx, payment: Payment, refund: Refund) -> None:
        await self._cases.on_refund_failed(tx, payment, refund)
