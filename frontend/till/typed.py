"""Amounts and numbers of pieces as cashiers type them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from base.errors import FieldError
from base.i18n import mark as _
from payment.till.model import DENOMINATIONS

_AMOUNT = re.compile(r"(\d{1,3}(?:\.\d{3})+|\d{1,7})(?:,(\d{1,2}))?|(\d{1,7})\.(\d{1,2})")
_NO_AMOUNT = _("Please write an amount like 12,50.")
_NO_NUMBER = _("Please write a whole number.")
MOST_PIECES = 100_000


def cents_of(text: str) -> int | None:
    """12, 12,5, 12,50, 12.50 or 1.234,50, with or without a euro sign; None where it is no amount."""
    found = _AMOUNT.fullmatch(text.replace("€", "").replace("\xa0", " ").strip())
    if found is None:
        return None
    whole, part = (found[1] or found[3]).replace(".", ""), found[2] or found[4] or "0"
    return int(whole) * 100 + int(part.ljust(2, "0"))


def amount(fields: Mapping[str, str], name: str, wrong: list[FieldError], *, default: int | None = None) -> int | None:
    """`default`: where nothing was typed."""
    text = fields.get(name, "").strip()
    if not text:
        return default
    cents = cents_of(text)
    if cents is None:
        wrong.append(FieldError(f"/{name}", "amount", _NO_AMOUNT))
    return cents


def pieces(fields: Mapping[str, str], wrong: list[FieldError]) -> dict[str, int]:
    """How many of each note and coin, by its cents; those of which there are none are left out."""
    found = {}
    for cents in DENOMINATIONS:
        text = fields.get(f"pieces-{cents}", "").strip()
        if not text:
            continue
        if not text.isascii() or not text.isdigit() or int(text[:7]) > MOST_PIECES:
            wrong.append(FieldError(f"/pieces-{cents}", "int_parsing", _NO_NUMBER))
        elif int(text):
            found[str(cents)] = int(text)
    return found
