"""What the pages of closings show: frozen, every text ready to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontend.citizen.views import OfferedTime, Row, Tick
from frontend.staff.views import NavLink, StaffFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingLine:
    title: str  # what was closed, and when
    url: str
    reason: str
    counts: str  # "12 affected, 3 not settled"
    is_settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPage:
    """What is to be closed, and what was."""

    frame: StaffFrame
    back: NavLink | None
    action: str
    counters: tuple[Tick, ...]
    if_silent: tuple[Tick, ...]
    closings: tuple[ClosingLine, ...]
    values: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectedLine:
    who: str
    when: str
    service: str
    channel: str
    counter: str
    reach: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewPage:
    frame: StaffFrame
    title: str
    rows: tuple[Row, ...]
    count: str
    waiting: str  # empty: nobody is there
    affected: tuple[AffectedLine, ...]
    action: str
    hidden: tuple[tuple[str, str], ...]
    request_key: str
    change_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLine:
    who: str
    url: str
    was: str
    service: str
    status: str
    badge: str  # success, info, warning
    reach: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    id: str
    title: str
    lines: tuple[CaseLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPage:
    frame: StaffFrame
    back: NavLink
    rows: tuple[Row, ...]
    groups: tuple[Group, ...]
    refresh_url: str  # while somebody is still being asked


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage:
    """One person, on the telephone."""

    frame: StaffFrame
    back: NavLink
    rows: tuple[Row, ...]
    status: str
    badge: str
    offered: tuple[OfferedTime, ...]
    near: tuple[OfferedTime, ...]
    day: str
    day_action: str  # empty: it is settled
    take_action: str
    cancel_action: str
    booking_url: str  # the appointment's own page for staff; empty: not for this reader
    request_key: str
    problem: str = ""
