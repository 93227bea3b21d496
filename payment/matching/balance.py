"""Our account `bank` beside the closing balances of the bank's statements. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from payment.matching.model import PROPOSALS, Cause, Difference, Stated, Unlike


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBalance:
    """At the end of a day with a statement, over all accounts: what the bank says, and what the books say of the same lines, counted from
    the opening balance of each account's first statement. Lines that are put to nothing yet are differences of their own and count on
    both sides, and so does what a missing statement would show."""

    day: date
    bank_cents: int
    books_cents: int

    @property
    def gap_cents(self) -> int:
        return self.bank_cents - self.books_cents


def balances(stated: Sequence[Stated], unlike: Sequence[Unlike]) -> list[DayBalance]:
    """By day."""
    if not stated:
        return []
    by_day: dict[date, list[Stated]] = defaultdict(list)
    for one in sorted(stated, key=lambda one: (one.to_on, one.from_on, one.iban)):
        by_day[one.to_on].append(one)
    begin = min(one.from_on for one in stated)
    more = sorted((one for one in unlike if one.day >= begin), key=lambda one: one.day)
    closing: dict[str, int] = {}
    found, n, gap = [], 0, 0
    for day, statements in sorted(by_day.items()):
        closing |= {one.iban: one.closing_cents for one in statements}
        while n < len(more) and more[n].day <= day:
            gap -= more[n].cents
            n += 1
        bank = sum(closing.values())
        found.append(DayBalance(day=day, bank_cents=bank, books_cents=bank - gap))
    return found


def gaps(days: Sequence[DayBalance], first: date) -> list[Difference]:
    """One for each day on which the gap is another one than the day before: a gap that stays is told once."""
    found, before = [], 0
    for one in days:
        if one.gap_cents != before and one.gap_cents and one.day >= first:
            found.append(
                Difference(
                    cause=Cause.BANK_BALANCE, subject=f"balance:{one.day}", day=one.day, here_cents=one.books_cents,
                    there_cents=one.bank_cents, proposal=PROPOSALS[Cause.BANK_BALANCE],
                )
            )  # fmt: skip
        before = one.gap_cents
    return found
