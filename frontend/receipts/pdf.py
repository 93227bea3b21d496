"""A sheet as PDF/UA-1. Typst sets it; see templates/receipts/receipt.typ."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import typst

from frontend.receipts.views import Sheet

_FOLDER = Path(__file__).parent.parent / "templates" / "receipts"


def receipt_pdf(sheet: Sheet, made_at: datetime) -> bytes:
    """Takes some milliseconds and blocks: for a thread. The same sheet and moment give the same bytes."""
    made = typst.compile(
        _FOLDER / "receipt.typ",
        root=_FOLDER,
        format="pdf",
        ignore_system_fonts=True,  # the same everywhere
        sys_inputs={"sheet": json.dumps(asdict(sheet))},
        pdf_standards="ua-1",
        timestamp=made_at.replace(microsecond=0),  # Typst takes whole seconds
    )
    return bytes(made)
