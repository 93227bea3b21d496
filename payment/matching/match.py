"""Four sides laid beside each other. Pure: rows in, links and differences out; the same in whatever order they come, and in one
pass over each side.

Each fault gives one difference, under the cause that is nearest to it: while a statement is missing, a payout that it would show
is not called missing; a payout that came in two credits is no unknown credit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from payment.bank.chain import in_order, is_next
from payment.matching.balance import balances, gaps
from payment.matching.days import bank_day_after, bank_day_from
from payment.matching.model import (
    PROPOSALS,
    Arrived,
    BankLine,
    Booked,
    Cause,
    Cleared,
    Covered,
    Difference,
    Matched,
    Moved,
    PayoutThere,
    Proposal,
    Sides,
    Transferred,
)
from payment.matching.prices import Charged, Price, deviations
from payment.matching.sent import put

FEE = "fee:"
LOOKS_LIKE = timedelta(days=7)  # a credit without the payout's trace, but with its amount and text


def match(sides: Sides, *, moved_until: datetime, booked_until: datetime) -> Matched:
    """`moved_until`: younger transactions may not be booked yet; `booked_until`: younger journals may not be told there yet."""
    links, differences = _books(sides.booked, sides.moved, moved_until, booked_until)
    bank = _Bank(sides)
    bank.match()
    differences += bank.differences
    differences += _gaps(sides.statements)
    differences += gaps(balances(sides.stated, sides.unlike), sides.first)
    differences += [
        Difference(
            cause=one.cause, subject=one.subject, day=one.day, here_cents=one.cents, payment_id=one.payment_id,
            proposal=PROPOSALS[one.cause], due_on=one.due_on,
        )
        for one in sides.waiting
    ]  # fmt: skip
    return Matched(
        links=tuple(sorted(links)),
        arrived=tuple(sorted(bank.arrived, key=lambda one: (one.payout_id, one.line.place))),
        transferred=tuple(sorted(bank.transferred, key=_as_it_went)),
        differences=tuple(sorted(differences, key=lambda one: (one.day, one.cause, one.subject))),
        cleared=tuple(bank.cleared),
    )


def beside(found: Matched, charged: Iterable[Charged], prices: Sequence[Price]) -> Matched:
    """With deviations from the price list."""
    more = deviations(charged, prices, {one.subject for one in found.differences})
    differences = sorted((*found.differences, *more), key=lambda one: (one.day, one.cause, one.subject))
    return replace(found, differences=tuple(differences))


@dataclass(slots=True)
class _Key:
    """Both sides of one thing."""

    booked: list[Booked] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)


def _books(
    booked: Iterable[Booked], moved: Iterable[Moved], moved_until: datetime, booked_until: datetime
) -> tuple[list[tuple[int, str]], list[Difference]]:
    keys: dict[str, _Key] = defaultdict(_Key)
    for ours in booked:
        keys[ours.key].booked.append(ours)
    for theirs in moved:
        keys[theirs.key].moved.append(theirs)
    links: list[tuple[int, str]] = []
    differences: list[Difference] = []
    for key, both in keys.items():
        here, there = sum(one.cents for one in both.booked), sum(one.cents for one in both.moved)
        if here == there:
            links += _pairs(both)
        elif (found := _difference(key, both, here, there, moved_until, booked_until)) is not None:
            differences.append(found)
    return links, differences


def _pairs(both: _Key) -> Iterator[tuple[int, str]]:
    """Of equal sums each journal goes to the transaction of its amount."""
    by_cents: dict[int, list[str]] = defaultdict(list)
    for theirs in sorted(both.moved, key=lambda one: (one.at, one.transaction), reverse=True):
        by_cents[theirs.cents].append(theirs.transaction)
    for ours in sorted(both.booked, key=lambda one: one.journal_id):
        if by_cents[ours.cents]:
            yield ours.journal_id, by_cents[ours.cents].pop()


def _difference(
    key: str, both: _Key, here: int, there: int, moved_until: datetime, booked_until: datetime
) -> Difference | None:
    if not both.booked:
        if all(one.at >= moved_until for one in both.moved):
            return None
        expected = next((one.expected_cents for one in both.moved if one.expected_cents is not None), None)
        cause = Cause.MISSING_HERE if expected is None or expected == there else Cause.AMOUNT
    elif not both.moved:
        if all(one.at >= booked_until for one in both.booked):
            return None
        cause = Cause.MISSING_THERE
    else:
        cause = Cause.AMOUNT
    if key.startswith(FEE):
        cause = Cause.FEE
    payment_id = next((one for one in (*_payments(both.booked), *_payments(both.moved)) if one is not None), None)
    return Difference(
        cause=cause,
        subject=key,
        day=min(one.day for one in (both.moved or both.booked)),
        here_cents=here if both.booked else None,
        there_cents=there if both.moved else None,
        payment_id=payment_id,
        proposal=PROPOSALS[cause],
    )


def _payments(rows: Sequence[Booked] | Sequence[Moved]) -> list[UUID | None]:
    return [one.payment_id for one in rows]


class _Bank:
    """Payouts, what tills have sent, and the bank's lines."""

    def __init__(self, sides: Sides) -> None:
        self._sides = sides
        self._coverage = _Coverage(sides.statements)
        self._by_trace: dict[str, list[BankLine]] = defaultdict(list)
        self._by_cents: dict[int, list[BankLine]] = defaultdict(list)
        self.arrived: list[Arrived] = []
        self.transferred: list[Transferred] = []
        self.cleared: list[Cleared] = []
        self.differences: list[Difference] = []
        self._taken: set[tuple[int, int, int]] = set()

    def match(self) -> None:
        traces = {one.trace for one in self._sides.payouts if one.trace}
        told: set[tuple[UUID, int]] = set()
        lines = sorted(self._sides.lines, key=lambda one: (one.booked_on, one.place))
        for line in lines:
            order = line.transfer
            if (
                order is not None
                and line.cents in self._sides.orders.get(order, ())
                and (order, line.cents) not in told
            ):
                told.add((order, line.cents))  # once each way: a bank that carries it out twice is told to people
                self.transferred.append(Transferred(order, line))
                self._taken.add(line.place)
            elif line.end_to_end_id in traces:
                self._by_trace[line.end_to_end_id].append(line)
                self._taken.add(line.place)
            else:
                self._by_cents[line.cents].append(line)
        for payout in sorted(self._sides.payouts, key=lambda one: (one.arrival_on, one.id)):
            self._payout(payout)
        left = [line for line in lines if line.place not in self._taken]
        sides = self._sides
        of_tills = put(left, sides.sent, sides.parted, self._coverage.knows, sides.first)
        self.cleared = of_tills.cleared
        self.differences += of_tills.differences

    def _payout(self, payout: PayoutThere) -> None:
        subject = f"payout:{payout.id}"
        if payout.parts_cents is not None and payout.parts_cents != payout.cents:
            parts = payout.parts_cents
            self._differ(
                Cause.PAYOUT_SUM, f"parts:{payout.id}", payout.arrival_on, here_cents=parts, there_cents=payout.cents
            )
        if payout.refused:
            self._differ(Cause.PAYOUT_STATE, f"state:{payout.id}", payout.arrival_on, here_cents=payout.cents)
        if payout.has_failed:
            self._differ(Cause.PAYOUT_FAILED, subject, payout.arrival_on, here_cents=payout.cents)
        lines = self._lines(payout)
        credits = [one for one in lines if one.cents > 0]
        debits = [one for one in lines if one.cents < 0]
        for back in debits:
            if back.cents == -payout.cents and payout.has_failed:
                self.arrived.append(Arrived(payout.id, back))
            else:
                self._differ(Cause.UNKNOWN_DEBIT, back.subject, back.booked_on, there_cents=back.cents, lines=[back])
        if payout.id in self._sides.settled:
            self._settled(payout, subject, credits)
        elif not credits:
            self._nothing(payout, subject)
        else:
            self._credited(payout, subject, credits)

    def _lines(self, payout: PayoutThere) -> list[BankLine]:
        """Those with its trace; where there are none, the one that looks exactly like it."""
        if found := self._by_trace.pop(payout.trace, []):
            return found
        if payout.id in self._sides.settled or not payout.descriptor:
            return []
        alike = [
            one
            for one in self._by_cents.get(payout.cents, ())
            if one.place not in self._taken
            and payout.descriptor.casefold() in one.text.casefold()
            and payout.arrival_on - LOOKS_LIKE <= one.booked_on <= payout.arrival_on + LOOKS_LIKE
        ]
        if alike:
            self._taken.add(alike[0].place)
        return alike[:1]

    def _credited(self, payout: PayoutThere, subject: str, credits: Sequence[BankLine]) -> None:
        came, last = sum(one.cents for one in credits), credits[-1].booked_on
        if came != payout.cents:
            self._differ(
                Cause.AMOUNT, subject, last, here_cents=payout.cents, there_cents=came, lines=credits,
                proposal=Proposal.ASSIGN,
            )  # fmt: skip
        elif len(credits) > 1:
            self._differ(Cause.PAYOUT_SPLIT, subject, last, here_cents=payout.cents, there_cents=came, lines=credits)
        else:
            self.arrived.append(Arrived(payout.id, credits[0]))
            self._late(payout, subject, last)

    def _settled(self, payout: PayoutThere, subject: str, more: Sequence[BankLine]) -> None:
        for line in more:  # a second time
            self._differ(Cause.UNKNOWN_CREDIT, line.subject, line.booked_on, there_cents=line.cents, lines=[line])
        if (booked_on := self._sides.late.get(payout.id)) is not None:
            self._late(payout, subject, booked_on)

    def _late(self, payout: PayoutThere, subject: str, booked_on: date) -> None:
        if booked_on > bank_day_from(payout.arrival_on):
            self._differ(Cause.PAYOUT_LATE, subject, booked_on, here_cents=payout.cents, there_cents=payout.cents)

    def _nothing(self, payout: PayoutThere, subject: str) -> None:
        due = bank_day_from(payout.arrival_on)
        if payout.is_final and not payout.has_failed and self._coverage.knows(due, bank_day_after(due)):
            self._differ(Cause.PAYOUT_NOT_AT_BANK, subject, due, here_cents=payout.cents)

    def _differ(
        self,
        cause: Cause,
        subject: str,
        day: date,
        *,
        here_cents: int | None = None,
        there_cents: int | None = None,
        lines: Sequence[BankLine] = (),
        proposal: Proposal | None = None,
    ) -> None:
        places = tuple(one.place for one in lines)
        self.differences.append(
            Difference(
                cause=cause, subject=subject, day=day, here_cents=here_cents, there_cents=there_cents,
                proposal=proposal or PROPOSALS[cause], lines=places,
            )
        )  # fmt: skip


def _as_it_went(one: Transferred) -> tuple[date, bool, tuple[int, int, int]]:
    """A transfer leaves before it comes back, in whatever order the lines of a day stand."""
    return one.line.booked_on, one.line.cents > 0, one.line.place


class _Coverage:
    """Of which days the bank has told everything."""

    def __init__(self, statements: Sequence[Covered]) -> None:
        self._days: set[date] = set()
        for one in statements:
            self._days |= {one.from_on + timedelta(days=n) for n in range((one.to_on - one.from_on).days + 1)}

    def knows(self, *days: date) -> bool:
        return self._days.issuperset(days)


def _gaps(statements: Sequence[Covered]) -> list[Difference]:
    ordered = sorted(in_order(statements), key=lambda one: one.iban)
    return [
        Difference(
            cause=Cause.STATEMENT_GAP,
            subject=f"statement:{after.iban}:{after.year}:{after.sequence - 1}",
            day=after.from_on,
            proposal=PROPOSALS[Cause.STATEMENT_GAP],
        )
        for before, after in pairwise(ordered)
        if before.iban == after.iban and not is_next(before, after)
    ]
