"""What the pages of a case's refunds show to its office: frozen, every text ready to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontend.citizen.views import Row
from frontend.staff.views import PrintRun, StaffFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPart:
    """A refund by bank transfer. Empty addresses: not now, or not for this reader."""

    id: str
    title: str
    line: str
    kind: str  # of the panel: warning, info
    reach: str
    remind_url: str
    print_url: str
    enter_url: str
    values: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundsPage:
    frame: StaffFrame
    case_url: str
    letters_url: str
    notice: str
    told: str
    rows: tuple[Row, ...]
    orders: tuple[OrderPart, ...]
    request_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LettersPage:
    frame: StaffFrame
    office: str
    problem: str
    print_label: str  # empty: no letter waits
    print_action: str
    request_key: str
    runs: tuple[PrintRun, ...]
