"""Payments, refunds and disputes, their statuses, and the one graph of what may become what (docs/payment-states.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import overload
from uuid import UUID

from base.money import Money
from payment.graph import IllegalTransition
from payment.transfers.states import TransferStatus


class PaymentStatus(StrEnum):
    """INTENDED: written down, the provider may not know yet. AUTHORISED: the money is reserved and not taken yet. FENCED: the provider
    says it can no longer succeed. LAPSED: not waited for any more, with a provider that cannot say that."""

    INTENDED = "intended"
    OPEN = "open"
    PROCESSING = "processing"
    AUTHORISED = "authorised"
    PAID = "paid"
    FENCED = "fenced"
    LAPSED = "lapsed"
    ATTENTION = "attention"


class PaymentEvent(StrEnum):
    """What a look at the provider tells; LAPSED: what we decide without its word."""

    OPENED = "payable"
    STARTED = "under way"
    RESERVED = "reserved"
    CAPTURED = "captured"
    DIED = "can no longer succeed"
    LAPSED = "not waited for any more"
    CONTRADICTED = "does not fit"


class Capture(StrEnum):
    """When the money is taken. MANUAL: reserved when the payer pays, taken by a call of ours later (docs/adr/0061)."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class RefundStatus(StrEnum):
    """SUBMITTED: the provider was or is being asked; a missing answer leaves it there, never in FAILED. OVERTAKEN: a lost dispute has
    paid it back already."""

    REQUESTED = (
        "requested"  # waits for a person; of what a person asked for, nothing counts as money yet (docs/adr/0077)
    )
    REJECTED = "rejected"
    APPROVED = "approved"
    SUBMITTED = "submitted"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    OVERTAKEN = "overtaken"


class RefundEvent(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    SUBMIT = "submit"
    ARRIVE = "arrived"
    BOUNCE = "refused or sent back"
    WAIT = "refused while disputed"
    OVERTAKE = "a lost dispute has paid it back"
    ASK_ANEW = "asked for anew"


class RefundReason(StrEnum):
    CANCELLED = "cancelled"
    LOST_SLOT = "lost_slot"
    MANUAL = "manual"
    MOVED = "moved"  # what it was paid for has become cheaper
    AT_PROVIDER = "at_provider"  # by hand, on the provider's own pages; the row names it: "at_provider:re_1"

    @classmethod
    def _missing_(cls, value: object) -> RefundReason | None:
        return cls.AT_PROVIDER if str(value).startswith(f"{cls.AT_PROVIDER}:") else None


class DisputeStatus(StrEnum):
    """INQUIRY: the payer's bank only asks, and may take the money later. OPEN: it has taken it and waits for evidence. ANSWERED: that was
    sent. CLOSED: an inquiry that came to nothing."""

    INQUIRY = "inquiry"
    OPEN = "open"
    ANSWERED = "answered"
    WON = "won"
    LOST = "lost"
    CLOSED = "closed"


class DisputeEvent(StrEnum):
    TAKE = "the bank takes the money back"
    ANSWER = "evidence sent"
    WIN = "decided for the city"
    LOSE = "decided for the payer"
    DROP = "the bank asks no more"


class PayoutStatus(StrEnum):
    """UNKNOWN: the provider's first word was one that our table does not have."""

    PENDING = "pending"
    IN_TRANSIT = "in_transit"
    PAID = "paid"
    FAILED = "failed"  # or sent back by the bank after it was paid
    CANCELED = "canceled"
    UNKNOWN = "unknown"


class PayoutEvent(StrEnum):
    LEAVE = "handed to the bank"
    ARRIVE = "at the bank"
    BOUNCE = "refused or sent back by the bank"
    CANCEL = "cancelled at the provider"
    WAIT = "made, and not handed to the bank"


DEFAULT_PRODUCT = "fees"
ERASED_NOTE = "[erased]"  # in the place of a decided request's note; the schema allows no other (0014_erasure.sql)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A part of a payment. `product`: the account of the budget whose revenue it becomes; `tax_percent`: VAT, contained in the amount.

    `reduced_cents`: what a reduction, of this name, had taken off before; with the amount it is the whole fee.
    """

    product: str
    amount_cents: int
    label: str = ""
    quantity: int = 1
    tax_percent: int = 0
    reduced_cents: int = 0
    reduction: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A row of `payment`. `attempt` and `attempt_at` make the idempotency key; `surplus`: money beyond what the reference owes.

    `lines` sum to the amount; where nobody says, all is for DEFAULT_PRODUCT. It is earned on `service_day`, a local day; `advance_cents`:
    received, and neither earned nor given back; the store keeps it by itself, from the entries, as it does `refunded_cents`.

    Of one that was reserved: `authorised_until` stays when that is over. `keep_cents`: what the city may keep, None for all; it only
    falls. `take_cents`: what the provider was told to take, 0 to let all go; decided once, for it may have been done.

    `method`: how its payer paid, in the provider's word, or cash or terminal at a till; None: not told.
    """

    id: UUID
    reference: UUID
    provider: str
    amount_cents: int
    currency: str
    description: str
    language: str
    return_url: str
    attempt_at: datetime
    created_at: datetime
    status: PaymentStatus = PaymentStatus.INTENDED
    attempt: int = 1
    session_id: str | None = None
    charge_id: str | None = None
    pay_url: str | None = None
    captured_cents: int = 0
    refunded_cents: int = 0
    advance_cents: int = 0
    lines: tuple[Line, ...] = ()
    service_day: date | None = None
    attention: str | None = None
    surplus: bool = False
    checked_at: datetime | None = None
    capture: Capture = Capture.AUTOMATIC
    authorised_until: datetime | None = None
    take_cents: int | None = None
    take_attempt: int = 1
    take_attempt_at: datetime | None = None
    keep_cents: int | None = None
    keep_reason: RefundReason | None = None
    method: str | None = None
    kassenzeichen: str = field(default="", compare=False)  # given by the database with the row (0069_receipt.sql)

    def __post_init__(self) -> None:
        if not self.lines:
            object.__setattr__(self, "lines", (Line(product=DEFAULT_PRODUCT, amount_cents=self.amount_cents),))

    @property
    def amount(self) -> Money:
        return Money(self.amount_cents, self.currency)

    @property
    def refundable(self) -> Money:
        return Money(self.captured_cents - self.refunded_cents, self.currency)

    @property
    def key(self) -> str:
        return f"create:{self.id}:{self.attempt}"

    @property
    def take_key(self) -> str:
        return f"{'take' if self.take_cents else 'let-go'}:{self.id}:{self.take_attempt}"

    @property
    def kept_cents(self) -> int:
        """What the city may keep of a reservation."""
        return self.amount_cents if self.keep_cents is None else self.keep_cents

    @property
    def is_secured(self) -> bool:
        """The money is here, or reserved for us."""
        return self.status in (PaymentStatus.PAID, PaymentStatus.AUTHORISED)

    @property
    def is_reserved(self) -> bool:
        """The provider still keeps it for us, as far as we know; nothing is taken."""
        is_kept = self.status in (PaymentStatus.AUTHORISED, PaymentStatus.ATTENTION)
        return is_kept and self.authorised_until is not None

    @property
    def is_uncovered(self) -> bool:
        """It was reserved for us and is gone, although we wanted (a part of) it."""
        was_wanted = self.take_cents != 0 and self.kept_cents > 0
        return self.status is PaymentStatus.FENCED and self.authorised_until is not None and was_wanted

    @property
    def owed_again(self) -> Money:
        """Of a reservation that is uncovered: what was wanted of it."""
        return Money(self.take_cents or self.kept_cents, self.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """A row of `refund`. By rule (`requested_by` is None) it needs nobody's approval unless `needs_approval` says so (docs/adr/0077);
    `note`: why a person asked. `caused_by`: who did for its payee what the rule follows from; `asked_by`: who asked for it anew.

    A failed one stays failed; where the failure may pass, `retry_at` says when another is made, which names it in `retry_of`. Else it is
    transferred: `transfer_status` is kept by the store, from its order.
    """

    id: UUID
    payment_id: UUID
    amount_cents: int
    reason: RefundReason
    attempt_at: datetime
    created_at: datetime
    status: RefundStatus = RefundStatus.REQUESTED
    note: str | None = None
    requested_by: int | None = None
    approved_by: int | None = None
    rejected_by: int | None = None
    decided_at: datetime | None = None
    attempt: int = 1
    provider_id: str | None = None
    failure: str | None = None
    checked_at: datetime | None = None
    retry_of: UUID | None = None
    retry_at: datetime | None = None
    transfer_status: TransferStatus | None = None
    needs_approval: bool = False
    caused_by: int | None = None
    asked_by: int | None = None

    @property
    def is_promised(self) -> bool:
        """By a rule, and waits for a person: its money is kept for it."""
        return self.needs_approval and self.status is RefundStatus.REQUESTED

    @property
    def is_of_people(self) -> bool:
        """Among staff, and no promise to anybody."""
        return not self.needs_approval and self.status in (RefundStatus.REQUESTED, RefundStatus.REJECTED)

    def is_own_of(self, account: int) -> bool:
        """Whether they asked for it, or brought it about, so that another person has to approve it."""
        return account in (self.requested_by, self.caused_by, self.asked_by)

    @property
    def is_transferred(self) -> bool:
        """It is, or is about to be."""
        return self.transfer_status not in (None, TransferStatus.CANCELLED)

    @property
    def key(self) -> str:
        return f"refund:{self.id}:{self.attempt}"


class StepEvent(StrEnum):
    REJECTED = "rejected"
    ASKED_ANEW = "asked_anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundStep:
    """A row of `refund_step`. `by`: None is its payee; `note`: why it was rejected, in words to its payee."""

    refund_id: UUID
    event: StepEvent
    at: datetime
    by: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """How a refund by rule came about. `by`: who did for its payee what it follows from; None: they themselves, or nobody."""

    needs_approval: bool = False
    by: int | None = None


AT_ONCE = Cause()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A row of `dispute`. `reason`: the provider's word; `taken_cents`: withdrawn from our account there, `returned_cents`: put back.

    `attention`: what of the last look does not fit; then nothing was booked.
    """

    id: UUID
    payment_id: UUID
    provider_id: str
    status: DisputeStatus
    reason: str
    amount_cents: int
    opened_at: datetime
    created_at: datetime
    taken_cents: int = 0
    returned_cents: int = 0
    evidence_due_at: datetime | None = None
    closed_at: datetime | None = None
    attention: str | None = None
    checked_at: datetime | None = None

    @property
    def is_settled(self) -> bool:
        """Nothing more is expected of it."""
        match self.status:
            case DisputeStatus.CLOSED:
                return True
            case DisputeStatus.WON:
                return self.returned_cents == self.taken_cents
            case DisputeStatus.LOST:
                return self.taken_cents > 0
            case _:
                return False


def owed_cents(refunds: Sequence[Refund]) -> int:
    """Promised or approved and not arrived, or failed with nothing in its place: a transfer is booked when it is ordered."""
    tried_anew = {one.retry_of for one in refunds}
    return sum(
        one.amount_cents
        for one in refunds
        if one.status in (RefundStatus.APPROVED, RefundStatus.SUBMITTED)
        or one.is_promised
        or (one.status is RefundStatus.FAILED and one.id not in tried_anew and not one.is_transferred)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Troubles:
    """What people have to look at: refunds that failed, were not tried anew and are not transferred, payments and disputes that do not
    fit, disputes that wait for evidence."""

    failed_refunds: int
    attention: int
    disputes: int = 0
    uncovered: int = 0  # reservations that are gone, and nothing has come in their place
    waiting: int = 0  # refunds that wait for a person's approval
    waiting_since: datetime | None = None  # the oldest of them


Status = PaymentStatus | RefundStatus | DisputeStatus | PayoutStatus
Event = PaymentEvent | RefundEvent | DisputeEvent | PayoutEvent
_P, _S, _E, _R = PaymentStatus, RefundStatus, PaymentEvent, RefundEvent
_D, _F = DisputeStatus, DisputeEvent
_O, _G = PayoutStatus, PayoutEvent

# Whatever is not here is an error, not a surprise to be tolerated. Old news (a look overtaken by a later one) is told apart in
# `decide`, before the graph is asked.
TRANSITIONS: Mapping[tuple[Status, Event], Status] = {
    (_P.INTENDED, _E.OPENED): _P.OPEN,
    (_P.INTENDED, _E.STARTED): _P.PROCESSING,
    (_P.INTENDED, _E.CAPTURED): _P.PAID,
    (_P.INTENDED, _E.DIED): _P.FENCED,
    (_P.INTENDED, _E.CONTRADICTED): _P.ATTENTION,
    (_P.OPEN, _E.STARTED): _P.PROCESSING,
    (_P.OPEN, _E.CAPTURED): _P.PAID,
    (_P.OPEN, _E.DIED): _P.FENCED,
    (_P.OPEN, _E.CONTRADICTED): _P.ATTENTION,
    (_P.INTENDED, _E.RESERVED): _P.AUTHORISED,
    (_P.OPEN, _E.RESERVED): _P.AUTHORISED,
    (_P.PROCESSING, _E.RESERVED): _P.AUTHORISED,
    (_P.ATTENTION, _E.RESERVED): _P.AUTHORISED,
    (_P.FENCED, _E.RESERVED): _P.AUTHORISED,  # late, as late money; never after it was reserved before
    (_P.LAPSED, _E.RESERVED): _P.AUTHORISED,
    (_P.AUTHORISED, _E.CAPTURED): _P.PAID,
    (_P.AUTHORISED, _E.DIED): _P.FENCED,  # let go, or run out
    (_P.AUTHORISED, _E.CONTRADICTED): _P.ATTENTION,
    (_P.PROCESSING, _E.CAPTURED): _P.PAID,
    (_P.PROCESSING, _E.DIED): _P.FENCED,
    (_P.PROCESSING, _E.CONTRADICTED): _P.ATTENTION,
    (_P.ATTENTION, _E.CAPTURED): _P.PAID,  # what did not fit has been put right at the provider
    (_P.ATTENTION, _E.DIED): _P.FENCED,
    (_P.FENCED, _E.CAPTURED): _P.PAID,  # late money all the same: who said that it cannot come was wrong
    (_P.FENCED, _E.CONTRADICTED): _P.ATTENTION,
    (_P.INTENDED, _E.LAPSED): _P.LAPSED,  # its payer was never sent anywhere, and the provider is silent
    (_P.OPEN, _E.LAPSED): _P.LAPSED,
    (_P.LAPSED, _E.CAPTURED): _P.PAID,  # late money
    (_P.LAPSED, _E.DIED): _P.FENCED,
    (_P.LAPSED, _E.CONTRADICTED): _P.ATTENTION,
    (_S.REQUESTED, _R.APPROVE): _S.APPROVED,
    (_S.REQUESTED, _R.REJECT): _S.REJECTED,
    (_S.REJECTED, _R.ASK_ANEW): _S.REQUESTED,  # what a rule has promised; what a person asked for is another request
    (_S.REQUESTED, _R.OVERTAKE): _S.OVERTAKEN,
    (
        _S.REQUESTED,
        _R.BOUNCE,
    ): _S.FAILED,  # promised, and the money has gone back otherwise, or a part of it by a lost dispute
    (_S.APPROVED, _R.SUBMIT): _S.SUBMITTED,
    (_S.SUBMITTED, _R.ARRIVE): _S.SUCCEEDED,
    (_S.SUBMITTED, _R.BOUNCE): _S.FAILED,
    (_S.SUCCEEDED, _R.BOUNCE): _S.FAILED,  # the payer's bank sends it back days later
    (_S.SUBMITTED, _R.WAIT): _S.APPROVED,
    (_S.APPROVED, _R.OVERTAKE): _S.OVERTAKEN,
    (_S.FAILED, _R.OVERTAKE): _S.OVERTAKEN,  # and waited to be transferred
    (_S.APPROVED, _R.BOUNCE): _S.FAILED,  # a lost dispute took less than it, and the provider refunds nothing any more
    (_D.INQUIRY, _F.TAKE): _D.OPEN,
    (_D.INQUIRY, _F.DROP): _D.CLOSED,
    (_D.OPEN, _F.ANSWER): _D.ANSWERED,
    (_D.OPEN, _F.WIN): _D.WON,
    (_D.OPEN, _F.LOSE): _D.LOST,
    (_D.ANSWERED, _F.WIN): _D.WON,
    (_D.ANSWERED, _F.LOSE): _D.LOST,
    (_O.UNKNOWN, _G.WAIT): _O.PENDING,
    (_O.UNKNOWN, _G.LEAVE): _O.IN_TRANSIT,
    (_O.UNKNOWN, _G.ARRIVE): _O.PAID,
    (_O.UNKNOWN, _G.BOUNCE): _O.FAILED,
    (_O.UNKNOWN, _G.CANCEL): _O.CANCELED,
    (_O.PENDING, _G.LEAVE): _O.IN_TRANSIT,
    (_O.PENDING, _G.ARRIVE): _O.PAID,
    (_O.PENDING, _G.BOUNCE): _O.FAILED,
    (_O.PENDING, _G.CANCEL): _O.CANCELED,
    (_O.IN_TRANSIT, _G.ARRIVE): _O.PAID,
    (_O.IN_TRANSIT, _G.BOUNCE): _O.FAILED,
    (_O.IN_TRANSIT, _G.CANCEL): _O.CANCELED,
    (_O.PAID, _G.BOUNCE): _O.FAILED,  # the bank sends it back days later
}

COUNTED = frozenset(
    {_S.APPROVED, _S.SUBMITTED, _S.SUCCEEDED}
)  # these and promised refunds stay within what was captured
UNDER_WAY = frozenset({_S.REQUESTED, _S.APPROVED, _S.SUBMITTED})  # refunds that may still need somebody
UNSETTLED = frozenset({_P.INTENDED, _P.OPEN, _P.PROCESSING})  # AUTHORISED is settled until somebody decides to take it
DISPUTED = frozenset({_D.OPEN, _D.ANSWERED})  # the money is gone, and it is open whether it comes back
UNREFUNDABLE = DISPUTED | {_D.LOST}  # whoever disputes gets the money by the dispute, not twice
LIVING: frozenset[PaymentStatus] = frozenset(_P) - {
    _P.FENCED,
    _P.LAPSED,
}  # a reference has at most one such, surplus aside


@overload
def advance(status: PaymentStatus, event: PaymentEvent) -> PaymentStatus: ...
@overload
def advance(status: RefundStatus, event: RefundEvent) -> RefundStatus: ...
@overload
def advance(status: DisputeStatus, event: DisputeEvent) -> DisputeStatus: ...
@overload
def advance(status: PayoutStatus, event: PayoutEvent) -> PayoutStatus: ...
def advance(status: Status, event: Event) -> Status:
    """The status after the event; raises IllegalTransition."""
    try:
        return TRANSITIONS[status, event]
    except KeyError:
        raise IllegalTransition(status, event) from None
