"""Open a room, invite to it, come in, admit, leave, end. What follows from that elsewhere goes up through RoomHooks."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from base.clock import Clock
from base.db import Connection, Database, database_is_away, violates
from base.errors import Conflict, DomainError, Forbidden, Gone, NotFound, Unauthenticated
from base.failpoint import point
from base.i18n import mark as _
from base.seal import Sealer, is_token, new_token, token_sha256
from video.rooms import store
from video.rooms.model import (
    SEAT_KEPT,
    Entry,
    Gathering,
    Invitation,
    Link,
    Look,
    Role,
    Room,
    RoomStatus,
    Seat,
    SeatState,
    Window,
    sources,
)
from video.rooms.ports import RoomHooks

log = logging.getLogger(__name__)

seat_waiting = point("room.waiting")
seat_admitted = point("room.admitted")
seat_left = point("room.left")
room_ended = point("room.ended")

_INSIDE = (SeatState.WAITING, SeatState.ADMITTED)
_ROOMS_AT_ONCE = 50


class TooEarly(Conflict):
    code = "too_early"
    message = _("It is too early for this video call. Please come back shortly before your appointment.")


class RoomOver(Gone):
    code = "room_over"
    message = _("This video call is over.")


class SeatTaken(Conflict):
    code = "seat_taken"
    message = _("This link is in use in another window or on another device.")


class RoomFull(Conflict):
    code = "room_full"
    message = _("There are six people in the call already; more do not fit.")


class NotAdmitted(Forbidden):
    code = "not_admitted"
    message = _("You are not in the call. Please wait until you are let in.")


class OnlyClerk(Forbidden):
    code = "only_clerk"
    message = _("Only the staff of the office may do this.")


class StaleEpoch(Conflict):
    code = "stale_epoch"
    message = _("The call is being connected anew.")


class SessionOver(DomainError):
    code = "session_over"
    status = 409
    message = _("Your place in this call has been given up, or is used in another window.")


class Rooms:
    def __init__(self, db: Database, hooks: RoomHooks, sealer: Sealer, clock: Clock) -> None:
        self._db = db
        self._hooks = hooks
        self._sealer = sealer
        self._clock = clock

    # before the call: in the caller's transaction

    async def open(self, conn: Connection, reference: UUID, window: Window) -> UUID:
        """The room of this reference. Asked again with another window, it gets that one."""
        return await store.put_room(conn, reference, window)

    async def invite(self, conn: Connection, reference: UUID, role: Role, label: str, window: Window) -> Invitation:
        """A link for one person: the same person (role and label) gets the same one, with the window given last.

        Raises NotFound where no room was opened, RoomOver.
        """
        room = await store.lock_room_of(conn, reference)
        if room is None:
            raise NotFound
        if room.status is RoomStatus.ENDED:
            raise RoomOver
        seat = await store.put_seat(conn, room.id, role, label)
        token = self._token(seat)
        await store.put_token(conn, token_sha256(token), seat.id, window)
        return Invitation(room.id, seat.number, token)

    async def find_invitation(self, conn: Connection, reference: UUID, role: Role, label: str) -> Invitation | None:
        """What `invite` gave, while the call may still be; nothing is written."""
        seat = await store.find_person(conn, reference, role, label)
        return None if seat is None else Invitation(seat.room_id, seat.number, self._token(seat))

    async def has_ended(self, conn: Connection, reference: UUID) -> bool:
        """That there is no room is no end."""
        return await store.has_ended(conn, reference)

    async def call_off(self, conn: Connection, reference: UUID) -> None:
        """There will be no call, or no longer; that there is no room is no mistake."""
        room = await store.lock_room_of(conn, reference)
        if room is not None:
            await self._end(conn, room)

    # by link

    async def find_link(self, token: str) -> Link | None:
        if not token.isascii():
            return None
        async with self._db.connection() as conn:
            return await store.find_link(conn, token_sha256(token))

    async def authorise(self, room_id: UUID, token: str) -> bool:
        """Whether the token is one of this room. Its window is looked at by `enter`, which can say more than no."""
        link = await self.find_link(token)
        return link is not None and link.room_id == room_id

    async def look(self, room_id: UUID, token: str) -> Look:
        """For the page, before camera and microphone are asked for. Raises Unauthenticated."""
        async with self._db.connection() as conn:
            link = await store.find_link(conn, token_sha256(token)) if token.isascii() else None
            room = await store.find_room(conn, room_id)
        if room is None or link is None or link.room_id != room_id:
            raise Unauthenticated
        return Look(room, link)

    async def gathering(self, room_id: UUID) -> Gathering:
        async with self._db.connection() as conn:
            found = await self._gathering(conn, room_id)
            return replace(found, is_called=await self._hooks.is_called(conn, found.room.reference))

    async def tell_anew(self, reference: UUID) -> None:
        """What is said of the room elsewhere has changed: whether it is the citizen's turn. No room is no mistake."""
        async with self._db.connection() as conn:
            await store.touch_of(conn, reference)

    async def enter(self, room_id: UUID, token: str, resume: str = "", *, takes_over: bool = False) -> Entry:
        """Sit down. `resume` is what the last entry of this browser gave: with it the same seat goes on, and another socket loses it.

        `takes_over`: the same link in another window, on purpose. That window loses the seat; who is not a clerk waits to be let in
        anew, so that a link which somebody else has read leads nobody unseen into a call.
        Raises Unauthenticated, TooEarly, RoomOver, SeatTaken, RoomFull.
        """
        now, connection = self._clock(), uuid4()
        async with self._db.transaction() as conn:
            room = await store.lock_room(conn, room_id)
            link = await store.find_link(conn, token_sha256(token)) if token.isascii() else None
            seat = await store.find_seat(conn, room_id, link.number) if link is not None else None
            if room is None or link is None or seat is None or link.room_id != room_id:
                raise Unauthenticated
            if room.status is RoomStatus.ENDED or now >= link.window.ends_at:
                raise RoomOver
            if now < link.window.starts_at:
                raise TooEarly
            is_resumed = (
                is_token(resume, seat.session_sha256) and seat.session_until is not None and seat.session_until > now
            )
            if is_resumed:
                await store.resume(conn, seat.id, now + SEAT_KEPT, connection)
            else:
                if seat.is_taken(now) and not takes_over:
                    raise SeatTaken
                resume = new_token()
                await self._sit_down(conn, room, seat, resume, connection)
            await store.touch(conn, room.id)
            gathering = await self._gathering(conn, room_id)
        seat_waiting()
        now_there = gathering.find(seat.number)
        assert now_there is not None
        return Entry(now_there, gathering.room, resume, connection, is_resumed)

    async def keep(self, connection: UUID) -> bool:
        """The socket of this entry lives. False: the seat is no longer its own."""
        async with self._db.connection() as conn:
            return await store.keep(conn, connection, self._clock() + SEAT_KEPT)

    async def drop(self, room_id: UUID, connection: UUID, *, said_goodbye: bool) -> None:
        """The socket is gone. The seat is kept for a while; who said goodbye does not keep others from it."""
        async with self._db.transaction() as conn:
            await store.lock_room(conn, room_id)  # first the room, then its seats, as everywhere
            if await store.drop(conn, connection, self._clock() + SEAT_KEPT, is_released=said_goodbye):
                await store.touch(conn, room_id)

    # in the call; `by` is the number of who asks

    async def admit(self, room_id: UUID, number: int, *, by: int) -> None:
        """Once admitted, admitting again changes nothing. Raises OnlyClerk, RoomFull, NotFound where nobody waits there."""
        async with self._db.transaction() as conn:
            room, seat = await self._asked_by_clerk(conn, room_id, number, by)
            if seat.state is SeatState.ADMITTED:
                return
            if seat.state is not SeatState.WAITING:
                raise NotFound
            await self._admit(conn, seat)
            await store.touch(conn, room.id)
        seat_admitted()

    async def dismiss(self, room_id: UUID, number: int, *, by: int) -> None:
        """Out of the waiting room or the call. Raises OnlyClerk."""
        async with self._db.transaction() as conn:
            room, seat = await self._asked_by_clerk(conn, room_id, number, by)
            await self._leave(conn, room, seat)
        seat_left()

    async def end(self, room_id: UUID, *, by: int) -> None:
        """For everybody and for good. Raises OnlyClerk."""
        async with self._db.transaction() as conn:
            room, _seat = await self._asked_by_clerk(conn, room_id, by, by)
            await self._end(conn, room)
        room_ended()

    async def leave(self, room_id: UUID, number: int, connection: UUID) -> None:
        async with self._db.transaction() as conn:
            room = await store.lock_room(conn, room_id)
            seat = await store.find_seat(conn, room_id, number)
            if room is not None and seat is not None and seat.connection == connection:
                await self._leave(conn, room, seat)
        seat_left()

    async def speaker(self, room_id: UUID, number: int, connection: UUID, epoch: int) -> Seat:
        """The seat, if it may send and receive now. Raises SessionOver, NotAdmitted, StaleEpoch."""
        async with self._db.connection() as conn:
            return self._speaker(await self._gathering(conn, room_id), number, connection, epoch)

    async def published(self, room_id: UUID, number: int, connection: UUID, epoch: int, sends: Collection[str]) -> Seat:
        """The media worker has what they send. Raises as `speaker`: it may have changed while the worker was asked."""
        async with self._db.transaction() as conn:
            await store.lock_room(conn, room_id)
            seat = self._speaker(await self._gathering(conn, room_id), number, connection, epoch)
            if set(sends) != set(seat.sends):
                await store.set_sends(conn, seat.id, sends)
                await store.touch(conn, room_id)
        return seat

    async def mute(self, room_id: UUID, number: int, connection: UUID, epoch: int, kind: str, *, muted: bool) -> None:
        async with self._db.transaction() as conn:
            await store.lock_room(conn, room_id)
            seat = self._speaker(await self._gathering(conn, room_id), number, connection, epoch)
            wanted = set(seat.muted) | {kind} if muted else set(seat.muted) - {kind}
            if wanted != set(seat.muted):
                await store.set_muted(conn, seat.id, wanted)
                await store.touch(conn, room_id)

    # when nobody is there any more

    async def sweep(self) -> int:
        """Seats that are kept no longer, rooms whose time is over. How many rooms were looked at; all that are due, so that
        rooms which fail each time do not stand before the others."""
        now, after, looked_at = self._clock(), UUID(int=0), 0
        while True:
            async with self._db.connection() as conn:
                due = await store.forsaken(conn, now, after, _ROOMS_AT_ONCE)
            for room_id in due:
                try:
                    await self._sweep_room(room_id, now)
                except Exception as error:
                    if database_is_away(error):
                        raise
                    log.exception("room.not-swept", extra={"room": str(room_id)})  # the next round tries it again
            looked_at += len(due)
            if len(due) < _ROOMS_AT_ONCE:
                return looked_at
            after = due[-1]

    async def _sweep_room(self, room_id: UUID, now: datetime) -> None:
        async with self._db.transaction() as conn:
            room = await store.lock_room(conn, room_id)
            if room is None:
                return
            if room.status is RoomStatus.OPEN and room.closes_at <= now:
                await self._end(conn, room)
                return
            for seat in await store.seats(conn, room_id):
                if seat.session_until is not None and seat.session_until <= now:
                    await self._leave(conn, room, seat, unless_kept_after=now)

    # inside a transaction

    async def _sit_down(self, conn: Connection, room: Room, seat: Seat, resume: str, connection: UUID) -> None:
        if seat.state in _INSIDE:  # a browser that is no more; whoever comes now waits anew
            await self._leave(conn, room, seat)
        state = SeatState.ADMITTED if seat.role is Role.CLERK else SeatState.WAITING
        try:
            await store.sit_down(conn, seat.id, state, token_sha256(resume), self._clock() + SEAT_KEPT, connection)
        except asyncpg.CheckViolationError as error:
            if violates(error, "seat_admitted_has_place"):
                raise RoomFull from None
            raise
        if state is SeatState.WAITING:
            await self._hooks.on_waiting(conn, room.reference, seat)

    async def _admit(self, conn: Connection, seat: Seat) -> None:
        try:
            await store.move(conn, seat.id, sources(SeatState.ADMITTED) & {SeatState.WAITING}, SeatState.ADMITTED)
        except asyncpg.CheckViolationError as error:
            if violates(error, "seat_admitted_has_place"):
                raise RoomFull from None
            raise

    async def _leave(
        self, conn: Connection, room: Room, seat: Seat, *, unless_kept_after: datetime | None = None
    ) -> None:
        if await store.move(
            conn, seat.id, sources(SeatState.LEFT), SeatState.LEFT, unless_kept_after=unless_kept_after
        ):
            await store.touch(conn, room.id)
            await self._hooks.on_left(conn, room.reference, seat)

    async def _end(self, conn: Connection, room: Room) -> None:
        for seat in await store.seats(conn, room.id):
            await self._leave(conn, room, seat)
        if await store.end(conn, room.id):
            await self._hooks.on_ended(conn, room.reference)

    async def _asked_by_clerk(self, conn: Connection, room_id: UUID, number: int, by: int) -> tuple[Room, Seat]:
        room = await store.lock_room(conn, room_id)
        asking = await store.find_seat(conn, room_id, by)
        if room is None or asking is None or asking.role is not Role.CLERK or asking.state is not SeatState.ADMITTED:
            raise OnlyClerk
        seat = await store.find_seat(conn, room_id, number)
        if seat is None:
            raise NotFound
        return room, seat

    async def _gathering(self, conn: Connection, room_id: UUID) -> Gathering:
        room = await store.find_room(conn, room_id)
        if room is None:
            raise NotFound
        return Gathering(room, tuple(await store.seats(conn, room_id)))

    @staticmethod
    def _speaker(gathering: Gathering, number: int, connection: UUID, epoch: int) -> Seat:
        seat = gathering.find(number)
        if seat is None or seat.connection != connection:
            raise SessionOver
        if seat.state is not SeatState.ADMITTED:
            raise NotAdmitted
        if gathering.room.epoch != epoch:
            raise StaleEpoch
        return seat

    def _token(self, seat: Seat) -> str:
        """Not stored and still the same each time: so a later message can carry the link."""
        return self._sealer.mac(f"join:{seat.id}")
