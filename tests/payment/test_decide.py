"""What a look means: every status with every state, and every order of looks."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.money import Money
from payment.decide import AUTHORISED_FOR, Effect, decide, decide_refund, surplus, unborn
from payment.graph import IllegalTransition
from payment.ledger import fee_journal, refund_failed_journal, refund_journal
from payment.model import Capture, Payment, PaymentStatus, RefundReason, RefundStatus
from payment.ports import RefundState, SessionState
from tests.payment.making import NOW, a_payment, a_refund, refund_seen, seen

P, S, E = PaymentStatus, SessionState, Effect
LATER = NOW + timedelta(minutes=1)

# status before, what is seen -> status after, effects
TABLE: dict[tuple[PaymentStatus, SessionState], tuple[PaymentStatus, tuple[Effect, ...]]] = {
    (P.INTENDED, S.OPEN): (P.OPEN, ()),
    (P.INTENDED, S.PROCESSING): (P.PROCESSING, ()),
    (P.INTENDED, S.PAID): (P.PAID, (E.TELL_PAID,)),
    (P.INTENDED, S.DEAD): (P.FENCED, (E.TELL_FENCED,)),
    (P.INTENDED, S.UNKNOWN): (P.ATTENTION, ()),
    (P.OPEN, S.OPEN): (P.OPEN, ()),
    (P.OPEN, S.PROCESSING): (P.PROCESSING, ()),
    (P.OPEN, S.PAID): (P.PAID, (E.TELL_PAID,)),
    (P.OPEN, S.DEAD): (P.FENCED, (E.TELL_FENCED,)),
    (P.OPEN, S.UNKNOWN): (P.ATTENTION, ()),
    (P.PROCESSING, S.OPEN): (P.PROCESSING, ()),
    (P.PROCESSING, S.PROCESSING): (P.PROCESSING, ()),
    (P.PROCESSING, S.PAID): (P.PAID, (E.TELL_PAID,)),
    (P.PROCESSING, S.DEAD): (P.FENCED, (E.TELL_FENCED,)),
    (P.PROCESSING, S.UNKNOWN): (P.ATTENTION, ()),
    (P.INTENDED, S.AUTHORISED): (P.AUTHORISED, (E.TELL_PAID,)),
    (P.OPEN, S.AUTHORISED): (P.AUTHORISED, (E.TELL_PAID,)),
    (P.PROCESSING, S.AUTHORISED): (P.AUTHORISED, (E.TELL_PAID,)),
    (P.AUTHORISED, S.OPEN): (P.AUTHORISED, ()),
    (P.AUTHORISED, S.PROCESSING): (P.AUTHORISED, ()),
    (P.AUTHORISED, S.AUTHORISED): (P.AUTHORISED, ()),
    (P.AUTHORISED, S.PAID): (P.PAID, (E.TELL_TAKEN,)),
    (P.AUTHORISED, S.DEAD): (P.FENCED, (E.TELL_UNCOVERED,)),
    (P.AUTHORISED, S.UNKNOWN): (P.ATTENTION, ()),
    (P.PAID, S.AUTHORISED): (P.PAID, ()),
    (P.FENCED, S.AUTHORISED): (P.AUTHORISED, (E.TELL_PAID,)),
    (P.LAPSED, S.AUTHORISED): (P.AUTHORISED, (E.TELL_PAID,)),
    (P.ATTENTION, S.AUTHORISED): (P.AUTHORISED, (E.TELL_PAID,)),
    (P.PAID, S.OPEN): (P.PAID, ()),
    (P.PAID, S.PROCESSING): (P.PAID, ()),
    (P.PAID, S.PAID): (P.PAID, ()),
    (P.PAID, S.DEAD): (P.PAID, ()),
    (P.PAID, S.UNKNOWN): (P.PAID, ()),
    (P.FENCED, S.OPEN): (P.FENCED, (E.EXPIRE_SESSION,)),
    (P.FENCED, S.PROCESSING): (P.FENCED, ()),
    (P.FENCED, S.PAID): (P.PAID, (E.TELL_PAID,)),
    (P.FENCED, S.DEAD): (P.FENCED, ()),
    (P.FENCED, S.UNKNOWN): (P.ATTENTION, ()),
    (P.LAPSED, S.OPEN): (P.LAPSED, ()),
    (P.LAPSED, S.PROCESSING): (P.LAPSED, ()),
    (P.LAPSED, S.PAID): (P.PAID, (E.TELL_PAID,)),
    (P.LAPSED, S.DEAD): (P.FENCED, ()),
    (P.LAPSED, S.UNKNOWN): (P.ATTENTION, ()),
    (P.ATTENTION, S.OPEN): (P.ATTENTION, ()),
    (P.ATTENTION, S.PROCESSING): (P.ATTENTION, ()),
    (P.ATTENTION, S.PAID): (P.PAID, (E.TELL_PAID,)),
    (P.ATTENTION, S.DEAD): (P.FENCED, (E.TELL_FENCED,)),
    (P.ATTENTION, S.UNKNOWN): (P.ATTENTION, ()),
}


def test_the_table_is_whole() -> None:
    assert set(TABLE) == set(itertools.product(P, S))


@pytest.mark.parametrize(("before", "state"), TABLE)
def test_every_status_with_every_state(before: PaymentStatus, state: SessionState) -> None:
    status, effects = TABLE[before, state]
    decision = decide(a_payment(status=before, capture=Capture.MANUAL), seen(state, word="new"), LATER)
    assert (decision.status, decision.effects) == (status, effects)
    became_paid = status is P.PAID and before is not P.PAID
    assert decision.journal == (fee_journal(decision.payment) if became_paid else None)
    fits_the_schema(decision.payment)


def fits_the_schema(payment: Payment) -> None:
    assert payment.captured_cents == (payment.amount_cents if payment.status is P.PAID else 0)
    assert (payment.attention is not None) == (payment.status is P.ATTENTION)
    assert payment.pay_url is None or payment.status is P.OPEN


def test_a_reservation_that_nobody_asked_for_does_not_fit() -> None:
    decision = decide(a_payment(status=P.OPEN), seen(S.AUTHORISED, word="complete/unpaid/requires_capture"), LATER)
    assert (decision.status, decision.effects) == (P.ATTENTION, ())
    assert decision.payment.attention == "reserved, not taken: complete/unpaid/requires_capture"


RESERVED = a_payment(status=P.AUTHORISED)


@pytest.mark.parametrize(
    ("ordered", "taken", "status"),
    [
        (None, 1300, P.PAID),  # by somebody else, all of it
        (None, 1299, P.ATTENTION),
        (1300, 1300, P.PAID),
        (1300, 650, P.ATTENTION),
        (650, 650, P.PAID),
        (650, 1300, P.ATTENTION),
        (0, 1300, P.PAID),  # and goes back: nothing of it may be kept
        (0, 650, P.ATTENTION),
    ],
)
def test_only_what_was_ordered_is_taken(ordered: int | None, taken: int, status: PaymentStatus) -> None:
    payment = replace(RESERVED, take_cents=ordered, take_attempt_at=NOW)
    decision = decide(payment, seen(S.PAID, amount=Money(taken)), LATER)
    assert decision.status is status
    assert decision.payment.captured_cents == (taken if status is P.PAID else 0)
    assert decision.journal == (fee_journal(decision.payment) if status is P.PAID else None)


def test_a_part_that_is_taken_is_booked_as_that_part() -> None:
    payment = replace(RESERVED, take_cents=650, take_attempt_at=NOW)
    journal = decide(payment, seen(S.PAID, amount=Money(650)), LATER).journal
    assert journal is not None
    assert [entry.amount_cents for entry in journal.entries] == [650, -650]


@pytest.mark.parametrize(
    ("wanted", "effect"),
    [
        ({}, E.TELL_UNCOVERED),
        ({"take_cents": 1300, "take_attempt_at": NOW}, E.TELL_UNCOVERED),
        ({"take_cents": 0, "take_attempt_at": NOW}, E.TELL_FENCED),
        ({"keep_cents": 0, "keep_reason": RefundReason.CANCELLED}, E.TELL_FENCED),
    ],
)
def test_a_reservation_that_is_gone_is_missed_where_it_was_wanted(wanted: dict[str, Any], effect: Effect) -> None:
    decision = decide(replace(RESERVED, **wanted), seen(S.DEAD), LATER)
    assert (decision.status, decision.effects) == (P.FENCED, (effect,))
    # A look from before comes late: it does not bring it back.
    late = decide(decision.payment, seen(S.AUTHORISED), LATER)
    assert (late.status, late.effects) == (P.FENCED, ())


def test_a_reservation_lasts_as_long_as_the_provider_says() -> None:
    until = NOW + timedelta(days=6, hours=23)
    told = decide(a_payment(capture=Capture.MANUAL), seen(S.AUTHORISED, reserved_until=until), LATER)
    assert told.payment.authorised_until == until
    silent = decide(a_payment(capture=Capture.MANUAL), seen(S.AUTHORISED), LATER)
    assert silent.payment.authorised_until == LATER + AUTHORISED_FOR


def test_a_new_session_is_kept_with_its_address() -> None:
    after = decide(a_payment(), seen(S.OPEN, charge_id=None), LATER).payment
    kept = (after.session_id, after.pay_url, after.charge_id, after.checked_at)
    assert kept == (f"cs_{UUID(int=1)}", "http://pay", None, LATER)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"amount": Money(1299)}, "amount: 1299 EUR"),
        ({"amount": Money(1300, "CHF")}, "amount: 1300 CHF"),
        ({"payment_id": UUID(int=2)}, f"metadata: payment {UUID(int=2)}"),
        ({"payment_id": None}, "metadata: payment None"),
        ({"session_id": "cs_other"}, "session: cs_other"),
        ({"charge_id": None}, "charge: none"),
        ({"state": S.UNKNOWN, "word": "complete/partly"}, "status: complete/partly"),
    ],
)
@pytest.mark.parametrize("before", [P.INTENDED, P.OPEN, P.PROCESSING, P.FENCED, P.ATTENTION])
def test_what_does_not_fit_never_confirms(before: PaymentStatus, wrong: dict[str, Any], reason: str) -> None:
    payment = a_payment(status=before, session_id=f"cs_{UUID(int=1)}")
    decision = decide(payment, replace(seen(S.PAID), **wrong), LATER)
    assert (decision.status, decision.journal, decision.effects) == (P.ATTENTION, None, ())
    if before is not P.ATTENTION:  # the first reason is kept
        assert decision.payment.attention == reason


@given(st.sampled_from(P), st.sampled_from(S), st.integers(1, 3000), st.sampled_from(["EUR", "USD"]), st.integers(1, 2))
def test_only_a_fitting_capture_is_a_success(
    before: PaymentStatus, state: SessionState, cents: int, currency: str, payment_id: int
) -> None:
    look = seen(state, amount=Money(cents, currency), payment_id=UUID(int=payment_id))
    decision = decide(a_payment(status=before, capture=Capture.MANUAL), look, LATER)
    fits_the_schema(decision.payment)
    if decision.status is P.AUTHORISED and before is not P.AUTHORISED:
        assert (state, cents, currency, payment_id) == (S.AUTHORISED, 1300, "EUR", 1)
    if decision.status is P.PAID and before is not P.PAID:
        assert (state, cents, currency, payment_id) == (S.PAID, 1300, "EUR", 1)


def possible_histories() -> list[tuple[SessionState, ...]]:
    """What a session can go through; looks may be taken at any time and arrive in any order."""
    ways = [(S.OPEN, S.PAID), (S.OPEN, S.DEAD), (S.OPEN, S.PROCESSING, S.PAID), (S.OPEN, S.PROCESSING, S.DEAD)]
    return [
        order
        for way in ways
        for size in (1, 2, 3, 4)
        for order in itertools.product(way, repeat=size)
        if way[-1] in order
    ]


@pytest.mark.parametrize("looks", possible_histories(), ids="-".join)
def test_in_any_order_the_end_is_the_same_and_is_told_once(looks: tuple[SessionState, ...]) -> None:
    payment, told, journals = a_payment(), [], 0
    for look in looks:
        decision = decide(payment, seen(look), LATER)
        payment = decision.payment
        told += [effect for effect in decision.effects if effect is not E.EXPIRE_SESSION]
        journals += decision.journal is not None
    if S.PAID in looks:
        assert (payment.status, told, journals) == (P.PAID, [E.TELL_PAID], 1)
    else:
        assert (payment.status, told, journals) == (P.FENCED, [E.TELL_FENCED], 0)


def test_unborn() -> None:
    decision = unborn(a_payment(), LATER)
    assert (decision.status, decision.effects) == (P.FENCED, (E.TELL_FENCED,))
    with pytest.raises(IllegalTransition):
        unborn(a_payment(status=P.PAID), LATER)


def test_surplus_is_money_of_its_own() -> None:
    extra = surplus(a_payment(status=P.PAID), seen(session_id="cs_second", charge_id="pi_2"), UUID(int=9), LATER)
    fits_the_schema(extra.payment)
    kept = (extra.payment.id, extra.payment.session_id, extra.payment.charge_id, extra.payment.surplus)
    assert kept == (UUID(int=9), "cs_second", "pi_2", True)
    assert extra.journal == fee_journal(extra.payment)


R, W = RefundStatus, RefundState
REFUNDS: dict[tuple[RefundStatus, RefundState], RefundStatus] = {
    (R.SUBMITTED, W.PENDING): R.SUBMITTED,
    (R.SUBMITTED, W.SUCCEEDED): R.SUCCEEDED,
    (R.SUBMITTED, W.FAILED): R.FAILED,
    (R.SUBMITTED, W.UNKNOWN): R.SUBMITTED,
    (R.SUCCEEDED, W.PENDING): R.SUCCEEDED,
    (R.SUCCEEDED, W.SUCCEEDED): R.SUCCEEDED,
    (R.SUCCEEDED, W.FAILED): R.FAILED,
    (R.SUCCEEDED, W.UNKNOWN): R.SUCCEEDED,
    (R.FAILED, W.PENDING): R.FAILED,
    (R.FAILED, W.SUCCEEDED): R.FAILED,
    (R.FAILED, W.FAILED): R.FAILED,
    (R.FAILED, W.UNKNOWN): R.FAILED,
}


@pytest.mark.parametrize(("before", "state"), REFUNDS)
def test_every_refund_with_every_state(before: RefundStatus, state: RefundState) -> None:
    refund = a_refund(status=before, failure="declined" if before is R.FAILED else None)
    payment = a_payment(status=P.PAID, advance_cents=1300)
    booked = refund_journal(refund, payment)
    decision = decide_refund(refund, payment, refund_seen(state), LATER, booked=booked)
    assert decision.refund.status is REFUNDS[before, state]
    assert (decision.refund.failure is not None) == (decision.refund.status is R.FAILED or state is W.UNKNOWN)
    arrived = (before, state) == (R.SUBMITTED, W.SUCCEEDED)
    sent_back = (before, state) == (R.SUCCEEDED, W.FAILED)
    assert decision.effects == ((E.TELL_REFUNDED,) if arrived else ())
    expected = booked if arrived else refund_failed_journal(booked) if sent_back else None
    assert decision.journal == expected


@pytest.mark.parametrize("wrong", [{"amount": Money(1)}, {"refund_id": None}, {"amount": Money(1300, "USD")}])
def test_a_refund_that_does_not_fit_changes_nothing_but_the_note(wrong: dict[str, Any]) -> None:
    refund = a_refund(status=R.SUBMITTED)
    decision = decide_refund(refund, a_payment(status=P.PAID), replace(refund_seen(), **wrong), LATER)
    after = decision.refund
    assert (after.status, after.provider_id, decision.journal) == (R.SUBMITTED, None, None)
    assert after.failure is not None
