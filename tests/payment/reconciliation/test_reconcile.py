"""Our books beside the provider's: what agrees gives no difference, and each thing that went wrong gives exactly its own.

A day is built of stories that agree, then some are spoilt in one named way each. Found must be the spoilt ones and nothing else,
in whatever order the rows come.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.money import Money
from payment.ledger import fee_journal, refund_failed_journal, refund_journal
from payment.model import Payment, PaymentStatus, Refund, RefundStatus
from payment.ports import RefundSnapshot, RefundState, SessionState, Snapshot
from payment.reconciliation.model import DifferenceKind, Look, Ours, Posted, Theirs, day_span
from payment.reconciliation.reconcile import (
    reconcile_alone,
    reconcile_day,
    reconcile_payment,
    too_little_said,
)
from payment.reconciliation.totals import our_side, rows, their_side
from payment.statement import Movement, MovementKind, Statement
from tests.payment.making import a_payment, a_refund

BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2026, 12, 1)
SPAN = day_span(DAY, BERLIN)
NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
MONTH_LATER = NOON + timedelta(days=30)
K, P, R, S, T = DifferenceKind, PaymentStatus, RefundStatus, SessionState, RefundState


@dataclass
class Story:
    """One payment on both sides."""

    payment: Payment
    session: Snapshot | None
    refunds: list[Refund] = field(default_factory=list)
    posted: list[Posted] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    expected: set[tuple[DifferenceKind, UUID | None]] = field(default_factory=set)

    @property
    def id(self) -> UUID:
        return self.payment.id

    def expect(self, kind: DifferenceKind, *, known: bool = True) -> None:
        self.expected.add((kind, self.id if known else None))


def posted(number: int, journal: object, at: datetime) -> Posted:
    kind, entries = journal.kind, journal.entries  # type: ignore[attr-defined]
    return Posted(number, kind, journal.payment_id, journal.refund_id, at, entries)  # type: ignore[attr-defined]


def moved(number: int, kind: MovementKind, cents: int, at: datetime, **more: object) -> Movement:
    made = Movement(id=f"txn_{kind}_{number}", kind=kind, at=at, amount=Money(cents), fee=Money(0), word=kind.value)
    return replace(made, **more)  # type: ignore[arg-type]


def without_money(number: int, at: datetime, status: PaymentStatus, state: SessionState | None) -> Story:
    session_id = None if state is None else f"cs_{number}"
    payment = a_payment(
        id=UUID(int=number),
        reference=UUID(int=10_000 + number),
        status=status,
        session_id=session_id,
        charge_id=None,
        created_at=at,
    )
    seen = None
    if session_id is not None and state is not None:
        seen = Snapshot(session_id=session_id, payment_id=payment.id, state=state, amount=payment.amount)
    return Story(payment, seen)


def paid(number: int, at: datetime) -> Story:
    story = without_money(number, at, P.OPEN, S.OPEN)
    story.payment = replace(story.payment, status=P.PAID, captured_cents=1300, charge_id=f"pi_{number}")
    assert story.session is not None
    story.session = replace(story.session, state=S.PAID, charge_id=f"pi_{number}")
    story.posted = [posted(number * 10, fee_journal(story.payment), at)]
    named = {"charge_id": f"pi_{number}", "payment_id": story.id}
    story.movements = [moved(number, MovementKind.CHARGE, 1300, at, **named)]
    return story


def refunding(number: int, at: datetime, status: RefundStatus, state: RefundState) -> Story:
    story = paid(number, at)
    provider_id = f"re_{number}"
    refund = a_refund(
        id=UUID(int=50_000 + number),
        payment_id=story.id,
        amount_cents=500,
        status=status,
        provider_id=provider_id,
        created_at=at,
    )
    story.refunds = [refund]
    story.payment = replace(story.payment, refunded_cents=0 if status is R.FAILED else 500)
    named = {
        "charge_id": f"pi_{number}",
        "refund_provider_id": provider_id,
        "refund_state": state,
        "refund_id": refund.id,
        "payment_id": story.id,
    }
    story.movements.append(moved(number, MovementKind.REFUND, -500, at, **named))
    if status is R.SUCCEEDED:
        story.posted.append(posted(number * 10 + 1, refund_journal(refund, story.payment), at))
    if state is T.FAILED:
        story.movements.append(moved(number, MovementKind.REFUND_FAILED, 500, at, **named))
    return story


def refund_sent_back(number: int, at: datetime) -> Story:
    """It had arrived and was booked; then the payer's bank sent it back."""
    story = refunding(number, at, R.FAILED, T.FAILED)
    [refund] = story.refunds
    story.posted += [
        posted(number * 10 + 1, refund_journal(refund, story.payment), at),
        posted(number * 10 + 2, refund_failed_journal(refund_journal(refund, story.payment)), at),
    ]
    return story


def payout(n: int, at: datetime) -> Story:
    story = paid(n, at)
    """To our bank: compared at night, with the bank, and no difference of the day."""
    story.movements.append(moved(n, MovementKind.PAYOUT, -1255, at, word="payout"))
    return story


CLEAN: dict[str, Callable[[int, datetime], Story]] = {
    "intended": lambda n, at: without_money(n, at, P.INTENDED, None),
    "open": lambda n, at: without_money(n, at, P.OPEN, S.OPEN),
    "processing": lambda n, at: without_money(n, at, P.PROCESSING, S.PROCESSING),
    "fenced": lambda n, at: without_money(n, at, P.FENCED, S.DEAD),
    "paid": paid,
    "refund pending": lambda n, at: refunding(n, at, R.SUBMITTED, T.PENDING),
    "refunded": lambda n, at: refunding(n, at, R.SUCCEEDED, T.SUCCEEDED),
    "refund failed": lambda n, at: refunding(n, at, R.FAILED, T.FAILED),
    "refund sent back": refund_sent_back,
    "paid out": payout,
}


def lost_webhook(n: int, at: datetime) -> Story:
    story = paid(n, at)
    story.payment = replace(story.payment, status=P.OPEN, captured_cents=0, charge_id=None)
    story.posted = []
    story.expect(K.MISSING_HERE)
    return story


def charge_of_nobody(n: int, at: datetime) -> Story:
    story = paid(n, at)
    story.movements.append(moved(n + 5000, MovementKind.CHARGE, 4200, at, charge_id=f"pi_other_{n}"))
    story.expect(K.MISSING_HERE, known=False)
    return story


def paid_twice(n: int, at: datetime) -> Story:
    story = paid(n, at)
    named = {"charge_id": f"pi_second_{n}", "payment_id": story.id}
    story.movements.append(moved(n + 5000, MovementKind.CHARGE, 1300, at, **named))
    story.expect(K.MISSING_HERE, known=False)
    return story


def dashboard_refund(n: int, at: datetime) -> Story:
    story = paid(n, at)
    named = {"charge_id": f"pi_{n}", "refund_provider_id": f"re_dash_{n}", "refund_state": T.SUCCEEDED}
    story.movements.append(moved(n, MovementKind.REFUND, -100, at, **named))
    story.expect(K.MISSING_HERE)
    return story


def money_gone(n: int, at: datetime) -> Story:
    story = paid(n, at)
    assert story.session is not None
    story.session = replace(story.session, state=S.DEAD)
    story.movements = []
    story.expect(K.MISSING_THERE)
    return story


def amount_edited(n: int, at: datetime) -> Story:
    story = paid(n, at)
    story.movements = [replace(story.movements[0], amount=Money(1299))]
    story.expect(K.AMOUNT)
    return story


def other_currency(n: int, at: datetime) -> Story:
    story = paid(n, at)
    story.movements = [replace(story.movements[0], amount=Money(1300, "CHF"))]
    story.expect(K.AMOUNT)
    return story


def refund_amount_edited(n: int, at: datetime) -> Story:
    story = refunding(n, at, R.SUCCEEDED, T.SUCCEEDED)
    story.movements[1] = replace(story.movements[1], amount=Money(-501))
    story.expect(K.AMOUNT)
    return story


def payable_though_fenced(n: int, at: datetime) -> Story:
    story = without_money(n, at, P.FENCED, S.OPEN)
    story.expect(K.STATE)
    return story


def unknown_word(n: int, at: datetime) -> Story:
    story = without_money(n, at, P.ATTENTION, S.UNKNOWN)
    story.expect(K.STATE)
    return story


def refund_unheard(n: int, at: datetime) -> Story:
    story = refunding(n, at, R.SUBMITTED, T.SUCCEEDED)
    story.expect(K.STATE)
    return story


def return_unheard(n: int, at: datetime) -> Story:
    story = refunding(n, at, R.SUCCEEDED, T.FAILED)
    story.expect(K.STATE)
    return story


def booked_next_day(n: int, at: datetime) -> Story:
    story = paid(n, at)
    story.posted = [replace(story.posted[0], at=at + timedelta(days=1))]
    story.expect(K.OTHER_DAY)
    return story


def booked_today_for_yesterday(n: int, at: datetime) -> Story:
    story = paid(n, at)
    story.movements = [replace(story.movements[0], at=at - timedelta(days=1))]
    story.expect(K.OTHER_DAY)
    return story


def journal_missing(n: int, at: datetime) -> Story:
    story = refunding(n, at, R.SUCCEEDED, T.SUCCEEDED)
    story.posted = story.posted[:1]
    story.expect(K.JOURNAL)
    return story


def corrected(n: int, at: datetime) -> Story:
    story = paid(n, at)
    story.movements.append(moved(n, MovementKind.OTHER, -1255, at, word="adjustment"))
    story.expect(K.NOT_BOOKED, known=False)
    return story


SPOILT = (
    lost_webhook,
    charge_of_nobody,
    paid_twice,
    dashboard_refund,
    money_gone,
    amount_edited,
    other_currency,
    refund_amount_edited,
    payable_though_fenced,
    unknown_word,
    refund_unheard,
    return_unheard,
    booked_next_day,
    booked_today_for_yesterday,
    journal_missing,
    corrected,
)


def beside(stories: list[Story], dice: random.Random | None = None) -> tuple[Ours, Theirs]:
    sides: list[list[object]] = [
        [one.payment for one in stories],
        [refund for one in stories for refund in one.refunds],
        [each for one in stories for each in one.posted],
        [one.session for one in stories if one.session is not None],
        [each for one in stories for each in one.movements],
    ]
    for side in sides:
        if dice is not None:
            dice.shuffle(side)
    payments, refunds, journals, sessions, movements = (tuple(side) for side in sides)
    ours = Ours(payments, refunds, journals)  # type: ignore[arg-type]
    return ours, Theirs(Statement(sessions, movements))  # type: ignore[arg-type]


def found(ours: Ours, theirs: Theirs) -> list[tuple[DifferenceKind, UUID | None]]:
    return [(one.kind, one.payment_id) for one in reconcile_day(ours, theirs, SPAN, BERLIN, MONTH_LATER)]


minutes = st.integers(0, 23 * 60 + 59).map(lambda n: SPAN.start + timedelta(minutes=n))
clean = st.tuples(st.sampled_from(list(CLEAN.values())), minutes)
mixed = st.tuples(st.sampled_from([*CLEAN.values(), *SPOILT]), minutes)


@given(st.lists(clean, max_size=12), st.randoms(use_true_random=False))
def test_what_agrees_gives_no_difference(
    made: list[tuple[Callable[..., Story], datetime]], dice: random.Random
) -> None:
    ours, theirs = beside([make(n + 1, at) for n, (make, at) in enumerate(made)], dice)
    assert found(ours, theirs) == []
    assert too_little_said(ours, theirs, SPAN) == []
    here, there = our_side(ours.posted), their_side(theirs.statement.movements, SPAN)
    pending = sum(one.amount_cents for one in ours.refunds if one.status is R.SUBMITTED)
    assert (here.paid_cents, here.payments) == (there.paid_cents, there.payments)
    assert here.moved_cents == there.moved_cents + pending  # on its way, and booked when it has arrived


@given(st.lists(mixed, max_size=12), st.randoms(use_true_random=False))
def test_what_is_spoilt_is_found_under_its_name_and_nothing_else(
    made: list[tuple[Callable[..., Story], datetime]], dice: random.Random
) -> None:
    stories = [make(n + 1, at) for n, (make, at) in enumerate(made)]
    ours, theirs = beside(stories, dice)
    expected = sorted((each for one in stories for each in one.expected), key=str)
    assert sorted(set(found(ours, theirs)), key=str) == sorted(set(expected), key=str)
    assert len(found(ours, theirs)) == len(expected)


@given(st.lists(mixed, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_rows_says_nothing(made: list[tuple[Callable[..., Story], datetime]], dice: random.Random) -> None:
    stories = [make(n + 1, at) for n, (make, at) in enumerate(made)]
    told = [reconcile_day(*beside(stories, each), SPAN, BERLIN, MONTH_LATER) for each in (None, dice)]
    assert told[0] == told[1]


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_each_way_to_differ(spoil: Callable[[int, datetime], Story]) -> None:
    story = spoil(1, NOON)
    assert set(found(*beside([story]))) == story.expected
    assert len(story.expected) == 1


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_another_day_knows_nothing_of_it(spoil: Callable[[int, datetime], Story]) -> None:
    ours, theirs = beside([spoil(1, NOON - timedelta(days=5))])
    assert found(ours, theirs) == []


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_what_has_just_happened_may_be_on_its_way(spoil: Callable[[int, datetime], Story]) -> None:
    ours, theirs = beside([spoil(1, NOON)])
    assert reconcile_day(ours, theirs, SPAN, BERLIN, NOON - timedelta(days=2)) == []


def test_a_refund_of_days_ago_that_arrives_today_is_asked_for() -> None:
    """Its money left the provider's account when it was asked for; the statement of today does not show it."""
    story = refunding(1, NOON, R.SUCCEEDED, T.SUCCEEDED)
    story.movements = []
    story.session = None
    story.payment = replace(story.payment, created_at=NOON - timedelta(days=20))
    story.posted[0] = replace(story.posted[0], at=NOON - timedelta(days=20))
    ours, theirs = beside([story])
    assert too_little_said(ours, theirs, SPAN) == [story.id]
    seen = Snapshot(session_id="cs_1", payment_id=story.id, state=S.PAID, amount=Money(1300), charge_id="pi_1")
    arrived = RefundSnapshot(provider_id="re_1", refund_id=story.refunds[0].id, state=T.SUCCEEDED, amount=Money(500))
    theirs = replace(theirs, looks={story.id: Look(seen, (arrived,))})
    assert found(ours, theirs) == []
    theirs = replace(theirs, looks={story.id: Look(seen, ())})
    assert found(ours, theirs) == [(K.MISSING_THERE, story.id)]
    theirs = replace(theirs, looks={}, unchecked=frozenset({story.id}))
    assert found(ours, theirs) == [(K.UNCHECKED, story.id)]


def test_one_payment_with_a_refund_that_we_do_not_know() -> None:
    story = paid(1, NOON)
    strange = RefundSnapshot(provider_id="re_9", refund_id=None, state=T.SUCCEEDED, amount=Money(100))
    ours, _theirs = beside([story])
    [one] = reconcile_payment(ours, Look(story.session, (strange,)))
    assert (one.kind, one.provider_id, one.there) == (K.MISSING_HERE, "re_9", Money(-100))
    assert reconcile_payment(ours, Look(story.session, (replace(strange, state=T.FAILED),))) == []


def test_without_the_provider_our_own_books_are_still_checked() -> None:
    ours, _theirs = beside([paid(1, NOON), journal_missing(2, NOON), money_gone(3, NOON)])
    assert [(one.kind, one.payment_id) for one in reconcile_alone(ours)] == [(K.JOURNAL, UUID(int=2))]


def test_the_rows_of_a_day() -> None:
    stories = [paid(1, NOON), lost_webhook(2, NOON), paid(3, NOON - timedelta(days=3)), dashboard_refund(4, NOON)]
    ours, theirs = beside(stories)
    found_rows = [
        (row.payment.id.int, row.moved_cents, row.moved_there_cents, row.state_there)
        for row in rows(ours, theirs, SPAN)
    ]
    assert found_rows == [(1, 1300, 1300, S.PAID), (2, 0, 1300, S.PAID), (4, 1300, 1200, S.PAID)]
    assert [row.moved_there_cents for row in rows(ours, None, SPAN)] == [None, None, None]


@pytest.mark.parametrize(
    ("day", "hours", "starts"),
    [
        (date(2026, 12, 1), 24, "2026-11-30T23:00:00+00:00"),
        (date(2026, 7, 1), 24, "2026-06-30T22:00:00+00:00"),
        (date(2027, 3, 28), 23, "2027-03-27T23:00:00+00:00"),
        (date(2026, 10, 25), 25, "2026-10-24T22:00:00+00:00"),
    ],
)
def test_a_day_is_one_of_the_city_s_clocks(day: date, hours: int, starts: str) -> None:
    span = day_span(day, BERLIN)
    assert (span.start.isoformat(), span.end - span.start) == (starts, timedelta(hours=hours))
    assert day_span(day + timedelta(days=1), BERLIN).start == span.end
    assert span.start in span
    assert span.end not in span
