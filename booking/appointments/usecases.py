"""The case from the contact step on: made of a hold, paid, looked at, cancelled."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID, uuid4

import asyncpg

from base.clock import Clock
from base.db import Connection, Database
from base.errors import Conflict, FieldError, Invalid, NotFound
from base.failpoint import point
from base.i18n import DEFAULT_LANGUAGE, Translations
from base.i18n import mark as _
from base.idempotency import recall, remember, request_hash
from base.money import Money
from base.seal import Sealer, new_token, same, token_sha256
from booking.appointments import (
    answer_store,
    answering,
    invited,
    move_store,
    per_contact,
    reconfirm_store,
    reducing,
    responsible,
    store,
    twin_store,
    twins,
    who_store,
)
from booking.appointments.announce import Announcer
from booking.appointments.at_till import AtTill
from booking.appointments.calls import Calls
from booking.appointments.contact import Contact, readable
from booking.appointments.erasing import Erasing
from booking.appointments.lifecycle import HoldOver, Lifecycle, Transaction
from booking.appointments.model import AppointmentStatus, Brief, Case, CaseState, Created, Reconfirm, Waiting
from booking.appointments.move_store import WaitingRow
from booking.appointments.moving import Moving
from booking.appointments.number import new_number, normal_number
from booking.appointments.persons import (
    nobody,
    open_contact,
    open_mobile,
    open_name,
    open_token,
    seal_contact,
    seal_token,
)
from booking.appointments.policy import ALL_BACK, Terms
from booking.appointments.reconfirming import Reconfirming
from booking.appointments.slots import (
    ByCity,
    IsCalled,
    LetGo,
    Notice,
    Slots,
    nobody_is_called,
    nobody_to_let_go,
)
from booking.appointments.store import CaseRow, HoldClaim, NewAppointment
from booking.availability.model import ANYBODY, ClaimStatus, Offers, Who
from booking.availability.responsible import Served
from booking.holds.refusals import HoldInUse
from booking.holds.said import seal_who
from notifications.usecases import Notifications
from payment.model import Payment, Refund, RefundStatus
from payment.usecases import Payments
from video.rooms.model import Invitation

log = logging.getLogger(__name__)
appointment_created = point("appointment.created")

_NUMBER_TRIES = 10
_MOST_LISTED = 50
_MOST_PAIRS = 500
_NOBODY = bytes(32)
_SAID_KEPT = timedelta(hours=1)
_ONLY_ASKED_FOR = (RefundStatus.REQUESTED, RefundStatus.REJECTED)  # among staff: no promise to the citizen
T = TypeVar("T")


class NumberNeeded(Invalid):
    """A telephone appointment without a number to call."""

    code = "number_needed"

    def __init__(self) -> None:
        super().__init__([FieldError("/contact/mobile", self.code, _("We call you: please give a telephone number."))])


class NotConfirmed(Conflict):
    code = "not_confirmed"
    message = _("There is no confirmed appointment to put into a calendar.")


class NothingToPay(Conflict):
    code = "nothing_to_pay"
    message = _("There is nothing to pay for this appointment.")


class NobodyToAsk(Conflict):
    code = "nobody_to_ask"
    message = _("There is neither an e-mail address nor a mobile number to which the link to pay could go.")


class _CaseMeanwhile(Exception):
    """Another tab has made a case of the hold: it is to be locked before its time, so from the beginning."""


class Appointments:
    """`transaction` is that of the books; a transaction of `db` is one of the same kind."""

    def __init__(
        self,
        db: Database,
        transaction: Transaction,
        slots: Slots,
        payments: Payments,
        notifications: Notifications,
        announcer: Announcer,
        translations: Translations,
        sealer: Sealer,
        clock: Clock,
        calls: Calls,
        offers: Offers,
        is_called: IsCalled = nobody_is_called,
        has_arrived: IsCalled = nobody_is_called,
        let_go: LetGo = nobody_to_let_go,
        moves_most: int = 5,
        *,
        retention_days: int = 30,
    ) -> None:
        self._db = db
        self._calls = calls
        self._payments = payments
        self._notifications = notifications
        self._announcer = announcer
        self._translations = translations
        self._sealer = sealer
        self._clock = clock
        self._erasing = Erasing(db, payments, notifications, clock, is_called, timedelta(days=retention_days))
        self._lifecycle = Lifecycle(transaction, slots, payments, clock, self._describe, is_called)
        self._at_till = AtTill(transaction, slots, payments, clock, self._describe)
        self._moving = Moving(
            db, slots, payments, calls, offers, sealer, clock, self._describe, has_arrived, let_go, moves_most
        )
        self._reconfirming = Reconfirming(db, slots, self._lifecycle, notifications, clock, has_arrived)
        self._moves_most = moves_most

    @property
    def can_text(self) -> bool:
        """Whether text messages are sent at all."""
        return self._notifications.can_text

    def can_reach(self, contact: Contact) -> bool:
        """Whether a message can go there; a letter is written by hand."""
        return contact.email is not None or (contact.mobile is not None and self.can_text)

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
            answers = await answering.checked(conn, [item.service_id for item in hold.items], given)
            ident = hold.appointment_id or uuid4()
            person, besides = seal_contact(self._sealer, ident, contact), [one for one in (ident, instead) if one]
            await twins.check(conn, hold.service_id, person, besides, self._clock(), asks_first=asks_first)
            await per_contact.check(conn, hold_id, person, besides, self._clock())
            if hold.appointment_id is None:
                ident, token = await self._insert(conn, hold_id, hold, contact)
            else:
                ident = hold.appointment_id
                token = await self._correct(conn, ident, contact)
            await answering.keep(conn, self._sealer, ident, answers)
            answer = json.dumps({"id": str(ident), "token": token})
            await remember(conn, self._sealer, once, fingerprint, answer, about=ident)
            return Created(await self._read(conn, ident), token)

    async def offer(
        self, conn: Connection, hold_id: UUID, contact: Contact, until: datetime, who: Who = ANYBODY
    ) -> UUID | None:
        """A case on a time that was set aside for this person, who is told and has until then to book it. None: it is held no more."""
        hold = await store.lock_hold(conn, hold_id)
        now = self._clock()
        if hold is None or hold.status is not ClaimStatus.HELD or hold.appointment_id is not None:
            return None
        if hold.hold_until is None or hold.hold_until <= now or until <= now:
            return None
        await store.keep_until(conn, hold.id, until)
        if (sealed := seal_who(self._sealer, hold_id, who)) is not None:
            await who_store.say(conn, hold_id, sealed)
        ident, _token = await self._insert(conn, hold_id, hold, contact)
        notice = Notice("appointment_offered", fields={"answer_until": until.isoformat()})
        await self._announcer(conn, ident, notice)
        return ident

    async def case(self, appointment_id: UUID) -> Case:
        async with self._db.connection() as conn:
            return await self._read(conn, appointment_id)

    async def briefs(self, ids: Collection[UUID]) -> Mapping[UUID, Brief]:
        """Of those that are appointments, or holds that one moved to, by that id: what the till may know, so neither person nor contact."""
        async with self._db.connection() as conn:
            moved = await move_store.moved_cases(conn, ids)
            known = {brief.id: brief for brief in await store.briefs(conn, {*ids, *moved.values()})}
        return known | {hold: known[case] for hold, case in moved.items()}

    async def references(self, appointment_id: UUID) -> list[UUID]:
        """Of its payments: whoever moved to a dearer time has paid more than once."""
        async with self._db.connection() as conn:
            return await move_store.references(conn, appointment_id)

    async def find_by_number(self, typed: str) -> UUID | None:
        """However it was typed."""
        number = normal_number(typed)
        if number is None:
            return None
        async with self._db.connection() as conn:
            return await store.find_by_number(conn, number)

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
            rows = await store.names(conn, appointment_ids)
        return {ident: open_name(self._sealer, ident, sealed) for ident, sealed in rows.items()}

    async def contacts(self, appointment_ids: Collection[UUID]) -> Mapping[UUID, Contact]:
        """Who comes and how to reach them, for staff of the office who may see that. Never logged, never kept."""
        async with self._db.connection() as conn:
            rows = await store.persons(conn, appointment_ids)
        return {ident: open_contact(self._sealer, ident, row, DEFAULT_LANGUAGE) for ident, row in rows.items()}

    async def untold(self, appointment_ids: Collection[UUID]) -> Mapping[UUID, str]:
        """Those whose latest message did not arrive, with the number to call where there is one. Never logged, never kept."""
        async with self._db.connection() as conn:
            ids = await self._notifications.undelivered(conn, appointment_ids)
            rows = await store.mobiles(conn, ids)
        return {
            ident: readable(open_mobile(self._sealer, ident, sealed)) if sealed else ""
            for ident, sealed in rows.items()
        }

    async def has_living(self, conn: Connection, contact_hmac: bytes) -> bool:
        """Whether anything is booked with this e-mail address or mobile number and not over."""
        return bool(await store.living_of(conn, contact_hmac, self._clock(), 1))

    async def living_of(self, contact_hmac: bytes) -> list[tuple[Case, str]]:
        """What is, each with its link: only for whoever has shown that the contact is theirs."""
        async with self._db.connection() as conn:
            ids = await store.living_of(conn, contact_hmac, self._clock(), _MOST_LISTED)
            cases = [await self._read(conn, ident) for ident in ids]
        return [(case, await self.link(case.id)) for case in cases]

    async def tell_otherwise(self) -> int:
        """What texts that did not arrive were to say: by mail where there is an address, else the counter's screens show it.

        How many were told. One bad case does not keep the others."""
        asked, told = await self._notifications.ask_about_silent(), 0
        for one in await self._notifications.untold():
            try:
                async with self._db.transaction() as conn:
                    await store.lock_appointment(conn, one.reference)
                    if not await self._notifications.mark_followed(conn, one.id):
                        continue
                    if not await self._announcer.tell_by_mail(conn, one):
                        await store.touch(conn, one.reference)
            except Exception:  # told in the log, with its id; the others are not kept from their turn
                log.exception("message.not-told-otherwise", extra={"message_id": str(one.id)})
                continue
            told += 1
        return asked + told

    async def authorise(self, appointment_id: UUID, token: str) -> bool:
        if not token.isascii():  # bytes that are no text have no SHA-256 of ours
            return False
        async with self._db.connection() as conn:
            expected = await store.token_of(conn, appointment_id)
        return same(token_sha256(token), expected or _NOBODY) and expected is not None

    async def find_by_token(self, token: str) -> UUID | None:
        """Whose link this is."""
        if not token.isascii():
            return None
        async with self._db.connection() as conn:
            return await store.find_by_token(conn, token_sha256(token))

    async def find_office(self, appointment_id: UUID) -> int | None:
        async with self._db.connection() as conn:
            return await store.find_office(conn, appointment_id)

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

    async def pay(self, appointment_id: UUID, return_url: str) -> str | None:
        """Where to send the payer; None: nothing to pay (any more), look at the case."""
        return await _again_after_deadlock(lambda: self._lifecycle.pay(appointment_id, return_url))

    async def pay_at_till(self, appointment_id: UUID, return_url: str) -> Payment | None:
        """Instead of online. See AtTill.ask."""
        return await _again_after_deadlock(lambda: self._at_till.ask(appointment_id, return_url))

    async def settle(self, appointment_id: UUID) -> Case:
        await self._lifecycle.settle(appointment_id)
        return await self.case(appointment_id)

    async def cancel(self, appointment_id: UUID, shown: Money | None = None, by_city: ByCity | None = None) -> Case:
        """Refusals: see Lifecycle.cancel."""
        await _again_after_deadlock(lambda: self._lifecycle.cancel(appointment_id, shown, by_city))
        return await self.case(appointment_id)

    async def erase(self, appointment_id: UUID) -> Case:
        """Who comes, on their own request; what is still to come is cancelled first. Again: nothing more happens.

        Raises what cancel() raises, and NotOver.
        """
        if await self._erasing.is_to_cancel(appointment_id):
            await _again_after_deadlock(lambda: self._lifecycle.cancel(appointment_id))
        await _again_after_deadlock(lambda: self._erasing.erase(appointment_id))
        return await self.case(appointment_id)

    async def erase_due(self) -> int:
        """The persons of cases that have been over for long; how many went."""
        return await self._erasing.erase_due()

    async def forget_answers(self) -> int:
        """To what services ask, once they were kept as long as was said."""
        async with self._db.transaction() as conn:
            return await answer_store.forget_over(conn, self._clock())

    async def forget_said(self) -> int:
        """For whom times were held of which no case was made. Not at once: the page that says so shows times of the same team."""
        async with self._db.transaction() as conn:
            return await who_store.forget_over(conn, self._clock() - _SAID_KEPT)

    async def rebook(self, appointment_id: UUID, hold_id: UUID, by_city: ByCity) -> Case:
        """move() by the city, which asks nobody for more money: PriceDiffers. Other refusals: see Moving.move."""
        await _again_after_deadlock(lambda: self._moving.move(appointment_id, hold_id, by_city=by_city))
        return await self.case(appointment_id)

    async def move(self, appointment_id: UUID, hold_id: UUID, return_url: str, *, by_staff: bool = False) -> str | None:
        """To the time of the hold; whoever calls has proved both. The address where the difference of the fee is paid first, or None.

        Refusals: see Moving.move.
        """
        return await _again_after_deadlock(
            lambda: self._moving.move(appointment_id, hold_id, return_url, by_staff=by_staff)
        )

    async def settle_move(self, appointment_id: UUID, hold_id: UUID) -> None:
        """Look at the payment of the difference: the return page does so before it shows anything."""
        async with self._db.connection() as conn:
            moved = await move_store.moved_cases(conn, [hold_id])
        if moved.get(hold_id) == appointment_id:
            await self._lifecycle.settle(hold_id)

    async def check_movable(self, appointment_id: UUID) -> None:
        """Before another time is looked for. Refusals: see Moving.check."""
        await self._moving.check(appointment_id)

    async def take(self, conn: Connection, appointment_id: UUID, hold_id: UUID) -> None:
        """move() inside the caller's transaction, to a time that was offered to the case at its own fee, however often it has moved."""
        await self._moving.take(conn, appointment_id, hold_id)

    async def served(self, conn: Connection, appointment_ids: Collection[UUID]) -> Mapping[UUID, Served]:
        """Which counters may serve each of these cases."""
        return await responsible.served(conn, self._sealer, appointment_ids)

    async def stay(self, appointment_id: UUID) -> Case:
        """See Moving.stay."""
        await _again_after_deadlock(lambda: self._moving.stay(appointment_id))
        return await self.case(appointment_id)

    async def keep(self, appointment_id: UUID) -> Case:
        """ "I will come", where that was asked. Raises NotFound, NotAsked."""
        await self._reconfirming.keep(appointment_id)
        return await self.case(appointment_id)

    async def reconfirm_due(self) -> int:
        """Ask who is to be asked; decide where nobody answered in time."""
        return await self._reconfirming.ask_due() + await self._reconfirming.decide_due()

    async def shift(self, conn: Connection, appointment_id: UUID, hold_id: UUID) -> None:
        """See Moving.shift."""
        await self._moving.shift(conn, appointment_id, hold_id)

    async def give_back(self, appointment_id: UUID) -> None:
        """Of a time that is not booked, because another one was chosen."""
        await _again_after_deadlock(lambda: self._lifecycle.give_back(appointment_id))

    async def invite_counter(self, appointment_id: UUID, counter_id: int) -> Invitation:
        """Into its video call, for whoever serves it there. Raises NotFound, RoomOver."""
        async with self._db.transaction() as conn:
            row = await store.find_case(conn, appointment_id)
            if row is None or row.channel != "video":
                raise NotFound
            return await self._calls.invite_counter(conn, row, counter_id)

    async def calendar(self, appointment_id: UUID) -> bytes:
        async with self._db.connection() as conn:
            row = await store.find_case(conn, appointment_id)
        if row is None:
            raise NotFound
        if row.status is not AppointmentStatus.CONFIRMED or row.erased_at is not None:
            raise NotConfirmed
        return self._notifications.calendar_file(row.language, self._announcer.fields(row))

    async def link(self, appointment_id: UUID) -> str:
        """The address of the case's page, to keep; empty once its person is erased."""
        async with self._db.connection() as conn:
            row = await store.find_case(conn, appointment_id)
        if row is None:
            raise NotFound
        if row.erased_at is not None:
            return ""
        url: str = self._announcer.fields(row)["manage_url"]
        return url

    async def invitation(self, appointment_id: UUID) -> Invitation | None:
        """Into the case's video call, if there is one."""
        async with self._db.connection() as conn:
            return await self._calls.find(conn, appointment_id)

    async def expire_bare(self) -> int:
        return await self._lifecycle.expire_bare()

    async def expire_due(self) -> int:
        return await self._lifecycle.expire_due()

    def _check(self, hold: HoldClaim | None) -> None:
        if hold is None:
            raise NotFound
        if hold.status is ClaimStatus.BOOKED:
            raise HoldInUse
        if hold.status is not ClaimStatus.HELD or hold.hold_until is None or hold.hold_until <= self._clock():
            raise HoldOver

    async def _insert(self, conn: Connection, hold_id: UUID, hold: HoldClaim, contact: Contact) -> tuple[UUID, str]:
        ident, token = uuid4(), new_token()
        for _try in range(_NUMBER_TRIES):
            new = NewAppointment(
                id=ident,
                number=new_number(),
                office_id=hold.office_id,
                service_id=hold.service_id,
                channel=hold.channel,
                language=contact.language,
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
        await store.put_person(conn, ident, seal_contact(self._sealer, ident, contact))
        await store.link_claim(conn, hold.id, ident)
        await who_store.adopt(conn, ident, hold_id)
        return ident, token

    async def _correct(self, conn: Connection, ident: UUID, contact: Contact) -> str:
        """The same hold came back with another contact: the citizen went back a page."""
        await store.put_person(conn, ident, seal_contact(self._sealer, ident, contact))
        await store.set_language(conn, ident, contact.language)
        row = await store.find_case(conn, ident)
        assert row is not None
        return open_token(self._sealer, ident, row.token_sealed)

    async def _read(self, conn: Connection, appointment_id: UUID) -> Case:
        row = await store.find_case(conn, appointment_id)
        person = await store.find_person(conn, appointment_id)
        if row is None:
            raise NotFound
        payment = await self._payments.latest(conn, appointment_id)
        living = [await self._payments.living(conn, one) for one in await move_store.references(conn, appointment_id)]
        differences = [one for one in living if one and one.captured_cents and one.reference != appointment_id]
        paid = [one for one in (payment, *differences) if one is not None]
        refunds = [refund for one in paid for refund in await self._payments.refunds(conn, one.id)]
        waiting = await reducing.waiting(conn, await move_store.find_waiting(conn, appointment_id))
        tried_anew = {refund.retry_of for refund in refunds}
        made = _case(
            row,
            open_contact(self._sealer, row.id, person, row.language) if person else nobody(row.language),
            payment,
            sorted(
                (refund for refund in refunds if refund.id not in tried_anew),  # of each, its latest try
                key=lambda refund: refund.created_at,
            ),
            is_erased=person is None,
            is_told=not await self._notifications.is_undeliverable(conn, appointment_id),
            reconfirm=await reconfirm_store.find(conn, appointment_id),
            moves_left=max(self._moves_most - row.moves, int(row.is_displaced)),
        )
        answers = await answering.read(conn, self._sealer, appointment_id)
        them = (await responsible.served(conn, self._sealer, [appointment_id]))[appointment_id]
        return replace(
            made, answers=answers, differences=tuple(differences), waiting=_waiting(made, waiting), who=them.who
        )

    def _describe(self, case: CaseState) -> str:
        return self._translations.gettext(case.language, _("City appointment {number}"), number=case.number)


def _start(brief: Brief) -> tuple[datetime, str]:
    return brief.starts_at, brief.number


async def _again_after_deadlock(work: Callable[[], Awaitable[T]]) -> T:
    """Payment's hooks lock the other way round (lifecycle.py). Whoever was ended has changed nothing."""
    try:
        return await work()
    except asyncpg.DeadlockDetectedError:
        return await work()


def _waiting(case: Case, row: WaitingRow | None) -> Waiting | None:
    if row is None or row.hold_until is None:
        return None
    return Waiting(
        hold_id=row.id,
        starts_at=row.starts_at,
        hold_until=row.hold_until,
        difference=Money(row.fee_cents, case.fee.currency) - case.fee,
    )


def _case(
    row: CaseRow,
    contact: Contact,
    payment: Payment | None,
    refunds: list[Refund],
    *,
    is_erased: bool,
    is_told: bool,
    reconfirm: Reconfirm | None,
    moves_left: int,
) -> Case:
    return Case(
        id=row.id,
        number=row.number,
        status=row.status,
        service_id=row.service_id,
        office_id=row.office_id,
        channel=row.channel,
        language=row.language,
        items=tuple(one.item for one in row.items),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        time_zone=row.time_zone,
        hold_until=row.hold_until,
        fee=Money(row.fee_cents, row.currency),
        reduced_cents=row.reduction_cents,
        reductions=row.reductions,
        legal_basis=row.legal_basis,
        terms=ALL_BACK
        if row.is_displaced
        else Terms.of(row.share_percent, row.step_hours, row.step_percent, row.refund_most_percent),
        refund_policy=row.refund_policy,
        sequence=row.sequence,
        created_at=row.created_at,
        contact=contact,
        payment=payment,
        refunds=tuple(refund for refund in refunds if refund.status not in _ONLY_ASKED_FOR),
        is_erased=is_erased,
        is_told=is_told,
        reconfirm=reconfirm,
        moves_left=moves_left,
        invitation_id=row.invitation_id,
    )
