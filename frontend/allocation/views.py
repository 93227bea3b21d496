"""What the staff's pages of need-based allocation show: frozen, every text ready to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontend.citizen.need_views import DocumentLine, RunLine
from frontend.citizen.views import Row, Tick
from frontend.staff.views import StaffFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCard:
    id: str
    title: str
    rows: tuple[Row, ...]
    documents: tuple[DocumentLine, ...]
    deadline: str  # for the field: as typed, else confirmed, else claimed
    action: str
    is_new: bool
    seen: tuple[tuple[str, str], ...]  # what this card was made of, so that nobody overwrites what they have not read
    reason: str = ""  # as typed


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCard:
    line: RunLine
    seed_action: str = ""
    set_right_action: str = ""
    seed: str = ""  # that counts
    typed_seed: str = ""
    typed_because: str = ""
    is_own_seed: bool = False  # entered by the reader: another person sets it right
    release_action: str = ""
    give_up_action: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkPage:
    frame: StaffFrame
    requests: tuple[RequestCard, ...]
    runs: tuple[RunCard, ...]
    services: tuple[Tick, ...] = ()
    channels: tuple[Tick, ...] = ()
    due: tuple[str, ...] = ()
    open_action: str = ""  # empty: not for this reader
    services_url: str = ""
    calls_url: str = ""
    calls: str = ""  # how many people; empty: nobody
    request_key: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedPage:
    """Once more before it counts."""

    frame: StaffFrame
    rows: tuple[Row, ...]
    action: str
    fields: tuple[tuple[str, str], ...]  # hidden, as they are sent on
    is_set_right: bool
    back_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedLine:
    name: str
    state: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedPage:
    frame: StaffFrame
    q: str
    action: str
    back_url: str
    lines: tuple[MarkedLine, ...]
    messages: Mapping[str, str] = field(default_factory=dict)

    @property
    def values(self) -> Mapping[str, str]:
        return {"q": self.q}


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkPage:
    frame: StaffFrame
    state: str  # what holds, or will
    is_on: bool
    action: str
    unmark_action: str  # empty: there is nothing to take back
    consequence: str  # of that
    history: tuple[Row, ...]
    back_url: str
    values: Mapping[str, str]
    messages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCard:
    title: str
    message: str  # what to say
    rows: tuple[Row, ...]
    explained: tuple[str, ...]
    say_action: str
    book_action: str  # empty: nothing to book, or it costs a fee


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsPage:
    frame: StaffFrame
    calls: tuple[CallCard, ...]
    back_url: str
