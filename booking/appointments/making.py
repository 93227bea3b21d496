"""A case is made of a hold at the contact step, or offered on a time that was set aside."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid4

import asyncpg

from base.clock import Clock
from base.db import Connection, Database, violates
from base.errors import FieldError, Invalid, NotFound
from base.failpoint import point
from base.i18n import mark as _
from base.idempotency import recall, remember, request_hash
from base.seal import Sealer, new_token, token_sha256
from booking.appointments import answering, invited, per_contact, person_store, store, twins, who_store
from booking.appointments.announce import Announcer
from booking.appointments.contact import Contact
from booking.appointments.lifecycle import HoldOver
from booking.appointments.model import Case, Created
from booking.appointments.number import new_number
from booking.appointments.person_store import PersonRow
from booking.appointments.persons import open_token, seal_contact, seal_token
from booking.appointments.slots import Notice
from booking.appointments.store import HoldClaim, NewAppointment
from booking.availability.model import ANYBODY, ClaimStatus, Who
from booking.holds.refusals import HoldInUse
from booking.holds.said import seal_who

appointment_created = point("appointment.created")

_NUMBER_TRIES = 10


class Read(Protocol):
    def __call__(self, conn: Connection, appointment_id: UUID, *, is_new: bool = False) -> Awaitable[Case]: ...


class NumberNeeded(Invalid):
    """A telephone appointment without a number to call."""

    code = "number_needed"

    def __init__(self) -> None:
        super().__init__([FieldError("/contact/mobile", self.code, _("We call you: please give a telephone number."))])


class _CaseMeanwhile(Exception):
    """Another tab has made a case of the hold: it is to be locked before its time, so from the beginning."""


class Making:
    def __init__(self, db: Database, announcer: Announcer, sealer: Sealer, clock: Clock, read: Read) -> None:
        self._db = db
        self._announcer = announcer
        self._sealer = sealer
        self._clock = clock
        self._read = read

    async def create(
        self,
        hold_id: UUID,
        contact: Contact,
        key: str,
        *,
        answers: Mapping[int, str] | None = None,
        asks_first: bool = False,
        instead: UUID | None = None,
    ) -> Created:
        """The same request again: the same answer. Another request for the same hold corrects the contact while it is unpaid.

        `asks_first`: not where this person has booked the service already. `instead`: a case that this one will replace.
        `answers`: by question. Raises NotFound, HoldOver, HoldInUse, KeyReused, NumberNeeded, AnswersWrong, LimitReached, AnotherBooked,
        ContactNeeded, ContactUsedUp, InvitationOver, InvitationUsed.
        """
        once = request_hash("hold", str(hold_id), "POST /api/appointments", key)
        given = dict(sorted((answers or {}).items()))
        fingerprint = request_hash(contact.model_dump_json(), *([json.dumps(given)] if given else []))
        while True:
            try:
                with invited.refusals():
                    created = await self._create(
                        hold_id, contact, given, once, fingerprint, asks_first=asks_first, instead=instead
                    )
            except _CaseMeanwhile:
                continue
            appointment_created()
            return created

    async def _create(
        self,
        hold_id: UUID,
        contact: Contact,
        given: Mapping[int, str],
        once: bytes,
        fingerprint: bytes,
        *,
        asks_first: bool,
        instead: UUID | None,
    ) -> Created:
        async with self._db.transaction() as conn:
            answer = await recall(conn, self._sealer, once, fingerprint)
            if answer is not None:
                known = json.loads(answer)
                return Created(await self._read(conn, UUID(known["id"])), known["token"])
            if (before := await store.case_of_hold(conn, hold_id)) is not None:
                await store.lock_appointment(conn, before)  # first the case, then its time, as everywhere
            hold = await store.lock_hold(conn, hold_id)
            if hold is not None and hold.appointment_id != before:
                raise _CaseMeanwhile
            self._check(hold)
            assert hold is not None
            if hold.channel == "phone" and contact.mobile is None:
                raise NumberNeeded
            services = [item.service_id for item in hold.items]
            answers = await answering.checked(conn, services, given)
            ident = hold.appointment_id or uuid4()
            person, besides = seal_contact(self._sealer, ident, contact), [one for one in (ident, instead) if one]
            await twins.check(conn, services, person, besides, self._clock(), asks_first=asks_first)
            await per_contact.check(conn, hold_id, person, besides, self._clock())
            is_new = hold.appointment_id is None
            if is_new:
                token = await self._insert(conn, hold_id, hold, ident, contact.language, person)
            else:
                token = await self._correct(conn, ident, contact.language, person)
            await answering.keep(conn, self._sealer, ident, answers, is_new=is_new)
            answer = json.dumps({"id": str(ident), "token": token})
            await remember(conn, self._sealer, once, fingerprint, answer, about=ident)
            return Created(await self._read(conn, ident, is_new=is_new), token)

    async def offer(
        self, conn: Connection, hold_id: UUID, contact: Contact, until: datetime, who: Who = ANYBODY
    ) -> UUID | None:
        """A case on a time that was set aside for this person, who is told and has until then to book it. None: it is held no more."""
        hold = await store.lock_hold(conn, hold_id)
        now = self._clock()
        if hold is None or not hold.is_held_at(now) or hold.appointment_id is not None or until <= now:
            return None
        await store.keep_until(conn, hold.id, until)
        if (sealed := seal_who(self._sealer, hold_id, who)) is not None:
            await who_store.say(conn, hold_id, sealed)
        ident = uuid4()
        await self._insert(conn, hold_id, hold, ident, contact.language, seal_contact(self._sealer, ident, contact))
        notice = Notice("appointment_offered", fields={"answer_until": until.isoformat()})
        await self._announcer(conn, ident, notice)
        return ident

    def _check(self, hold: HoldClaim | None) -> None:
        if hold is None:
            raise NotFound
        if hold.status is ClaimStatus.BOOKED:
            raise HoldInUse
        if not hold.is_held_at(self._clock()):
            raise HoldOver

    async def _insert(
        self, conn: Connection, hold_id: UUID, hold: HoldClaim, ident: UUID, language: str, person: PersonRow
    ) -> str:
        token = new_token()
        for _try in range(_NUMBER_TRIES):
            new = NewAppointment(
                id=ident,
                number=new_number(),
                office_id=hold.office_id,
                service_id=hold.service_id,
                channel=hold.channel,
                language=language,
                fee_id=hold.fee_id,
                fee_cents=hold.fee_cents,
                token_sha256=token_sha256(token),
                token_sealed=seal_token(self._sealer, ident, token),
                created_at=self._clock(),
            )
            if await store.insert_appointment(conn, new):
                break
        else:
            raise RuntimeError("no free number found")
        await person_store.put_person(conn, ident, person)
        await store.link_claim(conn, hold.id, ident)
        await who_store.adopt(conn, ident, hold_id)
        return token

    async def _correct(self, conn: Connection, ident: UUID, language: str, person: PersonRow) -> str:
        """The same hold came back with another contact: the citizen went back a page. Raises HoldInUse where it waits for a till."""
        try:
            await person_store.put_person(conn, ident, person)
        except asyncpg.InsufficientPrivilegeError as error:
            if violates(error, "person_waits_for_till"):
                raise HoldInUse from None
            raise
        await store.set_language(conn, ident, language)
        row = await store.find_case(conn, ident)
        assert row is not None
        return open_token(self._sealer, ident, row.token_sealed)
