"""What a browser may say, checked. Each message: {v, id, type, room, ...}; what needs the media has the epoch too."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from video.model import LINES_MOST

MESSAGE_BYTES_MOST = 80 * 1024  # a description may have 64 KiB
SDP_LETTERS_MOST = 64 * 1024

Kind: TypeAlias = Literal["audio", "camera", "screen"]
Number = Annotated[int, Field(ge=1, le=99)]
_NO_NUL = r"^[^\x00]*$"
Sdp = Annotated[str, Field(min_length=1, max_length=SDP_LETTERS_MOST, pattern=_NO_NUL)]
Mid = Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[A-Za-z0-9]+$")]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    v: Literal[1]
    id: Annotated[int, Field(ge=1, le=2**53)]
    room: Annotated[UUID, Field(strict=False)]


class _OfEpoch(_Message):
    epoch: Annotated[int, Field(ge=1)]


class Hello(_Message):
    """The first message of each socket. `resume` and `last_seq` where a socket was lost."""

    type: Literal["hello"]
    language: Literal["de", "en"] = "de"
    resume: Annotated[str, Field(max_length=64, pattern=_NO_NUL)] = ""
    last_seq: Annotated[int, Field(ge=0)] = 0
    takes_over: bool = False  # the seat that another window has


class Ack(_Message):
    """Everything up to `seq` has arrived."""

    type: Literal["ack"]
    seq: Annotated[int, Field(ge=0)]


class Ping(_Message):
    type: Literal["ping"]


class Ice(_Message):
    """Fresh credentials of the relays."""

    type: Literal["ice"]


class Offer(_OfEpoch):
    """Of the `pub` connection; mids: mid -> what it carries."""

    type: Literal["offer"]
    pc: Literal["pub"]
    sdp: Sdp
    mids: Annotated[dict[Mid, Kind], Field(min_length=1, max_length=3)]


class WantedSource(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    participant: Number
    kind: Kind


class Subscribe(_OfEpoch):
    """Exactly these sources from now on; the answer is an offer of the `sub` connection."""

    type: Literal["subscribe"]
    wanted: Annotated[list[WantedSource], Field(max_length=LINES_MOST)]
    restart: bool = False


class Answer(_OfEpoch):
    type: Literal["answer"]
    pc: Literal["sub"]
    sdp: Sdp


class Mute(_OfEpoch):
    """Nothing of one's own source is forwarded while it is on: `mute` for the sound, `camera` for the picture."""

    type: Literal["mute"]
    muted: bool


class Camera(_OfEpoch):
    type: Literal["camera"]
    off: bool


class Admit(_Message):
    type: Literal["admit"]
    participant: Number


class Dismiss(_Message):
    type: Literal["dismiss"]
    participant: Number


class Leave(_Message):
    type: Literal["leave"]


class End(_Message):
    type: Literal["end"]


Message: TypeAlias = (
    Hello | Ack | Ping | Ice | Offer | Subscribe | Answer | Mute | Camera | Admit | Dismiss | Leave | End
)
_ADAPTER: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def parse(text: str) -> Message:
    """Raises pydantic's ValidationError, a ValueError."""
    return _ADAPTER.validate_json(text)
