"""A fee is paid at a till until a deadline, and the time stays held so long (docs/adr/0071).

Whoever asks for it shows by a code that the mailbox or telephone of the case is theirs; staff have seen who it is. The payment at a till,
the longer hold and the message stand in one transaction, so there is all of it or nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, cast
from uuid import UUID, uuid5

from base.clock import Clock
from base.db import Connection, Database
from base.errors import Conflict, NotFound
from base.failpoint import point
from base.i18n import mark as _
from base.i18n import pick
from base.identity.usecases import network_of
from base.rounds import each
from base.seal import Sealer, same
from booking.appointments import store, till_store
from booking.appointments.announce import Announcer
from booking.appointments.contact import Contact, mailbox
from booking.appointments.lifecycle import HoldOver
from booking.appointments.model import AppointmentStatus, Case, CaseState
from booking.appointments.slots import Notice
from booking.appointments.till_store import TermRow, TillHold, TillPlace
from booking.appointments.till_term import AT_LEAST, MOST_OPEN, WHEN_DOWN_BEFORE_HOURS, Because, Term, remind_at
from booking.appointments.unasked import CODE_GOOD, CODE_TRIES, CodeWrong, SentTooOften, may_write, new_code
from booking.appointments.usecases import Appointments
from notifications.usecases import Notifications
from payment.books import Refused
from payment.model import Payment
from payment.ports import Tx
from payment.receipts.kassenzeichen import spaced
from payment.till.model import COUNTER

log = logging.getLogger(__name__)
till_reminded = point("till.reminded")

_CODES = UUID("d2f7a1f6-0f0a-4c6e-9c1e-6d3b1f8b7e55")  # name space of what is made of a request's key
_PER_ROUND = 200
_OPEN_SHOWN = timedelta(days=7)


class TillNotOffered(Conflict):
    code = "till_not_offered"
    message = _("This fee cannot be paid at a till in advance. Please pay online, or call us.")


class TooManyAtTill(Conflict):
    code = "too_many_at_till"
    message = _(
        "Two of your appointments wait for their payment at a till already. Please pay one of them first, or pay this one online."
    )


class NoSuchWay(Conflict):
    code = "no_such_way"
    message = _("We cannot send a code there: the appointment does not name it.")


class Way(StrEnum):
    """How somebody shows that the case's contact is theirs."""

    EMAIL = "email"
    MOBILE = "mobile"


STAFF = "staff"  # who it is was seen by somebody who works here


@dataclass(frozen=True, slots=True, kw_only=True)
class TillOffer:
    """`is_asked`: it waits for a till already, or did before its person chose to pay online: no code is needed any more."""

    pay_by: datetime
    because: Because
    is_asked: bool
    ways: tuple[tuple[Way, str], ...] = field(repr=False)  # each with where the code would go
    places: tuple[TillPlace, ...] = ()


@dataclass(frozen=True, slots=True)
class CodeSent:
    id: UUID
    good_until: datetime


Offices = Callable[[], Awaitable[Sequence[int]]]


class TillHolds:
    """`tills`: offices that have one; `when_down_hours`: the term where only the provider's silence is the reason, 0: none."""

    def __init__(
        self,
        db: Database,
        appointments: Appointments,
        announcer: Announcer,
        notifications: Notifications,
        sealer: Sealer,
        clock: Clock,
        tills: Offices,
        *,
        when_down_hours: int,
    ) -> None:
        self._db = db
        self._appointments = appointments
        self._announcer = announcer
        self._notifications = notifications
        self._sealer = sealer
        self._clock = clock
        self._tills = tills
        self._when_down_hours = when_down_hours

    async def offer(self, appointment_id: UUID, *, with_places: bool = True) -> TillOffer | None:
        """What its person may choose instead of paying online; None: nothing. Without `with_places` they are not looked up, only whether
        there are any."""
        if self._appointments.only_at_till:
            return None  # it is booked at once, and owed
        now = self._clock()
        async with self._db.connection() as conn:
            row = await till_store.find_term(conn, appointment_id, now)
            if row is None or not row.fee_cents or row.hold_until <= now:
                return None
            asked = await till_store.find(conn, appointment_id)
        term = self._term(row)
        if asked is None and term is None:
            return None
        places = await self.places(now + _OPEN_SHOWN)
        pay_by = asked.pay_by if asked else _deadline(term, row, now, places) if term else None
        if pay_by is None or pay_by <= now:
            return None
        because = asked.because if asked else term.because if term else Because.SERVICE
        case = await self._appointments.case(appointment_id)
        return TillOffer(
            pay_by=pay_by,
            because=because,
            is_asked=asked is not None,
            ways=() if case.is_erased else self._ways(case.contact),
            places=_until(places, pay_by) if with_places else (),
        )

    async def found(self, appointment_id: UUID) -> TillHold | None:
        """The deadline that a case has or had."""
        async with self._db.connection() as conn:
            return await till_store.find(conn, appointment_id)

    async def places(self, pay_by: datetime) -> tuple[TillPlace, ...]:
        """Where a till is, and when its office is open before the deadline, of the next days; none that is not open."""
        now, offices = self._clock(), await self._tills()
        if not offices or pay_by <= now:
            return ()
        async with self._db.connection() as conn:
            return tuple(await till_store.places(conn, offices, now, min(pay_by, now + _OPEN_SHOWN)))

    async def after_silence(self, appointment_id: UUID) -> TillOffer | None:
        """The provider did not answer when this case was to be paid: what is offered instead, from now on."""
        async with self._db.connection() as conn:
            await till_store.note_silence(conn, appointment_id, self._clock())
        return await self.offer(appointment_id, with_places=False)

    async def send_code(self, appointment_id: UUID, way: Way, key: str, address: str) -> CodeSent:
        """To what the case names. The same key sends once. Raises NotFound, TillNotOffered, NoSuchWay, TooManyAtTill, SentTooOften."""
        offered = await self.offer(appointment_id, with_places=False)
        if offered is None:
            raise TillNotOffered
        contact = dict(offered.ways).get(way)
        if contact is None:
            raise NoSuchWay
        case, now = await self._appointments.case(appointment_id), self._clock()
        ident, code, until = uuid5(_CODES, f"{appointment_id} {way} {contact} {key}"), new_code(), now + CODE_GOOD
        by_contact = self._contact(way, contact)
        async with self._db.transaction() as conn:
            known = await till_store.find_code(conn, ident, appointment_id)
            if known is not None:
                return CodeSent(ident, known[1])
            if not offered.is_asked and await till_store.count_open(conn, by_contact) >= MOST_OPEN:
                raise TooManyAtTill
            by_network = self._sealer.look_up(network_of(address), "till.code.network")
            limited = self._sealer.look_up(contact, "till.code.contact")
            is_allowed = await may_write(conn, now, network=by_network, contact=limited)
            if is_allowed and await till_store.insert_code(
                conn, ident, appointment_id, way, by_contact, self._code(ident, code), until
            ):
                await self._send(conn, ident, case, way, contact, code, until)
        if not is_allowed:
            raise SentTooOften
        return CodeSent(ident, until)

    async def sent(self, appointment_id: UUID, ident: UUID) -> tuple[str, datetime]:
        """Where a code went, and until when it is good. Raises NotFound."""
        async with self._db.connection() as conn:
            found = await till_store.find_code(conn, ident, appointment_id)
        contact = (await self._appointments.case(appointment_id)).contact
        to = None if found is None else contact.email if found[0] == Way.EMAIL else contact.mobile
        if found is None or not to:
            raise NotFound
        return to, found[1]

    async def begin(self, appointment_id: UUID, return_url: str, ident: UUID, code: str) -> Payment | None:
        """With the code that was sent. Five times wrong, and it counts no more. None: nothing is to be paid any more. Once it waits for a
        till the same again does nothing more.

        Raises NotFound, CodeWrong, TillNotOffered, TooManyAtTill, HoldOver, PaymentUnderWay, PaymentUnavailable.
        """
        if await self.found(appointment_id) is not None:
            return await self.again(appointment_id, return_url)
        async with self._db.transaction() as conn:
            sent = await till_store.try_code(conn, ident, appointment_id, self._clock(), CODE_TRIES)
        if sent is None or not same(self._code(ident, code.strip()), sent.code_hmac):
            raise CodeWrong
        return await self._begin(appointment_id, return_url, sent.way, sent.contact_hmac)

    async def begin_by_staff(self, appointment_id: UUID, return_url: str) -> Payment | None:
        """For a person whom somebody who works here has spoken to. Refusals: as begin()."""
        return await self._begin(appointment_id, return_url, STAFF, None)

    async def again(self, appointment_id: UUID, return_url: str) -> Payment | None:
        """After its person had chosen to pay online; until the same deadline. Raises TillNotOffered, and as begin()."""
        if await self.found(appointment_id) is None:
            raise TillNotOffered
        return await self._begin(appointment_id, return_url, STAFF, None)  # kept already, so nobody is asked who it is

    async def remind_due(self) -> int:
        """Of the deadline, once; one bad case does not keep the others."""
        async with self._db.connection() as conn:
            due = await till_store.to_remind(conn, self._clock(), _PER_ROUND)
        return await each(
            due, self._remind, log=log, failed="till.not-reminded", named=lambda ident: {"appointment": str(ident)}
        )

    async def forget_over(self) -> int:
        async with self._db.transaction() as conn:
            return await till_store.forget_over(conn, self._clock())

    async def _begin(
        self, appointment_id: UUID, return_url: str, verified: str, contact_hmac: bytes | None
    ) -> Payment | None:
        found = await self.found(appointment_id)
        if found is None:  # before anything online is given up for it
            await self._check(appointment_id, contact_hmac)
        places = await self.places(self._clock() + _OPEN_SHOWN)

        async def keep(tx: Tx, case: CaseState, payment: Payment) -> None:
            await self._keep(cast("Connection", tx), case, payment, verified, contact_hmac, places)

        try:
            return await self._appointments.pay_at_till(appointment_id, return_url, keep)
        except Refused as refusal:  # two of them asked in the same moment
            if refusal.constraint == "till_hold_few_of_contact":
                raise TooManyAtTill from None
            raise

    async def _check(self, appointment_id: UUID, contact_hmac: bytes | None) -> None:
        case = await self._appointments.case(appointment_id)
        if case.status is AppointmentStatus.CONFIRMED:
            return
        if not case.is_held_at(self._clock()):
            raise HoldOver
        if await self.offer(appointment_id, with_places=False) is None:
            raise TillNotOffered
        if contact_hmac is None:
            return
        async with self._db.connection() as conn:
            if await till_store.count_open(conn, contact_hmac) >= MOST_OPEN:
                raise TooManyAtTill

    async def _keep(
        self,
        conn: Connection,
        case: CaseState,
        payment: Payment,
        verified: str,
        contact_hmac: bytes | None,
        places: Sequence[TillPlace],
    ) -> None:
        """Once; what was said then stays."""
        if await till_store.find(conn, case.id) is not None:
            return
        now = self._clock()
        row = await till_store.find_term(conn, case.id, now)
        term = self._term(row) if row else None
        pay_by = _deadline(term, row, now, places) if term and row else None
        if row is None or term is None or pay_by is None:
            raise TillNotOffered
        if row.hold_until > pay_by:  # a time that was offered for longer
            pay_by = row.hold_until
        one = TillHold(appointment_id=case.id, asked_at=now, pay_by=pay_by, because=term.because, verified=verified)
        await till_store.keep_until(conn, case.id, pay_by)
        await till_store.insert(conn, one, contact_hmac, remind_at(now, pay_by))
        await store.touch(conn, case.id)
        about = Notice("till_reserved", fields=_fields(pay_by, places, case.language, payment.kassenzeichen))
        await self._announcer(conn, case.id, about)

    async def _remind(self, appointment_id: UUID) -> bool:
        found = await self.found(appointment_id)
        places = await self.places(found.pay_by) if found else ()
        payment = (await self._appointments.case(appointment_id)).payment
        number = payment.kassenzeichen if payment is not None and payment.provider == COUNTER else ""
        async with self._db.transaction() as conn:
            if found is None or not await store.lock_appointment(conn, appointment_id):
                return False
            case = await store.find_state(conn, appointment_id)
            if case is None or case.status is not AppointmentStatus.HELD or found.pay_by <= self._clock():
                return False
            if not await till_store.mark_reminded(conn, appointment_id, self._clock()):
                return False
            about = Notice("till_reminder", fields=_fields(found.pay_by, places, case.language, number))
            await self._announcer(conn, appointment_id, about)
        till_reminded()
        return True

    def _term(self, row: TermRow) -> Term | None:
        if row.hours is not None and row.before_hours is not None:
            return Term(row.hours, row.before_hours, Because.SERVICE)
        if row.is_silent and self._when_down_hours:
            return Term(self._when_down_hours, WHEN_DOWN_BEFORE_HOURS, Because.PROVIDER)
        return None

    def _ways(self, contact: Contact) -> tuple[tuple[Way, str], ...]:
        mail = ((Way.EMAIL, contact.email),) if contact.email else ()
        text = ((Way.MOBILE, contact.mobile),) if contact.mobile and self._notifications.can_text else ()
        return (*mail, *text)

    def _contact(self, way: Way, contact: str) -> bytes:
        """What limits are counted by."""
        return self._sealer.look_up(contact if way is Way.MOBILE else mailbox(contact), f"till.hold.{way}")

    def _code(self, ident: UUID, code: str) -> bytes:
        """Six digits are guessed from a plain hash at once."""
        return self._sealer.look_up(f"{ident} {code}", "till.code")

    async def _send(
        self, conn: Connection, ident: UUID, case: Case, way: Way, contact: str, code: str, until: datetime
    ) -> None:
        row = await store.find_case(conn, case.id)
        if row is None:
            raise NotFound
        fields: dict[str, Any] = dict(self._announcer.fields(row))
        await self._notifications.enqueue(
            conn,
            key=f"till_code:{ident}",
            reference=case.id,
            template="till_code",
            channel="sms" if way is Way.MOBILE else "email",
            language=case.language,
            recipient=contact,
            fields={
                "city": fields["city"],
                "time_zone": case.time_zone,
                "code": code,
                "good_until": until.isoformat(),
            },
            due_at=self._clock(),
        )


def _deadline(term: Term, row: TermRow, now: datetime, places: Sequence[TillPlace]) -> datetime | None:
    """Not at a time when every till is closed: then it is when the last one closes before it."""
    pay_by = term.pay_by(now, row.starts_at)
    if pay_by is None or pay_by > now + _OPEN_SHOWN:
        return pay_by if places else None
    last = max((end for one in _until(places, pay_by) for _start, end in one.open), default=now)
    return last if last - now >= AT_LEAST else None


def _until(places: Sequence[TillPlace], pay_by: datetime) -> tuple[TillPlace, ...]:
    """When they are open before then, and only those that are."""
    cut = [
        replace(one, open=[(start, min(end, pay_by)) for start, end in one.open if start < pay_by]) for one in places
    ]
    return tuple(one for one in cut if one.open)


def _fields(pay_by: datetime, places: Sequence[TillPlace], language: str, kassenzeichen: str) -> dict[str, Any]:
    """As a message carries them."""
    tills = [
        {
            "name": pick(one.name, language),
            "address": ", ".join(part for part in (one.street, f"{one.postcode} {one.place}".strip()) if part),
            "time_zone": one.time_zone,
            "open": [[start.isoformat(), end.isoformat()] for start, end in one.open],
        }
        for one in _until(places, pay_by)
    ]
    number = spaced(kassenzeichen) if kassenzeichen else ""
    return {"answer_until": pay_by.isoformat(), "tills": tills, "kassenzeichen": number}
