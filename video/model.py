"""The nouns of the media plane, and its limits. No description (SDP) of a user goes further than `video.sdp`; a worker gets these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias, get_args

Kind: TypeAlias = Literal["audio", "camera", "screen"]
MediaType: TypeAlias = Literal["audio", "video"]
Which: TypeAlias = Literal["pub", "sub"]

KINDS: tuple[Kind, ...] = get_args(Kind)
MEDIA_TYPE: Mapping[Kind, MediaType] = {"audio": "audio", "camera": "video", "screen": "video"}

PARTICIPANTS_MOST = 6
LINES_MOST = (PARTICIPANTS_MOST - 1) * len(KINDS)  # m-lines of one connection: all that all others can send
SDP_BYTES_MOST = 64 * 1024
CONSENT_S = 30.0  # a connection from which nothing authenticated came for so long is lost
HEARTBEAT_S = 1.0
LEASE_S = 3.0  # a worker that nobody heard for so long is dead, and its calls are made anew elsewhere

CAMERA_KBIT_S = 1500
SCREEN_KBIT_S = 2000
AUDIO_KBIT_S = 100
START_KBIT_S = 1000  # where Chromium begins, instead of at 300
LEAST_KBIT_S = 150
INGRESS_KBIT_S = 2 * (CAMERA_KBIT_S + SCREEN_KBIT_S + AUDIO_KBIT_S)  # per connection; more is dropped

WORKER_PACKETS_PER_S = 15_000  # forwarded; above it a worker takes no further room
WORKER_BUSY = 0.6  # the share of one core above which a worker takes no further room


class Refusal(StrEnum):
    """Why the media plane says no."""

    BAD_SDP = "bad_sdp"
    TOO_LARGE = "too_large"  # SDP_BYTES_MOST, LINES_MOST
    NO_CODEC = "no_codec"  # neither Opus nor VP8 where it is needed
    BAD_MIDS = "bad_mids"  # the list of mids does not fit the description
    NO_ROOM = "no_room"  # not made, or made by a worker that is no more
    STALE = "stale"  # a later epoch of this room is or was there
    FULL = "full"  # the room has PARTICIPANTS_MOST
    BUSY = "busy"  # the worker takes no further room
    NO_OFFER = "no_offer"  # an answer without an offer, or to an older one


@dataclass(frozen=True, slots=True)
class Source:
    """What somebody publishes."""

    participant: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Of a DTLS certificate: sha-256, sha-384 or sha-512, and pairs of capital hexadecimal digits with colons."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class PubLine:
    """One m-line by which the client sends. `extensions`: header extension URI -> id, only those that we know."""

    mid: str
    kind: Kind
    payload_type: int
    rtx_payload_type: int | None = None
    extensions: Mapping[str, int] = field(default_factory=dict)
    ssrc: int | None = None
    rtx_ssrc: int | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """What a worker has to know of a client's `pub` offer."""

    ufrag: str
    fingerprints: tuple[Fingerprint, ...]
    lines: tuple[PubLine, ...]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The worker's end of one connection. `session` and `version` are those of SDP's o= line."""

    ufrag: str
    pwd: str
    fingerprint: Fingerprint
    addresses: tuple[tuple[str, int], ...]
    session: int
    version: int


@dataclass(frozen=True, slots=True)
class SubLine:
    """One m-line by which the client receives; without a source it waits to be used again."""

    mid: str
    media: MediaType
    source: Source | None
    ssrc: int
    rtx_ssrc: int | None


@dataclass(frozen=True, slots=True)
class Layout:
    """What a worker offers to a client's `sub` connection."""

    endpoint: Endpoint
    lines: tuple[SubLine, ...]


@dataclass(frozen=True, slots=True)
class AnsweredLine:
    """Whether the client takes what this m-line carries, and in which form."""

    mid: str
    takes: bool
    rtx: bool
    abs_send_time: bool
    audio_level: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """What a worker has to know of a client's answer on `sub`."""

    ufrag: str
    fingerprints: tuple[Fingerprint, ...]
    lines: tuple[AnsweredLine, ...]
