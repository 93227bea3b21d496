"""The table of a ticket's statuses, the order of turns, and the same words in the schema."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from base.db import Database
from booking.availability.model import Item
from booking.queue.model import OPEN, TRANSITIONS, Booked, Stop, Ticket, TicketStatus, sources

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


def ticket(number: int, *, due_min: int | None = None, arrived_min: int = 0) -> Ticket:
    return Ticket(
        id=uuid4(),
        day=NOON.date(),
        number=number,
        appointment_id=uuid4() if due_min is not None else None,
        service_id=1,
        channel="onsite",
        status=TicketStatus.WAITING,
        counter_id=None,
        due_at=None if due_min is None else NOON + timedelta(minutes=due_min),
        arrived_at=NOON + timedelta(minutes=arrived_min),
        called_at=None,
        calls=0,
    )


def test_every_status_has_its_edges() -> None:
    assert set(TRANSITIONS) == set(TicketStatus)
    assert sources(TicketStatus.CALLED) == {TicketStatus.WAITING, TicketStatus.NO_SHOW}
    assert sources(TicketStatus.WAITING) == {TicketStatus.LEFT, TicketStatus.SERVING}
    assert not TRANSITIONS[TicketStatus.DONE]
    assert {TicketStatus.CALLED, TicketStatus.SERVING} == OPEN


def test_appointments_by_their_time_and_walk_ins_by_arrival() -> None:
    came = [
        ticket(1, arrived_min=-30),
        ticket(2, due_min=20, arrived_min=-10),
        ticket(3, due_min=0, arrived_min=5),
        ticket(4, arrived_min=-40),
    ]
    assert [one.number for one in sorted(came, key=lambda one: one.turn)] == [3, 2, 4, 1]


async def test_the_schema_knows_the_same_statuses(db: Database) -> None:
    async with db.connection() as conn:
        text = await conn.fetchval(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ticket_status'"
        )
    assert set(re.findall("'([a-z_]+)'::text", text)) == set(TicketStatus)


def test_where_a_visit_goes_on() -> None:
    """From counter to counter; what the same counter does next needs no way."""
    at = [NOON + timedelta(minutes=10 * n) for n in range(4)]
    stops = tuple(Stop(item=Item(n), counter_id=c, starts_at=at[n]) for n, c in enumerate((7, 7, 8)))
    booked = Booked(
        id=uuid4(), number="K7F-3QM", status="confirmed", service_id=0, channel="onsite", starts_at=NOON, stops=stops
    )
    assert booked.after(at[0]) == booked.after(at[1]) == stops[2]
    assert booked.after(at[2]) is booked.after(at[3]) is booked.after(None) is None
