"""What the page of a further fee shows: frozen, every text ready to print."""

from __future__ import annotations

from dataclasses import dataclass

from frontend.citizen.views import Frame, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargePage:
    frame: Frame
    kind: str  # of the panel: success, info, warning
    lines: tuple[str, ...]
    rows: tuple[Row, ...]
    pay_action: str = ""
    refresh_url: str = ""
    receipt_url: str = ""
    account_urls: tuple[str, ...] = ()  # where the payer names an account for what is transferred
    request_key: str = ""
    problem: str = ""
