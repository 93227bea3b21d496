"""What a room needs of a media worker, in our words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias
from uuid import UUID

from video.model import Kind, Source, Which

__all__ = [
    "Kind",
    "Media",
    "MediaEvent",
    "MediaRefused",
    "MediaUnavailable",
    "PeerLost",
    "Source",
    "SubOffer",
    "Which",
    "WorkerDown",
    "WorkerHeard",
]


@dataclass(frozen=True, slots=True)
class SubOffer:
    """A description for the client's `sub` connection, and which mid carries what."""

    sdp: str
    mids: Mapping[str, Source]


@dataclass(frozen=True, slots=True)
class WorkerHeard:
    """A worker answers: at the first contact and with each heartbeat.

    `instance` is new each time its process starts: what another instance knew is gone. `load` is the busy share of its core.
    """

    worker: str
    instance: str
    load: float = 0.0


@dataclass(frozen=True, slots=True)
class WorkerDown:
    """A worker is no longer heard from here. Others may hear it still: whether its rooms have to be made anew, its lease says."""

    worker: str
    instance: str


@dataclass(frozen=True, slots=True)
class PeerLost:
    """Nothing came from this connection for 30 s, or its DTLS ended: the client has to make a new one."""

    room: UUID
    epoch: int
    participant: int
    which: Which


MediaEvent: TypeAlias = WorkerHeard | WorkerDown | PeerLost


class MediaRefused(Exception):
    """The worker, or the reader of the description, said no, and will say no to the same again. Codes: `video.model.Refusal`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class MediaUnavailable(Exception):
    """No worker, or no answer in time: it may have happened or not. The same call may be made again."""


class Media(Protocol):
    """Every call may raise MediaRefused and MediaUnavailable, and may be repeated: the same call twice is the same as once.

    A call with an epoch older than the room's is refused as `stale`; `create_room` with a newer one ends the older room first.
    A worker that restarted refuses with `no_room` until `create_room` is called again.
    """

    async def create_room(self, room: UUID, epoch: int, worker: str | None = None) -> None:
        """On that worker; without one, where it is already, else where the load is least."""

    async def publish(self, room: UUID, epoch: int, participant: int, offer: str, mids: Mapping[str, str]) -> str:
        """Answer to the client's `pub` offer; mids: mid -> "audio" | "camera" | "screen".

        The same call with fresh ICE credentials is an ICE restart; with another DTLS fingerprint, a new connection.
        """

    async def subscribe(
        self, room: UUID, epoch: int, participant: int, wanted: Sequence[Source], *, restart: bool = False
    ) -> SubOffer:
        """Offer for the client's `sub` connection with exactly these sources.

        m-lines are added and recycled, never reordered. `restart`: with fresh ICE credentials.
        """

    async def answered(self, room: UUID, epoch: int, participant: int, sdp: str) -> None:
        """The client's answer to the last offer of `subscribe`. With another DTLS fingerprint than before, a new connection."""

    async def mute(self, room: UUID, epoch: int, participant: int, kind: str, muted: bool) -> None:
        """Server-side: nothing of this source is forwarded while muted."""

    async def leave(self, room: UUID, epoch: int, participant: int) -> None: ...

    async def close_room(self, room: UUID, epoch: int) -> None: ...

    def worker_of(self, room: UUID) -> tuple[str, str] | None:
        """(worker, instance) that the room is known to be on: what WorkerDown will name."""

    async def stats(self) -> Mapping[str, float]: ...

    def events(self) -> AsyncIterator[MediaEvent]:
        """First a WorkerHeard for each worker that is up, then what happens from now on. Each caller has an own iterator."""
