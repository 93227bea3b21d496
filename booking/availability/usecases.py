"""What is free: days, times, the next ones, and the counters to try for a hold. All from memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from base.clock import Clock
from base.errors import DomainError
from base.i18n import mark as _
from base.i18n import zone
from booking.availability import slots as times
from booking.availability.book import bits, cell_after, cell_of, nearest_bits
from booking.availability.mirror import Mirror
from booking.availability.model import Basis, Offer, Offers, OfficeOffer, Slot, Window

_MEMO_LIMIT = 4096


class NotOffered(DomainError):
    """Unknown service, channel or office, or not this service on this channel at this office."""

    code = "not_offered"
    status = 404
    message = _("This service is not offered this way.")


@dataclass(frozen=True, slots=True)
class _Starts:
    """The starts of one office: bit i is the cell first+i. Not yet cut at the present moment, so that it can be kept."""

    office_id: int
    zone: ZoneInfo
    first: int
    mask: int


class Availability:
    """Reads the mirror through a memo per (office, service, window), valid while the office's version stands."""

    def __init__(self, mirror: Mirror, offers: Offers, clock: Clock, *, lead_minutes: int) -> None:
        self._mirror = mirror
        self._offers = offers
        self._clock = clock
        self._lead = timedelta(minutes=lead_minutes)
        self._near: dict[tuple[object, ...], tuple[Basis, tuple[Slot, ...]]] = {}
        self._memo: dict[tuple[int, int, str, int, int], tuple[object, int]] = {}

    def days(self, service_id: int, channel: str, office_ids: Iterable[int] | None, window: Window) -> dict[date, int]:
        """How many starts each day of the window has; every day is in it."""
        counts = dict.fromkeys(window.days, 0)
        for _offer, starts in self._window(service_id, channel, office_ids, window):
            mask = self._from_now(starts)
            for day, count in times.count_by_day(mask, starts.first, window, starts.zone).items():
                counts[day] += count
        return counts

    def slots(self, service_id: int, channel: str, office_ids: Iterable[int] | None, window: Window) -> list[Slot]:
        return times.in_order(
            slot
            for offer, starts in self._window(service_id, channel, office_ids, window)
            for slot in times.to_slots(self._from_now(starts), starts.first, starts.office_id, offer.duration_min)
        )

    def next_free(
        self,
        service_id: int,
        channel: str,
        office_ids: Iterable[int] | None,
        after: datetime | None = None,
        limit: int = 3,
    ) -> list[Slot]:
        """The first times from now, or from a moment, until the end of the horizon."""
        found: list[Slot] = []
        for offer, starts in self._horizon(service_id, channel, office_ids):
            mask = self._from_now(starts)
            if after is not None:
                mask = times.not_before(mask, starts.first, after)
            for bit in itertools.islice(bits(mask), limit):
                found.append(times.slot_at(starts.first + bit, starts.office_id, offer.duration_min))
        return times.in_order(found)[:limit]

    def nearest(
        self, service_id: int, channel: str, office_ids: Iterable[int], starts_at: datetime, limit: int = 3
    ) -> list[Slot]:
        """The times nearest to one that is gone: at the same offices, and only where these have too few at others. Kept while they
        stand: when a day is sold out, thousands ask for the same."""
        same = frozenset(office_ids)
        key = (service_id, channel, same, starts_at, limit)
        kept = self._near.get(key)
        if kept is not None and self.stands(kept[0]):
            return list(kept[1])
        asked = [office for _, office in self._offices(service_id, channel, same)]
        found = self._near_at(service_id, channel, asked, starts_at, limit)
        if len(found) < limit:
            others = [office for _, office in self._offices(service_id, channel, None) if office.office_id not in same]
            found += self._near_at(service_id, channel, others, starts_at, limit - len(found))
            asked += others
        if asked:
            earliest = min((slot.starts_at for slot in found), default=None)
            if len(self._near) >= _MEMO_LIMIT:
                self._near.clear()
            self._near[key] = (self.basis(asked, earliest, self._clock()), tuple(found))
        return found

    def _near_at(
        self, service_id: int, channel: str, offices: Sequence[OfficeOffer], starts_at: datetime, limit: int
    ) -> list[Slot]:
        near: list[Slot] = []
        for offer, starts in self._horizon(service_id, channel, [office.office_id for office in offices]):
            position = cell_of(starts_at) - starts.first
            for bit in nearest_bits(self._from_now(starts), position, limit):
                near.append(times.slot_at(starts.first + bit, starts.office_id, offer.duration_min))
        near.sort(key=lambda slot: (abs(slot.starts_at - starts_at), slot.starts_at < starts_at, slot.office_id))
        return near[:limit]

    def get_offer(
        self, service_id: int, channel: str, office_ids: Iterable[int] | None = None
    ) -> tuple[Offer, list[OfficeOffer]]:
        """The offer and the offices asked for, all of them by default; raises NotOffered."""
        offer = self._offers.offer(service_id, channel)
        wanted = set(office_ids) if office_ids is not None else set(offer.offices) if offer else set()
        if offer is None or not wanted or not wanted <= offer.offices.keys():
            raise NotOffered
        return offer, [offer.offices[office] for office in sorted(wanted)]

    def is_offered(self, offer: Offer, office: OfficeOffer, starts_at: datetime) -> bool:
        """Whether the service begins on this grid at all, and not too soon. Says nothing about who is there first."""
        if not (self._clock() + self._lead <= starts_at and cell_of(starts_at) < self._mirror.book.end):
            return False  # looked at first: the years 1 and 9999 have no local time
        return times.is_on_grid(starts_at, offer.duration_min, zone(office.time_zone))

    def candidates(self, offer: Offer, office: OfficeOffer, starts_at: datetime) -> list[int]:
        """Counters that are free then, those first where the time fits snugly."""
        return self._mirror.book.fitting(office.counters, cell_of(starts_at), times.cells_needed(offer.duration_min))

    def take(self, counter_id: int, start: datetime, end: datetime) -> bool:
        first = cell_of(start)
        return self._mirror.take(counter_id, first, cell_after(end) - first)

    def keep(self, counter_id: int, start: datetime) -> None:
        self._mirror.keep(counter_id, cell_of(start))

    def give_back(self, counter_id: int, start: datetime) -> None:
        self._mirror.give_back(counter_id, cell_of(start))

    def version(self, office_ids: Iterable[int]) -> tuple[int, ...]:
        """Changes whenever time at one of the offices changed; means nothing in another process."""
        return tuple(self._mirror.versions.get(office, 0) for office in office_ids)

    def basis(self, offices: Sequence[OfficeOffer], earliest: datetime | None, now: datetime) -> Basis:
        """Of an answer about these offices whose first time is `earliest`, begun at `now`. Nothing may be awaited in between."""
        midnight = min(times.next_day(now, zone(office.time_zone)) for office in offices)
        ids = tuple(office.office_id for office in offices)
        until = midnight if earliest is None else min(midnight, earliest - self._lead)
        versions = tuple(map(self._mirror.versions.get, ids))
        return Basis(self._offers.state, self._mirror.book.base, ids, versions, until)

    def stands(self, basis: Basis) -> bool:
        """Whether the answer would be made the same way now."""
        return (
            basis.catalogue is self._offers.state
            and basis.base == self._mirror.book.base
            and tuple(map(self._mirror.versions.get, basis.offices)) == basis.versions
            and self._clock() <= basis.until
        )

    def _window(
        self, service_id: int, channel: str, office_ids: Iterable[int] | None, window: Window
    ) -> list[tuple[Offer, _Starts]]:
        found = []
        for offer, office in self._offices(service_id, channel, office_ids):
            first, count = times.window_cells(window, zone(office.time_zone))
            found.append((offer, self._starts(offer, office, first, count)))
        return found

    def _horizon(self, service_id: int, channel: str, office_ids: Iterable[int] | None) -> list[tuple[Offer, _Starts]]:
        book = self._mirror.book
        return [
            (offer, self._starts(offer, office, book.base, book.cells))
            for offer, office in self._offices(service_id, channel, office_ids)
        ]

    def _offices(
        self, service_id: int, channel: str, office_ids: Iterable[int] | None
    ) -> Sequence[tuple[Offer, OfficeOffer]]:
        offer = self._offers.offer(service_id, channel)
        if offer is None:
            return ()
        wanted = sorted(offer.offices if office_ids is None else set(office_ids) & offer.offices.keys())
        return [(offer, offer.offices[office]) for office in wanted]

    def _starts(self, offer: Offer, office: OfficeOffer, first: int, count: int) -> _Starts:
        local = zone(office.time_zone)
        key = (office.office_id, offer.service_id, offer.channel, first, count)
        # Everything the mask depends on: the office's time, the horizon's first day, and the catalogue.
        state = (self._mirror.versions.get(office.office_id, 0), self._mirror.book.base, offer.duration_min, office)
        kept = self._memo.get(key)
        if kept is not None and kept[0] == state:
            return _Starts(office.office_id, local, first, kept[1])
        needed = times.cells_needed(offer.duration_min)
        mask = self._mirror.book.starts(office.counters, first, count, needed)
        mask &= times.grid_of(first, count, offer.duration_min, local)
        if len(self._memo) >= _MEMO_LIMIT:
            self._memo.clear()
        self._memo[key] = (state, mask)
        return _Starts(office.office_id, local, first, mask)

    def _from_now(self, starts: _Starts) -> int:
        return times.not_before(starts.mask, starts.first, self._clock() + self._lead)
