"""What a look at the provider means for a payment or a refund. Pure: the row as locked, what was seen, the time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

from base.money import Money
from payment.ledger import Journal, fee_journal, refund_failed_journal, refund_journal
from payment.model import (
    Capture,
    Payment,
    PaymentEvent,
    PaymentStatus,
    Refund,
    RefundEvent,
    RefundReason,
    RefundStatus,
    advance,
)
from payment.ports import RefundSnapshot, RefundState, SessionState, Snapshot


class Effect(Enum):
    """What else the transaction has to do, or, for EXPIRE_SESSION, what is to be done after it."""

    TELL_PAID = "tell paid"  # or reserved
    TELL_TAKEN = "tell taken"
    TELL_UNCOVERED = "tell uncovered"
    TELL_FENCED = "tell fenced"
    TELL_REFUNDED = "tell refunded"
    EXPIRE_SESSION = "expire session"


@dataclass(frozen=True, slots=True)
class Decision:
    payment: Payment
    journal: Journal | None = None
    effects: tuple[Effect, ...] = ()

    @property
    def status(self) -> PaymentStatus:
        return self.payment.status


@dataclass(frozen=True, slots=True)
class RefundDecision:
    refund: Refund
    journal: Journal | None = None
    effects: tuple[Effect, ...] = ()


_EVENT_OF = {
    SessionState.OPEN: PaymentEvent.OPENED,
    SessionState.PROCESSING: PaymentEvent.STARTED,
    SessionState.AUTHORISED: PaymentEvent.RESERVED,
    SessionState.PAID: PaymentEvent.CAPTURED,
    SessionState.DEAD: PaymentEvent.DIED,
    SessionState.UNKNOWN: PaymentEvent.CONTRADICTED,
}

# Looks are taken outside the lock and may arrive in any order; a session goes payable -> under way -> (reserved ->) captured or dead
# and never back. So these say nothing new. PAID is not here: nothing is ever asked of it.
_OLD_NEWS = {
    PaymentStatus.OPEN: {PaymentEvent.OPENED},
    PaymentStatus.PROCESSING: {PaymentEvent.OPENED, PaymentEvent.STARTED},
    PaymentStatus.AUTHORISED: {PaymentEvent.OPENED, PaymentEvent.STARTED, PaymentEvent.RESERVED},
    PaymentStatus.ATTENTION: {PaymentEvent.OPENED, PaymentEvent.STARTED, PaymentEvent.CONTRADICTED},
    PaymentStatus.FENCED: {PaymentEvent.OPENED, PaymentEvent.STARTED, PaymentEvent.DIED},
    PaymentStatus.LAPSED: {PaymentEvent.OPENED, PaymentEvent.STARTED},
}
AUTHORISED_FOR = timedelta(days=5)  # where the provider does not say; cards: mostly seven days


def contradiction(payment: Payment, seen: Snapshot) -> str | None:
    """Why what was seen cannot be this payment, or None. Kept as the reason for attention."""
    if seen.payment_id != payment.id:
        return f"metadata: payment {seen.payment_id}"
    if payment.session_id not in (None, seen.session_id):
        return f"session: {seen.session_id}"
    if seen.state is SessionState.UNKNOWN:
        return f"status: {seen.word}"
    if seen.state is SessionState.AUTHORISED and payment.capture is not Capture.MANUAL:
        return f"reserved, not taken: {seen.word}"
    if (
        seen.amount not in _expected(payment, seen.state) and seen.state is not SessionState.DEAD
    ):  # of a dead one no money comes
        return f"amount: {_in_words(seen.amount)}"
    if (
        seen.state in (SessionState.PAID, SessionState.AUTHORISED) and seen.charge_id is None
    ):  # could never be given back
        return "charge: none"
    return None


def _expected(payment: Payment, state: SessionState) -> tuple[Money, ...]:
    """What was asked for; of what was reserved, exactly what we have told the provider to take."""
    if state is not SessionState.PAID or not payment.take_cents:
        return (payment.amount,)
    return (replace(payment.amount, cents=payment.take_cents),)


def decide(payment: Payment, seen: Snapshot, now: datetime) -> Decision:
    """Total: whatever the provider says, there is an answer, and only a fitting capture is a success."""
    if payment.status is PaymentStatus.PAID:
        return Decision(payment)
    wrong = contradiction(payment, seen)
    event = PaymentEvent.CONTRADICTED if wrong else _EVENT_OF[seen.state]
    looked = replace(
        payment,
        checked_at=now,
        session_id=payment.session_id or seen.session_id,
        charge_id=seen.charge_id or payment.charge_id,
        method=seen.method or payment.method,
    )
    if event is PaymentEvent.RESERVED:
        if payment.status is PaymentStatus.FENCED and payment.authorised_until is not None:
            return Decision(looked)  # an older look: what was reserved is never reserved again
        until = seen.reserved_until or payment.authorised_until or now + AUTHORISED_FOR
        looked = replace(looked, authorised_until=until)
    if event in _OLD_NEWS.get(payment.status, ()):
        reopened = payment.status is PaymentStatus.FENCED and seen.state is SessionState.OPEN
        return Decision(looked, effects=(Effect.EXPIRE_SESSION,) if reopened else ())
    status = advance(payment.status, event)
    after = replace(
        looked,
        status=status,
        pay_url=seen.url if status is PaymentStatus.OPEN else None,
        captured_cents=seen.amount.cents if status is PaymentStatus.PAID and seen.amount else 0,
        advance_cents=seen.amount.cents
        if status is PaymentStatus.PAID and seen.amount
        else 0,  # as the journal makes it
        attention=wrong if status is PaymentStatus.ATTENTION else None,
    )
    if status is PaymentStatus.PAID:
        was_secured = payment.authorised_until is not None
        told = Effect.TELL_TAKEN if was_secured else Effect.TELL_PAID
        return Decision(after, fee_journal(after, seen.account), (told,))
    if status is PaymentStatus.AUTHORISED:
        return Decision(after, effects=() if payment.authorised_until else (Effect.TELL_PAID,))
    if after.is_uncovered:
        return Decision(after, effects=(Effect.TELL_UNCOVERED,))
    is_news = status is PaymentStatus.FENCED and payment.status is not PaymentStatus.LAPSED  # told when it lapsed
    return Decision(after, effects=(Effect.TELL_FENCED,) if is_news else ())


def lapsed(payment: Payment, now: datetime) -> Decision:
    """Whoever waits for it waits no more; the provider may take the money all the same."""
    status = advance(payment.status, PaymentEvent.LAPSED)
    after = replace(payment, status=status, checked_at=now, pay_url=None)
    return Decision(after, effects=(Effect.TELL_FENCED,))


def unborn(payment: Payment, now: datetime) -> Decision:
    """No session exists, and none can come into being any more."""
    status = advance(payment.status, PaymentEvent.DIED)
    return Decision(replace(payment, status=status, checked_at=now), effects=(Effect.TELL_FENCED,))


def surplus(payment: Payment, seen: Snapshot, new_id: UUID, now: datetime) -> Decision:
    """A second paid session for the same payment: money of its own, to be given back in full."""
    assert seen.amount is not None, "a paid session has an amount"
    extra = replace(
        payment,
        id=new_id,
        amount_cents=seen.amount.cents,
        currency=seen.amount.currency,
        status=PaymentStatus.PAID,
        session_id=seen.session_id,
        charge_id=seen.charge_id,
        method=seen.method,
        pay_url=None,
        captured_cents=seen.amount.cents,
        refunded_cents=0,
        advance_cents=0,
        lines=(),
        attention=None,
        capture=Capture.AUTOMATIC,
        authorised_until=None,
        take_cents=None,
        take_attempt=1,
        take_attempt_at=None,
        keep_cents=None,
        keep_reason=None,
        surplus=True,
        created_at=now,
        checked_at=now,
    )
    return Decision(extra, fee_journal(extra, seen.account))


# How long after the first, second and third failure of a refund by rule it is tried anew, where the failure may pass.
RETRIES = (timedelta(hours=1), timedelta(days=1), timedelta(days=3))


def decide_refund(
    refund: Refund,
    payment: Payment,
    seen: RefundSnapshot,
    now: datetime,
    *,
    failed_before: int = 0,
    booked: Journal | None = None,
) -> RefundDecision:
    """A refund that does not fit, or a word unknown to us, changes nothing: it stays SUBMITTED, with the reason beside it.

    `failed_before`: how often the same rule's refund of this payment has failed already; `booked`: how its arrival was booked.
    """
    if refund.status is RefundStatus.FAILED:
        return RefundDecision(refund)
    wrong = _refund_contradiction(refund, payment.currency, seen)
    looked = replace(refund, provider_id=refund.provider_id or seen.provider_id, checked_at=now, failure=wrong)
    if wrong:
        return RefundDecision(replace(looked, provider_id=refund.provider_id))
    match refund.status, seen.state:
        case RefundStatus.SUBMITTED, RefundState.SUCCEEDED:
            after = replace(looked, status=advance(refund.status, RefundEvent.ARRIVE))
            return RefundDecision(after, refund_journal(after, payment, seen.account), (Effect.TELL_REFUNDED,))
        case RefundStatus.SUBMITTED, RefundState.FAILED:
            return RefundDecision(_tried_anew(bounced(looked, seen.failure or "failed"), seen, now, failed_before))
        case RefundStatus.SUCCEEDED, RefundState.FAILED:
            failed = _tried_anew(bounced(looked, seen.failure or "failed"), seen, now, failed_before)
            assert booked is not None, "what has arrived is booked"
            return RefundDecision(failed, refund_failed_journal(booked))
        case _:
            return RefundDecision(looked)


def begun(*, needs_approval: bool) -> RefundStatus:
    """As what a refund by rule begins: it waits for a person, or goes at once."""
    return RefundStatus.REQUESTED if needs_approval else advance(RefundStatus.REQUESTED, RefundEvent.APPROVE)


def bounced(refund: Refund, failure: str) -> Refund:
    return replace(refund, status=advance(refund.status, RefundEvent.BOUNCE), failure=failure)


def _tried_anew(failed: Refund, seen: RefundSnapshot, now: datetime, failed_before: int) -> Refund:
    is_rule = failed.requested_by is None and failed.reason is not RefundReason.AT_PROVIDER
    if not seen.may_pass or not is_rule or failed_before >= len(RETRIES):
        return failed
    return replace(failed, retry_at=now + RETRIES[failed_before])


def _refund_contradiction(refund: Refund, currency: str, seen: RefundSnapshot) -> str | None:
    if refund.reason is RefundReason.AT_PROVIDER:  # names nothing of ours: nobody here asked for it
        if seen.provider_id != refund.provider_id:
            return f"id: {seen.provider_id}"
    elif seen.refund_id != refund.id:
        return f"metadata: refund {seen.refund_id}"
    if seen.state is RefundState.UNKNOWN:
        return "status unknown"
    if seen.amount != Money(refund.amount_cents, currency):
        return f"amount: {_in_words(seen.amount)}"
    return None


def _in_words(amount: Money | None) -> str:
    return "none" if amount is None else f"{amount.cents} {amount.currency}"
