"""What is laid side by side, and what does not fit. Integer cents of euros; positive is what came in on that side."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID


class Cause(StrEnum):
    MISSING_THERE = "missing_there"  # our books know it, the provider does not
    MISSING_HERE = "missing_here"  # it moved at the provider, and our books do not know it
    AMOUNT = "amount"  # both sides know it, with another amount: also a payout and its credit
    FEE = "fee"  # the provider's price is another one than was booked
    PAYOUT_SUM = "payout_sum"  # a payout is not what its parts make
    PAYOUT_NOT_AT_BANK = "payout_not_at_bank"
    PAYOUT_LATE = "payout_late"  # it arrived after its day
    PAYOUT_SPLIT = "payout_split"  # it arrived in several credits
    PAYOUT_FAILED = "payout_failed"  # the money lies with the provider again
    PAYOUT_STATE = "payout_state"  # the provider says of it what does not follow from what it said before
    UNKNOWN_CREDIT = "unknown_credit"
    UNKNOWN_DEBIT = "unknown_debit"
    STATEMENT_GAP = "statement_gap"  # a bank statement has not come
    FAILED_REFUND = "failed_refund"
    REFUND_AT_PROVIDER = (
        "refund_at_provider"  # made by hand on its pages; it is booked, and two persons are to know of it
    )
    OPEN_DISPUTE = "open_dispute"
    LOST_DISPUTE = "lost_dispute"
    EXPORT_NOT_ACKNOWLEDGED = "export_not_acknowledged"
    TILL_AMOUNT = "till_amount"  # a line that is what tills have sent, with another sum
    TILL_AMBIGUOUS = "till_ambiguous"  # ... and could be one thing or another
    TILL_LATE = "till_late"
    TILL_NOT_AT_BANK = "till_not_at_bank"
    BANK_BALANCE = "bank_balance"  # our account `bank` is not what the statement says


class Proposal(StrEnum):
    """What finance may do about it. The first four post a journal, so they take two persons; so does the fifth, of which more than one
    has to know."""

    WRITE_OFF = "write_off"
    ASSIGN = "assign"  # these lines of the bank are this payout
    KEEP_UNASSIGNED = "keep_unassigned"  # money received of which it is not known what for
    CLEAR = "clear"  # this line is what tills have sent: one of the choices
    ACKNOWLEDGE = "acknowledge"
    ACCEPT = "accept"  # noted, nothing to book
    WAIT = "wait"  # it goes by itself when what is missing has come


POSTS = frozenset({Proposal.WRITE_OFF, Proposal.ASSIGN, Proposal.KEEP_UNASSIGNED, Proposal.CLEAR})
TAKES_TWO = POSTS | {Proposal.ACKNOWLEDGE}
PROPOSALS: Mapping[Cause, Proposal] = {
    Cause.MISSING_THERE: Proposal.WRITE_OFF,
    Cause.MISSING_HERE: Proposal.WRITE_OFF,
    Cause.AMOUNT: Proposal.WRITE_OFF,  # of a payout and its credit: ASSIGN
    Cause.FEE: Proposal.WRITE_OFF,
    Cause.PAYOUT_SUM: Proposal.ACCEPT,
    Cause.PAYOUT_NOT_AT_BANK: Proposal.WAIT,
    Cause.PAYOUT_LATE: Proposal.ACCEPT,
    Cause.PAYOUT_SPLIT: Proposal.ASSIGN,
    Cause.PAYOUT_FAILED: Proposal.ACCEPT,
    Cause.PAYOUT_STATE: Proposal.ACCEPT,
    Cause.UNKNOWN_CREDIT: Proposal.KEEP_UNASSIGNED,
    Cause.UNKNOWN_DEBIT: Proposal.KEEP_UNASSIGNED,
    Cause.STATEMENT_GAP: Proposal.WAIT,
    Cause.FAILED_REFUND: Proposal.WAIT,
    Cause.REFUND_AT_PROVIDER: Proposal.ACKNOWLEDGE,
    Cause.OPEN_DISPUTE: Proposal.WAIT,
    Cause.LOST_DISPUTE: Proposal.ACCEPT,
    Cause.EXPORT_NOT_ACKNOWLEDGED: Proposal.WAIT,
    Cause.TILL_AMOUNT: Proposal.CLEAR,
    Cause.TILL_AMBIGUOUS: Proposal.CLEAR,
    Cause.TILL_LATE: Proposal.ACCEPT,
    Cause.TILL_NOT_AT_BANK: Proposal.WAIT,
    Cause.BANK_BALANCE: Proposal.ACKNOWLEDGE,
}


@dataclass(frozen=True, slots=True)
class Booked:
    """A journal that moved our money at the provider. `key` names what it is about: "charge:pi_1", "refund:re_1", "fee:txn_1"."""

    journal_id: int
    key: str
    cents: int
    at: datetime
    day: date
    payment_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A balance transaction, or its price (then `cents` is what was taken, negative). `expected_cents`: of a payment of ours that
    has not been booked, what it asks for."""

    transaction: str
    key: str
    cents: int
    at: datetime
    day: date
    payment_id: UUID | None = None
    expected_cents: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutThere:
    """`parts_cents`: what its parts make; None: it cannot be asked. `is_final`: on its way or there, so the bank must show it."""

    id: str
    cents: int
    arrival_on: date
    trace: str = ""
    descriptor: str = ""
    parts_cents: int | None = None
    is_final: bool = True
    has_failed: bool = False
    refused: str = ""  # the provider's word that does not follow


@dataclass(frozen=True, slots=True, kw_only=True)
class BankLine:
    """An entry of a statement, or one payment of it where the bank splits it. `position`: 0 is the entry itself."""

    statement_id: int
    entry: int
    position: int
    cents: int
    booked_on: date
    end_to_end_id: str = ""
    text: str = ""  # name and remittance

    @property
    def place(self) -> tuple[int, int, int]:
        return self.statement_id, self.entry, self.position

    @property
    def transfer(self) -> UUID | None:
        """The end-to-end id as our files have it, however the bank repeats it; None: not one of ours."""
        try:
            return UUID(hex=self.end_to_end_id)
        except ValueError:
            return None

    @property
    def subject(self) -> str:
        return f"bank:{self.statement_id}.{self.entry}.{self.position}"


class SentKind(StrEnum):
    DEPOSIT = "deposit"  # cash of a drawer, carried to the bank
    CHANGE = "change"  # cash that was fetched there for a drawer: negative
    TERMINAL = "terminal"  # a day of a till's card terminal, what it gave back taken off


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a till has sent to the bank: `cents` as the statement must show them. `reference`: the bag's number or the terminal's;
    `kassenzeichen`: of its payments; `arrived_on`: when the bank booked the line that was put to it."""

    subject: str
    kind: SentKind
    till_id: int
    day: date
    cents: int
    reference: str = ""
    kassenzeichen: tuple[str, ...] = ()
    arrived_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """That a line is these (by their subjects), which are `cents` together. `rest`: the account for what is left over."""

    subjects: tuple[str, ...]
    cents: int
    rest: str

    @property
    def key(self) -> str:
        return ",".join(self.subjects)

    @property
    def kind(self) -> SentKind:
        return SentKind(self.subjects[0].partition(":")[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """With what a statement of the bank closes."""

    iban: str
    from_on: date
    to_on: date
    closing_cents: int


@dataclass(frozen=True, slots=True)
class Unlike:
    """So much more (positive) or less than the lines that it belongs to is booked on our account `bank`; `day`: of the statement of these
    lines, or the business day where there is no line."""

    day: date
    cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """What a statement of the bank covers."""

    iban: str
    year: int
    sequence: int
    from_on: date
    to_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Something that waits for people or others, with its own name: a failed refund, a dispute, a batch."""

    cause: Cause
    subject: str
    day: date
    cents: int | None = None
    payment_id: UUID | None = None
    due_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Everything of the days looked at. `orders`: transfers of ours that the lines name, and the cents of a line that each still waits for,
    negative where it leaves our account; `settled`: payouts that people or an earlier run have put to their lines (which are left out of
    `lines`)."""

    booked: Sequence[Booked] = ()
    moved: Sequence[Moved] = ()
    payouts: Sequence[PayoutThere] = ()
    lines: Sequence[BankLine] = ()
    statements: Sequence[Covered] = ()
    waiting: Sequence[Waiting] = ()
    orders: Mapping[UUID, Collection[int]] = field(default_factory=dict)
    settled: frozenset[str] = frozenset()
    late: Mapping[str, date] = field(default_factory=dict)  # settled payouts: when the bank booked them
    sent: Sequence[Sent] = ()
    parted: Collection[tuple[tuple[int, int, int], str]] = frozenset()
    stated: Sequence[Stated] = ()
    unlike: Sequence[Unlike] = ()
    first: date = date.min


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`subject` and `cause` name it: found again it is the same one. `due_on`: until when something must be done."""

    cause: Cause
    subject: str
    day: date
    here_cents: int | None = None
    there_cents: int | None = None
    payment_id: UUID | None = None
    proposal: Proposal
    lines: tuple[tuple[int, int, int], ...] = ()  # of the bank, that a proposal would put to it
    due_on: date | None = None
    choices: tuple[Choice, ...] = ()  # the likeliest first

    @property
    def cents(self) -> int:
        """By how much our side would have to change."""
        return (self.there_cents or 0) - (self.here_cents or 0)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A payout and the one credit that is exactly it (or the debit that took it back)."""

    payout_id: str
    line: BankLine


@dataclass(frozen=True, slots=True)
class Transferred:
    """A transfer of ours on the statement; positive cents: it came back."""

    order: UUID
    line: BankLine


@dataclass(frozen=True, slots=True)
class Cleared:
    """A line that is exactly these, and they are no other's."""

    line: BankLine
    sent: tuple[Sent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    links: tuple[tuple[int, str], ...]  # journal and transaction that are the same
    arrived: tuple[Arrived, ...]
    transferred: tuple[Transferred, ...]
    differences: tuple[Difference, ...]
    cleared: tuple[Cleared, ...] = ()
