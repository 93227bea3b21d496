"""A run: the provider's books are read, the four sides laid beside each other, and the worklist is brought up to date."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from base.clock import Clock
from base.db import Connection, Database, freeze
from base.errors import Conflict
from base.failpoint import point
from payment.ledger import BANK, BANK_IN_TRANSIT, JournalKind, moved
from payment.matching import sent_store, store
from payment.matching.match import beside, match
from payment.matching.model import Arrived, Cause, Cleared, Difference, Matched, Sides, Transferred
from payment.matching.settling import entries_of_cleared
from payment.matching.store import Span
from payment.ports import OutcomeUnknown, Tx
from payment.provider_records.model import Read
from payment.provider_records.usecases import ProviderRecords

log = logging.getLogger(__name__)

matched_stored = point("matching.stored")

LOOK_BACK = timedelta(days=45)  # of a run by night; further where something older is open
SENT_BEFORE = timedelta(days=14)  # of the first day looked at, so that a line of that day finds what it is
ON_ITS_WAY = timedelta(hours=1)  # younger money may be there and not here yet
_WHATEVER_THE_DAY = frozenset(
    {
        Cause.FAILED_REFUND,
        Cause.REFUND_AT_PROVIDER,
        Cause.OPEN_DISPUTE,
        Cause.LOST_DISPUTE,
        Cause.EXPORT_NOT_ACKNOWLEDGED,
    }
)
_REASON_MOST = 300
_EVER = datetime.min.replace(tzinfo=UTC)


class Transfers(Protocol):
    """Whoever makes transfers, told that one of them stands on a statement."""

    async def find_sent(self, tx: Tx, end_to_end_id: str) -> UUID | None: ...
    async def arrived(self, tx: Tx, order_id: UUID, bank_entry_ref: str) -> object: ...
    async def returned(self, tx: Tx, order_id: UUID, reason: str) -> object:
        """Both raise Conflict where the order has gone on meanwhile."""


class Recognise(Protocol):
    """Whoever books refunds, told of a charge at the provider that has one of which we know nothing."""

    async def __call__(self, provider: str, charge_id: str) -> object:
        """May raise OutcomeUnknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a run compared and found. `silent`: providers that did not answer, so what they told last was compared."""

    first: date
    last: date
    booked: int
    moved: int
    matched: int
    opened: int
    closed: int
    differences: tuple[Difference, ...]
    silent: tuple[str, ...] = ()


class Matching:
    """`transfers`: None where none are made; `due_days`: within so many the treasury acknowledges a closed day."""

    def __init__(
        self,
        db: Database,
        records: ProviderRecords,
        clock: Clock,
        transfers: Transfers | None = None,
        recognise: Recognise | None = None,
        *,
        due_days: int = 3,
    ) -> None:
        self._db = db
        self._records = records
        self._clock = clock
        self._transfers = transfers
        self._recognise = recognise
        self._due = timedelta(days=due_days)

    async def by_night(self) -> int:
        """Once a day, as soon as the city's day before it is over. How many runs: none or one."""
        now = self._clock()
        async with self._db.connection() as conn:
            today = await store.today(conn, now)
            begin = await store.zone_start(conn, today)
            if await store.ran_since(conn, begin):
                return 0
            oldest = await store.oldest_open(conn)
        first = today - LOOK_BACK
        await self._run(min(first, oldest or first), today, await self._records.read(), None)
        return 1

    async def run(self, first: date, last: date, *, by: int) -> Ran:
        """Of these local days, for which the provider is read again. Again it gives the same: what is open stays open once, what is
        gone is closed."""
        async with self._db.connection() as conn:
            since = await store.zone_start(conn, first)
        return await self._run(first, last, await self._records.read(since), by)

    async def _run(self, first: date, last: date, read: Read, by: int | None) -> Ran:
        now, names = self._clock(), self._records.names
        async with self._db.connection() as conn:
            span = await _span(conn, first, last)
        await self._recognise_all(span, names)
        async with self._db.transaction() as conn:
            await freeze(conn)
            sides = await _sides(conn, span, names, now - self._due)
            until = await store.read_until(conn, names)
            prices = await store.prices(conn, names)
            charged = await store.charged(conn, span, names) if prices else []
        found = await asyncio.to_thread(match, sides, moved_until=now - ON_ITS_WAY, booked_until=until or _EVER)
        found = beside(found, charged, prices)
        async with self._db.transaction() as conn:
            await store.lock(conn)
            await store.put_links(conn, span, found.links)
            await self._put_arrived(conn, found, now)
            changes = await store.put_differences(conn, span, found.differences, _WHATEVER_THE_DAY, now)
            await store.insert_run(conn, span, by, now, len(sides.booked), len(sides.moved), len(found.links), changes)
        matched_stored()
        log.info("matching.ran", extra={"opened": changes[0], "closed": changes[1], "open": len(found.differences)})
        return Ran(
            first=first, last=last, booked=len(sides.booked), moved=len(sides.moved), matched=len(found.links),
            opened=changes[0], closed=changes[1], differences=found.differences, silent=read.silent,
        )  # fmt: skip

    async def _recognise_all(self, span: Span, names: frozenset[str]) -> None:
        """What people have given back on the provider's own pages is booked before the sides are laid beside each other."""
        if self._recognise is None:
            return
        async with self._db.connection() as conn:
            charges = await store.unknown_refunds(conn, span, names)
        for provider, charge_id in charges:
            try:
                await self._recognise(provider, charge_id)
            except OutcomeUnknown as silence:  # it stays a difference until the next run
                log.warning("matching.no_answer", extra={"provider": provider, "detail": str(silence)})
            except Exception:  # so does this, and the others are compared all the same
                log.exception("matching.not-recognised", extra={"provider": provider, "charge": charge_id})

    async def _put_arrived(self, conn: Connection, found: Matched, now: datetime) -> None:
        """What another run has put to its line meanwhile is left to it."""
        lines = [
            *(one.line for one in found.arrived),
            *(one.line for one in found.transferred),
            *(one.line for one in found.cleared),
        ]
        known = await store.matched_lines(conn, [one.place for one in lines])
        for one in found.arrived:
            if one.line.place not in known:
                await store.put_arrived(conn, one, await _book_arrived(conn, one, now), now)
        for each in found.transferred:
            if each.line.place not in known and await self._tell(conn, each):
                await store.put_transferred(conn, each.line, each.order, now)
        gone = await sent_store.cleared_already(conn, [sent.subject for one in found.cleared for sent in one.sent])
        for put in found.cleared:
            if put.line.place not in known and gone.isdisjoint(one.subject for one in put.sent):
                await _book_cleared(conn, put, now)

    async def _tell(self, conn: Connection, one: Transferred) -> bool:
        """False: nobody knows it, or it has gone on meanwhile, and the line stays to be looked at."""
        order = None if self._transfers is None else await self._transfers.find_sent(conn, one.order.hex)
        if order is None or self._transfers is None:
            return False
        try:
            if one.line.cents < 0:
                await self._transfers.arrived(conn, order, one.line.subject)
            else:
                await self._transfers.returned(
                    conn, order, f"Rückläufer: {one.line.text or one.line.subject}"[:_REASON_MOST]
                )
        except Conflict:
            return False
        return True


async def _book_arrived(conn: Connection, one: Arrived, now: datetime) -> int:
    entries = moved(one.line.cents, debit=BANK, credit=BANK_IN_TRANSIT)
    return await store.post(conn, JournalKind.PAYOUT_ARRIVED, f"{one.payout_id}#{one.line.subject}", now, entries)


async def _book_cleared(conn: Connection, one: Cleared, now: datetime) -> None:
    """Its line is a part of its name: what was parted can be put together anew."""
    subjects = [each.subject for each in one.sent]
    name = f"{','.join(subjects)}#{one.line.subject}"
    journal = await store.post(conn, JournalKind.TILL_ARRIVED, name, now, entries_of_cleared(one.line.cents, one.sent))
    await sent_store.put_line(conn, one.line.place, journal, now)
    await sent_store.clear(conn, journal, subjects)


async def _span(conn: Connection, first: date, last: date) -> Span:
    start = await store.zone_start(conn, first)
    return Span(first, last, start, await store.zone_start(conn, last + timedelta(days=1)))


async def _sides(conn: Connection, span: Span, names: frozenset[str], closed_before: datetime) -> Sides:
    late = await store.settled(conn, span)
    waiting: list[Any] = [
        *await store.failed_refunds(conn),
        *await store.made_at_provider(conn),
        *await store.disputes(conn),
        *await store.unacknowledged(conn, closed_before),
    ]
    booked, moved_there = await store.books_and_provider(conn, span, names)
    lines = await store.lines(conn, span)
    return Sides(
        booked=booked,
        moved=moved_there,
        payouts=await store.payouts(conn, span),
        lines=lines,
        statements=await store.statements(conn, span),
        waiting=waiting,
        settled=frozenset(late),
        late=late,
        sent=await sent_store.sent(conn, span.first - SENT_BEFORE, span.last),
        parted=await sent_store.parted(conn, span.first),
        stated=await sent_store.stated(conn),
        unlike=await sent_store.unlike(conn),
        first=span.first,
        orders=await store.orders(conn, {one.transfer for one in lines if one.transfer is not None}),
    )
