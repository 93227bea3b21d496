"""The schema's rules for payments and refunds, for the books in memory; names as in base/migrations, 0005_payment and 0010_till.

PostgreSQL asks the triggers before a change in the order of their names, then the CHECKs, then the unique indexes as they were made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from payment.books import REFUND_LOOK_LATEST, REFUND_LOOK_SOONEST, Refused
from payment.model import (
    COUNTED,
    LIVING,
    UNREFUNDABLE,
    Capture,
    Dispute,
    DisputeStatus,
    Payment,
    PaymentStatus,
    Refund,
    RefundReason,
    RefundStatus,
    RefundStep,
    StepEvent,
)


def check_payment(p: Payment) -> None:
    """CHECK constraints; PostgreSQL looks at them in the order of their names."""
    _refuse_where(
        payment_advance_within_captured=not 0 <= p.advance_cents <= p.captured_cents,
        payment_amount=p.amount_cents <= 0,
        payment_attention_reason=(p.status is PaymentStatus.ATTENTION) != (p.attention is not None),
        payment_authorised=p.status is PaymentStatus.AUTHORISED
        and (p.capture is not Capture.MANUAL or p.charge_id is None or p.authorised_until is None),
        payment_captured=p.captured_cents not in (0, p.amount_cents)
        and not (
            p.capture is Capture.MANUAL and 1 <= p.captured_cents <= p.amount_cents and p.captured_cents == p.take_cents
        ),
        payment_keep=p.keep_cents is not None
        and (not 0 <= p.keep_cents <= p.amount_cents or p.authorised_until is None),
        payment_keep_reason=(p.keep_cents is None) != (p.keep_reason is None) or p.keep_reason is RefundReason.MANUAL,
        payment_lapsed_shows_nothing=p.status is PaymentStatus.LAPSED and p.pay_url is not None,
        payment_lines_sum=sum(line.amount_cents for line in p.lines) != p.amount_cents,
        payment_method=p.method is not None and re.fullmatch(r"[a-z0-9_]{1,40}", p.method) is None,
        payment_paid_is_captured=(p.status is PaymentStatus.PAID) != (p.captured_cents > 0),
        payment_refund_within_captured=not 0 <= p.refunded_cents <= p.captured_cents,
        payment_take=p.take_cents is not None
        and (not 0 <= p.take_cents <= p.amount_cents or p.authorised_until is None or p.take_attempt_at is None),
    )


def unique_payment(p: Payment, others: Iterable[Payment]) -> None:
    rest = [other for other in others if other.id != p.id]
    _refuse_where(
        payment_session_once=p.session_id is not None and any(other.session_id == p.session_id for other in rest),
        payment_one_living=is_living(p) and any(is_living(other) and other.reference == p.reference for other in rest),
    )


def payment_changes(was: Payment, p: Payment) -> None:
    _refuse_where(
        payment_keep_only_falls=was.keep_cents is not None and (p.keep_cents is None or p.keep_cents > was.keep_cents),
        payment_method_fixed=was.status is PaymentStatus.PAID and p.method != was.method,
        payment_paid_is_final=was.status is PaymentStatus.PAID and p.status is not PaymentStatus.PAID,
        payment_take_is_final=was.take_cents is not None and p.take_cents != was.take_cents,
    )


def is_living(p: Payment) -> bool:
    return p.status in LIVING and not p.surplus


_UNDECIDED = (RefundStatus.REQUESTED, RefundStatus.REJECTED)


def check_refund(r: Refund, was: Refund | None = None) -> None:
    manual, asked = r.reason is RefundReason.MANUAL, r.requested_by is not None
    is_open = r.status is RefundStatus.REQUESTED
    _refuse_where(
        refund_amount=r.amount_cents <= 0,
        refund_at_provider_is_that_one=r.reason is RefundReason.AT_PROVIDER
        and r.provider_id not in ({(was or r).provider_id} - {None}),
        refund_by_rule_four_eyes=r.approved_by is not None and r.approved_by in (r.caused_by, r.asked_by),
        refund_by_rule_is_approved=r.needs_approval and r.approved_by is None and r.status in COUNTED,
        refund_decided_at=(
            (r.approved_by is None) != (r.rejected_by is None) if r.needs_approval else manual and not is_open
        )
        != (r.decided_at is not None),
        refund_four_eyes=asked and r.approved_by == r.requested_by,
        refund_manual_has_requester=manual != asked,
        refund_manual_is_approved=manual and (r.status in _UNDECIDED) != (r.approved_by is None),
        refund_needs_approval_by_rule=r.needs_approval
        and (asked or r.reason not in (RefundReason.CANCELLED, RefundReason.MOVED)),
        refund_note=manual != (r.note is not None) or (r.note is not None and not 1 <= len(r.note.strip(" ")) <= 500),
        refund_rejected_by=(r.status is RefundStatus.REJECTED) != (r.rejected_by is not None),
        refund_retry_of_another=r.retry_of == r.id,
        refund_retry_of_failed_rule=r.retry_at is not None and (r.status is not RefundStatus.FAILED or asked),
    )


def starts_unsent(r: Refund, others: Mapping[UUID, Refund]) -> None:
    manual = r.reason is RefundReason.MANUAL
    if r.needs_approval and r.status is not RefundStatus.REQUESTED:
        before = others.get(r.retry_of) if r.retry_of else None
        _refuse_where(refund_by_rule_is_requested=before is None or not _goes_on(before, r))
    _refuse_where(refund_manual_is_requested=manual and r.status is not RefundStatus.REQUESTED)
    _refuse_where(refund_starts_unsent=r.status not in (RefundStatus.REQUESTED, RefundStatus.APPROVED))


def _goes_on(before: Refund, r: Refund) -> bool:
    """With the approval of the one whose failure may have passed."""
    terms = [
        (one.payment_id, one.reason, one.needs_approval, one.amount_cents, one.approved_by, one.decided_at)
        for one in (before, r)
    ]
    return terms[0] == terms[1] and before.status is RefundStatus.FAILED and r.approved_by is not None


def decided_once(was: Refund, r: Refund) -> None:
    asked_anew = was.status is RefundStatus.REJECTED and r.status is RefundStatus.REQUESTED
    undone = was.status is RefundStatus.REJECTED is not r.status
    late = r.status in _UNDECIDED and was.status not in (RefundStatus.REQUESTED, r.status)
    decided = [(one.approved_by, one.rejected_by, one.decided_at) for one in (was, r)]
    again = undone or late or (was.decided_at is not None and decided[0] != decided[1])
    _refuse_where(
        refund_decided_once=again and not (was.needs_approval and asked_anew),
        refund_failed_is_final=was.status is RefundStatus.FAILED
        and r.status not in (RefundStatus.FAILED, RefundStatus.OVERTAKEN),
        refund_terms_fixed=was.asked_by != r.asked_by and not asked_anew,
    )


def rejected_with_reason(was: Refund, r: Refund, steps: Iterable[RefundStep]) -> None:
    """PostgreSQL looks at the commit."""
    is_news = r.needs_approval and r.status is RefundStatus.REJECTED is not was.status
    said = ((one.refund_id, one.event, one.by, one.at) for one in steps)
    _refuse_where(
        refund_rejected_with_reason=is_news and (r.id, StepEvent.REJECTED, r.rejected_by, r.decided_at) not in set(said)
    )


def not_made_while_disputed(r: Refund, disputes: Iterable[Dispute]) -> None:
    """By rule one may be owed while a dispute is open; it waits, and is not sent."""
    statuses = {one.status for one in disputes if one.status in UNREFUNDABLE}
    manual = r.reason is RefundReason.MANUAL
    _refuse_where(refund_not_while_disputed=DisputeStatus.LOST in statuses or (manual and bool(statuses)))


def not_sent_while_disputed(was: Refund, r: Refund, disputes: Iterable[Dispute]) -> None:
    released = was.status is RefundStatus.REQUESTED and r.status is RefundStatus.APPROVED
    sent = r.status is RefundStatus.SUBMITTED is not was.status
    statuses = {one.status for one in disputes}
    overtaken = r.status is RefundStatus.OVERTAKEN is not was.status
    _refuse_where(
        refund_not_while_disputed=(released or sent) and bool(statuses & UNREFUNDABLE),
        refund_overtaken_by_loss=overtaken and (DisputeStatus.LOST not in statuses or was.is_transferred),
        refund_overtaken_is_final=was.status is RefundStatus.OVERTAKEN is not r.status,
    )


def of_paid(payment: Payment | None) -> None:
    _refuse_where(dispute_of_paid=payment is None or payment.status is not PaymentStatus.PAID)


def check_dispute(d: Dispute) -> None:
    closed = d.status in (DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.CLOSED)
    inquiry = d.status in (DisputeStatus.INQUIRY, DisputeStatus.CLOSED)
    _refuse_where(
        dispute_amount=d.amount_cents <= 0,
        dispute_closed_at=closed != (d.closed_at is not None),
        dispute_inquiry_takes_nothing=inquiry and d.taken_cents != 0,
        dispute_returned_all=d.taken_cents < 0 or d.returned_cents not in (0, d.taken_cents),
        dispute_returned_to_winner=d.returned_cents != 0 and d.status is not DisputeStatus.WON,
    )


def unique_dispute(d: Dispute, others: Iterable[Dispute]) -> None:
    _refuse_where(dispute_provider_once=any(other.provider_id == d.provider_id for other in others))


def dispute_changes(was: Dispute, d: Dispute) -> None:
    _refuse_where(
        dispute_closed_is_final=was.closed_at is not None and (was.status, was.closed_at) != (d.status, d.closed_at),
        dispute_taken_once=(was.taken_cents > 0 and d.taken_cents != was.taken_cents)
        or d.returned_cents < was.returned_cents,
    )


def counted_cents(r: Refund) -> int:
    """What it takes of the money that can still be given back."""
    return r.amount_cents if r.status in COUNTED or r.is_promised else 0


def unique_refund(r: Refund, others: Iterable[Refund]) -> None:
    for other in others:
        if other.id == r.id:
            continue
        _refuse_where(
            refund_provider_once=r.provider_id is not None and other.provider_id == r.provider_id,
            refund_retried_once=r.retry_of is not None and other.retry_of == r.retry_of,
            refund_one_request=r.status is other.status is RefundStatus.REQUESTED
            and not (r.needs_approval or other.needs_approval)
            and other.payment_id == r.payment_id,
        )


def same_by_rule(r: Refund, others: Iterable[Refund]) -> bool:
    return r.requested_by is None and any(
        other.requested_by is None
        and other.status is not RefundStatus.FAILED
        and (other.payment_id, other.reason) == (r.payment_id, r.reason)
        and (r.reason is not RefundReason.AT_PROVIDER or other.provider_id == r.provider_id)
        for other in others
    )


def is_due(r: Refund, now: datetime) -> bool:
    looked = r.checked_at or r.attempt_at
    match r.status:
        case RefundStatus.APPROVED:
            return True
        case RefundStatus.SUBMITTED:
            return looked + min(REFUND_LOOK_LATEST, max(REFUND_LOOK_SOONEST, (looked - r.created_at) / 2)) <= now
        case _:
            return r.retry_at is not None and r.retry_at <= now


def _refuse_where(**broken: bool) -> None:
    for name, is_broken in broken.items():
        if is_broken:
            raise Refused(name)
