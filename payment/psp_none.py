"""Nobody: a city that takes no money online names this provider, so that what it costs is paid at a till and nothing else waits for it.

It never makes a session, so no payment of it ever becomes more than intended, and a fence finds at once that no money can come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from payment.ports import (
    Abilities,
    OutcomeUnknown,
    PaymentOrder,
    ProviderRefused,
    RefundOrder,
    RefundSnapshot,
    SignatureRefused,
    Snapshot,
    VendorEvent,
)

NONE = "none"


class NoProvider:
    abilities = Abilities(refund=False, collects=False)

    async def create(self, order: PaymentOrder, key: str) -> Snapshot:
        raise ProviderRefused("no_provider")

    async def fetch(self, session_id: str) -> Snapshot:
        raise OutcomeUnknown("no such session")

    async def find(self, payment_id: UUID, created_after: datetime) -> Snapshot | None:
        return None

    async def fence(self, session_id: str) -> None:
        raise ProviderRefused("no_provider")

    async def refund(self, order: RefundOrder, key: str) -> RefundSnapshot:
        raise ProviderRefused("no_provider")

    async def fetch_refund(self, provider_id: str) -> RefundSnapshot:
        raise OutcomeUnknown("no such refund")

    async def find_refund(self, order: RefundOrder) -> RefundSnapshot | None:
        return None

    async def changed(self, since: datetime) -> Sequence[Snapshot]:
        return ()

    def parse_event(self, headers: Mapping[str, str], raw: bytes) -> VendorEvent:
        raise SignatureRefused
