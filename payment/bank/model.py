"""A bank statement as it is read: integer cents of euros, positive what came in, negative what went out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    name: str = ""
    iban: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One payment of an entry: a batch has several."""

    line: int
    amount_cents: int
    acct_svcr_ref: str = ""
    end_to_end_id: str = ""
    msg_id: str = ""
    pmt_inf_id: str = ""
    debtor: Party = Party()
    creditor: Party = Party()
    remittance: str = ""
    creditor_reference: str = ""  # structured: a Kassenzeichen where the payer quoted it so
    return_reason: str = ""  # code, such as AC04: the account is closed


@dataclass(frozen=True, slots=True, kw_only=True)
class BankEntry:
    """A line of the statement. `details`: none where the bank does not split the batch."""

    line: int
    amount_cents: int
    is_reversal: bool
    booked_on: date
    value_on: date | None
    acct_svcr_ref: str = ""
    entry_ref: str = ""
    msg_id: str = ""  # of the batch, as it was sent to the bank
    pmt_inf_id: str = ""
    info: str = ""
    details: tuple[Detail, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """`line` and `opening_line`: where it stands in its file."""

    line: int
    opening_line: int
    iban: str
    statement_id: str
    sequence: int
    from_on: date
    to_on: date
    opening_cents: int
    closing_cents: int
    entries: tuple[BankEntry, ...] = ()

    @property
    def year(self) -> int:
        """In which its number counts: banks begin anew with each year, or count on."""
        return self.to_on.year


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    id: UUID
    name: str
    read_at: datetime
    is_new: bool = True  # False: the same bytes were there already


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStatement:
    id: int
    file_id: UUID | None  # None: its term is over
    iban: str
    statement_id: str
    year: int
    sequence: int
    from_on: date
    to_on: date
    opening_cents: int
    closing_cents: int
    entries: int
    follows: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPayment:
    """An entry, or one payment of it where the bank splits it."""

    entry: int
    position: int  # 0: the entry itself
    amount_cents: int
    is_reversal: bool
    booked_on: date
    value_on: date | None
    acct_svcr_ref: str
    end_to_end_id: str
    name: str  # of the other side
    iban: str
    remittance: str
    return_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A file of the folder that was moved aside."""

    name: str
    refused_at: datetime
    code: str
    fields: Mapping[str, str | int]
