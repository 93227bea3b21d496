"""A ticket of the day's queue, its statuses, and the one table of what may become what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from base.i18n import Text
from booking.availability.model import Item


class TicketStatus(StrEnum):
    WAITING = "waiting"  # has arrived, or sits in the waiting room of the video consultation
    CALLED = "called"  # to a counter; the board shows it
    SERVING = "serving"
    DONE = "done"
    NO_SHOW = "no_show"  # was called and did not come
    LEFT = "left"  # went before being called; comes back to waiting


_S = TicketStatus

TRANSITIONS: Mapping[TicketStatus, frozenset[TicketStatus]] = {
    _S.WAITING: frozenset({_S.CALLED, _S.LEFT}),
    _S.CALLED: frozenset({_S.SERVING, _S.NO_SHOW}),
    _S.SERVING: frozenset({_S.DONE, _S.WAITING}),  # to the next counter of the visit
    _S.DONE: frozenset(),
    _S.NO_SHOW: frozenset({_S.CALLED}),  # the wrong button, and the person stands there
    _S.LEFT: frozenset({_S.WAITING}),
}

OPEN = frozenset({_S.CALLED, _S.SERVING})  # one of these per counter (the schema: ticket_one_open_call)


def sources(to: TicketStatus) -> frozenset[TicketStatus]:
    """The statuses from which one is reached: what a compare-and-set compares with."""
    return frozenset(status for status, following in TRANSITIONS.items() if to in following)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    id: UUID
    day: date
    number: int
    appointment_id: UUID | None
    service_id: int
    channel: str
    status: TicketStatus
    counter_id: int | None
    due_at: datetime | None
    arrived_at: datetime
    called_at: datetime | None
    calls: int

    @property
    def turn(self) -> tuple[bool, datetime, int]:
        """The first form of the order: appointments by their time among those who have arrived, then walk-ins by arrival."""
        return self.due_at is None, self.due_at or self.arrived_at, self.number


class OpenReason(StrEnum):
    """Why a visit ends although a fee of it is open."""

    PAYS_LATER = "pays_later"  # by the link, or at a till another day
    CANNOT_PAY = "cannot_pay"
    HAS_LEFT = "has_left"
    PAYMENT_DOWN = "payment_down"  # neither a provider nor a till works
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """`note`: in the clerk's words; needed where the reason is another one."""

    reason: OpenReason
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A counter as its office sees it now."""

    id: int
    name: Text
    channel: str
    account_id: int | None  # who works there today
    is_resource: bool  # a room, an interpreter: nobody is called there


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A part of a visit, at the counter whose time it has."""

    item: Item
    counter_id: int
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """An appointment of the office's day. No name: that is another permission."""

    id: UUID
    number: str
    status: str
    service_id: int
    channel: str
    starts_at: datetime
    stops: tuple[Stop, ...]
    resources: tuple[int, ...] = ()  # rooms, interpreters: counters that nobody is called to
    reconfirm: str | None = None  # booking.appointments.model.ReconfirmStatus, where it was asked whether they come

    def after(self, due_at: datetime | None) -> Stop | None:
        """Where the visit goes on, from the counter whose time begins then."""
        here = next((stop.counter_id for stop in self.stops if stop.starts_at == due_at), None)
        if due_at is None or here is None:
            return None
        return next((stop for stop in self.stops if stop.starts_at > due_at and stop.counter_id != here), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Everything that the clerks of an office see of today, of one moment."""

    date: date
    time_zone: str
    counters: tuple[Place, ...]
    tickets: tuple[Ticket, ...]  # in the order of their turn; what is still open of former days comes first
    booked: tuple[Booked, ...]  # by their time

    @property
    def waiting(self) -> tuple[Ticket, ...]:
        """Without those whose appointment was cancelled while they waited: nobody calls them."""
        over = {one.id for one in self.booked if one.status != "confirmed"}
        return tuple(t for t in self.tickets if t.status is _S.WAITING and t.appointment_id not in over)

    def open_at(self, counter_id: int) -> Ticket | None:
        return next((t for t in self.tickets if t.counter_id == counter_id and t.status in OPEN), None)

    def missed_at(self, counter_id: int) -> tuple[Ticket, ...]:
        """Who was called there today and did not come, the latest first. The call of a video consultation is over for good."""
        missed = [
            t for t in self.tickets if t.counter_id == counter_id and t.status is _S.NO_SHOW and t.channel != "video"
        ]
        return tuple(sorted(missed, key=lambda t: (t.called_at or t.arrived_at, t.number), reverse=True))

    def counter_of(self, account_id: int) -> Place | None:
        return next((place for place in self.counters if place.account_id == account_id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A line of the board: no name, no service."""

    number: int
    counter: Text
    is_new: bool  # still waited for; else at the counter already
    calls: int


@dataclass(frozen=True, slots=True)
class Step:
    """That something became of an appointment or of its ticket; `status` is the one's or the other's."""

    of_ticket: bool
    status: str
    at: datetime
