"""A visit of several parts: services one after the other, each once or more often, at one counter or from counter to counter. Pure.

One counter that can do everything does it without a break. Otherwise each part waits at most the gap for its counter. A buffer is for who
comes next: where that is this visit itself, at the same counter, it is cut short.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
        asks=tuple(sorted({asked for offer, _ in parts for asked in offer.asks})),
        is_group=False,  # whoever does more than that is shown times, not places
        visit=Visit(quantity, tuple(Item(offer.service_id, n) for offer, n in parts[1:])),
    )


def _office(parts: Sequence[tuple[Offer, OfficeOffer, int]], lead_min: int) -> OfficeOffer:
    first, office, _ = parts[0]
    horizons = [one.horizon_days for _, one, _ in parts if one.horizon_days is not None]
    steps = tuple(
        Step(Item(offer.service_id, n), one.counters, _minutes(offer, one, n), one.buffer_min, one.resources)
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
    chain = together = -1  # after the last part nothing is needed
    for step in reversed(steps):
        cells, needed = cells_needed(step.minutes), cells_needed(step.minutes + step.buffer_min)
        here = book.starts(step.counters, first, count + beyond, needed, staff=staff)
        having = _having(book, step, first, count + beyond, needed, staff=staff)
        together = having & together >> cells
        chain = here & having & _within(chain >> cells, gap)
    whole = cells_needed(sum(step.minutes for step in steps) + steps[-1].buffer_min)
    return (chain | together & book.starts(_able(steps), first, count, whole, staff=staff)) & span(0, count)


def _having(book: Book, step: Step, first: int, count: int, needed: int, *, staff: bool) -> int:
    """Where of each kind of resource one is free."""
    found = -1
    for kind in step.resources:
        found &= book.starts(kind, first, count, needed, staff=staff)
    return found


def placements(
    book: Book, steps: Sequence[Step], cell: int, gap: int, *, staff: bool = False
) -> Iterator[tuple[Part, ...]]:
    """The ways to have a visit that begins at this cell, by one counter first, then with the shortest waits."""
    whole = cells_needed(sum(step.minutes for step in steps) + steps[-1].buffer_min)
    for counter_id in book.fitting(_able(steps), cell, whole, staff=staff):
        if (way := _with_resources(book, steps, tuple(_row(steps, counter_id, cell)), staff=staff)) is not None:
            yield _cut(way)
    if len(steps) > 1:
        for parts in _chains(book, steps, cell, gap, staff=staff):
            if (way := _with_resources(book, steps, parts, staff=staff)) is not None:
                yield _cut(way)


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


def _with_resources(
    book: Book, steps: Sequence[Step], parts: tuple[Part, ...], *, staff: bool
) -> tuple[Part, ...] | None:
    """And then, for as long as each part, one resource of each kind that it needs; they count as nothing. None: one is missing."""
    more = []
    for step, part in zip(steps, parts, strict=True):
        for kind in step.resources:
            cells = cells_needed(step.minutes + step.buffer_min)
            fitting = book.fitting(kind, part.first, cells, staff=staff)
            if not fitting:
                return None
            item = Item(step.item.service_id, 0)
            more.append(Part(item, fitting[0], part.first, part.first + cells, step.buffer_min))
    return (*parts, *more)


def _cut(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Each buffer ends where its counter goes on with this visit."""
    found = []
    for part in parts:
        later = (other.first for other in parts if other.counter_id == part.counter_id and other.first > part.first)
        last = min((part.last, *later))
        found.append(replace(part, last=last, buffer_min=part.buffer_min - (part.last - last) * _CELL_MIN))
    return tuple(found)


def _able(steps: Sequence[Step]) -> tuple[int, ...]:
    """The counters that can do everything."""
    return tuple(c for c in steps[0].counters if all(c in step.counters for step in steps))


def _within(mask: int, gap: int) -> int:
    """Bit i set: one of the bits i … i+gap was."""
    found = mask
    for _ in range(gap):
        found = mask | found >> 1
    return found
