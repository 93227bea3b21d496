"""What the pages of guarded services show: frozen, every text ready to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontend.citizen.views import Row
from frontend.staff.views import StaffFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLine:
    name: str
    state: str
    refused: int  # in the last thirty days
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardPage:
    frame: StaffFrame
    q: str
    action: str
    lines: tuple[ServiceLine, ...]
    messages: Mapping[str, str] = field(default_factory=dict)

    @property
    def values(self) -> Mapping[str, str]:
        return {"q": self.q}


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowanceLine:
    name: str
    reason: str
    used: str  # "3 of 20"
    state: str
    end_action: str  # empty: it is over


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePage:
    frame: StaffFrame
    is_guarded: bool
    action: str
    lift_action: str
    allow_action: str
    back_url: str
    request_key: str
    link: str  # of an allowance that was just made; it is shown once
    refused: tuple[Row, ...]
    allowances: tuple[AllowanceLine, ...]
    values: Mapping[str, str]
    messages: Mapping[str, str] = field(default_factory=dict)
