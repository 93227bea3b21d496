"""What the staff's pages of need-based allocation show: frozen, every text ready to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontend.citizen.need_views import RunLine
from frontend.citizen.views import Row, Tick
from frontend.staff.views import StaffFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCard:
    id: str
    title: str
    rows: tuple[Row, ...]
    deadline: str  # for the field: confirmed, else claimed
    action: str
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCard:
    line: RunLine
    seed_action: str = ""
    release_action: str = ""
    give_up_action: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkPage:
    frame: StaffFrame
    requests: tuple[RequestCard, ...]
    runs: tuple[RunCard, ...]
    services: tuple[Tick, ...] = ()
    channels: tuple[Tick, ...] = ()
    open_action: str = ""  # empty: not for this reader
    request_key: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
