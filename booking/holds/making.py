"""Making one hold: memory proposes a counter, the constraint in the database decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from base.clock import Clock
from base.i18n import zone
from base.seal import Sealer
from booking.availability.model import Audience, Offer, OfficeOffer, Part, Who
from booking.availability.offering import NotOffered, check_who
from booking.availability.slots import day_of
from booking.availability.usecases import Availability
from booking.catalogue.model import Fee
from booking.holds.batch import Batcher
from booking.holds.finder import Finder
from booking.holds.model import Asked, FeeOn, Hold, HoldStatus, Wanted
from booking.holds.refusals import StartNotOffered
from booking.holds.refusing import Refusing
from booking.holds.said import seal_who

_GENERATIONS = 8
_WAYS_TRIED = 8  # of having a visit, where this process did not know yet what others had taken


class Maker:
    def __init__(
        self,
        availability: Availability,
        batcher: Batcher,
        fee_on: FeeOn,
        sealer: Sealer,
        clock: Clock,
        finder: Finder,
        refusing: Refusing,
    ) -> None:
        self._availability = availability
        self._batcher = batcher
        self._fee_on = fee_on
        self._sealer = sealer
        self._clock = clock
        self._finder = finder
        self._refusing = refusing

    async def make(self, asked: Asked) -> Hold:
        """Raises NotOffered, StartNotOffered, SlotTaken, GivenOutByNeed, TooMany, TwiceInAVisit, PassRefused."""
        audience, starts_at = asked.audience, asked.starts_at
        offer, (office,) = self._availability.get_offer(asked.service_id, asked.channel, [asked.office_id], asked.visit)
        if audience is Audience.PUBLIC:
            check_who(offer, asked.visit)
        who = asked.visit.who.only(offer.asks)
        fees = self._fees(asked, office)
        for generation in range(_GENERATIONS):
            ident = asked.ident_of(generation)
            if generation == 0 and not self._availability.is_offered(offer, office, starts_at, audience):
                own = await self._finder.find(ident)  # a repeat may come when the time is too near for anybody new
                if own is None or own.status is HoldStatus.OVER:
                    raise StartNotOffered
                return own
            if office.steps:
                made = await self._try_ways(asked, offer, office, fees, ident, who)
            else:
                made = await self._try_counters(asked, offer, office, fees[asked.service_id], ident, who)
            if made is not None:
                return made
            own = await self._finder.find(ident)
            if own is None:
                break
            if own.status is not HoldStatus.OVER:
                return own
        raise self._refusing.why(asked)

    async def made(self, asked: Asked) -> Hold | None:
        """What stands of it, and is not over."""
        for generation in range(_GENERATIONS):
            own = await self._finder.find(asked.ident_of(generation))
            if own is None or own.status is not HoldStatus.OVER:
                return own
        return None

    def _fees(self, asked: Asked, office: OfficeOffer) -> Mapping[int, Fee]:
        """By service, as they are today. Raises NotOffered."""
        today = day_of(self._clock(), zone(office.time_zone))
        fees: dict[int, Fee] = {}
        for service in asked.visit.services(asked.service_id):
            fee = self._fee_on(service, today)
            if fee is None:  # not free of charge: nobody has said what it costs
                raise NotOffered
            fees[service] = fee
        return fees

    async def _try_counters(
        self, asked: Asked, offer: Offer, office: OfficeOffer, fee: Fee, ident: UUID, who: Who
    ) -> Hold | None:
        audience, starts_at, entry = asked.audience, asked.starts_at, asked.entry
        ends_at = starts_at + timedelta(minutes=offer.taken_at(office))
        submit = self._batcher.submit if audience is Audience.PUBLIC else self._batcher.submit_kept
        refused, sealed = set[int](), seal_who(self._sealer, ident, who)
        while free := [
            c for c in self._availability.candidates(offer, office, starts_at, audience) if c not in refused
        ]:
            counter_id = free[0]
            if not self._availability.take(counter_id, starts_at, ends_at, audience):
                refused.add(counter_id)
                continue
            until: datetime | None = None
            try:
                until = await submit(Wanted.at(offer, office, fee.id, counter_id, starts_at, ident, entry, sealed))
            finally:
                if until is not None:
                    self._availability.keep(counter_id, starts_at)
                else:
                    self._availability.give_back(counter_id, starts_at)
            if until is not None:
                return Hold(
                    id=ident,
                    token=self._finder.token(ident),
                    service_id=offer.service_id,
                    channel=offer.channel,
                    office_id=office.office_id,
                    starts_at=starts_at,
                    ends_at=starts_at + timedelta(minutes=offer.duration_at(office)),
                    expires_at=until,  # as stored: a repeated request gets the same answer
                    fee=fee.amount,
                    legal_basis=fee.legal_basis,
                    who=who,
                )
            if await self._finder.find(ident) is not None:
                return None  # this request had been here before: its row is in the way, not another citizen's
            refused.add(counter_id)
        return None

    async def _try_ways(
        self, asked: Asked, offer: Offer, office: OfficeOffer, fees: Mapping[int, Fee], ident: UUID, who: Who
    ) -> Hold | None:
        audience, starts_at, entry = asked.audience, asked.starts_at, asked.entry
        sealed = seal_who(self._sealer, ident, who)
        for parts in islice(self._availability.placements(offer, office, starts_at, audience), _WAYS_TRIED):
            taken: list[Wanted] = []
            until: datetime | None = None
            try:
                if not self._take(parts, office, fees, ident, audience, taken, sealed):
                    continue
                until = await self._batcher.submit_visit(taken, staff=audience is Audience.STAFF, entry=entry)
            finally:
                for part in taken:
                    end = self._availability.give_back if until is None else self._availability.keep
                    end(part.counter_id, part.starts_at)
            if until is not None:
                return await self._finder.get(ident)
            if await self._finder.find(ident) is not None:
                return None
        return None

    def _take(
        self,
        parts: Sequence[Part],
        office: OfficeOffer,
        fees: Mapping[int, Fee],
        ident: UUID,
        audience: Audience,
        taken: list[Wanted],
        who: bytes | None,
    ) -> bool:
        """In memory, each part once; what was taken stands in `taken` also where one was not free."""
        for part in parts:
            wanted = Wanted.part(part, office, fees[part.item.service_id].id, ident, who)
            if not self._availability.take(wanted.counter_id, wanted.starts_at, wanted.ends_at, audience):
                return False
            taken.append(wanted)
        return True
