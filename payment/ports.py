"""What we need of a payment provider, in our words, and what we tell our callers by hooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from typing import Protocol, TypeAlias
from uuid import UUID

from base.errors import DomainError
from base.i18n import mark as _
from base.money import Money
from payment.ledger import PSP_CLEARING
from payment.model import Capture, Dispute, DisputeStatus, Payment, Refund

Tx: TypeAlias = object
"""A transaction of whoever opened it: passed on, never looked into. On PostgreSQL it is the connection."""


class SessionState(StrEnum):
    OPEN = "open"
    PROCESSING = "processing"
    AUTHORISED = "authorised"  # reserved, to be taken by a call of ours
    PAID = "paid"
    DEAD = "dead"  # no money can come of it any more
    UNKNOWN = "unknown"  # the provider says a word that our table does not have


class RefundState(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOrder:
    """The same order gives the same bytes: a key is only good for one body."""

    payment_id: UUID
    amount: Money
    description: str
    language: str
    return_url: str
    expires_at: datetime
    purpose: str = ""  # for the payer's statement: the Kassenzeichen
    capture: Capture = Capture.AUTOMATIC


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureOrder:
    """What is to be taken of a reservation; 0: it is let go."""

    payment_id: UUID
    charge_id: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOrder:
    refund_id: UUID
    payment_id: UUID
    charge_id: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A payment session as the provider showed it. `payment_id` is read from the metadata; `word` is the provider's own status."""

    session_id: str
    payment_id: UUID | None
    state: SessionState
    amount: Money | None  # None only where the state is UNKNOWN
    charge_id: str | None = None
    url: str | None = None
    word: str = ""
    account: str = PSP_CLEARING  # of the books, on which its money lies
    reserved_until: datetime | None = None  # of an AUTHORISED one; None: the provider does not say
    method: str | None = None  # how its payer paid, where that is told: small letters, figures and _


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundSnapshot:
    provider_id: str
    refund_id: UUID | None
    state: RefundState
    amount: Money | None  # None only where the state is UNKNOWN
    failure: str | None = None
    may_pass: bool = False  # a FAILED one, asked for anew, may succeed another day
    account: str = PSP_CLEARING  # of the books, from which it was paid


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeSnapshot:
    """A dispute as the provider showed it. `payment_id` is read from the metadata of the charge; `status` None: a word that our table
    does not have; `taken` and `returned`: what has left our account there for it and come back, fees aside."""

    provider_id: str
    charge_id: str
    payment_id: UUID | None
    status: DisputeStatus | None
    amount: Money
    taken: Money
    returned: Money
    reason: str
    opened_at: datetime
    evidence_due_at: datetime | None = None
    word: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorEvent:
    """A hint that something changed; the truth is fetched. Nothing of its body but ids of ours: it names the payer."""

    id: str
    kind: str
    payment_id: UUID | None
    session_id: str | None
    refund_id: UUID | None
    dispute_id: str | None = None  # the provider's
    charge_id: str | None = None  # of a refund


class OutcomeUnknown(Exception):
    """Time-out, broken connection, 5xx, too many requests: it may have happened or not. Never taken for a failure.

    `replayed`: the answer was stored under the key, so the same key will say the same for ever.
    """

    def __init__(self, detail: str = "", *, replayed: bool = False) -> None:
        super().__init__(detail)
        self.replayed = replayed


class ProviderRefused(Exception):
    """The provider read the request and did not do it, and would not do it later. A refusal that may pass is an OutcomeUnknown."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class SignatureRefused(DomainError):
    code = "signature_refused"
    status = 400
    message = _("The signature of this message is not valid.")


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a provider may lack. Without `fence` a time is freed without a promise, and late money wants it back; without `refund`
    every refund fails there, and people transfer the money. Without `statement` it shows single payments only, and does not say
    what moved on a day. With `records` it tells its balance transactions and payouts. `disputes`: money may be taken back; then it
    is a DisputeProvider. Not `online`: its payer comes to a till, and so do refunds, not `refund_at_once`. Not `collects`: nobody
    can pay there, so what is owed is paid at a till. `capture`: it can reserve money; then it is a CaptureProvider."""

    fence: bool = True
    refund: bool = True
    statement: bool = True
    records: bool = False
    disputes: bool = False
    online: bool = True
    refund_at_once: bool = True
    collects: bool = True
    capture: bool = False


class PaymentProvider(Protocol):
    """Every call may raise OutcomeUnknown; the ones that change something also ProviderRefused."""

    @property
    def abilities(self) -> Abilities: ...

    async def create(self, order: PaymentOrder, key: str) -> Snapshot: ...
    async def fetch(self, session_id: str) -> Snapshot: ...
    async def find(self, payment_id: UUID, created_after: datetime) -> Snapshot | None:
        """By metadata. Of several the one nearest to money: paid, reserved, under way, payable, dead."""

    async def fence(self, session_id: str) -> None:
        """Make it impossible to pay. Refused where it is paid, under way or dead already: look again."""

    async def refund(self, order: RefundOrder, key: str) -> RefundSnapshot: ...
    async def fetch_refund(self, provider_id: str) -> RefundSnapshot: ...
    async def find_refund(self, order: RefundOrder) -> RefundSnapshot | None:
        """By metadata, among the refunds of this charge."""

    async def changed(self, since: datetime) -> Sequence[Snapshot]:
        """Sessions made since then that name a payment of ours; others on the same account are not even read."""

    def parse_event(self, headers: Mapping[str, str], raw: bytes) -> VendorEvent:
        """Raises SignatureRefused."""


class CaptureProvider(Protocol):
    """Every call may raise OutcomeUnknown and ProviderRefused (taken, let go or run out already: look again)."""

    async def take(self, order: CaptureOrder, key: str) -> None:
        """So much of the reservation; what is left of it is let go."""

    async def let_go(self, charge_id: str, key: str) -> None: ...


class DisputeProvider(Protocol):
    """Every call may raise OutcomeUnknown."""

    async def fetch_dispute(self, provider_id: str) -> DisputeSnapshot: ...
    async def disputes_of(self, charge_id: str) -> Sequence[DisputeSnapshot]: ...
    async def disputes_since(self, since: datetime) -> Sequence[DisputeSnapshot]:
        """Opened since then, all pages; whoever else uses the account may have some too."""


class RefundsProvider(Protocol):
    """Where `abilities.records`. Every call may raise OutcomeUnknown."""

    async def refunds_of(self, charge_id: str) -> Sequence[RefundSnapshot]:
        """All of a charge, also those that we did not ask for: these name no refund of ours."""


class Outcome(Enum):
    KEPT = "kept"
    LOST = "lost"  # what the money was for is gone: it goes back in full


class Hooks(Protocol):
    """Called in the transaction of the fact, after its row is written."""

    async def on_paid(self, tx: Tx, payment: Payment) -> Outcome:
        """Or reserved for us (AUTHORISED): both secure what it is for."""

    async def on_taken(self, tx: Tx, payment: Payment) -> None:
        """Of what was reserved, so much was taken (`captured_cents`)."""

    async def on_uncovered(self, tx: Tx, payment: Payment) -> None:
        """What was reserved, and wanted, is gone."""

    async def on_fenced(self, tx: Tx, payment: Payment) -> None: ...
    async def on_refunded(self, tx: Tx, payment: Payment, refund: Refund) -> None: ...
    async def on_refund_failed(self, tx: Tx, payment: Payment, refund: Refund) -> None:
        """For good: it is not tried anew at the provider. `payment` as it was read before."""

    async def on_refund_rejected(self, tx: Tx, payment: Payment, refund: Refund, note: str) -> None:
        """By a person, although a rule gives it; `note`: why, in words to its payee."""

    async def on_disputed(self, tx: Tx, payment: Payment, dispute: Dispute) -> None:
        """It is new, or has come to another status; with the payment locked."""

    async def on_given_back(self, tx: Tx, payment: Payment, provider_id: str) -> None:
        """The provider has given back, by a refund of this id, what was to go back in another way; with the payment locked."""
