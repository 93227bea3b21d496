"""Making invitations, withdrawing them, and coming by one: a time within its window is held, and what is booked of it uses it.

What an invited person may choose is what staff could book for them on the telephone: also what is kept for staff.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import asyncpg

from base.clock import Clock
from base.db import Connection, Database, violates
from base.errors import DomainError, FieldError, Invalid, NotFound
from base.failpoint import point
from base.i18n import mark as _
from base.i18n import zone
from base.rounds import each
from base.seal import is_token, token_sha256
from base.typesetting.signs import is_settable
from booking.appointments.codes import normal_code
from booking.appointments.contact import Contact
from booking.appointments.invited import InvitationOver, InvitationUsed
from booking.appointments.usecases import Appointments
from booking.availability.model import ANYBODY, Audience, Slot, Visit, Who, Window
from booking.availability.offering import check_who
from booking.availability.slots import day_of
from booking.availability.usecases import Availability
from booking.holds.model import Hold
from booking.holds.refusals import GivenOutByNeed, StartNotOffered
from booking.holds.usecases import Holds
from booking.invitations import store
from booking.invitations.model import Invitation, InvitationStatus, Invited, Listed, Terms, Way
from booking.invitations.sealing import Sealing
from booking.invitations.store import InvitationRow, NewInvitation
from booking.invitations.telling import told
from notifications.usecases import Notifications

log = logging.getLogger(__name__)
invitation_made = point("invitation.made")
time_held = point("invitation.time-held")
list_made = point("invitation.list-made")
invitation_reminded = point("invitation.reminded")

_INVITATIONS = UUID("6b0f6b5e-2a0d-4c7e-9d6b-1d0f0f4f8a52")  # name space of request keys
_MOST_LISTED = 500
_AT_ONCE = 50
_ERASED_AT_ONCE = 1000
_S = InvitationStatus


class InvitationUnknown(DomainError):
    code = "invitation_unknown"
    status = 404
    message = _("We know no invitation with this code. Please look at the letter once more.")


class Unreachable(Invalid):
    """No way for the link to go."""

    code = "unreachable"

    def __init__(self) -> None:
        message = _("Text messages are not sent here: give an e-mail address or a postal address.")
        super().__init__([FieldError("/contact/mobile", self.code, message)])


class NotPrintable(Invalid):
    """Of somebody who gets a letter."""

    code = "not_printable"

    def __init__(self, fields: Iterable[str]) -> None:
        message = _("This has letters that cannot be printed. Please write it in Latin letters, as the passport does.")
        super().__init__([FieldError(f"/contact/{name}", self.code, message) for name in fields])


class Invitations:
    def __init__(
        self,
        db: Database,
        holds: Holds,
        appointments: Appointments,
        availability: Availability,
        notifications: Notifications,
        sealing: Sealing,
        clock: Clock,
        public_url: str,
        by_need: Callable[[int], bool] = lambda service_id: False,
        *,
        retention_days: int = 30,
    ) -> None:
        self._db = db
        self._holds = holds
        self._appointments = appointments
        self._availability = availability
        self._notifications = notifications
        self._sealing = sealing
        self._clock = clock
        self._public_url = public_url
        self._by_need = by_need
        self._kept = timedelta(days=retention_days)

    async def make(self, terms: Terms, invited: Invited, by: int, key: str) -> Invitation:
        """The link goes out with the commit, where it does not need a letter. The same request again is the same invitation.

        Raises NotOffered, GivenOutByNeed, Unreachable, NotPrintable, Invalid.
        """
        ident = uuid5(_INVITATIONS, f"{terms.office_id}:{by}:{key}")
        await self._check(terms)
        async with self._db.transaction() as conn:
            if await store.insert(conn, self._new(ident, terms, invited, by)):
                await self._tell(conn, await self._row(conn, ident), "invitation", "made")
        invitation_made()
        return await self.get(ident)

    async def make_all(self, terms: Terms, people: Sequence[Invited], by: int) -> Listed:
        """A list: everybody or nobody. Who was invited to the same before is not invited again, whoever sends the list.

        Raises NotOffered, GivenOutByNeed, Invalid (with a pointer such as /people/7/contact/mobile).
        """
        await self._check(terms)
        by_ident, wrong = {}, []
        for number, invited in enumerate(people):
            ident = self._sealing.ident(terms, invited)
            try:
                new = self._new(ident, terms, invited, by)
            except (Unreachable, NotPrintable) as refusal:
                wrong += [replace(one, pointer=f"/people/{number}{one.pointer}") for one in refusal.errors]
                continue
            if ident in by_ident:
                wrong.append(FieldError(f"/people/{number}", "twice", _("This stands in the list twice.")))
            by_ident[ident] = new
        if wrong:
            raise Invalid(wrong)
        async with self._db.transaction() as conn:
            # In one order, so that two lists with the same people do not wait for each other.
            fresh = [new for _ident, new in sorted(by_ident.items()) if await store.insert(conn, new)]
            for new in fresh:
                await self._tell(conn, await self._row(conn, new.id), "invitation", "made")
        list_made()
        return Listed(len(fresh), len(people) - len(fresh))

    async def of_office(self, office_id: int) -> list[Invitation]:
        """The newest first."""
        async with self._db.connection() as conn:
            rows = await store.of_office(conn, office_id, _MOST_LISTED)
            untold = set(await self._notifications.undelivered(conn, [row.id for row in rows]))
        return [self._read(row, is_told=row.id not in untold) for row in rows]

    async def at(self, office_id: int, ident: UUID) -> Invitation:
        """Raises NotFound, also for one of another office."""
        found = await self.get(ident)
        if found.terms.office_id != office_id:
            raise NotFound
        return found

    async def withdraw(self, office_id: int, ident: UUID) -> Invitation:
        """Again: done already. Raises NotFound, InvitationUsed."""
        await self.at(office_id, ident)
        try:
            async with self._db.transaction() as conn:
                await store.withdraw(conn, ident, self._clock())
        except asyncpg.CheckViolationError as error:
            if violates(error, "invitation_withdrawn_unused"):
                raise InvitationUsed from None
            raise
        return await self.get(ident)

    async def send_again(self, office_id: int, ident: UUID, key: str) -> Invitation:
        """The same link once more, by mail or text; the same request sends once. Raises NotFound, InvitationOver, InvitationUsed."""
        await self.at(office_id, ident)
        async with self._db.transaction() as conn:
            await store.lock(conn, ident)
            row = await self._row(conn, ident)
            self._check_open(row)
            await self._tell(conn, row, "invitation", key)
        return self._read(row)

    async def find_by_token(self, token: str) -> UUID | None:
        """Whose link this is."""
        if not token.isascii():
            return None
        async with self._db.connection() as conn:
            return await store.find_by_token(conn, token_sha256(token))

    async def open(self, typed: str) -> tuple[UUID, str]:
        """By the code of a letter: the invitation and its token. Raises InvitationUnknown."""
        code = normal_code(typed)
        if code is None:
            raise InvitationUnknown
        async with self._db.connection() as conn:
            ident = await store.find_by_code(conn, self._sealing.code_hmac(code))
        if ident is None:
            raise InvitationUnknown
        return ident, self._sealing.token(ident)

    async def authorise(self, ident: UUID, token: str) -> bool:
        async with self._db.connection() as conn:
            return is_token(token, await store.token_of(conn, ident))

    async def get(self, ident: UUID) -> Invitation:
        """Raises NotFound."""
        async with self._db.connection() as conn:
            row = await self._row(conn, ident)
            return self._read(row, is_told=not await self._notifications.is_undeliverable(conn, ident))

    async def slots(self, ident: UUID, who: Who = ANYBODY) -> Sequence[Slot]:
        """Every free time of its window at the counters responsible; none where it is not open.

        Raises NotFound, NotOffered, WhoNeeded, NobodyResponsible.
        """
        found = await self.get(ident)
        if found.status is not _S.OPEN:
            return ()
        terms = found.terms
        visit = self._visit(terms.service_id, terms.channel, terms.office_id, who)
        _offer, (office,) = self._availability.get_offer(terms.service_id, terms.channel, [terms.office_id], visit)
        first = max(terms.first_day, day_of(self._clock(), zone(office.time_zone)))
        window = Window(first, terms.last_day)
        return self._availability.slots(
            terms.service_id, terms.channel, [terms.office_id], window, Audience.STAFF, visit
        )

    async def hold(self, ident: UUID, starts_at: datetime, key: str, who: Who = ANYBODY) -> Hold:
        """A case that was begun by the same invitation and is not booked gives its time back first, and so does another hold.

        Raises NotFound, InvitationOver, InvitationUsed, StartNotOffered, WhoNeeded, and what Holds.hold raises.
        """
        async with self._db.connection() as conn:
            row = await self._row(conn, ident)
        if row.case_id is not None and row.status(self._clock()) is _S.OPEN:
            await self._appointments.give_back(row.case_id)
            async with self._db.connection() as conn:
                row = await self._row(conn, ident)
        self._check_open(row)
        if not row.first_day <= day_of(starts_at, zone(row.time_zone)) <= row.last_day:
            raise StartNotOffered
        visit = self._visit(row.service_id, row.channel, row.office_id, who)
        hold = await self._holds.hold(
            row.service_id, row.channel, row.office_id, starts_at, f"invitation:{ident}:{key}", Audience.STAFF, visit
        )
        time_held()
        async with self._db.transaction() as conn:
            await store.lock(conn, ident)
            await store.bind_hold(conn, hold.id, ident)
            await store.free_other_holds(conn, hold.id, ident)
        return hold

    def asks(self, terms: Terms) -> tuple[str, ...]:
        """Fields of Who that decide which counters are responsible. Raises NotOffered."""
        return self._availability.get_offer(terms.service_id, terms.channel, [terms.office_id])[0].asks

    def _visit(self, service_id: int, channel: str, office_id: int, who: Who) -> Visit:
        """Held with what is kept for staff, and yet of somebody who does not know which team is theirs. Raises NotOffered, WhoNeeded."""
        visit = Visit(who=who)
        check_who(self._availability.get_offer(service_id, channel, [office_id])[0], visit)
        return visit

    async def of_hold(self, hold_id: UUID) -> Invitation | None:
        """By which a time is held; whoever has proved the hold may see it."""
        async with self._db.connection() as conn:
            ident = await store.of_hold(conn, hold_id)
            return None if ident is None else self._read(await self._row(conn, ident))

    async def remind_due(self) -> int:
        """Once, some days before the deadline; how many were reminded."""
        async with self._db.connection() as conn:
            due = await store.due_to_remind(conn, self._clock(), _AT_ONCE)
        return await each(
            due,
            self._remind,
            log=log,
            failed="invitation.not-reminded",
            named=lambda ident: {"invitation": str(ident)},
        )

    async def erase_due(self) -> int:
        """Who was invited, and what was written to them; how many went."""
        async with self._db.transaction() as conn:
            gone = await store.erase_over(conn, self._clock(), self._kept, _ERASED_AT_ONCE)
            for ident in gone:
                await self._notifications.erase(conn, ident)
        return len(gone)

    async def _remind(self, ident: UUID) -> bool:
        async with self._db.transaction() as conn:
            await store.lock(conn, ident)
            row = await self._row(conn, ident)
            if row.case_id is not None or not await store.mark_reminded(conn, ident, self._clock()):
                return False
            await self._tell(conn, row, "invitation_reminder", "reminder")
        invitation_reminded()
        return True

    async def _check(self, terms: Terms) -> None:
        """Raises NotOffered, GivenOutByNeed, Invalid."""
        if self._by_need(terms.service_id):
            raise GivenOutByNeed
        _offer, (office,) = self._availability.get_offer(terms.service_id, terms.channel, [terms.office_id])
        wrong = list(terms.wrong(day_of(self._clock(), zone(office.time_zone))))
        if wrong:
            raise Invalid(wrong)

    def _new(self, ident: UUID, terms: Terms, invited: Invited, by: int) -> NewInvitation:
        """Raises Unreachable, NotPrintable."""
        way, contact = self._way(invited.contact), invited.contact
        lines = {"name": contact.name, "postal_address": "".join(contact.postal_address or ())}
        if way is Way.LETTER and (bad := [name for name, text in lines.items() if not is_settable(text)]):
            raise NotPrintable(bad)
        return NewInvitation(
            id=ident,
            office_id=terms.office_id,
            service_id=terms.service_id,
            channel=terms.channel,
            first_day=terms.first_day,
            last_day=terms.last_day,
            answer_by=terms.answer_by,
            language=contact.language,
            way=way,
            details=self._sealing.seal(ident, invited),
            token_sha256=token_sha256(self._sealing.token(ident)),
            code_hmac=self._sealing.code_hmac(self._sealing.code(ident)),
            made_by=by,
            made_at=self._clock(),
        )

    def _way(self, contact: Contact) -> Way:
        """Raises Unreachable."""
        if contact.email is not None:
            return Way.EMAIL
        if contact.mobile is not None and self._notifications.can_text:
            return Way.SMS
        if contact.postal_address is None:
            raise Unreachable
        return Way.LETTER

    def _check_open(self, row: InvitationRow) -> None:
        """Raises InvitationOver, InvitationUsed."""
        if row.status(self._clock()) in (_S.WITHDRAWN, _S.LAPSED):
            raise InvitationOver
        if row.case_id is not None:
            raise InvitationUsed

    async def _tell(self, conn: Connection, row: InvitationRow, template: str, about: str) -> None:
        """The link, by mail or text; a letter is printed."""
        invited = self._sealing.open(row.id, row.details)
        if invited is None or row.way is Way.LETTER:
            return
        recipient = invited.contact.email if row.way is Way.EMAIL else invited.contact.mobile
        assert recipient is not None  # the way was chosen by it
        await self._notifications.enqueue(
            conn,
            key=f"{template}:{row.id}:{about}",
            reference=row.id,
            template=template,
            channel=row.way.value,
            language=row.language,
            recipient=recipient,
            fields=told(row, self._public_url, self._sealing.token(row.id)),
            due_at=self._clock(),
        )

    def _read(self, row: InvitationRow, *, is_told: bool = True) -> Invitation:
        return Invitation(
            id=row.id,
            terms=Terms(
                office_id=row.office_id,
                service_id=row.service_id,
                channel=row.channel,
                first_day=row.first_day,
                last_day=row.last_day,
                answer_by=row.answer_by,
            ),
            language=row.language,
            way=row.way,
            answer_until=row.answer_until,
            made_at=row.made_at,
            reminded_at=row.reminded_at,
            printed_at=row.printed_at,
            status=row.status(self._clock()),
            case_id=row.case_id,
            invited=self._sealing.open(row.id, row.details),
            is_told=is_told,
        )

    async def _row(self, conn: Connection, ident: UUID) -> InvitationRow:
        row = await store.find(conn, ident)
        if row is None:
            raise NotFound
        return row
