"""After a run: one mail to whoever got nothing for the first time, and the list of those whom staff have to tell (docs/adr/0038)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from uuid import UUID

from base.clock import Clock
from base.db import Connection, Database
from base.errors import Conflict, NotFound
from base.failpoint import point
from base.i18n import mark as _
from base.rounds import each
from booking.allocation import store, words_store
from booking.allocation.model import RequestStatus
from booking.allocation.runs import Runs
from booking.allocation.store import Marked, RequestRow
from booking.allocation.telling import Teller
from booking.appointments.model import AppointmentStatus, Case

log = logging.getLogger(__name__)
word_mailed = point("allocation.word-mailed")
word_said = point("allocation.word-said")

_MAILS_PER_ROUND = 200


class Cases(Protocol):
    """What a call needs of appointments."""

    async def case(self, appointment_id: UUID) -> Case: ...

    async def pay(self, appointment_id: UUID, return_url: str) -> str | None: ...


class NothingToBook(Conflict):
    code = "nothing_to_book"
    message = _("There is no appointment on offer for this person any more.")


class PaidByLink(Conflict):
    code = "paid_by_link"
    message = _("This appointment costs a fee: it is booked once the person has paid by the link of the message.")


@dataclass(frozen=True, slots=True)
class Call:
    """What staff have to say to somebody without e-mail. `case`: what a run has given them."""

    id: int
    request: RequestRow
    case: Case | None
    next_on: date | None  # where nothing was given: when the next list closes, about


class Words:
    def __init__(self, db: Database, runs: Runs, teller: Teller, cases: Cases, clock: Clock) -> None:
        self._db = db
        self._runs = runs
        self._teller = teller
        self._cases = cases
        self._clock = clock

    async def mail_due(self) -> int:
        """The worker's turn. Whoever has withdrawn meanwhile is told nothing."""
        next_on = await self._next()
        async with self._db.connection() as conn:
            due = await words_store.mails(conn, _MAILS_PER_ROUND)
        return await each(
            due,
            lambda ident: self._mail(ident, next_on),
            log=log,
            failed="allocation.word-not-mailed",
            named=lambda ident: {"word": str(ident)},
        )

    async def _mail(self, ident: int, next_on: Mapping[int, date]) -> bool:
        async with self._db.transaction() as conn:
            word = await words_store.lock_mail(conn, ident)
            if word is None:
                return False
            row = await store.find_request(conn, word.request_id)
            if row is not None and row.status is RequestStatus.CONFIRMED:
                marked = (await _services(conn))[row.service_id]
                await self._teller.waits(conn, row, marked, next_on.get(row.service_id))
            await words_store.said(conn, ident, self._clock(), None)
        word_mailed()
        return True

    async def calls(self) -> list[Call]:
        next_on = await self._next()
        async with self._db.connection() as conn:
            due = await words_store.calls(conn)
            rows = [(word.id, await store.find_request(conn, word.request_id)) for word in due]
        found = []
        for ident, row in rows:
            if row is not None:
                case = await self._cases.case(row.appointment_id) if row.appointment_id else None
                found.append(Call(ident, row, case, next_on.get(row.service_id)))
        return found

    async def say(self, ident: int, by: int) -> None:
        """Twice is no mistake. Raises NotFound."""
        async with self._db.transaction() as conn:
            if await words_store.find_word(conn, ident) is None:
                raise NotFound
            await words_store.said(conn, ident, self._clock(), by)
        word_said()

    async def book(self, ident: int, by: int) -> None:
        """What a run has given is booked for the person, who was told so. Raises NotFound, NothingToBook, PaidByLink."""
        async with self._db.connection() as conn:
            word = await words_store.find_word(conn, ident)
            row = None if word is None else await store.find_request(conn, word.request_id)
        if row is None:
            raise NotFound
        case = await self._cases.case(row.appointment_id) if row.appointment_id else None
        if case is None or case.status not in (AppointmentStatus.HELD, AppointmentStatus.CONFIRMED):
            raise NothingToBook
        if case.status is AppointmentStatus.HELD:
            if case.fee:
                raise PaidByLink
            await self._cases.pay(case.id, "")
        await self.say(ident, by)

    async def _next(self) -> Mapping[int, date]:
        async with self._db.connection() as conn:
            services = await _services(conn)
        return {
            ident: day for ident, one in services.items() if (day := await self._runs.next_closing(one)) is not None
        }


async def _services(conn: Connection) -> Mapping[int, Marked]:
    return {one.service_id: one for one in await store.marked(conn)}
