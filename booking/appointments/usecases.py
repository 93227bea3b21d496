"""What people do with a case from the contact step on: made of a hold, paid, moved, cancelled, erased."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from base.clock import Clock
from base.db import Connection, Database, again_after_deadlock
from base.errors import Conflict
from base.i18n import Translations
from base.i18n import mark as _
from base.money import Money
from base.seal import Sealer
from booking.appointments import answer_store, move_store, responsible, who_store
from booking.appointments.announce import Announcer
from booking.appointments.at_till import AtTill, Keep, nobody_keeps
from booking.appointments.calls import Calls
from booking.appointments.contact import Contact
from booking.appointments.erasing import Erasing
from booking.appointments.for_staff import ForStaff
from booking.appointments.lifecycle import Lifecycle, Transaction
from booking.appointments.making import Making
from booking.appointments.model import Case, CaseState, Created
from booking.appointments.moving import Moving
from booking.appointments.reconfirming import Reconfirming
from booking.appointments.slots import ByCity, IsCalled, LetGo, Slots, nobody_is_called, nobody_to_let_go
from booking.availability.model import ANYBODY, Offers, Who
from booking.availability.responsible import Served
from notifications.usecases import Notifications
from payment.model import Payment, RefundStatus
from payment.usecases import Payments

_SAID_KEPT = timedelta(hours=1)


class NothingRejected(Conflict):
    code = "nothing_rejected"
    message = _("No refund of this appointment was rejected.")


class Appointments(ForStaff):
    """`transaction` is that of the books; a transaction of `db` is one of the same kind. Payment's hooks lock the other way round
    (lifecycle.py): whatever may meet them is done again after a deadlock."""

    def __init__(
        self,
        db: Database,
        transaction: Transaction,
        slots: Slots,
        payments: Payments,
        notifications: Notifications,
        announcer: Announcer,
        translations: Translations,
        sealer: Sealer,
        clock: Clock,
        calls: Calls,
        offers: Offers,
        is_called: IsCalled = nobody_is_called,
        has_arrived: IsCalled = nobody_is_called,
        let_go: LetGo = nobody_to_let_go,
        moves_most: int = 5,
        *,
        retention_days: int = 30,
    ) -> None:
        super().__init__(db, payments, notifications, announcer, sealer, clock, calls, moves_most)
        self._translations = translations
        self._making = Making(db, announcer, sealer, clock, self._read)
        self._erasing = Erasing(db, payments, notifications, clock, is_called, timedelta(days=retention_days))
        self._lifecycle = Lifecycle(transaction, slots, payments, clock, self._describe, is_called)
        self._at_till = AtTill(transaction, slots, payments, clock, self._describe)
        self._moving = Moving(
            db, slots, payments, calls, offers, sealer, clock, self._describe, has_arrived, let_go, moves_most
        )
        self._reconfirming = Reconfirming(db, slots, self._lifecycle, notifications, clock, has_arrived)

    async def create(
        self,
        hold_id: UUID,
        contact: Contact,
        key: str,
        *,
        answers: Mapping[int, str] | None = None,
        asks_first: bool = False,
        instead: UUID | None = None,
    ) -> Created:
        """Of a hold. See Making.create."""
        return await self._making.create(hold_id, contact, key, answers=answers, asks_first=asks_first, instead=instead)

    async def offer(
        self, conn: Connection, hold_id: UUID, contact: Contact, until: datetime, who: Who = ANYBODY
    ) -> UUID | None:
        """See Making.offer."""
        return await self._making.offer(conn, hold_id, contact, until, who)

    async def pay(self, appointment_id: UUID, return_url: str) -> str | None:
        """Where to send the payer; None: nothing to pay (any more), look at the case."""
        return await again_after_deadlock(lambda: self._lifecycle.pay(appointment_id, return_url))

    async def pay_at_till(self, appointment_id: UUID, return_url: str, keep: Keep = nobody_keeps) -> Payment | None:
        """Instead of online. See AtTill.ask."""
        return await again_after_deadlock(lambda: self._at_till.ask(appointment_id, return_url, keep))

    async def settle(self, appointment_id: UUID) -> Case:
        await self._lifecycle.settle(appointment_id)
        return await self.case(appointment_id)

    async def cancel(
        self,
        appointment_id: UUID,
        shown: Money | None = None,
        by_city: ByCity | None = None,
        by: int | None = None,
    ) -> Case:
        """Refusals: see Lifecycle.cancel."""
        await again_after_deadlock(lambda: self._lifecycle.cancel(appointment_id, shown, by_city, by))
        return await self.case(appointment_id)

    async def ask_refund_anew(self, appointment_id: UUID) -> Case:
        """By the case's person: what a rule gives back and people have rejected is checked again; again: nothing more happens.

        Raises NotFound, NothingRejected, RefundedMeanwhile, PaymentDisputed.
        """
        case = await self.case(appointment_id)
        own = [one for one in case.refunds if one.needs_approval]
        if not own:
            raise NothingRejected
        for one in own:
            if one.status is RefundStatus.REJECTED:
                await self._payments.ask_refund_anew(one.payment_id, one.id, by=None)
        return await self.case(appointment_id)

    async def erase(self, appointment_id: UUID) -> Case:
        """Who comes, on their own request; what is still to come is cancelled first. Again: nothing more happens.

        Raises what cancel() raises, and NotOver.
        """
        if await self._erasing.is_to_cancel(appointment_id):
            await again_after_deadlock(lambda: self._lifecycle.cancel(appointment_id))
        await again_after_deadlock(lambda: self._erasing.erase(appointment_id))
        return await self.case(appointment_id)

    async def erase_due(self) -> int:
        """The persons of cases that have been over for long; how many went."""
        return await self._erasing.erase_due()

    async def forget_answers(self) -> int:
        """To what services ask, once they were kept as long as was said."""
        async with self._db.transaction() as conn:
            return await answer_store.forget_over(conn, self._clock())

    async def forget_said(self) -> int:
        """For whom times were held of which no case was made. Not at once: the page that says so shows times of the same team."""
        async with self._db.transaction() as conn:
            return await who_store.forget_over(conn, self._clock() - _SAID_KEPT)

    async def rebook(self, appointment_id: UUID, hold_id: UUID, by_city: ByCity) -> Case:
        """move() by the city, which asks nobody for more money: PriceDiffers. Other refusals: see Moving.rebook."""
        await again_after_deadlock(lambda: self._moving.rebook(appointment_id, hold_id, by_city))
        return await self.case(appointment_id)

    async def move(self, appointment_id: UUID, hold_id: UUID, return_url: str, *, by: int | None = None) -> str | None:
        """To the time of the hold; whoever calls has proved both. The address where the difference of the fee is paid first, or None.

        Refusals: see Moving.move.
        """
        return await again_after_deadlock(lambda: self._moving.move(appointment_id, hold_id, return_url, by=by))

    async def settle_move(self, appointment_id: UUID, hold_id: UUID) -> None:
        """Look at the payment of the difference: the return page does so before it shows anything."""
        async with self._db.connection() as conn:
            moved = await move_store.moved_cases(conn, [hold_id])
        if moved.get(hold_id) == appointment_id:
            await self._lifecycle.settle(hold_id)

    async def check_movable(self, appointment_id: UUID) -> None:
        """Before another time is looked for. Refusals: see Moving.check."""
        await self._moving.check(appointment_id)

    async def take(self, conn: Connection, appointment_id: UUID, hold_id: UUID) -> None:
        """move() inside the caller's transaction, to a time that was offered to the case at its own fee, however often it has moved."""
        await self._moving.take(conn, appointment_id, hold_id)

    async def served(self, conn: Connection, appointment_ids: Collection[UUID]) -> Mapping[UUID, Served]:
        """Which counters may serve each of these cases."""
        return await responsible.served(conn, self._sealer, appointment_ids)

    async def stay(self, appointment_id: UUID) -> Case:
        """See Moving.stay."""
        await again_after_deadlock(lambda: self._moving.stay(appointment_id))
        return await self.case(appointment_id)

    async def keep(self, appointment_id: UUID) -> Case:
        """ "I will come", where that was asked. Raises NotFound, NotAsked."""
        await self._reconfirming.keep(appointment_id)
        return await self.case(appointment_id)

    async def reconfirm_due(self) -> int:
        """Ask who is to be asked; decide where nobody answered in time."""
        return await self._reconfirming.ask_due() + await self._reconfirming.decide_due()

    async def shift(self, conn: Connection, appointment_id: UUID, hold_id: UUID) -> None:
        """See Moving.shift."""
        await self._moving.shift(conn, appointment_id, hold_id)

    async def give_back(self, appointment_id: UUID) -> None:
        """Of a time that is not booked, because another one was chosen."""
        await again_after_deadlock(lambda: self._lifecycle.give_back(appointment_id))

    async def expire_bare(self) -> int:
        return await self._lifecycle.expire_bare()

    async def expire_due(self) -> int:
        return await self._lifecycle.expire_due()

    def _describe(self, case: CaseState) -> str:
        return self._translations.gettext(case.language, _("City appointment {number}"), number=case.number)
