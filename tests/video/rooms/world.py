"""A room with a citizen and a clerk, everything defaulted, and hooks that write down what they hear."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from base.clock import SettableClock
from base.db import Connection, Database
from base.seal import Sealer
from video.rooms.model import Invitation, Role, Seat, SeatState, Window
from video.rooms.usecases import Rooms

SEALER = Sealer("test-" + "k" * 40)


class Told:
    """RoomHooks that remember."""

    def __init__(self) -> None:
        self.facts: list[tuple[str, UUID, int]] = []
        self.called: set[UUID] = set()
        self.fails = False
        self.fails_for: UUID | None = None

    async def on_waiting(self, conn: Connection, reference: UUID, seat: Seat) -> None:
        self._note("waiting", reference, seat.number)

    async def on_left(self, conn: Connection, reference: UUID, seat: Seat) -> None:
        self._note("left", reference, seat.number)

    async def on_ended(self, conn: Connection, reference: UUID) -> None:
        self._note("ended", reference, 0)

    async def is_called(self, conn: Connection, reference: UUID) -> bool:
        return reference in self.called

    def _note(self, fact: str, reference: UUID, number: int) -> None:
        if self.fails or self.fails_for == reference:
            raise RuntimeError("whoever listens has trouble")
        self.facts.append((fact, reference, number))


class World:
    def __init__(self, db: Database, clock: SettableClock) -> None:
        self.db = db
        self.clock = clock
        self.told = Told()
        self.rooms = Rooms(db, self.told, SEALER, clock)
        self.reference = uuid4()
        self.window = Window(clock() - timedelta(minutes=30), clock() + timedelta(hours=2))

    async def invite(
        self, role: Role = Role.CITIZEN, label: str = "one", window: Window | None = None, reference: UUID | None = None
    ) -> Invitation:
        async with self.db.transaction() as conn:
            await self.rooms.open(conn, reference or self.reference, self.window)
            return await self.rooms.invite(conn, reference or self.reference, role, label, window or self.window)

    async def seat(self, invitation: Invitation) -> Seat:
        seat = (await self.rooms.gathering(invitation.room_id)).find(invitation.number)
        assert seat is not None
        return seat

    async def state(self, invitation: Invitation) -> SeatState:
        return (await self.seat(invitation)).state

    @property
    def facts(self) -> list[tuple[str, int]]:
        assert {reference for _, reference, _ in self.told.facts} <= {self.reference}
        return [(fact, number) for fact, _, number in self.told.facts]
