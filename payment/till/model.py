"""Tills, their drawers, and what is paid or given back there. Integer cents of euros."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from payment.ledger import CASH, TERMINAL_CLEARING

COUNTER = "counter"  # the provider's name

# Notes and coins of the euro, in cents, the largest first.
DENOMINATIONS = (50000, 20000, 10000, 5000, 2000, 1000, 500, 200, 100, 50, 20, 10, 5, 2, 1)


class Method(StrEnum):
    CASH = "cash"
    TERMINAL = "terminal"


def account_of(till_key: str, method: Method) -> str:
    """Where in the books money lies that a till took so."""
    return f"{CASH}{till_key}" if method is Method.CASH else TERMINAL_CLEARING


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """A place where money is taken."""

    id: int
    office_id: int
    key: str
    name: str
    terminal: str | None = None  # number of its card terminal

    @property
    def account(self) -> str:
        return account_of(self.key, Method.CASH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawer:
    """A row of `drawer`, from its opening to its closing. `opened_by`, `closed_by`: accounts, who sign; by name beside them.

    `left_cents`, `expected_cents`: what the books said at the opening and at the closing.
    """

    id: UUID
    till_id: int
    opened_by: int
    opened_name: str
    opened_at: datetime
    float_cents: int
    brought_cents: int
    left_cents: int
    opening_note: str | None = None
    closed_by: int | None = None
    closed_name: str | None = None
    closed_at: datetime | None = None
    counted_cents: int | None = None
    count: Mapping[str, int] = field(default_factory=dict)
    expected_cents: int | None = None
    deposit_cents: int | None = None
    bag: str | None = None  # in which the deposit goes to the bank
    note: str | None = None

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def opening_difference_cents(self) -> int:
        return self.float_cents - self.left_cents - self.brought_cents

    @property
    def difference_cents(self) -> int:
        """More (positive) or less than the books say; nothing before it is closed."""
        return (self.counted_cents or 0) - (self.expected_cents or 0)


class CounterStatus(StrEnum):
    OPEN = "open"
    PAID = "paid"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterPayment:
    """A row of `counter_payment`, with the key of the till that took it."""

    id: str
    payment_id: UUID
    amount_cents: int
    currency: str
    status: CounterStatus
    pay_url: str
    created_at: datetime
    drawer_id: UUID | None = None
    method: Method | None = None
    given_cents: int | None = None
    slip: str | None = None
    taken_at: datetime | None = None
    request_key: UUID | None = None
    till_key: str | None = None

    @property
    def change_cents(self) -> int:
        return 0 if self.given_cents is None else self.given_cents - self.amount_cents


class GivingStatus(StrEnum):
    OPEN = "open"
    GIVEN = "given"
    TRANSFER = "transfer"  # its payer does not come: it goes by bank transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterRefund:
    """A row of `counter_refund`, with the key of the till that gave it out."""

    refund_id: UUID
    session_id: str
    amount_cents: int
    status: GivingStatus
    created_at: datetime
    drawer_id: UUID | None = None
    method: Method | None = None
    given_at: datetime | None = None
    till_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A line of a drawer's protocol: money that came (positive) or went. `receipt`: year and number, once it has them."""

    drawer_id: UUID
    at: datetime
    method: Method
    cents: int
    kassenzeichen: str
    payment_id: UUID
    receipt: str
    slip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawerProtocol:
    """All that a drawer saw, in order; `deposited_on`: when the bank booked what was carried there."""

    till: Till
    drawer: Drawer
    moves: tuple[Move, ...]
    deposited_on: date | None = None

    def sum_of(self, method: Method, *, went_out: bool) -> int:
        return sum(one.cents for one in self.moves if one.method is method and (one.cents < 0) is went_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawerJournal:
    """A journal of the drawer itself, or one that takes such a one back. `cash_cents`: what it does to its till's cash."""

    id: int
    kind: str
    business_day: date
    at: datetime
    cash_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawerTold:
    """What the books know of a drawer."""

    protocol: DrawerProtocol
    journals: tuple[DrawerJournal, ...]
