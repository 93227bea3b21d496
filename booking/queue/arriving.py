"""Whoever is here waits in the queue: by check-in at the counter, or by sitting in the waiting room of a video consultation."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import cast
from uuid import UUID, uuid4

from base.clock import Clock
from base.db import Connection
from base.errors import NotFound
from booking.appointments.model import AppointmentStatus
from booking.queue import places_store, store
from booking.queue.model import Ticket, TicketStatus, sources
from payment.ports import Tx
from video.rooms.model import Role, Seat, SeatState

_S = TicketStatus
_MOMENT = timedelta(minutes=2)  # a browser that lost its connection has not gone


async def arrive(conn: Connection, appointment_id: UUID, now: datetime, office_id: int | None = None) -> Ticket | None:
    """May be repeated. None: nobody is expected with this appointment today, or not at this office."""
    case = await store.expected(conn, appointment_id)
    if case is None or (office_id is not None and case.office_id != office_id):
        return None
    today = await places_store.office_day(conn, case.office_id, now)
    if today is None:
        raise NotFound
    if case.day != today.day or case.status != AppointmentStatus.CONFIRMED:
        return None
    known = await store.ticket_of(conn, appointment_id)
    if known is None:
        number = await store.next_number(conn, case.office_id, today.day)
        ticket = new_ticket(number, today.day, case.service_id, case.channel, now, case)
        await store.insert_ticket(conn, ticket, case.office_id, today.day, None, now)
    elif known.status is _S.LEFT:
        await store.come_back(conn, known.id, now, now - _MOMENT)
    return await store.ticket_of(conn, appointment_id)


def new_ticket(
    number: int, day: date, service_id: int, channel: str, now: datetime, case: store.Expected | None = None
) -> Ticket:
    return Ticket(
        id=uuid4(),
        day=day,
        number=number,
        appointment_id=case.id if case else None,
        service_id=service_id,
        channel=channel,
        status=_S.WAITING,
        counter_id=None,
        due_at=case.starts_at if case else None,
        arrived_at=now,
        called_at=None,
        calls=0,
    )


async def has_arrived(tx: Tx, reference: UUID) -> bool:
    """Appointments' question before it moves a case."""
    return await store.has_ticket(cast("Connection", tx), reference)


async def let_go(tx: Tx, reference: UUID) -> None:
    """Appointments has moved the case of somebody who had left."""
    await store.let_go(cast("Connection", tx), reference)


async def is_called(tx: Tx, reference: UUID) -> bool:
    """booking.appointments' question before a citizen cancels."""
    return await store.is_called(cast("Connection", tx), reference)


class CallHooks:
    """video.rooms' hooks: a room's reference is the id of an appointment.

    They run under the room's lock and so do not lock the case: cancelling and finishing lock the case, then call the room off, which
    tells of everybody inside that they have left. The ticket comes last.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def on_waiting(self, conn: Connection, reference: UUID, seat: Seat) -> None:
        if seat.role is Role.CITIZEN:
            await arrive(conn, reference, self._clock())

    async def on_left(self, conn: Connection, reference: UUID, seat: Seat) -> None:
        """Gone again before being admitted. Who was in the call stays with the clerk who admitted them."""
        if seat.role is not Role.CITIZEN or seat.state is not SeatState.WAITING:
            return
        ticket = await store.ticket_of(conn, reference)
        if ticket is not None:
            await store.move(conn, ticket.id, sources(_S.LEFT), _S.LEFT, None, self._clock())

    async def on_ended(self, conn: Connection, reference: UUID) -> None:
        """The clerk finishes the ticket; a call may end before the visit does. The counter offers no way into it any more."""
        await store.show_again(conn, reference)

    async def is_called(self, conn: Connection, reference: UUID) -> bool:
        return await store.is_called(conn, reference)
