"""Letters of invitations: one by one, or all that wait as a print run. What is in a run is printed; its file can be fetched again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from base.clock import Clock
from base.db import Database
from base.errors import Conflict, NotFound
from base.failpoint import point
from base.i18n import mark as _
from base.i18n import zone
from base.typesetting.setting import Unsettable
from booking.appointments.invited import InvitationOver
from booking.availability.slots import day_of
from booking.invitations import print_store, store
from booking.invitations.model import InvitationStatus, PrintRuns
from booking.invitations.sealing import Sealing
from booking.invitations.store import InvitationRow
from booking.invitations.telling import told
from notifications.fields import invitation_fields
from notifications.letters import InvitationLetter, Letters, print_file

log = logging.getLogger(__name__)
letters_taken = point("invitation.letters-taken")

_RUNS = UUID("0f3a3f0e-8f0b-4d1c-9a58-6a1c52a1c7d3")  # name space of request keys
_MOST_OF_A_RUN = 200  # some seconds of work
_MOST_LISTED = 20
_ANSWERED_BY = "115"  # where the city names no telephone of its own
_OVER = (InvitationStatus.WITHDRAWN, InvitationStatus.LAPSED)


class NothingToPrint(Conflict):
    code = "nothing_to_print"
    message = _("No letter waits to be printed.")


class NoAddress(Conflict):
    code = "no_address"
    message = _("There is no postal address to which a letter could go.")


class LetterRefused(Conflict):
    code = "letter_refused"
    message = _("No PDF can be made of this letter.")


class Printing:
    def __init__(self, db: Database, letters: Letters, sealing: Sealing, clock: Clock, public_url: str) -> None:
        self._db = db
        self._letters = letters
        self._sealing = sealing
        self._clock = clock
        self._public_url = public_url

    async def letter(self, office_id: int, ident: UUID) -> bytes:
        """Of one invitation, also where its link went by mail. Raises NotFound, InvitationOver, NoAddress, LetterRefused."""
        async with self._db.connection() as conn:
            row = await store.find(conn, ident)
        if row is None or row.office_id != office_id:
            raise NotFound
        if row.status(self._clock()) in _OVER or row.details is None:
            raise InvitationOver
        try:
            return await asyncio.to_thread(self._letters.pdf, self._letter(row), self._clock())
        except Unsettable as error:
            raise LetterRefused from error

    async def print(self, office_id: int, by: int, key: str) -> UUID:
        """All that wait, at most as many as a file can well have; a letter of which no PDF can be made goes on waiting.
        The same request again is the same run. Raises NothingToPrint."""
        ident, now = uuid5(_RUNS, f"{office_id}:{by}:{key}"), self._clock()
        async with self._db.connection() as conn:
            rows = await print_store.to_print(conn, office_id, now, _MOST_OF_A_RUN)
        _pdf, printed = await self._run(rows)
        async with self._db.transaction() as conn:
            is_new = await print_store.insert_run(conn, ident, office_id, by, now)
            if is_new and not await print_store.take(conn, office_id, now, ident, printed):
                raise NothingToPrint
        letters_taken()
        return ident

    async def runs(self, office_id: int) -> PrintRuns:
        async with self._db.connection() as conn:
            count = await print_store.waiting(conn, office_id, self._clock())
            return PrintRuns(count, tuple(await print_store.runs(conn, office_id, _MOST_LISTED)))

    async def file(self, office_id: int, ident: UUID) -> bytes:
        """All letters of a run. Raises NotFound, also where none of them is left."""
        async with self._db.connection() as conn:
            rows = await print_store.letters(conn, office_id, ident)
        pdf, printed = await self._run(rows)
        if not printed:
            raise NotFound
        return pdf

    async def _run(self, rows: Sequence[InvitationRow]) -> tuple[bytes, list[UUID]]:
        """The file, and the invitations whose letters are in it: without those of which no letter can be made."""
        letters = {}
        for row in rows:
            try:
                letters[row.id] = self._letter(row)
            except NoAddress:
                _left_out(row.id)
        return await print_file(self._letters, letters, self._clock(), _left_out)

    def _letter(self, row: InvitationRow) -> InvitationLetter:
        """Raises NoAddress."""
        invited = self._sealing.open(row.id, row.details)
        if invited is None or invited.contact.postal_address is None:
            raise NoAddress
        return InvitationLetter(
            language=row.language,
            written_on=day_of(self._clock(), zone(row.time_zone)),
            recipient=(invited.contact.name, *invited.contact.postal_address),
            fields=invitation_fields(told(row, self._public_url, self._sealing.token(row.id))),
            phone=row.phone or _ANSWERED_BY,
            reference=invited.reference,
            site=f"{urlsplit(self._public_url).netloc}/{row.language}/invitation",
            code=self._sealing.code(row.id),
        )


def _left_out(ident: UUID) -> None:
    log.error("letter left out of its run", extra={"invitation": str(ident)})
