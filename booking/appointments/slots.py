"""What expiry and the payment hooks need of a store: slots_pg and slots_memory, held together by one contract suite."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from booking.appointments.model import AppointmentStatus, CaseState, MoveState
from payment.ports import Tx

# A provider that does not answer is asked again as often as this for each case; the sweep itself comes every few seconds.
TRY_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to the case's person, if there is a way to reach them. One fact, one message: `about` tells facts apart that
    share a case's sequence."""

    template: str
    about: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ByCity:
    """What the city does to a case that stands in its way: without the limits of citizens, and paid back in full.

    `check` is asked with the case locked, and raises what says why not.
    """

    check: Callable[[Tx], Awaitable[None]]
    reason: str = ""  # told to the person


class Announce(Protocol):
    """Writes the outbox row in the transaction of the fact."""

    async def __call__(self, tx: Tx, reference: UUID, notice: Notice) -> None: ...


class IsCalled(Protocol):
    """Whether the person of this case is called to a counter or served there. Asked with the case locked."""

    async def __call__(self, tx: Tx, reference: UUID) -> bool: ...


class LetGo(Protocol):
    """The case goes to another time: a ticket of somebody who has left stays behind. Asked with the case locked."""

    async def __call__(self, tx: Tx, reference: UUID) -> None: ...


async def nobody_to_let_go(tx: Tx, reference: UUID) -> None:
    """Where there is no queue."""


async def nobody_is_called(tx: Tx, reference: UUID) -> bool:
    """Where there is no queue."""
    return False


class Slots(Protocol):
    async def lock(self, tx: Tx, reference: UUID) -> CaseState | None:
        """The case as it is; nobody else gets its lock before the transaction ends."""

    async def move(self, tx: Tx, reference: UUID, to: AppointmentStatus, *, at_till: bool = False) -> bool:
        """Compare-and-set from the statuses that the transition table allows; its time follows. False: it had another status, or what
        had run out is not free any more in all its parts. `at_till`: booked unpaid, for a till to take the fee."""

    async def due(self, tx: Tx, now: datetime, limit: int) -> list[UUID]:
        """Cases whose hold is over, those that are expiring, and dearer times that nobody waits for any more, by their hold; each once in
        TRY_EVERY, least recently tried first."""

    async def mark_tried(self, tx: Tx, reference: UUID, now: datetime) -> None:
        """In the transaction of the visit: what cannot be freed yet stands behind what nobody has tried."""

    async def expire_bare(self, tx: Tx, now: datetime, limit: int) -> int:
        """Free the time of holds that are over and never became a case."""

    async def lock_move(self, tx: Tx, hold_id: UUID) -> MoveState | None:
        """The dearer time that waits for a case, or did, with that case locked."""

    async def end_move(self, tx: Tx, hold_id: UUID, taken_at: datetime | None) -> bool:
        """The case gets it at this moment, and gives back at most what it gave then; None: the time is free. False: it did not wait."""

    async def announce(self, tx: Tx, reference: UUID, notice: Notice) -> None:
        """To the person of the case, or of the case that this hold waits for."""
