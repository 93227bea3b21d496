"""The video call of an appointment: a room by the case's id, opened and called off in the transaction of the fact."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from base.db import Connection
from booking.appointments.store import CaseRow
from video.rooms.model import Invitation, Role, Window
from video.rooms.usecases import Rooms

OPENS_BEFORE = timedelta(minutes=30)  # time to try camera and microphone
CLOSES_AFTER = timedelta(hours=2)  # appointments before may have taken longer
_CITIZEN = "citizen"  # one per case; who it is, only the case knows


class Calls:
    def __init__(self, rooms: Rooms, public_url: str) -> None:
        self._rooms = rooms
        self._public_url = public_url

    async def invite(self, conn: Connection, row: CaseRow) -> str:
        """The address for the citizen, the same each time; the room is open from half an hour before."""
        window = _window(row)
        await self._rooms.open(conn, row.id, window)
        invitation = await self._rooms.invite(conn, row.id, Role.CITIZEN, _CITIZEN, window)
        return self._public_url + invitation.path(row.language)

    async def is_over(self, conn: Connection, appointment_id: UUID) -> bool:
        """Whether there was one that has ended: it never begins again."""
        return await self._rooms.has_ended(conn, appointment_id)

    async def find(self, conn: Connection, appointment_id: UUID) -> Invitation | None:
        """What `invite` gave."""
        return await self._rooms.find_invitation(conn, appointment_id, Role.CITIZEN, _CITIZEN)

    async def invite_counter(self, conn: Connection, row: CaseRow, counter_id: int) -> Invitation:
        """For whoever works at this counter today: the seat is the counter's, and no clerk is written down."""
        window = _window(row)
        await self._rooms.open(conn, row.id, window)
        return await self._rooms.invite(conn, row.id, Role.CLERK, f"counter:{counter_id}", window)

    async def call_off(self, conn: Connection, appointment_id: UUID) -> None:
        await self._rooms.call_off(conn, appointment_id)


def _window(row: CaseRow) -> Window:
    return Window(row.starts_at - OPENS_BEFORE, row.ends_at + CLOSES_AFTER)
