"""Whoever shows that a mailbox or a telephone is theirs sees what is booked with it (docs/adr/0023).

Asking always gets the same answer after the same work; the worker looks what there is. Nothing here is logged but counts, and
the id of a link that could not be answered.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid5

from base.clock import Clock
from base.db import Connection, Database
from base.errors import DomainError, Gone, Unauthenticated
from base.failpoint import point
from base.i18n import mark as _
from base.i18n import pick
from base.identity.store import take_attempt
from base.identity.usecases import network_of
from base.rounds import each
from base.seal import Sealer, is_token, new_token, token_sha256
from booking.appointments.unasked import CONTACT_LIMIT, NETWORK_LIMIT
from booking.appointments.usecases import Appointments
from booking.catalogue.store import find_city
from booking.overview import store
from booking.overview.model import FORGOTTEN, LINK_GOOD, LIST_OPEN, Listed, Opened, Reach
from booking.overview.store import Asked, LinkRow
from notifications.usecases import Notifications

log = logging.getLogger(__name__)
overview_asked = point("overview.asked")
overview_answered = point("overview.answered")
overview_opened = point("overview.opened")

_LINKS = UUID("0b7a2f34-93d5-4a0e-8a8a-5f0e2c9d7e61")  # name space of request keys
_AT_ONCE = 50


class AskedTooOften(DomainError):
    """From one network, whatever contacts."""

    code = "asked_too_often"
    status = 429
    message = _("This was asked for very often from your network. Please try again in a few minutes.")


class LinkOver(Gone):
    code = "link_over"
    message = _("This link has been used already, or its time is over. Please ask for a new one.")


class Overviews:
    def __init__(
        self,
        db: Database,
        appointments: Appointments,
        notifications: Notifications,
        sealer: Sealer,
        clock: Clock,
        public_url: str,
    ) -> None:
        self._db = db
        self._appointments = appointments
        self._notifications = notifications
        self._sealer = sealer
        self._clock = clock
        self._public_url = public_url

    @property
    def can_text(self) -> bool:
        return self._notifications.can_text

    async def ask(self, reach: Reach, contact: str, language: str, key: str, address: str) -> None:
        """For a link to a contact, as Contact has checked it. Whether there is anything to see is not told, nor that the contact was
        asked for too often. The same key asks once. Raises AskedTooOften."""
        ident, now = uuid5(_LINKS, f"{reach} {key}"), self._clock()
        hmac = self._sealer.look_up(contact, "email" if reach is Reach.EMAIL else "mobile")
        sealed = self._sealer.seal(contact, _context(ident))
        async with self._db.transaction() as conn:
            if await store.is_asked(conn, ident):
                return
            by_network = self._sealer.look_up(network_of(address), "overview.network")
            if not await take_attempt(conn, by_network, now, NETWORK_LIMIT):
                raise AskedTooOften
            is_sent = await take_attempt(conn, self._sealer.look_up(hmac.hex(), "overview.contact"), now, CONTACT_LIMIT)
            await store.insert_link(conn, ident, reach, language, hmac, sealed if is_sent else None, now)
        overview_asked()

    async def answer_due(self) -> int:
        """Send a link where something is booked; how many were looked at."""
        async with self._db.connection() as conn:
            due = await store.asked(conn, _AT_ONCE)
        return await each(
            due, self._answer_one, log=log, failed="overview.not-answered", named=lambda ident: {"link": str(ident)}
        )

    async def find_by_token(self, token: str) -> UUID | None:
        """Whose link this is, used or not."""
        if not token.isascii():
            return None
        async with self._db.connection() as conn:
            return await store.find_by_token(conn, token_sha256(token))

    async def authorise(self, ident: UUID, token: str) -> bool:
        """By the link's token or by what it was exchanged for; whether it still opens anything is said by the use cases."""
        async with self._db.connection() as conn:
            row = await store.find_link(conn, ident)
        return row is not None and (is_token(token, row.token_sha256) or is_token(token, row.session_sha256))

    async def is_open(self, ident: UUID, token: str) -> bool:
        """Whether the list is open for this token; else its link is still to be used. Raises Unauthenticated, LinkOver."""
        row = await self._row(ident)
        if is_token(token, row.session_sha256):
            if row.open_until is None or row.open_until <= self._clock():
                raise LinkOver
            return True
        if not is_token(token, row.token_sha256):
            raise Unauthenticated
        if row.session_sha256 is not None or row.good_until is None or row.good_until <= self._clock():
            raise LinkOver
        return False

    async def open(self, token: str, key: str) -> tuple[UUID, Opened]:
        """Use the link. The same key again: the same answer, so that one that was lost costs nothing. Raises Unauthenticated, LinkOver."""
        ident, now = await self.find_by_token(token), self._clock()
        if ident is None:
            raise Unauthenticated
        session = self._sealer.mac(f"overview:{ident}:{token}:{key}")
        async with self._db.transaction() as conn:
            is_used = await store.use(conn, ident, now, token_sha256(session), now + LIST_OPEN)
        if is_used:
            overview_opened()
        row = await self._row(ident)
        if not is_token(session, row.session_sha256) or row.open_until is None or row.open_until <= now:
            raise LinkOver
        return ident, Opened(session, row.open_until)

    async def cases(self, ident: UUID, token: str) -> Sequence[Listed]:
        """What is booked, reserved or still to be paid; what is over is not shown. Raises Unauthenticated, LinkOver."""
        if not await self.is_open(ident, token):
            raise Unauthenticated
        row = await self._row(ident)
        return [Listed(case, link) for case, link in await self._appointments.living_of(row.contact_hmac)]

    async def forget_over(self) -> int:
        """Whoever asked, and what was written to them; how many went."""
        async with self._db.transaction() as conn:
            gone = await store.delete_over(conn, self._clock() - FORGOTTEN)
            for ident in gone:
                await self._notifications.erase(conn, ident)
        return len(gone)

    async def _answer_one(self, ident: UUID) -> bool:
        async with self._db.transaction() as conn:
            asked = await store.lock_asked(conn, ident)
            if asked is None:
                return False
            await self._answer(conn, asked)
        overview_answered()
        return True

    async def _answer(self, conn: Connection, asked: Asked) -> None:
        now, token = self._clock(), new_token()
        can_send = asked.channel is Reach.EMAIL or self.can_text
        if not can_send or not await self._appointments.has_living(conn, asked.contact_hmac):
            await store.answer(conn, asked.id, now, None, None)
            return
        until = now + LINK_GOOD
        await store.answer(conn, asked.id, now, token_sha256(token), until)
        await self._send(conn, asked, token, until)

    async def _send(self, conn: Connection, asked: Asked, token: str, until: datetime) -> None:
        city = await find_city(conn)
        await self._notifications.enqueue(
            conn,
            key=f"overview_link:{asked.id}",
            reference=asked.id,
            template="overview_link",
            channel=asked.channel,
            language=asked.language,
            recipient=self._sealer.open(asked.contact, _context(asked.id)),
            fields={
                "city": pick(city.name, asked.language) if city else "",
                "time_zone": city.time_zone if city else None,
                "manage_url": f"{self._public_url}/{asked.language}/my-appointments/link/{token}",
                "good_until": until.isoformat(),
            },
            due_at=self._clock(),
        )

    async def _row(self, ident: UUID) -> LinkRow:
        async with self._db.connection() as conn:
            row = await store.find_link(conn, ident)
        if row is None:
            raise Unauthenticated
        return row


def _context(ident: UUID) -> str:
    return f"overview.contact:{ident}"
