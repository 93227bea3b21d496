"""What payment tells, as a case hears it: in payment's transaction, with payment's lock held."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from datetime import date
from uuid import UUID

from base.clock import Clock
from base.failpoint import point
from booking.appointments.model import OWED, STANDS, AppointmentStatus, CaseState, MoveState
from booking.appointments.slots import IsCalled, LetGo, Notice, Slots, nobody_is_called, nobody_to_let_go
from payment.model import Dispute, Payment, PaymentStatus, Refund
from payment.ports import Outcome, Tx
from payment.till.model import COUNTER

appointment_confirmed = point("appointment.confirmed")
hold_expired = point("hold.expired")
time_swapped = point("appointment.time-swapped")

_WAITING = (AppointmentStatus.HELD, AppointmentStatus.EXPIRING)


def _reserved(payment: Payment) -> dict[str, bool]:
    return {"is_reserved": True} if payment.status is PaymentStatus.AUTHORISED else {}


ServeOn = Callable[[Tx, Collection[UUID], date], Awaitable[None]]  # see payment.books.Books.serve_on


async def nobody_keeps_days(tx: Tx, references: Collection[UUID], day: date) -> None: ...


TransferOf = Callable[[Tx, Payment, Refund], Awaitable[None]]  # see payment.transfers.arising.Arising.arise


async def nobody_transfers(tx: Tx, payment: Payment, refund: Refund) -> None: ...


GivenBackOf = Callable[[Tx, Payment, str], Awaitable[None]]  # see payment.transfers.cancelling.Cancelling.given_back


async def nothing_waits(tx: Tx, payment: Payment, provider_id: str) -> None: ...


DisputedOf = Callable[[Tx, Payment, Dispute], Awaitable[None]]  # see payment.transfers.cancelling.Cancelling.disputed


async def nobody_is_told(tx: Tx, payment: Payment, dispute: Dispute) -> None: ...


class CaseHooks:
    """payment.Hooks: a payment's reference is the id of an appointment, or of the hold that a booked one moves to."""

    def __init__(
        self,
        slots: Slots,
        clock: Clock,
        has_arrived: IsCalled = nobody_is_called,
        let_go: LetGo = nobody_to_let_go,
        serve_on: ServeOn = nobody_keeps_days,
        transfer: TransferOf = nobody_transfers,
        disputed: DisputedOf = nobody_is_told,
        given_back: GivenBackOf = nothing_waits,
    ) -> None:
        self._slots = slots
        self._clock = clock
        self._has_arrived = has_arrived
        self._let_go = let_go
        self._serve_on = serve_on
        self._transfer = transfer
        self._disputed = disputed
        self._given_back = given_back

    async def on_paid(self, tx: Tx, payment: Payment) -> Outcome:
        """Whatever hold_until says: while the time is kept, the money counts."""
        case = await self._slots.lock(tx, payment.reference)
        if case is None:
            return await self._difference_paid(tx, payment)
        if case.status is AppointmentStatus.EXPIRED:
            return await self._paid_late(tx, case, payment)
        if case.pays_at_till and case.status in OWED and case.fee == payment.amount:
            return Outcome.KEPT
        if not case.pays_at_till and case.status in STANDS and payment.amount <= case.fee:
            return Outcome.KEPT  # what was reserved for it has run out, and is paid anew
        if case.status not in _WAITING or case.fee != payment.amount:
            return Outcome.LOST
        if not await self._slots.move(tx, payment.reference, AppointmentStatus.CONFIRMED):
            return Outcome.LOST
        await self._slots.announce(tx, payment.reference, Notice("appointment_confirmed", fields=_reserved(payment)))
        appointment_confirmed()
        return Outcome.KEPT

    async def on_taken(self, tx: Tx, payment: Payment) -> None:
        """Also of a case that was cancelled meanwhile: what of the fee is kept by its terms."""
        fields = {"paid_cents": payment.captured_cents, "currency": payment.currency}
        await self._slots.announce(tx, payment.reference, Notice("fee_taken", str(payment.id), fields))

    async def on_uncovered(self, tx: Tx, payment: Payment) -> None:
        case = await self._slots.lock(tx, payment.reference)
        if case is None or case.status not in STANDS:
            return
        fields = {"paid_cents": payment.owed_again.cents, "currency": payment.currency}
        await self._slots.announce(tx, payment.reference, Notice("fee_due_again", str(payment.id), fields))

    async def _paid_late(self, tx: Tx, case: CaseState, payment: Payment) -> Outcome:
        """From a provider that cannot be made to refuse it: the time is had again, if it is free. Else the payer is told."""
        is_ahead = self._clock() < case.starts_at and case.fee == payment.amount
        if is_ahead and await self._slots.move(tx, case.id, AppointmentStatus.CONFIRMED):
            await self._slots.announce(tx, case.id, Notice("appointment_confirmed", fields=_reserved(payment)))
            appointment_confirmed()
            return Outcome.KEPT
        fields = {"refund_cents": payment.amount_cents, "currency": payment.currency}
        await self._slots.announce(tx, case.id, Notice("paid_too_late", str(payment.id), fields))
        return Outcome.LOST

    async def on_fenced(self, tx: Tx, payment: Payment) -> None:
        """No money can come any more, so the time is free; a hold that is not over yet may be paid for once more."""
        case = await self._slots.lock(tx, payment.reference)
        if case is None:
            await self._difference_fenced(tx, payment)
            return
        if case.status not in _WAITING:
            return
        still_held = case.hold_until is not None and case.hold_until > self._clock()
        if case.status is AppointmentStatus.HELD and still_held:
            return
        # Given up by its person before it was over: late money does not bring that back.
        is_given_up = still_held and payment.status is PaymentStatus.LAPSED
        ended = AppointmentStatus.CANCELLED if is_given_up else AppointmentStatus.EXPIRED
        await self._slots.move(tx, payment.reference, ended)
        if payment.provider == COUNTER and not still_held:
            await self._slots.announce(tx, payment.reference, Notice("till_lapsed"))
        hold_expired()

    async def _difference_paid(self, tx: Tx, payment: Payment) -> Outcome:
        """Only now does the case leave its old time. Where it cannot any more, it keeps that, and the difference goes back."""
        move = await self._slots.lock_move(tx, payment.reference)
        if move is None:
            return Outcome.LOST
        if not await self._may_move(tx, move, payment):
            await self._slots.end_move(tx, move.id, None)
            return Outcome.LOST
        before = move.case
        await self._slots.end_move(tx, move.id, self._clock())
        await self._serve_on(tx, (move.id, *before.references), before.day_of(move.starts_at))
        time_swapped()
        fields = {"moved_from": before.starts_at.isoformat(), "paid_cents": payment.amount_cents}
        await self._slots.announce(tx, before.id, Notice("appointment_moved", fields=fields))
        await self._let_go(tx, before.id)
        return Outcome.KEPT

    async def _may_move(self, tx: Tx, move: MoveState, payment: Payment) -> bool:
        now, case = self._clock(), move.case
        stands = move.is_waiting and case.status is AppointmentStatus.CONFIRMED and move.difference == payment.amount
        return stands and now < case.starts_at and now < move.starts_at and not await self._has_arrived(tx, case.id)

    async def _difference_fenced(self, tx: Tx, payment: Payment) -> None:
        move = await self._slots.lock_move(tx, payment.reference)
        if move is None or not move.is_waiting or not move.is_over(self._clock()):
            return
        await self._slots.end_move(tx, move.id, None)
        hold_expired()

    async def on_refunded(self, tx: Tx, payment: Payment, refund: Refund) -> None:
        at_till = payment.provider == COUNTER
        fields = {"refund_cents": refund.amount_cents, "refund_at_till": at_till, "currency": payment.currency}
        await self._slots.announce(tx, payment.reference, Notice("refund_succeeded", str(refund.id), fields))

    async def on_refund_rejected(self, tx: Tx, payment: Payment, refund: Refund, note: str) -> None:
        """`about` has the moment: asked for anew it may be rejected once more."""
        fields = {"refund_cents": refund.amount_cents, "reason": note, "currency": payment.currency}
        about = f"{refund.id}:{refund.decided_at}"
        await self._slots.announce(tx, payment.reference, Notice("refund_rejected", about, fields))

    async def on_refund_failed(self, tx: Tx, payment: Payment, refund: Refund) -> None:
        await self._transfer(tx, payment, refund)

    async def on_disputed(self, tx: Tx, payment: Payment, dispute: Dispute) -> None:
        """The appointment stays as it is: nobody has cancelled it (docs/adr/0060)."""
        await self._disputed(tx, payment, dispute)

    async def on_given_back(self, tx: Tx, payment: Payment, provider_id: str) -> None:
        await self._given_back(tx, payment, provider_id)
