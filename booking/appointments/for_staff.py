"""What staff of an office read of its cases, and whom they reach."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from base.errors import Conflict, NotFound
from base.i18n import DEFAULT_LANGUAGE
from base.i18n import mark as _
from base.rounds import each
from booking.appointments import person_store, store, twin_store
from booking.appointments.contact import Contact, readable
from booking.appointments.lifecycle import HoldOver
from booking.appointments.model import AppointmentStatus, Brief, Case
from booking.appointments.persons import open_contact, open_mobile, open_name
from booking.appointments.reading import Reading
from booking.appointments.slots import Notice
from notifications.model import Untold
from video.rooms.model import Invitation

log = logging.getLogger(__name__)

_MOST_PAIRS = 500


class NobodyToAsk(Conflict):
    code = "nobody_to_ask"
    message = _("There is neither an e-mail address nor a mobile number to which the link to pay could go.")


class NothingToPay(Conflict):
    code = "nothing_to_pay"
    message = _("There is nothing to pay for this appointment.")


class ForStaff(Reading):
    """Of the office that may see it; names and contacts are never logged, never kept."""

    @property
    def can_text(self) -> bool:
        """Whether text messages are sent at all."""
        return self._notifications.can_text

    @property
    def only_at_till(self) -> bool:
        """Nothing is paid online: what costs something is booked at once, and paid at a till."""
        return self._payments.only_at_till

    def can_reach(self, contact: Contact) -> bool:
        """Whether a message can go there; a letter is written by hand."""
        return contact.email is not None or (contact.mobile is not None and self.can_text)

    async def at_office(self, office_id: int, typed: str) -> Case:
        """of_office() by its number, as somebody typed it."""
        ident = await self.find_by_number(typed)
        if ident is None:
            raise NotFound
        return await self.of_office(office_id, ident)

    async def of_office(self, office_id: int, appointment_id: UUID) -> Case:
        """Of the office that it was booked at, or whose counter serves it. Raises NotFound for all others."""
        case = await self.case(appointment_id)
        if office_id not in (case.office_id, await self.find_office(appointment_id)):
            raise NotFound
        return case

    async def duplicates(self, office_id: int) -> list[tuple[Brief, ...]]:
        """Booked more than once by one person for one service, with at least one of them at this office; the earliest first."""
        async with self._db.connection() as conn:
            pairs = await twin_store.pairs_at(conn, office_id, self._clock(), _MOST_PAIRS)
            found = {brief.id: brief for brief in await store.briefs(conn, {one for pair in pairs for one in pair})}
        groups: dict[UUID, set[UUID]] = {}
        for one, other in pairs:
            groups.setdefault(one, {one}).add(other)
        whole = {frozenset(group) for group in groups.values()}
        listed = [tuple(sorted((found[one] for one in group), key=_start)) for group in whole]
        return sorted(listed, key=lambda group: _start(group[0]))

    async def names(self, appointment_ids: Collection[UUID]) -> Mapping[UUID, str]:
        """Who comes, for clerks of the office who may see that. Never logged, never kept."""
        async with self._db.connection() as conn:
            rows = await person_store.names(conn, appointment_ids)
        return {ident: open_name(self._sealer, ident, sealed) for ident, sealed in rows.items()}

    async def contacts(self, appointment_ids: Collection[UUID]) -> Mapping[UUID, Contact]:
        """Who comes and how to reach them, for staff of the office who may see that. Never logged, never kept."""
        async with self._db.connection() as conn:
            rows = await person_store.persons(conn, appointment_ids)
        return {ident: open_contact(self._sealer, ident, row, DEFAULT_LANGUAGE) for ident, row in rows.items()}

    async def untold(self, appointment_ids: Collection[UUID]) -> Mapping[UUID, str]:
        """Those whose latest message did not arrive, with the number to call where there is one. Never logged, never kept."""
        async with self._db.connection() as conn:
            ids = await self._notifications.undelivered(conn, appointment_ids)
            rows = await person_store.mobiles(conn, ids)
        return {
            ident: readable(open_mobile(self._sealer, ident, sealed)) if sealed else ""
            for ident, sealed in rows.items()
        }

    async def tell_otherwise(self) -> int:
        """What texts that did not arrive were to say: by mail where there is an address, else the counter's screens show it. How many
        were told."""
        asked = await self._notifications.ask_about_silent()
        return asked + await each(
            await self._notifications.untold(),
            self._tell_otherwise,
            log=log,
            failed="message.not-told-otherwise",
            named=lambda one: {"message_id": str(one.id)},
        )

    async def _tell_otherwise(self, one: Untold) -> bool:
        async with self._db.transaction() as conn:
            await store.lock_appointment(conn, one.reference)
            if not await self._notifications.mark_followed(conn, one.id):
                return False
            if not await self._announcer.tell_by_mail(conn, one):
                await store.touch(conn, one.reference)
        return True

    async def ask_to_pay(self, appointment_id: UUID) -> None:
        """Who booked by telephone gets the link under which the reserved time is paid; one message, however often it is asked for.

        Raises NotFound, HoldOver, NothingToPay, NobodyToAsk.
        """
        async with self._db.transaction() as conn:
            await store.lock_appointment(conn, appointment_id)
            case = await self._read(conn, appointment_id)
            if case.status is AppointmentStatus.CONFIRMED or not case.fee:
                raise NothingToPay
            if case.status is not AppointmentStatus.HELD or case.hold_until is None or case.hold_until <= self._clock():
                raise HoldOver
            if not self.can_reach(case.contact):
                raise NobodyToAsk
            notice = Notice("appointment_reserved", fields={"answer_until": case.hold_until.isoformat()})
            await self._announcer(conn, appointment_id, notice)

    async def invite_counter(self, appointment_id: UUID, counter_id: int) -> Invitation:
        """Into its video call, for whoever serves it there. Raises NotFound, RoomOver."""
        async with self._db.transaction() as conn:
            row = await store.find_case(conn, appointment_id)
            if row is None or row.channel != "video":
                raise NotFound
            return await self._calls.invite_counter(conn, row, counter_id)


def _start(brief: Brief) -> tuple[datetime, str]:
    return brief.starts_at, brief.number
