"""Books in memory, with the schema's rules, for simulations of many thousand runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import date, datetime
from typing import cast
from uuid import UUID

from payment import memory_rules as rules
from payment.books import LATE_MONEY, Overtaken, Refused
from payment.ledger import IN_ADVANCE, Journal, JournalKind
from payment.memory import MemoryDatabase, MemoryTx
from payment.model import (
    DISPUTED,
    ERASED_NOTE,
    LIVING,
    UNSETTLED,
    Dispute,
    DisputeStatus,
    Payment,
    PaymentStatus,
    Refund,
    RefundStatus,
    RefundStep,
    Troubles,
    owed_cents,
)
from payment.ports import Tx, VendorEvent


def _payments(tx: Tx) -> dict[UUID, Payment]:
    return cast("MemoryTx", tx)["payment"]


def _refunds(tx: Tx) -> dict[UUID, Refund]:
    return cast("MemoryTx", tx)["refund"]


def _disputes(tx: Tx) -> dict[UUID, Dispute]:
    return cast("MemoryTx", tx)["dispute"]


class MemoryBooks:
    def __init__(self, db: MemoryDatabase) -> None:
        self._db = db

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        async with self._db.transaction() as tx:
            yield tx

    def apart(self) -> AbstractAsyncContextManager[Tx]:
        """As one transaction: nothing but the store is awaited inside, so nobody is there to see the difference."""
        return self.transaction()

    async def payment(self, tx: Tx, payment_id: UUID, *, lock: bool = False) -> Payment | None:
        return _payments(tx).get(payment_id)

    async def living(self, tx: Tx, reference: UUID) -> Payment | None:
        return next((p for p in _payments(tx).values() if p.reference == reference and rules.is_living(p)), None)

    async def latest(self, tx: Tx, reference: UUID) -> Payment | None:
        own = [p for p in _payments(tx).values() if p.reference == reference and not p.surplus]
        own.sort(key=lambda p: p.id)
        return max(own, key=lambda p: (p.status in LIVING, p.created_at), default=None)

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
        rules.payment_changes(stored, payment)
        payment = replace(payment, capture=stored.capture)
        own = replace(payment, refunded_cents=stored.refunded_cents, advance_cents=stored.advance_cents)
        self._put(tx, replace(own, service_day=stored.service_day))

    async def serve_on(self, tx: Tx, references: Collection[UUID], day: date) -> None:
        for payment in list(_payments(tx).values()):
            if payment.reference in references and payment.status is not PaymentStatus.FENCED:
                _payments(tx)[payment.id] = replace(payment, service_day=day)

    async def due_to_earn(self, tx: Tx, today: date, limit: int) -> list[UUID]:
        earned = {key[1] for key in cast("MemoryTx", tx)["journal"] if key[0] is JournalKind.EARNED}
        due = [
            (payment.service_day, payment.id)
            for payment in _payments(tx).values()
            if payment.status is PaymentStatus.PAID
            and payment.service_day is not None
            and payment.service_day <= today
            and payment.id not in earned
            and payment.advance_cents > owed_cents(await self.refunds(tx, payment.id))
        ]
        return [ident for _, ident in sorted(due)[:limit]]

    def _put(self, tx: Tx, payment: Payment) -> None:
        rules.check_payment(payment)
        rules.unique_payment(payment, _payments(tx).values())
        _payments(tx)[payment.id] = payment

    async def due_payments(
        self, tx: Tx, checked_before: datetime, attention_before: datetime, limit: int
    ) -> list[Payment]:
        until = dict.fromkeys(UNSETTLED, checked_before)
        until |= {PaymentStatus.ATTENTION: attention_before, PaymentStatus.LAPSED: attention_before}

        def looked_before(p: Payment) -> datetime | None:
            if p.status is PaymentStatus.AUTHORISED:
                if p.take_cents is None:
                    return attention_before
                return checked_before if p.checked_at is not None else p.created_at  # ordered, and not asked yet
            return until.get(p.status)

        looked = (
            (p.checked_at or p.created_at, p.id, p)
            for p in _payments(tx).values()
            if looked_before(p) is not None
            and (p.status is not PaymentStatus.LAPSED or p.created_at >= attention_before - LATE_MONEY)
        )
        due = [(at, key, p) for at, key, p in looked if at <= (looked_before(p) or at)]
        return [p for _, _, p in sorted(due, key=lambda one: one[:2])][:limit]

    async def due_to_take(self, tx: Tx, end: datetime, today: date, limit: int) -> list[UUID]:
        due = [
            (p.authorised_until, p.id)
            for p in _payments(tx).values()
            if p.status is PaymentStatus.AUTHORISED
            and p.take_cents is None
            and p.authorised_until is not None
            and (p.authorised_until <= end or (p.service_day is not None and p.service_day < today))
        ]
        return [ident for _, ident in sorted(due)[:limit]]

    async def uncovered(self, tx: Tx, reference: UUID) -> Payment | None:
        own = [p for p in _payments(tx).values() if p.reference == reference and not p.surplus]
        if any(p.is_secured for p in own):
            return None
        gone = sorted((p for p in own if p.is_uncovered), key=lambda p: p.id)
        return max(gone, key=lambda p: p.created_at, default=None)

    async def refund(self, tx: Tx, refund_id: UUID, *, lock: bool = False) -> Refund | None:
        return _refunds(tx).get(refund_id)

    async def refunds(self, tx: Tx, payment_id: UUID) -> list[Refund]:
        own = [r for r in _refunds(tx).values() if r.payment_id == payment_id]
        return sorted(own, key=lambda r: (r.created_at, r.id))

    async def refunds_for(self, tx: Tx, reference: UUID) -> list[Refund]:
        own = [r for r in _refunds(tx).values() if _payments(tx)[r.payment_id].reference == reference]
        return sorted(own, key=lambda r: (r.created_at, r.id))

    async def insert_refund(self, tx: Tx, refund: Refund) -> bool:
        rules.not_made_while_disputed(refund, await self.disputes(tx, refund.payment_id))
        rules.starts_unsent(refund, _refunds(tx))
        rules.check_refund(refund)
        if rules.same_by_rule(refund, _refunds(tx).values()):
            return False
        if refund.id in _refunds(tx):
            raise Refused("refund_pkey")
        rules.unique_refund(refund, _refunds(tx).values())
        if refund.payment_id not in _payments(tx):
            raise Refused("refund_payment_id_fkey")
        if refund.retry_of not in (None, *_refunds(tx)):
            raise Refused("refund_retry_of_fkey")
        self._add_refunded(tx, refund.payment_id, rules.counted_cents(refund))
        _refunds(tx)[refund.id] = refund
        return True

    async def store_refund(self, tx: Tx, refund: Refund, was: RefundStatus) -> None:
        stored = _refunds(tx).get(refund.id)
        if stored is None or stored.status is not was:
            raise Overtaken
        refund = replace(refund, note=stored.note, needs_approval=stored.needs_approval, caused_by=stored.caused_by)
        rules.decided_once(stored, refund)
        rules.not_sent_while_disputed(stored, refund, await self.disputes(tx, refund.payment_id))
        rules.check_refund(refund, stored)
        rules.unique_refund(refund, _refunds(tx).values())
        self._add_refunded(tx, refund.payment_id, rules.counted_cents(refund) - rules.counted_cents(stored))
        rules.rejected_with_reason(stored, refund, cast("MemoryTx", tx)["refund_step"].values())
        _refunds(tx)[refund.id] = refund

    async def write_step(self, tx: Tx, step: RefundStep) -> None:
        table = cast("MemoryTx", tx)["refund_step"]
        table[len(table)] = step

    async def steps(self, tx: Tx, payment_id: UUID) -> list[RefundStep]:
        own = {r.id for r in _refunds(tx).values() if r.payment_id == payment_id}
        return [step for step in cast("MemoryTx", tx)["refund_step"].values() if step.refund_id in own]

    async def erase_notes(self, tx: Tx, reference: UUID) -> bool:
        of_it = [r for r in _refunds(tx).values() if _payments(tx)[r.payment_id].reference == reference]
        steps = cast("MemoryTx", tx)["refund_step"]
        for key, step in list(steps.items()):
            if step.note is not None and step.refund_id in {r.id for r in of_it}:
                steps[key] = replace(step, note=ERASED_NOTE)
        for refund in of_it:
            if refund.note is not None and refund.decided_at is not None:
                _refunds(tx)[refund.id] = replace(refund, note=ERASED_NOTE)
        return any(r.status is RefundStatus.REQUESTED for r in of_it)

    def _add_refunded(self, tx: Tx, payment_id: UUID, cents: int) -> None:
        if not cents:
            return
        payment = _payments(tx)[payment_id]
        self._put(tx, replace(payment, refunded_cents=payment.refunded_cents + cents))

    async def due_refunds(self, tx: Tx, now: datetime, limit: int) -> list[Refund]:
        disputed = {d.payment_id for d in _disputes(tx).values() if d.status in DISPUTED}
        due = [
            r
            for r in _refunds(tx).values()
            if rules.is_due(r, now) and not (r.status is RefundStatus.APPROVED and r.payment_id in disputed)
        ]
        return sorted(due, key=lambda r: (r.checked_at or r.attempt_at, r.id))[:limit]

    async def payment_of_charge(self, tx: Tx, charge_id: str) -> Payment | None:
        own = sorted((p for p in _payments(tx).values() if p.charge_id == charge_id), key=lambda p: p.id)
        return own[0] if own else None

    async def dispute(self, tx: Tx, provider_id: str, *, lock: bool = False) -> Dispute | None:
        return next((d for d in _disputes(tx).values() if d.provider_id == provider_id), None)

    async def disputes(self, tx: Tx, payment_id: UUID) -> list[Dispute]:
        own = [d for d in _disputes(tx).values() if d.payment_id == payment_id]
        return sorted(own, key=lambda d: (d.opened_at, d.id))

    async def insert_dispute(self, tx: Tx, dispute: Dispute) -> None:
        rules.of_paid(_payments(tx).get(dispute.payment_id))
        rules.check_dispute(dispute)
        rules.unique_dispute(dispute, _disputes(tx).values())
        _disputes(tx)[dispute.id] = dispute

    async def store_dispute(self, tx: Tx, dispute: Dispute, was: DisputeStatus) -> None:
        stored = _disputes(tx).get(dispute.id)
        if stored is None or stored.status is not was:
            raise Overtaken
        rules.dispute_changes(stored, dispute)
        rules.check_dispute(dispute)
        _disputes(tx)[dispute.id] = dispute

    async def due_disputes(self, tx: Tx, checked_before: datetime, limit: int) -> list[Dispute]:
        open_ones = [d for d in _disputes(tx).values() if not d.is_settled]
        due = [d for d in open_ones if (d.checked_at or d.created_at) <= checked_before]
        return sorted(due, key=lambda d: (d.checked_at or d.created_at, d.id))[:limit]

    async def post(self, tx: Tx, journal: Journal, at: datetime) -> None:
        table = cast("MemoryTx", tx)["journal"]
        key = (journal.kind, journal.payment_id, journal.refund_id, journal.dispute_id)
        if key in table:
            raise Refused("journal_once")
        table[key] = journal
        if in_advance := sum(one.amount_cents for one in journal.entries if one.account == IN_ADVANCE):
            payment = _payments(tx)[journal.payment_id]
            self._put(tx, replace(payment, advance_cents=payment.advance_cents - in_advance))

    async def journals(self, tx: Tx, payment_id: UUID) -> list[Journal]:
        return [journal for journal in cast("MemoryTx", tx)["journal"].values() if journal.payment_id == payment_id]

    async def keep_event(self, tx: Tx, vendor: str, event: VendorEvent, at: datetime) -> bool:
        table = cast("MemoryTx", tx)["vendor_event"]
        is_new = (vendor, event.id) not in table
        table.setdefault((vendor, event.id), (event.kind, event.payment_id, event.refund_id, at))
        return is_new

    async def listed_until(self, tx: Tx, provider: str) -> datetime | None:
        until: datetime | None = cast("MemoryTx", tx)["provider_listing"].get(provider)
        return until

    async def set_listed_until(self, tx: Tx, provider: str, until: datetime) -> None:
        table = cast("MemoryTx", tx)["provider_listing"]
        table[provider] = max(until, table.get(provider, until))

    async def troubles(self, tx: Tx) -> Troubles:
        tried_anew = {r.retry_of for r in _refunds(tx).values()}
        failed = [
            r
            for r in _refunds(tx).values()
            if r.status is RefundStatus.FAILED
            and r.id not in tried_anew
            and not r.is_transferred
            and _payments(tx)[r.payment_id].refundable
        ]
        attention = [p for p in _payments(tx).values() if p.status is PaymentStatus.ATTENTION]
        waiting = (DisputeStatus.INQUIRY, DisputeStatus.OPEN)
        disputes = [d for d in _disputes(tx).values() if d.status in waiting or d.attention is not None]
        references = {p.reference for p in _payments(tx).values() if p.is_uncovered}
        uncovered = [one for one in references if await self.uncovered(tx, one) is not None]
        since = [r.attempt_at for r in _refunds(tx).values() if r.status is RefundStatus.REQUESTED]
        return Troubles(
            failed_refunds=len(failed),
            attention=len(attention),
            disputes=len(disputes),
            uncovered=len(uncovered),
            waiting=len(since),
            waiting_since=min(since, default=None),
        )
