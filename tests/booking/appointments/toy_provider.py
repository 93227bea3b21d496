"""A payment provider in thirty lines: sessions that are paid when the test says so, and a net that can fall silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from payment.ports import (
    Abilities,
    OutcomeUnknown,
    PaymentOrder,
    ProviderRefused,
    RefundOrder,
    RefundSnapshot,
    RefundState,
    SessionState,
    Snapshot,
    VendorEvent,
)


class ToyProvider:
    abilities = Abilities()

    def __init__(self) -> None:
        self.sessions: dict[str, Snapshot] = {}
        self.refunds: dict[str, RefundSnapshot] = {}
        self.silent = False

    def pay(self, payment_id: UUID) -> None:
        session = self.sessions[f"cs_{payment_id}"]
        if session.state is SessionState.OPEN:
            self.sessions[session.session_id] = replace(session, state=SessionState.PAID, charge_id=f"pi_{payment_id}")

    def state(self, payment_id: UUID) -> SessionState:
        return self.sessions[f"cs_{payment_id}"].state

    async def create(self, order: PaymentOrder, key: str) -> Snapshot:
        self._answer()
        made = Snapshot(
            session_id=f"cs_{order.payment_id}",
            payment_id=order.payment_id,
            state=SessionState.OPEN,
            amount=order.amount,
            url=f"https://pay.example/{order.payment_id}",
        )
        return self.sessions.setdefault(made.session_id, made)

    async def fetch(self, session_id: str) -> Snapshot:
        self._answer()
        return self.sessions[session_id]

    async def find(self, payment_id: UUID, created_after: datetime) -> Snapshot | None:
        self._answer()
        return self.sessions.get(f"cs_{payment_id}")

    async def fence(self, session_id: str) -> None:
        self._answer()
        session = self.sessions[session_id]
        if session.state is not SessionState.OPEN:
            raise ProviderRefused("not open")
        self.sessions[session_id] = replace(session, state=SessionState.DEAD)

    async def refund(self, order: RefundOrder, key: str) -> RefundSnapshot:
        self._answer()
        made = RefundSnapshot(
            provider_id=f"re_{order.refund_id}",
            refund_id=order.refund_id,
            state=RefundState.SUCCEEDED,
            amount=order.amount,
        )
        return self.refunds.setdefault(made.provider_id, made)

    async def fetch_refund(self, provider_id: str) -> RefundSnapshot:
        self._answer()
        return self.refunds[provider_id]

    async def find_refund(self, order: RefundOrder) -> RefundSnapshot | None:
        self._answer()
        return self.refunds.get(f"re_{order.refund_id}")

    async def changed(self, since: datetime) -> Sequence[Snapshot]:
        self._answer()
        return list(self.sessions.values())

    def parse_event(self, headers: Mapping[str, str], raw: bytes) -> VendorEvent:
        raise NotImplementedError

    def _answer(self) -> None:
        if self.silent:
            raise OutcomeUnknown("silent")
