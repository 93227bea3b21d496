"""What is free: days, times, the next ones, and the counters to try for a hold. All from memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from base.clock import Clock
from base.errors import DomainError, FieldError, Invalid
from base.i18n import mark as _
from base.i18n import zone
from booking.availability import slots as times
from booking.availability import visits
from booking.availability.book import Book, bits, cell_after, cell_of, instant_of, nearest_bits, span
from booking.availability.mirror import Mirror
from booking.availability.model import (
    ANY_TIME,
    ANYBODY,
    JUST_ONE,
    Audience,
    Basis,
    Item,
    Offer,
    Offers,
    OfficeOffer,
    Part,
    Slot,
    TimesOfDay,
    Visit,
    Window,
)

_MEMO_LIMIT = 4096
_AFTER_NOW = timedelta(microseconds=1)
_ROUND = 4096


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
    missing = [name for name in offer.asks if not getattr(visit.who, name)]
    if missing:
        raise WhoNeeded(missing)


class TwiceInAVisit(DomainError):
    code = "twice_in_a_visit"
    status = 422
    message = _("Each service is named once in a visit, with its number.")


@dataclass(frozen=True, slots=True)
class _Starts:
    """The starts of one office: bit i is the cell first+i. Not yet cut at the present moment, so that it can be kept."""

    office: OfficeOffer
    zone: ZoneInfo
    first: int
    mask: int
    audience: Audience

    @property
    def office_id(self) -> int:
        return self.office.office_id


class Availability:
    """Reads the mirror through a memo per (office, service, window), valid while the office's version stands."""

    def __init__(
        self, mirror: Mirror, offers: Offers, clock: Clock, *, lead_minutes: int, gap_minutes: int = 0
    ) -> None:
        """`gap_minutes`: how long one visit may wait between two counters."""
        self._mirror = mirror
        self._offers = offers
        self._clock = clock
        self._lead = timedelta(minutes=lead_minutes)
        self._gap = times.cells_needed(gap_minutes)
        self._visits: dict[tuple[int, str, Visit], tuple[list[tuple[Offer, int]], Offer]] = {}
        self._near: dict[tuple[object, ...], tuple[Basis, tuple[Slot, ...]]] = {}
        self._memo: dict[tuple[int, int, str, Visit, int, int, Audience], tuple[object, int]] = {}
        self._sold_out: dict[tuple[int, str, int, int, Audience], tuple[Book, int, OfficeOffer]] = {}

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
            mask = self._wanted(starts, at)
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
                self._wanted(starts, at), starts.first, starts.office_id, offer.duration_at(starts.office)
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
            mask = self._wanted(starts, at)
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
        if kept is not None and self.stands(kept[0]):
            return list(kept[1])
        asked = self._offices(service_id, channel, same, visit)
        found = self._near_at(asked, starts_at, limit, audience)
        if len(found) < limit:
            others = [each for each in self._offices(service_id, channel, None, visit) if each[1].office_id not in same]
            found += self._near_at(others, starts_at, limit - len(found), audience)
            asked = [*asked, *others]
        if asked:
            if len(self._near) >= _MEMO_LIMIT:
                self._near.clear()
            basis = self.basis(asked[0][0], [office for _, office in asked], self._clock(), audience)
            self._near[key] = (basis, tuple(found))
        return found

    def _near_at(
        self, offices: Sequence[tuple[Offer, OfficeOffer]], starts_at: datetime, limit: int, audience: Audience
    ) -> list[Slot]:
        near: list[Slot] = []
        for offer, office in offices:
            starts = self._whole(offer, office, audience)
            position = cell_of(starts_at) - starts.first
            for bit in nearest_bits(self._from_now(starts), position, limit):
                slot = times.slot_at(starts.first + bit, starts.office_id, offer.duration_at(office))
                near.append(self._placed(offer, starts, slot))
        near.sort(key=lambda slot: (abs(slot.starts_at - starts_at), slot.starts_at < starts_at, slot.office_id))
        return near[:limit]

    def _placed(self, offer: Offer, starts: _Starts, slot: Slot) -> Slot:
        """With the places left, where it is a group that meets."""
        if not offer.is_group:
            return slot
        return replace(slot, places=len(self.candidates(offer, starts.office, slot.starts_at, starts.audience)))

    def get_offer(
        self, service_id: int, channel: str, office_ids: Iterable[int] | None = None, visit: Visit = JUST_ONE
    ) -> tuple[Offer, list[OfficeOffer]]:
        """The offer and the offices asked for, all of them by default; raises NotOffered, TooMany, TwiceInAVisit."""
        offer = self._offer(service_id, channel, visit)
        wanted = set(office_ids) if office_ids is not None else set(offer.offices) if offer else set()
        if offer is None or not wanted or not wanted <= offer.offices.keys():
            raise NobodyResponsible if offer is not None and visit.who != ANYBODY else NotOffered
        return offer, [offer.offices[office] for office in sorted(wanted)]

    def is_offered(
        self, offer: Offer, office: OfficeOffer, starts_at: datetime, audience: Audience = Audience.PUBLIC
    ) -> bool:
        """Whether the service begins on this grid at all, and neither too soon nor too late. Says nothing about who is there first."""
        if not (self._earliest(office, audience) <= starts_at and cell_of(starts_at) < self._mirror.book.end):
            return False  # looked at first: the years 1 and 9999 have no local time
        local = zone(office.time_zone)
        if not times.is_on_grid(starts_at, offer.paced_at(office), local):
            return False
        return cell_of(starts_at) < self._latest(office, local, audience)

    def is_sold_out(
        self, offer: Offer, office: OfficeOffer, starts_at: datetime, audience: Audience = Audience.PUBLIC
    ) -> bool:
        """Whether no counter is free then. Kept until time is freed; else looked for until the first that is."""
        book, cell = self._mirror.book, cell_of(starts_at)
        key = (offer.service_id, offer.channel, office.office_id, cell, audience)
        sold_out = self._sold_out.get(key)
        if sold_out is not None and sold_out[0] is book and sold_out[1] == book.freed and sold_out[2] is office:
            return True
        count, staff = times.cells_needed(offer.taken_at(office)), audience is Audience.STAFF
        if any(book.is_free(counter_id, cell, count, staff=staff) for counter_id in office.counters):
            return False
        if len(self._sold_out) >= _MEMO_LIMIT:
            self._sold_out.clear()
        self._sold_out[key] = (book, book.freed, office)
        return True

    def candidates(
        self, offer: Offer, office: OfficeOffer, starts_at: datetime, audience: Audience = Audience.PUBLIC
    ) -> list[int]:
        """Counters that are free then, those first where the time fits snugly."""
        if self.is_sold_out(offer, office, starts_at, audience):
            return []
        count, staff = times.cells_needed(offer.taken_at(office)), audience is Audience.STAFF
        return self._mirror.book.fitting(office.counters, cell_of(starts_at), count, staff=staff)

    def placements(
        self, offer: Offer, office: OfficeOffer, starts_at: datetime, audience: Audience = Audience.PUBLIC
    ) -> Iterator[tuple[Part, ...]]:
        """The ways to have a visit then, the best first."""
        staff = audience is Audience.STAFF
        return visits.placements(self._mirror.book, office.steps, cell_of(starts_at), self._gap, staff=staff)

    def take(self, counter_id: int, start: datetime, end: datetime, audience: Audience = Audience.PUBLIC) -> bool:
        first = cell_of(start)
        return self._mirror.take(counter_id, first, cell_after(end) - first, staff=audience is Audience.STAFF)

    def keep(self, counter_id: int, start: datetime) -> None:
        self._mirror.keep(counter_id, cell_of(start))

    def give_back(self, counter_id: int, start: datetime) -> None:
        self._mirror.give_back(counter_id, cell_of(start))

    def version(self, office_ids: Iterable[int]) -> tuple[int | None, ...]:
        """Changes whenever time at one of the offices changed; means nothing in another process."""
        return tuple(map(self._mirror.versions.get, office_ids))

    def basis(
        self, offer: Offer, offices: Sequence[OfficeOffer], now: datetime, audience: Audience = Audience.PUBLIC
    ) -> Basis:
        """Of an answer about these offices that was begun at `now`; nothing may be awaited in between. It stands until the first time at
        one of them is too soon to be offered, or until midnight, which moves every window."""
        until = []
        for office in offices:
            starts = self._whole(offer, office, audience)
            until.append(times.next_day(now, starts.zone))
            mask = self._from_now(starts)
            if mask:
                first = instant_of(starts.first + (mask & -mask).bit_length() - 1)
                until.append(first - self._lead_at(office, audience))
        ids = tuple({ident: None for office in offices for ident in (office.office_id, *office.pools)})
        return Basis(self._offers.state, self._mirror.book.base, ids, self.version(ids), min(until))

    def stands(self, basis: Basis) -> bool:
        """Whether the answer would be made the same way now."""
        return (
            basis.catalogue is self._offers.state
            and basis.base == self._mirror.book.base
            and self.version(basis.offices) == basis.versions
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
    ) -> list[tuple[Offer, _Starts]]:
        found = []
        for offer, office in self._offices(service_id, channel, office_ids, visit):
            first, count = times.window_cells(window, zone(office.time_zone))
            found.append((offer, self._starts(offer, office, first, count, audience)))
        return found

    def _horizon(
        self, service_id: int, channel: str, office_ids: Iterable[int] | None, visit: Visit
    ) -> list[tuple[Offer, _Starts]]:
        return [
            (offer, self._whole(offer, office, Audience.PUBLIC))
            for offer, office in self._offices(service_id, channel, office_ids, visit)
        ]

    def _whole(self, offer: Offer, office: OfficeOffer, audience: Audience) -> _Starts:
        """Of the whole horizon."""
        book = self._mirror.book
        return self._starts(offer, office, book.base, book.cells, audience)

    def _offer(self, service_id: int, channel: str, visit: Visit) -> Offer | None:
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
        made = visits.visit_offer(parts, int(self._lead.total_seconds()) // 60)
        return replace(made, visit=visit)

    def _offices(
        self, service_id: int, channel: str, office_ids: Iterable[int] | None, visit: Visit
    ) -> Sequence[tuple[Offer, OfficeOffer]]:
        offer = self._offer(service_id, channel, visit)
        if offer is None:
            return ()
        wanted = sorted(offer.offices if office_ids is None else set(office_ids) & offer.offices.keys())
        return [(offer, offer.offices[office]) for office in wanted]

    def _starts(self, offer: Offer, office: OfficeOffer, first: int, count: int, audience: Audience) -> _Starts:
        local = zone(office.time_zone)
        key = (office.office_id, offer.service_id, offer.channel, offer.visit, first, count, audience)
        # Everything the mask depends on: the offices' time, the horizon's first day, and the catalogue.
        versions = self.version((office.office_id, *office.pools))
        state = (versions, self._mirror.book.base, offer.duration_min, office)
        kept = self._memo.get(key)
        if kept is not None and kept[0] == state:
            return _Starts(office, local, first, kept[1], audience)
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
        return _Starts(office, local, first, mask, audience)

    def _wanted(self, starts: _Starts, at: TimesOfDay) -> int:
        mask = self._from_now(starts)
        if not at:
            return mask
        cells = -(-mask.bit_length() // _ROUND) * _ROUND  # so that the masks of the day are few, and kept
        return mask & times.begins_at(starts.first, cells, starts.zone, at)

    def _from_now(self, starts: _Starts) -> int:
        mask = times.not_before(starts.mask, starts.first, self._earliest(starts.office, starts.audience))
        return mask & span(0, self._latest(starts.office, starts.zone, starts.audience) - starts.first)

    def _earliest(self, office: OfficeOffer, audience: Audience) -> datetime:
        return self._clock() + self._lead_at(office, audience)

    def _lead_at(self, office: OfficeOffer, audience: Audience) -> timedelta:
        """Staff know how long the way to the counter is. What begins in this moment is held by nobody: the database would refuse it."""
        if audience is Audience.STAFF:
            return _AFTER_NOW
        return max(_AFTER_NOW, self._lead if office.lead_min is None else timedelta(minutes=office.lead_min))

    def _latest(self, office: OfficeOffer, local: ZoneInfo, audience: Audience) -> int:
        """The cell before which an appointment must begin."""
        if office.horizon_days is None or audience is Audience.STAFF:
            return self._mirror.book.end
        return times.day_start(times.day_of(self._clock(), local) + timedelta(days=office.horizon_days), local)
