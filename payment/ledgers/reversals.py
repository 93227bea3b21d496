"""A wrong journal is taken back whole by another one: asked for by one person with a reason, approved by another (docs/adr/0068)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn
from uuid import UUID

import asyncpg

from base.clock import Clock
from base.db import Database, freeze, violates
from base.errors import Conflict, FieldError, Invalid, NotFound
from base.failpoint import point
from base.i18n import mark as _
from payment.ledger import JournalKind
from payment.ledgers import reversals_store as store
from payment.ledgers.model import Booked, Reversal, Told

reversal_posted = point("ledger.reversal-posted")

SHORTEST, LONGEST = 5, 500
# What follows a fact that the product itself looks after: it is taken back when the fact is.
NOT_BY_HAND = frozenset(
    {
        JournalKind.REFUND,
        JournalKind.REFUND_FAILED,
        JournalKind.REFUND_OVERTAKEN,
        JournalKind.PAYOUT,
        JournalKind.PAYOUT_FAILED,
        JournalKind.PAYOUT_ARRIVED,
        JournalKind.DISPUTE,
        JournalKind.DISPUTE_WON,
        JournalKind.DISPUTE_LOST,
        JournalKind.REVERSAL,
    }
)


class NotReversible(Conflict):
    code = "not_reversible"
    message = _(
        "This journal takes another one back, or follows a refund, payout or dispute. It is not reversed by hand."
    )


class AlreadyReversed(Conflict):
    code = "already_reversed"
    message = _("The reversal of this journal was asked for already, or it is reversed.")


class OwnReversal(Conflict):
    code = "own_reversal"
    message = _("You asked for this reversal, so another person has to approve it.")


class ReversalDecided(Conflict):
    code = "reversal_decided"
    message = _("This reversal was decided meanwhile.")


class StillUsed(Conflict):
    code = "journal_still_used"
    message = _("Later journals rest on this one (something was earned or given back). Reverse those first.")


def is_reversible(booked: Booked) -> bool:
    is_of_transfer = booked.kind.startswith("transfer_")  # goes back with its order
    return (
        booked.kind not in NOT_BY_HAND and not is_of_transfer and booked.reverses is None and booked.reversed_by is None
    )


class Reversals:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def journal(self, journal_id: int) -> Told:
        """With its entries and what was asked about it. Raises NotFound."""
        async with self._db.transaction() as conn:
            await freeze(conn)
            booked = await store.find_journal(conn, journal_id)
            if booked is None:
                raise NotFound
            entries, asked = await store.entries_of(conn, journal_id), await store.of_journal(conn, journal_id)
        return Told(booked=booked, entries=tuple(entries), reversals=tuple(asked))

    async def waiting(self) -> Sequence[Reversal]:
        """The oldest first."""
        async with self._db.connection() as conn:
            return await store.waiting(conn)

    async def request(self, journal_id: int, *, by: int, reason: str, key: UUID) -> None:
        """The same key again changes nothing. Raises NotFound, Invalid, NotReversible, AlreadyReversed."""
        reason = reason.strip()
        if not SHORTEST <= len(reason) <= LONGEST:
            raise Invalid([FieldError("/reason", "reason", _("Please say why, in 5 to 500 characters."))])
        try:
            async with self._db.transaction() as conn:
                booked = await store.find_journal(conn, journal_id)
                if booked is None:
                    raise NotFound
                if booked.reversed_by is not None:
                    raise AlreadyReversed
                if not is_reversible(booked):
                    raise NotReversible
                await store.insert(conn, key, journal_id, reason, by, self._clock())
        except asyncpg.IntegrityConstraintViolationError as error:
            _refuse(error)

    async def approve(self, reversal_id: UUID, *, by: int) -> int:
        """Booked on the day that is open now; the number of the journal that was reversed.
        Raises NotFound, OwnReversal, ReversalDecided, AlreadyReversed, StillUsed."""
        now = self._clock()
        try:
            async with self._db.transaction() as conn:
                await store.lock_payment_of(conn, reversal_id)
                await store.lock(conn, reversal_id)
                asked = await store.find(conn, reversal_id)
                if asked is None:
                    raise NotFound
                if asked.status == "requested":
                    if asked.requested_by == by:
                        raise OwnReversal
                    posted = await store.post(conn, asked.journal_id, now)
                    await store.decide(conn, reversal_id, "approved", by, now, posted)
                elif (asked.status, asked.decided_by) != ("approved", by):  # else the same person has clicked twice
                    raise ReversalDecided
        except asyncpg.IntegrityConstraintViolationError as error:
            _refuse(error)
        reversal_posted()
        return asked.journal_id

    async def reject(self, reversal_id: UUID, *, by: int) -> int:
        """Also by who asked, who withdraws it so. Raises NotFound, ReversalDecided."""
        async with self._db.transaction() as conn:
            await store.lock(conn, reversal_id)
            asked = await store.find(conn, reversal_id)
            if asked is None:
                raise NotFound
            if asked.status == "requested":
                await store.decide(conn, reversal_id, "rejected", by, self._clock(), None)
            elif (asked.status, asked.decided_by) != ("rejected", by):
                raise ReversalDecided
        return asked.journal_id


def _refuse(error: asyncpg.IntegrityConstraintViolationError) -> NoReturn:
    if violates(error, "reversal_of_original") or violates(error, "journal_of_transfer_by_order"):
        raise NotReversible from None
    if violates(error, "reversal_once") or violates(error, "journal_reversed_once"):
        raise AlreadyReversed from None
    if violates(error, "reversal_by_two"):
        raise OwnReversal from None
    if violates(error, "payment_advance_within_captured"):
        raise StillUsed from None
    raise error
