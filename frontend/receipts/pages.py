"""Receipts as a table of pages."""

from __future__ import annotations

from base.errors import NotFound, Unauthenticated
from base.web import CASE
from base.web.endpoint import page
from frontend.receipts.handlers import receipt_file, show_receipt

_ONE = "/{language}/appointments/{appointment}/receipts/{payment}"

ENDPOINTS = [
    page("GET", _ONE, show_receipt, CASE, "A receipt", Unauthenticated, NotFound),
    page(
        "GET",
        f"{_ONE}/receipt.pdf",
        receipt_file,
        CASE,
        "The receipt as PDF",
        *(Unauthenticated, NotFound),
        media="application/pdf",
    ),
]
