"""Rooms of one worker: who is in them, and what goes from whom to whom. Every command may come twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from base.failpoint import point
from video.media.incoming import Incoming
from video.media.peers import Peer, Site
from video.media.publisher import Publisher
from video.media.subscriber import Subscriber
from video.model import (
    LEAST_KBIT_S,
    LINES_MOST,
    PARTICIPANTS_MOST,
    Answered,
    Endpoint,
    Layout,
    Publication,
    Refusal,
    Source,
    Which,
)

ENDED_KEPT = 10_000  # ended rooms whose epoch is remembered, so that a late call does not bring one back
EMPTY_KEPT_S = 600.0  # a room without any connection is forgotten then: its web process may be gone

published = point("media.published")


class Refused(Exception):
    def __init__(self, code: Refusal) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class Participant:
    pub: Publisher | None = None
    sub: Subscriber | None = None
    muted: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Room:
    id: UUID
    epoch: int
    participants: dict[int, Participant] = field(default_factory=dict)
    empty_since: float | None = None

    def incoming(self, source: Source) -> Incoming | None:
        participant = self.participants.get(source.participant)
        if participant is None or participant.pub is None:
            return None
        return participant.pub.incoming.get(source.kind)

    def peers(self) -> Iterator[Peer]:
        for participant in self.participants.values():
            if participant.pub is not None:
                yield participant.pub
            if participant.sub is not None:
                yield participant.sub

    def connect(self) -> None:
        """After anything came or went."""
        for participant in self.participants.values():
            if participant.sub is not None:
                participant.sub.connect(self.incoming)


OnLost = Callable[[UUID, int, int, Which], None]


class Rooms:
    def __init__(self, site: Site, on_lost: OnLost, is_busy: Callable[[], bool]) -> None:
        self._site = site
        self._on_lost = on_lost
        self._is_busy = is_busy
        self._rooms: dict[UUID, Room] = {}
        self._ended: dict[UUID, int] = {}

    def has(self, room_id: UUID, epoch: int | None = None) -> bool:
        """None: of whatever epoch."""
        room = self._rooms.get(room_id)
        return room is not None and epoch in (None, room.epoch)

    def create(self, room_id: UUID, epoch: int) -> None:
        room = self._rooms.get(room_id)
        if room is not None and room.epoch == epoch:
            return
        if epoch < (room.epoch if room is not None else self._ended.get(room_id, epoch - 1) + 1):
            raise Refused(Refusal.STALE)
        if room is not None:
            self._end(room)
        elif self._is_busy():
            raise Refused(Refusal.BUSY)
        self._rooms[room_id] = Room(room_id, epoch)

    def publish(self, room_id: UUID, epoch: int, number: int, publication: Publication) -> Endpoint:
        room = self._room(room_id, epoch)
        participant = self._participant(room, number)
        pub = participant.pub
        if pub is not None and pub.dtls is not None and pub.dtls.fingerprints != publication.fingerprints:
            pub.close()
            pub = None
        if pub is None:
            pub = participant.pub = Publisher(self._site, number, lambda peer: self._lost(room, number, peer, "pub"))
        pub.publish(publication)
        for kind, incoming in pub.incoming.items():
            incoming.muted = kind in participant.muted
        room.connect()
        published()
        return pub.endpoint

    def subscribe(self, room_id: UUID, epoch: int, number: int, wanted: Sequence[Source], *, restart: bool) -> Layout:
        if len(set(wanted)) > LINES_MOST:
            raise Refused(Refusal.TOO_LARGE)
        room = self._room(room_id, epoch)
        participant = self._participant(room, number)
        if participant.sub is None:
            participant.sub = Subscriber(self._site, lambda peer: self._lost(room, number, peer, "sub"))
        layout = participant.sub.want(list(dict.fromkeys(wanted)), restart=restart)
        if len(layout.lines) > LINES_MOST:  # free lines of the other medium; a new connection has none
            participant.sub.close()
            participant.sub = None
            return self.subscribe(room_id, epoch, number, wanted, restart=False)
        room.connect()
        return layout

    def answered(self, room_id: UUID, epoch: int, number: int, answer: Answered) -> None:
        participant = self._room(room_id, epoch).participants.get(number)
        if participant is None or participant.sub is None or not participant.sub.answered(answer):
            raise Refused(Refusal.NO_OFFER)

    def mute(self, room_id: UUID, epoch: int, number: int, kind: str, *, muted: bool) -> None:
        room = self._room(room_id, epoch)
        participant = self._participant(room, number)
        (participant.muted.add if muted else participant.muted.discard)(kind)
        incoming = participant.pub.incoming.get(kind) if participant.pub is not None else None
        if incoming is not None and incoming.muted != muted:
            incoming.muted = muted
            for outgoing in incoming.outgoing:
                outgoing.hold_back()

    def leave(self, room_id: UUID, epoch: int, number: int) -> None:
        room = self._room(room_id, epoch)
        participant = room.participants.pop(number, None)
        if participant is not None:
            for peer in (participant.pub, participant.sub):
                if peer is not None:
                    peer.close()
            room.connect()

    def close(self, room_id: UUID, epoch: int) -> None:
        room = self._rooms.get(room_id)
        if room is not None and epoch >= room.epoch:
            self._end(room)

    def close_all(self) -> None:
        for room in list(self._rooms.values()):
            self._end(room)

    def repair(self, now: float) -> None:
        for pub in self._publishers():
            pub.repair(now)

    def feed_back(self) -> None:
        for pub in self._publishers():
            pub.feed_back()

    def next_second(self, now: float) -> None:
        for room in list(self._rooms.values()):
            peers = list(room.peers())
            for peer in peers:
                peer.next_second(now)
            if peers:
                room.empty_since = None
            elif room.empty_since is None:
                room.empty_since = now
            elif now - room.empty_since > EMPTY_KEPT_S:
                self._end(room)

    def counted(self) -> dict[str, float]:
        """`slow_receivers`: whose link, by their own estimate, takes less than the least picture."""
        peers = [peer for room in self._rooms.values() for peer in room.peers()]
        slow = [
            peer for peer in peers if isinstance(peer, Subscriber) and 0 < peer.estimate_bit_s < LEAST_KBIT_S * 1000
        ]
        return {"rooms": len(self._rooms), "peers": len(peers), "slow_receivers": len(slow)}

    def _publishers(self) -> Iterator[Publisher]:
        for room in self._rooms.values():
            for participant in room.participants.values():
                if participant.pub is not None:
                    yield participant.pub

    def _room(self, room_id: UUID, epoch: int) -> Room:
        room = self._rooms.get(room_id)
        if room is None or epoch > room.epoch:
            raise Refused(Refusal.STALE if epoch <= self._ended.get(room_id, epoch - 1) else Refusal.NO_ROOM)
        if epoch < room.epoch:
            raise Refused(Refusal.STALE)
        return room

    def _participant(self, room: Room, number: int) -> Participant:
        participant = room.participants.get(number)
        if participant is None:
            if len(room.participants) >= PARTICIPANTS_MOST:
                raise Refused(Refusal.FULL)
            participant = room.participants[number] = Participant()
        return participant

    def _lost(self, room: Room, number: int, peer: Peer, which: Which) -> None:
        participant = room.participants.get(number)
        if participant is None:
            return
        if participant.pub is peer:
            participant.pub = None
        elif participant.sub is peer:
            participant.sub = None
        else:
            return
        room.connect()
        self._on_lost(room.id, room.epoch, number, which)

    def _end(self, room: Room) -> None:
        for peer in list(room.peers()):
            peer.close()
        del self._rooms[room.id]
        self._ended[room.id] = room.epoch
        if len(self._ended) > ENDED_KEPT:
            del self._ended[next(iter(self._ended))]
