"""What is free: days, times, the next ones, and the counters to try for a hold. All from memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from base.clock import Clock
from base.i18n import zone
from booking.availability import slots as times
from booking.availability import visits
from booking.availability.book import Book, bits, cell_after, cell_of, instant_of, nearest_bits
from booking.availability.mirror import Mirror
from booking.availability.model import (
    ANY_TIME,
    ANYBODY,
    JUST_ONE,
    Audience,
    Basis,
    Offer,
    Offers,
    OfficeOffer,
    Part,
    Slot,
    TimesOfDay,
    Visit,
    Window,
)
from booking.availability.offering import NobodyResponsible, NotOffered, Offering
from booking.availability.starts import StartFinder, Starts

_MEMO_LIMIT = 4096
_Start = tuple[int, str, int, int, Audience]  # service, channel, office, cell, for whom


@dataclass(frozen=True, slots=True)
class _Nearest:
    """`asked`: where was looked; `freed`: Book.freed then."""

    basis: Basis
    slots: tuple[Slot, ...]
    freed: int
    asked: tuple[tuple[Offer, OfficeOffer], ...]


class Availability:
    """Every answer is of the mirror as it is now; what is kept is kept while that stands."""

    def __init__(
        self, mirror: Mirror, offers: Offers, clock: Clock, *, lead_minutes: int, gap_minutes: int = 0
    ) -> None:
        """`gap_minutes`: how long one visit may wait between two counters."""
        self._mirror = mirror
        self._offers = offers
        self._clock = clock
        self._gap = times.cells_needed(gap_minutes)
        self._offering = Offering(offers, lead_minutes)
        self._starts = StartFinder(mirror, clock, timedelta(minutes=lead_minutes), self._gap)
        self._near: dict[tuple[object, ...], _Nearest] = {}
        self._sold_out: dict[_Start, tuple[Book, int, OfficeOffer]] = {}

    def days(
        self,
        service_id: int,
        channel: str,
        office_ids: Iterable[int] | None,
        window: Window,
        visit: Visit = JUST_ONE,
        at: TimesOfDay = ANY_TIME,
    ) -> dict[date, int]:
        """How many starts each day of the window has; every day is in it."""
        counts = dict.fromkeys(window.days, 0)
        for _offer, starts in self._window(service_id, channel, office_ids, window, visit=visit):
            mask = self._starts.wanted(starts, at)
            for day, count in times.count_by_day(mask, starts.first, window, starts.zone).items():
                counts[day] += count
        return counts

    def slots(
        self,
        service_id: int,
        channel: str,
        office_ids: Iterable[int] | None,
        window: Window,
        audience: Audience = Audience.PUBLIC,
        visit: Visit = JUST_ONE,
        at: TimesOfDay = ANY_TIME,
    ) -> list[Slot]:
        return times.in_order(
            self._placed(offer, starts, slot) if offer.is_group else slot
            for offer, starts in self._window(service_id, channel, office_ids, window, audience, visit)
            for slot in times.to_slots(
                self._starts.wanted(starts, at), starts.first, starts.office_id, offer.duration_at(starts.office)
            )
        )

    def next_free(
        self,
        service_id: int,
        channel: str,
        office_ids: Iterable[int] | None,
        after: datetime | None = None,
        limit: int = 3,
        visit: Visit = JUST_ONE,
        at: TimesOfDay = ANY_TIME,
    ) -> list[Slot]:
        """The first times from now, or from a moment, until the end of the horizon."""
        return times.in_order(self._first(service_id, channel, office_ids, after, limit, visit, at))[:limit]

    def earliest(
        self,
        service_id: int,
        channel: str,
        office_ids: Iterable[int],
        visit: Visit = JUST_ONE,
        at: TimesOfDay = ANY_TIME,
    ) -> list[Slot]:
        """The first time of each office that has one, the soonest first."""
        return times.in_order(self._first(service_id, channel, office_ids, None, 1, visit, at))

    def _first(
        self,
        service_id: int,
        channel: str,
        office_ids: Iterable[int] | None,
        after: datetime | None,
        each: int,
        visit: Visit,
        at: TimesOfDay,
    ) -> Iterator[Slot]:
        """Up to `each` of every office."""
        for offer, starts in self._horizon(service_id, channel, office_ids, visit):
            mask = self._starts.wanted(starts, at)
            if after is not None:
                mask = times.not_before(mask, starts.first, after)
            for bit in itertools.islice(bits(mask), each):
                slot = times.slot_at(starts.first + bit, starts.office_id, offer.duration_at(starts.office))
                yield self._placed(offer, starts, slot)

    def nearest(
        self,
        service_id: int,
        channel: str,
        office_ids: Iterable[int],
        starts_at: datetime,
        limit: int = 3,
        audience: Audience = Audience.PUBLIC,
        visit: Visit = JUST_ONE,
    ) -> list[Slot]:
        """The times nearest to one that is gone: at the same offices, and only where these have too few at others. Kept while they
        stand: when a day is sold out, thousands ask for the same."""
        same = frozenset(office_ids)
        key = (service_id, channel, visit, same, starts_at, limit, audience)
        kept = self._near.get(key)
        if kept is not None and (self.stands(kept.basis) or self._are_still_nearest(kept, audience)):
            return list(kept.slots)
        asked = self._offering.offices(service_id, channel, same, visit)
        found = self._near_at(asked, starts_at, limit, audience)
        if len(found) < limit:
            others = [
                each
                for each in self._offering.offices(service_id, channel, None, visit)
                if each[1].office_id not in same
            ]
            found += self._near_at(others, starts_at, limit - len(found), audience)
            asked = [*asked, *others]
        if asked:
            if len(self._near) >= _MEMO_LIMIT:
                self._near.clear()
            basis = self.basis(asked[0][0], [office for _, office in asked], self._clock(), audience)
            self._near[key] = _Nearest(basis, tuple(found), self._mirror.book.freed, tuple(asked))
        return found

    def _are_still_nearest(self, kept: _Nearest, audience: Audience) -> bool:
        """While time is only taken, the nearest stay the nearest as long as each of them can be had. In a release something is taken
        between any two questions, and looking through all days again costs more than the hold."""
        offers = {office.office_id: (offer, office) for offer, office in kept.asked}
        return (
            kept.freed == self._mirror.book.freed
            and self._is_of_now(kept.basis)
            and not any(offer.is_group or office.steps for offer, office in kept.asked)
            and not any(self.is_sold_out(*offers[one.office_id], one.starts_at, audience) for one in kept.slots)
        )

    def _near_at(
        self, offices: Sequence[tuple[Offer, OfficeOffer]], starts_at: datetime, limit: int, audience: Audience
    ) -> list[Slot]:
        near: list[Slot] = []
        for offer, office in offices:
            starts = self._starts.whole(offer, office, audience)
            position = cell_of(starts_at) - starts.first
            for bit in nearest_bits(self._starts.from_now(starts), position, limit):
                slot = times.slot_at(starts.first + bit, starts.office_id, offer.duration_at(office))
                near.append(self._placed(offer, starts, slot))
        near.sort(key=lambda slot: (abs(slot.starts_at - starts_at), slot.starts_at < starts_at, slot.office_id))
        return near[:limit]

    def _placed(self, offer: Offer, starts: Starts, slot: Slot) -> Slot:
        """With the places left, where it is a group that meets."""
        if not offer.is_group:
            return slot
        return replace(slot, places=len(self.candidates(offer, starts.office, slot.starts_at, starts.audience)))

    def get_offer(
        self, service_id: int, channel: str, office_ids: Iterable[int] | None = None, visit: Visit = JUST_ONE
    ) -> tuple[Offer, list[OfficeOffer]]:
        """The offer and the offices asked for, all of them by default; raises NotOffered, TooMany, TwiceInAVisit."""
        offer = self._offering.find(service_id, channel, visit)
        wanted = set(office_ids) if office_ids is not None else set(offer.offices) if offer else set()
        if offer is None or not wanted or not wanted <= offer.offices.keys():
            raise NobodyResponsible if offer is not None and visit.who != ANYBODY else NotOffered
        return offer, [offer.offices[office] for office in sorted(wanted)]

    def is_offered(
        self, offer: Offer, office: OfficeOffer, starts_at: datetime, audience: Audience = Audience.PUBLIC
    ) -> bool:
        """Whether the service begins on this grid at all, and neither too soon nor too late. Says nothing about who is there first."""
        if not (self._starts.earliest(office, audience) <= starts_at and cell_of(starts_at) < self._mirror.book.end):
            return False  # looked at first: the years 1 and 9999 have no local time
        local = zone(office.time_zone)
        if not times.is_on_grid(starts_at, offer.paced_at(office), local):
            return False
        return cell_of(starts_at) < self._starts.latest(office, local, audience)

    def is_sold_out(
        self, offer: Offer, office: OfficeOffer, starts_at: datetime, audience: Audience = Audience.PUBLIC
    ) -> bool:
        """Whether no counter is free then. Kept until time is freed; else looked for until the first that is."""
        book, cell = self._mirror.book, cell_of(starts_at)
        key = (offer.service_id, offer.channel, office.office_id, cell, audience)
        if self._is_known_sold_out(key, office):
            return True
        count, staff = times.cells_needed(offer.taken_at(office)), audience is Audience.STAFF
        for counter_id in office.counters:
            if book.is_free(counter_id, cell, count, staff=staff):
                return False
        self._know_sold_out(key, office)
        return True

    def _is_known_sold_out(self, key: _Start, office: OfficeOffer) -> bool:
        book, known = self._mirror.book, self._sold_out.get(key)
        return known is not None and known[0] is book and known[1] == book.freed and known[2] is office

    def _know_sold_out(self, key: _Start, office: OfficeOffer) -> None:
        if len(self._sold_out) >= _MEMO_LIMIT:
            self._sold_out.clear()
        self._sold_out[key] = (self._mirror.book, self._mirror.book.freed, office)

    def candidates(
        self, offer: Offer, office: OfficeOffer, starts_at: datetime, audience: Audience = Audience.PUBLIC
    ) -> list[int]:
        """Counters that are free then, those first where the time fits snugly."""
        cell = cell_of(starts_at)
        key = (offer.service_id, offer.channel, office.office_id, cell, audience)
        if self._is_known_sold_out(key, office):
            return []
        count, staff = times.cells_needed(offer.taken_at(office)), audience is Audience.STAFF
        found = self._mirror.book.fitting(office.counters, cell, count, staff=staff)
        if not found:
            self._know_sold_out(key, office)
        return found

    def placements(
        self, offer: Offer, office: OfficeOffer, starts_at: datetime, audience: Audience = Audience.PUBLIC
    ) -> Iterator[tuple[Part, ...]]:
        """The ways to have a visit then, the best first."""
        staff = audience is Audience.STAFF
        return visits.placements(self._mirror.book, office.steps, cell_of(starts_at), self._gap, staff=staff)

    def fitting(self, counters: Iterable[int], start: datetime, end: datetime) -> list[int]:
        """Of these counters or rooms those that are free from then until then, those first where it fits snugly."""
        first = cell_of(start)
        return self._mirror.book.fitting(counters, first, cell_after(end) - first)

    def take(self, counter_id: int, start: datetime, end: datetime, audience: Audience = Audience.PUBLIC) -> bool:
        first = cell_of(start)
        return self._mirror.take(counter_id, first, cell_after(end) - first, staff=audience is Audience.STAFF)

    def keep(self, counter_id: int, start: datetime) -> None:
        self._mirror.keep(counter_id, cell_of(start))

    def give_back(self, counter_id: int, start: datetime) -> None:
        self._mirror.give_back(counter_id, cell_of(start))

    def basis(
        self, offer: Offer, offices: Sequence[OfficeOffer], now: datetime, audience: Audience = Audience.PUBLIC
    ) -> Basis:
        """Of an answer about these offices that was begun at `now`; nothing may be awaited in between. It stands until the first time at
        one of them is too soon to be offered, or until midnight, which moves every window."""
        until = []
        for office in offices:
            starts = self._starts.whole(offer, office, audience)
            until.append(times.next_day(now, starts.zone))
            mask = self._starts.from_now(starts)
            if mask:
                first = instant_of(starts.first + (mask & -mask).bit_length() - 1)
                until.append(first - self._starts.lead_at(office, audience))
        ids = tuple({ident: None for office in offices for ident in (office.office_id, *office.pools)})
        return Basis(self._offers.state, self._mirror.book.base, ids, self._mirror.version(ids), min(until))

    def stands(self, basis: Basis) -> bool:
        """Whether the answer would be made the same way now."""
        return self._mirror.version(basis.offices) == basis.versions and self._is_of_now(basis)

    def _is_of_now(self, basis: Basis) -> bool:
        """But for what was taken or freed."""
        return (
            basis.catalogue is self._offers.state
            and basis.base == self._mirror.book.base
            and self._clock() <= basis.until
        )

    def _window(
        self,
        service_id: int,
        channel: str,
        office_ids: Iterable[int] | None,
        window: Window,
        audience: Audience = Audience.PUBLIC,
        visit: Visit = JUST_ONE,
    ) -> list[tuple[Offer, Starts]]:
        found = []
        for offer, office in self._offering.offices(service_id, channel, office_ids, visit):
            first, count = times.window_cells(window, zone(office.time_zone))
            found.append((offer, self._starts.within(offer, office, first, count, audience)))
        return found

    def _horizon(
        self, service_id: int, channel: str, office_ids: Iterable[int] | None, visit: Visit
    ) -> list[tuple[Offer, Starts]]:
        return [
            (offer, self._starts.whole(offer, office, Audience.PUBLIC))
            for offer, office in self._offering.offices(service_id, channel, office_ids, visit)
        ]
