"""What people do in the queue: arrive, be called, be served. Each step is one transaction and a compare-and-set.

The order of locks is appointment, room of the call, ticket, as everywhere. Nothing here leaves the process, and no clerk is written down.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from uuid import UUID, uuid5

import asyncpg

from base.clock import Clock
from base.db import Connection, Database, again_after_deadlock, freeze, violates
from base.errors import Conflict, NotFound
from base.i18n import mark as _
from booking.appointments.model import AppointmentStatus
from booking.appointments.number import normal_number
from booking.appointments.reductions import ProofUndecided
from booking.appointments.slots import Slots
from booking.queue import places_store, store
from booking.queue.arriving import arrive, new_ticket
from booking.queue.expecting import AtAnotherOffice, NotExpected, NumberUnknown, refusal, unreadable
from booking.queue.model import Call, Day, LeftOpen, OpenReason, Step, Ticket, TicketStatus, sources
from booking.queue.places import CounterBusy, Places

log = logging.getLogger(__name__)
_TELL_S = 1.0
MOST_NOTE = 300
_S = TicketStatus
_WALK_IN = UUID("6f1f6f0e-6a0b-4d57-9a55-0d2a1b7c9e11")  # name space of request keys
_CASE = {_S.DONE: AppointmentStatus.FINISHED, _S.NO_SHOW: AppointmentStatus.NO_SHOW}


Charge = Callable[[Connection, Collection[UUID]], Awaitable[object]]  # see payment.usecases.Payments.charge


async def nobody_is_charged(conn: Connection, references: Collection[UUID]) -> None: ...


class NobodyWaits(Conflict):
    code = "nobody_waits"
    message = _("Nobody is waiting whom this counter can serve.")


class TicketMoved(Conflict):
    code = "ticket_moved"
    message = _("This number is no longer where it was. The page shows the present state.")


class NotServedHere(Conflict):
    code = "not_served_here"
    message = _("This office does not serve people with this without an appointment.")


class FeeOpen(Conflict):
    """See the constraints ticket_open_fee and appointment_open_fee."""

    code = "fee_open"
    message = _("A fee is still open: let it be paid, withdraw it, or say why the visit ends without it.")


class ReasonNeeded(Conflict):
    code = "reason_needed"
    message = _("Say in at most 300 characters why the visit ends although a fee is open.")


class Queue:
    """`end_call`: there is no video call any more for this appointment, in the transaction of the fact; the case is locked before.
    `tell_call`: who waits in its room is called, after the fact: rooms are locked before tickets, so not in its transaction. Where it
    is missed the room's watch sees it some seconds later. `charge`: what was reserved for a case whose visit has ended is taken, with
    the case locked.
    """

    def __init__(
        self,
        db: Database,
        slots: Slots,
        end_call: Callable[[Connection, UUID], Awaitable[None]],
        clock: Clock,
        tell_call: Callable[[UUID], Awaitable[None]] | None = None,
        charge: Charge = nobody_is_charged,
    ) -> None:
        self._db = db
        self._slots = slots
        self._end_call = end_call
        self._clock = clock
        self._tell_call = tell_call
        self._charge = charge
        self._places = Places(db, clock)

    async def day(self, office_id: int) -> Day:
        """Of one snapshot, so that nobody is shown twice or nowhere."""
        async with self._db.transaction() as conn:
            await freeze(conn)
            today = await self._places.today(conn, office_id)
            return Day(
                date=today.day,
                time_zone=today.time_zone,
                counters=tuple(await places_store.counters(conn, office_id, today.day)),
                tickets=tuple(await store.tickets(conn, office_id, today.day)),
                booked=tuple(await store.booked(conn, office_id, today.day)),
            )

    async def steps_of(self, appointment_id: UUID) -> list[Step]:
        """What became of an appointment and when, up to who was served: oldest first, and nobody is named."""
        async with self._db.connection() as conn:
            return await store.steps_of(conn, appointment_id)

    async def board(self, office_id: int) -> list[Call]:
        async with self._db.connection() as conn:
            return await store.calls(conn, office_id, (await self._places.today(conn, office_id)).day)

    # Counters

    async def take_counter(self, office_id: int, account_id: int, counter_id: int) -> None:
        """See Places.take."""
        await self._places.take(office_id, account_id, counter_id)

    async def leave_counter(self, account_id: int) -> None:
        """See Places.leave."""
        await self._places.leave(account_id)

    async def free_counter(self, office_id: int, counter_id: int) -> None:
        """See Places.free."""
        await self._places.free(office_id, counter_id)

    async def forget_clerks(self) -> int:
        """See Places.forget."""
        return await self._places.forget()

    # Arriving

    async def check_in(self, office_id: int, appointment_id: UUID) -> Ticket:
        """Again: the same ticket. Raises NotExpected, by its reason; also for another office's appointment."""
        async with self._db.transaction() as conn:
            ticket = await self._arrive(conn, appointment_id, office_id)
            if ticket is None:
                raise await self._refusal(conn, office_id, appointment_id=appointment_id) or NotExpected()
        return ticket

    async def check_in_number(self, office_id: int, typed: str) -> Ticket:
        """By the number that the citizen reads out, however it was typed."""
        number = normal_number(typed)
        if number is None:
            raise unreadable(typed)
        async with self._db.connection() as conn:
            found = await store.registered(conn, number=number)
        if found is None or found.office_id != office_id:
            raise NumberUnknown() if found is None else AtAnotherOffice(office=found.office_id)
        return await self.check_in(office_id, found.id)

    async def why_not(
        self, office_id: int, *, typed: str = "", appointment_id: UUID | None = None
    ) -> NotExpected | None:
        """Why a check-in is refused now; nothing is written. None: it is not."""
        number = normal_number(typed)
        if appointment_id is None and number is None:
            return unreadable(typed)
        async with self._db.connection() as conn:
            return await self._refusal(conn, office_id, appointment_id=appointment_id, number=number or "")

    async def add_walk_in(self, office_id: int, service_id: int, key: str) -> Ticket:
        """The same key and service: the same ticket. Raises NotServedHere."""
        request_key, now = uuid5(_WALK_IN, f"{office_id} {service_id} {key}"), self._clock()
        async with self._db.transaction() as conn:
            today = (await self._places.today(conn, office_id)).day
            known = await store.ticket_of_request(conn, office_id, request_key)
            if known is not None:
                return known
            if not await store.offers(conn, office_id, service_id):
                raise NotServedHere
            ticket = new_ticket(await store.next_number(conn, office_id, today), today, service_id, "onsite", now)
            if await store.insert_ticket(conn, ticket, office_id, today, request_key, now):
                return ticket
            again = await store.ticket_of_request(conn, office_id, request_key)
            assert again is not None
            return again

    async def leave_queue(self, office_id: int, ticket_id: UUID) -> None:
        """Went before being called. Raises NotFound, TicketMoved."""
        async with self._db.transaction() as conn:
            ticket = await store.find_ticket(conn, office_id, ticket_id)
            if ticket is None:
                raise NotFound
            moved = await store.move(conn, ticket_id, sources(_S.LEFT), _S.LEFT, None, self._clock())
            if moved:
                return
            present = await store.find_ticket(conn, office_id, ticket_id)
            if present is None or present.status is not _S.LEFT:
                raise TicketMoved

    # Calling and serving

    async def call_next(self, office_id: int, account_id: int) -> Ticket:
        """Asked twice: the person who is called already. Raises NoCounter, CounterBusy, NobodyWaits."""
        try:
            async with self._db.transaction() as conn:
                today = (await self._places.today(conn, office_id)).day
                counter_id = await self._places.counter_of(conn, office_id, account_id, today)
                present = await store.open_at(conn, counter_id)
                if present is not None and present.status is _S.CALLED:
                    return present
                if present is not None:
                    raise CounterBusy
                ticket = await store.call_next(conn, office_id, today, counter_id, self._clock())
        except asyncpg.UniqueViolationError as error:
            if violates(error, "ticket_one_open_call"):
                raise CounterBusy from None
            raise
        if ticket is None:
            raise NobodyWaits
        if self._tell_call is not None and ticket.channel == "video" and ticket.appointment_id is not None:
            await self._tell(ticket.appointment_id)
        return ticket

    async def _tell(self, appointment_id: UUID) -> None:
        """The room reads it by itself some seconds later, so nothing that fails here takes the call back."""
        assert self._tell_call is not None
        try:
            async with asyncio.timeout(_TELL_S):
                await self._tell_call(appointment_id)
        except Exception as error:  # the call is committed: the clerk must not read that it failed
            log.warning(
                "queue.room-not-told", extra={"appointment": str(appointment_id), "error": type(error).__name__}
            )

    async def recall(self, office_id: int, account_id: int, ticket_id: UUID) -> None:
        await self._step(
            office_id, account_id, ticket_id, lambda conn, here: store.recall(conn, ticket_id, here, self._clock())
        )

    async def start(self, office_id: int, account_id: int, ticket_id: UUID) -> Ticket:
        """The person is here, or is admitted to the video consultation. The ticket, as it was before."""
        return await self._move(office_id, account_id, ticket_id, _S.SERVING)

    async def finish(self, office_id: int, account_id: int, ticket_id: UUID, left_open: LeftOpen | None = None) -> None:
        """Its appointment is finished in the same transaction. `left_open`: why, although a fee of it is open.

        Raises ProofUndecided while nobody has looked at a reduction of it; FeeOpen, ReasonNeeded.
        """
        note = " ".join(left_open.note.split()) if left_open else ""
        if left_open and (len(note) > MOST_NOTE or (left_open.reason is OpenReason.OTHER and not note)):
            raise ReasonNeeded

        async def work(conn: Connection, here: int) -> bool:
            if left_open:
                await store.leave_open(conn, ticket_id, left_open.reason, note or None, account_id, self._clock())
            return await store.move(conn, ticket_id, sources(_S.DONE), _S.DONE, here, self._clock())

        try:
            await self._step(office_id, account_id, ticket_id, work, _S.DONE)
        except asyncpg.CheckViolationError as error:
            if violates(error, "reduction_decided"):
                raise ProofUndecided from None
            if violates(error, "ticket_open_fee") or violates(error, "appointment_open_fee"):
                raise FeeOpen from None
            raise

    async def send_on(self, office_id: int, account_id: int, ticket_id: UUID) -> None:
        """To the next counter of the visit, where the number waits at that part's time. Raises NotFound, NoCounter, TicketMoved."""
        async with self._db.transaction() as conn:
            ticket = await store.find_ticket(conn, office_id, ticket_id)
            if ticket is None:
                raise NotFound
            here = await self._places.counter_of(
                conn, office_id, account_id, (await self._places.today(conn, office_id)).day
            )
            if await store.send_on(conn, ticket_id, here, self._clock()):
                return
            present = await store.find_ticket(conn, office_id, ticket_id)
            if present is None or present.status is not _S.WAITING or not present.calls:  # sent on already
                raise TicketMoved

    async def no_show(self, office_id: int, account_id: int, ticket_id: UUID) -> None:
        await self._move(office_id, account_id, ticket_id, _S.NO_SHOW)

    async def undo_no_show(self, office_id: int, account_id: int, ticket_id: UUID) -> None:
        """The person stands there: called again as before, at the same counter, on the same day. Nobody was told of the no-show.

        Raises NotFound, NoCounter, CounterBusy, TicketMoved; the latter for a video call, too, which is over for good.
        """
        try:
            await self._undo_no_show(office_id, account_id, ticket_id)
        except asyncpg.UniqueViolationError as error:
            if violates(error, "ticket_one_open_call"):
                raise CounterBusy from None
            raise

    async def _undo_no_show(self, office_id: int, account_id: int, ticket_id: UUID) -> None:
        async with self._db.transaction() as conn:
            ticket = await store.find_ticket(conn, office_id, ticket_id)
            if ticket is None:
                raise NotFound
            case = await self._slots.lock(conn, ticket.appointment_id) if ticket.appointment_id else None
            today = (await self._places.today(conn, office_id)).day
            here = await self._places.counter_of(conn, office_id, account_id, today)
            if ticket.channel == "video" or ticket.day != today:
                raise TicketMoved
            if not await store.move(conn, ticket_id, {_S.NO_SHOW}, _S.CALLED, here, self._clock()):
                present = await store.find_ticket(conn, office_id, ticket_id)
                if present is not None and present.status is _S.CALLED and present.counter_id == here:
                    return
                raise TicketMoved
            if case is None:
                return
            if case.status is not AppointmentStatus.NO_SHOW:
                raise TicketMoved
            await self._slots.move(conn, case.id, AppointmentStatus.CONFIRMED)

    async def _move(self, office_id: int, account_id: int, ticket_id: UUID, to: TicketStatus) -> Ticket:
        def change(conn: Connection, here: int) -> Awaitable[bool]:
            return store.move(conn, ticket_id, sources(to), to, here, self._clock())

        return await self._step(office_id, account_id, ticket_id, change, to)

    async def _step(
        self,
        office_id: int,
        account_id: int,
        ticket_id: UUID,
        change: Callable[[Connection, int], Awaitable[bool]],
        to: TicketStatus | None = None,
    ) -> Ticket:
        # Payment's hooks lock payment and case the other way round.
        return await again_after_deadlock(lambda: self._step_once(office_id, account_id, ticket_id, change, to))

    async def _step_once(
        self,
        office_id: int,
        account_id: int,
        ticket_id: UUID,
        change: Callable[[Connection, int], Awaitable[bool]],
        to: TicketStatus | None,
    ) -> Ticket:
        """At the clerk's own counter only. Raises NotFound, NoCounter, TicketMoved; a step that is done already is no mistake."""
        async with self._db.transaction() as conn:
            ticket = await store.find_ticket(conn, office_id, ticket_id)
            if ticket is None:
                raise NotFound
            case = _CASE.get(to) if to else None
            state = None
            if case is not None and ticket.appointment_id is not None:
                state = await self._slots.lock(conn, ticket.appointment_id)
            here = await self._places.counter_of(
                conn, office_id, account_id, (await self._places.today(conn, office_id)).day
            )
            if case is not None and ticket.appointment_id is not None and ticket.channel == "video":
                # After the clerk, as recall and start have it; before the ticket, which ending a call shows again.
                await self._end_call(conn, ticket.appointment_id)
            if not await change(conn, here):
                present = await store.find_ticket(conn, office_id, ticket_id)  # what was read before may be old
                if to is not None and present is not None and present.status is to and present.counter_id == here:
                    return present
                raise TicketMoved
            if case is not None and ticket.appointment_id is not None:
                await self._end_case(conn, ticket_id, ticket.appointment_id, case)
                if state is not None:  # whoever did not come owes the fee as well, by the terms of the booking
                    await self._charge(conn, state.references)
        return ticket

    async def _end_case(self, conn: Connection, ticket_id: UUID, appointment_id: UUID, to: AppointmentStatus) -> None:
        """One that has ended otherwise stays as it ended, and the page says so; its ticket moves on, for the counter must get free."""
        if not await self._slots.move(conn, appointment_id, to):
            extra = {"ticket": str(ticket_id), "appointment": str(appointment_id), "to": to.value}
            log.warning("queue.case-had-ended", extra=extra)

    async def _arrive(self, conn: Connection, appointment_id: UUID, office_id: int) -> Ticket | None:
        """None: nobody is expected with this appointment here today."""
        await self._slots.lock(conn, appointment_id)
        return await arrive(conn, appointment_id, self._clock(), office_id)

    async def _refusal(
        self, conn: Connection, office_id: int, *, appointment_id: UUID | None = None, number: str = ""
    ) -> NotExpected | None:
        found = await store.registered(conn, appointment_id=appointment_id, number=number)
        return refusal(found, office_id, (await self._places.today(conn, office_id)).day)
