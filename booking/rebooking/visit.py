"""What a displaced case takes of the counters, and where the same is had: its services together with their rooms and officials
(docs/adr/0031, 0035).

At the very same time only what is closed goes elsewhere: whoever comes finds the rest of the visit where it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import uuid4

from booking.availability.model import Item, Offer, Offers, OfficeOffer, Step, Visit
from booking.availability.responsible import Served
from booking.availability.usecases import Availability
from booking.availability.visits import visit_offer
from booking.holds.model import Wanted
from booking.rebooking.model import Taken

_WAYS_TRIED = 8  # where others take the same in this moment


@dataclass(frozen=True, slots=True)
class Had:
    """All that a case has: where its people are served, in their order, and then the rest."""

    taken: tuple[Taken, ...]

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(Item(one.service_id, one.quantity) for one in self.taken if one.quantity)

    @property
    def visit(self) -> Visit:
        return Visit(self.items[0].quantity, self.items[1:])

    @property
    def fees(self) -> Mapping[int, int]:
        """By service, the version that was frozen at the booking; a service without one is not in it."""
        return {one.service_id: one.fee_id for one in self.taken if one.quantity and one.fee_id is not None}


def offer_of(offers: Offers, channel: str, had: Had, them: Served | None = None) -> Offer | None:
    """All of the visit together, at the counters that may serve them. None: it is not offered like this any more."""
    parts: list[tuple[Offer, int]] = []
    for item in had.items:
        offer = offers.offer(item.service_id, channel)
        if offer is None or item.quantity > offer.most or item.service_id not in had.fees:
            return None
        parts.append((them.at_responsible(offer) if them else offer, item.quantity))
    if not parts:
        return None
    first, quantity = parts[0]
    if len(parts) == 1 and quantity == 1 and not first.needs_more:
        return first
    return visit_offer(parts, 0)


def counters_of(offer: Offer) -> set[int]:
    """Where its time is taken, rooms and the like included."""
    found: set[int] = set()
    for office in offer.offices.values():
        found.update(office.counters)
        for step in office.steps:
            found.update(step.counters, *step.resources)
    return found


def ways(
    view: Availability, offer: Offer, office: OfficeOffer, had: Had, starts_at: datetime
) -> Iterator[tuple[Wanted, ...]]:
    """Of having all of it then, the best first; each under an id of its own."""
    if not office.steps:
        for counter_id in view.candidates(offer, office, starts_at):
            yield (Wanted.at(offer, office, had.fees[offer.service_id], counter_id, starts_at, uuid4()),)
        return
    for parts in islice(view.placements(offer, office, starts_at), _WAYS_TRIED):
        ident = uuid4()
        yield tuple(Wanted.part(part, office, had.fees[part.item.service_id], ident) for part in parts)


def is_to_be_had(view: Availability, offer: Offer, office: OfficeOffer, starts_at: datetime) -> bool:
    if not office.steps:
        return bool(view.candidates(offer, office, starts_at))
    return any(True for _ in view.placements(offer, office, starts_at))


def elsewhere(view: Availability, office: OfficeOffer, had: Had) -> tuple[Wanted, ...] | None:
    """The same time at the same office: what is closed at other counters or rooms of its kind, the rest as it is. None: some of it is
    free nowhere then, or the service needs other things today. What is free is taken in the view."""
    steps = {step.item.service_id: step for step in office.steps}
    if len(had.taken) != sum(1 + len(step.resources) for step in office.steps):
        return None
    closed = [one for one in had.taken if one.is_closed]
    instead: dict[int, int] = {}
    for counter_id in dict.fromkeys(one.counter_id for one in closed):
        here = [one for one in closed if one.counter_id == counter_id]
        free = [_free(view, steps[one.service_id], one) for one in here]
        others = [other for other in free[0] if all(other in each for each in free)]
        if not others:
            _give_back(view, closed, instead)
            return None
        instead[counter_id] = others[0]
        for one in here:
            view.take(others[0], one.starts_at, one.ends_at)
    ident, fees = uuid4(), had.fees
    return tuple(
        Wanted(
            hold_id=ident,
            service_id=one.service_id,
            fee_id=fees[one.service_id],
            counter_id=instead[one.counter_id] if one.is_closed else one.counter_id,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            quantity=one.quantity,
            buffer_min=one.buffer_min,
            office_id=office.office_id,
        )
        for one in had.taken
    )


def _free(view: Availability, step: Step, one: Taken) -> Sequence[int]:
    """Of its kind, for all its time."""
    kind = step.counters if one.quantity else next((rooms for rooms in step.resources if one.counter_id in rooms), ())
    return view.fitting(kind, one.starts_at, one.ends_at)


def _give_back(view: Availability, closed: Sequence[Taken], instead: Mapping[int, int]) -> None:
    for one in closed:
        if one.counter_id in instead:
            view.give_back(instead[one.counter_id], one.starts_at)
