"""Taking a time, for the public and for staff, and giving it back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from base.clock import Clock
from base.db import Database, violates
from base.i18n import zone
from base.identity.usecases import network_of
from base.lines import Message
from base.seal import Sealer, same
from booking.availability.book import CELL_S
from booking.availability.model import JUST_ONE, Audience, Visit
from booking.availability.offering import NotOffered
from booking.availability.slots import day_of
from booking.availability.usecases import Availability
from booking.holds import store
from booking.holds.batch import Batcher
from booking.holds.by_owner import ByOwner
from booking.holds.finder import Finder
from booking.holds.making import Maker
from booking.holds.model import Asked, Entry, FeeOn, Hold, HoldStatus, Override, Wanted, hold_id, visit_key
from booking.holds.owners import Owners
from booking.holds.refusals import (
    HoldInUse,
    NoOverrideNeeded,
    PassNeeded,
    PassRefused,
    StartNotOffered,
    TooFarAhead,
)
from booking.holds.refusing import Refusing
from booking.holds.sharing import Sharing

_FARTHEST = timedelta(days=366)  # ahead, of an override; no horizon is longer


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
        self._db = db
        self._availability = availability
        self._batcher = batcher
        self._fee_on = fee_on
        self._sealer = sealer
        self._clock = clock
        self._guarded = guarded
        self._refused = refused
        self._finder = Finder(db, sealer)
        self._sharing = Sharing(at_once)
        self._refusing = Refusing(availability, by_need)
        self._maker = Maker(availability, batcher, fee_on, sealer, clock, self._finder, self._refusing)
        self._by_owner = ByOwner(owners, self._maker, self._sharing, self._refusing, self._finder, self.release)

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
        """
        key = visit_key(key, visit)
        ident = hold_id(key, service_id, channel, office_id, starts_at)
        guarded = audience is Audience.PUBLIC and any(map(self._guarded, visit.services(service_id)))
        entry = (entry or Entry()) if guarded else None
        asked = Asked(service_id, channel, office_id, starts_at, key, ident, audience, visit, entry)
        try:
            if entry is not None and entry.pass_id is None:
                raise PassNeeded
            if audience is Audience.STAFF or visit != JUST_ONE:  # few, and each in a transaction of its own
                return await self._sharing.shared(ident, self._maker.make(asked))
            if (
                self._refusing.looks_sold_out(asked)
                and ident not in self._sharing
                and await self._finder.find(ident) is None  # who was here before goes the long way
            ):
                raise self._refusing.why(asked)
            return await self._sharing.shared(ident, self._by_owner.make(asked))
        except PassRefused as refusal:
            self._refused(service_id, refusal.code)
            raise

    async def answer(self, message: Message) -> Message:
        """To another process, for an office that is ours."""
        return await self._by_owner.answer(message)

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
        return await self._finder.get(ident)

    async def release(self, ident: UUID) -> None:
        """Gives the time back; that it is over already is no mistake. Raises HoldInUse, NotFound."""
        async with self._db.connection() as conn:
            if await store.release(conn, ident):
                return
        if (await self.find(ident)).status is not HoldStatus.OVER:
            raise HoldInUse

    async def authorise(self, ident: UUID, token: str) -> bool:
        return token.isascii() and same(self._finder.token(ident), token)  # bytes that are no text cannot be compared
