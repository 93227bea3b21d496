"""What tills have sent to the bank, laid beside its lines. Pure; the same in whatever order the rows come.

A line is put to something without a person only where its text says that it is cash or cards, or names the bag, the terminal or a
Kassenzeichen, and where it can be one thing alone: an amount by itself could be anybody's. A day that the text names counts, too: a
terminal has one every day. Everything else is a choice for people.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import combinations

from payment.ledger import CASH_DIFFERENCE, PSP_FEES, UNASSIGNED
from payment.matching.days import bank_day_after
from payment.matching.model import (
    PROPOSALS,
    BankLine,
    Cause,
    Choice,
    Cleared,
    Difference,
    Proposal,
    Sent,
    SentKind,
)

DUE_BANK_DAYS = 3
_LATEST = timedelta(days=10)
_FETCHED_BEFORE = timedelta(days=7)  # change may lie in the office before a drawer is opened with it
_NEAREST, _MOST_TOGETHER = 14, 4  # of any sums; all of a day, or of a till, may be more
MOST_CHOICES = 5
_REST_PER_CENT, _REST_CENTS = 5, 2_000  # a line that says what it is may be off by the larger of the two

_WORDS: Mapping[SentKind, tuple[str, ...]] = {
    SentKind.DEPOSIT: ("einzahlung", "bargeld", "safebag", "cash"),
    SentKind.CHANGE: ("auszahlung", "bargeld", "wechselgeld", "münz", "muenz", "cash"),
    SentKind.TERMINAL: ("karten", "terminal", "girocard", "kassenschnitt", "card"),
}


@dataclass(slots=True)
class Put:
    cleared: list[Cleared] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Line:
    """`named`: what its text names; `dated`: what was sent on a day that it names; `kinds`: what it can be, by its sign and its words;
    `is_plain`: it says nothing of the kind."""

    line: BankLine
    named: frozenset[str]
    dated: frozenset[str]
    kinds: frozenset[SentKind]
    is_plain: bool


@dataclass(frozen=True, slots=True)
class _Fit:
    """`misses`: bags that the text names and that are not in it; `strange`: parts that it does not name, where it names some; so `off`, of
    its day."""

    items: tuple[Sent, ...]
    misses: int
    strange: int
    off: int
    rest: int

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(one.subject for one in self.items)

    @property
    def cents(self) -> int:
        return sum(one.cents for one in self.items)

    @property
    def rank(self) -> tuple[int, int, int, bool]:
        """Of what fits equally well, one thing is likelier than several together."""
        return self.misses, self.strange, self.off, len(self.items) > 1

    @property
    def is_told(self) -> bool:
        """Something of it is what the text names, where it names any."""
        return max(self.strange, self.off) < len(self.items)


def put(
    lines: Iterable[BankLine],
    sent: Iterable[Sent],
    parted: Collection[tuple[tuple[int, int, int], str]],
    knows: Callable[..., bool],
    first: date = date.min,
) -> Put:
    """`lines`: those that nothing else was put to. `knows`: whether the bank has told of these days. Each line that is left is a
    difference, and so is what should be there and is not."""
    there = sorted(sent, key=lambda one: (one.day, one.subject))
    waiting = [one for one in there if one.arrived_on is None]
    work = _Work(waiting, parted)
    told = [work.told(one) for one in sorted(lines, key=lambda one: (one.booked_on, one.place))]
    rounds: tuple[Callable[[_Line, _Fit], bool], ...] = (
        lambda line, _fit: bool(line.named),
        lambda line, fit: not line.named and not line.is_plain and len(fit.items) == 1,
        lambda line, _fit: not line.named and not line.is_plain,
    )
    left = told
    for is_of_round in rounds:
        left = work.round(left, is_of_round)
    result = Put(cleared=sorted(work.cleared, key=lambda one: one.line.place))
    spoken_of = set(work.taken)
    for one in told:
        if one.line.place not in work.done:
            found, likely = work.difference(one)
            result.differences.append(found)
            spoken_of |= likely
    booked_on = {each.subject: one.line.booked_on for one in work.cleared for each in one.sent}
    for each in there:
        came = each.arrived_on or booked_on.get(each.subject)
        if came is not None and came > due(each.day):
            result.differences.append(_alone(Cause.TILL_LATE, each, came, there=each.cents))
        is_silent = came is None and each.subject not in spoken_of and _earliest(each) >= first
        if is_silent and knows(*_days_to(bank_day_after(due(each.day)), each.day)):
            result.differences.append(_alone(Cause.TILL_NOT_AT_BANK, each, due(each.day)))
    return result


def due(day: date) -> date:
    """By when the bank is to have what was sent on this day."""
    for _day in range(DUE_BANK_DAYS):
        day = bank_day_after(day)
    return day


def _days_to(last: date, day: date) -> list[date]:
    """On which banks book: one statement that is missing may be the one that shows it."""
    days = []
    while (day := bank_day_after(day)) <= last:
        days.append(day)
    return days


class _Work:
    def __init__(self, waiting: Sequence[Sent], parted: Collection[tuple[tuple[int, int, int], str]]) -> None:
        self._waiting = waiting
        self._parted = parted
        self._words = {one.subject: _names(one) for one in waiting}
        self.taken: set[str] = set()
        self._contested: set[str] = set()
        self.done: set[tuple[int, int, int]] = set()
        self.cleared: list[Cleared] = []

    def told(self, line: BankLine) -> _Line:
        text = line.text.casefold()
        words, run = set(re.findall(r"[a-z0-9-]+", text)), re.sub(r"[^a-z0-9]", "", text)
        signed = {SentKind.DEPOSIT, SentKind.TERMINAL} if line.cents > 0 else {SentKind.CHANGE, SentKind.TERMINAL}
        named = [
            one
            for one in self._waiting
            if one.kind in signed
            and _may_be(one, line)
            and (self._words[one.subject][0] in words or any(each in run for each in self._words[one.subject][1:]))
        ]
        kinds = {one.kind for one in named} or {kind for kind in signed if any(word in text for word in _WORDS[kind])}
        days = _days_in(text)
        dated = {
            one.subject
            for one in self._waiting
            if one.kind in (kinds or signed) and one.day in days and _may_be(one, line)
        }
        subjects = frozenset(one.subject for one in named)
        if subjects and dated & subjects:
            dated &= subjects
        return _Line(line, subjects, frozenset(dated), frozenset(kinds or signed), not kinds)

    def round(self, lines: Sequence[_Line], is_of_round: Callable[[_Line, _Fit], bool]) -> list[_Line]:
        """Puts what can be put in this round; the lines for the next. What several lines could be is nobody's any more."""
        best: list[tuple[_Line, list[_Fit]]] = []
        left: list[_Line] = []
        for one in lines:
            fits = [fit for fit in self._exact(one) if is_of_round(one, fit) and fit.is_told]
            top = min((fit.rank for fit in fits), default=None)
            if top is None:
                left.append(one)
            else:
                best.append((one, [fit for fit in fits if fit.rank == top]))
        claims = Counter(subject for _one, fits in best for subject in {s for fit in fits for s in fit.subjects})
        for one, fits in best:
            subjects = {subject for fit in fits for subject in fit.subjects}
            is_parted = any((one.line.place, subject) in self._parted for subject in subjects)
            if len(fits) == 1 and not is_parted and all(claims[subject] == 1 for subject in subjects):
                self.cleared.append(Cleared(one.line, fits[0].items))
                self.done.add(one.line.place)
                self.taken |= subjects
            else:
                self._contested |= subjects
        return left

    def _exact(self, one: _Line) -> list[_Fit]:
        free = [each for each in self._open(one) if each.subject not in self._contested]
        return list(self._fits(one, free, is_exact=True))

    def _open(self, one: _Line) -> list[Sent]:
        return [
            each
            for each in self._waiting
            if each.kind in one.kinds
            and each.subject not in self.taken
            and (each.cents > 0) is (one.line.cents > 0)
            and _may_be(each, one.line)
        ]

    def _fits(self, one: _Line, free: Sequence[Sent], *, is_exact: bool = False) -> Iterator[_Fit]:
        bags = {each.subject for each in free if each.kind is SentKind.DEPOSIT} & one.named
        for items in _together(one.line, free, is_exact=is_exact):
            subjects = {each.subject for each in items}
            yield _Fit(
                items=items,
                misses=len(bags - subjects),
                strange=len(subjects - one.named) if one.named else 0,
                off=len(subjects - one.dated) if one.dated else 0,
                rest=sum(each.cents for each in items) - one.line.cents,
            )

    def difference(self, one: _Line) -> tuple[Difference, set[str]]:
        """With what it could be: exactly, and where the line says what it is also nearly. And what of it is the likeliest, which is so
        told of already."""
        line, fits = one.line, list(self._fits(one, self._open(one)))
        exact = sorted((fit for fit in fits if fit.rest == 0), key=lambda fit: (*fit.rank, fit.subjects))
        told = [] if one.is_plain else [fit for fit in exact if fit.is_told]
        near = [] if one.is_plain else [fit for fit in fits if fit.rest and _is_near(fit, one)]
        near.sort(key=lambda fit: (fit.misses, fit.strange, fit.off, abs(fit.rest), len(fit.items), fit.subjects))
        likeliest = [*told, *near, *(fit for fit in exact if fit not in told)]
        if told:
            cause, likely = Cause.TILL_AMBIGUOUS, [fit for fit in told if fit.rank == told[0].rank]
        elif near:
            cause, likely = Cause.TILL_AMOUNT, near[:1]
        else:
            cause, likely = Cause.UNKNOWN_CREDIT if line.cents > 0 else Cause.UNKNOWN_DEBIT, []
        choices = tuple(_choice(fit) for fit in likeliest[:MOST_CHOICES])
        difference = Difference(
            cause=cause, subject=line.subject, day=line.booked_on, there_cents=line.cents, lines=(line.place,), choices=choices,
            here_cents=choices[0].cents if cause is Cause.TILL_AMOUNT else None, proposal=PROPOSALS[cause],
        )  # fmt: skip
        return difference, {subject for fit in likely for subject in fit.subjects}


def _together(line: BankLine, free: Sequence[Sent], *, is_exact: bool) -> Iterator[tuple[Sent, ...]]:
    """One by one; all of a day, all of a till up to the line, and a few of the nearest; never cash and cards together."""
    told: set[tuple[str, ...]] = set()
    for kind in SentKind:
        of_kind = [one for one in free if one.kind is kind]
        nearest = sorted(of_kind, key=lambda one: (abs(line.booked_on - one.day), one.subject))[:_NEAREST]
        groups: list[Sequence[Sent]] = [(one,) for one in of_kind]
        groups += [[one for one in of_kind if one.day == day] for day in sorted({one.day for one in of_kind})]
        groups += [[one for one in of_kind if one.till_id == till] for till in sorted({one.till_id for one in of_kind})]
        groups += [several for n in range(2, _MOST_TOGETHER + 1) for several in combinations(nearest, n)]
        for group in groups:
            if is_exact and sum(one.cents for one in group) != line.cents:
                continue
            items = tuple(sorted(group, key=lambda one: (one.day, one.subject)))
            key = tuple(one.subject for one in items)
            if items and key not in told:
                told.add(key)
                yield items


def _is_near(fit: _Fit, one: _Line) -> bool:
    """A named bag is that bag whatever it came with. Else no more off than a wrong count or a price: half of it where the terminal is
    named."""
    whole, rest = abs(fit.cents), abs(fit.rest)
    if not fit.is_told or fit.strange or fit.misses:
        return False
    if one.named:
        return fit.items[0].kind is not SentKind.TERMINAL or rest * 2 <= whole
    return len(fit.items) == 1 and rest <= max(_REST_CENTS, whole * _REST_PER_CENT // 100) and rest * 2 <= whole


def _choice(fit: _Fit) -> Choice:
    """A terminal's operator keeps its price; what came more than was sent is not known what for. Cash was counted wrongly."""
    rest = CASH_DIFFERENCE
    if fit.items[0].kind is SentKind.TERMINAL:
        rest = PSP_FEES if fit.rest > 0 else UNASSIGNED
    return Choice(subjects=fit.subjects, cents=fit.cents, rest=rest)


def _names(one: Sent) -> tuple[str, ...]:
    """The word that its reference is, then what may stand anywhere in a text without its blanks."""
    return one.reference.casefold(), *(re.sub(r"[^a-z0-9]", "", each.casefold()) for each in one.kassenzeichen)


def _days_in(text: str) -> set[date]:
    """As German banks and operators write them."""
    found = set()
    for year, month, day in (
        *re.findall(r"(?<!\d)(20\d\d)-(\d\d)-(\d\d)(?!\d)", text),
        *((y, m, d) for d, m, y in re.findall(r"(?<!\d)(\d{1,2})\.(\d{1,2})\.(20\d\d|\d\d)(?!\d)", text)),
    ):
        with suppress(ValueError):
            found.add(date(int(year) % 100 + 2000, int(month), int(day)))
    return found


def _earliest(one: Sent) -> date:
    return one.day - _FETCHED_BEFORE if one.kind is SentKind.CHANGE else one.day


def _may_be(one: Sent, line: BankLine) -> bool:
    """A terminal's day is over before its money comes."""
    if one.kind is SentKind.TERMINAL and line.booked_on <= one.day:
        return False
    return _earliest(one) <= line.booked_on <= one.day + _LATEST


def _alone(cause: Cause, one: Sent, day: date, there: int | None = None) -> Difference:
    proposal: Proposal = PROPOSALS[cause]
    return Difference(
        cause=cause, subject=one.subject, day=day, here_cents=one.cents, there_cents=there, proposal=proposal
    )
