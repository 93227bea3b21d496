"""Paying, cancelling and running out: the decisions about a case, over Slots and Payments, on whatever store.

Inside a transaction only the store is awaited; the provider is asked after commit, and the worker is the second try.

Payment's hooks hold their payment and then lock the case. Whoever holds a case mostly only reads payments, but not always: cancelling
locks the paid payment to refund it, and paying makes a new one, which waits where late money is just reviving an old one. Then two may
wait for each other; PostgreSQL ends one of both, and whoever calls pay() or cancel() there tries once more (usecases.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from uuid import UUID

from base.clock import Clock
from base.errors import Conflict, Gone, NotFound
from base.failpoint import point
from base.i18n import mark as _
from base.money import Money
from booking.appointments.giving_back import Afterwards, give, in_mail, parts
from booking.appointments.model import STANDS, AppointmentStatus, CaseState
from booking.appointments.slots import ByCity, IsCalled, Notice, Slots, nobody_is_called
from booking.appointments.staying import wait_no_more
from payment.ledger import part_of
from payment.model import Payment, PaymentStatus, RefundReason
from payment.ports import Tx
from payment.till.model import COUNTER
from payment.usecases import GivenBack, Payments

log = logging.getLogger(__name__)
pay_requested = point("appointment.pay-requested")
appointment_confirmed = point("appointment.confirmed")
appointment_cancelled = point("appointment.cancelled")
appointment_released = point("appointment.released")
hold_expiring = point("hold.expiring")
hold_expired = point("hold.expired")

Transaction = Callable[[], AbstractAsyncContextManager[Tx]]
_S = AppointmentStatus
_UNBOOKED = (_S.HELD, _S.EXPIRING)
_HOLDS_AT_ONCE = 200  # one statement
_CASES_PER_ROUND = 40  # a provider that hangs costs ten seconds each
_FENCES_AT_ONCE = 8


class HoldOver(Gone):
    code = "hold_over"
    message = _("The reserved time has run out. Please choose a time again.")


class TooLate(Conflict):
    code = "too_late"
    message = _("The appointment has begun already, so it cannot be cancelled any more.")


class RefundDiffers(Conflict):
    """Nobody gets back less than was shown before the click."""

    code = "refund_differs"
    message = _("What you get back has changed since you were shown it. Please look at the amount and decide again.")


class NotCancellable(Conflict):
    code = "not_cancellable"
    message = _("There is no appointment to cancel any more.")


class BeingServed(Conflict):
    code = "being_served"
    message = _(
        "You are being called or served right now, so the appointment cannot be cancelled here. Please talk to the staff."
    )


class Lifecycle:
    def __init__(
        self,
        transaction: Transaction,
        slots: Slots,
        payments: Payments,
        clock: Clock,
        describe: Callable[[CaseState], str],
        is_called: IsCalled = nobody_is_called,
    ) -> None:
        self._transaction = transaction
        self._slots = slots
        self._payments = payments
        self._clock = clock
        self._describe = describe
        self._is_called = is_called

    async def pay(self, reference: UUID, return_url: str) -> str | None:
        """Where to send the payer; None where there is nothing (more) to pay, or the money is under way.

        Raises NotFound, HoldOver, PaymentUnavailable (503: nothing is lost, the same again may succeed).
        """
        payment = await self._ask_for_money(reference, return_url)
        if payment is not None and payment.provider == COUNTER:
            # It was to be paid at a till. Whoever has changed their mind pays once: what a cashier takes meanwhile is kept instead.
            if (await self._payments.fence(payment.id)).status is PaymentStatus.PAID:
                return None
            payment = await self._ask_for_money(reference, return_url)
        if payment is None:
            return None
        pay_requested()
        opened = await self._payments.open(payment.id)
        return opened.pay_url if opened.status is PaymentStatus.OPEN else None

    async def _ask_for_money(self, reference: UUID, return_url: str) -> Payment | None:
        """None: nothing is to be paid (any more)."""
        async with self._transaction() as tx:
            case = await self._locked(tx, reference)
            gone = await self._payments.uncovered(tx, reference) if case.status in STANDS else None
            if case.status in STANDS and gone is None:
                return None
            if gone is None and (
                case.status is not _S.HELD or case.hold_until is None or case.hold_until <= self._clock()
            ):
                raise HoldOver
            if gone is not None:  # reserved once, and run out: now it is taken at once
                return await self._pay_again(tx, case, gone, return_url)
            if case.fee and not self._payments.only_at_till:
                return await self._payments.request(
                    tx,
                    reference=reference,
                    amount=case.fee,
                    description=self._describe(case),
                    language=case.language,
                    return_url=return_url,
                    lines=case.lines,
                    service_day=case.service_day,
                    capture=case.capture,
                )
            await self._slots.move(tx, reference, _S.CONFIRMED, at_till=bool(case.fee))
            await self._slots.announce(tx, reference, Notice("appointment_confirmed"))
        appointment_confirmed()
        return None

    async def _pay_again(self, tx: Tx, case: CaseState, gone: Payment, return_url: str) -> Payment:
        return await self._payments.request(
            tx,
            reference=case.id,
            amount=gone.owed_again,
            description=self._describe(case),
            language=case.language,
            return_url=return_url,
            lines=part_of(gone.lines, gone.owed_again.cents),
            service_day=case.service_day,
        )

    async def settle(self, reference: UUID) -> None:
        """Look at the payment: the return page does so before it shows anything."""
        async with self._transaction() as tx:
            payment = await self._payments.latest(tx, reference)
        if payment is not None:
            await self._payments.settle(payment.id)

    async def cancel(
        self, reference: UUID, shown: Money | None = None, by_city: ByCity | None = None, by: int | None = None
    ) -> None:
        """Until the start, and not while being called. Raises NotFound, TooLate, BeingServed, NotCancellable, RefundDiffers.

        `shown`: what was said to be given back, if anything was said. `by`: the account that does it for the case's person.

        That it is cancelled or has run out already is no mistake: a time that was not booked yet becomes either, depending on whether
        a payment had to be fenced.
        """
        for _try in range(2):
            left = await self._cancel_once(reference, shown, by_city, by)
            appointment_cancelled()
            fenced = await left.carry_out(self._payments)
            if fenced is None or not fenced.is_secured:
                return
            # The payer was faster than the fence: the case is confirmed now, so cancelling it means paying back.

    async def give_back(self, reference: UUID) -> None:
        """A time that is not booked is wanted no more. One that was booked in this moment stays booked. Raises NotFound."""
        async with self._transaction() as tx:
            case = await self._locked(tx, reference)
            left = await self._end_unbooked(tx, case) if case.status in _UNBOOKED else Afterwards()
        appointment_cancelled()
        await left.carry_out(self._payments)

    async def release(self, reference: UUID, at: datetime, is_due: Callable[[Tx], Awaitable[bool]]) -> bool:
        """A booked time that is taken back by rule, with what cancelling gave back at that moment; `is_due` says so under the case's
        lock. False: it is not, or it is too late for it. Raises NotFound."""
        async with self._transaction() as tx:
            case = await self._locked(tx, reference)
            if (
                case.status is not _S.CONFIRMED
                or case.starts_at <= self._clock()
                or await self._is_called(tx, reference)
            ):
                return False
            if not await is_due(tx):
                return False
            given = await self._give_back(tx, case, case.refund_percent(at))
            takes = await self._keep_rest(tx, case)
            await self._slots.move(tx, reference, _S.CANCELLED)
            left = Afterwards(tuple(given), tuple(takes), await wait_no_more(self._slots, self._payments, tx, case))
            await self._slots.announce(tx, reference, Notice("appointment_released", fields=in_mail(given)))
        appointment_released()
        await left.carry_out(self._payments)
        return True

    async def expire_bare(self) -> int:
        """Free the time of holds that never became a case: only the database is asked, so no provider's silence holds it up."""
        async with self._transaction() as tx:
            done = await self._slots.expire_bare(tx, self._clock(), _HOLDS_AT_ONCE)
        if done:
            hold_expired()
        return done

    async def expire_due(self) -> int:
        """Free what has run out, some cases per round. Where a payment may still succeed, the provider is made to refuse it first;
        if it does not answer, the time stays taken until the next try. One bad case does not keep the others from their turn."""
        async with self._transaction() as tx:
            due = await self._slots.due(tx, self._clock(), _CASES_PER_ROUND)
        fences: list[tuple[UUID, Payment]] = []
        for reference in due:
            try:
                payment = await self._expire_one(reference)
            except Exception:  # one bad case does not keep the others from their turn
                log.exception("hold.expiry-failed", extra={"appointment": str(reference)})
                await self._put_last(reference)
                continue
            if payment is not None:
                fences.append((reference, payment))
        for first in range(0, len(fences), _FENCES_AT_ONCE):
            await asyncio.gather(*(self._fence(*each) for each in fences[first : first + _FENCES_AT_ONCE]))
        return len(due)

    async def _cancel_once(
        self, reference: UUID, shown: Money | None, by_city: ByCity | None, by: int | None
    ) -> Afterwards:
        async with self._transaction() as tx:
            case = await self._locked(tx, reference)
            if case.status in (_S.CANCELLED, _S.EXPIRED):
                return Afterwards()
            if case.status is not _S.CONFIRMED and case.status not in _UNBOOKED:
                raise NotCancellable
            if by_city is not None:
                await by_city.check(tx)
            elif case.starts_at <= self._clock():
                raise TooLate
            if case.status in _UNBOOKED:
                return await self._end_unbooked(tx, case)
            return await self._cancel_booked(tx, case, shown, by_city, by)

    async def _cancel_booked(
        self, tx: Tx, case: CaseState, shown: Money | None, by_city: ByCity | None, by: int | None
    ) -> Afterwards:
        if await self._is_called(tx, case.id):  # calling holds the case, so this does not change before commit
            raise BeingServed
        percent = 100 if by_city else case.refund_percent(self._clock())
        given = await self._give_back(tx, case, percent, shown, by=by, is_citys=by_city is not None)
        takes = await self._keep_rest(tx, case)
        await self._slots.move(tx, case.id, _S.CANCELLED)
        fields = {**in_mail(given), **({"reason": by_city.reason} if by_city else {})}
        await self._slots.announce(tx, case.id, Notice("appointment_cancelled", fields=fields))
        fence = await wait_no_more(self._slots, self._payments, tx, case)
        return Afterwards(tuple(given), tuple(takes), fence)

    async def _end_unbooked(self, tx: Tx, case: CaseState) -> Afterwards:
        """Free at once, or once its payment is fenced."""
        living = await self._payments.living(tx, case.id)
        if living is not None and not living.is_secured:  # secured: see _expire_one
            if case.status is _S.HELD:
                await self._slots.move(tx, case.id, _S.EXPIRING)
            await self._slots.mark_tried(tx, case.id, self._clock())
            return Afterwards(fence=living.id)
        await self._slots.move(tx, case.id, _S.CANCELLED if case.status is _S.HELD else _S.EXPIRED)
        return Afterwards()

    async def _give_back(
        self,
        tx: Tx,
        case: CaseState,
        percent: int,
        shown: Money | None = None,
        *,
        by: int | None = None,
        is_citys: bool = False,
    ) -> list[GivenBack]:
        """So much of the fee. Staff may have given money back already; then what is left."""
        found = await parts(self._payments, tx, case.references, case.fee.percent(percent))
        if shown is not None and shown.cents != sum(part.cents for _, part in found):
            raise RefundDiffers
        return await give(self._payments, tx, found, RefundReason.CANCELLED, by=by, is_citys=is_citys)

    async def _keep_rest(self, tx: Tx, case: CaseState) -> list[UUID]:
        """What a cancelled case does not give back is the city's from now on; of what is only reserved it is taken."""
        for reference in case.references:
            payment = await self._payments.living(tx, reference)
            if payment is not None:
                await self._payments.earn(tx, payment.id)
        return await self._payments.charge(tx, case.references)

    async def _expire_one(self, reference: UUID) -> Payment | None:
        """The payment that must be fenced before the time is free."""
        async with self._transaction() as tx:
            case = await self._slots.lock(tx, reference)
            if case is None:
                return await self._expire_move(tx, reference)
            if case.status not in _UNBOOKED:
                return None
            if case.status is _S.HELD and case.hold_until is not None and case.hold_until > self._clock():
                return None
            # Read under the case's lock: a payment is only made by whoever holds it.
            payment = await self._payments.living(tx, reference)
            if payment is not None and payment.is_secured:
                # Money that the case kept would have confirmed it in the same transaction. So the hook has said LOST (another
                # amount, perhaps), the money is on its way back, no fence will ever tell us more: the time is free.
                log.warning("hold.paid-but-lost", extra={"appointment": str(reference), "payment": str(payment.id)})
                payment = None
            if payment is None:
                await self._slots.move(tx, reference, _S.EXPIRED)
            else:
                if case.status is _S.HELD:
                    await self._slots.move(tx, reference, _S.EXPIRING)
                await self._slots.mark_tried(tx, reference, self._clock())
        if payment is None:
            hold_expired()
        else:
            hold_expiring()
        return payment

    async def _expire_move(self, tx: Tx, reference: UUID) -> Payment | None:
        """A dearer time for a booked case, of which the difference was not paid."""
        move = await self._slots.lock_move(tx, reference)
        if move is None or not move.is_waiting or not move.is_over(self._clock()):
            return None
        payment = await self._payments.living(tx, reference)
        if payment is None or payment.is_secured:  # secured: see _expire_one
            await self._slots.end_move(tx, reference, None)
            return None
        await self._slots.mark_tried(tx, reference, self._clock())
        return payment

    async def _fence(self, reference: UUID, payment: Payment) -> None:
        try:
            await self._payments.fence(payment.id)
        except Exception:  # the others of this round are fenced beside it; this one is tried again
            extra = {"appointment": str(reference), "payment": str(payment.id)}
            log.exception("hold.fence-failed", extra=extra)

    async def _put_last(self, reference: UUID) -> None:
        """What raises was rolled back with its mark; without one it would stand first in every round."""
        try:
            async with self._transaction() as tx:
                await self._slots.mark_tried(tx, reference, self._clock())
        except Exception:  # then it stands first again, and is told again
            log.exception("hold.not-marked", extra={"appointment": str(reference)})

    async def _locked(self, tx: Tx, reference: UUID) -> CaseState:
        case = await self._slots.lock(tx, reference)
        if case is None:
            raise NotFound
        return case
