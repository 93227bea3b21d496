"""Whom this process can refuse by what it knows, and with which words."""

from __future__ import annotations

from collections.abc import Callable

from base.errors import DomainError
from booking.availability.model import JUST_ONE
from booking.availability.offering import check_who
from booking.availability.usecases import Availability
from booking.holds.model import Asked
from booking.holds.refusals import GivenOutByNeed, SlotTaken


class Refusing:
    def __init__(self, availability: Availability, by_need: Callable[[int], bool]) -> None:
        self._availability = availability
        self._by_need = by_need

    def looks_sold_out(self, asked: Asked) -> bool:
        """Needs neither a task nor a journey: a release refuses most of those who come. Raises NotOffered, WhoNeeded."""
        offer, (office,) = self._availability.get_offer(asked.service_id, asked.channel, [asked.office_id])
        check_who(offer, JUST_ONE)
        return self._availability.is_sold_out(offer, office, asked.starts_at) and self._availability.is_offered(
            offer, office, asked.starts_at
        )

    def why(self, asked: Asked) -> DomainError:
        """For a time that is gone."""
        if any(map(self._by_need, asked.visit.services(asked.service_id))):
            return GivenOutByNeed()
        return self.taken(asked)

    def taken(self, asked: Asked) -> SlotTaken:
        return SlotTaken(
            self._availability.nearest(
                asked.service_id,
                asked.channel,
                [asked.office_id],
                asked.starts_at,
                audience=asked.audience,
                visit=asked.visit,
            )
        )
