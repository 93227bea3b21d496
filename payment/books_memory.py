"""Books in memory, with the schema's rules, for simulations of many thousand runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from payment import memory_rules as rules
from payment.books import Overtaken, Refused
from payment.ledger import Journal
from payment.memory import MemoryDatabase, MemoryTx
from payment.model import UNSETTLED, Payment, PaymentStatus, Refund, RefundStatus
from payment.ports import Tx


def _payments(tx: Tx) -> dict[UUID, Payment]:
    return cast("MemoryTx", tx)["payment"]


def _refunds(tx: Tx) -> dict[UUID, Refund]:
    return cast("MemoryTx", tx)["refund"]


class MemoryBooks:
    def __init__(self, db: MemoryDatabase) -> None:
        self._db = db

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        async with self._db.transaction() as tx:
            yield tx

    async def payment(self, tx: Tx, payment_id: UUID, *, lock: bool = False) -> Payment | None:
        return _payments(tx).get(payment_id)

    async def living(self, tx: Tx, reference: UUID) -> Payment | None:
        return next((p for p in _payments(tx).values() if p.reference == reference and rules.is_living(p)), None)

    async def latest(self, tx: Tx, reference: UUID) -> Payment | None:
        own = [p for p in _payments(tx).values() if p.reference == reference and not p.surplus]
        own.sort(key=lambda p: p.id)
        return max(own, key=lambda p: (p.status is not PaymentStatus.FENCED, p.created_at), default=None)

    async def payment_of_session(self, tx: Tx, session_id: str) -> Payment | None:
        return next((p for p in _payments(tx).values() if p.session_id == session_id), None)

    async def insert_payment(self, tx: Tx, payment: Payment) -> bool:
        rules.check_payment(payment)
        if payment.id in _payments(tx):
            return False
        try:
            rules.unique_payment(payment, _payments(tx).values())
        except Refused:
            return False
        _payments(tx)[payment.id] = payment
        return True

    async def store_payment(self, tx: Tx, payment: Payment, was: PaymentStatus) -> None:
        stored = _payments(tx).get(payment.id)
        if stored is None or stored.status is not was:
            raise Overtaken
        self._put(tx, replace(payment, refunded_cents=stored.refunded_cents))

    def _put(self, tx: Tx, payment: Payment) -> None:
        rules.check_payment(payment)
        rules.unique_payment(payment, _payments(tx).values())
        _payments(tx)[payment.id] = payment

    async def due_payments(self, tx: Tx, checked_before: datetime, limit: int) -> list[Payment]:
        looked = ((p.checked_at or p.created_at, p.id, p) for p in _payments(tx).values() if p.status in UNSETTLED)
        return [p for _, _, p in sorted((at, key, p) for at, key, p in looked if at <= checked_before)][:limit]

    async def refund(self, tx: Tx, refund_id: UUID, *, lock: bool = False) -> Refund | None:
        return _refunds(tx).get(refund_id)

    async def refunds(self, tx: Tx, payment_id: UUID) -> list[Refund]:
        own = [r for r in _refunds(tx).values() if r.payment_id == payment_id]
        return sorted(own, key=lambda r: (r.created_at, r.id))

    async def insert_refund(self, tx: Tx, refund: Refund) -> bool:
        rules.check_refund(refund)
        if rules.same_by_rule(refund, _refunds(tx).values()):
            return False
        if refund.id in _refunds(tx):
            raise Refused("refund_pkey")
        if refund.payment_id not in _payments(tx):
            raise Refused("refund_payment_id_fkey")
        self._add_refunded(tx, refund.payment_id, refund.amount_cents)
        _refunds(tx)[refund.id] = refund
        return True

    async def store_refund(self, tx: Tx, refund: Refund, was: RefundStatus) -> None:
        stored = _refunds(tx).get(refund.id)
        if stored is None or stored.status is not was:
            raise Overtaken
        rules.check_refund(refund)
        rules.unique_refund(refund, _refunds(tx).values())
        if refund.status is RefundStatus.FAILED and was is not RefundStatus.FAILED:
            self._add_refunded(tx, refund.payment_id, -refund.amount_cents)
        _refunds(tx)[refund.id] = refund

    def _add_refunded(self, tx: Tx, payment_id: UUID, cents: int) -> None:
        payment = _payments(tx)[payment_id]
        self._put(tx, replace(payment, refunded_cents=payment.refunded_cents + cents))

    async def due_refunds(self, tx: Tx, checked_before: datetime, limit: int) -> list[Refund]:
        looked = ((r.checked_at or r.attempt_at, r.id, r) for r in _refunds(tx).values())
        due = [
            (at, key, r)
            for at, key, r in looked
            if r.status is RefundStatus.APPROVED or (r.status is RefundStatus.SUBMITTED and at <= checked_before)
        ]
        return [r for _, _, r in sorted(due)][:limit]

    async def post(self, tx: Tx, journal: Journal, at: datetime) -> None:
        table = cast("MemoryTx", tx)["journal"]
        key = (journal.kind, journal.payment_id, journal.refund_id)
        if key in table:
            raise Refused("journal_once")
        table[key] = journal

    async def journals(self, tx: Tx, payment_id: UUID) -> list[Journal]:
        return [journal for journal in cast("MemoryTx", tx)["journal"].values() if journal.payment_id == payment_id]

    async def keep_event(
        self, tx: Tx, vendor: str, event_id: str, kind: str, body: Mapping[str, Any], at: datetime
    ) -> bool:
        table = cast("MemoryTx", tx)["vendor_event"]
        is_new = (vendor, event_id) not in table
        table.setdefault((vendor, event_id), (kind, dict(body), at))
        return is_new

    async def listed_until(self, tx: Tx, provider: str) -> datetime | None:
        until: datetime | None = cast("MemoryTx", tx)["provider_listing"].get(provider)
        return until

    async def set_listed_until(self, tx: Tx, provider: str, until: datetime) -> None:
        table = cast("MemoryTx", tx)["provider_listing"]
        table[provider] = max(until, table.get(provider, until))
