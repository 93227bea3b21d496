"""A sheet as PDF/UA-1; see templates/receipts/receipt.typ."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from base.typesetting.setting import typeset
from frontend.receipts.views import Sheet

_TEMPLATE = Path(__file__).parent.parent / "templates" / "receipts" / "receipt.typ"


def receipt_pdf(sheet: Sheet, made_at: datetime) -> bytes:
    """Blocks: for a thread. The same sheet and moment give the same bytes."""
    return typeset(_TEMPLATE, made_at, sheet=asdict(sheet))
