"""Sums of a day, on both sides. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from payment.ledger import JournalKind
from payment.ports import SessionState
from payment.reconciliation.model import AccountTotal, Apart, DayRow, Ours, Posted, Side, Span, Sums, Theirs
from payment.reconciliation.reconcile import Matched
from payment.statement import Movement, MovementKind, Statement

DEFAULT_CURRENCY = "EUR"  # of a day on which nothing moved, and of what belongs to no payment


def account_totals(
    posted: Iterable[Posted], currencies: Mapping[UUID, str], apart: Iterable[Apart] = ()
) -> tuple[AccountTotal, ...]:
    """`currencies`: by payment."""
    sums: dict[tuple[str, str], list[int]] = {}
    booked = [(entry, currencies[one.payment_id]) for one in posted for entry in one.entries]
    for entry, currency in [*booked, *((entry, DEFAULT_CURRENCY) for one in apart for entry in one.entries)]:
        debit_credit = sums.setdefault((entry.account, currency), [0, 0])
        debit_credit[entry.amount_cents < 0] += abs(entry.amount_cents)
    return tuple(
        AccountTotal(account, debit, credit, currency) for (account, currency), (debit, credit) in sorted(sums.items())
    )


def sums_of(
    posted: Sequence[Posted], currencies: Mapping[UUID, str], movements: Sequence[Movement] | None, span: Span
) -> tuple[Sums, ...]:
    """`movements`: None where the provider did not answer."""
    there = [one for one in movements or () if one.at in span]
    found = {currencies[one.payment_id] for one in posted} | {one.amount.currency for one in there}
    return tuple(
        Sums(
            currency,
            our_side([one for one in posted if currencies[one.payment_id] == currency]),
            None if movements is None else their_side([m for m in there if m.amount.currency == currency], span),
        )
        for currency in sorted(found or {DEFAULT_CURRENCY})
    )


def our_side(posted: Sequence[Posted]) -> Side:
    fees = [one for one in posted if one.kind in (JournalKind.FEE, JournalKind.REVERSAL)]
    disputes = [one for one in posted if one.kind in (JournalKind.DISPUTE, JournalKind.DISPUTE_WON)]
    others = [one for one in posted if one not in fees and one not in disputes]
    return Side(
        payments=sum(one.kind is JournalKind.FEE for one in fees),
        paid_cents=sum(one.clearing_cents for one in fees),
        refunds=sum(one.kind is JournalKind.REFUND for one in others),
        refunded_cents=-sum(one.clearing_cents for one in others),
        disputed_cents=-sum(one.clearing_cents for one in disputes),
    )


def their_side(movements: Iterable[Movement], span: Span) -> Side:
    today = [one for one in movements if one.at in span]
    paid = [
        one.amount.cents for one in today if one.kind is MovementKind.CHARGE
    ]  # negative: of a reservation not taken
    back = [one for one in today if one.kind in (MovementKind.REFUND, MovementKind.REFUND_FAILED)]
    return Side(
        payments=sum(cents > 0 for cents in paid),
        paid_cents=sum(paid),
        refunds=sum(one.kind is MovementKind.REFUND for one in back),
        refunded_cents=-sum(one.amount.cents for one in back),
        disputed_cents=-sum(one.amount.cents for one in today if one.kind is MovementKind.DISPUTE),
        fee_cents=sum(one.fee.cents for one in today),
        paid_out_cents=-sum(one.amount.cents for one in today if one.kind is MovementKind.PAYOUT),
        other_cents=sum(one.amount.cents for one in today if one.kind is MovementKind.OTHER),
    )


def rows(ours: Ours, theirs: Theirs | None, span: Span) -> tuple[DayRow, ...]:
    """Payments made or booked in the span, or whose money moved there in it."""
    known = Matched(ours, Theirs(Statement((), ())) if theirs is None else theirs)
    matched = known if theirs is not None else None
    moved_there: dict[object, int] = {}
    if matched is not None and theirs is not None:
        for movement in theirs.statement.movements:
            owner = matched.owner(movement)
            if owner is not None and movement.at in span:
                moved_there[owner] = moved_there.get(owner, 0) + movement.amount.cents
    found = []
    for payment in ours.payments:
        facts = known.facts[payment.id]
        posted, refunds = [one for one in facts.posted if one.at in span], tuple(facts.refunds)
        asked_today = any(one.created_at in span for one in refunds)
        if not (payment.created_at in span or posted or payment.id in moved_there or asked_today):
            continue
        state = SessionState.PAID if facts.charge is not None else facts.seen.state if facts.seen else None
        found.append(
            DayRow(
                payment=payment,
                refunds=refunds,
                moved_cents=sum(one.clearing_cents for one in posted),
                state_there=state,
                moved_there_cents=None if matched is None else moved_there.get(payment.id, 0),
            )
        )
    return tuple(found)
