"""Transactions and their four statuses. Pure but for the clock; no HTTP."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.xbezahldienste.checks import SUM_FIELDS, Json, Problem, check_request


@dataclass
class Transaction:
    """`asked`: the request as it was; None stands in for an id of the service's own."""

    id: str
    asked: Json
    status: str = "INITIAL"
    reference: str = ""
    paid_at: str = ""
    method: str = ""


@dataclass
class Machine:
    """One originator and endpoint. `own_ids`: the service gives a transaction another id than its request has."""

    clock: Callable[[], datetime]
    version: str = "1.0"
    originator: str = "schalter"
    endpoint: str = "stadtkasse"
    own_ids: bool = True
    booking_keys: frozenset[str] = frozenset()
    origin: str = "http://127.0.0.1"
    transactions: dict[str, Transaction] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.version not in SUM_FIELDS:
            raise ValueError(f"version {self.version}")

    def create(self, originator: str, endpoint: str, body: Any) -> Json:
        self.admit(originator, endpoint)
        check_request(body, self.version, self.booking_keys)
        if any(one.asked["requestId"] == body["requestId"] for one in self.transactions.values()):
            raise Problem(409, "PAYMENT_EXISTS", body["requestId"])
        ident = f"XB-{len(self.transactions) + 1:08}" if self.own_ids else body["requestId"]
        self.transactions[ident] = Transaction(ident, copy.deepcopy(body))
        return self.shown(ident)

    def look(self, originator: str, endpoint: str, ident: str) -> Json:
        self.admit(originator, endpoint)
        return self.shown(ident)

    def shown(self, ident: str) -> Json:
        one = self.get(ident)
        place = f"{self.origin}/paymenttransaction/{self.originator}/{self.endpoint}/{ident}"
        info: Json = {"transactionUrl": place, "transactionId": ident, "status": one.status}
        if one.status == "INITIAL":
            info["transactionRedirectUrl"] = f"{self.origin}/pay/{ident}"
        if one.status == "PAYED":
            info |= {
                "transactionReference": one.reference,
                "transactionTimestamp": one.paid_at,
                "paymentMethod": one.method,
            }
        return {"paymentInformation": info, "paymentRequest": copy.deepcopy(one.asked)}

    def pay(self, ident: str, method: str = "CREDITCARD") -> Transaction:
        one = self._open(ident)
        one.status, one.method = "PAYED", method
        one.reference, one.paid_at = f"KZ-{ident}"[:36], self.clock().isoformat(timespec="seconds")
        return one

    def fail(self, ident: str) -> Transaction:
        """What the payer entered was refused; there is no second try."""
        one = self._open(ident)
        one.status = "FAILED"
        return one

    def cancel(self, ident: str) -> Transaction:
        one = self._open(ident)
        one.status = "CANCELED"
        return one

    def get(self, ident: str) -> Transaction:
        try:
            return self.transactions[ident]
        except KeyError:
            raise Problem(404, "UNSPECIFIED", ident) from None

    def admit(self, originator: str, endpoint: str) -> None:
        if (originator, endpoint) != (self.originator, self.endpoint):
            raise Problem(404, "NO_VALID_ORIGINATOR_OR_ENDPOINT", f"{originator}/{endpoint}")

    def taken_cents(self) -> int:
        """All that was paid here, in cents."""
        name = SUM_FIELDS[self.version]
        paid = [one.asked[name] for one in self.transactions.values() if one.status == "PAYED"]
        return int(sum(amount * 100 for amount in paid))

    def _open(self, ident: str) -> Transaction:
        one = self.get(ident)
        if one.status != "INITIAL":
            raise Problem(409, "UNSPECIFIED", one.status)
        return one
