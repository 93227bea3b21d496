"""A receipt's sheet: everything in the reader's language already, the same for the page and the PDF."""

from __future__ import annotations

from dataclasses import dataclass

from frontend.citizen.views import Frame, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    language: str
    title: str
    issuer: tuple[str, ...]
    rows: tuple[Row, ...]
    items_title: str
    items: tuple[Row, ...]
    total: Row
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptPage:
    frame: Frame
    sheet: Sheet
    pdf_url: str
    case_url: str
    back: str = ""  # what the way back says, where it does not lead to an appointment
