"""Taking a time: memory proposes a counter, the constraint in the database decides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from base.clock import Clock
from base.db import Database
from base.errors import Conflict, FieldError, Invalid, NotFound
from base.i18n import mark as _
from base.i18n import zone
from base.money import Money
from base.seal import Sealer, same
from booking.availability.model import Offer, OfficeOffer, Slot
from booking.availability.slots import day_of
from booking.availability.usecases import Availability, NotOffered
from booking.catalogue.model import Fee
from booking.holds import store
from booking.holds.batch import Batcher
from booking.holds.model import Hold, HoldStatus, Wanted, hold_id, token_text

FeeOn = Callable[[int, date], Fee | None]  # (service, day) -> the version valid on that day
_GENERATIONS = 8


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


def _utc(instant: datetime) -> str:
    """As pydantic writes it everywhere else."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


class StartNotOffered(Invalid):
    """In the past, too soon, too far ahead, or not on the service's grid."""

    code = "start_not_offered"
    message = _("No appointment begins at this time.")

    def __init__(self) -> None:
        super().__init__([FieldError("/starts_at", self.code, self.message)])


class GivenOutByNeed(Conflict):
    """The schema lets nobody hold such a time (claim_by_need); this says why."""

    code = "given_out_by_need"
    message = _(
        "Appointments for this service are given out by urgency and not by the first click. Please make a request."
    )


class HoldInUse(Conflict):
    code = "hold_in_use"
    message = _("There is already an appointment for this reserved time.")


class Holds:
    def __init__(
        self,
        db: Database,
        availability: Availability,
        batcher: Batcher,
        fee_on: FeeOn,
        sealer: Sealer,
        clock: Clock,
    ) -> None:
        self._db = db
        self._availability = availability
        self._batcher = batcher
        self._fee_on = fee_on
        self._sealer = sealer
        self._clock = clock
        self._running: dict[UUID, asyncio.Task[Hold]] = {}

    async def hold(self, service_id: int, channel: str, office_id: int, starts_at: datetime, key: str) -> Hold:
        """Raises NotOffered, StartNotOffered, SlotTaken, GivenOutByNeed. The same request again gets the same hold while it lives.

        Repeats that come while the first is under way wait for it: each would take another counter in memory until it is
        refused, and people who want these would be sent away.
        """
        ident = hold_id(key, service_id, channel, office_id, starts_at)
        running = self._running.get(ident)
        if running is None:
            running = asyncio.create_task(self._hold(service_id, channel, office_id, starts_at, key))
            self._running[ident] = running
            running.add_done_callback(lambda task: self._forget(ident, task))
        return await asyncio.shield(running)  # whoever waits may go; the others still want an answer

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

    async def _hold(self, service_id: int, channel: str, office_id: int, starts_at: datetime, key: str) -> Hold:
        offer, (office,) = self._availability.get_offer(service_id, channel, [office_id])
        fee = self._fee_on(service_id, day_of(self._clock(), zone(office.time_zone)))
        if fee is None:  # not free of charge: nobody has said what it costs
            raise NotOffered
        for generation in range(_GENERATIONS):
            ident = hold_id(key, service_id, channel, office_id, starts_at, generation)
            if generation == 0 and not self._availability.is_offered(offer, office, starts_at):
                own = await self._find(ident)  # a repeat may come when the time is too near for anybody new
                if own is None or own.status is HoldStatus.OVER:
                    raise StartNotOffered
                return own
            made = await self._try_counters(offer, office, fee, starts_at, ident)
            if made is not None:
                return made
            own = await self._find(ident)
            if own is None:
                break
            if own.status is not HoldStatus.OVER:
                return own
        async with self._db.connection() as conn:
            if await store.is_by_need(conn, service_id):
                raise GivenOutByNeed
        raise SlotTaken(self._availability.nearest(service_id, channel, [office_id], starts_at))

    async def _try_counters(
        self, offer: Offer, office: OfficeOffer, fee: Fee, starts_at: datetime, ident: UUID
    ) -> Hold | None:
        ends_at = starts_at + timedelta(minutes=offer.duration_min)
        refused: set[int] = set()
        while free := [c for c in self._availability.candidates(offer, office, starts_at) if c not in refused]:
            counter_id = free[0]
            if not self._availability.take(counter_id, starts_at, ends_at):
                refused.add(counter_id)
                continue
            until: datetime | None = None
            try:
                until = await self._batcher.submit(
                    Wanted(
                        hold_id=ident,
                        service_id=offer.service_id,
                        fee_id=fee.id,
                        counter_id=counter_id,
                        starts_at=starts_at,
                        ends_at=ends_at,
                    )
                )
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
                    ends_at=ends_at,
                    expires_at=until,  # as stored: a repeated request gets the same answer
                    fee=fee.amount,
                    legal_basis=fee.legal_basis,
                )
            if await self._find(ident) is not None:
                return None  # this request had been here before: its row is in the way, not another citizen's
            refused.add(counter_id)
        return None

    async def _find(self, ident: UUID) -> Hold | None:
        async with self._db.connection() as conn:
            row = await store.find(conn, ident)
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
        )

    def _token(self, ident: UUID) -> str:
        return self._sealer.mac(token_text(ident))
