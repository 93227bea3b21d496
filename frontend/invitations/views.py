"""What the staff's pages of invitations show: frozen, every text ready to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from frontend.citizen.views import Row, Tick
from frontend.staff.views import NavLink, PrintRun, StaffFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationLine:
    url: str
    who: str
    reference: str
    service: str
    days: str
    until: str
    state: str
    badge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    frame: StaffFrame
    office: str
    new_url: str
    list_url: str  # where a list of people is sent
    told: str = ""  # what a list has made
    lines: tuple[InvitationLine, ...]
    print_label: str = ""  # empty: no letter waits
    print_action: str = ""
    request_key: str = ""
    problem: str = ""
    runs: tuple[PrintRun, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPage:
    frame: StaffFrame
    back: NavLink
    action: str
    request_key: str
    services: tuple[Tick, ...]
    channels: tuple[Tick, ...]
    languages: tuple[Tick, ...]
    opens_post: bool
    values: Mapping[str, str]
    messages: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyPage:
    """A list of people as a file."""

    frame: StaffFrame
    back: NavLink
    action: str
    request_key: str
    services: tuple[Tick, ...]
    channels: tuple[Tick, ...]
    columns: tuple[str, ...]
    wrong: tuple[str, ...]  # of the file, by line
    values: Mapping[str, str]
    messages: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnePage:
    frame: StaffFrame
    back: NavLink
    state: str
    badge: str
    rows: tuple[Row, ...]
    request_key: str
    problem: str = ""
    case_url: str = ""
    send_action: str = ""  # empty: not now
    letter_url: str = ""
    withdraw_action: str = ""
