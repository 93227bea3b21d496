"""The sessions of this process, by room. What is new in a room comes by the change feed, whichever process did it, and goes to each
session as a delta; so two participants of a room may well hang on two web processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

from base.errors import NotFound
from base.feed import Feed
from video.ports import Media, MediaRefused, MediaUnavailable, PeerLost
from video.rooms.feed import topic
from video.rooms.model import SEAT_KEPT, Entry, Gathering, RoomStatus, SeatState
from video.rooms.usecases import Rooms
from video.signalling.session import Session
from video.signalling.view import delta, snapshot, view

log = logging.getLogger(__name__)
_LOOK_AGAIN_S = 5.0  # should a hint of the feed ever be missed
_INSIDE = (SeatState.WAITING, SeatState.ADMITTED)


class Hub:
    def __init__(self, rooms: Rooms, feed: Feed, media: Media) -> None:
        self._rooms = rooms
        self._feed = feed
        self._media = media
        self._sessions: dict[UUID, dict[int, Session]] = {}
        self._watches: dict[UUID, asyncio.Task[None]] = {}
        self._told: dict[UUID, int] = {}  # the version of the room
        self._inside: dict[UUID, frozenset[int]] = {}  # who was in the call when we looked last
        self._errands: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        tasks = [*self._watches.values(), *self._errands]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def attach(self, entry: Entry, last_seq: int) -> tuple[Session, int]:
        """The entry's session, and the number after which its stream goes on; 0 begins with a snapshot."""
        room_id, number = entry.room.id, entry.seat.number
        session = self._sessions.get(room_id, {}).get(number)
        goes_on = entry.is_resumed and last_seq > 0
        if session is None or session.is_over or not goes_on or not session.can_go_on_after(last_seq):
            if session is not None:
                session.connection = None  # its socket sees that and goes
                session.news.set()
            session, last_seq = Session(room_id, number, entry.room.epoch, time.monotonic), 0
            self._sessions.setdefault(room_id, {})[number] = session
        session.acknowledge(last_seq)
        session.connection = entry.connection
        session.news.set()
        if room_id not in self._watches:
            self._watches[room_id] = asyncio.create_task(self._watch(room_id), name=f"room-{room_id}")
        while not self._tell(await self._rooms.gathering(room_id)):
            pass  # the watch has just read something newer, without this session
        return session, last_seq

    def detach(self, session: Session, connection: UUID) -> None:
        """Its socket is gone; the stream is kept as long as the seat."""
        if session.connection == connection:
            session.connection = None
            loop = asyncio.get_running_loop()
            loop.call_later(SEAT_KEPT.total_seconds(), self._forget, session)

    def peer_lost(self, lost: PeerLost) -> None:
        session = self._sessions.get(lost.room, {}).get(lost.participant)
        if session is not None and session.epoch == lost.epoch:
            session.say("peer_lost", pc=lost.which)

    def _forget(self, session: Session) -> None:
        sessions = self._sessions.get(session.room_id, {})
        if session.connection is None and sessions.get(session.number) is session:
            del sessions[session.number]

    async def _watch(self, room_id: UUID) -> None:
        try:
            async with self._feed.subscribe(topic(room_id)) as hints:
                while self._sessions.get(room_id):
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(hints.get(), _LOOK_AGAIN_S)
                    try:
                        self._tell(await self._rooms.gathering(room_id))
                    except NotFound:
                        return
                    except Exception as error:  # the database may be away; what is shown is old then, and soon new
                        log.warning("room.not-read", extra={"room": str(room_id), "error": type(error).__name__})
        finally:
            self._watches.pop(room_id, None)
            self._sessions.pop(room_id, None)
            self._inside.pop(room_id, None)
            self._told.pop(room_id, None)

    def _tell(self, gathering: Gathering) -> bool:
        """False: older than what was told already."""
        room = gathering.room
        if room.version < self._told.get(room.id, 0):
            return False
        self._told[room.id] = room.version
        for session in list(self._sessions.get(room.id, {}).values()):
            if not session.is_over:
                self._tell_one(session, gathering)
        inside = frozenset(seat.number for seat in gathering.seats if seat.state is SeatState.ADMITTED)
        gone = self._inside.get(room.id, frozenset()) - inside
        self._inside[room.id] = inside
        if room.status is RoomStatus.ENDED:
            self._run(self._media.close_room(room.id, room.epoch))
        else:
            for number in gone:
                self._run(self._media.leave(room.id, room.epoch, number))
        return True

    def _tell_one(self, session: Session, gathering: Gathering) -> None:
        me = gathering.find(session.number)
        if gathering.room.status is RoomStatus.ENDED or me is None or me.state not in _INSIDE:
            session.say("ended" if gathering.room.status is RoomStatus.ENDED else "left")
            session.is_over = True
            return
        if me.connection not in (None, session.connection) and session.connection is not None:
            session.connection = None  # another process has the seat's socket now; ours closes
            session.news.set()
            return
        if session.epoch < gathering.room.epoch:
            session.epoch = gathering.room.epoch
            session.say("reconnect")
        shown = view(gathering, me)
        if session.view is None:
            session.say("snapshot", **snapshot(gathering, me))
        elif (news := delta(session.view, shown, gathering.room.version)) is not None:
            session.say("delta", **news)
        session.view = shown

    def _run(self, call: Coroutine[Any, Any, None]) -> None:
        """Tidying at the worker: it forgets by itself whoever is silent for long."""

        async def errand() -> None:
            try:
                await call
            except (MediaRefused, MediaUnavailable) as error:
                log.info("media.not-tidied", extra={"error": type(error).__name__})

        task = asyncio.create_task(errand())
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
