"""The lines of a reduced fee, and what is due where proof was not shown: always the sum, whatever was claimed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from booking.appointments.model import ProofOutcome
from booking.appointments.reduction_store import ClaimRow, PricedRow
from booking.appointments.reductions import due
from booking.appointments.store import HoldClaim
from booking.availability.model import ClaimStatus
from booking.catalogue.reductions import Charge, Claimed, best, saved
from tests.booking.catalogue.test_reductions import claims, visits

OUTCOMES = st.sampled_from([None, *ProofOutcome])


def held(charges: list[Charge], claimed: list[Claimed]) -> HoldClaim:
    return HoldClaim(
        id=1,
        status=ClaimStatus.HELD,
        starts_at=datetime(2026, 12, 1, 9, tzinfo=UTC),
        hold_until=None,
        appointment_id=None,
        service_id=1,
        office_id=1,
        channel="onsite",
        fee_id=1,
        items=(),
        charges=tuple(charges),
        moves=None,
        savings=best(charges, claimed),
    )


def stored(one: Claimed, outcome: ProofOutcome | None) -> ClaimRow:
    rule = one.reduction
    return ClaimRow(
        id=rule.id,
        key=rule.key,
        name=dict(rule.name),
        kind=rule.kind,
        value=rule.value,
        per=rule.per,
        rank=rule.rank,
        services=rule.services,
        proof=dict(rule.proof),
        legal_basis=dict(rule.legal_basis),
        persons=one.persons,
        outcome=outcome,
    )


@given(visits, claims)
def test_lines_sum_to_the_price(charges: list[Charge], claimed: list[Claimed]) -> None:
    hold = held([replace(one, product="fees") for one in charges], claimed)
    assert sum(line.amount_cents for line in hold.lines) == hold.fee_cents
    assert all(line.amount_cents > 0 for line in hold.lines)
    assert 0 <= hold.fee_cents <= sum(one.cents for one in charges)


@given(visits, claims, st.data())
def test_what_is_due_is_never_less_than_nothing_and_its_lines_sum_to_it(
    charges: list[Charge], claimed: list[Claimed], data: st.DataObject
) -> None:
    off = best(charges, claimed)
    kept = [one for one in claimed if one.reduction.id in {part.reduction_id for part in off}]
    rows = [stored(one, data.draw(OUTCOMES)) for one in kept]
    said = due(PricedRow(date(2026, 12, 1), tuple(charges), "EUR"), rows, off)
    assert sum(line.amount_cents for line in said.lines) == said.amount.cents
    assert all(line.amount_cents > 0 for line in said.lines)
    assert 0 <= said.amount.cents <= saved(off)
    if all(row.outcome is not ProofOutcome.NOT_SHOWN for row in rows):
        assert said.amount.cents == 0
    if all(row.outcome is ProofOutcome.NOT_SHOWN for row in rows):
        assert said.amount.cents == saved(off)
