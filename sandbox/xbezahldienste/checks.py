"""What a payment request must look like, in 1.0 and 1.2. Raises Problem."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

Json = dict[str, Any]
SUM_FIELDS = {"1.0": "grosAmount", "1.2": "grossAmount"}
MOST = Decimal(999999)

_IDENT = re.compile(r"[\w\d-]{1,36}")
_PURPOSE = re.compile(r"[\w\d\s-]{1,27}")
_AMOUNTS = ("totalNetAmount", "totalTaxAmount", "singleNetAmount", "singleTaxAmount")
_ITEM = {"id", "reference", "description", "taxRate", "quantity", "bookingData", *_AMOUNTS}
_REQUEST = {"requestId", "requestTimestamp", "currency", "purpose", "description", "redirectUrl", "items", "requestor"}


class Problem(Exception):
    """Told as problem+json (RFC 9457)."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.status = status
        self.code = code
        self.text = text

    @property
    def body(self) -> Json:
        return {"type": "about:blank", "title": self.code, "status": self.status, "detail": self.text}


def check_request(body: object, version: str, booking_keys: frozenset[str]) -> None:
    """Form first, then the sum, then what the payment service needs for booking."""
    if not isinstance(body, dict):
        raise _wrong("the body is no object")
    sum_field = SUM_FIELDS[version]
    _only(body, {*_REQUEST, sum_field})
    _matches(body, "requestId", _IDENT)
    _matches(body, "purpose", _PURPOSE)
    if body.get("currency") != "EUR":
        raise _wrong("currency")
    for name in ("requestTimestamp", "description", "redirectUrl"):
        if not isinstance(body.get(name), str) or len(body[name]) > 2000:
            raise _wrong(name)
    if len(body["description"]) > 250:
        raise _wrong("description")
    items = body.get("items")
    if not isinstance(items, list) or not 1 <= len(items) <= 99:
        raise _wrong("items")
    total = sum((_item_sum(item) for item in items), Decimal(0))
    if _amount(body, sum_field) != total:
        raise Problem(400, "CALCULATION_ERROR", f"{sum_field} is {body[sum_field]}, the items make {total}")
    for item in items:
        if missing := booking_keys - set(item.get("bookingData") or {}):
            raise Problem(400, "BOOKING_DATA_MISSING", ", ".join(sorted(missing)))


def _item_sum(item: object) -> Decimal:
    if not isinstance(item, dict):
        raise _wrong("items")
    _only(item, _ITEM)
    _matches(item, "id", _IDENT)
    _matches(item, "reference", _IDENT)
    quantity, data = item.get("quantity"), item.get("bookingData")
    if not isinstance(quantity, int) or not 1 <= quantity <= 999999:
        raise _wrong("quantity")
    if data is not None and not (isinstance(data, dict) and all(isinstance(one, str) for one in data.values())):
        raise _wrong("bookingData")
    amounts = {name: _amount(item, name) for name in _AMOUNTS}
    for kind in ("NetAmount", "TaxAmount"):
        if amounts[f"single{kind}"] * quantity != amounts[f"total{kind}"]:
            raise Problem(400, "CALCULATION_ERROR", f"total{kind} of item {item['id']}")
    return amounts["totalNetAmount"] + amounts["totalTaxAmount"]


def _amount(thing: Mapping[str, Any], name: str) -> Decimal:
    given = thing.get(name)
    if isinstance(given, bool) or not isinstance(given, int | Decimal):
        raise _wrong(name)
    amount = Decimal(given)
    if not 0 <= amount <= MOST or amount != amount.quantize(Decimal("0.01")):
        raise _wrong(name)
    return amount


def _matches(thing: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> None:
    if not isinstance(thing.get(name), str) or not pattern.fullmatch(thing[name]):
        raise _wrong(name)


def _only(thing: Mapping[str, Any], known: set[str]) -> None:
    if unknown := set(thing) - known:
        raise _wrong(", ".join(sorted(unknown)))


def _wrong(name: str) -> Problem:
    return Problem(400, "VALIDATION_ERROR", name)
