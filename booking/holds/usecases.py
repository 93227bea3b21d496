"""Taking a time: memory proposes a counter, the constraint in the database decides."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any
from uuid import UUID

import asyncpg

from base.clock import Clock
from base.db import Database, violates
from base.errors import Conflict, DomainError, FieldError, Invalid, NotFound
from base.i18n import mark as _
from base.i18n import zone
from base.identity.usecases import network_of
from base.lines import Message
from base.money import Money
from base.seal import Sealer, same
from booking.availability.book import CELL_S
from booking.availability.model import JUST_ONE, Audience, Item, Offer, OfficeOffer, Part, Slot, Visit, Who
from booking.availability.offering import NotOffered, check_who
from booking.availability.slots import day_of
from booking.availability.usecases import Availability
from booking.catalogue.model import Fee
from booking.holds import store
from booking.holds.batch import Batcher
from booking.holds.finder import Finder
from booking.holds.model import (
    Entry,
    Hold,
    HoldStatus,
    Override,
    Wanted,
    hold_id,
    token_text,
    told,
    understood,
    visit_key,
)
from booking.holds.owners import Owners
from booking.holds.refusals import PASS_REFUSALS, PassNeeded, PassRefused
from booking.holds.said import open_who, seal_who

log = logging.getLogger(__name__)

FeeOn = Callable[[int, date], Fee | None]  # (service, day) -> the version valid on that day
_FARTHEST = timedelta(days=366)  # ahead, of an override; no horizon is longer
_GENERATIONS = 8
_WAYS_TRIED = 8  # of having a visit, where this process did not know yet what others had taken


class SlotTaken(Conflict):
    """Somebody was faster, or the time is closed by now. Brings the nearest times that are free."""

    code = "slot_taken"
    message = _("This time is no longer free. Please choose another one.")

    def __init__(self, alternatives: Sequence[Slot] = ()) -> None:
        self.alternatives = tuple(alternatives)
        super().__init__(
            alternatives=[
                {"office": slot.office_id, "starts_at": _utc(slot.starts_at), "ends_at": _utc(slot.ends_at)}
                for slot in alternatives
            ]
        )


@lru_cache(maxsize=4096)
def _utc(instant: datetime) -> str:
    """As pydantic writes it everywhere else. Kept, as a crowd is refused with the same few times."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


class TooFarAhead(DomainError):
    """Mostly a year typed wrong: no office knows its hours then."""

    code = "too_far_ahead"
    status = 422
    message = _("This is more than a year from now.")


class StartNotOffered(Invalid):
    """In the past, too soon, too far ahead, or not on the service's grid."""

    code = "start_not_offered"
    message = _("No appointment begins at this time.")

    def __init__(self) -> None:
        super().__init__([FieldError("/starts_at", self.code, self.message)])


class TooBusy(DomainError):
    """More want a time at this moment than are served at once: they wait outside, where waiting costs nothing."""

    code = "too_busy"
    status = 429
    message = _("Very many people are booking at this moment. Please try again in a few seconds; nothing is lost.")


class GivenOutByNeed(Conflict):
    """The schema lets nobody hold such a time (claim_by_need); this says why."""

    code = "given_out_by_need"
    message = _(
        "Appointments for this service are given out by urgency and not by the first click. Please make a request."
    )


class HoldInUse(Conflict):
    code = "hold_in_use"
    message = _("There is already an appointment for this reserved time.")


class NoOverrideNeeded(Conflict):
    """Nobody is given a reason to write where the time is free."""

    code = "no_override_needed"
    message = _("This time is free: it can be booked in the ordinary way.")


class Holds:
    def __init__(
        self,
        db: Database,
        availability: Availability,
        batcher: Batcher,
        fee_on: FeeOn,
        sealer: Sealer,
        clock: Clock,
        owners: Owners,
        *,
        at_once: int = 5000,
        by_need: Callable[[int], bool] = lambda service_id: False,
        guarded: Callable[[int], bool] = lambda service_id: False,
        refused: Callable[[int, str], None] = lambda service_id, why: None,
    ) -> None:
        self._owners = owners
        self._db = db
        self._availability = availability
        self._batcher = batcher
        self._fee_on = fee_on
        self._sealer = sealer
        self._clock = clock
        self._finder = Finder(db)
        self._at_once = at_once
        self._by_need = by_need
        self._guarded = guarded
        self._refused = refused
        self._running: dict[UUID, asyncio.Task[Hold]] = {}

    async def hold(
        self,
        service_id: int,
        channel: str,
        office_id: int,
        starts_at: datetime,
        key: str,
        audience: Audience = Audience.PUBLIC,
        visit: Visit = JUST_ONE,
        entry: Entry | None = None,
    ) -> Hold:
        """Raises NotOffered, StartNotOffered, SlotTaken, TooBusy, GivenOutByNeed, TooMany, TwiceInAVisit, PassRefused. The same request
        again gets the same hold while it lives. For staff, what is kept for them is free, and no pass is needed.

        Repeats that come while the first is under way wait for it: each would take another counter in memory until it is
        refused, and people who want these would be sent away.
        """
        key = visit_key(key, visit)
        ident = hold_id(key, service_id, channel, office_id, starts_at)
        guarded = audience is Audience.PUBLIC and any(map(self._guarded, visit.services(service_id)))
        entry = (entry or Entry()) if guarded else None
        try:
            if entry is not None and entry.pass_id is None:
                raise PassNeeded
            if audience is Audience.STAFF or visit != JUST_ONE:  # few, and each in a transaction of its own
                work = self._hold(service_id, channel, office_id, starts_at, key, ident, audience, visit, entry)
            else:
                await self._refuse_sold_out(service_id, channel, office_id, starts_at, ident)
                work = self._at_owner(service_id, channel, office_id, starts_at, key, ident, entry)
            return await self._shared(ident, work)
        except PassRefused as refusal:
            self._refused(service_id, refusal.code)
            raise

    async def _refuse_sold_out(
        self, service_id: int, channel: str, office_id: int, starts_at: datetime, ident: UUID
    ) -> None:
        """By what this process knows, needing neither a task nor a journey: a release refuses most of those who come.

        Raises NotOffered, SlotTaken, GivenOutByNeed; a request that was here before goes the long way.
        """
        offer, (office,) = self._availability.get_offer(service_id, channel, [office_id])
        check_who(offer, JUST_ONE)
        if (
            ident not in self._running
            and self._availability.is_sold_out(offer, office, starts_at)
            and self._availability.is_offered(offer, office, starts_at)
            and await self._finder.find(ident) is None
        ):
            raise self._refusal(service_id, channel, office_id, starts_at)

    def _refusal(
        self,
        service_id: int,
        channel: str,
        office_id: int,
        starts_at: datetime,
        audience: Audience = Audience.PUBLIC,
        visit: Visit = JUST_ONE,
    ) -> DomainError:
        if any(map(self._by_need, visit.services(service_id))):
            return GivenOutByNeed()
        near = self._availability.nearest(service_id, channel, [office_id], starts_at, audience=audience, visit=visit)
        return SlotTaken(near)

    async def _shared(self, ident: UUID, work: Coroutine[Any, Any, Hold]) -> Hold:
        running = self._running.get(ident)
        if running is None and len(self._running) >= self._at_once:
            work.close()
            raise TooBusy
        if running is None:
            running = asyncio.create_task(work)
            self._running[ident] = running
            running.add_done_callback(lambda task: self._forget(ident, task))
        else:
            work.close()
        return await asyncio.shield(running)  # whoever waits may go; the others still want an answer

    async def _at_owner(
        self,
        service_id: int,
        channel: str,
        office_id: int,
        starts_at: datetime,
        key: str,
        ident: UUID,
        entry: Entry | None,
    ) -> Hold:
        """By the process that owns the office, or here where that is away or silent: under the same key, so it is one hold."""
        owner = self._owners.owner_of(office_id)
        if owner is None:
            return await self._hold(service_id, channel, office_id, starts_at, key, ident, entry=entry)
        asked: dict[str, Any] = {"service": service_id, "channel": channel, "office": office_id, "key": key}
        if entry is not None:
            asked["entry"] = entry.told()
        answer = await self._owners.ask(owner, {**asked, "starts_at": starts_at.isoformat()})
        match answer:
            case {"hold": made}:
                found = understood(made)
                return replace(found, token=self._token(found.id))
            case {"refused": SlotTaken.code}:
                raise SlotTaken(self._availability.nearest(service_id, channel, [office_id], starts_at))
            case {"refused": StartNotOffered.code}:
                raise StartNotOffered
            case {"refused": TooBusy.code}:
                raise TooBusy
            case {"refused": code} if code in PASS_REFUSALS:
                raise PASS_REFUSALS[code]
        return await self._hold(service_id, channel, office_id, starts_at, key, ident, entry=entry)

    async def answer(self, message: Message) -> Message:
        """To another process, for an office that is ours. Raises nothing: what it cannot use, it does by itself."""
        try:
            service_id, channel, office_id, key = (message[name] for name in ("service", "channel", "office", "key"))
            starts_at = datetime.fromisoformat(message["starts_at"])
            ident = hold_id(key, service_id, channel, office_id, starts_at)
            entry = Entry.understood(message["entry"]) if "entry" in message else None
            work = self._hold(service_id, channel, office_id, starts_at, key, ident, entry=entry)
            return told(await self._shared(ident, work))
        except DomainError as error:
            return {"refused": error.code}
        except Exception:  # told in the log; whoever asked goes on without us
            log.exception("holds.answer-failed")
            return {"refused": ""}

    def entry(self, address: str | None, pass_id: UUID | None) -> Entry:
        """With what somebody of the public comes. `address` None: nobody knows from where."""
        network = None if address is None else self._sealer.look_up(network_of(address), "hold.network")
        return Entry(pass_id=pass_id, network=network)

    async def override(self, asked: Override, key: str) -> Hold:
        """Raises NotOffered, StartNotOffered, TooFarAhead, NoOverrideNeeded. From here on it is a hold, and a case, like any other."""
        offer, (office,) = self._availability.get_offer(asked.service_id, asked.channel, [asked.office_id])
        fee = self._fee_on(asked.service_id, day_of(self._clock(), zone(office.time_zone)))
        if fee is None or asked.counter_id not in office.counters:
            raise NotOffered
        if asked.starts_at > self._clock() + _FARTHEST:
            raise TooFarAhead
        if asked.starts_at <= self._clock() or int(asked.starts_at.timestamp()) % CELL_S:
            raise StartNotOffered
        ident = hold_id(
            f"override:{asked.counter_id}:{key}", asked.service_id, asked.channel, asked.office_id, asked.starts_at
        )
        wanted = Wanted.at(offer, office, fee.id, asked.counter_id, asked.starts_at, ident)
        try:
            until = await self._batcher.submit_override(wanted, asked.reason, asked.by)
        except asyncpg.UniqueViolationError as error:
            if not violates(error, "claim_request_once"):
                raise
        else:
            if until is None:
                raise NoOverrideNeeded
        return await self.find(ident)

    async def find(self, ident: UUID) -> Hold:
        found = await self._find(ident)
        if found is None:
            raise NotFound
        return found

    async def release(self, ident: UUID) -> None:
        """Gives the time back; that it is over already is no mistake. Raises HoldInUse, NotFound."""
        async with self._db.connection() as conn:
            if await store.release(conn, ident):
                return
        if (await self.find(ident)).status is not HoldStatus.OVER:
            raise HoldInUse

    async def authorise(self, ident: UUID, token: str) -> bool:
        return token.isascii() and same(self._token(ident), token)  # bytes that are no text cannot be compared

    def _forget(self, ident: UUID, task: asyncio.Task[Hold]) -> None:
        del self._running[ident]
        if not task.cancelled():
            task.exception()  # looked at, so that nobody warns where everybody has gone

    async def _hold(
        self,
        service_id: int,
        channel: str,
        office_id: int,
        starts_at: datetime,
        key: str,
        ident: UUID,
        audience: Audience = Audience.PUBLIC,
        visit: Visit = JUST_ONE,
        entry: Entry | None = None,
    ) -> Hold:
        offer, (office,) = self._availability.get_offer(service_id, channel, [office_id], visit)
        if audience is Audience.PUBLIC:
            check_who(offer, visit)
        who = visit.who.only(offer.asks)
        today = day_of(self._clock(), zone(office.time_zone))
        fees: dict[int, Fee] = {}
        for service in visit.services(service_id):
            fee = self._fee_on(service, today)
            if fee is None:  # not free of charge: nobody has said what it costs
                raise NotOffered
            fees[service] = fee
        for generation in range(_GENERATIONS):
            if generation:
                ident = hold_id(key, service_id, channel, office_id, starts_at, generation)
            if generation == 0 and not self._availability.is_offered(offer, office, starts_at, audience):
                own = await self._find(ident)  # a repeat may come when the time is too near for anybody new
                if own is None or own.status is HoldStatus.OVER:
                    raise StartNotOffered
                return own
            if office.steps:
                made = await self._try_ways(offer, office, fees, starts_at, ident, audience, entry, who)
            else:
                fee = fees[service_id]
                made = await self._try_counters(offer, office, fee, starts_at, ident, audience, entry, who)
            if made is not None:
                return made
            own = await self._find(ident)
            if own is None:
                break
            if own.status is not HoldStatus.OVER:
                return own
        raise self._refusal(service_id, channel, office_id, starts_at, audience, visit)

    async def _try_counters(
        self,
        offer: Offer,
        office: OfficeOffer,
        fee: Fee,
        starts_at: datetime,
        ident: UUID,
        audience: Audience,
        entry: Entry | None,
        who: Who,
    ) -> Hold | None:
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
                    token=self._token(ident),
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
            if await self._find(ident) is not None:
                return None  # this request had been here before: its row is in the way, not another citizen's
            refused.add(counter_id)
        return None

    async def _try_ways(
        self,
        offer: Offer,
        office: OfficeOffer,
        fees: Mapping[int, Fee],
        starts_at: datetime,
        ident: UUID,
        audience: Audience,
        entry: Entry | None,
        who: Who,
    ) -> Hold | None:
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
                return await self.find(ident)
            if await self._find(ident) is not None:
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

    async def _find(self, ident: UUID) -> Hold | None:
        row = await self._finder.find(ident)
        if row is None:
            return None
        return Hold(
            id=row.id,
            token=self._token(row.id),
            service_id=row.service_id,
            channel=row.channel,
            office_id=row.office_id,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            expires_at=row.hold_until or row.starts_at,
            fee=Money(row.fee_cents, row.currency),
            legal_basis=row.legal_basis,
            status=HoldStatus.of(row.status, row.appointment_id),
            appointment_id=row.appointment_id,
            items=tuple(Item(*pair) for pair in zip(row.services, row.quantities, strict=True)),
            who=open_who(self._sealer, row.id, row.who),
        )

    def _token(self, ident: UUID) -> str:
        return self._sealer.mac(token_text(ident))
