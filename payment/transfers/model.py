"""The nouns of transfer orders: an order, its ten fields, what happened to it, and the files that went to the bank."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID, uuid5

from base.money import Money
from payment.bank.pain import Account, WrongIban, checked_iban, plain
from payment.model import Line, RefundReason
from payment.transfers.states import TransferStatus

HOLDER_LENGTH = 70  # as a SEPA transfer takes it
NOTE_LENGTH = 500
EVIDENCE_LENGTH = 300
# Countries and territories that take SEPA transfers (EPC409-09, list of 2025), by the IBAN's first two letters.
_EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
_BESIDE = "AD AL CH GB GI IS LI MC MD ME MK NO RS SM VA"
SEPA = frozenset(f"{_EU} {_BESIDE}".split(" "))


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """Whom and where to: checked, in clear; sealed wherever it rests."""

    holder: str
    iban: str

    @property
    def end(self) -> str:
        return self.iban[-4:]

    @property
    def spaced(self) -> str:
        return " ".join(re.findall(".{1,4}", self.iban))


def understood(holder: str, iban: str) -> tuple[BankAccount | None, Mapping[str, str]]:
    """The account, or which field is wrong and why: missing, too_long, no_letter, wrong_iban, not_sepa."""
    holder = " ".join(unicodedata.normalize("NFC", holder).split())
    wrong = {}
    if not holder:
        wrong["holder"] = "missing"
    elif len(holder) > HOLDER_LENGTH:
        wrong["holder"] = "too_long"
    elif not any(sign.isalnum() and sign.isascii() for sign in plain(holder, HOLDER_LENGTH)):
        wrong["holder"] = "no_letter"  # nothing that a bank can carry would be left of it
    found = ""
    if not iban.strip():
        wrong["iban"] = "missing"
    else:
        try:
            found = checked_iban(iban)
        except WrongIban:
            wrong["iban"] = "wrong_iban"
        else:
            if found[:2] not in SEPA:
                wrong["iban"] = "not_sepa"
    return (None if wrong else BankAccount(holder=holder, iban=found)), wrong


class Ground(StrEnum):
    """Why a refund is owed no more. BARRED: sections 195 and 199 BGB, three years from the end of the year in which it arose."""

    WAIVED = "waived"  # by its payee, in writing
    BARRED = "barred"  # by limitation; nobody was found until then


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A row of `transfer_order`. `round`: how often its payee was asked; `lines`: the product accounts that it is paid out of.

    `holder` and `iban` are sealed; both gone once they are erased. `reason`: the refund's; `kassenzeichen`, `reference`: the payment's.
    `is_disputed`: a dispute of the payment is undecided; `is_lost`: one was decided for the payer. `ground`:
    why it was waived, if ever.
    """

    id: UUID
    refund_id: UUID
    payment_id: UUID
    amount_cents: int
    purpose: str
    lines: tuple[Line, ...]
    created_at: datetime
    changed_at: datetime
    token_sha256: bytes
    reference: UUID
    status: TransferStatus = TransferStatus.ASKED
    round: int = 1
    holder: bytes | None = None
    iban: bytes | None = None
    iban_end: str | None = None
    entered_by: int | None = None
    entered_at: datetime | None = None
    assessed_by: int | None = None
    assessed_at: datetime | None = None
    approved_by: int | None = None
    approved_at: datetime | None = None
    due_on: date | None = None
    budget_year: int | None = None
    file: int | None = None
    sent_at: datetime | None = None
    paid_at: datetime | None = None
    bank_entry_ref: str | None = None
    reason: RefundReason = RefundReason.CANCELLED
    kassenzeichen: str = ""
    is_disputed: bool = False
    is_lost: bool = False
    ground: Ground | None = None

    @property
    def amount(self) -> Money:
        return Money(self.amount_cents)

    @property
    def asks(self) -> bool:
        """It waits for its payee's account, and nothing else."""
        return self.status in (TransferStatus.ASKED, TransferStatus.RETURNED) and not self.is_disputed

    @property
    def has_account(self) -> bool:
        return self.iban is not None

    def unassessed(self) -> Order:
        """Nobody has looked at the account that is named now."""
        return replace(
            self,
            assessed_by=None,
            assessed_at=None,
            approved_by=None,
            approved_at=None,
            due_on=None,
            budget_year=None,
            paid_at=None,
            bank_entry_ref=None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A row of `transfer_step`: what happened; `record`: the ten fields as they were approved."""

    event: str
    at: datetime
    by: int | None = None
    note: str | None = None
    record: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A row of `transfer_waiver` with the names of who asked and who decided. `evidence`: where it is filed; `journal_id`:
    once it is approved."""

    id: UUID
    order_id: UUID
    ground: Ground
    reason: str
    evidence: str
    requested_by: int
    requested_at: datetime
    asker: str = ""
    status: str = "requested"
    decided_by: int | None = None
    decider: str | None = None
    decided_at: datetime | None = None
    journal_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """A row of `transfer_file`, without its content. `is_readable`: False once the bank data in it are erased."""

    number: int
    id: UUID
    made_by: int
    made_at: datetime
    execute_on: date
    account_name: str
    account_iban: str
    orders: int
    sum_cents: int
    sha256: bytes
    is_readable: bool = True

    @property
    def name(self) -> str:
        return f"{self.execute_on:%Y-%m-%d}_transfers_{self.number:05}.xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    by: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """An order with everything that a page shows of it. `account`: None where none is named, or it is erased; `waivers`: the youngest
    first; `barred_from`: the first day on which limitation can be said to have passed."""

    order: Order
    account: BankAccount | None
    steps: tuple[Step, ...]
    names: Mapping[int, str]
    waivers: tuple[Waiver, ...] = ()
    barred_from: date | None = None

    @property
    def asked_waiver(self) -> Waiver | None:
        """That waits for another person; there is one at the most."""
        return next((one for one in self.waivers if one.status == "requested"), None)


def end_to_end_id(order_id: UUID, file: int) -> UUID:
    """Another one in each file: the bank's statement then says which of several tries it is about."""
    return uuid5(order_id, f"file:{file}")


def ten_fields(order: Order, *, account_end: str, payer: Account, names: Mapping[int, str]) -> Mapping[str, str]:
    """What cash law wants of a payment order (KomKBVO § 8), to be kept with the approval. The payee's own data stay sealed in the order."""
    assert order.assessed_by is not None
    assert order.assessed_at is not None
    assert order.approved_by is not None
    assert order.approved_at is not None
    assert order.due_on is not None
    return {
        "amount": f"{order.amount_cents / 100:.2f} EUR",
        "reason": f"{order.reason.value} {order.kassenzeichen}",
        "payee": f"holder of the account that ends in {account_end}",
        "payer": payer.name,
        "accounts": ", ".join(f"{line.product} {line.amount_cents / 100:.2f}" for line in order.lines),
        "iban": f"ends in {account_end}",
        "due_on": order.due_on.isoformat(),
        "budget_year": str(order.budget_year),
        "assessed": f"{names.get(order.assessed_by, order.assessed_by)}, {order.assessed_at.isoformat(timespec='seconds')}",
        "ordered_on": order.approved_at.isoformat(timespec="seconds"),
        "ordered_by": str(names.get(order.approved_by, order.approved_by)),
    }
