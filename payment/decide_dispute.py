"""What a look at the provider means for a dispute, and what a lost one means for a refund that has waited for it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from payment.decide import RefundDecision, bounced
from payment.ledger import (
    Journal,
    dispute_journal,
    dispute_lost_journal,
    dispute_won_journal,
    refund_overtaken_journal,
)
from payment.model import (
    DISPUTED,
    Dispute,
    DisputeEvent,
    DisputeStatus,
    Payment,
    Refund,
    RefundEvent,
    RefundStatus,
    advance,
)
from payment.ports import DisputeSnapshot

CHARGE_DISPUTED = "charge_disputed"  # Stripe's refusal of a refund, and our reason for one that no refund can follow
_D, _E = DisputeStatus, DisputeEvent

# What has to happen to come from one status to what was seen; nothing where that is old news.
_WAYS: dict[tuple[DisputeStatus, DisputeStatus], tuple[DisputeEvent, ...]] = {
    (_D.INQUIRY, _D.OPEN): (_E.TAKE,),
    (_D.INQUIRY, _D.ANSWERED): (_E.TAKE, _E.ANSWER),
    (_D.INQUIRY, _D.WON): (_E.TAKE, _E.WIN),
    (_D.INQUIRY, _D.LOST): (_E.TAKE, _E.LOSE),
    (_D.INQUIRY, _D.CLOSED): (_E.DROP,),
    (_D.OPEN, _D.ANSWERED): (_E.ANSWER,),
    (_D.OPEN, _D.WON): (_E.WIN,),
    (_D.OPEN, _D.LOST): (_E.LOSE,),
    (_D.ANSWERED, _D.WON): (_E.WIN,),
    (_D.ANSWERED, _D.LOST): (_E.LOSE,),
}
_OLD_NEWS = frozenset(
    {
        *((status, status) for status in _D),
        *((later, _D.INQUIRY) for later in _D),
        (_D.ANSWERED, _D.OPEN),
        *((final, earlier) for final in (_D.WON, _D.LOST) for earlier in DISPUTED),
    }
)


@dataclass(frozen=True, slots=True)
class DisputeDecision:
    dispute: Dispute
    journals: tuple[Journal, ...] = ()


def first_seen(payment: Payment, seen: DisputeSnapshot, new_id: UUID, now: datetime) -> Dispute:
    """A row for it, of which nothing is known yet but that there is one."""
    return Dispute(
        id=new_id,
        payment_id=payment.id,
        provider_id=seen.provider_id,
        status=_D.INQUIRY,
        reason=seen.reason,
        amount_cents=seen.amount.cents,
        opened_at=seen.opened_at,
        created_at=now,
    )


def contradiction(dispute: Dispute, payment: Payment, seen: DisputeSnapshot) -> str | None:
    """Why what was seen cannot be booked, or None."""
    if {seen.amount.currency, seen.taken.currency, seen.returned.currency} != {payment.currency}:
        return f"currency: {seen.amount.currency}"
    if seen.status is None or (dispute.status, seen.status) not in {*_WAYS, *_OLD_NEWS}:
        return f"status: {seen.word}"
    if dispute.taken_cents and seen.taken.cents not in (0, dispute.taken_cents):  # 0: a look from before
        return f"taken: {seen.taken.cents} {seen.taken.currency}"
    if seen.returned.cents not in (0, seen.taken.cents) or (seen.returned and seen.status is not _D.WON):
        return f"returned: {seen.returned.cents} {seen.returned.currency}"
    if seen.taken and seen.status in (_D.INQUIRY, _D.CLOSED):
        return f"taken: {seen.taken.cents} {seen.taken.currency}"
    return None


def decide_dispute(dispute: Dispute, payment: Payment, seen: DisputeSnapshot, now: datetime) -> DisputeDecision:
    """Total, and each step is booked once, in whatever order the looks come; what does not fit is only told."""
    wrong = contradiction(dispute, payment, seen)
    looked = replace(dispute, checked_at=now, attention=wrong)
    if wrong or seen.status is None:
        return DisputeDecision(looked)
    status = dispute.status
    for event in _WAYS.get((status, seen.status), ()):
        status = advance(status, event)
    is_news = (dispute.status, seen.status) in _WAYS or dispute.status is seen.status
    after = replace(
        looked,
        status=status,
        amount_cents=seen.amount.cents if is_news else dispute.amount_cents,
        taken_cents=max(dispute.taken_cents, seen.taken.cents),
        returned_cents=max(dispute.returned_cents, seen.returned.cents),
        evidence_due_at=seen.evidence_due_at if is_news else dispute.evidence_due_at,
        closed_at=dispute.closed_at or (now if status in (_D.WON, _D.LOST, _D.CLOSED) else None),
    )
    journals = []
    if after.taken_cents > dispute.taken_cents:
        journals.append(dispute_journal(after))
    if after.returned_cents > dispute.returned_cents:
        journals.append(dispute_won_journal(after))
    if is_a_loss(after) and not is_a_loss(dispute):
        journals.append(dispute_lost_journal(after))
    return DisputeDecision(after, tuple(journals))


def is_a_loss(dispute: Dispute) -> bool:
    return dispute.status is _D.LOST and dispute.taken_cents > 0


def is_disputed(disputes: Iterable[Dispute]) -> bool:
    return any(one.status in DISPUTED for one in disputes)


def lost_cents(disputes: Iterable[Dispute]) -> int:
    return sum(one.taken_cents for one in disputes if one.status is _D.LOST)


def after_loss(
    refund: Refund, payment: Payment, disputes: Sequence[Dispute], others: Sequence[Refund], now: datetime
) -> RefundDecision:
    """Of an approved or failed refund whose payment was lost to a dispute. What that took beyond it is a loss; where it took less, people
    have to see to the rest, because the provider refunds nothing of such a payment any more."""
    spoken_for = sum(one.amount_cents for one in others if one.status is RefundStatus.OVERTAKEN)
    looked = replace(refund, checked_at=now)
    if refund.amount_cents > lost_cents(disputes) - spoken_for:
        is_failed = refund.status is RefundStatus.FAILED
        return RefundDecision(refund if is_failed else bounced(looked, CHARGE_DISPUTED))
    overtaken = replace(looked, status=advance(refund.status, RefundEvent.OVERTAKE), retry_at=None)
    return RefundDecision(overtaken, refund_overtaken_journal(overtaken, payment))
