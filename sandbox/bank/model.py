"""What the bank writes down. Amounts are integer cents of euros, positive what comes in."""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One payment with the other side's name and account. `return_reason`: a code such as AC04 where money came back."""

    amount_cents: int
    name: str = ""
    iban: str = ""
    remittance: str = ""
    end_to_end_id: str = ""
    return_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A line of the statement: one payment, or a batch of several under the ids of the order that was sent."""

    payments: tuple[Payment, ...]
    info: str = ""
    message_id: str = ""
    payment_information_id: str = ""

    @property
    def amount_cents(self) -> int:
        return sum(payment.amount_cents for payment in self.payments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What a till sends: a bag of cash, change that is fetched (negative), a day of its card terminal. `reference`: of bag or terminal."""

    id: str
    kind: Literal["deposit", "change", "terminal"]
    day: date
    cents: int
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A booking with the bank's reference."""

    reference: str
    booking: Booking


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A day's statement. `stated_closing_cents` differs from the sum only where a fault makes it so."""

    iban: str
    owner: str
    bic: str
    day: date
    sequence: int
    opening_cents: int
    stated_closing_cents: int
    lines: tuple[Line, ...] = field(default=())

    @property
    def id(self) -> str:
        return f"{self.iban[-10:]}-{self.day:%Y}-{self.sequence:05}"


@dataclass(frozen=True, slots=True)
class File:
    name: str
    content: bytes
