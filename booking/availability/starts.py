"""When something can begin at an office, as bits: found in the mirror, and kept while the office's version stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from base.clock import Clock
from base.i18n import zone
from booking.availability import slots as times
from booking.availability import visits
from booking.availability.book import span
from booking.availability.mirror import Mirror
from booking.availability.model import Audience, Offer, OfficeOffer, TimesOfDay, Visit

_MEMO_LIMIT = 4096
_AFTER_NOW = timedelta(microseconds=1)
_ROUND = 4096  # cells


@dataclass(frozen=True, slots=True)
class Starts:
    """The starts of one office: bit i is the cell first+i. Not yet cut at the present moment, so that it can be kept."""

    office: OfficeOffer
    zone: ZoneInfo
    first: int
    mask: int
    audience: Audience

    @property
    def office_id(self) -> int:
        return self.office.office_id


class StartFinder:
    """Through a memo per (office, service, window)."""

    def __init__(self, mirror: Mirror, clock: Clock, lead: timedelta, gap: int) -> None:
        """`lead`: the city's. `gap`: the cells that one visit may wait between two counters."""
        self._mirror = mirror
        self._clock = clock
        self._lead = lead
        self._gap = gap
        self._memo: dict[tuple[int, int, str, Visit, int, int, Audience], tuple[object, int]] = {}

    def whole(self, offer: Offer, office: OfficeOffer, audience: Audience) -> Starts:
        """Of the whole horizon."""
        book = self._mirror.book
        return self.within(offer, office, book.base, book.cells, audience)

    def within(self, offer: Offer, office: OfficeOffer, first: int, count: int, audience: Audience) -> Starts:
        local = zone(office.time_zone)
        key = (office.office_id, offer.service_id, offer.channel, offer.visit, first, count, audience)
        # Everything the mask depends on: the offices' time, the horizon's first day, and the catalogue.
        versions = self._mirror.version((office.office_id, *office.pools))
        state = (versions, self._mirror.book.base, offer.duration_min, office)
        kept = self._memo.get(key)
        if kept is not None and kept[0] == state:
            return Starts(office, local, first, kept[1], audience)
        book, staff = self._mirror.book, audience is Audience.STAFF
        if office.steps:
            mask = visits.starts(book, office.steps, first, count, self._gap, staff=staff)
        else:
            needed = times.cells_needed(offer.taken_at(office))
            mask = book.starts(office.counters, first, count, needed, staff=staff)
        mask &= times.grid_of(first, count, offer.paced_at(office), local)
        if len(self._memo) >= _MEMO_LIMIT:
            self._memo.clear()
        self._memo[key] = (state, mask)
        return Starts(office, local, first, mask, audience)

    def wanted(self, starts: Starts, at: TimesOfDay) -> int:
        mask = self.from_now(starts)
        if not at:
            return mask
        cells = -(-mask.bit_length() // _ROUND) * _ROUND  # so that the masks of the day are few, and kept
        return mask & times.begins_at(starts.first, cells, starts.zone, at)

    def from_now(self, starts: Starts) -> int:
        mask = times.not_before(starts.mask, starts.first, self.earliest(starts.office, starts.audience))
        return mask & span(0, self.latest(starts.office, starts.zone, starts.audience) - starts.first)

    def earliest(self, office: OfficeOffer, audience: Audience) -> datetime:
        return self._clock() + self.lead_at(office, audience)

    def lead_at(self, office: OfficeOffer, audience: Audience) -> timedelta:
        """Staff know how long the way to the counter is. What begins in this moment is held by nobody: the database would refuse it."""
        if audience is Audience.STAFF:
            return _AFTER_NOW
        return max(_AFTER_NOW, self._lead if office.lead_min is None else timedelta(minutes=office.lead_min))

    def latest(self, office: OfficeOffer, local: ZoneInfo, audience: Audience) -> int:
        """The cell before which an appointment must begin."""
        if office.horizon_days is None or audience is Audience.STAFF:
            return self._mirror.book.end
        return times.day_start(times.day_of(self._clock(), local) + timedelta(days=office.horizon_days), local)
