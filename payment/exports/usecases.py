"""A closed day goes to the treasury as a batch: made once, sent as often as anybody likes, acknowledged once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from hashlib import sha256

import asyncpg

from base.clock import Clock
from base.db import Connection, Database, freeze, violates
from base.errors import Conflict, DomainError, NotFound
from base.i18n import mark as _
from payment.exports import store
from payment.exports.batch import Profile, files
from payment.exports.datev import AccountUnmapped
from payment.exports.delimited import DoesNotFit
from payment.exports.model import Batch, Contents, Day, Dispatch, File, Unacknowledged
from payment.exports.rows import items, totals
from payment.ledgers import store as ledgers_store
from payment.ledgers.model import ClosedDay

_SHOWN = 400
_TRIES = 5  # somebody else may take the number while the files are made


class DayNotClosed(Conflict):
    code = "day_not_closed"
    message = _("Only a closed day goes to the treasury, and this day is not closed.")


class NotExportable(Conflict):
    code = "not_exportable"
    message = _("The files for the treasury cannot be written as they are set up: {why}")


class Acknowledged(Conflict):
    code = "batch_acknowledged"
    message = _("This batch is acknowledged already.")


class ReferenceWrong(DomainError):
    code = "acknowledgement_reference"
    status = 422
    message = _("The treasury's reference has 1 to 100 characters.")


class Exports:
    """`profile`: how this treasury wants its files; batches that were made stay as they are. `due_days`: after so many days without the
    treasury's word a closed day is overdue."""

    def __init__(self, db: Database, clock: Clock, profile: Profile, *, due_days: int = 3) -> None:
        self._db = db
        self._clock = clock
        self._profile = profile
        self._due = timedelta(days=due_days)

    async def make(self, day: date, *, by: int) -> Batch:
        """Or the one that is there. Raises DayNotClosed, NotExportable."""
        for _try in range(_TRIES):
            async with self._db.transaction() as conn:
                await freeze(conn)
                if (found := await store.find_of_day(conn, day)) is not None:
                    return found
                closed = await ledgers_store.find_closed_day(conn, day)
                if closed is None:
                    raise DayNotClosed
                booked = await _booked(conn, await store.next_number(conn), closed)
            if (made := await self._stored(booked, by)) is not None:
                return made
        raise Conflict

    async def find(self, day: date) -> Batch | None:
        """The batch of a day, if one is made."""
        async with self._db.connection() as conn:
            return await store.find_of_day(conn, day)

    async def _stored(self, day: Day, by: int) -> Batch | None:
        """None where somebody else was first."""
        try:
            made = await asyncio.to_thread(files, day, self._profile)
        except (AccountUnmapped, DoesNotFit) as error:
            raise NotExportable(why=str(error)) from None
        batch = Batch(
            number=day.batch,
            day=day.business_day,
            made_by=by,
            made_at=self._clock(),
            manifest_sha256=sha256(made[-1].content).digest(),
        )
        try:
            async with self._db.transaction() as conn:
                await store.insert_batch(conn, batch)
                await store.insert_files(conn, day.batch, made)
                return await store.find(conn, day.batch)
        except asyncpg.IntegrityConstraintViolationError as error:
            if violates(error, "export_batch_gapless") or violates(error, "export_batch_day_once"):
                return None
            raise

    async def file(self, number: int, form: str, *, by: int) -> File:
        """As it was made, to the byte; who fetched it is written down. Raises NotFound."""
        async with self._db.transaction() as conn:
            found = await store.find_file(conn, number, form)
            if found is None:
                raise NotFound
            await store.insert_download(conn, number, form, by, self._clock())
        return found

    async def dispatch(self, number: int) -> Dispatch:
        """Raises NotFound."""
        async with self._db.transaction() as conn:
            await freeze(conn)
            batch = await store.find(conn, number)
            if batch is None:
                raise NotFound
            files_of, fetched = await store.files_of(conn, number), await store.downloads(conn, number, _SHOWN)
        return Dispatch(batch=batch, files=tuple(files_of), downloads=tuple(fetched))

    async def contents(self, number: int) -> Contents:
        """Of a batch: its totals and the items behind them, from the books. Raises NotFound."""
        async with self._db.transaction() as conn:
            await freeze(conn)
            batch = await store.find(conn, number)
            closed = None if batch is None else await ledgers_store.find_closed_day(conn, batch.day)
            if closed is None:
                raise NotFound
            day = await _booked(conn, number, closed)
        listed, vouchers = items(day), {voucher.label: voucher for voucher in day.vouchers}
        return Contents(
            batch=number,
            day=day.business_day,
            currency=day.currency,
            totals=tuple(totals(listed)),
            items=tuple((item, vouchers[item.voucher]) for item in listed),
        )

    async def batches(self) -> tuple[Sequence[Unacknowledged], Sequence[Batch]]:
        """Closed days that the treasury has not acknowledged, the oldest first; batches, the youngest first."""
        async with self._db.transaction() as conn:
            await freeze(conn)
            return await store.unacknowledged(conn, self._clock() - self._due), await store.latest(conn, _SHOWN)

    async def overdue(self) -> Sequence[Unacknowledged]:
        async with self._db.connection() as conn:
            waiting = await store.unacknowledged(conn, self._clock() - self._due)
        return [one for one in waiting if one.is_overdue]

    async def acknowledge(self, number: int, *, by: int, reference: str) -> Batch:
        """What the treasury answered; the same answer by the same person changes nothing. Raises NotFound, Acknowledged, ReferenceWrong."""
        try:
            async with self._db.transaction() as conn:
                await store.acknowledge(conn, number, by, self._clock(), reference.strip())
                found = await store.find(conn, number)
        except asyncpg.ForeignKeyViolationError:
            raise NotFound from None
        except asyncpg.IntegrityConstraintViolationError as error:
            if violates(error, "export_acknowledgement_once"):
                known = (await self.dispatch(number)).batch
                if (known.acknowledged_by, known.reference) == (by, reference.strip()):
                    return known
                raise Acknowledged from None
            if violates(error, "export_acknowledgement_reference"):
                raise ReferenceWrong from None
            raise
        assert found is not None
        return found


async def _booked(conn: Connection, number: int, closed: ClosedDay) -> Day:
    """Raises NotExportable where it has more than one currency."""
    currencies = await store.currencies(conn, closed.day)
    if len(currencies) > 1:
        raise NotExportable(why=", ".join(currencies))
    return Day(
        batch=number,
        business_day=closed.day,
        closed_at=closed.closed_at,
        root_sha256=closed.root_sha256,
        currency=next(iter(currencies), "EUR"),
        vouchers=await store.vouchers(conn, closed.day),
    )
