"""What the staff's page of the earlier-time list shows: frozen, every text ready to print, and nobody's name."""

from __future__ import annotations

from dataclasses import dataclass

from frontend.staff.views import StaffFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeLine:
    name: str
    waiting: int
    kept: int
    accepted: int
    declined: int
    lapsed: int
    returned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLine:
    when: str
    office: str
    service: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitlistPage:
    frame: StaffFrame
    offices: tuple[OfficeLine, ...]
    times: tuple[KeptLine, ...]
