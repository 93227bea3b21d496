"""What the pages of an invitation show to whoever comes by it: frozen, every text ready to print."""

from __future__ import annotations

from dataclasses import dataclass

from frontend.citizen.views import DayLink, Frame, OfficeTimes, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitedPage:
    frame: Frame
    rows: tuple[Row, ...]
    kind: str = "info"  # of the alert
    notice: str = ""
    advice: str = ""
    case_url: str = ""
    action: str = ""  # empty: nothing can be chosen
    request_key: str = ""
    hidden: tuple[tuple[str, str], ...] = ()
    days: tuple[DayLink, ...] = ()
    earlier_url: str = ""
    later_url: str = ""
    day: str = ""
    offices: tuple[OfficeTimes, ...] = ()
