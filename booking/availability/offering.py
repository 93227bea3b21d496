"""What is offered to a visit: its services together, at the offices that have them all, by the counters that are responsible."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from base.errors import DomainError, FieldError, Invalid
from base.i18n import mark as _
from booking.availability import visits
from booking.availability.model import ANYBODY, JUST_ONE, Item, Offer, Offers, OfficeOffer, Visit

_MEMO_LIMIT = 4096


class NotOffered(DomainError):
    """Unknown service, channel or office, or not this service on this channel at this office."""

    code = "not_offered"
    status = 404
    message = _("This service is not offered this way.")


class TooMany(DomainError):
    """`most`: of the service. Several services in one visit are each counted by themselves."""

    code = "too_many"
    status = 422
    message = _("At most {most} of this service fit into one visit.")


class NobodyResponsible(NotOffered):
    code = "nobody_responsible"
    message = _("No office here is responsible for this name, place or matter. Please call: we tell you who is.")


class WhoNeeded(Invalid):
    """Which counters are responsible depends on it, so it is asked before times are shown."""

    code = "who_needed"
    message = _("Who is responsible depends on this.")

    def __init__(self, fields: Iterable[str]) -> None:
        super().__init__([FieldError(f"/{_SAID_AS.get(name, name)}", self.code, self.message) for name in fields])


_SAID_AS = {"letters": "surname"}


def check_who(offer: Offer, visit: Visit) -> None:
    """Raises WhoNeeded. Staff are not asked: they know."""
    if missing := visit.who.missing(offer.asks):
        raise WhoNeeded(missing)


class TwiceInAVisit(DomainError):
    code = "twice_in_a_visit"
    status = 422
    message = _("Each service is named once in a visit, with its number.")


class Offering:
    """`lead_minutes`: the city's."""

    def __init__(self, offers: Offers, lead_minutes: int) -> None:
        self._offers = offers
        self._lead_minutes = lead_minutes
        self._visits: dict[tuple[int, str, Visit], tuple[list[tuple[Offer, int]], Offer]] = {}

    def find(self, service_id: int, channel: str, visit: Visit) -> Offer | None:
        """Raises TooMany, TwiceInAVisit."""
        if visit == JUST_ONE:
            one = self._offers.offer(service_id, channel)
            if one is None or not one.needs_more:
                return one
        items = (Item(service_id, visit.quantity), *visit.also)
        if len({item.service_id for item in items}) < len(items):
            raise TwiceInAVisit
        parts = []
        for item in items:
            offer = self._offers.offer(item.service_id, channel)
            if offer is None:
                return None
            if item.quantity > offer.most:
                raise TooMany(most=offer.most)
            parts.append((offer, item.quantity))
        key = (service_id, channel, visit)
        kept = self._visits.get(key)
        if kept is not None and kept[0] == parts:
            return kept[1]
        made = self._made(parts, visit)
        if len(self._visits) >= _MEMO_LIMIT:
            self._visits.clear()
        self._visits[key] = (parts, made)
        return made

    def _made(self, parts: Sequence[tuple[Offer, int]], visit: Visit) -> Offer:
        """Of the counters that are responsible, where it is said for whom."""
        if visit.who != ANYBODY:
            parts = [(offer.for_whom(replace(JUST_ONE, who=visit.who)), quantity) for offer, quantity in parts]
        first, quantity = parts[0]
        if len(parts) == 1 and quantity == 1 and not first.needs_more:
            return first
        made = visits.visit_offer(parts, self._lead_minutes)
        return replace(made, visit=visit)

    def offices(
        self, service_id: int, channel: str, office_ids: Iterable[int] | None, visit: Visit
    ) -> Sequence[tuple[Offer, OfficeOffer]]:
        offer = self.find(service_id, channel, visit)
        if offer is None:
            return ()
        wanted = sorted(offer.offices if office_ids is None else set(office_ids) & offer.offices.keys())
        return [(offer, offer.offices[office]) for office in wanted]
