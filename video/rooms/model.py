"""A room, its seats, and the one table of what may become what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

SEAT_KEPT = timedelta(seconds=60)  # after its socket was lost
PLACES = 6


class RoomStatus(StrEnum):
    OPEN = "open"
    ENDED = "ended"  # for good


class Role(StrEnum):
    CITIZEN = "citizen"
    CLERK = "clerk"  # admits the others, and needs nobody to be admitted
    GUEST = "guest"  # an interpreter, a companion


class SeatState(StrEnum):
    INVITED = "invited"  # has a link
    WAITING = "waiting"  # in the waiting room
    ADMITTED = "admitted"  # in the call: only these see, hear, send
    LEFT = "left"  # went, was dismissed, or was away for longer than the seat is kept; may come back


_S = SeatState

TRANSITIONS: Mapping[SeatState, frozenset[SeatState]] = {
    _S.INVITED: frozenset({_S.WAITING, _S.ADMITTED}),
    _S.WAITING: frozenset({_S.ADMITTED, _S.LEFT}),
    _S.ADMITTED: frozenset({_S.LEFT}),
    _S.LEFT: frozenset({_S.WAITING, _S.ADMITTED}),
}


def sources(to: SeatState) -> frozenset[SeatState]:
    """The states from which one is reached: what a compare-and-set compares with."""
    return frozenset(state for state, following in TRANSITIONS.items() if to in following)


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open: from starts_at until before ends_at."""

    starts_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        if self.ends_at <= self.starts_at:
            raise ValueError("a window ends after it starts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    id: UUID
    reference: UUID
    opens_at: datetime
    closes_at: datetime
    status: RoomStatus
    worker: str | None
    worker_instance: str | None
    epoch: int
    version: int


@dataclass(frozen=True, slots=True)
class Home:
    """A worker, and the life of it, that a room is on."""

    worker: str
    instance: str


@dataclass(frozen=True, slots=True)
class Lease:
    """A media worker that lives: a web process heard it a moment ago."""

    name: str
    instance: str
    load: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    id: UUID
    room_id: UUID
    number: int
    role: Role
    label: str = field(repr=False)
    state: SeatState
    sends: tuple[str, ...]
    muted: tuple[str, ...]
    session_sha256: bytes | None = field(repr=False)
    session_until: datetime | None
    is_released: bool
    connection: UUID | None

    def is_taken(self, now: datetime) -> bool:
        """Somebody sits there, and their browser has not said goodbye."""
        return self.session_until is not None and self.session_until > now and not self.is_released


@dataclass(frozen=True, slots=True)
class Gathering:
    """A room and everybody who has a seat in it, of one moment."""

    room: Room
    seats: tuple[Seat, ...]
    is_called: bool = False  # the citizen: somebody of the office is about to let them in

    def find(self, number: int) -> Seat | None:
        return next((seat for seat in self.seats if seat.number == number), None)


@dataclass(frozen=True, slots=True)
class Link:
    """What a token opens, and when."""

    room_id: UUID
    number: int
    role: Role
    window: Window


@dataclass(frozen=True, slots=True)
class Look:
    """A room as its page sees it, before anybody sits down."""

    room: Room
    link: Link


@dataclass(frozen=True, slots=True)
class Invitation:
    """`token` is a secret: it goes into a link or a cookie, nowhere else."""

    room_id: UUID
    number: int
    token: str = field(repr=False)

    def path(self, language: str) -> str:
        return f"/{language}/join/{self.token}"


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody sat down: `resume` proves the same browser when its socket comes back."""

    seat: Seat
    room: Room
    resume: str = field(repr=False)
    connection: UUID
    is_resumed: bool
