"""A visit of several parts: services one after the other, each once or more often, at one counter or from counter to counter. Pure.

One counter that can do everything does it without a break. Otherwise each part waits at most the gap for its counter. A buffer is for who
comes next: where that is this visit itself, at the same counter, it is cut short.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from booking.availability.book import CELL_S, Book, span
from booking.availability.model import Item, Offer, OfficeOffer, Part, Step, Visit
from booking.availability.slots import cells_needed

_CELL_MIN = CELL_S // 60


def visit_offer(parts: Sequence[tuple[Offer, int]], lead_min: int) -> Offer:
    """The offers in their order, each with its quantity, as one offer at the offices that have them all. `lead_min`: the city's."""
    first, quantity = parts[0]
    common = set.intersection(*(set(offer.offices) for offer, _ in parts))
    return replace(
        first,
        offices={
            office: _office([(offer, offer.offices[office], n) for offer, n in parts], lead_min)
            for office in sorted(common)
        },
        visit=Visit(quantity, tuple(Item(offer.service_id, n) for offer, n in parts[1:])),
    )


def _office(parts: Sequence[tuple[Offer, OfficeOffer, int]], lead_min: int) -> OfficeOffer:
    first, office, _ = parts[0]
    horizons = [one.horizon_days for _, one, _ in parts if one.horizon_days is not None]
    steps = tuple(
        Step(Item(offer.service_id, n), one.counters, _minutes(offer, one, n), one.buffer_min)
        for offer, one, n in parts
    )
    return replace(
        office,
        duration_min=sum(step.minutes for step in steps),
        grid_min=first.duration_at(office),
        buffer_min=steps[-1].buffer_min,
        lead_min=max(lead_min if one.lead_min is None else one.lead_min for _, one, _ in parts),
        horizon_days=min(horizons, default=None),
        pools=tuple(sorted({pool for _, one, _ in parts for pool in one.pools})),
        steps=steps,
    )


def _minutes(offer: Offer, office: OfficeOffer, quantity: int) -> int:
    once = offer.duration_at(office)
    return once + (quantity - 1) * (once if offer.further_min is None else offer.further_min)


def starts(book: Book, steps: Sequence[Step], first: int, count: int, gap: int, *, staff: bool = False) -> int:
    """Bit i set: a visit can begin at cell first+i. `gap`: the cells that may lie between two counters."""
    beyond = sum(cells_needed(step.minutes) + gap for step in steps)
    chain = -1  # after the last part nothing is needed
    for step in reversed(steps):
        cells, needed = cells_needed(step.minutes), cells_needed(step.minutes + step.buffer_min)
        here = book.starts(step.counters, first, count + beyond, needed, staff=staff)
        chain = here & _within(chain >> cells, gap)
    whole = cells_needed(sum(step.minutes for step in steps) + steps[-1].buffer_min)
    return (chain | book.starts(_able(steps), first, count, whole, staff=staff)) & span(0, count)


def placements(
    book: Book, steps: Sequence[Step], cell: int, gap: int, *, staff: bool = False
) -> Iterator[tuple[Part, ...]]:
    """The ways to have a visit that begins at this cell, by one counter first, then with the shortest waits."""
    whole = cells_needed(sum(step.minutes for step in steps) + steps[-1].buffer_min)
    for counter_id in book.fitting(_able(steps), cell, whole, staff=staff):
        yield _cut(_row(steps, counter_id, cell))
    if len(steps) > 1:
        for parts in _chains(book, steps, cell, gap, staff=staff):
            yield _cut(parts)


def _chains(book: Book, steps: Sequence[Step], cell: int, gap: int, *, staff: bool) -> Iterator[tuple[Part, ...]]:
    step, cells = steps[0], cells_needed(steps[0].minutes)
    for counter_id in book.fitting(step.counters, cell, cells_needed(step.minutes + step.buffer_min), staff=staff):
        part = _part(step, counter_id, cell)
        if len(steps) == 1:
            yield (part,)
            continue
        for wait in range(gap + 1):
            for others in _chains(book, steps[1:], cell + cells + wait, gap, staff=staff):
                yield (part, *others)


def _row(steps: Sequence[Step], counter_id: int, cell: int) -> Iterator[Part]:
    for step in steps:
        yield _part(step, counter_id, cell)
        cell += cells_needed(step.minutes)


def _part(step: Step, counter_id: int, cell: int) -> Part:
    last = cell + cells_needed(step.minutes + step.buffer_min)
    return Part(step.item, counter_id, cell, last, step.buffer_min)


def _cut(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Each buffer ends where its counter goes on with this visit."""
    later: dict[int, int] = {}  # counter -> its next cell
    found = []
    for part in reversed(tuple(parts)):
        last = min(part.last, later.get(part.counter_id, part.last))
        buffer_min = part.buffer_min - (part.last - last) * _CELL_MIN
        found.append(replace(part, last=last, buffer_min=buffer_min))
        later[part.counter_id] = part.first
    return tuple(reversed(found))


def _able(steps: Sequence[Step]) -> tuple[int, ...]:
    """The counters that can do everything."""
    return tuple(c for c in steps[0].counters if all(c in step.counters for step in steps))


def _within(mask: int, gap: int) -> int:
    """Bit i set: one of the bits i … i+gap was."""
    found = mask
    for _ in range(gap):
        found = mask | found >> 1
    return found
