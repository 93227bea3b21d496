"""XBezahldienste's words and ours: what is sent, and what an answer means. Pure; JSON objects in, our values out, and back.

Where this comes from. The standard is FITKO's (IT-Planungsrat 2023/51, docs.fitko.de/xbezahldienste); of its pages only those of 1.0.0
could be read: paths, lengths, the four statuses, the names of the errors. Field names, the form of both answers and who proves himself
how (Basic or OAuth client credentials: left to each payment service) were seen in open clients that run against ePay21, ePayBL and
pmPayment (aivot-digital/gover), and what 1.1 and 1.2 changed in the mapping of Aivot's successor: the sum is `grossAmount` instead of
`grosAmount`, the requestor's address is on its way out; the four statuses and the calls are the same.

Not found, in any version: a way to cancel, to refund, to list or to be called back; when a payment page stops taking money; whether an
amount was paid other than the one asked for (the answer repeats the request); how exactly a problem spells its code, so it is looked for
in every member that might hold it. None of this has been tried against a real payment service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from base.money import Money
from payment.ports import PaymentOrder, SessionState, Snapshot

Json = Mapping[str, Any]

MOST_CENTS = 99_999_900  # 999999
_PURPOSE_MOST, _TEXT_MOST = 27, 250
_NOT_IN_PURPOSE = re.compile(r"[^A-Za-z0-9_ -]")
_NOT_IN_TEXT = re.compile(r"[^\w\s,.\-]")


class Version(StrEnum):
    V1_0 = "1.0"
    V1_2 = "1.2"

    @property
    def sum_field(self) -> str:
        return "grosAmount" if self is Version.V1_0 else "grossAmount"


PAYMENT_EXISTS = "PAYMENT_EXISTS"
CODES = frozenset(
    {
        "NO_VALID_ORIGINATOR_OR_DESTINATION",
        "NO_VALID_ORIGINATOR_OR_ENDPOINT",
        PAYMENT_EXISTS,
        "CALCULATION_ERROR",
        "BOOKING_DATA_MISSING",
        "VALIDATION_ERROR",
        "UNSPECIFIED",
        "FORBIDDEN",
    }
)
# These say something about the request. The others are about the access, the moment or nothing at all, and may pass.
REFUSALS = frozenset({PAYMENT_EXISTS, "CALCULATION_ERROR", "BOOKING_DATA_MISSING", "VALIDATION_ERROR"})

# FAILED and CANCELED are the end of a transaction: who wants to try again needs another.
_STATES: Mapping[str, SessionState] = {
    "INITIAL": SessionState.OPEN,
    "PAYED": SessionState.PAID,
    "FAILED": SessionState.DEAD,
    "CANCELED": SessionState.DEAD,
}


def request_id(key: str) -> str:
    """The same key, the same id: 36 characters, as many as are allowed."""
    return str(uuid5(NAMESPACE_URL, key))


def request_body(
    order: PaymentOrder, key: str, version: Version, booking_data: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    """One position without tax, which carries our payment's id as its reference: an answer repeats it. Nobody's name.

    Raises ValueError for what the standard cannot carry: another currency, or more than 999999.
    """
    if order.amount.currency != "EUR" or not 0 < order.amount.cents <= MOST_CENTS:
        raise ValueError(f"{order.amount.cents} {order.amount.currency}")
    euros = order.amount.cents / 100  # printed with its shortest digits, so two places stay two
    item = {
        "id": "1",
        "reference": str(order.payment_id),
        "description": text(order.description),
        "taxRate": 0,
        "quantity": 1,
        "totalNetAmount": euros,
        "totalTaxAmount": 0,
        "singleNetAmount": euros,
        "singleTaxAmount": 0,
        "bookingData": dict(booking_data),
    }
    return {
        "requestId": request_id(key),
        "requestTimestamp": now.isoformat(timespec="seconds"),
        "currency": "EUR",
        version.sum_field: euros,
        "purpose": purpose(order),
        "description": text(order.description),
        "redirectUrl": order.return_url,
        "items": [item],
    }


def purpose(order: PaymentOrder) -> str:
    """What stands on the payer's statement: the Kassenzeichen, or, where there is none, the beginning of our id."""
    return _NOT_IN_PURPOSE.sub(" ", order.purpose or order.payment_id.hex)[:_PURPOSE_MOST]


def text(words: str) -> str:
    return _NOT_IN_TEXT.sub(" ", words)[:_TEXT_MOST]


def snapshot(answer: object, version: Version) -> Snapshot:
    """Raises ValueError where it is no transaction; what is one, but not ours or not understood, is for `decide` to judge."""
    if not isinstance(answer, Mapping):
        raise ValueError("no object")
    info, asked = answer.get("paymentInformation"), answer.get("paymentRequest")
    if (
        not isinstance(info, Mapping)
        or not isinstance(asked, Mapping)
        or not isinstance(info.get("transactionId"), str)
    ):
        raise ValueError("no payment transaction")
    word = str(info.get("status"))
    state = _STATES.get(word, SessionState.UNKNOWN)
    session_id: str = info["transactionId"]
    reference = info.get("transactionReference")
    is_paid = state is SessionState.PAID
    return Snapshot(
        session_id=session_id,
        payment_id=_payment_id(asked),
        state=state,
        amount=_money(asked.get(version.sum_field), asked.get("currency")),
        charge_id=(reference if isinstance(reference, str) and reference else session_id) if is_paid else None,
        url=_address(info.get("transactionRedirectUrl")) if state is SessionState.OPEN else None,
        word=word,
    )


def problem_code(answer: object) -> str:
    """The standard's code in a problem, or an empty text."""
    if not isinstance(answer, Mapping):
        return ""
    for name in ("functionalCode", "code", "title", "type", "detail", "functionalText"):
        words = re.findall(r"[A-Z_]{6,}", str(answer.get(name, "")))
        if found := next((word for word in words if word in CODES), ""):
            return found
    return ""


def _payment_id(asked: Json) -> UUID | None:
    items = asked.get("items")
    try:
        (item,) = items  # type: ignore[misc]  # whatever it is: not one position of ours
        return UUID(item["reference"])
    except (TypeError, ValueError, KeyError, AttributeError):
        return None


def _money(amount: object, currency: object) -> Money | None:
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal) or not isinstance(currency, str):
        return None
    cents = Decimal(amount) * 100
    return Money(int(cents), currency) if cents.is_finite() and cents == int(cents) else None


def _address(url: object) -> str | None:
    return url if isinstance(url, str) and url.startswith(("https://", "http://")) else None
