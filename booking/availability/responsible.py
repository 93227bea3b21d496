"""Which counters may serve somebody who is booked already: the one place that every road asks after the first booking. Pure.

Who has said nothing (staff booked them, or there were no lines then) stays with the team they are booked with.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from booking.availability.model import ANYBODY, Offer, Who
from booking.catalogue.responsibility import Lines


@dataclass(frozen=True, slots=True)
class Served:
    """For whom a case is, as far as that was said, and the counters it is booked at."""

    who: Who = ANYBODY
    counters: tuple[int, ...] = ()

    def may_be_served(self, offer: Offer, counter_id: int) -> bool:
        lines = _lines(offer)
        its = lines.get(counter_id)
        if its is None:  # it serves everybody
            return True
        if self.who != ANYBODY:
            return self.who.is_covered_by(its)
        return any(lines.get(own, frozenset()) <= its for own in self.counters if own in lines)

    def at_responsible(self, offer: Offer) -> Offer:
        """With the offices and counters that may serve them."""
        if not offer.asks:
            return offer
        cut = {
            ident: replace(office, counters=tuple(c for c in office.counters if self.may_be_served(offer, c)))
            for ident, office in offer.offices.items()
        }
        return replace(offer, offices={ident: office for ident, office in cut.items() if office.counters})


def _lines(offer: Offer) -> dict[int, frozenset[Lines]]:
    found: dict[int, frozenset[Lines]] = {}
    for office in offer.offices.values():
        for team in office.teams:
            found[team.counter_id] = found.get(team.counter_id, frozenset()) | {team.covers}
    return found
