"""What rooms tell upwards: facts for whoever knows what the reference means, in the transaction of the fact."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from base.db import Connection
from video.rooms.model import Seat


class RoomHooks(Protocol):
    """Called with the room's row locked; only the database may be awaited.

    Booking opens and calls off a room while it holds the case. So a hook does not lock the case: it writes a row of its own.
    """

    async def on_waiting(self, conn: Connection, reference: UUID, seat: Seat) -> None:
        """Somebody came into the waiting room, perhaps again."""

    async def on_left(self, conn: Connection, reference: UUID, seat: Seat) -> None:
        """Somebody went, was dismissed, or was away for too long. `seat` is as it was before."""

    async def on_ended(self, conn: Connection, reference: UUID) -> None:
        """For good; a call of on_left for each who was inside came before."""

    async def is_called(self, conn: Connection, reference: UUID) -> bool:
        """A question, asked without the lock: whether it is the citizen's turn."""
