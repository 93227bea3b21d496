"""What the pages of bank statements show: frozen, every text ready to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from frontend.staff.views import StaffFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    label: str
    url: str
    days: str
    opening: str
    entries: str
    closing: str
    missing: str  # what lacks before it; empty: it follows the one above


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    iban: str
    lines: tuple[StatementLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedLine:
    at: str
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementsPage:
    frame: StaffFrame
    action: str
    request_key: str
    notice: str  # what became of the file; empty: none was sent
    messages: Mapping[str, str]
    refused: tuple[RefusedLine, ...]
    accounts: tuple[Account, ...]
    search_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentLine:
    booked: str
    who: str
    iban: str
    text: str
    reference: str
    amount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentsPage:
    """Of one statement, or what was found in all."""

    frame: StaffFrame
    back_url: str
    search_url: str
    asked: str
    facts: tuple[tuple[str, str], ...]
    lines: tuple[PaymentLine, ...]
    more: str
