"""What payment tells, as a case hears it: in payment's transaction, with payment's lock held."""

from __future__ import annotations

from base.clock import Clock
from base.failpoint import point
from booking.appointments.model import AppointmentStatus
from booking.appointments.slots import Notice, Slots
from payment.model import Payment, Refund
from payment.ports import Outcome, Tx

appointment_confirmed = point("appointment.confirmed")
hold_expired = point("hold.expired")

_WAITING = (AppointmentStatus.HELD, AppointmentStatus.EXPIRING)


class CaseHooks:
    """payment.Hooks: a payment's reference is the id of an appointment."""

    def __init__(self, slots: Slots, clock: Clock) -> None:
        self._slots = slots
        self._clock = clock

    async def on_paid(self, tx: Tx, payment: Payment) -> Outcome:
        """Whatever hold_until says: while the time is kept, the money counts."""
        case = await self._slots.lock(tx, payment.reference)
        if case is None or case.status not in _WAITING or case.fee != payment.amount:
            return Outcome.LOST
        if not await self._slots.move(tx, payment.reference, AppointmentStatus.CONFIRMED):
            return Outcome.LOST
        await self._slots.announce(tx, payment.reference, Notice("appointment_confirmed"))
        appointment_confirmed()
        return Outcome.KEPT

    async def on_fenced(self, tx: Tx, payment: Payment) -> None:
        """No money can come any more, so the time is free; a hold that is not over yet may be paid for once more."""
        case = await self._slots.lock(tx, payment.reference)
        if case is None or case.status not in _WAITING:
            return
        still_held = case.hold_until is not None and case.hold_until > self._clock()
        if case.status is AppointmentStatus.HELD and still_held:
            return
        await self._slots.move(tx, payment.reference, AppointmentStatus.EXPIRED)
        hold_expired()

    async def on_refunded(self, tx: Tx, payment: Payment, refund: Refund) -> None:
        fields = {"refund_cents": refund.amount_cents, "currency": payment.currency}
        await self._slots.announce(tx, payment.reference, Notice("refund_succeeded", str(refund.id), fields))
