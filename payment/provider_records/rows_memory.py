"""A provider's books in memory, with what is booked from them, for simulations. One provider.

Tables: `transaction` (first versions) and `payout` by id, `part` by transaction, `reading` by provider, `record_journal` by kind and
subject: entries.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from payment.ledger import BANK_IN_TRANSIT, PSP_CLEARING, PSP_FEES, Entry, JournalKind, moved
from payment.memory import MemoryDatabase
from payment.model import TRANSITIONS, PayoutStatus
from payment.provider_records.model import Payout, Transaction, TransactionKind


class RefusedStep(Exception):
    """As the trigger provider_payout_step refuses it."""


class MemoryRecordRows:
    def __init__(self, db: MemoryDatabase) -> None:
        self._db = db

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with self._db.transaction() as tx:
            yield tx

    connection = transaction

    async def lock(self, conn: Any, provider: str) -> None:
        """One transaction at a time anyway."""

    async def insert_transactions(self, conn: Any, provider: str, rows: Sequence[Transaction], at: datetime) -> int:
        new = [one for one in rows if one.id not in conn["transaction"]]
        conn["transaction"].update({one.id: one for one in new})
        return len(new)

    async def insert_payouts(self, conn: Any, provider: str, rows: Sequence[Payout], at: datetime) -> int:
        changed = [one for one in rows if _told(conn["payout"].get(one.id)) != _told(one)]
        for one in changed:
            before = conn["payout"].get(one.id)
            if before is not None and before.status is not one.status and not _may_follow(before.status, one.status):
                raise RefusedStep(f"{before.status} -> {one.status}")
            conn["payout"][one.id] = one
        return len(changed)

    async def payout_statuses(self, conn: Any, provider: str, ids: Sequence[str]) -> dict[str, PayoutStatus]:
        return {ident: conn["payout"][ident].status for ident in ids if ident in conn["payout"]}

    async def insert_parts(self, conn: Any, provider: str, payout_id: str, parts: Sequence[Transaction]) -> None:
        for one in parts:
            conn["part"].setdefault(one.id, (payout_id, one.net_cents))

    async def payouts_to_list(self, conn: Any, provider: str) -> list[str]:
        listed = {payout_id for payout_id, _ in conn["part"].values()}
        return [one.id for one in conn["payout"].values() if one.can_be_listed and one.id not in listed]

    async def first_payment_at(self, conn: Any, provider: str) -> datetime | None:
        return min((one.created_at for one in conn["payment"].values()), default=None)

    async def read_until(self, conn: Any, provider: str) -> datetime | None:
        until: datetime | None = conn["reading"].get(provider)
        return until

    async def set_read_until(self, conn: Any, provider: str, until: datetime) -> None:
        conn["reading"][provider] = max(until, conn["reading"].get(provider, until))

    async def analyze(self, conn: Any, *tables: str) -> None: ...

    async def prices_to_book(self, conn: Any) -> list[str]:
        booked = conn["record_journal"]
        rows = conn["transaction"].values()
        return [one.id for one in rows if one.fee_cents and (JournalKind.PSP_FEE, one.id) not in booked]

    async def book_prices(self, conn: Any, transactions: Sequence[str]) -> int:
        return sum(
            _book(conn, JournalKind.PSP_FEE, ident, moved(fee, debit=PSP_FEES, credit=PSP_CLEARING))
            for ident in transactions
            if (fee := conn["transaction"][ident].fee_cents)
        )

    async def book_payouts(self, conn: Any) -> int:
        return sum(
            _book(
                conn,
                JournalKind.PAYOUT,
                one.source_id,
                moved(-one.net_cents, debit=BANK_IN_TRANSIT, credit=PSP_CLEARING),
            )
            for one in conn["transaction"].values()
            if one.kind is TransactionKind.PAYOUT and one.net_cents < 0
        )

    async def book_failed_payouts(self, conn: Any) -> int:
        done = 0
        for one in conn["transaction"].values():
            out = conn["record_journal"].get((JournalKind.PAYOUT, one.source_id))
            if one.kind is TransactionKind.PAYOUT_FAILED and out is not None:
                back = tuple(Entry(entry.account, -entry.amount_cents) for entry in out)
                done += _book(conn, JournalKind.PAYOUT_FAILED, one.source_id, back)
        return done


def _book(conn: Any, kind: JournalKind, subject: str, entries: tuple[Entry, ...]) -> bool:
    """Once."""
    if (kind, subject) in conn["record_journal"]:
        return False
    conn["record_journal"][kind, subject] = entries
    return True


def _told(payout: Payout | None) -> Payout | None:
    return None if payout is None else replace(payout, raw={})


def _may_follow(before: PayoutStatus, after: PayoutStatus) -> bool:
    return any(was is before and to is after for (was, _), to in TRANSITIONS.items())
