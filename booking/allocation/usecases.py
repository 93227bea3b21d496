"""Asking for an appointment that is given out by need, and what staff confirm of it."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID, uuid5

import asyncpg

from base.clock import Clock
from base.db import Connection, Database, violates
from base.errors import Conflict, DomainError, FieldError, Invalid, NotFound
from base.failpoint import point
from base.i18n import mark as _
from base.i18n import zone
from base.identity.usecases import network_of
from base.seal import Sealer, same
from booking.allocation import store, teams, teams_store
from booking.allocation.asked import Asked
from booking.allocation.model import RequestStatus, Seen, Window, is_deadline
from booking.allocation.store import Marked, RequestRow
from booking.allocation.telling import Teller, context
from booking.appointments.contact import Contact, mailbox
from booking.appointments.unasked import may_write
from booking.catalogue.words import fold
from booking.holds.said import seal_who

request_asked = point("allocation.asked")

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: nothing that is read as something else
_PUBLIC_ID_LENGTH = 12
_REQUESTS = UUID("6d2d7a0c-6a0f-4d3b-9d0e-0a6f5c1f7b19")
_MOST_WINDOWS = 10  # as the message says
_PERSONS_PER_ROUND = 1000  # an hour's; what is left has time


class EmailNeeded(DomainError):
    code = "email_needed"
    status = 422
    message = _("Please give an e-mail address: the link to your request goes there.")


class NotByNeed(Conflict):
    code = "not_by_need"
    message = _("Appointments for this service are not given out by need: book one.")


class RequestedTooOften(DomainError):
    code = "requested_too_often"
    status = 429
    message = _(
        "Requests were made very often with this e-mail address or from this network. Please try again in 20 minutes."
    )


class DeadlineWrong(Invalid):
    code = "deadline_wrong"
    message = _("A deadline lies within ten years. Please look at the year.")

    def __init__(self) -> None:
        super().__init__([FieldError("/deadline", self.code, self.message)])


class TooManyWindows(DomainError):
    code = "too_many_windows"
    status = 422
    message = _("At most ten times at which you can come: put some of them together.")


class AskedAlready(Conflict):
    code = "asked_already"
    message = _("There is already a request of this person, or with this e-mail address. Each counts once.")


class PlacedAlready(Conflict):
    """Two appointments of one person would be one for somebody else."""

    code = "placed_already"
    message = _(
        "This person, or this e-mail address, has an appointment by such a request already. "
        "It can be moved. Whoever cancels it may ask again."
    )


class NotAsking(Conflict):
    code = "not_asking"
    message = _("This request is no longer open.")


class CheckedMeanwhile(Conflict):
    code = "checked_meanwhile"
    message = _(
        "Somebody else has decided about this request meanwhile. Nothing of yours was saved: please look at it again."
    )


class ReasonNeeded(DomainError):
    code = "reason_needed"
    status = 422
    message = _("Please say what you have seen, or why you refuse.")


class Allocation:
    def __init__(
        self,
        db: Database,
        teller: Teller,
        sealer: Sealer,
        clock: Clock,
        *,
        retention_days: int = 30,
    ) -> None:
        self._db = db
        self._teller = teller
        self._sealer = sealer
        self._clock = clock
        self._kept = timedelta(days=retention_days)

    async def services(self) -> list[Marked]:
        """Those that are given out by need, and those that once were."""
        async with self._db.connection() as conn:
            return await store.marked(conn)

    async def service(self, service_id: int) -> Marked:
        found = next((one for one in await self.services() if one.service_id == service_id), None)
        if found is None:
            raise NotFound
        return found

    async def marked(self, service_id: int) -> Marked:
        """Raises NotFound, NotByNeed."""
        found = await self.service(service_id)
        if not found.is_on:
            raise NotByNeed
        return found

    async def ask(self, asked: Asked, key: UUID, *, entered_by: int | None = None, address: str | None = None) -> UUID:
        """Counts once the link that goes to the contact is opened; the same form sent again is the same request.

        Entered by staff without an e-mail address it counts at once: they have the person before them, or on the telephone.
        `address`: from where, unless staff enter it; mails to an address that anybody may type have a limit.
        Raises NotFound, NotByNeed, EmailNeeded, TooManyWindows, RequestedTooOften, DeadlineWrong, AskedAlready, PlacedAlready, WhoNeeded,
        NobodyResponsible.
        """
        if asked.contact.email is None and entered_by is None:
            raise EmailNeeded
        if len(asked.windows) > _MOST_WINDOWS:
            raise TooManyWindows
        self._look_at(asked.deadline)
        marked = await self.marked(asked.service_id)
        async with self._db.connection() as conn:
            who = teams.checked(await teams_store.teams(conn, asked.service_id), asked.who)
        row = self._sealed(uuid5(_REQUESTS, str(key)), replace(asked, who=who), entered_by)
        try:
            async with self._db.transaction() as conn:
                if await store.insert_request(conn, row, key):
                    if address is not None and not await self._may_write(conn, row.contact_hmac, address):
                        raise RequestedTooOften
                    if row.is_called:
                        await self._ask(conn, row.id)
                    await self._teller.link(conn, row, marked)
        except asyncpg.UniqueViolationError as error:
            raise _already(error) from None
        request_asked()
        return row.id

    async def asks(self, service_id: int) -> tuple[str, ...]:
        """Fields of Who that a request has to say."""
        async with self._db.connection() as conn:
            return teams.asked_by(await teams_store.teams(conn, service_id))

    async def find(self, ident: UUID) -> RequestRow:
        async with self._db.connection() as conn:
            row = await store.find_request(conn, ident)
        if row is None:
            raise NotFound
        return row

    async def find_by_number(self, typed: str) -> RequestRow | None:
        """However it was typed. None: there is none, or its person is forgotten."""
        number = "".join(sign for sign in typed.upper() if sign.isalnum())
        if len(number) != _PUBLIC_ID_LENGTH:
            return None
        async with self._db.connection() as conn:
            return await store.find_number(conn, number)

    async def verify(self, ident: UUID) -> None:
        """Whoever has the link has the contact. Raises NotFound, AskedAlready, PlacedAlready, NotAsking."""
        try:
            async with self._db.transaction() as conn:
                moved = await self._ask(conn, ident)
        except asyncpg.UniqueViolationError as error:
            raise _already(error) from None
        await self._moved(ident, RequestStatus.ASKED, moved=moved)

    async def withdraw(self, ident: UUID) -> None:
        """A request made anew waits anew. What a run has placed is cancelled at the appointment. Raises NotFound, NotAsking."""
        async with self._db.transaction() as conn:
            moved = await store.move_request(conn, ident, RequestStatus.WITHDRAWN)
        await self._moved(ident, RequestStatus.WITHDRAWN, moved=moved)

    async def waiting(self) -> list[RequestRow]:
        async with self._db.connection() as conn:
            return await store.waiting(conn)

    async def confirm(self, ident: UUID, deadline: date | None, reason: str, by: int, seen: Seen | None = None) -> None:
        """The document was seen: with this deadline, or with none that matters. Also corrects. `seen`: only if that still holds.

        Raises NotAsking, ReasonNeeded, DeadlineWrong, CheckedMeanwhile.
        """
        self._look_at(deadline)
        await self._check(ident, RequestStatus.CONFIRMED, deadline, reason, by, seen)

    async def refuse(self, ident: UUID, reason: str, by: int, seen: Seen | None = None) -> None:
        """Raises NotAsking, ReasonNeeded, CheckedMeanwhile."""
        await self._check(ident, RequestStatus.REFUSED, None, reason, by, seen)

    async def erase_due(self) -> int:
        """Who asked in vain, some time ago; who got an appointment is erased with it. How many persons went."""
        async with self._db.transaction() as conn:
            return await store.forget_over(conn, self._clock() - self._kept, _PERSONS_PER_ROUND)

    async def authorise(self, ident: UUID, token: str) -> bool:
        return token.isascii() and same(self._teller.token(ident), token)

    def contact_of(self, row: RequestRow) -> Contact:
        return self._teller.contact_of(row)

    def birth_date_of(self, row: RequestRow) -> date:
        return date.fromisoformat(self._sealer.open(row.birth_date, context("birth_date", row.id)))

    def reason_of(self, row: RequestRow) -> str:
        return self._sealer.open(row.reason, context("reason", row.id)) if row.reason else ""

    def _sealed(self, ident: UUID, asked: Asked, entered_by: int | None) -> RequestRow:
        """A household shares a telephone: without an address of one's own the person alone counts."""
        contact = asked.contact
        person = f"{fold(contact.name)}\0{asked.birth_date}"
        reached = mailbox(contact.email) if contact.email else person
        return RequestRow(
            id=ident,
            public_id="".join(secrets.choice(_ALPHABET) for _n in range(_PUBLIC_ID_LENGTH)),
            service_id=asked.service_id,
            status=RequestStatus.UNVERIFIED,
            language=contact.language,
            made_at=self._clock(),
            claimed_deadline=asked.deadline,
            deadline=None,
            check_reason=None,
            offices=asked.offices,
            windows=[_stored(window) for window in asked.windows],
            person_hmac=self._sealer.look_up(person, "allocation-person"),
            contact_hmac=self._sealer.look_up(reached, "allocation-contact"),
            run_id=None,
            appointment_id=None,
            entered_by=entered_by,
            is_called=contact.email is None,
            contact=self._sealer.seal(contact.model_dump_json(), context("contact", ident)),
            birth_date=self._sealer.seal(asked.birth_date.isoformat(), context("birth_date", ident)),
            reason=self._sealer.seal(asked.reason, context("reason", ident)) if asked.reason else None,
            who=seal_who(self._sealer, ident, asked.who),
        )

    async def _may_write(self, conn: Connection, contact_hmac: bytes, address: str) -> bool:
        """To an address that anybody may have typed."""
        network = self._sealer.look_up(network_of(address), "allocation.network")
        contact = self._sealer.look_up(contact_hmac.hex(), "allocation.written")
        return await may_write(conn, self._clock(), network=network, contact=contact)

    def _look_at(self, deadline: date | None) -> None:
        if deadline is not None and not is_deadline(deadline, self._clock().date()):
            raise DeadlineWrong

    async def _ask(self, conn: Connection, ident: UUID) -> bool:
        moved = await store.move_request(conn, ident, RequestStatus.ASKED)
        if moved and await store.is_placed(conn, ident, self._clock()):
            raise PlacedAlready
        return moved

    async def _moved(self, ident: UUID, to: RequestStatus, *, moved: bool) -> None:
        if not moved and (await self.find(ident)).status is not to:  # twice is no mistake
            raise NotAsking

    async def _check(
        self, ident: UUID, to: RequestStatus, deadline: date | None, reason: str, by: int, seen: Seen | None
    ) -> None:
        if not reason.strip():
            raise ReasonNeeded
        async with self._db.transaction() as conn:
            if await store.check_request(conn, ident, to, deadline, reason.strip(), by, self._clock(), seen):
                return
        now = await self.find(ident)
        if seen is not None and Seen(now.status, now.deadline) != seen:
            raise CheckedMeanwhile
        raise NotAsking


def _already(error: asyncpg.UniqueViolationError) -> Exception:
    names = ("allocation_request_one_living", "allocation_request_one_contact")
    return AskedAlready() if any(violates(error, name) for name in names) else error


def local_day(row: RequestRow, time_zone: str) -> date:
    return row.made_at.astimezone(zone(time_zone)).date()


def _stored(window: Window) -> dict[str, object]:
    return {"days": window.days, "from": f"{window.from_time:%H:%M}", "to": f"{window.to_time:%H:%M}"}
