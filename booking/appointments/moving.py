"""A confirmed case gets another time: one transaction, in which the old time is kept until the new one is booked.

The new time is a hold of the same person. A claim never changes its place, so the old one is freed as moved, and the hold's becomes the
case's: number, link, payment and calendar UID stay. What cancelling would give back at the moment of moving is the most that it gives back
afterwards: else a late cancellation would be free by way of a move.
"""

from __future__ import annotations

from uuid import UUID

from base.clock import Clock
from base.db import Connection, Database
from base.errors import Conflict, NotFound
from base.failpoint import point
from base.i18n import mark as _
from base.money import Money
from booking.appointments import reconfirm_store, store
from booking.appointments.lifecycle import HoldOver
from booking.appointments.model import AppointmentStatus, CaseState, ReconfirmStatus
from booking.appointments.slots import ByCity, IsCalled, LetGo, Notice, Slots
from booking.appointments.store import CaseRow, HoldClaim
from booking.availability.model import ClaimStatus
from booking.holds.usecases import HoldInUse
from payment.model import PaymentStatus, Refund, RefundReason
from payment.usecases import Payments
from video.rooms.usecases import RoomOver

time_swapped = point("appointment.time-swapped")
appointment_moved = point("appointment.moved")

_AS_BEFORE = 100  # of the fee given back: where the city moves a case, that costs its person nothing
_BY_PERSON, _BY_CITY = "moved", "rebooked"  # in the history; what the city moves is not counted against its person


class NotMovable(Conflict):
    code = "not_movable"
    message = _("Only a confirmed appointment that has not begun can be moved.")


class HasArrived(Conflict):
    """A ticket stands for one time of one case, so it cannot follow the case. Whoever has left may move: that ticket stays behind."""

    code = "has_arrived"
    message = _("You have checked in already, so the appointment cannot be moved here. Please talk to the staff.")


class TooManyMoves(Conflict):
    code = "too_many_moves"
    message = _("This appointment has been moved as often as is allowed. You can keep it or cancel it.")


class OtherService(Conflict):
    code = "other_service"
    message = _("The chosen time is for another service.")


class NoNumber(Conflict):
    code = "no_number"
    message = _(
        "For an appointment by telephone we need your number, and you have given none. Please choose another kind."
    )


class CallOver(Conflict):
    """A room that has ended never opens again, and a case has one."""

    code = "call_over"
    message = _("This appointment has been by video before and cannot be by video again. Please choose another kind.")


class PriceDiffers(Conflict):
    """It is dearer now, or has become cheaper twice: a rule gives back once (refund_by_rule_once)."""

    code = "price_differs"
    message = _(
        "The fee has changed since, so the appointment cannot be moved by itself. "
        "Please talk to the office, or cancel this appointment and book a new one."
    )


class Moving:
    def __init__(
        self,
        db: Database,
        slots: Slots,
        payments: Payments,
        clock: Clock,
        has_arrived: IsCalled,
        let_go: LetGo,
        moves_most: int,
    ) -> None:
        self._db = db
        self._slots = slots
        self._payments = payments
        self._clock = clock
        self._has_arrived = has_arrived
        self._let_go = let_go
        self._moves_most = moves_most

    async def move(self, appointment_id: UUID, hold_id: UUID, by_city: ByCity | None = None) -> None:
        """To the time of this hold, at whatever office and in whatever way; again with the same hold: done already. Where the fee is
        less now, the difference goes back.

        Raises NotFound, NotMovable, HasArrived, TooManyMoves, HoldInUse, HoldOver, OtherService, NoNumber, CallOver, PriceDiffers.
        """
        async with self._db.transaction() as conn:
            refund = await self.take(conn, appointment_id, hold_id, moves_most=self._moves_most, by_city=by_city)
        appointment_moved()
        if refund is not None:
            await self._payments.submit_refund(refund.id)

    async def take(
        self,
        conn: Connection,
        appointment_id: UUID,
        hold_id: UUID,
        *,
        moves_most: int | None = None,
        by_city: ByCity | None = None,
    ) -> Refund | None:
        """The same inside the caller's transaction, however often the case has moved, unless `moves_most` says so: what is to be
        submitted after it."""
        case = await self._slots.lock(conn, appointment_id)
        row = await store.find_case(conn, appointment_id)
        hold = await store.lock_hold(conn, hold_id)  # after the case, as everywhere
        if case is None or row is None or hold is None:
            raise NotFound
        if hold.appointment_id == appointment_id and hold.status is ClaimStatus.BOOKED:
            return None
        await self._check_case(conn, case, moves_most, by_city)
        await self._check_hold(conn, hold, row)
        refund = await self._refund(conn, case, hold)
        if by_city is None:
            await store.take_time(conn, appointment_id, hold, case.refund_percent(self._clock()), _BY_PERSON)
        else:
            await store.take_time(conn, appointment_id, hold, _AS_BEFORE, _BY_CITY)
        time_swapped()
        await reconfirm_store.put(conn, appointment_id, self._clock(), ReconfirmStatus.KEPT)  # no question after that
        fields = {"moved_from": case.starts_at.isoformat(), "refund_cents": refund.amount_cents if refund else 0}
        try:
            await self._slots.announce(conn, appointment_id, Notice("appointment_moved", fields=fields))
        except RoomOver:
            raise CallOver from None
        await self._let_go(conn, appointment_id)
        # The waiting room of a video call holds the room and not the case; announcing has waited for it.
        if await self._has_arrived(conn, appointment_id):
            raise HasArrived
        return refund

    async def check(self, appointment_id: UUID) -> None:
        """Before a time is looked for. Raises NotFound, NotMovable, HasArrived, TooManyMoves."""
        async with self._db.connection() as conn:
            case = await store.find_state(conn, appointment_id)
            if case is None:
                raise NotFound
            await self._check_case(conn, case, self._moves_most)

    async def shift(self, conn: Connection, appointment_id: UUID, hold_id: UUID) -> None:
        """To another counter at the same time, as the city arranges it: in the caller's transaction, which has locked the case and made
        the hold. Nobody is told."""
        hold = await store.lock_hold(conn, hold_id)
        assert hold is not None
        await store.take_time(conn, appointment_id, hold, _AS_BEFORE, _BY_CITY)

    async def _check_case(
        self, conn: Connection, case: CaseState, moves_most: int | None, by_city: ByCity | None = None
    ) -> None:
        if case.status is not AppointmentStatus.CONFIRMED:
            raise NotMovable
        if await self._has_arrived(conn, case.id):
            raise HasArrived
        if by_city is not None:
            await by_city.check(conn)
            return
        if case.starts_at <= self._clock():
            raise NotMovable
        if moves_most is not None and await store.moves(conn, case.id) >= moves_most:
            raise TooManyMoves

    async def _check_hold(self, conn: Connection, hold: HoldClaim, row: CaseRow) -> None:
        if hold.appointment_id is not None:
            raise HoldInUse
        if hold.status is not ClaimStatus.HELD or hold.hold_until is None or hold.hold_until <= self._clock():
            raise HoldOver
        if hold.items != tuple(one.item for one in row.items):
            raise OtherService
        if hold.channel == "phone" and hold.channel != row.channel:
            person = await store.find_person(conn, row.id)
            if person is None or person.mobile is None:
                raise NoNumber
        if hold.fee_cents > row.fee_cents:
            raise PriceDiffers

    async def _refund(self, conn: Connection, case: CaseState, hold: HoldClaim) -> Refund | None:
        """Of the difference. Staff may have given money back already; then what is left."""
        payment = await self._payments.living(conn, case.id) if hold.fee_cents < case.fee.cents else None
        if payment is None or payment.status is not PaymentStatus.PAID:
            return None
        if any(one.reason is RefundReason.MOVED for one in await self._payments.refunds(conn, payment.id)):
            raise PriceDiffers
        difference = Money(case.fee.cents - hold.fee_cents, case.fee.currency)
        amount = min(difference, await self._payments.refundable(conn, payment.id))
        return await self._payments.request_refund(conn, payment.id, amount, RefundReason.MOVED) if amount else None
