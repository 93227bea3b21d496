"""Reductions of a fee by rule, and what they take off. Pure.

One reduction for a person and a service, or one for the whole visit, whatever is the most for the citizen: two are never added up. So
what is left to pay is never below nothing and never above the fee.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from base.i18n import Text


class ReductionKind(StrEnum):
    PERCENT = "percent"
    FIXED = "fixed"  # cents taken off
    EXEMPT = "exempt"


class Per(StrEnum):
    PERSON = "person"  # of each service, for as many as claim it
    CASE = "case"  # of the whole visit, once


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """A version of a rule."""

    id: int
    key: str
    name: Text
    kind: ReductionKind
    value: int  # per cent, or cents; 0 of an exemption
    per: Per
    rank: int
    services: frozenset[int]
    proof: Text  # what to bring, in words
    legal_basis: Text

    def off(self, cents: int) -> int:
        """Cents that it takes off a fee of so many; half a cent in favour of the citizen."""
        if self.kind is ReductionKind.EXEMPT:
            return cents
        if self.kind is ReductionKind.FIXED:
            return min(self.value, cents)
        return -(-cents * self.value // 100)


@dataclass(frozen=True, slots=True)
class Dated:
    """A version and its days; None: no bound."""

    reduction: Reduction
    valid_from: date | None
    valid_until: date | None  # the last day

    def holds_on(self, day: date) -> bool:
        return (self.valid_from or day) <= day <= (self.valid_until or day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What a part of a visit costs: each, without any reduction."""

    service_id: int
    quantity: int
    each_cents: int
    product: str = ""
    tax_percent: int = 0

    @property
    def cents(self) -> int:
        return self.quantity * self.each_cents


@dataclass(frozen=True, slots=True)
class Claimed:
    reduction: Reduction
    persons: int = 1


@dataclass(frozen=True, slots=True)
class Saving:
    """What one reduction takes off one service."""

    reduction_id: int
    service_id: int
    units: int  # for how many of them
    cents: int


def best(charges: Sequence[Charge], claimed: Iterable[Claimed]) -> tuple[Saving, ...]:
    """The way that leaves least to pay: for each person the most of theirs, or one for the whole visit. Of equals the lower rank."""
    ranked = sorted(claimed, key=lambda one: (one.reduction.rank, one.reduction.key))
    ways = [_of_persons(charges, [one for one in ranked if one.reduction.per is Per.PERSON])]
    ways += [_of_case(charges, one.reduction) for one in ranked if one.reduction.per is Per.CASE]
    return max(ways, key=saved)


def saved(savings: Iterable[Saving]) -> int:
    """Cents."""
    return sum(one.cents for one in savings)


def applies(reduction: Reduction, charges: Iterable[Charge]) -> bool:
    """Whether it takes anything off."""
    return any(one.service_id in reduction.services and reduction.off(one.each_cents) for one in charges)


def most_persons(reduction: Reduction, charges: Iterable[Charge]) -> int:
    """Who may claim it in one visit: as many as it has of what the rule is for."""
    if reduction.per is Per.CASE:
        return 1
    return max((one.quantity for one in charges if one.service_id in reduction.services and one.each_cents), default=0)


def _of_persons(charges: Sequence[Charge], claimed: Sequence[Claimed]) -> tuple[Saving, ...]:
    found = []
    for charge in charges:
        left = charge.quantity
        fitting = [one for one in claimed if charge.service_id in one.reduction.services]
        for one in sorted(fitting, key=lambda one: -one.reduction.off(charge.each_cents)):  # stable: by rank
            units, each = min(left, one.persons), one.reduction.off(charge.each_cents)
            if units and each:
                found.append(Saving(one.reduction.id, charge.service_id, units, units * each))
                left -= units
    return tuple(found)


def _of_case(charges: Sequence[Charge], reduction: Reduction) -> tuple[Saving, ...]:
    """A fixed amount is taken off the first services until it is used up; a share off each unit, as for a person."""
    fitting = [one for one in charges if one.service_id in reduction.services]
    found, left = [], reduction.value
    for charge in fitting:
        if reduction.kind is ReductionKind.FIXED:
            cents = min(left, charge.cents)
            left -= cents
        else:
            cents = charge.quantity * reduction.off(charge.each_cents)
        if cents:
            found.append(Saving(reduction.id, charge.service_id, charge.quantity, cents))
    return tuple(found)
